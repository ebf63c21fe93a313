import Allocation
import ClusterAPI
import ClusterModel
import Coordination
import Determinism

/// How frameworks go: their streams end, their time runs out, they are torn down.
enum FrameworkRemoval: Sendable {
    /// By itself or by an operator.
    case teardown
    case tornDownByOperator
    /// It was away for longer than it asked for.
    case failover
}

extension MasterCore {
    mutating func streamClosed(_ stream: StreamID, at now: Instant) {
        switch streams.removeValue(forKey: stream) {
        case nil: return
        case .observer: observers.removeAll { $0 == stream }
        case .framework(let id):
            guard frameworks[id]?.stream == stream else { return }
            disconnect(id, at: now)
        }
    }

    /// It gets nothing more, and what it refused is forgotten: its next scheduler may know nothing of that.
    mutating func deactivate(_ id: FrameworkID) {
        frameworks[id]?.isActive = false
        allocator.setFramework(id, active: false)
        forgetInverseRefusals(of: id)
    }

    private mutating func disconnect(_ id: FrameworkID, at now: Instant) {
        guard let record = frameworks[id] else { return }
        frameworks[id]?.connection = .disconnected
        deactivate(id)
        withdrawOffers(of: id, at: now)
        note("framework.disconnected", "A framework's stream has ended", ["framework": id.text])
        if record.isBeingRemoved { return }
        if record.info.failoverTimeout <= .zero {
            remove(id, for: .failover, nil, at: now)
            return
        }
        let deadline = now + record.info.failoverTimeout
        frameworks[id]?.failoverDeadline = deadline
        frameworks[id]?.storedDeadline = deadline
        let timer = setTimer(.failover(id), at: deadline)
        frameworks[id]?.failoverTimer = timer
        // What is on its way to the registry must not be overtaken; it is told of the deadline after that.
        if !isBeingWritten(id) { keep(id) }
        announce { core in core.frameworkView(id).map { .frameworkUpdated($0) } }
    }

    /// Has the registry keep the framework as it is.
    mutating func keep(_ id: FrameworkID) {
        guard let record = frameworks[id] else { return }
        let entry = RegisteredFramework(
            info: record.info, registered: record.registered, failoverDeadline: record.failoverDeadline)
        persist([.putFramework(entry)], then: .kept)
    }

    mutating func failoverEnded(_ id: FrameworkID, at now: Instant) {
        guard let record = frameworks[id], !record.isConnected else { return }
        frameworks[id]?.failoverTimer = nil
        note(
            "framework.given-up", "A framework has not come back in its time", level: .warning,
            ["framework": id.text, "timeout": "\(record.info.failoverTimeout)"])
        remove(id, for: .failover, nil, at: now)
    }

    /// Has the registry told that the framework is over; until it knows, the framework's calls are refused.
    mutating func remove(_ id: FrameworkID, for why: FrameworkRemoval, _ call: CallID?, at now: Instant) {
        guard let record = frameworks[id], !record.isBeingRemoved else {
            if let call { answer(call, .conflict("The framework is being removed already")) }
            return
        }
        frameworks[id]?.isBeingRemoved = true
        deactivate(id)
        let entry = RegisteredFramework(info: record.info, registered: record.registered, removed: now)
        var changes: [RegistryChange] = [.putFramework(entry)]
        // The oldest ones are forgotten for it.
        while removalOrder.count >= configuration.limits.completedFrameworksMax {
            let oldest = removalOrder.removeFirst()
            removedFrameworks[oldest] = nil
            changes.append(.remove(.framework(oldest)))
        }
        removalOrder.append(id)
        persist(changes, then: .frameworkRemoved(id, call, why: why))
    }

    mutating func frameworkIsRemoved(
        _ id: FrameworkID, _ call: CallID?, _ why: FrameworkRemoval, at now: Instant
    ) {
        removedFrameworks[id] = now
        guard let record = frameworks[id] else { return }
        note("framework.removed", "A framework is over", ["framework": id.text, "tasks": "\(record.tasks.count)"])
        if why == .tornDownByOperator { publish(.error("Framework has been removed"), to: id) }
        if let stream = record.stream { closeStream(stream) }
        frameworks[id]?.connection = .disconnected
        cancel(record.failoverTimer)
        withdrawOffers(of: id, at: now)
        for agent in record.agents.keys.sorted() {
            send(.shutdownFramework(id), to: agent)
            agents[agent]?.executors[id] = nil
        }
        for task in record.tasks {
            endWithFramework(TaskReference(framework: id, task: task), at: now)
        }
        dropOperations(of: id)
        allocator.removeFramework(id)
        if let last = frameworks.removeValue(forKey: id) { showCompleted(last, at: now) }
        announce { _ in .frameworkRemoved(record.info) }
        // They may be what agents that are being emptied were waiting for.
        for agent in agents.keys.sorted() { taskEndedOnAgent(agent, at: now) }
        wantAllocation()
        if let call { answer(call, why == .tornDownByOperator ? .done : .accepted) }
    }

    private mutating func showCompleted(_ record: FrameworkRecord, at now: Instant) {
        completedFrameworks.append(
            CompletedFramework(
                info: record.info, registered: record.registered, reregistered: record.reregistered, removed: now,
                tasks: record.completedTasks.all + record.unreachableTasks.all))
        let excess = completedFrameworks.count - configuration.limits.completedFrameworksShownMax
        if excess > 0 { completedFrameworks.removeFirst(excess) }
    }
}
