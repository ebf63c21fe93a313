/// What a framework says when it subscribes.
public struct FrameworkInfo: Hashable, Sendable {
    public enum Capability: String, Sendable, CaseIterable {
        case revocableResources = "REVOCABLE_RESOURCES"
        case taskKillingState = "TASK_KILLING_STATE"
        case gpuResources = "GPU_RESOURCES"
        case sharedResources = "SHARED_RESOURCES"
        case partitionAware = "PARTITION_AWARE"
        case multiRole = "MULTI_ROLE"
        case reservationRefinement = "RESERVATION_REFINEMENT"
        case regionAware = "REGION_AWARE"
    }
    public var id: FrameworkID
    public var name: String
    /// Whom its tasks run as unless they say otherwise.
    public var user: String
    /// In the order given, without duplicates.
    public var roles: [RoleName]
    public var capabilities: Set<Capability>
    /// How long its tasks live on without it.
    public var failoverTimeout: Duration
    public var checkpoint: Bool
    public var hostname: String?
    public var principal: String?
    public var webAddress: String?
    public var labels: [Label]
    /// Per role, the least an offer must have, in place of the master's own rule.
    public var minimumOffers: [RoleName: MinimumOffer]

    public init(
        id: FrameworkID, name: String, user: String = "root", roles: [RoleName] = [.anyone],
        capabilities: Set<Capability> = [.multiRole, .reservationRefinement], failoverTimeout: Duration = .zero,
        checkpoint: Bool = false, hostname: String? = nil, principal: String? = nil, webAddress: String? = nil,
        labels: [Label] = [], minimumOffers: [RoleName: MinimumOffer] = [:]
    ) {
        self.id = id
        self.name = name
        self.user = user
        self.roles = roles
        self.capabilities = capabilities
        self.failoverTimeout = failoverTimeout
        self.checkpoint = checkpoint
        self.hostname = hostname
        self.principal = principal
        self.webAddress = webAddress
        self.labels = labels
        self.minimumOffers = minimumOffers
    }
}

/// The least that is worth an offer: all amounts of any one alternative. No alternatives: anything is.
public struct MinimumOffer: Hashable, Sendable {
    public var alternatives: [Quantities]
    public init(anyOf alternatives: [Quantities]) { self.alternatives = alternatives }

    /// A hundredth of a processor, or 32 MB of memory.
    public static let standard = MinimumOffer(anyOf: [
        ["cpus": Scalar(thousandths: 10)], ["mem": Scalar(32)],
    ])

    public func isMet(by quantities: Quantities) -> Bool {
        alternatives.isEmpty || alternatives.contains { quantities.contains($0) }
    }
}
