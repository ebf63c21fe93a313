import Allocation
import ClusterAPI
import ClusterModel
import Determinism

/// The table of tasks, and what is reported about them.
extension MasterCore {
    // MARK: Table

    /// A task and its place in the table.
    typealias Keyed = (key: TaskReference, task: TaskRecord)

    mutating func addTask(_ task: TaskRecord) { addTasks([(task.key, task)], on: task.agent) }

    /// Tasks of one agent that are not there yet, together: the agent and each framework are looked up once.
    mutating func addTasks(_ added: [Keyed], on agent: AgentID) {
        for (key, task) in added {
            tasks.put(task, for: key)
            if !task.state.isTerminal { counters.tasksNow[task.state, default: 0] += 1 }
        }
        var rest = added[...]
        while let framework = rest.first?.key.framework {
            let those = rest.prefix { $0.key.framework == framework }
            agents.change(agent) { $0.add(those, of: framework) }
            frameworks.change(framework) { $0.add(those, on: agent) }
            rest = rest.dropFirst(those.count)
        }
    }

    mutating func replaceTask(_ task: TaskRecord) {
        guard let old = removeTask(task.key) else { return }
        addTask(task)
        if task.state.isTerminal, !old.state.isTerminal { countEnd(task.state, of: task.framework) }
    }

    /// A task has come to its end without a change of its state in the table.
    mutating func countEnd(_ state: TaskState, of framework: FrameworkID) {
        counters.tasksEnded[state, default: 0] += 1
        frameworks.change(framework) { $0.counters.end(state) }
    }

    @discardableResult
    private mutating func removeTask(_ key: TaskReference) -> TaskRecord? {
        guard let task = tasks.removeValue(forKey: key) else { return nil }
        agents[task.agent]?.tasks.remove(key)
        frameworks.change(key.framework) { $0.remove(task) }
        if !task.hasReturnedResources { agents[task.agent]?.endUse(of: task) }
        count(key.framework, on: task.agent, by: -1)
        if !task.state.isTerminal { counters.tasksNow[task.state, default: 0] -= 1 }
        return task
    }

    /// The task holds nothing any more; whether somebody else gets it is said elsewhere.
    mutating func endUse(of key: TaskReference) {
        guard let task = tasks[key], !task.hasReturnedResources else { return }
        tasks[key]?.hasReturnedResources = true
        agents[task.agent]?.endUse(of: task)
    }

    /// A task that is over and about which nobody waits for anything any more.
    mutating func complete(_ key: TaskReference) {
        returnResources(of: key)
        guard let task = removeTask(key) else { return }
        let limit = configuration.limits.completedTasksMax
        frameworks[key.framework]?.completedTasks.append(task, keeping: limit)
    }

    /// A terminal state is the last one: what comes later about the task does not bring it back.
    private mutating func setState(_ state: TaskState, of key: TaskReference) {
        guard let old = tasks[key]?.state, old != state, !old.isTerminal else { return }
        counters.tasksNow[old, default: 0] -= 1
        if !state.isTerminal { counters.tasksNow[state, default: 0] += 1 }
        // It leaves the table next, and is over for good.
        if state.isTerminal || state == .goneByOperator { counters.tasksEnded[state, default: 0] += 1 }
        frameworks.change(key.framework) { $0.counters.move(from: old, to: state) }
        tasks[key]?.state = state
    }

    private mutating func returnResources(of key: TaskReference) {
        guard let task = tasks[key], !task.hasReturnedResources else { return }
        endUse(of: key)
        giveBack(task.resources, of: key.framework, on: task.agent)
    }

    /// What was used is free again.
    mutating func giveBack(_ resources: Resources, of framework: FrameworkID, on agent: AgentID) {
        guard !resources.isEmpty else { return }
        // Used resources leave no refusal, so the moment does not matter.
        allocator.recover(
            Holding(framework: framework, agent: agent, resources: resources), filter: nil, at: .epoch)
        wantAllocation()
    }

    // MARK: Reports

