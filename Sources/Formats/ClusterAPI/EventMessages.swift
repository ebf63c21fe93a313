public import ClusterModel
import Determinism

extension WireValue {
    static func base64(_ bytes: [UInt8]) -> WireValue { .string(Base64.text(bytes)) }

    /// From a framework to its executor or back.
    static func message(_ data: [UInt8], _ executor: ExecutorID, _ agent: AgentID) -> WireValue {
        .object(["agent_id": .identifier(agent), "executor_id": .identifier(executor), "data": .base64(data)])
    }

    static func nanoseconds(_ nanoseconds: Int64) -> WireValue {
        .object(["nanoseconds": .number(nanoseconds)])
    }

    static func master(_ master: MasterInfo) -> WireValue {
        let address = master.address.address ?? "127.0.0.1"
        return .object([
            "id": .string(master.id),
            "ip": .number(wireAddress(address)),
            "port": .number(master.address.port),
            "pid": .string("master@\(address):\(master.address.port)"),
            "hostname": .string(master.address.hostname),
            "version": .string(master.version),
            "address": .address(master.address),
            "capabilities": .array(
                ["AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"].map { .object(["type": .string($0)]) }),
        ])
    }

    /// The four bytes of an IPv4 address in network order, read as the little-endian number that the protocol carries;
    /// zero for anything else.
    static func wireAddress(_ text: String) -> UInt32 {
        let parts = text.cut(at: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4 else { return 0 }
        var number: UInt32 = 0
        for part in parts.reversed() {
            guard let part else { return 0 }
            number = number << 8 | UInt32(part)
        }
        return number
    }

    static func address(_ address: NetworkAddress) -> WireValue {
        .members([
            "hostname": .string(address.hostname), "ip": address.address.map { .string($0) },
            "port": .number(address.port),
        ])
    }

    private static func agentURL(_ address: NetworkAddress) -> WireValue {
        .object(["scheme": "http", "address": .address(address), "path": "/slave(1)"])
    }

    public static func offer(_ offer: Offer, _ form: ReservationForm) -> WireValue {
        .members([
            "id": .identifier(offer.id),
            "framework_id": .identifier(offer.framework),
            "agent_id": .identifier(offer.agent),
            "hostname": .string(offer.address.hostname),
            "url": agentURL(offer.address),
            "domain": offer.domain.map(WireValue.domain),
            "resources": .resources(offer.resources, form),
            "attributes": .array(offer.attributes.map(WireValue.attribute)),
            "executor_ids": .array(offer.executors.map { .identifier($0) }),
            "unavailability": offer.unavailability.map(WireValue.unavailability),
            "allocation_info": .object(["role": .string(offer.role.text)]),
        ])
    }

    static func inverseOffer(_ offer: InverseOffer, _ form: ReservationForm) -> WireValue {
        .members([
            "id": .identifier(offer.id),
            "framework_id": .identifier(offer.framework),
            "agent_id": offer.agent.map { .identifier($0) },
            "url": offer.address.map(agentURL),
            "unavailability": .unavailability(offer.unavailability),
            "resources": .resources(offer.resources, form),
        ])
    }

    static func domain(_ domain: FaultDomain) -> WireValue {
        .object([
            "fault_domain": .object([
                "region": .object(["name": .string(domain.region)]), "zone": .object(["name": .string(domain.zone)]),
            ])
        ])
    }

    static func unavailability(_ unavailability: Unavailability) -> WireValue {
        .members([
            "start": nanoseconds(unavailability.start.nanoseconds),
            "duration": unavailability.duration.map { nanoseconds($0.saturatingNanoseconds) },
        ])
    }

    public static func attribute(_ attribute: Attribute) -> WireValue { written { $0.attribute(attribute) } }

    /// `isPartitionAware`: whether the states of lost agents keep their own names.
    public static func status(_ update: StatusUpdate, _ form: ReservationForm, isPartitionAware: Bool) -> WireValue {
        written { $0.status(update, form, isPartitionAware: isPartitionAware) }
    }

    static func operationStatus(_ status: OperationStatus, _ form: ReservationForm) -> WireValue {
        .members([
            "operation_id": status.operation.map { .identifier($0) },
            "state": .string(status.state.rawValue),
            "message": status.message.map { .string($0) },
            "converted_resources": .resources(status.converted, form),
            "uuid": status.id.map { .object(["value": .base64($0.bytes)]) },
            "agent_id": status.agent.map { .identifier($0) },
            "resource_provider_id": status.provider.map { .identifier($0) },
        ])
    }
}
