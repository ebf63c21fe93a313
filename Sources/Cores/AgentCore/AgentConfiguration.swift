import ClusterAPI
public import ClusterModel

/// Everything an agent is told before it starts. Two runs with equal configurations decide alike.
public struct AgentConfiguration: Sendable {
    /// What to do with what ran before.
    public enum Recovery: String, Sendable, CaseIterable {
        /// Take it over.
        case reconnect
        /// End everything, forget everything, and stop.
        case cleanup
    }

    public var address: NetworkAddress
    /// Everything the machine has to give, with static reservations.
    public var resources: [Resource]
    public var attributes: [Attribute]
    public var domain: FaultDomain?
    public var capabilities: Set<AgentInfo.Capability>
    /// Digits and dots.
    public var version: String
    /// Absolute, without a slash at the end. Sandboxes and volumes are below it.
    public var workDirectory: String
    public var recovery: Recovery
    public var policy: LaunchPolicy
    public var timing: AgentTiming
    public var bounds: AgentBounds
    /// Images that pruning never removes.
    public var pinnedImages: [String]
    /// Sandboxes at or below these paths are never collected.
    public var pinnedPaths: [String]

    public init(
        address: NetworkAddress, resources: [Resource], attributes: [Attribute] = [], domain: FaultDomain? = nil,
        capabilities: Set<AgentInfo.Capability> = Set(AgentInfo.Capability.allCases), version: String,
        workDirectory: String, recovery: Recovery = .reconnect, policy: LaunchPolicy = LaunchPolicy(),
        timing: AgentTiming = AgentTiming(), bounds: AgentBounds = AgentBounds(), pinnedImages: [String] = [],
        pinnedPaths: [String] = []
    ) {
        self.address = address
        self.resources = resources
        self.attributes = attributes
        self.domain = domain
        self.capabilities = capabilities
        self.version = version
        self.workDirectory = workDirectory
        self.recovery = recovery
        self.policy = policy
        self.timing = timing
        self.bounds = bounds
        self.pinnedImages = pinnedImages
        self.pinnedPaths = pinnedPaths
    }
}

/// How long things take. The defaults are the protocol's.
public struct AgentTiming: Sendable, Hashable {
    /// The first wait before registering is drawn from zero to this; it doubles with each try.
    public var registrationBackoff = Duration.seconds(1)
    public var registrationBackoffMax = Duration.seconds(60)
    /// Without a ping for so long the link counts as dead; the master's own numbers take its place.
    public var pingTimeout = Duration.seconds(75)
    public var updateRetry = Duration.seconds(10)
    public var updateRetryMax = Duration.seconds(600)
    /// From SIGTERM to SIGKILL, when nobody says otherwise.
    public var killGrace = Duration.seconds(3)
    /// From SIGKILL to the destruction of the container.
    public var killPatience = Duration.seconds(10)
    /// Between two tries to destroy what the kernel does not let go of.
    public var destroyRetry = Duration.seconds(30)
    public var executorRegistration = Duration.seconds(60)
    /// From the opening of the executor API after a restart until an executor has to be back. The protocol's own 2 s
    /// are as long as executors are told they may wait before they try: the slowest would be killed for nothing.
    public var executorReregistration = Duration.seconds(10)
    /// How long executors may wait before they try to come back; they are told in their environment.
    public var executorBackoffMax = Duration.seconds(2)
    public static let executorReregistrationMax = Duration.seconds(15)
    public var executorShutdownGrace = Duration.seconds(5)
    public var executorHeartbeat = Duration.seconds(30 * 60)
    /// How long an executor keeps trying to come back; it is told in its environment.
    public var executorRecovery = Duration.seconds(15 * 60)
    public var storeRetry = Duration.seconds(1)
    /// How long an ended sandbox is kept on an empty disk.
    public var collectionDelay = Duration.seconds(7 * 24 * 3_600)
    /// The part of the disk that is to stay free.
    public var collectionHeadroom = 0.1
    public var diskWatch = Duration.seconds(60)
    /// Between two prunings of images while the disk is fuller than the headroom allows.
    public var imagePruning = Duration.seconds(3_600)

    public init() {}
}

/// Upper bounds of what one agent keeps. What goes beyond is refused with the name of the bound.
public struct AgentBounds: Sendable, Hashable {
    public var tasksMax = 4_096
    public var frameworksMax = 1_024
    /// Of one task that wait for their acknowledgement.
    public var updatesMax = 256
    /// A task as the protocol's JSON, and what an update carries: well below what a journal takes at once.
    public var specBytesMax = AgentLink.taskBytesMax
    public var updateDataMax = 1 << 20
    /// What an executor says in words, and what its updates carry beside words and data, as JSON. Each task keeps one
    /// of every state.
    public var updateMessageMax = 16 << 10
    public var updatePartsMax = 64 << 10
    /// A framework, an operation and all resources together, as JSON.
    public var frameworkBytesMax = 1 << 20
    public var operationBytesMax = 256 << 10
    public var totalsBytesMax = 2 << 20
    /// What a containerizer is asked for, as JSON, and the volumes in it: both are more than what asked for them.
    public var launchBytesMax = 3 << 20
    public var volumesMax = 1_024
    /// All tasks, executors and frameworks together, and all operations: with them the agent registers, in one message.
    public var allSpecsBytesMax = AgentLink.agentTasksBytesMax
    public var allOperationsBytesMax = AgentLink.agentOperationsBytesMax
    public var allStatusesBytesMax = AgentLink.agentStatusesBytesMax
    public var waitersMax = 4_096
    public var operationsMax = 4_096
    /// Containers that operators have launched.
    public var orderedContainersMax = 1_024
    /// Of these, inside any one container that is in no other: nobody takes the places of all.
    public var orderedContainersPerOwnerMax = 256
    /// Ended sessions whose end can still be asked for; beyond it the oldest is forgotten.
    public var endedSessionsMax = 1_024
    /// Messages in one direction between a framework and one executor, bytes each.
    public var messageBytesMax = AgentLink.messageBytesMax
    /// The journal is replaced by a snapshot when it has this many records more than the snapshot would have.
    public var surplusRecordsMax = 10_000
    /// Sandboxes that wait to be collected; beyond it the oldest goes at once.
    public var sandboxesMax = 20_000

    public init() {}
}