    mutating func statusUpdate(
        _ update: StatusUpdate, latest: TaskState, from agent: AgentID, at now: Instant
    ) {
        let key = TaskReference(framework: update.framework, task: update.task)
        guard frameworks.index(forKey: update.framework) != nil else {
            counters.invalidStatusUpdates += 1
            // It was not there to hear of the end.
            send(.shutdownFramework(update.framework), to: agent)
            return
        }
        var update = update
        // An agent speaks for itself only.
        update.agent = agent
        guard let task = tasks[key], task.agent == agent else {
            counters.invalidStatusUpdates += 1
            strayUpdate(update, key, latest: latest, from: agent)
            return
        }
        counters.validStatusUpdates += 1
        let isAcknowledged = update.id != nil && task.acknowledgedUpdate == update.id
        let isKnown = isAcknowledged || update.id != nil && task.pendingUpdate?.id == update.id
        let isRepeated = isKnown && task.state == latest
        if let id = update.id, isAcknowledged {
            send(.acknowledge(id, key), to: agent)
        } else if let id = update.id {
            tasks[key]?.pendingUpdate = TaskRecord.PendingUpdate(state: update.state, id: id)
        }
        // The end of the task is news for the master; its framework has this update already, and is sent it again in
        // time unless it has acknowledged it.
        let isOnlyState = isKnown && latest.isTerminal && !task.state.isTerminal
        if !isOnlyState && !isAcknowledged { publish(.update(update), to: update.framework) }
        if isRepeated { return }
        let limit = configuration.limits.statusesMax
        tasks[key]?.note(update, keeping: limit)
        setState(latest, of: key)
        if !task.state.isTerminal, latest.isTerminal { ended(key, update, latest) }
        announce { core in .taskUpdated(update, state: core.tasks[key]?.state ?? latest) }
        // Nobody acknowledges what has no id.
        if update.id == nil, update.state.isTerminal { complete(key) }
        taskEndedOnAgent(agent, at: now)
    }

    /// What an agent says of a task that is not known on it. Its framework hears of it, unless the task is on another
    /// agent: then what this one has under the name is nothing the framework waits for, and ends.
    private mutating func strayUpdate(
        _ update: StatusUpdate, _ key: TaskReference, latest: TaskState, from agent: AgentID
    ) {
        note(
            "task.unknown", "An agent reports on a task that is not known on it", level: .warning,
            ["task": key.task.text, "framework": key.framework.text, "agent": agent.text])
        guard let known = claim(to: key), known.agent != agent else {
            publish(.update(update), to: key.framework)
            return
        }
        // Either may be the true one: it is sent again, and heard when the other has gone.
        if known.isAdopted { return }
        // Without this it would be sent again for ever.
        if let id = update.id { send(.acknowledge(id, key), to: agent) }
        if !latest.isTerminal, latest != .killing { send(.kill(key, gracePeriod: nil), to: agent) }
    }

    private mutating func ended(_ key: TaskReference, _ update: StatusUpdate, _ state: TaskState) {
        let isLatest = update.state == state
        counters.endings[
            TaskEnding(state, isLatest ? update.source : .agent, isLatest ? update.reason : nil), default: 0] += 1
        returnResources(of: key)
    }

    mutating func acknowledge(
        _ id: UpdateID, _ key: TaskReference, agent: AgentID, at now: Instant
    ) {
        guard let record = agents[agent], record.isConnected else {
            // The agent sends it again when it is back, and it will be acknowledged then.
            counters.invalidAcknowledgements += 1
            return
        }
        guard let task = tasks[key], task.agent == agent else {
            // The agent may know more: it ignores what it does not wait for.
            counters.invalidAcknowledgements += 1
            send(.acknowledge(id, key), to: agent)
            return
        }
        guard let pending = task.pendingUpdate, pending.id == id else {
            counters.invalidAcknowledgements += 1
            return
        }
        counters.validAcknowledgements += 1
        tasks[key]?.pendingUpdate = nil
        tasks[key]?.acknowledgedUpdate = id
        send(.acknowledge(id, key), to: agent)
        if pending.state.isTerminal { complete(key) }
        taskEndedOnAgent(agent, at: now)
    }

    // MARK: The master's own reports

