import ClusterModel

extension OperatorResponse {
    /// The message of the protocol that carries it.
    public static let message = "mesos.v1.master.Response"

    public var value: WireValue {
        let stretches: [DocumentStretch<TreeSink>] = stretches()
        return stretches.value
    }

    /// The body.
    public func bytes(_ format: WireFormat = .json) -> [UInt8] {
        switch format {
        case .json:
            var sink = JSONSink()
            stretches().write(to: &sink)
            return sink.takeBytes()
        case .protobuf:
            var sink = ProtobufSink(OperatorResponse.message)
            stretches().write(to: &sink)
            return sink.takeBytes()
        }
    }

    /// The same as `bytes`, a piece at a time. In protobuf a message that goes beyond a piece begins again in the
    /// next, which readers take for one.
    public func pieces(_ format: WireFormat = .json, bytes pieceBytes: Int = 1 << 18) -> DocumentPieces {
        switch format {
        case .json: DocumentPieces(stretches(), pieceBytes: pieceBytes)
        case .protobuf: DocumentPieces(stretches(), of: OperatorResponse.message, pieceBytes: pieceBytes)
        }
    }

    private func stretches<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        let type = DocumentStretch<Sink>.piece { $0.member("type", typeName) }
        return [.begin] + content() + [type, .end]
    }

    /// The call's own name.
    public var typeName: String {
        switch self {
        case .process(let response): response.typeName
        case .state: OperatorQuery.state.rawValue
        case .agents: OperatorQuery.agents.rawValue
        case .frameworks: OperatorQuery.frameworks.rawValue
        case .executors: OperatorQuery.executors.rawValue
        case .operations: OperatorQuery.operations.rawValue
        case .tasks: OperatorQuery.tasks.rawValue
        case .roles: OperatorQuery.roles.rawValue
        case .weights: OperatorQuery.weights.rawValue
        case .master: OperatorQuery.master.rawValue
        case .maintenanceStatus: OperatorQuery.maintenanceStatus.rawValue
        case .maintenanceSchedule: OperatorQuery.maintenanceSchedule.rawValue
        case .quota: OperatorQuery.quota.rawValue
        }
    }

    private func content<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        switch self {
        case .process(let response): return [.piece { $0.processResponse(response) }]
        case .state(let state): return [.begin("get_state")] + state.stretches() + [.end]
        case .agents(let agents): return agents.stretches()
        case .frameworks(let frameworks): return frameworks.stretches()
        case .executors(let executors): return executors.stretches()
        case .tasks(let tasks): return tasks.stretches()
        case .operations(let operations):
            return [.begin("get_operations"), .objects("operations", operations) { $0.operationView($1) }, .end]
        case .roles(let roles):
            return [.begin("get_roles"), .objects("roles", roles) { $0.roleView($1) }, .end]
        default: return [.piece { sink in writeSmall(to: &sink) }]
        }
    }

    private func writeSmall(to sink: inout some WireSink) {
        switch self {
        case .weights(let weights):
            sink.object("get_weights") { $0.list("weight_infos", weights, WireValue.weight) }
        case .master(let view): sink.object("get_master") { $0.masterView(view) }
        case .maintenanceStatus(let status):
            sink.object("get_maintenance_status") { sink in sink.object("status") { $0.maintenanceStatus(status) } }
        case .maintenanceSchedule(let schedule):
            sink.object("get_maintenance_schedule") { $0.member("schedule", WireValue.maintenanceSchedule(schedule)) }
        case .quota(let status): sink.object("get_quota") { sink in sink.object("status") { $0.quotaStatus(status) } }
        default: break
        }
    }
}

extension StateView {
    func stretches<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        agents.stretches() + executors.stretches() + frameworks.stretches() + tasks.stretches()
    }
}

extension AgentsView {
    fileprivate func stretches<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        [
            .begin("get_agents"), .objects("agents", agents) { $0.agentView($1) },
            .objects("recovered_agents", recovered) { $0.agentInfo($1, .stacked) }, .end,
        ]
    }
}

extension [ExecutorView] {
    fileprivate func stretches<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        [.begin("get_executors"), .objects("executors", self) { $0.executorView($1) }, .end]
    }
}

