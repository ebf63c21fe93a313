public import Allocation
public import Authorization
public import ClusterAPI
public import ClusterModel

/// What a master is told once, when it begins to lead.
public struct MasterConfiguration: Sendable {
    /// With an id that no master before it has had: ids of agents, frameworks and offers begin with it.
    public var master: MasterInfo
    public var seed: UInt64 = 0
    public var allocator = AllocatorOptions()
    public var authorizer: any Authorizer
    public var limits = MasterLimits()

    /// Between two records of a stream on which nothing happens.
    public var heartbeatInterval = Duration.seconds(15)
    public var pingInterval = Duration.seconds(15)
    /// So many pings in a row without an answer make an agent unreachable.
    public var pingTimeouts = 5
    /// At most one agent becomes unreachable in so long; zero: as many as do.
    public var agentRemovalInterval = Duration.zero
    /// How long agents known to the registry have to come back after the master has changed.
    public var agentReturnWindow = Duration.seconds(600)
    /// The least a framework has to come back after the master has changed, whatever it asked for.
    public var frameworkReturnWindow = Duration.seconds(75)
    /// Freed and refused resources are handed out at least this often.
    public var allocationInterval = Duration.seconds(1)
    /// New agents, frameworks and wishes are served at once, but not more often than this.
    public var allocationSpacing = Duration.milliseconds(20)
    /// An offer that nobody answers is taken back after this long, so that nobody hides resources by being slow. Two
    /// minutes: far longer than a scheduler that lives needs, far shorter than people wait.
    public var offerTimeout = Duration.seconds(120)
    /// Roles there may be, beside the one that everybody is in; nil: any.
    public var roles: [RoleName]?
    /// Only agents that say where they are.
    public var requiresAgentDomain = false
    /// Unreachable and gone agents are forgotten after this long.
    public var agentMemory = Duration.seconds(14 * 24 * 3_600)

    public init(master: MasterInfo, authorizer: any Authorizer = RuleAuthorizer()) {
        self.master = master
        self.authorizer = authorizer
    }

    func allows(_ role: RoleName) -> Bool { roles.map { role == .anyone || $0.contains(role) } ?? true }
}

/// Bounds of what the master keeps and takes. What would go over is refused, or the oldest is dropped, as each says.
public struct MasterLimits: Sendable {
    /// Frameworks that have not been removed. One more is refused.
    public var frameworksMax = 10_000
    /// Removed frameworks that are remembered; the oldest is dropped.
    public var completedFrameworksMax = 1_000
    /// Removed frameworks that are shown with their tasks.
    public var completedFrameworksShownMax = 50
    /// Frameworks with figures of their own. Where there are more, only those that are connected have them, so many.
    public var frameworksFiguredMax = 1_000
    /// Ended tasks remembered for each framework; the oldest is dropped.
    public var completedTasksMax = 1_000
    /// Tasks on unreachable agents remembered for each framework; the oldest is dropped.
    public var unreachableTasksMax = 1_000
    /// Statuses kept for each task: the latest of each state, the oldest dropped.
    public var statusesMax = 16
    /// Unreachable and gone agents remembered; the oldest is dropped.
    public var formerAgentsMax = 102_400
    /// Agents admitted. One more is refused.
    public var agentsMax = 100_000
    /// Components of a role's name: the role tree is walked recursively.
    public var roleDepthMax = 16
    public var rolesOfFrameworkMax = 1_000
    /// Operator streams; the oldest is ended for a new one.
    public var observersMax = 1_000
    public var offersInCallMax = 10_000
    public var operationsInCallMax = 1_000
    public var tasksInCallMax = 10_000
    /// Pairs of resources in one list, of all tasks and operations of a call: bags of them are compared one by one.
    public var resourcePairsInCallMax = 4_000_000
    /// Bytes of a message to an executor; its agent takes no larger one.
    public var messageBytesMax = AgentLink.messageBytesMax
    /// Tasks that have not ended, of one framework. One more is refused.
    public var tasksOfFrameworkMax = 200_000
    /// Operations with feedback that are not acknowledged, of one framework. One more is refused.
    public var operationsOfFrameworkMax = 10_000
    /// A longer text in what a framework or an agent says of itself is refused.
    public var textBytesMax = 65_536

    public init() {}
}
