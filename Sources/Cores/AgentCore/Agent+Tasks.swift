import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics

/// Tasks that are their own containers, alone or in a group, from their arrival to their end.
extension Agent {
    mutating func runTask(_ spec: TaskSpec, of framework: FrameworkInfo, startsExecutor starts: Bool?) {
        switch spec.runner {
        case .command:
            guard let agent = admit([spec], of: framework, startsExecutor: nil) else { return }
            runCommand(spec, of: framework, on: agent)
        case .executor(let executor) where executor.kind == .standard:
            runGroup([spec], under: executor, of: framework, startsExecutor: starts)
        case .executor(let executor):
            guard admit([spec], of: framework, startsExecutor: starts) != nil,
                has(executor, for: [spec], startsExecutor: starts)
            else { return }
            runUnder(executor, [spec], of: framework, group: nil, startsExecutor: starts)
        }
    }

    mutating func runGroup(
        _ specs: [TaskSpec], under executor: ExecutorSpec, of framework: FrameworkInfo, startsExecutor starts: Bool?
    ) {
        guard admit(specs, of: framework, startsExecutor: starts) != nil,
            has(executor, for: specs, startsExecutor: starts)
        else { return }
        let group = random.next()
        if executor.kind == .custom {
            runUnder(executor, specs, of: framework, group: group, startsExecutor: starts)
        } else {
            runInPod(executor, specs, of: framework, group: group, startsExecutor: starts)
        }
    }

    /// Tasks for an executor that has ended while they were on their way are dropped: nobody has given out what another
    /// executor would need. That it has ended is told already, or waits to be.
    private mutating func has(_ executor: ExecutorSpec, for specs: [TaskSpec], startsExecutor starts: Bool?) -> Bool {
        guard starts == false, state.executor(ExecutorKey(executor.framework, executor.id)) == nil else { return true }
        for spec in specs {
            report(
                TaskReference(framework: executor.framework, task: spec.id), .dropped, source: .agent,
                reason: .executorTerminated,
                message: "executor '\(executor.id)' ended while the task was on its way: launch it again")
        }
        return false
    }

    /// Whether the tasks may run here at all; those of a refused list are reported, all or none. A task that is known
    /// has come twice: the master sends again what it is not sure of.
    private mutating func admit(
        _ specs: [TaskSpec], of framework: FrameworkInfo, startsExecutor starts: Bool?
    ) -> AgentID? {
        let keys = specs.map { TaskReference(framework: framework.id, task: $0.id) }
        if keys.contains(where: { state.tasks[$0] != nil || state.streams[$0] != nil }) {
            note("task.repeated", "a task that is known has come again and is ignored", .info,
                ["tasks": keys.map(\.task.text).joined(separator: " ")])
            return nil
        }
        counters.tasksStaged += UInt64(specs.count)
        if outbox.isFailing {
            for key in keys { dropUnremembered(key) }
            missExecutors(of: specs, startsExecutor: starts)
            return nil
        }
        guard let agent = state.id else { return nil }
        if let refusal = refusal(of: specs, of: framework, on: agent) {
            for key in keys {
                report(key, refusal.state, source: .agent, reason: refusal.reason, message: refusal.message)
            }
            missExecutors(of: specs, startsExecutor: starts)
            return nil
        }
        see(framework)
        return agent
    }

    /// While nothing can be remembered, a task is refused by an update that nobody has to acknowledge.
    private mutating func dropUnremembered(_ task: TaskReference) {
        let update = StatusUpdate(
            framework: task.framework, task: task.task, state: .dropped, source: .agent, reason: .containerLaunchFailed,
            message: "the agent cannot store its records, so it launches nothing: look at its disk", agent: state.id,
            at: now)
        outbox.order(.send(.status(update, latest: .dropped)))
    }

    private func refusal(of specs: [TaskSpec], of framework: FrameworkInfo, on agent: AgentID) -> Verdict? {
        func refused(_ state: TaskState, _ reason: StatusReason, _ message: String) -> Verdict {
            Verdict(state: state, source: .agent, reason: reason, message: message)
        }
        if case .stopping(let why) = phase {
            return refused(.dropped, .agentDisconnected, "the agent is being shut down: \(why)")
        }
        if state.drain != nil { return refused(.dropped, .agentDraining, "the agent is being emptied") }
        if state.frameworks[framework.id]?.isShutDown == true {
            return refused(.dropped, .frameworkRemoved, "the framework is being removed")
        }
        let bounds = configuration.bounds
        if state.tasks.count + specs.count > bounds.tasksMax {
            return refused(.dropped, .containerLaunchFailed, "the agent has \(bounds.tasksMax) tasks: tasksMax")
        }
        if state.frameworks[framework.id] == nil, state.frameworks.count >= bounds.frameworksMax {
            return refused(
                .dropped, .containerLaunchFailed, "the agent serves \(bounds.frameworksMax) frameworks: frameworksMax")
        }
        if !fits(framework) {
            return refused(
                .error, .taskInvalid,
                "the framework's own description has more than \(bounds.frameworkBytesMax) bytes: frameworkBytesMax")
        }
        let values = specs.map { WireValue.task($0, .stacked) }
        if values.contains(where: { $0.bytesCount > bounds.specBytesMax }) {
            return refused(.error, .taskInvalid, "the task has more than \(bounds.specBytesMax) bytes: specBytesMax")
        }
        if values.reduce(state.registrationCost, { $0 + $1.linkCost }) > bounds.allSpecsBytesMax {
            return refused(
                .dropped, .containerLaunchFailed,
                "the agent's tasks would have more than \(bounds.allSpecsBytesMax) bytes: allSpecsBytesMax")
        }
        for spec in specs where spec.agent != agent {
            return refused(.dropped, .agentUnknown, "the task is meant for agent '\(spec.agent)'; this is '\(agent)'")
        }
        let special = Resources(specs.flatMap(\.resources)).unallocated().only {
            $0.isReserved && ($0.isPersistentVolume || $0.reservations.contains { $0.origin == .requested })
        }
        let own = Resources(totals).unallocated()
        if let missing = special.nonShared.first(where: { !own.contains($0) })
            ?? special.shared.first(where: { !own.contains($0) })
        {
            return refused(.dropped, .resourcesUnknown, "the agent does not have \(missing) any more")
        }
        return nil
    }

