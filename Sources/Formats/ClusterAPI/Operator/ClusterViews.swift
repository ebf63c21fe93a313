public import ClusterModel
public import Determinism

/// An agent as the master sees it.
public struct AgentView: Hashable, Sendable {
    public var info: AgentInfo
    /// Connected, and may be offered.
    public var isActive: Bool
    /// By an operator.
    public var isDeactivated: Bool
    public var version: String
    public var registeredAt: Instant
    public var reregisteredAt: Instant?
    public var total: [Resource]
    public var allocated: [Resource]
    public var offered: [Resource]
    public var drain: DrainInfo?

    public init(
        info: AgentInfo, isActive: Bool = true, isDeactivated: Bool = false, version: String, registeredAt: Instant,
        reregisteredAt: Instant? = nil, total: [Resource] = [], allocated: [Resource] = [], offered: [Resource] = [],
        drain: DrainInfo? = nil
    ) {
        self.info = info
        self.isActive = isActive
        self.isDeactivated = isDeactivated
        self.version = version
        self.registeredAt = registeredAt
        self.reregisteredAt = reregisteredAt
        self.total = total
        self.allocated = allocated
        self.offered = offered
        self.drain = drain
    }

    /// As old clients name it: `slave(1)@10.0.0.1:5051`.
    public var pid: String { "slave(1)@\(info.address.address ?? info.address.hostname):\(info.address.port)" }
}

/// A framework as the master sees it.
public struct FrameworkView: Hashable, Sendable {
    public var info: FrameworkInfo
    public var isActive: Bool
    public var isConnected: Bool
    /// Known only through the registry or its agents.
    public var isRecovered: Bool
    public var registeredAt: Instant
    public var reregisteredAt: Instant?
    public var unregisteredAt: Instant?
    public var offers: [Offer]
    public var inverseOffers: [InverseOffer]
    public var allocated: [Resource]
    public var offered: [Resource]
    public var suppressedRoles: [RoleName]
    public var constraints: OfferConstraints

    public init(
        info: FrameworkInfo, isActive: Bool = true, isConnected: Bool = true, isRecovered: Bool = false,
        registeredAt: Instant, reregisteredAt: Instant? = nil, unregisteredAt: Instant? = nil, offers: [Offer] = [],
        inverseOffers: [InverseOffer] = [], allocated: [Resource] = [], offered: [Resource] = [],
        suppressedRoles: [RoleName] = [], constraints: OfferConstraints = .none
    ) {
        self.info = info
        self.isActive = isActive
        self.isConnected = isConnected
        self.isRecovered = isRecovered
        self.registeredAt = registeredAt
        self.reregisteredAt = reregisteredAt
        self.unregisteredAt = unregisteredAt
        self.offers = offers
        self.inverseOffers = inverseOffers
        self.allocated = allocated
        self.offered = offered
        self.suppressedRoles = suppressedRoles
        self.constraints = constraints
    }
}

/// A task as the cluster shows it. Cheap to copy; what is big or rare is shared with the task's `TaskSpec`.
public struct TaskView: Hashable, Sendable {
    public var id: TaskID
    public var name: String
    public var framework: FrameworkID
    /// Nil: the task is its own container.
    public var executor: ExecutorID?
    public var agent: AgentID
    public var state: TaskState
    public var resources: [Resource]
    public var limits: [String: ResourceLimit]
    /// The oldest first; one for each change of state, bounded.
    public var statuses: [StatusUpdate]
    /// Of the update that waits for an acknowledgement.
    public var updateState: TaskState?
    public var updateID: UpdateID?
    public var user: String?
    public var killGracePeriod: Duration?
    public var maxCompletionTime: Duration?
    public var labels: [Label]
    @Boxed public var container: ContainerSpec?
    @Boxed public var healthCheck: HealthCheck?
    @Boxed public var check: CheckSpec?
    @Boxed public var discovery: DiscoveryInfo?

    public init(
        id: TaskID, name: String, framework: FrameworkID, executor: ExecutorID? = nil, agent: AgentID,
        state: TaskState, resources: [Resource] = [], limits: [String: ResourceLimit] = [:],
        statuses: [StatusUpdate] = [], updateState: TaskState? = nil, updateID: UpdateID? = nil, user: String? = nil,
        killGracePeriod: Duration? = nil, maxCompletionTime: Duration? = nil, labels: [Label] = [],
        container: ContainerSpec? = nil, healthCheck: HealthCheck? = nil, check: CheckSpec? = nil,
        discovery: DiscoveryInfo? = nil
    ) {
        self.id = id
        self.name = name
        self.framework = framework
        self.executor = executor
        self.agent = agent
        self.state = state
        self.resources = resources
        self.limits = limits
        self.statuses = statuses
        self.updateState = updateState
        self.updateID = updateID
        self.user = user
        self.killGracePeriod = killGracePeriod
        self.maxCompletionTime = maxCompletionTime
        self.labels = labels
        self.container = container
        self.healthCheck = healthCheck
        self.check = check
        self.discovery = discovery
    }

    /// What `spec` says, and how far it has come.
    public init(
        _ spec: TaskSpec, framework: FrameworkID, state: TaskState, statuses: [StatusUpdate] = [],
        updateState: TaskState? = nil, updateID: UpdateID? = nil, user: String? = nil
    ) {
        id = spec.id
        name = spec.name
        self.framework = framework
        executor =
            if case .executor(let executor) = spec.runner { executor.id } else { nil }
        agent = spec.agent
        self.state = state
        resources = spec.resources
        limits = spec.limits
        self.statuses = statuses
        self.updateState = updateState
        self.updateID = updateID
        self.user = user
        killGracePeriod = spec.killGracePeriod
        maxCompletionTime = spec.maxCompletionTime
        labels = spec.labels
        _container = spec.$container
        _healthCheck = spec.$healthCheck
        _check = spec.$check
        _discovery = spec.$discovery
    }

    /// The role its resources were given to.
    public var role: RoleName? { resources.first?.allocatedTo }
}

/// An executor, and where it runs.
public struct ExecutorView: Hashable, Sendable {
    public var spec: ExecutorSpec
    public var agent: AgentID

    public init(_ spec: ExecutorSpec, agent: AgentID) {
        self.spec = spec
        self.agent = agent
    }
}

/// An operation, and how far it has come.
public struct OperationView: Hashable, Sendable {
    public var order: OperationOrder
    public var agent: AgentID?
    public var latest: OperationStatus
    public var statuses: [OperationStatus]

    public init(
        order: OperationOrder, agent: AgentID? = nil, latest: OperationStatus, statuses: [OperationStatus] = []
    ) {
        self.order = order
        self.agent = agent
        self.latest = latest
        self.statuses = statuses
    }
}
