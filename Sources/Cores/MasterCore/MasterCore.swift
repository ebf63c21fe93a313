public import Allocation
public import ClusterAPI
public import ClusterModel
public import Coordination
public import Determinism
import Diagnostics

/// The decisions of a master that leads: whom it knows, who is offered what, what runs where, and who is told.
///
/// What the registry keeps is acted on only after `stored`: nobody hears of an agent, a framework or a quota that a
/// crash could take back. Tables are dictionaries for constant time; whatever order can be seen is made by sorting.
public struct MasterCore: Core {
    public let configuration: MasterConfiguration
    public internal(set) var allocator: FairAllocator

    // MARK: What there is

    public internal(set) var agents = RecordTable<AgentID, AgentRecord>()
    /// Unreachable and gone.
    public internal(set) var formerAgents: [AgentID: FormerAgent] = [:]
    public internal(set) var frameworks: [FrameworkID: FrameworkRecord] = [:]
    /// Removed ones that are shown, oldest first.
    public internal(set) var completedFrameworks: [CompletedFramework] = []
    /// All removed ones that are remembered, and when.
    public internal(set) var removedFrameworks: [FrameworkID: Instant] = [:]
    /// Tasks on admitted agents, over or not, until their last update is acknowledged.
    public internal(set) var tasks = RecordTable<TaskReference, TaskRecord>()
    public internal(set) var offers = RecordTable<OfferID, OfferRecord>()
    public internal(set) var inverseOffers: [OfferID: InverseOffer] = [:]
    public internal(set) var operations: [UpdateID: OperationRecord] = [:]
    public internal(set) var quotas: [RoleName: Quota]
    public internal(set) var weights: [RoleName: Double]
    public internal(set) var maintenance: Maintenance { didSet { machines = MachineIndex(maintenance) } }
    public internal(set) var counters = MasterCounters()
    /// Since when this master leads.
    public internal(set) var elected = Instant.epoch

    // MARK: Indexes and sequences

    var machines: MachineIndex
    /// What frameworks said to giving agents back.
    var inverseAnswers: [AgentID: [FrameworkID: InverseAnswer]] = [:]
    var maintenanceTimer: TimerID?
    var links: [LinkID: AgentID] = [:]
    var arrivals: [AgentID: Arrival] = [:]
    /// Whose key it is: of agents there are, were, and are arriving.
    var agentKeys: [AgentKey: AgentID] = [:]
    var streams: [StreamID: StreamOwner] = [:]
    /// Operator streams, oldest first.
    var observers: [StreamID] = []
    var timers: [TimerID: TimerPurpose] = [:]
    var timerSequence = TimerSequence()
    var tickets: [Ticket: StoredChange] = [:]
    var lastTicket: UInt64 = 0
    var lastStream: UInt64 = 0
    var lastOffer: UInt64 = 0
    /// Names of operations: agents keep them beyond a master's life, so they are drawn rather than counted.
    var operationKeys: SeededRandom
    var issued: IssuedIdentifiers
    /// Subscriptions and updates of each framework that are being written.
    var frameworkWrites: [FrameworkID: Int] = [:]
    /// Recovered agents that have not come back.
    var recoveredAgents = 0
    /// Removed frameworks by age.
    var removalOrder: [FrameworkID] = []
    /// Former agents by age.
    var formerOrder: [AgentID] = []
    /// Offers in the order in which they run out; those answered meanwhile are passed over.
    var expiries: [OfferID] = []
    var expiriesHead = 0
    var expiryTimer: TimerID?
    var allocationTimer: (id: TimerID, at: Instant)?
    var allocationDue: Instant?
    var wantsAllocation = false
    var wantsLaterAllocation = false
    var lastAllocation = Instant.distantPast
    /// Agents that are to become unreachable, in line for their turn.
    var removalQueue: [AgentID] = []
    var removalTimer: TimerID?
    var nextRemoval = Instant.distantPast
    /// The registry was lost: nothing is done any more.
    public internal(set) var hasSteppedDown = false
    /// Recovered agents may still come back until then; nil: all have, or the window is over.
    public internal(set) var recoveryEnds: Instant?
    var effects: [Effect] = []
    var recoveryNotes: [Note] = []

    /// A master that begins to lead with what the registry has. Hand `.started` to it first.
    public init(_ configuration: MasterConfiguration, registry: RegistrySnapshot) {
        self.configuration = configuration
        var options = configuration.allocator
        options.seed = configuration.seed
        allocator = FairAllocator(options: options)
        quotas = registry.quotas
        weights = registry.weights
        maintenance = registry.maintenance
        machines = MachineIndex(registry.maintenance)
        issued = registry.issued
        operationKeys = SeededRandom(seed: configuration.seed)
        recover(registry)
    }

    public mutating func handle(_ event: Event, at now: Instant) -> [Effect] {
        if hasSteppedDown { return [] }
        effects.removeAll(keepingCapacity: true)
        switch event {
        case .started: start(at: now)
        case .scheduler(let call, let stream, let principal, let request):
            schedulerCall(request, call, on: stream, by: principal, at: now)
        case .streamClosed(let stream): streamClosed(stream, at: now)
        case .agent(let link, let principal, let message): agentMessage(message, on: link, by: principal, at: now)
        case .linkClosed(let link): linkClosed(link, at: now)
        case .operator(let call, let principal, let request): operatorCall(request, call, by: principal, at: now)
        case .timer(let timer): timerFired(timer, at: now)
        case .stored(let ticket): stored(ticket, at: now)
        case .storeFailed(let ticket, let failure): storeFailed(ticket, failure)
        }
        allocateIfDue(at: now)
        return effects
    }

    mutating func emit(_ effect: Effect) { effects.append(effect) }

    mutating func note(
        _ name: String, _ message: String, level: Note.Level = .info, _ details: KeyValuePairs<String, String> = [:]
    ) {
        emit(.note(Note(name, message, level: level, details)))
    }

    mutating func answer(_ call: CallID, _ answer: CallAnswer) { emit(.answer(call, answer)) }

    /// Says something to those who watch; it is made only when there are any.
    mutating func announce(_ make: (borrowing MasterCore) -> OperatorEvent?) {
        guard !observers.isEmpty, let event = make(self) else { return }
        emit(.announce(event))
    }

    /// Says something to a framework if it listens.
    mutating func publish(_ event: SchedulerEvent, to framework: FrameworkID) {
        let listener = frameworks.change(framework) { record -> Listener? in
            guard let stream = record.stream else { return nil }
            record.counters.countEvent(event)
            return (stream, record.info.capabilities)
        }
        guard let (stream, capabilities) = listener ?? nil else { return }
        emit(.publish(stream, event, for: capabilities))
    }
    private typealias Listener = (stream: StreamID, capabilities: Set<FrameworkInfo.Capability>)

    /// Says something to an agent if it is connected.
    mutating func send(_ message: MasterMessage, to agent: AgentID) {
        guard let link = agents[agent]?.link else { return }
        emit(.send(link, message))
    }
}

/// Whose stream it is.
enum StreamOwner: Sendable {
    case framework(FrameworkID)
    case observer
}