    private mutating func runCommand(_ spec: TaskSpec, of framework: FrameworkInfo, on agent: AgentID) {
        let key = TaskReference(framework: framework.id, task: spec.id)
        let id = newContainerID()
        let run: ContainerRun
        do throws(Failure) {
            // A command task's run is found where an executor of its name would be.
            let executor = ExecutorKey(framework.id, try ExecutorID(spec.id.text))
            let layout = SandboxLayout(workDirectory: configuration.workDirectory, agent: agent)
            run = try taskLaunch.task(
                spec, as: id, purpose: .task(key), sandbox: layout.run(executor, id),
                path: ContainerPath(try ContainerName(id.text)))
        } catch {
            refuseLaunch(key, error)
            return
        }
        record(
            .taskAccepted(
                TaskRun(
                    framework: framework.id, spec: spec.withoutSecrets, place: .container(id), arrivedAt: now)))
        plan(run)
        report(key, .starting, source: .executor)
        begin(id)
    }

    /// What the driver accounts for.
    public static let refusedNote = "task.refused"

    /// A task that cannot be launched as it was asked for.
    mutating func refuseLaunch(_ key: TaskReference, _ failure: Failure) {
        counters.launchFailures += 1
        note(
            Self.refusedNote, "a task is not launched as it was asked for", .warning,
            [
                "task": key.task.text, "framework": key.framework.text, "code": failure.code.rawValue,
                "field": failure.field ?? "", "message": failure.description,
            ])
        report(key, .failed, source: .agent, reason: .containerLaunchFailed, message: failure.description)
    }

    // MARK: Running

    mutating func taskLaunched(_ key: TaskReference, _ run: ContainerRun, _ info: RunningContainer) {
        guard let task = state.tasks[key], !task.state.isTerminal else { return }
        if task.ending != nil {
            killAgain(key)
            return
        }
        let message = info.unenforced.isEmpty
            ? nil : "running without limits this host cannot hold: \(info.unenforced.joined(separator: ", "))"
        report(
            key, .running, source: .executor, message: message,
            checkStatus: task.spec.check.map { $0.probe.unanswered })
        watch(key, since: now)
    }

    /// What has to be watched of a running task: how long, and how well.
    mutating func watch(_ key: TaskReference, since launch: Instant) {
        guard let task = state.tasks[key] else { return }
        if let most = task.spec.maxCompletionTime { arm(.completion(key), at: launch + most) }
        startProbing(task, since: launch)
    }

    /// Carries on with a kill that was ordered before the container ran, or before a restart.
    mutating func killAgain(_ key: TaskReference) {
        guard let task = state.tasks[key], let ending = task.ending, let id = task.ownContainer else { return }
        send(.signal(id, Signals.terminate))
        arm(.kill(id), at: max(now, ending.deadline))
    }

    // MARK: The end

    mutating func taskContainerEnded(_ key: TaskReference, _ exit: ContainerExit) {
        guard let task = state.tasks[key], !task.state.isTerminal else { return }
        let verdict = Verdict.of(exit, task: task, hasRebooted: hasRebooted)
        report(
            key, verdict.state, source: verdict.source, reason: verdict.reason, message: verdict.message,
            isHealthy: verdict.isHealthy, limitation: verdict.limitation, labels: exit.labels)
        taskEnded(task, verdict.state)
    }

    /// A group lives and dies together; a pod without tasks has nothing to hold.
    mutating func taskEnded(_ task: TaskRun, _ verdict: TaskState) {
        guard let executor = task.executorContainer else { return }
        if verdict != .finished, let group = task.group {
            for other in state.liveTasks(under: executor) where other.group == group {
                kill(other.key, .group(task.spec.id))
            }
        }
        guard state.executors[executor]?.isPod == true, state.liveTasks(under: executor).isEmpty else { return }
        doom(executor)
    }
}
