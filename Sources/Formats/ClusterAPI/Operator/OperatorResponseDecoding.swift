import ClusterModel
import Determinism
public import Diagnostics

extension OperatorResponse {
    /// The whole state of a large cluster is a large body.
    public static let bounds = WireBounds(bytes: 2 << 30, depth: 64, values: 1 << 30)

    /// - Throws: `Failure` `api.body-…` when `body` is nothing within `bounds`, `api.member-…` or the value's own code
    ///   when it is no response; `api.response-unknown` for a type that is not known.
    public init(
        _ body: [UInt8], format: WireFormat = .json, bounds: WireBounds = OperatorResponse.bounds
    ) throws(Failure) {
        try self.init(WireCodec.decode(body, as: OperatorResponse.message, format, bounds: bounds))
    }

    public init(_ value: WireValue) throws(Failure) {
        let response = try WireObject(value)
        let type = try response.required("type", response.string("type"))
        if let query = OperatorQuery(rawValue: type) {
            self = try response.part(type.lowercased()).operatorResponse(query)
        } else if let process = try response.processResponse(type) {
            self = .process(process)
        } else {
            throw WireObject.unknownResponse(type)
        }
    }
}

extension WireObject {
    static func unknownResponse(_ type: String) -> Failure {
        Failure(
            "api.response-unknown", doing: "read the response", cause: "there is no response '\(type)'",
            remedy: "use a client of the server's version", field: "type")
    }

    fileprivate func operatorResponse(_ query: OperatorQuery) throws(Failure) -> OperatorResponse {
        switch query {
        case .state: .state(try stateView())
        case .agents: .agents(try agentsView())
        case .frameworks: .frameworks(try frameworksView())
        case .executors: .executors(try list("executors") { object throws(Failure) in try object.executorView() })
        case .operations: .operations(try list("operations") { object throws(Failure) in try object.operationView() })
        case .tasks: .tasks(try tasksView())
        case .roles: .roles(try list("roles") { object throws(Failure) in try object.roleView() })
        case .weights: .weights(try weights("weight_infos"))
        case .master: .master(try masterView())
        case .maintenanceStatus: .maintenanceStatus(try part("status").maintenanceStatus())
        case .maintenanceSchedule: .maintenanceSchedule(try part("schedule").maintenanceSchedule())
        case .quota: .quota(QuotaStatus(try part("status").quotaConfigs("configs")))
        }
    }

    /// The elements of a repeated member.
    func list<Element>(
        _ name: String, _ element: (WireObject) throws(Failure) -> Element
    ) throws(Failure) -> [Element] {
        var elements: [Element] = []
        for object in try objects(name) { elements.append(try element(object)) }
        return elements
    }

    /// A missing part is an empty one: the protocol leaves out what is empty.
    func stateView() throws(Failure) -> StateView {
        StateView(
            tasks: try object("get_tasks")?.tasksView() ?? TasksView(),
            executors: try object("get_executors")?.list("executors") { object throws(Failure) in
                try object.executorView()
            } ?? [],
            frameworks: try object("get_frameworks")?.frameworksView() ?? FrameworksView(),
            agents: try object("get_agents")?.agentsView() ?? AgentsView())
    }

    private func agentsView() throws(Failure) -> AgentsView {
        AgentsView(
            agents: try list("agents") { object throws(Failure) in try object.agentView() },
            recovered: try list("recovered_agents") { object throws(Failure) in try object.agentInfo() })
    }

    private func frameworksView() throws(Failure) -> FrameworksView {
        FrameworksView(
            frameworks: try list("frameworks") { object throws(Failure) in try object.frameworkView() },
            completed: try list("completed_frameworks") { object throws(Failure) in try object.frameworkView() })
    }

    private func tasksView() throws(Failure) -> TasksView {
        TasksView(
            tasks: try taskViews("tasks"), unreachable: try taskViews("unreachable_tasks"),
            completed: try taskViews("completed_tasks"))
    }

