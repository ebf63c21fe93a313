/// Something an agent says about itself: `rack:r12`, `level:10`.
public struct Attribute: Hashable, Sendable {
    public enum Value: Hashable, Sendable {
        case text(String)
        case scalar(Scalar)
        case ranges(Ranges)
        case set(ItemSet)
    }
    public var name: String
    public var value: Value
    public init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    /// Only when it is text.
    public var text: String? {
        if case .text(let text) = value { return text }
        return nil
    }
}

/// Which part of the world fails together with an agent.
public struct FaultDomain: Hashable, Sendable {
    public var region: String
    public var zone: String
    public init(region: String, zone: String) {
        self.region = region
        self.zone = zone
    }
}

/// Where an agent answers.
public struct NetworkAddress: Hashable, Sendable {
    public var hostname: String
    public var address: String?
    public var port: UInt16
    public init(hostname: String, address: String? = nil, port: UInt16) {
        self.hostname = hostname
        self.address = address
        self.port = port
    }
}

/// What an agent says when it registers.
public struct AgentInfo: Hashable, Sendable {
    public enum Capability: String, Sendable, CaseIterable {
        case multiRole = "MULTI_ROLE"
        case hierarchicalRole = "HIERARCHICAL_ROLE"
        case reservationRefinement = "RESERVATION_REFINEMENT"
        case resourceProvider = "RESOURCE_PROVIDER"
        case resizeVolume = "RESIZE_VOLUME"
        case operationFeedback = "AGENT_OPERATION_FEEDBACK"
        case draining = "AGENT_DRAINING"
        case taskResourceLimits = "TASK_RESOURCE_LIMITS"
    }
    public var id: AgentID
    public var address: NetworkAddress
    /// Everything it has, with its reservations, given out or not.
    public var resources: [Resource]
    public var attributes: [Attribute]
    public var domain: FaultDomain?
    public var capabilities: Set<Capability>

    public init(
        id: AgentID, address: NetworkAddress, resources: [Resource], attributes: [Attribute] = [],
        domain: FaultDomain? = nil, capabilities: Set<Capability> = Set(Capability.allCases)
    ) {
        self.id = id
        self.address = address
        self.resources = resources
        self.attributes = attributes
        self.domain = domain
        self.capabilities = capabilities
    }
}
