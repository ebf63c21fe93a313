import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics
import OrderedCollections

/// Custom executors: programs of a framework that run its tasks in their container and report over the executor API.
extension Agent {
    mutating func runUnder(
        _ spec: ExecutorSpec, _ specs: [TaskSpec], of framework: FrameworkInfo, group: UInt64?,
        startsExecutor starts: Bool?
    ) {
        let key = ExecutorKey(framework.id, spec.id)
        let run: ExecutorRun
        var isNew = false
        do throws(Failure) {
            if let old = state.executor(key) {
                guard old.ending == nil else {
                    throw Failure(
                        "executor.ending", doing: "launch a task", on: spec.id.text, cause: "its executor is ending",
                        remedy: "launch it again when the executor has ended", retry: .later)
                }
                try checkVolumes(specs, of: old)
                if let launch = state.containers[old.container]?.launch {
                    let wanted = executorResources(old) + specs.flatMap(\.resources)
                    try taskLaunch.checkDevices(of: wanted, in: launch)
                }
                run = old
            } else {
                run = try launchExecutor(spec, specs, of: framework)
                isNew = true
            }
        } catch {
            for each in specs { refuseLaunch(TaskReference(framework: framework.id, task: each.id), error) }
            missExecutors(of: specs, startsExecutor: starts)
            return
        }
        for each in specs {
            let place = TaskRun.Place.executor(run.container, group: group)
            record(.taskAccepted(TaskRun(framework: framework.id, spec: each, place: place, arrivedAt: now)))
        }
        if isNew {
            begin(run.container)
        } else {
            giveResources(to: run.container)
        }
        deliver(to: run.container, known: nil)
    }

    /// What a running container sees of the host was decided when it was launched.
    private func checkVolumes(_ specs: [TaskSpec], of run: ExecutorRun) throws(Failure) {
        let sources = state.containers[run.container]?.launch.volumes.map(\.source) ?? []
        for resource in specs.flatMap(\.resources) {
            guard let path = SandboxLayout.volume(resource, below: configuration.workDirectory),
                !sources.contains(path)
            else { continue }
            throw Failure(
                "launch.volume", doing: "launch a task", on: "\(resource)",
                cause: "its executor runs already and was launched without this volume",
                remedy: "give the volume to the executor, or use an executor of its own", field: "resources")
        }
    }

    private mutating func launchExecutor(
        _ spec: ExecutorSpec, _ specs: [TaskSpec], of framework: FrameworkInfo
    ) throws(Failure) -> ExecutorRun {
        guard let agent = info else { throw Failure("agent.not-admitted", doing: "launch an executor") }
        let id = newContainerID()
        let key = ExecutorKey(framework.id, spec.id)
        let layout = SandboxLayout(workDirectory: configuration.workDirectory, agent: agent.id)
        let sandbox = layout.run(key, id)
        let container = try taskLaunch.executor(
            spec, as: id, key: key, framework: framework, agent: agent, tasks: specs, sandbox: sandbox,
            path: ContainerPath(try ContainerName(id.text)))
        let run = ExecutorRun(spec: spec, container: id, sandbox: sandbox.path)
        record(.executorAdded(run))
        plan(container)
        return run
    }

    /// What an executor's container is to have: its own and that of its tasks.
    private func executorResources(_ run: ExecutorRun) -> [Resource] {
        run.spec.resources + state.liveTasks(under: run.container).flatMap(\.spec.resources)
    }

    /// Has the executor's container hold what its tasks need; one that is not there yet is given it once it is.
    mutating func giveResources(to id: ContainerID, isNew: Bool = false) {
        guard state.executors[id] != nil, let run = state.containers[id], case .launched = run.phase else { return }
        let limits = limitsNow(of: run)
        if !isNew || limits != run.launch.limits { send(.update(id, limits)) }
    }

    /// An executor's change with its tasks.
    func limitsNow(of run: ContainerRun) -> ContainerLimits {
        let launched = run.launch.limits
        guard let executor = state.executors[run.id], !executor.isPod else { return launched }
        var limits = taskLaunch.limits(executorResources(executor))
        (limits.pids, limits.pidsAsked) = (launched.pids, launched.pidsAsked)
        (limits.cpuset, limits.io, limits.ioWeight) = (launched.cpuset, launched.io, launched.ioWeight)
        // A container that was started without a disk limit cannot be given one.
        if launched.disk == nil { limits.disk = nil }
        return limits
    }

    mutating func limitsUpdated(_ id: ContainerID, _ failure: Failure?) {
        guard let failure, state.executors[id]?.ending == nil, state.containers[id]?.exit == nil else { return }
        record(.executorEnding(id, KillOrder(.limitsRefused(failure.description), deadline: now)))
        doom(id)
    }

