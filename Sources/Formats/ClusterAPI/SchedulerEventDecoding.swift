public import ClusterModel
import Determinism
public import Diagnostics

extension SchedulerEvent {
    /// A record of the stream. `framework`: whose stream it is; statuses do not say. Nil while that is not known, which
    /// ends with the first event.
    ///
    /// - Throws: `Failure` `api.body-…` when it is nothing within `bounds`, `api.member-…` or the value's own code when
    ///   it is no event; `api.event-unknown` for a type that is not known, which a client passes over.
    public init(
        _ record: [UInt8], of framework: FrameworkID?, format: WireFormat = .json, bounds: WireBounds = .standard
    ) throws(Failure) {
        try self.init(WireCodec.decode(record, as: SchedulerEvent.messageName, format, bounds: bounds), of: framework)
    }

    public init(_ value: WireValue, of framework: FrameworkID?) throws(Failure) {
        let event = try WireObject(value)
        switch try event.required("type", event.string("type")) {
        case "SUBSCRIBED":
            let subscribed = try event.part("subscribed")
            let heartbeat = try subscribed.double("heartbeat_interval_seconds") ?? 15
            self = .subscribed(
                try subscribed.name("framework_id"),
                heartbeat: Duration(clamping: heartbeat, to: .zero...Duration.seconds(86_400)) ?? .zero,
                master: try subscribed.part("master_info").masterInfo())
        case "OFFERS":
            var offers: [Offer] = []
            for offer in try event.part("offers").objects("offers") { offers.append(try offer.offer()) }
            self = .offers(offers)
        case "INVERSE_OFFERS":
            var offers: [InverseOffer] = []
            for offer in try event.part("inverse_offers").objects("inverse_offers") {
                offers.append(try offer.inverseOffer())
            }
            self = .inverseOffers(offers)
        case "RESCIND": self = .rescind(try event.part("rescind").name("offer_id"))
        case "RESCIND_INVERSE_OFFER":
            self = .rescindInverseOffer(try event.part("rescind_inverse_offer").name("inverse_offer_id"))
        case "UPDATE":
            let owner = try event.required("subscribed", framework)
            self = .update(try event.part("update").part("status").status(of: owner))
        case "UPDATE_OPERATION_STATUS":
            self = .updateOperation(try event.part("update_operation_status").part("status").operationStatus())
        case let type: self = try event.plainEvent(type)
        }
    }
}

extension WireObject {
    fileprivate func plainEvent(_ type: String) throws(Failure) -> SchedulerEvent {
        switch type {
        case "MESSAGE":
            let message = try part("message")
            return .message(
                try message.required("data", message.bytes("data")), executor: try message.name("executor_id"),
                agent: try message.name("agent_id"))
        case "FAILURE":
            let failure = try part("failure")
            let agent: AgentID = try failure.name("agent_id")
            guard let executor = try failure.identifier("executor_id", of: ExecutorKind.self) else {
                return .agentLost(agent)
            }
            return .executorLost(executor, agent: agent, status: try failure.integer("status") ?? 0)
        case "ERROR":
            let error = try part("error")
            return .error(try error.required("message", error.string("message")))
        case "HEARTBEAT": return .heartbeat
        default:
            throw Failure(
                "api.event-unknown", doing: "read the event", cause: "there is no event '\(type)'", field: "type")
        }
    }

    func masterInfo() throws(Failure) -> MasterInfo {
        let id = try required("id", string("id"))
        let version = try string("version") ?? ""
        guard let address = try object("address") else {
            let port = try required("port", integer("port", as: UInt16.self))
            let hostname = try string("hostname") ?? "localhost"
            return MasterInfo(id: id, address: NetworkAddress(hostname: hostname, port: port), version: version)
        }
        return MasterInfo(id: id, address: try address.networkAddress(), version: version)
    }

    func networkAddress() throws(Failure) -> NetworkAddress {
        let address = try string("ip")
        guard let hostname = try string("hostname") ?? address else {
            throw invalid("hostname", "neither a name nor an address is there")
        }
        return NetworkAddress(hostname: hostname, address: address, port: try required("port", integer("port")))
    }
}

// MARK: - Offers

extension WireObject {
    public func offer() throws(Failure) -> Offer {
        let hostname = try required("hostname", string("hostname"))
        let address = try object("url")?.object("address")?.networkAddress()
        let allocation = try part("allocation_info")
        return Offer(
            id: try name("id"), framework: try name("framework_id"), agent: try name("agent_id"),
            role: try allocation.required("role", allocation.role("role")),
            address: address ?? NetworkAddress(hostname: hostname, port: 0), resources: try resources("resources"),
            attributes: try attributes("attributes"), domain: try object("domain")?.faultDomain(),
            executors: try identifiers("executor_ids"), unavailability: try object("unavailability")?.unavailability())
    }

    func inverseOffer() throws(Failure) -> InverseOffer {
        InverseOffer(
            id: try name("id"), framework: try name("framework_id"), agent: try identifier("agent_id"),
            address: try object("url")?.object("address")?.networkAddress(),
            unavailability: try part("unavailability").unavailability(), resources: try resources("resources"))
    }

    public func operationStatus() throws(Failure) -> OperationStatus {
        OperationStatus(
            operation: try identifier("operation_id"),
            state: try required("state", choice("state", of: OperationStatus.State.self)),
            message: try string("message"), converted: try resources("converted_resources"),
            id: try object("uuid")?.updateID("value"), agent: try identifier("agent_id"),
            provider: try identifier("resource_provider_id"))
    }
}
