import Determinism
import Synchronization

/// A master in memory, for tests of frameworks: the same events, calls and promises as the real one, without a network,
/// and with nothing left to chance or to time.
///
/// With agents it is a small cluster: it offers what they have, runs tasks as `conduct` says, repeats updates until
/// they are acknowledged, one after another, ends tasks that are killed and answers reconciliation. Without agents it
/// says nothing by itself. Either way a test may step in: offer, update, disconnect, refuse, send any event.
///
///     let master = ScriptedMaster(agents: [try .init("a", "cpus:2;mem:512")])
///     try await Program(scheduler: Scheduler(FrameworkSettings(name: "test"), master: master)).run()
///     #expect(master.launched.count == 3)
public final class ScriptedMaster: SchedulerMaster {
    public struct Agent: Sendable {
        public var id: AgentID
        public var resources: [Resource]
        public var attributes: [Attribute]

        /// - Throws: `Failure` `identifier.invalid`, `resource.unreadable`.
        public init(_ id: String, _ resources: String, attributes: [Attribute] = []) throws(Failure) {
            self.id = try AgentID(id)
            self.resources = try Resource.parse(resources)
            self.attributes = attributes
        }
    }
    /// The states a task goes through once launched, each after the one before was acknowledged. One that does not end
    /// with a terminal state runs until it is killed, or until the test says more.
    public typealias Conduct = @Sendable (TaskSpec) -> [TaskState]

    private let state: Mutex<ScriptedCluster>
    private let arrivals: AsyncStream<SchedulerCall.Action>
    private let arrived: AsyncStream<SchedulerCall.Action>.Continuation

    public init(agents: [Agent] = [], conduct: @escaping Conduct = { _ in [.starting, .running, .finished] }) {
        state = Mutex(ScriptedCluster(agents: agents, conduct: conduct))
        (arrivals, arrived) = AsyncStream.makeStream()
    }

    // MARK: - What a test sees

    /// Every call so far, SUBSCRIBE included.
    public var calls: [SchedulerCall] { state.withLock { $0.calls } }
    /// Every task so far, in the order of their launch.
    public var launched: [TaskSpec] { state.withLock { $0.launched } }
    /// Nil: never launched here.
    public func state(of task: TaskID) -> TaskState? { state.withLock { $0.tasks[task]?.state } }
    /// Updates sent that nobody has acknowledged.
    public var unacknowledged: [StatusUpdate] { state.withLock { $0.unacknowledged } }
    public var isSubscribed: Bool { state.withLock { $0.session != nil } }
    public var subscriptions: Int { state.withLock { $0.subscriptions } }

    /// The next call that `isMeant`, each looked at once; waits for it. Nil when the task that waits is cancelled.
    public func nextCall(
        where isMeant: @Sendable (SchedulerCall.Action) -> Bool = { _ in true }
    ) async -> SchedulerCall.Action? {
        var iterator = arrivals.makeAsyncIterator()
        while let call = await iterator.next() {
            if isMeant(call) { return call }
        }
        return nil
    }

    // MARK: - What a test does

    /// Offers resources beside those of the agents.
    ///
    /// - Throws: `Failure` `identifier.invalid`, `resource.unreadable`.
    @discardableResult
    public func offer(_ resources: String, on agent: String = "agent") throws(Failure) -> OfferID {
        let agent = try Agent(agent, resources)
        return try state.withLock { (cluster) throws(Failure) in try cluster.offer(agent) }
    }

    /// Takes an offer back. Nothing happens when it has been answered.
    public func rescind(_ offer: OfferID) { state.withLock { $0.rescind(offer) } }

    /// What a task does after all that was said before has been acknowledged.
    public func update(_ task: TaskID, _ state: TaskState) { self.state.withLock { $0.next(task, [state]) } }

    /// Sends any event to whoever is subscribed.
    public func send(_ event: SchedulerEvent) { state.withLock { $0.send(event) } }

    /// Breaks the subscription. The framework may come back.
    public func disconnect(_ failure: Failure = ScriptedMaster.gone) { state.withLock { $0.disconnect(failure) } }

    /// Every subscription from now on fails so; nil lets them in again.
    public func refuse(_ failure: Failure?) { state.withLock { $0.refusal = failure } }

    /// What a lost connection looks like.
    public static let gone = Failure(
        "client.stream-broken", doing: "keep the stream from the master", cause: "the test cut it",
        remedy: "connect again", retry: .later)

    // MARK: - The protocol

    public func begin(_ subscription: Subscription) async throws(Failure) -> any SchedulerSession {
        let call = SchedulerCall(framework: subscription.framework.id, .subscribe(subscription))
        let read = try SchedulerCall(WireCodec.encode(call.value, as: SchedulerCall.messageName, .json))
        let session = try state.withLock { (cluster) throws(Failure) in try cluster.subscribe(read) }
        arrived.yield(read.action)
        return ScriptedSession(master: self, connection: session)
    }

    fileprivate func take(_ call: SchedulerCall, on number: Int) throws(Failure) {
        let form = ReservationForm.stacked
        // Through the encoding and back: what cannot be said to a real master cannot be said here.
        let read = try SchedulerCall(WireCodec.encode(call.value(form), as: SchedulerCall.messageName, .json))
        try state.withLock { (cluster) throws(Failure) in try cluster.take(read, on: number) }
        arrived.yield(read.action)
    }

    fileprivate func leave(_ number: Int) { state.withLock { $0.leave(number) } }
}

/// A subscription with a scripted master.
private struct ScriptedSession: SchedulerSession {
    let master: ScriptedMaster
    let connection: ScriptedCluster.Connection

    func next() async throws(Failure) -> SchedulerEvent? {
        var iterator = connection.items.makeAsyncIterator()
        switch await iterator.next() {
        case .record(let record)?: return try SchedulerEvent(record, of: connection.framework)
        case .failure(let failure)?: throw failure
        case nil: return nil
        }
    }

    func call(_ call: SchedulerCall) async throws(Failure) { try master.take(call, on: connection.number) }
    func disconnect() { master.leave(connection.number) }
}
