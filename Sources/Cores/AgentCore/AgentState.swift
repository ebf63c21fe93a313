public import ClusterAPI
public import ClusterModel
public import Containers
public import Determinism
public import OrderedCollections

/// What an agent must not forget: the sum of its journal.
///
/// It changes through records only, while the agent runs and when it starts again, so that what is remembered is what
/// was. Orders of things are those in which they came.
public struct AgentState: Equatable, Sendable {
    public internal(set) var identity: AgentIdentity?
    public internal(set) var id: AgentID?
    /// Drawn at the first start; whoever starts over draws another.
    public internal(set) var key: AgentKey?
    public internal(set) var bootID: String?
    public internal(set) var frameworks: OrderedDictionary<FrameworkID, FrameworkRun> = [:]
    public internal(set) var executors: OrderedDictionary<ContainerID, ExecutorRun> = [:]
    public internal(set) var tasks: OrderedDictionary<TaskReference, TaskRun> = [:]
    public internal(set) var streams: OrderedDictionary<TaskReference, UpdateStream> = [:]
    public internal(set) var containers: OrderedDictionary<ContainerID, ContainerRun> = [:]
    /// Nil: no operation has changed anything.
    public internal(set) var totals: [Resource]?
    public internal(set) var operations: OrderedDictionary<UpdateID, OperationRun> = [:]
    public internal(set) var drain: DrainInfo?
    /// Ended sandboxes by their paths, and when they ended.
    public internal(set) var sandboxes: OrderedDictionary<String, Instant> = [:]

    public init() {}

    /// What the records of a journal add up to.
    public init(_ records: some Sequence<AgentRecord>) {
        for record in records { apply(record) }
    }
}

/// A framework with something here.
public struct FrameworkRun: Hashable, Sendable {
    public let info: FrameworkInfo
    public var isShutDown: Bool
    /// What `info` takes in a registration.
    let cost: Int

    public init(info: FrameworkInfo, isShutDown: Bool = false) {
        self.info = info
        cost = WireValue.framework(info).linkCost
        self.isShutDown = isShutDown
    }
}

/// A task's updates on their way to the framework, the oldest first. Only the head is ever in flight.
public struct UpdateStream: Hashable, Sendable {
    public var pending: [StatusUpdate]
    /// Of updates acknowledged before, so that one sent again is known; bounded.
    public var acknowledged: [UpdateID]

    public static let acknowledgedMax = 64

    public init(pending: [StatusUpdate] = [], acknowledged: [UpdateID] = []) {
        self.pending = pending
        self.acknowledged = acknowledged
    }

    public var head: StatusUpdate? { pending.first }
    public var hasTerminal: Bool { pending.contains { $0.state.isTerminal } }

    public func knows(_ id: UpdateID) -> Bool {
        acknowledged.contains(id) || pending.contains { $0.id == id }
    }
}

/// An operation on resources, from its arrival until its status has been acknowledged.
public struct OperationRun: Hashable, Sendable {
    public let order: OperationOrder
    /// What it takes in a registration, at most: what it makes is as large as what it was made from.
    let cost: Int
    /// Nil: not done yet.
    public var status: OperationStatus?

    public init(order: OperationOrder, status: OperationStatus? = nil) {
        self.order = order
        cost = 2 * WireValue.order(order).linkCost
        self.status = status
    }
}

// MARK: - Views

extension AgentState {
    /// What tasks, executors and frameworks take in a registration.
    var registrationCost: Int {
        tasks.values.reduce(0) { $0 + $1.cost } + executors.values.reduce(0) { $0 + $1.cost }
            + frameworks.values.reduce(0) { $0 + $1.cost }
    }

    /// Tasks of an executor's container, in the order of their arrival.
    public func tasks(under executor: ContainerID) -> [TaskRun] {
        tasks.values.filter { $0.executorContainer == executor }
    }

    public func liveTasks(under executor: ContainerID) -> [TaskRun] {
        tasks.values.filter { $0.executorContainer == executor && !$0.state.isTerminal }
    }

    /// The executor of that name that has not ended.
    public func executor(_ key: ExecutorKey) -> ExecutorRun? {
        executors.values.first { $0.key == key && containers[$0.container]?.exit == nil }
    }

    public func container(at path: ContainerPath) -> ContainerRun? {
        containers.values.first { $0.path == path }
    }

    public func children(of container: ContainerID) -> [ContainerRun] {
        containers.values.filter { $0.launch.parent == container }
    }

    /// Whether anything of the framework is left that runs or is about to.
    func hasLife(_ framework: FrameworkID) -> Bool {
        if tasks.values.contains(where: { $0.framework == framework && !$0.state.isTerminal }) { return true }
        return executors.values.contains { $0.spec.framework == framework }
    }
}
