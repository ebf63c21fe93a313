import Allocation
import Authorization
public import ClusterAPI
import ClusterModel

/// Answers to operators' calls that only look. They show what the caller may see and leave the rest out.
extension MasterCore {
    public func response(to query: OperatorQuery, by principal: String? = nil) -> OperatorResponse {
        let viewer = Viewer(authorizer: configuration.authorizer, subject: Subject(principal: principal))
        switch query {
        case .state: return .state(stateView(for: viewer))
        case .agents: return .agents(agentsView(for: viewer))
        case .frameworks: return .frameworks(frameworksView(for: viewer))
        case .executors: return .executors(executorViews(for: viewer))
        case .operations: return .operations(operationViews(for: viewer))
        case .tasks: return .tasks(tasksView(for: viewer))
        case .roles: return .roles(roleViews(for: viewer))
        case .weights: return .weights(weightViews(for: viewer))
        case .master: return .master(MasterView(info: configuration.master, startedAt: elected, electedAt: elected))
        case .maintenanceStatus:
            return .maintenanceStatus(viewer.may(.viewMaintenance) ? maintenanceStatus : MaintenanceStatus())
        case .maintenanceSchedule:
            return .maintenanceSchedule(viewer.may(.viewMaintenance) ? maintenance.schedule : MaintenanceSchedule())
        case .quota: return .quota(quotaStatus(for: viewer))
        }
    }

    /// A copy for readers, without what no answer shows: what is shared is copied at its next change, and that would
    /// hold up the events that follow.
    public var shown: MasterCore {
        var copy = self
        copy.allocator = FairAllocator(options: configuration.allocator)
        copy.timers = [:]
        copy.arrivals = [:]
        copy.tickets = [:]
        copy.expiries = []
        copy.removalQueue = []
        copy.effects = []
        return copy
    }

    /// Everything, for an operator who begins to watch.
    public func stateView(by principal: String? = nil) -> StateView {
        stateView(for: Viewer(authorizer: configuration.authorizer, subject: Subject(principal: principal)))
    }

    private func stateView(for viewer: Viewer) -> StateView {
        StateView(
            tasks: tasksView(for: viewer), executors: executorViews(for: viewer),
            frameworks: frameworksView(for: viewer), agents: agentsView(for: viewer))
    }

    // MARK: Lists

    private func agentsView(for viewer: Viewer) -> AgentsView {
        guard viewer.may(.viewAgents) else { return AgentsView() }
        var view = AgentsView()
        for id in agents.keys.sorted() {
            guard let record = agents[id] else { continue }
            if record.isRecovered {
                view.recovered.append(record.info)
            } else if let agent = agentView(id) {
                view.agents.append(agent)
            }
        }
        return view
    }

    private func frameworksView(for viewer: Viewer) -> FrameworksView {
        let shown = frameworks.keys.sorted().filter { viewer.may(.viewFramework, of: frameworks[$0]?.info) }
        return FrameworksView(
            frameworks: shown.compactMap(frameworkView),
            completed: completedFrameworks.filter { viewer.may(.viewFramework, of: $0.info) }.map { completed in
                FrameworkView(
                    info: completed.info, isActive: false, isConnected: false, registeredAt: completed.registered,
                    reregisteredAt: completed.reregistered, unregisteredAt: completed.removed)
            })
    }

    private func tasksView(for viewer: Viewer) -> TasksView {
        var view = TasksView()
        for id in frameworks.keys.sorted() {
            guard let record = frameworks[id], viewer.may(.viewTask, of: record.info) else { continue }
            let look = look(user: record.info.user)
            for run in record.tasks.runs {
                view.tasks.append(run.count, of: id) { look(TaskReference(framework: id, task: run[$0])) }
            }
            add(record.unreachableTasks.all, of: id, to: &view.unreachable)
            add(record.completedTasks.all, of: id, to: &view.completed)
        }
        for completed in completedFrameworks where viewer.may(.viewTask, of: completed.info) {
            add(completed.tasks, of: completed.info.id, to: &view.completed)
        }
        return view
    }

    /// Looks at one task of a framework, whose user is `user`, when it is to be shown.
    private func look(user: String?) -> @Sendable (TaskReference) -> TaskView? {
        let tasks = tasks
        return { key in tasks[key].map { MasterCore.taskView($0, user: user) } }
    }

    /// Each is looked at when it is written, not before.
    private func add(_ records: [TaskRecord], of framework: FrameworkID, to listing: inout TaskListing) {
        let user = frameworks[framework]?.info.user
        listing.append(records.count, of: framework) { MasterCore.taskView(records[$0], user: user) }
    }

