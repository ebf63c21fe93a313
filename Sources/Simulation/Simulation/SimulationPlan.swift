/// How a seed is played.
public struct SimulationPlan: Sendable {
    public enum Faults: Sendable, Hashable {
        /// Which kinds there are, and how often, is drawn from the seed.
        case drawn
        case none
    }

    /// A process dies at one of its effects, counted from its first start.
    public struct Crash: Sendable, Hashable {
        public enum Victim: String, Sendable, CaseIterable {
            case agent, master
            /// The agent's whole machine: what ran on it is gone.
            case machine
        }
        public var victim: Victim
        /// From one.
        public var effect: Int
        /// Whether the effect is still carried out.
        public var isAfter: Bool

        public init(_ victim: Victim, effect: Int, isAfter: Bool) {
            self.victim = victim
            self.effect = effect
            self.isAfter = isAfter
        }
    }

    /// How long faults happen, in simulated time.
    public var safetyAct = Duration.seconds(400)
    /// How long everything has to come to its end after that.
    public var livenessAct = Duration.seconds(7_200)
    public var faults = Faults.drawn
    /// Masters that stand for election; nil: drawn from the seed.
    public var masters: Int?
    /// Something that is wrong on purpose: a checker must find it.
    public var bug: PlantedBug?
    public var crash: Crash?
    /// The third act.
    public var isPlayedTwice = true
    /// Lines of the trace that a report keeps.
    public var traceLinesMax = 80
    /// More events than this in one run count as not coming to an end.
    public var eventsMax = 2_000_000

    public init() {}
}

/// Faults of the simulation's own making, outside the cores: each stands for a kind of mistake the cores must never
/// make, and shows that its checker would see it.
public enum PlantedBug: String, Sendable, CaseIterable {
    /// An acknowledgement never reaches the agent.
    case dropsAcknowledgements = "drops-acknowledgements"
    /// The containerizer starts a task's program a second time.
    case startsTwice = "starts-twice"
    /// What was launched runs before the journal has it.
    case launchesUnrecorded = "launches-unrecorded"
    /// An update leaves the agent before the journal has it.
    case sendsUnrecorded = "sends-unrecorded"
    /// The journal forgets its last batch when the agent dies, although it was said to be durable.
    case forgetsRecords = "forgets-records"
    /// Exit codes come back as zero.
    case liesAboutExits = "lies-about-exits"
    /// Updates of ends get lost on a link that goes on.
    case dropsEnds = "drops-ends"
    /// The agent sends again what was acknowledged.
    case repeatsAcknowledged = "repeats-acknowledged"
    /// The agent says it has more than it has.
    case inflatesResources = "inflates-resources"
    /// The registry says a write is durable, and has not got it.
    case forgetsRegistry = "forgets-registry"
    /// The registry takes back that an agent was given up for good.
    case revivesGone = "revives-gone"
    /// A second master is elected while the first leads.
    case electsTwo = "elects-two"
    /// The same, and the registry takes what is based on what is not there any more.
    case writesUnfenced = "writes-unfenced"
    /// A master that is elected reads the registry and does not take it over.
    case onlyReads = "only-reads"
    /// Destroyed containers are left behind.
    case leaksContainers = "leaks-containers"
    /// Sandboxes are left behind that nobody knows of.
    case leaksSandboxes = "leaks-sandboxes"
    /// After a reboot a stranger's process is taken for the task's own.
    case trustsReusedPIDs = "trusts-reused-pids"
    /// Something depends on more than the seed.
    case drawsFromOutside = "draws-from-outside"
}
