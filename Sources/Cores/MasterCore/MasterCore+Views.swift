public import ClusterAPI
public import ClusterModel

/// What operators see of single records. Resources are summed where they are shown.
extension MasterCore {
    public func taskView(_ task: TaskRecord) -> TaskView {
        TaskView(
            task.spec, framework: task.framework, state: task.state, statuses: task.statuses,
            updateState: task.pendingUpdate?.state, updateID: task.pendingUpdate?.id,
            user: user(of: task.spec) ?? frameworks[task.framework]?.info.user)
    }

    public func agentView(_ id: AgentID) -> AgentView? {
        guard let record = agents[id] else { return nil }
        var allocated = Resources.none
        for key in record.tasks.sorted() {
            if let task = tasks[key], !task.hasReturnedResources { allocated += task.resources }
        }
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
        for task in record.tasks.sorted() {
            if let task = tasks[TaskReference(framework: id, task: task)], !task.hasReturnedResources {
                allocated += task.resources
            }
        }
        for agent in record.agents.keys.sorted() {
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

    /// Everything, for an operator who begins to watch.
    public func stateView() -> StateView {
        let frameworkIDs = frameworks.keys.sorted()
        return StateView(
            tasks: TasksView(
                tasks: tasks.keys.sorted().compactMap { tasks[$0].map(taskView) },
                unreachable: frameworkIDs.flatMap { frameworks[$0]?.unreachableTasks.all.map(taskView) ?? [] },
                completed: frameworkIDs.flatMap { frameworks[$0]?.completedTasks.all.map(taskView) ?? [] }),
            executors: executorViews(), frameworks: FrameworksView(frameworks: frameworkIDs.compactMap(frameworkView)),
            agents: AgentsView(
                agents: agents.keys.sorted().filter { agents[$0]?.isRecovered == false }.compactMap(agentView),
                recovered: agents.keys.sorted().filter { agents[$0]?.isRecovered == true }.compactMap { agents[$0]?.info })
        )
    }

    private func executorViews() -> [ExecutorView] {
        var views: [ExecutorView] = []
        for agent in agents.keys.sorted() {
            for (_, executors) in (agents[agent]?.executors ?? [:]).sorted(by: { $0.key < $1.key }) {
                views += executors.keys.sorted().compactMap { id in executors[id].map { ExecutorView($0, agent: agent) } }
            }
        }
        return views
    }
}
