import ClusterModel

extension OperatorCall {
    /// The message of the protocol that carries it.
    public static let message = "mesos.v1.master.Call"

    public var value: WireValue { TreeSink.value { sink in write(to: &sink) } }

    /// The body.
    public func bytes(_ format: WireFormat = .json) -> [UInt8] {
        WireCodec.encode(value, as: OperatorCall.message, format)
    }

    /// As the protocol has it: `GET_STATE`.
    public var typeName: String {
        switch self {
        case .process(let call): call.typeName
        case .query(let query): query.rawValue
        case .change(let change): change.typeName
        case .subscribe: "SUBSCRIBE"
        }
    }

    private func write(to sink: inout some WireSink) {
        sink.object { sink in
            // Types sort after some members and before others, so they are not kept in order here: calls are small.
            sink.member("type", typeName)
            switch self {
            case .process(let call): sink.processCall(call)
            case .change(let change): change.write(to: &sink)
            case .query, .subscribe: break
            }
        }
    }
}

extension OperatorChange {
    /// As the protocol has it: `DRAIN_AGENT`.
    public var typeName: String {
        switch self {
        case .updateWeights: "UPDATE_WEIGHTS"
        case .apply(let operation, _): operation.operatorName
        case .updateMaintenanceSchedule: "UPDATE_MAINTENANCE_SCHEDULE"
        case .startMaintenance: "START_MAINTENANCE"
        case .stopMaintenance: "STOP_MAINTENANCE"
        case .drainAgent: "DRAIN_AGENT"
        case .deactivateAgent: "DEACTIVATE_AGENT"
        case .reactivateAgent: "REACTIVATE_AGENT"
        case .markAgentGone: "MARK_AGENT_GONE"
        case .updateQuota: "UPDATE_QUOTA"
        case .setQuota: "SET_QUOTA"
        case .removeQuota: "REMOVE_QUOTA"
        case .teardown: "TEARDOWN"
        }
    }

    fileprivate func write(to sink: inout some WireSink) {
        switch self {
        case .updateWeights(let weights):
            sink.object("update_weights") { $0.list("weight_infos", weights, WireValue.weight) }
        case .apply(let operation, let agent): sink.operatorOperation(operation, on: agent)
        case .updateMaintenanceSchedule(let schedule):
            sink.object("update_maintenance_schedule") {
                $0.member("schedule", WireValue.maintenanceSchedule(schedule))
            }
        case .startMaintenance(let machines):
            sink.object("start_maintenance") { $0.list("machines", machines, WireValue.machine) }
        case .stopMaintenance(let machines):
            sink.object("stop_maintenance") { $0.list("machines", machines, WireValue.machine) }
        case .updateQuota(let configs, let isForced):
            sink.object("update_quota") { sink in
                sink.member("force", isForced)
                sink.list("quota_configs", configs, WireValue.quotaConfig)
            }
        case .setQuota(let role, let guarantee, let isForced):
            sink.object("set_quota") { sink in
                sink.object("quota_request") { sink in
                    sink.member("force", isForced)
                    sink.resources("guarantee", guarantee.amounts.map { Resource($0.name, .scalar($0.scalar)) })
                    sink.member("role", role.text)
                }
            }
        case .removeQuota(let role): sink.object("remove_quota") { $0.member("role", role.text) }
        case .teardown(let framework): sink.object("teardown") { $0.identifier("framework_id", framework) }
        default: writeAgentChange(to: &sink)
        }
    }

    private func writeAgentChange(to sink: inout some WireSink) {
        switch self {
        case .drainAgent(let agent, let configuration):
            sink.object("drain_agent") { sink in
                sink.identifier("agent_id", agent)
                sink.member("mark_gone", configuration.marksGone)
                sink.object("max_grace_period", configuration.maxGracePeriod) { sink, period in
                    let (seconds, rest) = period.saturatingNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
                    if rest != 0 { sink.member("nanos", rest) }
                    sink.member("seconds", seconds)
                }
            }
        case .deactivateAgent(let agent): sink.object("deactivate_agent") { $0.identifier("agent_id", agent) }
        case .reactivateAgent(let agent): sink.object("reactivate_agent") { $0.identifier("agent_id", agent) }
        case .markAgentGone(let agent): sink.object("mark_agent_gone") { $0.identifier("agent_id", agent) }
        default: break
        }
    }
}

extension ResourceOperation {
    /// The operator's call for it. Operators make no disks: those calls would have these names.
    var operatorName: String {
        switch self {
        case .reserve: "RESERVE_RESOURCES"
        case .unreserve: "UNRESERVE_RESOURCES"
        case .create: "CREATE_VOLUMES"
        case .destroy: "DESTROY_VOLUMES"
        case .grow: "GROW_VOLUME"
        case .shrink: "SHRINK_VOLUME"
        case .createDisk: "CREATE_DISK"
        case .destroyDisk: "DESTROY_DISK"
        }
    }
}

extension WireSink {
    fileprivate mutating func operatorOperation(_ operation: ResourceOperation, on agent: AgentID?) {
        switch operation {
        case .reserve(let resources, let source):
            object("reserve_resources") { sink in
                sink.identifier("agent_id", agent)
                sink.resources("resources", resources)
                sink.resources("source", source)
            }
        case .unreserve(let resources):
            object("unreserve_resources") { sink in
                sink.identifier("agent_id", agent)
                sink.resources("resources", resources)
            }
        case .create(let volumes):
            object("create_volumes") { sink in
                sink.identifier("agent_id", agent)
                sink.resources("volumes", volumes)
            }
        case .destroy(let volumes):
            object("destroy_volumes") { sink in
                sink.identifier("agent_id", agent)
                sink.resources("volumes", volumes)
            }
        case .grow(let volume, let addition):
            object("grow_volume") { sink in
                sink.object("addition") { $0.resource(addition, .stacked) }
                sink.identifier("agent_id", agent)
                sink.object("volume") { $0.resource(volume, .stacked) }
            }
        case .shrink(let volume, let amount):
            object("shrink_volume") { sink in
                sink.identifier("agent_id", agent)
                sink.object("subtract") { $0.amount(amount) }
                sink.object("volume") { $0.resource(volume, .stacked) }
            }
        case .createDisk, .destroyDisk: break
        }
    }
}
