public import ClusterAPI
public import ClusterModel
public import Containers
public import Determinism

/// What the agent shows of itself. Nothing here changes anything.
extension Agent {
    /// The answer to a call that only looks; nil before the agent has been admitted, for what shows its id.
    ///
    /// `statistics`: what the containerizer has measured of a container; nil leaves it out.
    public func response(
        to query: AgentQuery, statistics: (ContainerID) -> ResourceStatistics? = { _ in nil }
    ) -> AgentResponse? {
        switch query {
        case .state:
            .state(AgentStateView(tasks: taskViews, executors: executorsView, frameworks: frameworksView))
        case .agent:
            info.map {
                .agent(
                    OwnAgentView(
                        info: $0, drain: state.drain?.configuration, drainStartedAt: state.drain?.startedAt))
            }
        case .frameworks: .frameworks(frameworksView)
        case .executors: .executors(executorsView)
        case .tasks: .tasks(taskViews)
        case .operations: .operations(operationViews)
        case .providers: .providers
        case .containers(let nested, let standalone):
            .containers(containerViews(showNested: nested, showStandalone: standalone, statistics: statistics))
        }
    }

    private var taskViews: AgentTasksView {
        var views = AgentTasksView()
        for task in state.tasks.values {
            let view = view(of: task)
            if task.state.isTerminal {
                views.terminated.append(view)
            } else if let executor = task.executorContainer, task.ownContainer == nil, !task.isDelivered {
                if executorStreams[executor] == nil { views.queued.append(view) } else { views.pending.append(view) }
            } else if case .planned? = task.ownContainer.flatMap({ state.containers[$0]?.phase }) {
                views.pending.append(view)
            } else {
                views.launched.append(view)
            }
        }
        views.completed = completed.tasks.map(view(of:))
        return views
    }

    func view(of task: TaskRun) -> TaskView {
        let head = state.streams[task.key]?.head
        return TaskView(
            task.spec, framework: task.framework, state: task.state, statuses: task.statuses,
            updateState: head?.state, updateID: head?.id, user: state.frameworks[task.framework]?.info.user)
    }

    private var executorsView: AgentExecutorsView {
        let running = state.executors.values.filter { state.containers[$0.container]?.exit == nil }
        return AgentExecutorsView(executors: running.map(\.spec), completed: completed.executors)
    }

    private var frameworksView: AgentFrameworksView {
        AgentFrameworksView(
            frameworks: state.frameworks.values.map(\.info),
            completed: completed.frameworks.filter { state.frameworks[$0.id] == nil })
    }

    private var operationViews: [OperationView] {
        state.operations.values.map { run in
            let latest = run.status ?? operationStatus(run.order, .pending)
            return OperationView(order: run.order, agent: state.id, latest: latest, statuses: [latest])
        }
    }

    private func containerViews(
        showNested: Bool, showStandalone: Bool, statistics: (ContainerID) -> ResourceStatistics?
    ) -> [ClusterAPI.ContainerView] {
        var views: [ClusterAPI.ContainerView] = []
        for run in state.containers.values where run.exit == nil {
            let isNested = run.launch.parent != nil
            let isStandalone = !isNested && run.purpose == .ordered
            guard showNested || !isNested, showStandalone || !isStandalone else { continue }
            views.append(
                ClusterAPI.ContainerView(
                    container: run.path, framework: owner(of: run)?.framework, executor: owner(of: run)?.executor,
                    executorName: executorName(of: run), status: containerStatus(run),
                    statistics: statistics(run.id)))
        }
        return views
    }

    /// Whose a container is, up through those it is in.
    func owner(of run: ContainerRun) -> (framework: FrameworkID, executor: ExecutorID?)? {
        var run = run
        while true {
            switch run.purpose {
            case .executor(let key): return (key.framework, key.executor)
            case .task(let key):
                return (key.framework, state.tasks[key].flatMap(executorID(of:)) ?? executorName(ofAlone: key.task))
            case .ordered:
                guard let parent = run.launch.parent.flatMap({ state.containers[$0] }) else { return nil }
                run = parent
            }
        }
    }

    private func executorName(of run: ContainerRun) -> String? {
        guard case .task(let key) = run.purpose, let task = state.tasks[key], task.executorContainer == nil else {
            return state.executors[run.id]?.spec.name
        }
        return Self.executorName(of: task.spec)
    }

    // MARK: For the driver

    /// The runtime's name of a container, by the protocol's.
    public func container(at path: ContainerPath) -> ContainerID? {
        state.container(at: path).flatMap { $0.exit == nil ? $0.id : nil }
    }

    /// The session open under that name.
    public func session(at path: ContainerPath) -> CallID? { sessions.first { $0.value.path == path }?.key }

    /// Where a task's or an executor's files are, while the agent knows of it.
    public func sandbox(of container: ContainerID) -> String? { state.containers[container]?.sandbox.path }

    /// Containers that run, and whose processor and memory they may use, by what was asked for.
    public var runningContainers: [ContainerID] {
        state.containers.values.compactMap { run in
            if case .launched = run.phase { run.id } else { nil }
        }
    }

