public import ClusterAPI
public import ClusterModel

/// What operators see of single records. Resources are summed where they are shown.
extension MasterCore {
    public func taskView(_ task: TaskRecord) -> TaskView {
        MasterCore.taskView(task, user: frameworks[task.framework]?.info.user)
    }

    /// `user`: the framework's.
    static func taskView(_ task: TaskRecord, user: String?) -> TaskView {
        TaskView(
            task.spec, framework: task.framework, state: task.state, statuses: task.statuses,
            updateState: task.pendingUpdate?.state, updateID: task.pendingUpdate?.id,
            user: MasterCore.user(of: task.spec) ?? user)
    }

    public func agentView(_ id: AgentID) -> AgentView? {
        guard let record = agents[id] else { return nil }
        var allocated = Resources.none
        for framework in record.used.keys.sorted() { allocated += record.used[framework] ?? .none }
        for framework in record.executors.keys.sorted() {
            let executors = record.executors[framework] ?? [:]
            for id in executors.keys.sorted() { allocated += Resources(executors[id]?.resources ?? []) }
        }
        let offered = record.offers.sorted().reduce(into: Resources.none) { $0 += offers[$1]?.resources ?? .none }
        return AgentView(
            info: record.info, isActive: record.isActive, isDeactivated: record.entry.isDeactivated,
            version: record.version, registeredAt: record.entry.registered, reregisteredAt: record.reregistered,
            total: Array(record.total), allocated: Array(allocated), offered: Array(offered), drain: record.entry.drain)
    }

    public func frameworkView(_ id: FrameworkID) -> FrameworkView? {
        guard let record = frameworks[id] else { return nil }
        var allocated = Resources.none
        for agent in record.agents.keys.sorted() {
            allocated += agents[agent]?.used[id] ?? .none
            let executors = agents[agent]?.executors[id] ?? [:]
            for id in executors.keys.sorted() { allocated += Resources(executors[id]?.resources ?? []) }
        }
        let own = record.offers.sorted().compactMap { offers[$0] }
        return FrameworkView(
            info: record.info, isActive: record.isActive, isConnected: record.isConnected,
            isRecovered: record.connection == .recovered, registeredAt: record.registered,
            reregisteredAt: record.reregistered, offers: own.map(\.offer),
            inverseOffers: record.inverseOffers.sorted().compactMap { inverseOffers[$0] },
            allocated: Array(allocated), offered: Array(own.reduce(into: Resources.none) { $0 += $1.resources }),
            suppressedRoles: record.suppressedRoles.sorted(), constraints: record.constraints)
    }
}
