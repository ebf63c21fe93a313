import Allocation
import ClusterAPI
import ClusterModel
import Coordination
import Determinism

/// What an agent brings along when it registers: tasks, executors, operations and the frameworks they belong to.
extension MasterCore {
    /// Frameworks only the agent knows of, because the registry was lost or is another one: they are known from now on.
    mutating func admitFrameworks(of registration: AgentRegistration, at now: Instant) -> [RegistryChange] {
        var changes: [RegistryChange] = []
        for info in registration.frameworks where frameworks[info.id] == nil && removedFrameworks[info.id] == nil {
            changes.append(.putFramework(RegisteredFramework(info: info, registered: now)))
        }
        return changes
    }

    /// Takes over what the agent reports and drops what it does not have.
    mutating func adopt(
        _ registration: AgentRegistration, by agent: AgentID, wasUnreachable: Bool, at now: Instant
    ) {
        for info in registration.frameworks { adopt(info, on: agent, at: now) }
        let believed = agents[agent]?.tasks ?? []
        adoptExecutors(registration.executors, on: agent)
        let (reported, killed, foreign) = adopt(
            registration.tasks, on: agent, wasUnreachable: wasUnreachable, at: now)
        if wasUnreachable { forgetUnreachable(on: agent, at: now) }
        adoptOperations(registration.operations, on: agent)
        let missing = believed.subtracting(reported).sorted()
        for key in missing where tasks[key]?.state.isTerminal == true { complete(key) }
        let doubtful = missing.filter { tasks[$0] != nil }
        // They were sent on a link that is no more, and never arrived: they hold nothing, and what they were to have
        // may not be there, such as a volume whose creation was lost with them.
        for key in doubtful { endUse(of: key) }
        if let info = agents[agent]?.currentInfo { allocator.addAgent(info, holdings: holdings(on: agent)) }
        if !doubtful.isEmpty { send(.reconcile(doubtful), to: agent) }
        for key in killed.sorted() {
            if let kill = tasks[key]?.killAsked { send(.kill(key, gracePeriod: kill.gracePeriod), to: agent) }
        }
        endForeign(foreign, on: agent)
    }

    /// The framework knows these on another agent: what runs here under their names is nothing it waits for. Where the
    /// other agent is known by its own word alone, as all are to a new master, the one that came first may be the one
    /// that lies: nothing is ended then.
    private mutating func endForeign(_ keys: [TaskReference], on agent: AgentID) {
        if keys.isEmpty { return }
        let launched = keys.filter { claim(to: $0)?.isAdopted != true }
        note(
            "task.foreign",
            "An agent has tasks that are known on another agent: those that this master launched there end here",
            level: .warning, ["agent": agent.text, "tasks": "\(keys.count)", "ended": "\(launched.count)"])
        for key in launched.sorted() { send(.kill(key, gracePeriod: nil), to: agent) }
    }

    /// On which agent it is, or was when that was last heard of.
    func claim(to key: TaskReference) -> TaskRecord? {
        tasks[key] ?? frameworks[key.framework]?.unreachableTasks[key.task]
    }

    private mutating func adopt(_ info: FrameworkInfo, on agent: AgentID, at now: Instant) {
        if removedFrameworks[info.id] != nil {
            send(.shutdownFramework(info.id), to: agent)
            return
        }
        guard let known = frameworks[info.id] else {
            var record = FrameworkRecord(info: info, connection: .recovered, isActive: false, registered: now)
            let deadline = now + max(info.failoverTimeout, configuration.agentReturnWindow)
            record.failoverDeadline = deadline
            record.failoverTimer = setTimer(.failover(info.id), at: deadline)
            frameworks[info.id] = record
            note(
                "framework.recovered", "A framework is known from an agent only, and may come back",
                ["framework": info.id.text, "agent": agent.text])
            announce { core in core.frameworkView(info.id).map { .frameworkAdded($0) } }
            return
        }
        if known.info != info { send(.updateFramework(known.info), to: agent) }
    }

    private mutating func adoptExecutors(_ reports: [ExecutorReport], on agent: AgentID) {
        for framework in (agents[agent]?.executors ?? [:]).keys.sorted() {
            count(framework, on: agent, by: -(agents[agent]?.executors[framework]?.count ?? 0))
        }
        agents.change(agent) { $0.executors = [:] }
        for report in reports where frameworks[report.spec.framework] != nil {
            agents[agent]?.executors[report.spec.framework, default: [:]][report.spec.id] = report.spec
            count(report.spec.framework, on: agent, by: 1)
        }
    }

