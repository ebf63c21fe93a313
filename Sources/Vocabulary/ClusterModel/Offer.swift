public import Determinism

/// When a machine will be away for maintenance.
public struct Unavailability: Hashable, Sendable {
    public var start: Instant
    /// Nil: for ever.
    public var duration: Duration?
    public init(start: Instant, duration: Duration? = nil) {
        self.start = start
        self.duration = duration
    }
}

/// Resources of one agent that one framework may use now, in one of its roles.
public struct Offer: Hashable, Sendable {
    public var id: OfferID
    public var framework: FrameworkID
    public var agent: AgentID
    public var role: RoleName
    public var address: NetworkAddress
    /// Allocated to `role`.
    public var resources: [Resource]
    public var attributes: [Attribute]
    public var domain: FaultDomain?
    /// Executors of the framework already on the agent.
    public var executors: [ExecutorID]
    public var unavailability: Unavailability?

    public init(
        id: OfferID, framework: FrameworkID, agent: AgentID, role: RoleName, address: NetworkAddress,
        resources: [Resource], attributes: [Attribute] = [], domain: FaultDomain? = nil,
        executors: [ExecutorID] = [], unavailability: Unavailability? = nil
    ) {
        self.id = id
        self.framework = framework
        self.agent = agent
        self.role = role
        self.address = address
        self.resources = resources
        self.attributes = attributes
        self.domain = domain
        self.executors = executors
        self.unavailability = unavailability
    }
}

/// How long a framework does not want to see again what it refused.
public struct OfferFilter: Hashable, Sendable {
    public var refuseFor: Duration

    public static let refuseMax = Duration.seconds(365 * 24 * 3_600)
    public static let standard = OfferFilter(refuseFor: .seconds(5))
    public static let none = OfferFilter(refuseFor: .zero)

    /// Held between zero and `refuseMax`.
    public init(refuseFor: Duration) {
        self.refuseFor = max(.zero, min(OfferFilter.refuseMax, refuseFor))
    }

    /// As the protocol has it: nothing, a negative number or no number at all means five seconds, more than a year
    /// means a year.
    public init(refuseSeconds: Double?) {
        guard let refuseSeconds, refuseSeconds >= 0,
            let duration = Duration(clamping: refuseSeconds, to: .zero...OfferFilter.refuseMax)
        else {
            self = .standard
            return
        }
        refuseFor = duration
    }
}