    private func executorViews(for viewer: Viewer) -> [ExecutorView] {
        var views: [ExecutorView] = []
        for agent in agents.keys.sorted() {
            let executors = agents[agent]?.executors ?? [:]
            for framework in executors.keys.sorted() where viewer.may(.viewExecutor, of: frameworks[framework]?.info) {
                let own = executors[framework] ?? [:]
                views += own.keys.sorted().compactMap { id in own[id].map { ExecutorView($0, agent: agent) } }
            }
        }
        return views
    }

    private func operationViews(for viewer: Viewer) -> [OperationView] {
        guard viewer.may(.viewOperations) else { return [] }
        let ordered = operations.values.sorted {
            ($0.asked, $0.order.key.high, $0.order.key.low) < ($1.asked, $1.order.key.high, $1.order.key.low)
        }
        return ordered.map { record in
            OperationView(order: record.order, agent: record.agent, latest: record.status, statuses: [record.status])
        }
    }

    // MARK: Roles

    /// Roles that have frameworks, resources, a weight or quota, and those above them; sorted. With a list of the roles
    /// there may be, those on it, whether they have anything or not.
    private func roleViews(for viewer: Viewer) -> [RoleView] {
        var members: [RoleName: [FrameworkID]] = [:]
        for id in frameworks.keys.sorted() {
            for role in frameworks[id]?.info.roles ?? [] { members[role, default: []].append(id) }
        }
        // What a role has, those above it have, too.
        var allocated: [RoleName: Quantities] = [:]
        for (role, resources) in allocatedByRole.sorted(by: { $0.key < $1.key }) {
            let quantities = resources.quantities
            for name in role.withAncestors { allocated[name, default: .none] += quantities }
        }
        let known: Set<RoleName>
        if let listed = configuration.roles {
            known = Set(listed + [.anyone])
        } else {
            let reserved = agents.values.flatMap { $0.total.compactMap(\.reservedFor) }
            known = Set(members.keys).union(allocated.keys).union(weights.keys).union(quotas.keys).union(reserved)
        }
        let names = Set(known.flatMap(\.withAncestors))
        return names.sorted().filter { viewer.may(.viewRole, on: $0.text) }.map { name in
            RoleView(
                name: name, weight: weights[name] ?? 1, frameworks: members[name] ?? [],
                allocated: allocated[name] ?? .none)
        }
    }

    /// What is given or offered in each role itself.
    private var allocatedByRole: [RoleName: Resources] {
        var allocated: [RoleName: Resources] = [:]
        for key in tasks.keys.sorted() {
            guard let task = tasks[key], !task.hasReturnedResources else { continue }
            allocated[task.role, default: .none] += task.resources
        }
        for agent in agents.keys.sorted() {
            guard let record = agents[agent] else { continue }
            for (framework, executors) in record.executors.sorted(by: { $0.key < $1.key }) {
                for executor in executors.values.sorted(by: { $0.id < $1.id }) {
                    let role = executor.resources.first?.allocatedTo ?? frameworks[framework]?.info.roles.first
                    if let role { allocated[role, default: .none] += Resources(executor.resources) }
                }
            }
            for id in record.offers.sorted() {
                guard let offer = offers[id] else { continue }
                allocated[offer.offer.role, default: .none] += offer.resources
            }
        }
        return allocated
    }

    private func weightViews(for viewer: Viewer) -> [RoleWeight] {
        weights.keys.sorted().filter { viewer.may(.viewRole, on: $0.text) }.map { role in
            RoleWeight(role, weight: weights[role] ?? 1)
        }
    }

    private func quotaStatus(for viewer: Viewer) -> QuotaStatus {
        QuotaStatus(
            quotas.keys.sorted().filter { viewer.may(.viewQuota, on: $0.text) }.map { role in
                QuotaConfig(role, quota: quotas[role] ?? .unlimited)
            })
    }
}

extension RoleName {
    /// The role itself and those above it.
    fileprivate var withAncestors: [RoleName] { Array(sequence(first: self, next: \.parent)) }
}

/// What one caller may see.
private struct Viewer {
    let authorizer: any Authorizer
    let subject: Subject

    func may(_ action: Action, on object: String? = nil) -> Bool {
        authorizer.decide(subject, to: action, on: object).isAllowed
    }

    /// A framework is seen by whoever may see one of its roles.
    func may(_ action: Action, of framework: FrameworkInfo?) -> Bool {
        guard let framework else { return may(action) }
        return framework.roles.contains { may(action, on: $0.text) }
    }
}
