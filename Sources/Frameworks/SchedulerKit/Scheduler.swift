public import Logging

/// The brain of a framework: it is offered resources and decides what runs on them.
///
/// Read `events`, and answer with the calls below. The scheduler keeps the subscription: it finds the leading master,
/// comes back with the framework's id when the connection or the master is lost, repeats what got lost (kills,
/// acknowledgements), asks about tasks nobody says anything of, and hands each update out once. It begins with the
/// first event that is asked for, and ends with `stop`, `tearDown`, or when it is let go of.
///
///     let scheduler = Scheduler(FrameworkSettings(name: "example"), master: cluster)
///     for try await event in scheduler.events {
///         switch event {
///         case .offers(let offers): ...
///         case .update(let update): ...
///         default: break
///         }
///     }
///
/// All calls may be made from anywhere. Those that return have been taken by the master; what came of them are events.
/// They throw `scheduler.not-subscribed` while there is no master, and the failures of `ClusterClient`.
public final class Scheduler: Sendable {
    private let driver: SchedulerDriver

    /// - Parameters:
    ///   - master: A `ClusterClient`, or a `ScriptedMaster` in tests.
    ///   - logger: For masters that are not found, and calls of the scheduler's own that are not taken.
    public init(
        _ settings: FrameworkSettings, master: any SchedulerMaster,
        logger: Logger = Logger(label: "bulkhead.scheduler")
    ) {
        driver = SchedulerDriver(settings, master: master, logger: logger)
    }

    deinit {
        let driver = driver
        Task { await driver.abandon() }
    }

    /// What happens, in order; for one reader.
    public var events: FrameworkEvents { FrameworkEvents(driver: driver, scheduler: self) }

    /// Nil until the master has given it one.
    public var framework: FrameworkID? { get async { await driver.framework } }

    /// Tasks that were launched or heard of and have not ended.
    public var tasks: [SchedulerCall.TaskOfAgent] { get async { await driver.tasks } }

    // MARK: - Offers

    /// Launches the tasks that were added to the use of an offer, and gives the rest back for `refuseFor`. Without
    /// tasks the offer is declined.
    public func accept(_ use: OfferUse, refuseFor: Duration = .seconds(5)) async throws(Failure) {
        guard !use.tasks.isEmpty else { return try await decline([use.offer], refuseFor: refuseFor) }
        try await accept([use.offer], [OfferOperation(.launch(use.tasks))], refuseFor: refuseFor)
    }

    /// Does anything with offers of one agent, in the order of `operations`. What they leave of the offers is given
    /// back, and not offered again for `refuseFor`.
    public func accept(
        _ offers: [Offer], _ operations: [OfferOperation], refuseFor: Duration = .seconds(5)
    ) async throws(Failure) {
        let filter = OfferFilter(refuseFor: refuseFor)
        try await driver.call(.accept(offers: offers.map(\.id), operations: operations, filter: filter))
    }

    /// Gives offers back; resources of these agents are not offered again for `refuseFor`.
    public func decline(_ offers: [Offer], refuseFor: Duration = .seconds(5)) async throws(Failure) {
        guard !offers.isEmpty else { return }
        try await driver.call(.decline(offers: offers.map(\.id), filter: OfferFilter(refuseFor: refuseFor)))
    }

    /// No offers for these roles, or for any, until `revive`. A framework that has nothing to launch says so.
    public func suppress(_ roles: [RoleName] = []) async throws(Failure) { try await driver.call(.suppress(roles)) }

    /// Offers again, those refused for a while included.
    public func revive(_ roles: [RoleName] = []) async throws(Failure) { try await driver.call(.revive(roles)) }

    /// Agrees to give resources back before maintenance, or does not.
    public func answer(_ offers: [InverseOffer], agrees: Bool) async throws(Failure) {
        let ids = offers.map(\.id)
        try await driver.call(
            agrees ? .acceptInverseOffers(ids, filter: .standard) : .declineInverseOffers(ids, filter: .standard))
    }

    // MARK: - Tasks

    /// Ends a task. Remembered until its end is reported: said again after each subscription, so it never throws.
    /// `gracePeriod`: from the polite signal to the end; nil: what the task's spec says.
    public func kill(_ task: TaskID, on agent: AgentID? = nil, gracePeriod: Duration? = nil) async {
        await driver.kill(SchedulerCall.TaskOfAgent(task: task, agent: agent), gracePeriod: gracePeriod)
    }

    /// With manual acknowledgement: the program is done with the update. Safe to call again.
    public func acknowledge(_ update: StatusUpdate) async { await driver.acknowledge(update) }

    /// With manual acknowledgement: the program is done with the status of an operation.
    public func acknowledge(_ status: OperationStatus) async { await driver.acknowledge(status) }

    /// Asks for the states of these tasks until each is answered; of all tasks, once, without any. The answers are
    /// updates. The scheduler does this by itself after each subscription and now and then.
    public func reconcile(_ tasks: [TaskID] = []) async { await driver.reconcile(tasks) }

    // MARK: - Executors

    /// A message to an executor of the framework; nobody promises that it arrives.
    public func send(_ data: [UInt8], to executor: ExecutorID, on agent: AgentID) async throws(Failure) {
        try await driver.call(.message(data, executor: executor, agent: agent))
    }

    /// Ends an executor with its tasks.
    public func shutDown(_ executor: ExecutorID, on agent: AgentID) async throws(Failure) {
        try await driver.call(.shutdown(executor, agent: agent))
    }

    /// Any call of the scheduler API but SUBSCRIBE.
    public func call(_ action: SchedulerCall.Action) async throws(Failure) { try await driver.call(action) }

    // MARK: - The end

    /// Leaves the tasks running and ends the events, after sending what is due: an update that has been read counts as
    /// seen. The tasks live on for the framework's failover timeout, for a process that comes back with its id.
    public func stop() async { await driver.stop() }

    /// Ends the framework with all its tasks, then the events, whatever the master says to it.
    ///
    /// - Throws: `scheduler.not-subscribed`, and then nothing has ended; what the master said when it refused.
    public func tearDown() async throws(Failure) { try await driver.tearDown() }
}
