import ClusterAPI
import ClusterModel
import Containers
import Determinism

/// Ending things: politely, then with force. A second order can only shorten what is left.
extension Agent {
    mutating func killByFramework(_ task: TaskReference, _ grace: Duration?) {
        guard let run = state.tasks[task] else {
            if isHeld(task) {
                killHeld(task)
                return
            }
            if state.streams[task] == nil {
                report(
                    task, .dropped, source: .agent, reason: .reconciliation,
                    message: "the agent does not have this task, so there is nothing to kill")
            }
            return
        }
        guard !run.state.isTerminal else { return }
        kill(task, .framework, grace: grace)
    }

    mutating func kill(_ key: TaskReference, _ cause: KillOrder.Cause, grace asked: Duration? = nil) {
        guard let task = state.tasks[key], !task.state.isTerminal else { return }
        var grace = max(.zero, asked ?? task.spec.stopTimeout ?? configuration.timing.killGrace)
        if let most = state.drain?.configuration.maxGracePeriod { grace = min(grace, most) }
        let deadline = now + grace
        if let ending = task.ending {
            guard deadline < ending.deadline else { return }
            record(.taskEnding(key, KillOrder(ending.cause, deadline: deadline)))
        } else {
            record(.taskEnding(key, KillOrder(cause, deadline: deadline)))
        }
        switch task.place {
        case .executor(let executor, _): killUnder(executor, key, grace: grace, isFirst: task.ending == nil)
        case .container(let container), .member(let container, _, _):
            killContainer(container, of: key, deadline: deadline, isFirst: task.ending == nil)
        }
    }

    private mutating func killContainer(
        _ id: ContainerID, of key: TaskReference, deadline: Instant, isFirst: Bool
    ) {
        guard let run = state.containers[id] else { return }
        switch run.phase {
        case .ended: break
        case .planned: doom(id)
        case .launched:
            if isFirst {
                reportKilling(key)
                send(.signal(id, Signals.terminate))
            }
            arm(.kill(id), at: deadline)
        }
    }

    /// TASK_KILLING is only for those who know it.
    mutating func reportKilling(_ key: TaskReference) {
        let capabilities = state.frameworks[key.framework]?.info.capabilities ?? []
        guard capabilities.contains(.taskKillingState), let task = state.tasks[key] else { return }
        let why = task.ending.map { Verdict.ended($0.cause, "ending it", during: nil).message }
        report(key, .killing, source: .executor, message: why)
    }

    mutating func killDeadline(_ id: ContainerID) {
        guard let run = state.containers[id], run.exit == nil else { return }
        send(.signal(id, Signals.kill))
        arm(.destroy(id), after: configuration.timing.killPatience)
    }

    mutating func completionTimeReached(_ key: TaskReference) {
        guard let task = state.tasks[key], task.ending == nil else { return }
        kill(key, .completionTime)
    }

    /// Ends a container that has not been launched, or that has no task to be asked politely.
    mutating func doom(_ id: ContainerID) {
        guard let run = state.containers[id], run.exit == nil else { return }
        switch run.phase {
        case .planned:
            progress[id, default: ContainerProgress()].isDoomed = true
            // It may be running by now: how it ends is told when the launch has been answered.
            if progress[id]?.isLaunchPending == true {
                guard outbox.withdrawLaunch(of: id) else {
                    destroy(id)
                    return
                }
                progress[id]?.isLaunchPending = false
            }
            containerEnded(
                id, ContainerExit(
                    reason: .launchFailed, code: 128 + Signals.kill, endedAt: now.seconds,
                    message: "ended before it had started"))
        case .launched: destroy(id)
        case .ended: break
        }
    }

    // MARK: Executors

    mutating func shutdownExecutor(_ key: ExecutorKey) {
        guard let run = state.executor(key) else { return }
        end(run.container, .executorShutdown)
    }

    /// Asks an executor to end, and ends it when it does not in time.
    mutating func end(_ container: ContainerID, _ cause: KillOrder.Cause) {
        guard let run = state.executors[container], state.containers[container]?.exit == nil else { return }
        if run.isPod {
            endPod(run, cause)
            return
        }
        guard run.ending == nil else { return }
        let grace = max(.zero, run.spec.shutdownGracePeriod ?? configuration.timing.executorShutdownGrace)
        record(.executorEnding(container, KillOrder(cause, deadline: now + grace)))
        disarm(.executorRegistration(container))
        disarm(.executorReturn(container))
        guard case .launched = state.containers[container]?.phase else {
            doom(container)
            return
        }
        if let stream = executorStreams[container] {
            send(.publish(stream, .shutdown))
            arm(.executorShutdown(container), after: grace)
        } else {
            send(.signal(container, Signals.terminate))
            arm(.executorShutdown(container), after: grace)
        }
    }

    /// A pod ends with its tasks; each has its own grace.
    private mutating func endPod(_ run: ExecutorRun, _ cause: KillOrder.Cause) {
        if run.ending == nil { record(.executorEnding(run.container, KillOrder(cause, deadline: now))) }
        let live = state.liveTasks(under: run.container)
        for task in live { kill(task.key, cause) }
        if state.liveTasks(under: run.container).isEmpty { doom(run.container) }
    }

    mutating func executorShutdownDeadline(_ id: ContainerID) {
        guard state.containers[id]?.exit == nil else { return }
        destroy(id)
    }
}

/// The numbers of signal(7).
enum Signals {
    static let kill: Int32 = 9
    static let terminate: Int32 = 15
}
