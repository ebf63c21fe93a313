public import ClusterModel
public import Determinism

/// What the master tells a framework about itself.
public struct MasterInfo: Hashable, Sendable {
    public var id: String
    /// With the address, when it is IPv4, also as the protocol's number.
    public var address: NetworkAddress
    /// Digits and dots only: a client takes it apart.
    public var version: String

    public init(id: String, address: NetworkAddress, version: String) {
        self.id = id
        self.address = address
        self.version = version
    }
}

/// Resources the cluster wants back before maintenance.
public struct InverseOffer: Hashable, Sendable {
    public var id: OfferID
    public var framework: FrameworkID
    public var agent: AgentID?
    /// Where the agent listens.
    public var address: NetworkAddress?
    public var unavailability: Unavailability
    public var resources: [Resource]

    public init(
        id: OfferID, framework: FrameworkID, agent: AgentID?, address: NetworkAddress? = nil,
        unavailability: Unavailability, resources: [Resource] = []
    ) {
        self.id = id
        self.framework = framework
        self.agent = agent
        self.address = address
        self.unavailability = unavailability
        self.resources = resources
    }
}

/// How far an operation has come.
public struct OperationStatus: Hashable, Sendable {
    public enum State: String, Sendable, CaseIterable {
        case pending = "OPERATION_PENDING"
        case finished = "OPERATION_FINISHED"
        case failed = "OPERATION_FAILED"
        case error = "OPERATION_ERROR"
        case dropped = "OPERATION_DROPPED"
        case unreachable = "OPERATION_UNREACHABLE"
        case goneByOperator = "OPERATION_GONE_BY_OPERATOR"
        case recovering = "OPERATION_RECOVERING"
        case unknown = "OPERATION_UNKNOWN"
    }
    public var operation: OperationID?
    public var state: State
    public var message: String?
    public var converted: [Resource]
    /// Nil: nobody waits for an acknowledgement.
    public var id: UpdateID?
    public var agent: AgentID?
    public var provider: ProviderID?

    public init(
        operation: OperationID?, state: State, message: String? = nil, converted: [Resource] = [], id: UpdateID? = nil,
        agent: AgentID? = nil, provider: ProviderID? = nil
    ) {
        self.operation = operation
        self.state = state
        self.message = message
        self.converted = converted
        self.id = id
        self.agent = agent
        self.provider = provider
    }
}

/// An event of the scheduler API's stream.
public enum SchedulerEvent: Hashable, Sendable {
    case subscribed(FrameworkID, heartbeat: Duration, master: MasterInfo)
    case offers([Offer])
    case inverseOffers([InverseOffer])
    case rescind(OfferID)
    case rescindInverseOffer(OfferID)
    case update(StatusUpdate)
    case updateOperation(OperationStatus)
    /// An update about a task, or an operation, that never was one. Whoever reads it finds `update` or
    /// `updateOperation`, when its id is one.
    case unfitTask(UnfitTask, state: TaskState, at: Instant)
    case unfitOperation(UnfitOperation, on: AgentID?)
    case message([UInt8], executor: ExecutorID, agent: AgentID)
    case agentLost(AgentID)
    /// `status` as wait(2) has it.
    case executorLost(ExecutorID, agent: AgentID, status: Int32)
    case error(String)
    case heartbeat

    /// As a framework of `capabilities` understands it.
    public func value(for capabilities: Set<FrameworkInfo.Capability>) -> WireValue {
        let form = ReservationForm(for: capabilities)
        switch self {
        case .subscribed(let framework, let heartbeat, let master):
            return SchedulerEvent.event(
                "SUBSCRIBED", "subscribed",
                .object([
                    "framework_id": .identifier(framework),
                    "heartbeat_interval_seconds": .number(Double(heartbeat.saturatingNanoseconds) / 1e9),
                    "master_info": .master(master),
                ]))
        case .offers(let offers):
            return SchedulerEvent.event(
                "OFFERS", "offers", .members(["offers": .array(offers.map { .offer($0, form) })]))
        case .inverseOffers(let offers):
            let list = WireValue.array(offers.map { .inverseOffer($0, form) })
            return SchedulerEvent.event("INVERSE_OFFERS", "inverse_offers", .members(["inverse_offers": list]))
        case .rescind(let offer):
            return SchedulerEvent.event("RESCIND", "rescind", .object(["offer_id": .identifier(offer)]))
        case .rescindInverseOffer(let offer):
            let content = WireValue.object(["inverse_offer_id": .identifier(offer)])
            return SchedulerEvent.event("RESCIND_INVERSE_OFFER", "rescind_inverse_offer", content)
        case .update(let update):
            let isPartitionAware = capabilities.contains(.partitionAware)
            let status = WireValue.status(update, form, isPartitionAware: isPartitionAware)
            return SchedulerEvent.event("UPDATE", "update", .object(["status": status]))
        case .updateOperation(let status):
            let content = WireValue.object(["status": .operationStatus(status, form)])
            return SchedulerEvent.event("UPDATE_OPERATION_STATUS", "update_operation_status", content)
        case .unfitTask(let task, let state, let instant):
            let status = WireValue.unfitStatus(task, state, at: instant)
            return SchedulerEvent.event("UPDATE", "update", .object(["status": status]))
        case .unfitOperation(let operation, let agent):
            let content = WireValue.object(["status": .unfitStatus(operation, on: agent)])
            return SchedulerEvent.event("UPDATE_OPERATION_STATUS", "update_operation_status", content)
        case .message, .agentLost, .executorLost, .error, .heartbeat: return plainValue
        }
    }

    /// A record of the stream, framed.
    public func record(
        for capabilities: Set<FrameworkInfo.Capability>, _ format: WireFormat = .json
    ) -> [UInt8] {
        RecordFraming.record(WireCodec.encode(value(for: capabilities), as: SchedulerEvent.messageName, format))
    }

    /// The message of the protocol that carries it.
    public static let messageName = "mesos.v1.scheduler.Event"

    /// What every framework reads alike.
    private var plainValue: WireValue {
        switch self {
        case .message(let data, let executor, let agent):
            return SchedulerEvent.event("MESSAGE", "message", .message(data, executor, agent))
        case .agentLost(let agent):
            return SchedulerEvent.event("FAILURE", "failure", .object(["agent_id": .identifier(agent)]))
        case .executorLost(let executor, let agent, let status):
            let content = WireValue.object([
                "agent_id": .identifier(agent), "executor_id": .identifier(executor), "status": .number(status),
            ])
            return SchedulerEvent.event("FAILURE", "failure", content)
        case .error(let message):
            return SchedulerEvent.event("ERROR", "error", .object(["message": .string(message)]))
        default: return .object(["type": "HEARTBEAT"])
        }
    }

    private static func event(_ type: String, _ name: String, _ content: WireValue) -> WireValue {
        .object(["type": .string(type), name: content])
    }
}
