public import ClusterModel
public import Determinism
public import Diagnostics

/// Resources of one agent to be offered to one framework in one role. They count as in its hands from now on, until
/// they come back through `recover`.
public struct Allocation: Equatable, Sendable {
    public var framework: FrameworkID
    public var role: RoleName
    public var agent: AgentID
    /// Allocated to `role`.
    public var resources: Resources
}

/// What a framework already has on an agent; each resource says the role it is allocated to.
public struct Holding: Equatable, Sendable {
    public var framework: FrameworkID
    public var agent: AgentID
    public var resources: Resources
    public init(framework: FrameworkID, agent: AgentID, resources: Resources) {
        self.framework = framework
        self.agent = agent
        self.resources = resources
    }
}

/// Decides who is offered what. Pure: no clock, no chance, no unordered iteration; the same calls give the same offers.
///
/// It never hands out what is not free. Calls about agents and frameworks it does not know do nothing: the master may
/// learn late that one has gone. Nothing is offered but by `cycle`.
public protocol Allocator: Sendable {
    /// Adds an agent, or replaces what is known of it; `holdings` are counted even for frameworks not added yet.
    mutating func addAgent(_ agent: AgentInfo, holdings: [Holding])
    mutating func removeAgent(_ id: AgentID)
    /// New totals, attributes or domain of a known agent.
    mutating func updateAgent(_ agent: AgentInfo)
    /// An inactive agent keeps what it gave and gives nothing more.
    mutating func setAgent(_ id: AgentID, active: Bool)

    /// Adds a framework as active, or updates a known one. In roles that were suppressed and are not any more, and in
    /// those it leaves, what it refused is forgotten.
    mutating func addFramework(_ framework: FrameworkInfo, suppressed: [RoleName], constraints: OfferConstraints)
    /// What it held becomes free.
    mutating func removeFramework(_ id: FrameworkID)
    /// An inactive framework keeps what it has and gets nothing more. What it refused is forgotten: whoever comes back
    /// in its name may want it.
    mutating func setFramework(_ id: FrameworkID, active: Bool)

    /// Stops offers to `roles`, or all of the framework's when there are none.
    mutating func suppress(_ framework: FrameworkID, roles: [RoleName])
    /// Takes offers up again and forgets what the framework refused in these roles.
    mutating func revive(_ framework: FrameworkID, roles: [RoleName])

    /// - Throws: `Failure` `quota.invalid`.
    mutating func setQuota(_ quota: Quota, for role: RoleName) throws(Failure)
    /// - Throws: `Failure` `weight.invalid` unless it is above zero and finite.
    mutating func setWeight(_ weight: Double, for role: RoleName) throws(Failure)

    /// Takes back what a framework had. With a `filter` it was offered and not used; without one it was used or
    /// rescinded. More than it has is taken back only as far as it goes.
    mutating func recover(_ holding: Holding, filter: OfferFilter?, at now: Instant)
    /// Replaces resources by what operations made of them (reserve, create, ...), in the total and in the hands of
    /// `framework`, or among the free ones when it is nil.
    ///
    /// - Throws: `Failure` `allocation.missing` when they are not there.
    mutating func convert(
        on agent: AgentID, heldBy framework: FrameworkID?, from source: Resources, to result: Resources
    ) throws(Failure)

    /// Hands out what is free. Costs what has changed since the last cycle.
    mutating func cycle(at now: Instant) -> [Allocation]
    /// When a cycle has something to do even if nothing else happens: the first refusal to run out.
    var nextWake: Instant? { get }
}

public struct AllocatorOptions: Sendable {
    /// Who comes first among roles, and among the frameworks of a role.
    public enum Order: String, Sendable, CaseIterable {
        /// Whoever has the smallest dominant share for their weight.
        case fair
        /// Drawn anew each cycle, likelier first with a larger weight, whatever one has already. A cycle then costs
        /// as much as there are frameworks.
        case random
    }
    public var order = Order.fair
    /// Unless the framework has a rule of its own.
    public var minimumOffer = MinimumOffer.standard
    /// A refusal lasts at least this long, so that others see the resources; refusing for no time makes no filter.
    public var refuseMin = Duration.seconds(1)
    /// Resources that do not make a share larger.
    public var excludedFromFairness: Set<String> = []
    /// Agents with GPUs are kept for frameworks that can use them.
    public var keepsGPUsApart = true
    /// Agents of other regions are kept for frameworks that know of regions. Nil: the master has no region.
    public var region: String?
    /// Among how many frameworks one agent's unreserved amounts are divided in a cycle when several want them.
    public var offersPerAgent = 1
    /// Decides, with the count of the cycle, the order in which agents are handed out.
    public var seed: UInt64 = 0
    public init() {}
}