extension FrameworksView {
    fileprivate func stretches<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        [
            .begin("get_frameworks"), .objects("completed_frameworks", completed) { $0.frameworkView($1) },
            .objects("frameworks", frameworks) { $0.frameworkView($1) }, .end,
        ]
    }
}

extension TasksView {
    fileprivate func stretches<Sink: WireSink>() -> [DocumentStretch<Sink>] {
        [
            .begin("get_tasks"), .objects("completed_tasks", completed) { $0.taskView($1) },
            .objects("tasks", tasks) { $0.taskView($1) },
            .objects("unreachable_tasks", unreachable) { $0.taskView($1) }, .end,
        ]
    }
}

// MARK: - Events

extension OperatorEvent {
    /// The message of the protocol that carries it.
    public static let message = "mesos.v1.master.Event"

    public var value: WireValue { TreeSink.value { sink in write(to: &sink) } }

    /// A record of the stream, framed.
    public func record(_ format: WireFormat = .json) -> [UInt8] {
        switch format {
        case .json:
            var sink = JSONSink()
            write(to: &sink)
            return RecordFraming.record(sink.takeBytes())
        case .protobuf:
            var sink = ProtobufSink(OperatorEvent.message)
            write(to: &sink)
            return RecordFraming.record(sink.takeBytes())
        }
    }

    /// The record without its frame, a piece at a time; nil for what is small.
    public func pieces(_ format: WireFormat) -> DocumentPieces? {
        guard case .subscribed(let state, let heartbeat) = self else { return nil }
        switch format {
        case .json: return DocumentPieces(OperatorEvent.first(state, heartbeat))
        case .protobuf: return DocumentPieces(OperatorEvent.first(state, heartbeat), of: OperatorEvent.message)
        }
    }

    private static func first<Sink: WireSink>(_ state: StateView, _ heartbeat: Duration) -> [DocumentStretch<Sink>] {
        [.begin] + subscribed(state, heartbeat) + [.piece { $0.member("type", "SUBSCRIBED") }, .end]
    }

    private static func subscribed<Sink: WireSink>(
        _ state: StateView, _ heartbeat: Duration
    ) -> [DocumentStretch<Sink>] {
        [.begin("subscribed"), .begin("get_state")] + state.stretches()
            + [.end, .piece { $0.seconds("heartbeat_interval_seconds", heartbeat) }, .end]
    }

    private func write(to sink: inout some WireSink) {
        sink.object { sink in
            switch self {
            case .subscribed(let state, let heartbeat):
                OperatorEvent.subscribed(state, heartbeat).write(to: &sink)
                sink.member("type", "SUBSCRIBED")
            case .taskAdded(let task):
                sink.object("task_added") { sink in sink.object("task") { $0.taskView(task) } }
                sink.member("type", "TASK_ADDED")
            case .taskUpdated(let update, let state):
                sink.object("task_updated") { sink in
                    sink.identifier("framework_id", update.framework)
                    sink.member("state", state)
                    sink.object("status") { $0.status(update, .stacked, isPartitionAware: true) }
                }
                sink.member("type", "TASK_UPDATED")
            case .heartbeat: sink.member("type", "HEARTBEAT")
            default: writeMembership(to: &sink)
            }
        }
    }

    /// Who is in the cluster.
    private func writeMembership(to sink: inout some WireSink) {
        switch self {
        case .frameworkAdded(let framework):
            sink.object("framework_added") { sink in sink.object("framework") { $0.frameworkView(framework) } }
            sink.member("type", "FRAMEWORK_ADDED")
        case .frameworkUpdated(let framework):
            sink.object("framework_updated") { sink in sink.object("framework") { $0.frameworkView(framework) } }
            sink.member("type", "FRAMEWORK_UPDATED")
        case .frameworkRemoved(let info):
            sink.object("framework_removed") { $0.member("framework_info", WireValue.framework(info)) }
            sink.member("type", "FRAMEWORK_REMOVED")
        case .agentAdded(let agent):
            sink.object("agent_added") { sink in sink.object("agent") { $0.agentView(agent) } }
            sink.member("type", "AGENT_ADDED")
        case .agentRemoved(let agent):
            sink.object("agent_removed") { $0.identifier("agent_id", agent) }
            sink.member("type", "AGENT_REMOVED")
        default: break
        }
    }
}