    func taskViews(_ name: String) throws(Failure) -> [TaskView] {
        try list(name) { object throws(Failure) in try object.taskView() }
    }
}

// MARK: - Views

extension WireObject {
    func agentView() throws(Failure) -> AgentView {
        var info = try part("agent_info").agentInfo()
        info.capabilities = Set(
            try list("capabilities") { object throws(Failure) in
                try object.choice("type", of: AgentInfo.Capability.self)
            }.compactMap { $0 })
        info.address.address = try pidHost(otherThan: info.address.hostname)
        var drain = try object("drain_info")?.drainInfo()
        drain?.startedAt = try instant("estimated_drain_start_time")
        return AgentView(
            info: info, isActive: try required("active", bool("active")),
            isDeactivated: try bool("deactivated") ?? false, version: try required("version", string("version")),
            registeredAt: try instant("registered_time") ?? .epoch, reregisteredAt: try instant("reregistered_time"),
            total: try resources("total_resources"), allocated: try resources("allocated_resources"),
            offered: try resources("offered_resources"), drain: drain)
    }

    /// The address in `slave(1)@10.0.0.1:5051`, the only place the protocol has for it; nil when it is just the name.
    private func pidHost(otherThan hostname: String) throws(Failure) -> String? {
        guard let pid = try string("pid"), let at = pid.position(of: "@") else { return nil }
        let place = pid[pid.utf8.index(after: at)...]
        guard let colon = place.lastPosition(of: ":") else { return nil }
        let host = String(place[..<colon])
        return host == hostname ? nil : host
    }

    func frameworkView() throws(Failure) -> FrameworkView {
        FrameworkView(
            info: try part("framework_info").frameworkInfo(), isActive: try required("active", bool("active")),
            isConnected: try required("connected", bool("connected")), isRecovered: try bool("recovered") ?? false,
            registeredAt: try instant("registered_time") ?? .epoch, reregisteredAt: try instant("reregistered_time"),
            unregisteredAt: try instant("unregistered_time"),
            offers: try list("offers") { object throws(Failure) in try object.offer() },
            inverseOffers: try list("inverse_offers") { object throws(Failure) in try object.inverseOffer() },
            allocated: try resources("allocated_resources"), offered: try resources("offered_resources"),
            suppressedRoles: try roles("suppressed_roles"), constraints: try offerConstraints())
    }

    func taskView() throws(Failure) -> TaskView {
        let framework: FrameworkID = try name("framework_id")
        return TaskView(
            id: try name("task_id"), name: try required("name", string("name")), framework: framework,
            executor: try identifier("executor_id"), agent: try name("agent_id"),
            state: try required("state", choice("state", of: TaskState.self)), resources: try resources("resources"),
            limits: try limits(),
            statuses: try list("statuses") { object throws(Failure) in try object.status(of: framework) },
            updateState: try choice("status_update_state", of: TaskState.self),
            updateID: try has("status_update_uuid") ? updateID("status_update_uuid") : nil,
            user: try string("user"), killGracePeriod: try object("kill_policy")?.duration("grace_period"),
            maxCompletionTime: try duration("max_completion_time"), labels: try labels("labels"),
            container: try object("container")?.containerSpec(),
            healthCheck: try object("health_check")?.healthCheck(), check: try object("check")?.check(),
            discovery: try object("discovery")?.discovery())
    }

    func executorView() throws(Failure) -> ExecutorView {
        ExecutorView(try part("executor_info").executorSpec(), agent: try name("agent_id"))
    }

    /// An executor that says whose it is.
    func executorSpec() throws(Failure) -> ExecutorSpec { try executor(framework: name("framework_id")) }

