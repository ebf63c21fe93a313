public import ClusterAPI
import ClusterModel
import Containers

/// What the agent shows at its old endpoints. Nothing here changes anything.
extension Agent {
    /// Nil before the agent has been admitted.
    public func documents(version: VersionInfo, masterHostname: String? = nil, flags: [Flag] = []) -> AgentDocuments? {
        guard let info else { return nil }
        let known = state.frameworks.values.map(\.info)
        let former = completed.frameworks.filter { state.frameworks[$0.id] == nil }
        return AgentDocuments(
            info: info, version: version, startedAt: startedAt, masterHostname: masterHostname, flags: flags,
            frameworks: known.map(document(of:)), completed: former.map(document(of:)))
    }

    private func document(of framework: FrameworkInfo) -> AgentDocuments.Framework {
        var result = AgentDocuments.Framework(info: framework)
        for run in state.executors.values where run.key.framework == framework.id {
            let former = completed.tasks.filter { $0.executorContainer == run.container }
            let tasks = state.tasks(under: run.container) + former
            let shown = document(of: run.spec, in: run.container, run.sandbox, tasks)
            if state.containers[run.container]?.exit == nil {
                result.executors.append(shown)
            } else {
                result.completed.append(shown)
            }
        }
        for task in state.tasks.values where task.framework == framework.id {
            guard let shown = document(ofAlone: task) else { continue }
            if task.state.isTerminal { result.completed.append(shown) } else { result.executors.append(shown) }
        }
        let ended = completed.tasks.filter { $0.framework == framework.id }
        result.completed += ended.compactMap(document(ofAlone:))
        for spec in completed.executors where spec.framework == framework.id {
            let container = ended.lazy.compactMap(\.executorContainer).first { state.executors[$0] == nil }
            let tasks = ended.filter { $0.executorContainer != nil && $0.executorContainer == container }
            let place = container.flatMap { directory(of: ExecutorKey(spec.framework, spec.id), $0) }
            result.completed.append(document(of: spec, in: container, place ?? "", tasks))
        }
        return result
    }

    private func document(
        of spec: ExecutorSpec, in container: ContainerID?, _ directory: String, _ tasks: [TaskRun]
    ) -> AgentDocuments.Executor {
        let queued = tasks.filter { !$0.state.isTerminal && $0.ownContainer == nil && !$0.isDelivered }
        let running = tasks.filter { task in !task.state.isTerminal && !queued.contains { $0.key == task.key } }
        return AgentDocuments.Executor(
            spec: spec, container: container?.text ?? "", directory: directory, tasks: running.map(view(of:)),
            queued: queued.map(view(of:)), completed: tasks.filter(\.state.isTerminal).map(view(of:)))
    }

    /// A task that is its own container, as the executor of its own that old clients expect; nil for any other.
    private func document(ofAlone task: TaskRun) -> AgentDocuments.Executor? {
        guard case .container(let container) = task.place, let id = executorName(ofAlone: task.spec.id) else {
            return nil
        }
        let place = directory(of: ExecutorKey(task.framework, id), container)
        let spec = ExecutorSpec(
            id: id, framework: task.framework, kind: .custom, name: Self.executorName(of: task.spec),
            labels: task.spec.labels)
        return document(of: spec, in: container, state.containers[container]?.sandbox.path ?? place ?? "", [task])
    }

    private func directory(of executor: ExecutorKey, _ container: ContainerID) -> String? {
        state.id.map {
            SandboxLayout(workDirectory: configuration.workDirectory, agent: $0).run(executor, container).path
        }
    }

    /// A task without an executor counts as one of its own name.
    func executorName(ofAlone task: TaskID) -> ExecutorID? {
        // Whatever names a task can name an executor.
        do { return try ExecutorID(task.text) } catch { return nil }
    }

    static func executorName(of task: TaskSpec) -> String {
        guard case .command(let command) = task.runner else { return "" }
        let line: String
        switch command.program {
        case .shell(let text): line = "sh -c '\(text)'"
        case .execute(let path, let arguments):
            line = ((path.map { [$0] } ?? []) + arguments.dropFirst(path == nil ? 0 : 1)).joined(separator: " ")
        }
        return "Command Executor (Task: \(task.id)) (Command: \(line))"
    }
}
