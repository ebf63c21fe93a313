import ClusterAPI

/// Bounds of what waits in a master. Each names what is refused or cut off beyond it.
public struct MasterServiceLimits: Sendable {
    /// Requests that wait for the core. One more is answered 503.
    public var mailboxMax = 10_000
    /// Events the core handles before reads get their turn.
    public var eventsInTurnMax = 256
    /// Bytes and records that wait for a scheduler; it is disconnected with an ERROR beyond.
    public var schedulerQueueBytesMax = 8 << 20
    public var schedulerQueueRecordsMax = 16_384
    /// The same for an operator who watches. The first record is the whole state, whatever its size.
    public var observerQueueBytesMax = 8 << 20
    public var observerQueueRecordsMax = 16_384
    /// The same for an agent, whose link ends beyond; it registers again.
    public var agentQueueBytesMax = 64 << 20
    public var agentQueueRecordsMax = 131_072
    /// Bytes of one call's body.
    public var callBytesMax = 16 << 20
    /// Bytes of what an agent sends at once; a registration carries every task.
    public var agentBodyBytesMax = AgentLink.bounds.bytes
    /// Reads worked out at once.
    public var readsMax = 2
    /// Reads that wait, are worked out or are being sent. One more is answered 503.
    public var readsWaitingMax = 1_000
    /// Bytes of an answer above which it is sent a piece at a time.
    public var wholeAnswerBytesMax = 4 << 20
    /// Parts of one such answer that are written at the same time, or wait until those before have left.
    public var partsAheadMax = 4
    /// Answers sent a piece at a time: each keeps what it shows in memory. One more is answered 503.
    public var largeAnswersMax = 16

    /// An agent's and a scheduler's first event is under way when its stream opens; the answer's header waits so long
    /// for it. Longer than a master takes that a whole cluster comes to: a header by itself is one more write for each.
    public var headWaits: Duration? = .milliseconds(250)
    /// After the last event of a stream there is a heartbeat so soon, and then one in each of the core's intervals.
    public var earlyHeartbeat: Duration? = .seconds(1)

    public init() {}
}