    func operationView() throws(Failure) -> OperationView {
        let info = try part("info")
        let type = try info.required("type", info.string("type"))
        return OperationView(
            order: OperationOrder(
                key: try part("uuid").updateID("value"), framework: try identifier("framework_id"),
                id: try info.identifier("id"), change: try info.required("type", info.resourceOperation(type))),
            agent: try identifier("agent_id"), latest: try part("latest_status").operationStatus(),
            statuses: try list("statuses") { object throws(Failure) in try object.operationStatus() })
    }

    private func roleView() throws(Failure) -> RoleView {
        RoleView(
            name: try required("name", role("name")), weight: try double("weight") ?? 1,
            frameworks: try identifiers("frameworks"), allocated: Resources(try resources("resources")).quantities)
    }

    private func masterView() throws(Failure) -> MasterView {
        MasterView(
            info: try part("master_info").masterInfo(), startedAt: try seconds("start_time") ?? .epoch,
            electedAt: try seconds("elected_time"))
    }

    private func maintenanceStatus() throws(Failure) -> MaintenanceStatus {
        MaintenanceStatus(
            draining: try list("draining_machines") { object throws(Failure) in try object.drainingMachine() },
            down: try machines("down_machines"))
    }

    private func drainingMachine() throws(Failure) -> MaintenanceStatus.Draining {
        MaintenanceStatus.Draining(
            machine: try part("id").machine(),
            answers: try list("statuses") { answer throws(Failure) in
                MaintenanceStatus.Answer(
                    framework: try answer.name("framework_id"), agent: try answer.identifier("agent_id"),
                    word: try answer.choice("status", of: MaintenanceStatus.Word.self) ?? .unknown,
                    at: try answer.instant("timestamp") ?? .epoch)
            })
    }
}

// MARK: - Events

extension OperatorEvent {
    /// `record` without its frame.
    ///
    /// - Throws: `Failure` `api.body-…` when it is nothing within `bounds`, `api.member-…` or the value's own code when
    ///   it is no event; `api.event-unknown` for a type that is not known, which a client passes over.
    public init(
        _ record: [UInt8], format: WireFormat = .json, bounds: WireBounds = OperatorResponse.bounds
    ) throws(Failure) {
        try self.init(WireCodec.decode(record, as: OperatorEvent.message, format, bounds: bounds))
    }

    public init(_ value: WireValue) throws(Failure) {
        let event = try WireObject(value)
        switch try event.required("type", event.string("type")) {
        case "SUBSCRIBED":
            let subscribed = try event.part("subscribed")
            let heartbeat = try subscribed.double("heartbeat_interval_seconds") ?? 15
            self = .subscribed(
                try subscribed.object("get_state")?.stateView() ?? StateView(),
                heartbeat: Duration(clamping: heartbeat, to: .zero...Duration.seconds(86_400)) ?? .zero)
        case "TASK_ADDED": self = .taskAdded(try event.part("task_added").part("task").taskView())
        case "TASK_UPDATED":
            let updated = try event.part("task_updated")
            self = .taskUpdated(
                try updated.part("status").status(of: updated.name("framework_id")),
                state: try updated.required("state", updated.choice("state", of: TaskState.self)))
        case "FRAMEWORK_ADDED":
            self = .frameworkAdded(try event.part("framework_added").part("framework").frameworkView())
        case "FRAMEWORK_UPDATED":
            self = .frameworkUpdated(try event.part("framework_updated").part("framework").frameworkView())
        case "FRAMEWORK_REMOVED":
            self = .frameworkRemoved(try event.part("framework_removed").part("framework_info").frameworkInfo())
        case "AGENT_ADDED": self = .agentAdded(try event.part("agent_added").part("agent").agentView())
        case "AGENT_REMOVED": self = .agentRemoved(try event.part("agent_removed").name("agent_id"))
        case "HEARTBEAT": self = .heartbeat
        case let type:
            throw Failure(
                "api.event-unknown", doing: "read the event", cause: "there is no event '\(type)'", field: "type")
        }
    }
}
