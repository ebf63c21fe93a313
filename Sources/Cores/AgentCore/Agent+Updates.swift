import ClusterAPI
import ClusterModel
import Containers
import Determinism
import Diagnostics

/// Status updates on their way to the framework: one line for each task, one update of it in flight, resent until it is
/// acknowledged, remembered before it is sent.
extension Agent {
    /// A report of the agent's own.
    mutating func report(
        _ task: TaskReference, _ state: TaskState, source: StatusUpdate.Source, reason: StatusReason? = nil,
        message: String? = nil, isHealthy: Bool? = nil, checkStatus: CheckStatus? = nil, limitation: [Resource] = [],
        labels: [Label] = []
    ) {
        let run = self.state.tasks[task]
        let update = StatusUpdate(
            framework: task.framework, task: task.task, state: state, source: source, reason: reason,
            message: message, agent: self.state.id, executor: run.flatMap { executorID(of: $0) }, at: now,
            id: newUpdateID(), isHealthy: isHealthy ?? run?.isHealthy, labels: labels,
            limitation: limitation, checkStatus: checkStatus ?? run?.checkStatus,
            containerStatus: run.flatMap(containerStatus))
        take(update)
    }

    /// Takes an update in, from here or from an executor. One that is known changes nothing. False: it is refused.
    @discardableResult
    mutating func take(_ update: StatusUpdate) -> Bool {
        let key = update.reference
        guard let id = update.id else { return false }
        if let stream = state.streams[key] {
            if stream.knows(id) { return true }
            if stream.hasTerminal { return refuse(update, "its task has ended") }
            if stream.pending.count >= configuration.bounds.updatesMax, !update.state.isTerminal {
                return refuse(update, "\(stream.pending.count) updates of the task wait for an acknowledgement")
            }
        } else if state.tasks[key]?.state.isTerminal == true {
            return refuse(update, "its task has ended")
        }
        record(.updateAdded(update))
        counters.validUpdates += 1
        if update.state.isTerminal { ended(key, update.state) }
        if state.streams[key]?.pending.count == 1 {
            sendHead(of: key)
        } else if update.state.isTerminal {
            tellState(of: key)
        }
        return true
    }

    private mutating func refuse(_ update: StatusUpdate, _ cause: String) -> Bool {
        counters.invalidUpdates += 1
        note(
            "update.refused", "an update is not taken: \(cause)", .warning,
            ["task": update.task.text, "framework": update.framework.text, "state": update.state.rawValue])
        return false
    }

    private mutating func ended(_ task: TaskReference, _ state: TaskState) {
        mayHaveSettled = true
        switch state {
        case .finished: counters.tasksFinished += 1
        case .killed: counters.tasksKilled += 1
        case .gone: counters.tasksGone += 1
        case .lost, .dropped: counters.tasksLost += 1
        default: counters.tasksFailed += 1
        }
        disarm(.completion(task))
        stopProbing(task)
    }

    // MARK: Sending

    mutating func sendHead(of task: TaskReference) {
        guard link.phase == .registered, let head = state.streams[task]?.head else { return }
        let latest = state.tasks[task]?.state ?? state.streams[task]?.pending.last?.state ?? head.state
        send(.send(.status(head, latest: latest)))
        let wait = retries[task] ?? configuration.timing.updateRetry
        retries[task] = wait
        arm(.update(task), after: wait)
    }

    /// That a task has ended is told at once, although the update that says so waits behind others: what it had is
    /// free, and an agent that is being emptied is a task emptier, whether or not anybody is there to acknowledge.
    private mutating func tellState(of task: TaskReference) {
        guard link.phase == .registered, let head = state.streams[task]?.head, let run = state.tasks[task]
        else { return }
        send(.send(.status(head, latest: run.state)))
    }

    mutating func resendHead(of task: TaskReference) {
        let wait = retries[task] ?? configuration.timing.updateRetry
        retries[task] = min(wait * 2, configuration.timing.updateRetryMax)
        sendHead(of: task)
    }

    mutating func acknowledged(_ id: UpdateID, of task: TaskReference) {
        guard let head = state.streams[task]?.head, head.id == id else {
            note(
                "acknowledgement.stale", "an acknowledgement of an update that is not the next one is ignored", .info,
                ["task": task.task.text, "framework": task.framework.text])
            return
        }
        let run = state.tasks[task]
        disarm(.update(task))
        retries[task] = nil
        record(.updateAcknowledged(task, id))
        if head.state.isTerminal {
            mayHaveSettled = true
            if var run {
                run.state = head.state
                completed.add(run)
            }
        } else {
            sendHead(of: task)
        }
    }

    // MARK: What updates say beside the state

    func containerStatus(_ task: TaskRun) -> ContainerStatusInfo? {
        guard let id = task.ownContainer ?? task.executorContainer, let run = state.containers[id] else { return nil }
        return containerStatus(run)
    }

    func containerStatus(_ run: ContainerRun) -> ContainerStatusInfo {
        guard case .launched(_, let info) = run.phase else { return ContainerStatusInfo(container: run.path) }
        let addresses = info.addresses.map { address in
            NetworkInfo.Address(family: address.has(":") ? .version6 : .version4, text: address)
        }
        return ContainerStatusInfo(
            container: run.path, networks: addresses.isEmpty ? [] : [NetworkInfo(addresses: addresses)],
            executorPID: info.pid.flatMap { UInt32(exactly: $0) })
    }
}
