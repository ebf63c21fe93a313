import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics

/// Task groups under the built-in executor: one container holds the network and the shared memory, every task has its
/// own inside it. No process of ours is between the agent and the tasks.
extension Agent {
    mutating func runInPod(
        _ spec: ExecutorSpec, _ specs: [TaskSpec], of framework: FrameworkInfo, group: UInt64,
        startsExecutor starts: Bool?
    ) {
        let key = ExecutorKey(framework.id, spec.id)
        let pod: (run: ExecutorRun, container: ContainerRun)
        do throws(Failure) {
            if let run = state.executor(key), let container = state.containers[run.container] {
                guard run.ending == nil else { throw podEnding(spec) }
                pod = (run, container)
            } else {
                pod = try newPod(spec, key, network: specs.lazy.compactMap(\.container?.networks.first).first)
            }
            let members = try members(specs, of: pod.run, in: pod.container, framework: framework, group: group)
            if state.executors[pod.run.container] == nil {
                record(.executorAdded(pod.run))
                plan(pod.container)
            }
            for (task, container) in members {
                record(.taskAccepted(task))
                plan(container)
            }
            for (task, _) in members { report(task.key, .starting, source: .executor) }
            if case .launched = pod.container.phase {
                for (_, container) in members { begin(container.id) }
            } else if progress[pod.container.id]?.step == .waiting {
                begin(pod.container.id)
            }
        } catch {
            for each in specs { refuseLaunch(TaskReference(framework: framework.id, task: each.id), error) }
            missExecutors(of: specs, startsExecutor: starts)
        }
    }

    private func podEnding(_ spec: ExecutorSpec) -> Failure {
        Failure(
            "executor.ending", doing: "launch a task group", on: spec.id.text, cause: "its executor is ending",
            remedy: "launch it again, or use another executor id", retry: .later)
    }

    private mutating func newPod(
        _ spec: ExecutorSpec, _ key: ExecutorKey, network: NetworkInfo?
    ) throws(Failure) -> (run: ExecutorRun, container: ContainerRun) {
        guard let agent = state.id else { throw podEnding(spec) }
        let id = newContainerID()
        let layout = SandboxLayout(workDirectory: configuration.workDirectory, agent: agent)
        let sandbox = layout.run(key, id)
        let container = try taskLaunch.pod(
            spec, as: id, key: key, sandbox: sandbox, path: ContainerPath(try ContainerName(id.text)))
        return (ExecutorRun(spec: spec, container: id, sandbox: sandbox.path), container)
    }

    private mutating func members(
        _ specs: [TaskSpec], of pod: ExecutorRun, in container: ContainerRun, framework: FrameworkInfo, group: UInt64
    ) throws(Failure) -> [(TaskRun, ContainerRun)] {
        var members: [(TaskRun, ContainerRun)] = []
        var launch = taskLaunch
        for spec in specs {
            let key = TaskReference(framework: framework.id, task: spec.id)
            let id = newContainerID()
            let run = try launch.task(
                spec, as: id, purpose: .task(key), parent: container,
                sandbox: SandboxLayout.nested(in: pod.sandbox, id, task: spec.id),
                path: try container.path.appending(try ContainerName(id.text)))
            launch.devicesInUse.formUnion((run.launch.devices ?? []).map(\.name))
            let place = TaskRun.Place.member(id, of: pod.container, group: group)
            members.append(
                (TaskRun(framework: framework.id, spec: spec.withoutSecrets, place: place, arrivedAt: now), run))
        }
        return members
    }

    /// The container that holds a pod runs: now its tasks can.
    mutating func podLaunched(_ pod: ContainerID) {
        for task in state.liveTasks(under: pod) {
            guard let id = task.ownContainer else { continue }
            begin(id)
        }
        if state.liveTasks(under: pod).isEmpty { destroy(pod) }
    }
}
