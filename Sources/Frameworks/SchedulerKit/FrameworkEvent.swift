/// What happens to a framework.
public enum FrameworkEvent: Equatable, Sendable {
    /// The master knows the framework by this id. Keep it: with it a later process takes the tasks over. Comes again
    /// after each `disconnected`.
    case subscribed(FrameworkID, master: MasterInfo)
    /// The master is gone, or another leads. All offers are void; tasks run on. The scheduler looks for the master by
    /// itself.
    case disconnected(Failure)
    /// Resources to be used or declined; each offer once.
    case offers([Offer])
    /// The master took the offer back: do not use it.
    case rescinded(OfferID)
    /// A task's state. Each update is handed out once, though agents repeat it until it is acknowledged; answers to
    /// reconciliation only where they say something new.
    case update(StatusUpdate)
    /// How an operation on resources went. Acknowledged as updates are.
    case operation(OperationStatus)
    /// The cluster wants an agent's resources back for maintenance.
    case inverseOffers([InverseOffer])
    case inverseOfferRescinded(OfferID)
    /// From an executor of the framework.
    case message([UInt8], executor: ExecutorID, agent: AgentID)
    case agentLost(AgentID)
    /// `status` as wait(2) has it.
    case executorLost(ExecutorID, agent: AgentID, status: Int32)
}

/// The events of a framework, in order. Read by one reader.
///
/// With automatic acknowledgement, asking for the next event acknowledges the one before it. Ends with nil after
/// `Scheduler.stop` and `tearDown`, and when the task that reads is cancelled; throws when the master will not have
/// the framework any more, or the scheduler has given up.
public struct FrameworkEvents: AsyncSequence, Sendable {
    public typealias Failure = Diagnostics.Failure
    let driver: SchedulerDriver
    /// Who reads keeps the scheduler.
    let scheduler: Scheduler

    public func makeAsyncIterator() -> Iterator { Iterator(driver: driver, scheduler: scheduler) }

    public struct Iterator: AsyncIteratorProtocol {
        let driver: SchedulerDriver
        let scheduler: Scheduler

        public mutating func next() async throws(Diagnostics.Failure) -> FrameworkEvent? {
            try await driver.next()
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(Diagnostics.Failure) -> FrameworkEvent? {
            try await driver.next()
        }
    }
}
