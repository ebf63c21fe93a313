public import ClusterAPI
public import ClusterModel
public import Coordination
public import Determinism

/// An agent that is admitted: registered or, after a change of masters, expected back. Unreachable and gone ones are
/// `FormerAgent`s.
public struct AgentRecord: Sendable {
    /// What the registry has; `entry.info.resources` are as configured.
    public var entry: RegisteredAgent
    /// What it has with dynamic reservations and volumes, given out or not, in nobody's hands.
    public var total: Resources
    /// Nil: not connected.
    public var link: LinkID?
    /// Known from the registry only; it has not been heard of since this master leads.
    public var isRecovered: Bool
    public var version = ""
    public var bootID = ""
    public var reregistered: Instant?
    public var tasks: Set<TaskReference> = []
    /// What the tasks of each framework hold of it.
    public internal(set) var used: [FrameworkID: Resources] = [:]
    /// Executors that run, by framework.
    public var executors: [FrameworkID: [ExecutorID: ExecutorSpec]] = [:]
    public var offers: Set<OfferID> = []
    public var inverseOffers: Set<OfferID> = []
    /// Operations that are not forgotten.
    public var operations: Set<UpdateID> = []

    // Contact
    var pingTimer: TimerID?
    var isPinged = false
    var missedPings = 0
    /// It is to become unreachable as soon as the removal rate lets it.
    var isRemovalScheduled = false
    /// Its machine is taken down for maintenance, and it was told to end.
    var isGoingDown = false
    /// What is being written about it; until then nothing else is.
    var transition: Ticket?
    /// What came meanwhile: it is looked at afterwards.
    var waiting: WaitingRegistration?
    /// Its tasks were given up, or it was not known any more; set until it has brought them back.
    var wasUnreachable = false
    /// Operators have heard of it.
    var isAnnounced = false

    public var id: AgentID { entry.info.id }
    public var info: AgentInfo { entry.info }
    public var isConnected: Bool { link != nil }
    /// Whether it may be offered: connected, and neither an operator nor a drain keeps it out.
    public var isActive: Bool { link != nil && !entry.isDeactivated && entry.drain == nil && !isGoingDown }
    /// The agent with what it has now, for the allocator.
    public var currentInfo: AgentInfo {
        var info = entry.info
        info.resources = Array(total)
        return info
    }

    /// It is here again, over this link, and says this of itself.
    mutating func connect(_ link: LinkID, _ registration: AgentRegistration) {
        self.link = link
        entry.info = registration.info(as: id)
        entry.key = registration.key ?? entry.key
        isRecovered = false
        wasUnreachable = false
        isAnnounced = true
        version = registration.version
        bootID = registration.bootID
        total = Resources(registration.totals).unallocated()
    }

    mutating func add(_ added: ArraySlice<MasterCore.Keyed>, of framework: FrameworkID) {
        var held = used[framework] ?? .none
        tasks.reserveCapacity(tasks.count + added.count)
        for (key, task) in added {
            tasks.insert(key)
            if !task.hasReturnedResources { held += task.resources }
        }
        used[framework] = held.isEmpty ? nil : held
    }

    /// The task holds nothing any more.
    mutating func endUse(of task: TaskRecord) {
        used[task.framework]? -= task.resources
        if used[task.framework]?.isEmpty == true { used[task.framework] = nil }
    }

    init(entry: RegisteredAgent, isRecovered: Bool) {
        self.entry = entry
        self.isRecovered = isRecovered
        total = Resources(entry.info.resources)
    }
}

/// A registration that has to wait until something about its agent is stored.
struct WaitingRegistration: Sendable {
    var link: LinkID
    var registration: AgentRegistration
    /// The registry has, or is being told, what it says.
    var isRecorded = false
}

/// An agent that is not admitted any more.
public struct FormerAgent: Sendable {
    public var entry: RegisteredAgent
    /// Set while the registry is told that it is back.
    var transition: Ticket?
    var waiting: WaitingRegistration?
    public var info: AgentInfo { entry.info }
}

public struct FrameworkRecord: Sendable {
    public enum Connection: Sendable, Hashable {
        /// Known from the registry or through agents; it has not subscribed to this master.
        case recovered
        case disconnected
        case connected(StreamID)
    }
    public var info: FrameworkInfo
    public var connection: Connection
    /// Taken out of the allocator's hands: it gets no offers.
    public var isActive: Bool
    public var registered: Instant
    public var reregistered: Instant?
    public var suppressedRoles: Set<RoleName> = []
    public var constraints = OfferConstraints.none
    /// When it is removed unless it comes back.
    public var failoverDeadline: Instant?
    /// Tasks that are not over, or over and not acknowledged.
    public var tasks = SortedSet<TaskID>()
    public var unreachableTasks = RecentTasks()
    public var completedTasks = RecentTasks()
    public var offers: Set<OfferID> = []
    public var inverseOffers: Set<OfferID> = []
    /// Agents with tasks, executors or operations of it, and how many of these.
    public var agents: [AgentID: Int] = [:]
    /// Operations with an id that are not forgotten.
    public var operations: [OperationID: UpdateID] = [:]
    public internal(set) var counters = FrameworkCounters()

    var failoverTimer: TimerID?
    /// The registry is being told that it is over.
    var isBeingRemoved = false
    /// Its record in the registry says something that is not so any more.
    var storedDeadline: Instant?