    // MARK: Launch and registration

    mutating func executorLaunched(_ run: ContainerRun) {
        guard let executor = state.executors[run.id] else { return }
        if executor.isPod {
            podLaunched(run.id)
            return
        }
        openDoor(executor)
        giveResources(to: run.id, isNew: true)
        if executor.ending != nil {
            send(.signal(run.id, Signals.terminate))
            arm(.executorShutdown(run.id), after: configuration.timing.executorShutdownGrace)
        } else if executorStreams[run.id] == nil {
            arm(.executorRegistration(run.id), after: configuration.timing.executorRegistration)
        }
    }

    /// An executor on the host's network reaches the agent at the agent's own address.
    mutating func openDoor(_ executor: ExecutorRun) {
        guard state.containers[executor.container]?.launch.endpointPort != nil else { return }
        send(.openExecutorDoor(executor.container, executor.key, port: configuration.policy.executorPort))
    }

    mutating func executorDoorFailed(_ id: ContainerID, _ failure: Failure) {
        note("executor.unreachable", "the executor API cannot be served inside a container", .error,
            ["container": id.text, "failure": failure.description])
        guard state.executors[id]?.ending == nil, state.containers[id]?.exit == nil else { return }
        record(.executorEnding(id, KillOrder(.executorUnreachable(failure.description), deadline: now)))
        doom(id)
    }

    mutating func executorDidNotRegister(_ id: ContainerID) { executorIsSilent(id, .executorUnregistered) }
    mutating func executorDidNotReturn(_ id: ContainerID) { executorIsSilent(id, .executorUnreturned) }

    private mutating func executorIsSilent(_ id: ContainerID, _ cause: KillOrder.Cause) {
        guard let run = state.executors[id], run.ending == nil, executorStreams[id] == nil else { return }
        record(.executorEnding(id, KillOrder(cause, deadline: now)))
        doom(id)
    }

    // MARK: The end

    mutating func executorContainerEnded(_ id: ContainerID, _ exit: ContainerExit) {
        counters.executorsTerminated += 1
        for purpose: TimerTable.Purpose in [
            .executorRegistration(id), .executorReturn(id), .executorShutdown(id), .executorHeartbeat(id),
        ] { disarm(purpose) }
        guard let run = state.executors[id] else { return }
        let live = state.liveTasks(under: id)
        let cause = run.ending?.cause ?? (exit.reason == .launchFailed
            ? .executorNotLaunched(exit.message) : .executorEnded(exit.message))
        // All have the same reason to end before the first of a group takes the others along.
        for task in live where task.ending == nil {
            record(.taskEnding(task.key, KillOrder(cause, deadline: now)))
        }
        for task in live { endWithExecutor(task, run, exit, cause) }
        if let stream = executorStreams.removeValue(forKey: id) { send(.closeStream(stream)) }
        subscribedExecutors.remove(id)
        tellLost(run.spec, exit.waitStatus)
    }

    private mutating func tellLost(_ executor: ExecutorSpec, _ status: Int32) {
        let message = AgentMessage.executorLost(executor.id, framework: executor.framework, status: status)
        if link.phase == .registered { send(.send(message)) } else { link.executorsLost.append(message) }
    }

    /// The master counts on the executors that refused tasks were to start: those that are not here hold nothing. Of
    /// one that it believed to run already it hears by that one's own end, once: it may have given out another since.
    mutating func missExecutors(of specs: [TaskSpec], startsExecutor starts: Bool?) {
        guard starts != false else { return }
        var missed: OrderedSet<ExecutorID> = []
        for spec in specs {
            guard case .executor(let executor) = spec.runner, missed.append(executor.id).inserted else { continue }
            if state.executor(ExecutorKey(executor.framework, executor.id)) != nil { continue }
            // An older master's tasks that wait launch it themselves.
            if starts == nil, held.contains(where: { $0.executorToUse?.id == executor.id }) { continue }
            tellLost(executor, 0)
        }
    }

    private mutating func endWithExecutor(
        _ task: TaskRun, _ run: ExecutorRun, _ exit: ContainerExit, _ cause: KillOrder.Cause
    ) {
        if let own = task.ownContainer {
            doom(own)
            return
        }
        var verdict = Verdict.ended(cause, exit.message, during: nil)
        switch exit.reason {
        case .memoryLimit:
            verdict.state = .failed
            verdict.reason = .containerLimitationMemory
            verdict.limitation = run.spec.resources.filter { $0.name == "mem" }
        case .unknown where hasRebooted:
            verdict = Verdict(state: .gone, source: .agent, reason: .agentRestarted, message: exit.message)
        default: break
        }
        report(
            task.key, verdict.state, source: .agent, reason: verdict.reason, message: verdict.message,
            limitation: verdict.limitation)
    }
}
