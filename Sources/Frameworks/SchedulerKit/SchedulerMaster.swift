/// What a scheduler needs of a master. `ClusterClient` is the real one; `ScriptedMaster` is for tests.
public protocol SchedulerMaster: Sendable {
    /// Begins a subscription with whoever leads.
    ///
    /// - Throws: `Failure`; one that says `retry: never` ends the scheduler, any other is tried again.
    func begin(_ subscription: Subscription) async throws(Failure) -> any SchedulerSession
}

/// One subscription, while it lasts.
public protocol SchedulerSession: Sendable {
    /// The next event; nil or a `Failure` when the subscription is over. Called by one task at a time.
    func next() async throws(Failure) -> SchedulerEvent?
    /// Returns when the master has taken the call.
    func call(_ call: SchedulerCall) async throws(Failure)
    /// Ends it; the framework's tasks live on.
    func disconnect()
}

extension ClusterClient: SchedulerMaster {
    public func begin(_ subscription: Subscription) async throws(Failure) -> any SchedulerSession {
        try await subscribe(subscription)
    }
}

extension SchedulerConnection: SchedulerSession {
    public func next() async throws(Failure) -> SchedulerEvent? {
        var iterator = events.makeAsyncIterator()
        return try await iterator.next()
    }
}