    /// The role that owns what is in the container: whom to ask before somebody may look or touch. Nil: nobody's.
    public func owningRole(of path: ContainerPath) -> RoleName? {
        var path: ContainerPath? = path
        while let present = path {
            if let run = state.container(at: present) {
                return owner(of: run).flatMap { role(of: $0.framework) }
            }
            path = present.parent
        }
        return nil
    }

    /// The first role of a framework that has something here, or had.
    public func role(of framework: FrameworkID) -> RoleName? {
        let info = state.frameworks[framework]?.info ?? completed.frameworks.first { $0.id == framework }
        return info.map { $0.roles.first ?? .anyone }
    }

    /// Recovery is over and calls are served.
    public var isReady: Bool { isServing }

    public var isRegistered: Bool { link.phase == .registered }

    /// Since when the agent's program runs.
    public var runningSince: Instant { startedAt }
}

// MARK: - Metrics

extension Agent {
    /// `slave/…` by the protocol's names, sorted.
    public func metrics(at instant: Instant) -> [Metric] {
        var values: [String: Double] = [
            "slave/registered": isRegistered ? 1 : 0,
            "slave/uptime_secs": max(.zero, instant - startedAt).inSeconds,
            "slave/recovery_errors": Double(counters.recoveryErrors),
            "slave/container_launch_errors": Double(counters.launchFailures),
            "slave/frameworks_active": Double(state.frameworks.count),
            "slave/executors_terminated": Double(counters.executorsTerminated),
            "slave/executors_preempted": 0,
            "slave/tasks_finished": Double(counters.tasksFinished),
            "slave/tasks_failed": Double(counters.tasksFailed),
            "slave/tasks_killed": Double(counters.tasksKilled),
            "slave/tasks_lost": Double(counters.tasksLost),
            "slave/tasks_gone": Double(counters.tasksGone),
            "slave/valid_status_updates": Double(counters.validUpdates),
            "slave/invalid_status_updates": Double(counters.invalidUpdates),
            "slave/valid_framework_messages": Double(counters.validMessages),
            "slave/invalid_framework_messages": Double(counters.invalidMessages),
            "containerizer/mesos/container_destroy_errors": Double(counters.destroyFailures),
            "containerizer/fetcher/task_fetches_succeeded": Double(counters.fetchesSucceeded),
            "containerizer/fetcher/task_fetches_failed": Double(counters.fetchesFailed),
            "gc/path_removals_pending": Double(state.sandboxes.count),
            "gc/path_removals_succeeded": Double(counters.pathsCollected),
            "gc/path_removals_failed": Double(counters.pathsNotCollected),
            "bulkhead/journal_failures": Double(counters.storeFailures),
        ]
        if let allowed = collection.allowedAge {
            values["slave/executor_directory_max_allowed_age_secs"] = allowed.inSeconds
        }
        if let recoveredAt { values["slave/recovery_time_secs"] = max(.zero, recoveredAt - startedAt).inSeconds }
        addWork(to: &values)
        addResources(to: &values)
        return values.sorted { $0.key < $1.key }.map { Metric($0.key, $0.value) }
    }

    private func addWork(to values: inout [String: Double]) {
        let live = state.tasks.values
        let names: [(TaskState, String)] = [
            (.staging, "staging"), (.starting, "starting"), (.running, "running"), (.killing, "killing"),
        ]
        for (state, name) in names { values["slave/tasks_\(name)"] = Double(live.count { $0.state == state }) }
        var registering = 0
        var running = 0
        var terminating = 0
        for run in state.executors.values where state.containers[run.container]?.exit == nil {
            if run.ending != nil {
                terminating += 1
            } else if run.isPod || executorStreams[run.container] != nil {
                running += 1
            } else {
                registering += 1
            }
        }
        values["slave/executors_registering"] = Double(registering)
        values["slave/executors_running"] = Double(running)
        values["slave/executors_terminating"] = Double(terminating)
    }

    private func addResources(to values: inout [String: Double]) {
        let total = Resources(totals)
        var used = Resources()
        for task in state.tasks.values where !task.state.isTerminal { used += Resources(task.spec.resources) }
        for run in state.executors.values where state.containers[run.container]?.exit == nil {
            used += Resources(run.spec.resources)
        }
        // What can be taken back at any time is counted apart.
        let kinds = [
            ("", total.nonRevocable.quantities, used.nonRevocable.quantities),
            ("_revocable", total.revocable.quantities, used.revocable.quantities),
        ]
        for (kind, total, used) in kinds {
            for name in ["cpus", "mem", "disk", "gpus"] {
                let all = total[name].value
                let taken = used[name].value
                values["slave/\(name)\(kind)_total"] = all
                values["slave/\(name)\(kind)_used"] = taken
                values["slave/\(name)\(kind)_percent"] = all > 0 ? taken / all : 0
            }
        }
    }
}

extension Duration {
    var inSeconds: Double { Double(saturatingNanoseconds) / 1e9 }
}