    /// Takes over what the agent says it has. Of frameworks that are over there is nothing to take over.
    ///
    /// - Returns: Those it has; of them those that their frameworks want ended; and those that run here and are not
    ///   taken over, because they are known on another agent.
    private mutating func adopt(
        _ reports: [TaskReport], on agent: AgentID, wasUnreachable: Bool, at now: Instant
    ) -> (reported: Set<TaskReference>, killed: [TaskReference], foreign: [TaskReference]) {
        var reported: Set<TaskReference> = []
        reported.reserveCapacity(reports.count)
        var killed: [TaskReference] = []
        var foreign: [TaskReference] = []
        let limit = configuration.limits.statusesMax
        var added: [Keyed] = []
        added.reserveCapacity(reports.count)
        // Few, and not one a task: whose they are, and whether any of theirs were given up.
        var owners: [FrameworkID: Bool] = [:]
        for report in reports where owners[report.framework] == nil {
            if let record = frameworks[report.framework] {
                owners[report.framework] = record.unreachableTasks.count > 0
            }
        }
        for report in reports {
            guard let hasUnreachable = owners[report.framework] else { continue }
            let key = TaskReference(framework: report.framework, task: report.spec.id)
            let isFirst = reported.insert(key).inserted
            if !isFirst { addReported(&added, on: agent) }
            let known = tasks[key]
            let givenUp = hasUnreachable ? frameworks[key.framework]?.unreachableTasks[key.task] : nil
            if let claimed = known ?? givenUp, claimed.agent != agent {
                if isFirst, !report.state.isTerminal { foreign.append(key) }
                continue
            }
            let former = hasUnreachable ? frameworks[key.framework]?.unreachableTasks.remove(key.task) : nil
            let record = MasterCore.record(
                of: report, on: agent, keeping: limit, following: known ?? former)
            if record.killAsked != nil, isFirst { killed.append(key) }
            if known == nil { added.append((key, record)) } else { replaceTask(record) }
            if wasUnreachable, former != nil || known == nil, !report.state.isTerminal {
                tellReturned(report, key, on: agent, at: now)
            }
        }
        addReported(&added, on: agent)
        return (reported, killed, foreign)
    }

    /// `limit`: of its updates so many are kept. Not the core's own: calling that would copy the core for each task.
    private static func record(
        of report: TaskReport, on agent: AgentID, keeping limit: Int, following former: TaskRecord?
    ) -> TaskRecord {
        let role = report.spec.resources.first?.allocatedTo ?? .anyone
        var record = TaskRecord(
            framework: report.framework, sharing: report.$spec, agent: agent, role: role, state: report.state,
            resources: Resources(report.spec.resources).allocated(to: role))
        record.statuses = report.statuses.count > limit ? Array(report.statuses.suffix(limit)) : report.statuses
        record.hasReturnedResources = report.state.isTerminal
        record.killAsked = former?.killAsked
        record.isAdopted = former?.isAdopted ?? true
        if let pending = report.pending, let id = pending.id {
            record.pendingUpdate = TaskRecord.PendingUpdate(state: pending.state, id: id)
        }
        return record
    }

    private mutating func addReported(_ added: inout [Keyed], on agent: AgentID) {
        addTasks(added, on: agent)
        if !observers.isEmpty {
            for (_, record) in added { announce { core in .taskAdded(core.taskView(record)) } }
        }
        added.removeAll(keepingCapacity: true)
    }

    private mutating func tellReturned(
        _ report: TaskReport, _ key: TaskReference, on agent: AgentID, at now: Instant
    ) {
        // It was over by our word only, when the agent was given up and heard nothing of it.
        _ = frameworks[key.framework]?.completedTasks.remove(key.task)
        let update = StatusUpdate(
            framework: key.framework, task: key.task, state: report.state, source: .master,
            reason: .agentReregistered, message: "the agent is back, and the task is still on it", agent: agent,
            executor: report.executor, at: now)
        publish(.update(update), to: key.framework)
    }

    /// The agent is back, and these are not: whoever waits for them hears so.
    private mutating func forgetUnreachable(on agent: AgentID, at now: Instant) {
        endUnreachable(
            on: agent, as: .gone, because: .reconciliation, "agent \(agent) is back without the task", at: now)
    }

    /// Tasks that were unreachable with their agent have an end.
    mutating func endUnreachable(
        on agent: AgentID, as state: TaskState, because reason: StatusReason, _ message: String, at now: Instant
    ) {
        let limit = configuration.limits.completedTasksMax
        for framework in frameworks.keys.sorted() {
            for task in frameworks[framework]?.unreachableTasks.all ?? [] where task.agent == agent {
                guard var last = frameworks[framework]?.unreachableTasks.remove(task.spec.id) else { continue }
                report(state, last.key, because: reason, message, agent: agent, executor: last.executor, at: now)
                let end = wireState(state, for: framework)
                // To a framework that knows no partitions it was lost before.
                if !last.state.isTerminal { countEnd(end, of: framework) }
                last.state = end
                frameworks[framework]?.completedTasks.append(last, keeping: limit)
            }
        }
    }

    /// What every framework has on the agent, for the allocator.
    private func holdings(on agent: AgentID) -> [Holding] {
        guard let record = agents[agent] else { return [] }
        var held = record.used
        for (framework, executors) in record.executors {
            for executor in executors.values.sorted(by: { $0.id < $1.id }) {
                held[framework, default: .none] += Resources(executor.resources)
            }
        }
        return held.keys.sorted().map { Holding(framework: $0, agent: agent, resources: held[$0] ?? .none) }
    }
}
