public import ClusterModel

/// Which of the tasks `/tasks` shows.
public struct TaskPage: Hashable, Sendable {
    /// How many at most.
    public var limit: Int
    public var offset: Int
    /// By the time of their first status; false: the newest first.
    public var isAscending: Bool
    public var framework: FrameworkID?
    public var task: TaskID?

    public init(
        limit: Int = 100, offset: Int = 0, isAscending: Bool = false, framework: FrameworkID? = nil, task: TaskID? = nil
    ) {
        self.limit = max(0, limit)
        self.offset = max(0, offset)
        self.isAscending = isAscending
        self.framework = framework
        self.task = task
    }
}

extension MasterDocuments {
    /// `/tasks`: those that run, those on agents not heard of, those that have ended.
    public func tasks(_ page: TaskPage) -> JSONDocument {
        let lists = [state.tasks.tasks, state.tasks.unreachable, state.tasks.completed]
        var order: [(at: Int64, list: Int, index: Int)] = []
        for (list, tasks) in lists.enumerated() {
            for index in 0..<tasks.count {
                guard let task = tasks[index] else { continue }
                guard page.framework == nil || task.framework == page.framework else { continue }
                guard page.task == nil || task.id == page.task else { continue }
                order.append((task.statuses.first?.at.nanoseconds ?? 0, list, index))
            }
        }
        order.sort { page.isAscending ? $0 < $1 : $0 > $1 }
        let shown = order.dropFirst(page.offset).prefix(page.limit).compactMap { lists[$0.list][$0.index] }
        return JSONDocument(stretches: [.begin, .every("tasks", shown) { $0.legacyTask($1) }, .end])
    }

    /// `/state-summary`: agents and frameworks with how many of their tasks are in which state.
    public var summaryDocument: JSONDocument {
        var counts = TaskCounts()
        for task in state.tasks.tasks { counts.add(task) }
        for task in state.tasks.unreachable { counts.add(task) }
        for task in state.tasks.completed { counts.add(task) }
        let final = counts
        return JSONDocument(stretches: [
            .begin,
            .piece { sink in
                sink.member("hostname", master.info.address.hostname)
                sink.member("cluster", cluster)
            },
            .every("slaves", state.agents.agents) { sink, agent in
                sink.legacyAgent(agent, isFull: false)
                sink.taskCounts(final.byAgent[agent.info.id])
                sink.every("framework_ids", final.frameworks[agent.info.id]?.sorted() ?? []) { $0.text($1.text) }
            },
            .every("frameworks", state.frameworks.frameworks) { sink, framework in
                sink.legacyFramework(framework)
                sink.taskCounts(final.byFramework[framework.info.id])
                sink.every("slave_ids", final.agents[framework.info.id]?.sorted() ?? []) { $0.text($1.text) }
            }, .end,
        ])
    }

    /// `/roles`.
    public static func roles(_ roles: [RoleView], quota: QuotaStatus) -> JSONDocument {
        var quotas: [RoleName: Quota] = [:]
        for config in quota.configs { quotas[config.role] = config.quota }
        let all = quotas
        return JSONDocument(stretches: [
            .begin,
            .every("roles", roles) { sink, role in
                sink.every("frameworks", role.frameworks) { $0.text($1.text) }
                sink.member("name", role.name.text)
                sink.summary("allocated", role.allocated.plain)
                if let quota = all[role.name] {
                    sink.object("quota") { sink in
                        sink.object("guarantee") { $0.amounts(quota.guarantees.amounts) }
                        sink.object("limit") { $0.amounts(quota.limits.bounds) }
                        sink.member("role", role.name.text)
                    }
                }
                sink.summary("resources", role.allocated.plain)
                sink.member("weight", role.weight)
            }, .end,
        ])
    }

    /// `/maintenance/schedule`.
    public static func schedule(_ schedule: MaintenanceSchedule) -> JSONDocument {
        JSONDocument(stretches: [.piece { $0.value(.maintenanceSchedule(schedule)) }])
    }

    /// `/maintenance/status`.
    public static func maintenance(_ status: MaintenanceStatus) -> JSONDocument {
        JSONDocument(stretches: [.piece { sink in sink.object { $0.maintenanceStatus(status) } }])
    }

    /// GET of `/quota`.
    public static func quota(_ status: QuotaStatus) -> JSONDocument {
        JSONDocument(stretches: [.piece { sink in sink.object { $0.quotaStatus(status) } }])
    }

    /// GET of `/weights`.
    public static func weights(_ weights: [RoleWeight]) -> JSONDocument {
        JSONDocument(stretches: [.piece { $0.value(.array(weights.map(WireValue.weight))) }])
    }
}

/// How many tasks are in which state, by agent and by framework.
private struct TaskCounts: Sendable {
    private(set) var byAgent: [AgentID: [TaskState: Int]] = [:]
    private(set) var byFramework: [FrameworkID: [TaskState: Int]] = [:]
    private(set) var frameworks: [AgentID: Set<FrameworkID>] = [:]
    private(set) var agents: [FrameworkID: Set<AgentID>] = [:]

    mutating func add(_ task: TaskView) {
        byAgent[task.agent, default: [:]][task.state, default: 0] += 1
        byFramework[task.framework, default: [:]][task.state, default: 0] += 1
        frameworks[task.agent, default: []].insert(task.framework)
        agents[task.framework, default: []].insert(task.agent)
    }
}

extension WireSink {
    fileprivate mutating func taskCounts(_ counts: [TaskState: Int]?) {
        for state in TaskState.allCases {
            name(state.rawValue)
            integer(Int64(counts?[state] ?? 0))
        }
    }

    fileprivate mutating func amounts(_ amounts: [Quantities.Amount]) {
        for amount in amounts {
            name(amount.name)
            decimal(amount.scalar.thousandths, places: 3)
        }
    }
}