    /// A report that nobody need acknowledge; of a task that is or was known, also kept with it.
    mutating func report(
        _ state: TaskState, _ key: TaskReference, because reason: StatusReason, _ message: String,
        agent: AgentID?, executor: ExecutorID? = nil, unreachableSince: Instant? = nil, at now: Instant
    ) {
        let update = StatusUpdate(
            framework: key.framework, task: key.task, state: wireState(state, for: key.framework), source: .master,
            reason: reason, message: message, agent: agent, executor: executor, at: now,
            unreachableSince: unreachableSince)
        let limit = configuration.limits.statusesMax
        tasks[key]?.note(update, keeping: limit)
        publish(.update(update), to: key.framework)
        if tasks[key] == nil, state.isTerminal {
            counters.endings[TaskEnding(update.state, .master, reason), default: 0] += 1
        }
    }

    /// The states of lost agents are TASK_LOST for a framework that does not know them.
    func wireState(_ state: TaskState, for framework: FrameworkID) -> TaskState {
        frameworks[framework]?.has(.partitionAware) == true ? state : state.withoutPartitions
    }

    mutating func taskLostItsAgent(_ key: TaskReference, for why: AgentRemoval, at now: Instant) {
        guard let task = tasks[key] else { return }
        // The agent goes with all that was used of it: the allocator counts no more of it.
        endUse(of: key)
        if task.state.isTerminal {
            complete(key)
            return
        }
        switch why {
        case .unreachable:
            report(
                .unreachable, key, because: .agentRemoved, "agent \(task.agent) has not been heard of",
                agent: task.agent, executor: task.executor, unreachableSince: now, at: now)
            setState(wireState(.unreachable, for: key.framework), of: key)
        case .gone:
            report(
                .goneByOperator, key, because: .agentRemovedByOperator,
                "an operator has given agent \(task.agent) up for good", agent: task.agent, executor: task.executor,
                at: now)
            setState(wireState(.goneByOperator, for: key.framework), of: key)
        case .takenDown:
            report(
                .lost, key, because: .agentRemoved, "the machine of agent \(task.agent) is down for maintenance",
                agent: task.agent, executor: task.executor, at: now)
            setState(.lost, of: key)
            counters.endings[TaskEnding(.lost, .master, .agentRemoved), default: 0] += 1
            // This is the last word. Whoever asks later hears that nobody knows the task.
            tasks[key]?.pendingUpdate = nil
        }
        let latest = tasks[key]?.statuses.last
        guard let record = removeTask(key) else { return }
        if let latest { announce { _ in .taskUpdated(latest, state: record.state) } }
        if why == .unreachable {
            let limit = configuration.limits.unreachableTasksMax
            frameworks[key.framework]?.unreachableTasks.append(record, keeping: limit)
        } else {
            let limit = configuration.limits.completedTasksMax
            frameworks[key.framework]?.completedTasks.append(record, keeping: limit)
        }
    }

    /// The task of a framework that is removed: its agent has been told to end it.
    mutating func endWithFramework(_ key: TaskReference, at now: Instant) {
        guard let task = tasks[key] else { return }
        if !task.state.isTerminal {
            report(
                .killed, key, because: .frameworkRemoved, "the framework has been removed", agent: task.agent,
                executor: task.executor, at: now)
            setState(.killed, of: key)
            counters.endings[TaskEnding(.killed, .master, .frameworkRemoved), default: 0] += 1
            announce { core in core.tasks[key]?.statuses.last.map { .taskUpdated($0, state: .killed) } }
        }
        // The framework goes, and all it held with it.
        endUse(of: key)
        complete(key)
    }

    // MARK: Executors

    mutating func executorLost(
        _ executor: ExecutorID, of framework: FrameworkID, on agent: AgentID, status: Int32, at now: Instant
    ) {
        let known = agents[agent]?.executors[framework]?.removeValue(forKey: executor)
        if agents[agent]?.executors[framework]?.isEmpty == true { agents[agent]?.executors[framework] = nil }
        guard let known else { return }
        count(framework, on: agent, by: -1)
        giveBack(Resources(known.resources), of: framework, on: agent)
        publish(.executorLost(executor, agent: agent, status: status), to: framework)
        note(
            "executor.lost", "An executor has ended",
            [
                "executor": executor.text, "framework": framework.text, "agent": agent.text, "status": "\(status)",
            ])
    }
}