    public var id: FrameworkID { info.id }
    public var stream: StreamID? {
        if case .connected(let stream) = connection { return stream }
        return nil
    }
    public var isConnected: Bool { stream != nil }

    mutating func add(_ added: ArraySlice<MasterCore.Keyed>, on agent: AgentID) {
        tasks.insert(added.map(\.key.task))
        agents[agent, default: 0] += added.count
        // By their places: taking each record out to look at it costs more than looking.
        for index in added.indices { counters.enter(added[index].task.state) }
    }

    mutating func remove(_ task: TaskRecord) {
        tasks.remove(task.spec.id)
        counters.leave(task.state)
    }

    public func has(_ capability: FrameworkInfo.Capability) -> Bool { info.capabilities.contains(capability) }
}

/// A framework that was removed.
public struct CompletedFramework: Sendable {
    public var info: FrameworkInfo
    public var registered: Instant
    public var reregistered: Instant?
    public var removed: Instant
    public var tasks: [TaskRecord]
}

public struct TaskRecord: Sendable {
    public var framework: FrameworkID
    /// Kept apart, so that a record is cheap to copy.
    @Shared public var spec: TaskSpec
    public var agent: AgentID
    /// The role its resources are allocated to.
    public var role: RoleName
    /// The latest that is known, acknowledged or not.
    public var state: TaskState
    /// The state of the update that waits for its acknowledgement, and its id.
    public var pendingUpdate: PendingUpdate?
    /// The update that was acknowledged last. When it comes again, its acknowledgement was lost or is on its way.
    var acknowledgedUpdate: UpdateID?
    /// The latest of each state, oldest first.
    public var statuses: [StatusUpdate] = []
    /// Allocated to `role`; returned when the task has ended.
    public var resources: Resources
    public var hasReturnedResources = false
    /// The framework wants it ended: an agent that was away is told when it is back.
    var killAsked: KillRequest?
    /// An agent brought it along: that it belongs there is that agent's word alone.
    var isAdopted = false

    public struct PendingUpdate: Hashable, Sendable {
        public var state: TaskState
        public var id: UpdateID
    }

    public var key: TaskReference { TaskReference(framework: framework, task: spec.id) }
    public var executor: ExecutorID? {
        if case .executor(let executor) = spec.runner { return executor.id }
        return nil
    }

    struct KillRequest: Sendable {
        var gracePeriod: Duration?
    }

    /// `role`: whose the resources are; they are given out to it.
    init(
        framework: FrameworkID, spec: TaskSpec, agent: AgentID, role: RoleName, state: TaskState, resources: Resources
    ) {
        self.init(
            framework: framework, sharing: Shared(wrappedValue: spec), agent: agent, role: role, state: state,
            resources: resources)
    }

    /// With a text that somebody else has too.
    init(
        framework: FrameworkID, sharing spec: Shared<TaskSpec>, agent: AgentID, role: RoleName, state: TaskState,
        resources: Resources
    ) {
        self.framework = framework
        _spec = spec
        self.agent = agent
        self.role = role
        self.state = state
        self.resources = resources
    }

    mutating func note(_ update: StatusUpdate, keeping limit: Int) {
        statuses.removeAll { $0.state == update.state }
        statuses.append(update)
        if statuses.count > limit { statuses.removeFirst(statuses.count - limit) }
    }
}

/// The latest tasks that something has happened to, oldest first, each id once.
public struct RecentTasks: Sendable {
    private var records: [TaskID: (number: UInt64, task: TaskRecord)] = [:]
    private var order: [(number: UInt64, id: TaskID)] = []
    private var head = 0
    private var following: UInt64 = 0

    public init() {}

    public var count: Int { records.count }
    public subscript(_ id: TaskID) -> TaskRecord? { records[id]?.task }

    /// Oldest first.
    public var all: [TaskRecord] {
        records.values.sorted { $0.number < $1.number }.map(\.task)
    }

    mutating func append(_ task: TaskRecord, keeping limit: Int) {
        following += 1
        records[task.spec.id] = (following, task)
        order.append((following, task.spec.id))
        while records.count > limit, head < order.count {
            let (number, id) = order[head]
            head += 1
            if records[id]?.number == number { records[id] = nil }
        }
        compact()
    }

    mutating func remove(_ id: TaskID) -> TaskRecord? {
        if records.isEmpty { return nil }
        let removed = records.removeValue(forKey: id)?.task
        compact()
        return removed
    }

    /// Entries that were removed or replaced stay in line until they are half of it.
    private mutating func compact() {
        guard order.count > 2 * records.count + 64 else { return }
        order = order[head...].filter { records[$0.id]?.number == $0.number }
        head = 0
    }
}

public struct OfferRecord: Sendable {
    public var offer: Offer
    /// The same resources, for arithmetic.
    public var resources: Resources
    public var expires: Instant

    public var id: OfferID { offer.id }
}

/// A change of resources that an agent was told to make.
public struct OperationRecord: Sendable {
    /// With its key, by which master and agent know it.
    public var order: OperationOrder
    public var agent: AgentID
    /// What it was made of, and what it makes; allocated when a framework asked.
    public var consumed: Resources
    public var converted: Resources
    /// The latest that is known.
    public var status: OperationStatus
    public var asked: Instant
}
