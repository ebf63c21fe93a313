import ClusterAPI
import ClusterModel
import Determinism
import Diagnostics

/// What the master says.
extension Agent {
    mutating func received(_ message: MasterMessage) {
        switch message {
        case .registered(let id, let interval, let missedMax):
            registered(as: id, patience: interval * max(1, missedMax))
        case .refused(let reason, let isFinal): refused(reason, isFinal: isFinal)
        case .ping: pinged()
        case .shutdown(let reason): shutDown(because: reason)
        default:
            guard link.phase == .registered else {
                counters.invalidMessages += 1
                note("message.early", "the master gave an order before it admitted this agent", .warning)
                return
            }
            counters.validMessages += 1
            if waits(message) { held.append(message) } else { ordered(message) }
        }
    }

    mutating func ordered(_ message: MasterMessage) {
        switch message {
        case .runTask(let spec, let framework, let starts): runTask(spec, of: framework, startsExecutor: starts)
        case .runGroup(let specs, let executor, let framework, let starts):
            runGroup(specs, under: executor, of: framework, startsExecutor: starts)
        case .kill(let task, let grace): killByFramework(task, grace)
        case .shutdownExecutor(let id, let framework): shutdownExecutor(ExecutorKey(framework, id))
        case .shutdownFramework(let id): shutdownFramework(id)
        case .message(let data, let executor, let framework):
            passOn(data, to: ExecutorKey(framework, executor))
        case .acknowledge(let id, let task): acknowledged(id, of: task)
        case .acknowledgeOperation(let id, let key): operationAcknowledged(id, key: key)
        case .apply(let order): apply(order)
        case .updateFramework(let info): returned(info)
        case .drain(let order): drain(order)
        case .cancelDrain: if state.drain != nil { record(.drainCancelled) }
        case .reconcile(let tasks): reconcile(tasks)
        case .registered, .refused, .ping, .shutdown: break
        }
    }

    /// Remembers a framework, or what is new about it.
    mutating func see(_ info: FrameworkInfo) {
        if state.frameworks[info.id]?.info != info { record(.frameworkSeen(info)) }
    }

    /// Whether the journal can take it.
    func fits(_ info: FrameworkInfo) -> Bool {
        state.frameworks[info.id]?.info == info
            || WireValue.framework(info).bytesCount <= configuration.bounds.frameworkBytesMax
    }

    /// Whether it can be said to a master with everything else.
    private func hasRoom(for info: FrameworkInfo) -> Bool {
        let more = WireValue.framework(info).linkCost - (state.frameworks[info.id]?.cost ?? 0)
        return more <= 0 || state.registrationCost + more <= configuration.bounds.allSpecsBytesMax
    }

    /// A framework has subscribed again, or changed. What it has not acknowledged may have been sent to nobody, and the
    /// next attempt be minutes away: whoever is back hears of it at once.
    private mutating func returned(_ info: FrameworkInfo) {
        guard state.frameworks[info.id] != nil else { return }
        if fits(info), hasRoom(for: info) {
            see(info)
        } else {
            note(
                "framework.too-large", "a framework's new description is larger than frameworkBytesMax or "
                    + "allSpecsBytesMax: its old one is kept", .warning, ["framework": info.id.text])
        }
        resend { $0 == info.id }
    }

    /// Tasks the master believes to be here and that are not: nobody else can say so.
    private mutating func reconcile(_ believed: [TaskReference]) {
        for task in believed where state.tasks[task] == nil && state.streams[task] == nil && !isHeld(task) {
            report(
                task, .dropped, source: .agent, reason: .reconciliation,
                message: "the agent does not have this task: it never arrived, or ended and was acknowledged")
        }
    }

    private mutating func drain(_ order: DrainConfiguration) {
        guard state.drain?.configuration != order else { return }
        record(.drainOrdered(order, at: now))
        note("agent.draining", "the agent is being emptied", .info)
        for task in state.tasks.values where !task.state.isTerminal { kill(task.key, .draining) }
    }

    private mutating func shutdownFramework(_ id: FrameworkID) {
        withdrawHeld { $0 == id }
        guard let framework = state.frameworks[id] else {
            // Reports of tasks that were refused: nobody is left to hear them.
            let left = state.streams.keys.filter { $0.framework == id }
            for task in left {
                disarm(.update(task))
                retries[task] = nil
            }
            if !left.isEmpty { record(.frameworkForgotten(id)) }
            return
        }
        if !framework.isShutDown { record(.frameworkShutDown(id)) }
        mayHaveSettled = true
        endFramework(id)
    }

    /// Ends all that runs for a framework; also after a restart, should it not have ended by then.
    mutating func endFramework(_ id: FrameworkID) {
        for executor in state.executors.values where executor.spec.framework == id {
            end(executor.container, .frameworkRemoved)
        }
        for task in state.tasks.values where task.framework == id && !task.state.isTerminal {
            if task.executorContainer == nil { kill(task.key, .frameworkRemoved) }
        }
    }

    /// Ends everything and then the agent itself.
    mutating func shutDown(because reason: String) {
        guard case .running = phase else { return }
        note("agent.stopping", "the agent ends its tasks and itself: \(reason)", .error)
        phase = .stopping(reason)
        mayHaveSettled = true
        for executor in state.executors.keys { end(executor, .agentShutdown(reason)) }
        for task in state.tasks.values where !task.state.isTerminal && task.executorContainer == nil {
            kill(task.key, .agentShutdown(reason))
        }
        for container in state.containers.values where container.purpose == .ordered { doom(container.id) }
    }

    mutating func stop(_ reason: String) {
        phase = .stopped
        link.phase = .closed
        counters.recoveryErrors += 1
        note("agent.stopped", reason, .error)
        send(.unlink)
        send(.stop(reason))
    }

    /// What follows from how things are, whatever happened: the end of frameworks and of the agent itself.
    mutating func settle() {
        guard isServing, mayHaveSettled else { return }
        mayHaveSettled = false
        for framework in state.frameworks.values {
            let id = framework.info.id
            guard !state.hasLife(id) else { continue }
            if framework.isShutDown || !state.tasks.values.contains(where: { $0.framework == id }) {
                if !framework.isShutDown, state.streams.keys.contains(where: { $0.framework == id }) { continue }
                forget(framework)
            }
        }
        if case .stopping(let reason) = phase, state.containers.values.allSatisfy({ $0.exit != nil }) {
            phase = .stopped
            link.phase = .closed
            startOver()
            send(.unlink)
            send(.stop(reason))
        }
    }

    /// Whoever starts here next is another agent, with this one's sandboxes to collect.
    private mutating func startOver() {
        var rest = AgentState()
        rest.sandboxes = state.sandboxes
        for container in state.containers.values where container.launch.parent == nil {
            rest.sandboxes[container.sandbox.path] = now
        }
        lastUpdates = Set(state.streams.values.flatMap(\.pending).compactMap(\.id))
        lastUpdates.formUnion(state.operations.keys)
        state = rest
        outbox.compact(rest.snapshot)
    }

    private mutating func forget(_ framework: FrameworkRun) {
        for task in state.streams.keys where task.framework == framework.info.id {
            disarm(.update(task))
            retries[task] = nil
        }
        for task in state.tasks.values where task.framework == framework.info.id { completed.add(task) }
        record(.frameworkForgotten(framework.info.id))
        completed.add(framework.info)
    }
}
