public import ClusterModel

/// What an agent brings when it opens its link: who it is, and everything on it that a master has to know.
public struct AgentRegistration: Hashable, Sendable {
    /// Nil: it has never been admitted, or starts over.
    public var id: AgentID?
    /// By which a master knows it again, whether or not it has learned its id. Nil: an agent of an older version.
    public var key: AgentKey?
    public var address: NetworkAddress
    /// As configured. What operations made of them is in `totals`.
    public var resources: [Resource]
    /// What there is now, with dynamic reservations and volumes.
    public var totals: [Resource]
    public var attributes: [Attribute]
    public var domain: FaultDomain?
    public var capabilities: Set<AgentInfo.Capability>
    /// Digits and dots.
    public var version: String
    /// Changes when the machine starts anew.
    public var bootID: String
    /// Those with tasks, executors or unacknowledged updates here.
    public var frameworks: [FrameworkInfo]
    public var executors: [ExecutorReport]
    public var tasks: [TaskReport]
    public var operations: [OperationReport]
    public var drain: DrainInfo?

    public init(
        id: AgentID? = nil, key: AgentKey? = nil, address: NetworkAddress, resources: [Resource], totals: [Resource],
        attributes: [Attribute] = [], domain: FaultDomain? = nil,
        capabilities: Set<AgentInfo.Capability> = Set(AgentInfo.Capability.allCases), version: String, bootID: String,
        frameworks: [FrameworkInfo] = [], executors: [ExecutorReport] = [], tasks: [TaskReport] = [],
        operations: [OperationReport] = [], drain: DrainInfo? = nil
    ) {
        self.id = id
        self.key = key
        self.address = address
        self.resources = resources
        self.totals = totals
        self.attributes = attributes
        self.domain = domain
        self.capabilities = capabilities
        self.version = version
        self.bootID = bootID
        self.frameworks = frameworks
        self.executors = executors
        self.tasks = tasks
        self.operations = operations
        self.drain = drain
    }

    public func info(as id: AgentID) -> AgentInfo {
        AgentInfo(
            id: id, address: address, resources: resources, attributes: attributes, domain: domain,
            capabilities: capabilities)
    }
}

/// A task the agent has, running or ended and not yet acknowledged.
public struct TaskReport: Hashable, Sendable {
    public var framework: FrameworkID
    /// Kept apart, so that a master takes it over without copying it.
    @Shared public var spec: TaskSpec
    /// The latest, whatever has been acknowledged.
    public var state: TaskState
    /// Nil: the task is its own container.
    public var executor: ExecutorID?
    /// The oldest update that waits for an acknowledgement.
    @Boxed public var pending: StatusUpdate?
    /// The latest first one of each state, for those who look.
    public var statuses: [StatusUpdate]
    public var container: ContainerPath?

    public init(
        framework: FrameworkID, spec: TaskSpec, state: TaskState, executor: ExecutorID? = nil,
        pending: StatusUpdate? = nil, statuses: [StatusUpdate] = [], container: ContainerPath? = nil
    ) {
        self.framework = framework
        _spec = Shared(wrappedValue: spec)
        self.state = state
        self.executor = executor
        _pending = Boxed(wrappedValue: pending)
        self.statuses = statuses
        self.container = container
    }
}

/// An executor that runs.
public struct ExecutorReport: Hashable, Sendable {
    public var spec: ExecutorSpec
    public var container: ContainerPath?

    public init(_ spec: ExecutorSpec, container: ContainerPath? = nil) {
        self.spec = spec
        self.container = container
    }
}

/// An operation the agent has seen and the master may not know the end of.
public struct OperationReport: Hashable, Sendable {
    public var order: OperationOrder
    public var status: OperationStatus

    public init(order: OperationOrder, status: OperationStatus) {
        self.order = order
        self.status = status
    }
}

/// An operation on its way from the master to the agent.
public struct OperationOrder: Hashable, Sendable {
    /// Names it between master and agent, whether or not the framework gave it an id.
    public var key: UpdateID
    /// Nil: an operator asked.
    public var framework: FrameworkID?
    /// Nil: nobody wants to hear how it went.
    public var id: OperationID?
    public var change: ResourceOperation

    public init(key: UpdateID, framework: FrameworkID? = nil, id: OperationID? = nil, change: ResourceOperation) {
        self.key = key
        self.framework = framework
        self.id = id
        self.change = change
    }
}

/// A task anywhere in the cluster.
public struct TaskReference: Hashable, Comparable, Sendable {
    public var framework: FrameworkID
    public var task: TaskID

    public init(framework: FrameworkID, task: TaskID) {
        self.framework = framework
        self.task = task
    }

    public static func < (left: TaskReference, right: TaskReference) -> Bool {
        (left.framework, left.task) < (right.framework, right.task)
    }
}
