/// What a framework says about itself, and how its scheduler keeps in touch with the master.
public struct FrameworkSettings: Sendable {
    /// When a status update counts as seen. Until then the agent repeats it, across crashes of everybody.
    public enum Acknowledgement: Sendable {
        /// When the next event is asked for: what the program did with the update is done then.
        case automatic
        /// When the program calls `Scheduler.acknowledge`, for example after it has written the state down.
        case manual
    }

    /// Name, roles, user, capabilities, failover timeout, and the id of a framework that comes back.
    public var framework: FrameworkRequest
    /// Roles that want no offers for now.
    public var suppressedRoles: [RoleName] = []
    /// Which agents' offers are wanted at all.
    public var constraints = OfferConstraints.none
    public var acknowledgement = Acknowledgement.automatic
    public var reconnection = Reconnection()
    public var reconciliation = Reconciliation()
    public var limits = SchedulerLimits()
    /// Tasks the program remembers from before, to be asked about as soon as it is subscribed.
    public var knownTasks: [SchedulerCall.TaskOfAgent] = []

    /// - Parameters:
    ///   - name: Shown to people.
    ///   - role: In which it is offered resources.
    ///   - id: Of a framework that comes back and takes its tasks over; nil makes a new one.
    ///   - failoverTimeout: How long tasks live on without a scheduler. Ten minutes, so that a network that is away
    ///     for a moment ends nothing.
    public init(
        name: String, role: RoleName = .anyone, user: String = "root", id: FrameworkID? = nil,
        failoverTimeout: Duration = .seconds(600)
    ) {
        framework = FrameworkRequest(
            id: id, name: name, user: user, roles: [role],
            capabilities: [.multiRole, .reservationRefinement, .partitionAware, .taskKillingState],
            failoverTimeout: failoverTimeout)
    }

    var subscription: Subscription {
        Subscription(framework: framework, suppressedRoles: suppressedRoles, constraints: constraints)
    }
}

/// How a lost master is looked for: at once after a while that doubles, drawn from its upper half so that frameworks
/// do not come back all together.
public struct Reconnection: Sendable {
    public var first: Duration = .milliseconds(250)
    public var most: Duration = .seconds(30)
    /// Nil: for ever. Otherwise the events end with the last failure.
    public var giveUpAfter: Duration?

    public init() {}
}

/// How the program's picture of its tasks is compared with the master's.
public struct Reconciliation: Sendable {
    /// All tasks are asked for this often; nil: never.
    public var interval: Duration? = .seconds(600)
    /// After a subscription each known task is asked about; those without an answer again after this long, which
    /// doubles up to `retryMost`.
    public var retryFirst: Duration = .seconds(5)
    public var retryMost: Duration = .seconds(60)

    public init() {}
}

/// Bounds of what a scheduler keeps.
public struct SchedulerLimits: Sendable {
    /// Events that wait for the program. When they are there, nothing more is taken from the master.
    public var eventsWaitingMax = 256
    /// Tasks that have not ended. Launching more is refused.
    public var tasksMax = 100_000
    /// Updates remembered so that none is handed out twice.
    public var updatesRememberedMax = 16_384
    /// Acknowledgements and other calls of the scheduler's own that wait to be sent.
    public var callsWaitingMax = 4_096
    /// Tasks asked about in one call.
    public var tasksPerReconciliationMax = 500
    /// For what is still to be sent when the scheduler stops.
    public var stopTime: Duration = .seconds(5)

    public init() {}
}
