public import ClusterModel
public import Diagnostics

// MARK: - Encoding

extension WireValue {
    public static func framework(_ info: FrameworkInfo) -> WireValue {
        .framework(
            FrameworkRequest(info, isNew: false))
    }

    /// With MULTI_ROLE under `roles`, without it under `role`.
    static func framework(_ request: FrameworkRequest) -> WireValue {
        let hasRoles = request.capabilities.contains(.multiRole)
        let capabilities = FrameworkInfo.Capability.allCases.filter(request.capabilities.contains)
        return .members([
            "id": request.id.map { .identifier($0) },
            "name": .string(request.name),
            "user": .string(request.user),
            "roles": hasRoles ? .array(request.roles.map { .string($0.text) }) : nil,
            "role": hasRoles ? nil : .string((request.roles.first ?? .anyone).text),
            "capabilities": .array(capabilities.map { .object(["type": .string($0.rawValue)]) }),
            "failover_timeout": .number(request.failoverTimeout.decimalSeconds),
            "checkpoint": .bool(request.checkpoint),
            "hostname": request.hostname.map { .string($0) },
            "principal": request.principal.map { .string($0) },
            "webui_url": request.webAddress.map { .string($0) },
            "labels": labels(request.labels),
            "offer_filters": minimumOffers(request.minimumOffers),
        ])
    }

    private static func minimumOffers(_ minimums: [RoleName: MinimumOffer]) -> WireValue? {
        guard !minimums.isEmpty else { return nil }
        var filters: [String: WireValue] = [:]
        for (role, minimum) in minimums {
            let alternatives = minimum.alternatives.map { WireValue.object(["quantities": .quantities($0)]) }
            filters[role.text] = .object([
                "min_allocatable_resources": .members(["quantities": .array(alternatives)])
            ])
        }
        return .object(filters)
    }

    /// `{"cpus": {"value": 1.0}}`.
    public static func quantities(_ quantities: Quantities) -> WireValue {
        var amounts: [String: WireValue] = [:]
        for amount in quantities.amounts { amounts[amount.name] = .amount(amount.scalar) }
        return .object(amounts)
    }

    /// The protocol has no place for capabilities here.
    public static func agent(_ info: AgentInfo, _ form: ReservationForm) -> WireValue {
        written { $0.agentInfo(info, form) }
    }
}

// MARK: - Decoding

extension WireObject {
    /// A framework that has its id.
    public func frameworkInfo() throws(Failure) -> FrameworkInfo {
        try framework().info(as: required("id", identifier("id")))
    }

    /// Without capabilities, and without an address beyond its name: the protocol has no place for them here.
    public func agentInfo() throws(Failure) -> AgentInfo {
        AgentInfo(
            id: try required("id", identifier("id")),
            address: NetworkAddress(
                hostname: try required("hostname", string("hostname")),
                port: try integer("port", as: UInt16.self) ?? 5051),
            resources: try resources("resources"), attributes: try attributes("attributes"),
            domain: try object("domain")?.faultDomain(), capabilities: [])
    }

    public func attributes(_ name: String) throws(Failure) -> [Attribute] {
        var attributes: [Attribute] = []
        for object in try objects(name) { attributes.append(try object.attribute()) }
        return attributes
    }

    private func attribute() throws(Failure) -> Attribute {
        let name = try required("name", string("name"))
        switch try required("type", string("type")) {
        case "TEXT": return Attribute(name, .text(try part("text").textValue()))
        case "SCALAR": return Attribute(name, .scalar(try part("scalar").scalar()))
        case "RANGES": return Attribute(name, .ranges(try part("ranges").ranges()))
        case "SET": return Attribute(name, .set(ItemSet(try part("set").strings("item"))))
        default: throw invalid("type", "an attribute is TEXT, SCALAR, RANGES or SET")
        }
    }

    private func textValue() throws(Failure) -> String { try required("value", string("value")) }

    /// Nil for a domain of a kind that is not known.
    public func faultDomain() throws(Failure) -> FaultDomain? {
        guard let domain = try object("fault_domain") else { return nil }
        let region = try domain.part("region")
        let zone = try domain.part("zone")
        return FaultDomain(
            region: try region.required("name", region.string("name")),
            zone: try zone.required("name", zone.string("name")))
    }
}
