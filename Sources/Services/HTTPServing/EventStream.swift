import Determinism
public import NIOCore
import Synchronization

/// Bounds and habits of an event stream.
public struct EventStreamRules: Sendable {
    /// Framed bytes that wait for the consumer. One larger record passes while nothing else waits.
    public var bytesMax = 4 << 20
    /// Records that wait for the consumer.
    public var recordsMax = 8_192
    /// How often `heartbeat` is sent, unless records wait anyway. Nil sends none.
    public var heartbeatInterval: Duration?
    /// Also when so long has passed since the last record: some clients hand a record on only when the next one comes.
    /// Nil leaves it at the interval.
    public var earlyHeartbeat: Duration?
    /// Framed.
    public var heartbeat: [UInt8] = []
    /// The answer's header waits so long to leave together with the first record; nil: it leaves at once. For streams
    /// whose first record is under way when they open.
    public var headWaits: Duration?
    /// Framed; the last record a consumer gets that was too slow.
    public var overflow: [UInt8] = []
    /// How long such a consumer may take to read it before it is cut off.
    public var farewellTime: Duration = .seconds(5)

    public init() {}
}

/// A response of records that goes on until one side ends it. Sending never waits: what the consumer has not read yet
/// is queued up to the bounds, then the consumer is told and disconnected, so that it costs a bounded amount of memory
/// and nobody else's time.
///
/// May be used before the response is on its way; what is sent then waits in the queue too. All calls are safe from
/// anywhere and after the end.
public final class EventStream: Sendable {
    public enum End: Sendable, Hashable {
        /// The consumer closed the connection, or it broke.
        case peerClosed
        /// `finish` was called.
        case finished
        /// The queue was full.
        case overflowed
        /// The server stopped.
        case serverStopped
    }

    /// What the connection does for its stream. Called from anywhere.
    struct Outlet: Sendable {
        /// There is something in the queue, or it has ended.
        var wake: @Sendable () -> Void
    }

    private struct State {
        /// A ring of this many at most; the one place that is kept free is for the farewell.
        var queue: BoundedQueue<ByteBuffer>
        var bytes = 0
        var sent: UInt64 = 0
        var isWoken = false
        var outlet: Outlet?
        /// Nothing leaves before `release`.
        var isHeld: Bool
        /// What `release` puts before everything that waits, the last piece of it first.
        var first: [ByteBuffer] = []
        /// No record is taken any more; the connection ends when the queue is empty.
        var ending: End?
        var isClosed = false
        var onClose: (@Sendable (End) -> Void)?
        /// Those who wait for room.
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var lastWaiting: UInt64 = 0

        mutating func takeWaiting() -> [CheckedContinuation<Void, Never>] {
            defer { waiting = [:] }
            return Array(waiting.values)
        }
    }
    public let rules: EventStreamRules
    private let state: Mutex<State>

    /// `isHeld`: what is sent waits until `release` says what goes before it. `onClose` is called once, when the stream
    /// is over for whatever reason, from any thread.
    public init(
        _ rules: EventStreamRules, isHeld: Bool = false, onClose: @escaping @Sendable (End) -> Void = { _ in }
    ) {
        self.rules = rules
        var state = State(queue: BoundedQueue(capacity: max(1, rules.recordsMax) + 1), isHeld: isHeld)
        state.onClose = onClose
        self.state = Mutex(state)
    }

    /// Queues one framed record. False when the stream has ended, or ends with this very record because the queue is
    /// full.
    @discardableResult
    public func send(_ record: [UInt8]) -> Bool { send(ByteBuffer(bytes: record)) }

    /// The same for a record that goes to many streams: they share its bytes.
    @discardableResult
    public func send(_ record: ByteBuffer) -> Bool {
        let (isTaken, outlet) = state.withLock { state -> (Bool, Outlet?) in
            guard state.ending == nil else { return (false, nil) }
            guard fits(record, state) else {
                overflow(&state)
                return (false, state.outlet)
            }
            append(record, to: &state)
            return (true, wake(&state))
        }
        outlet?.wake()
        return isTaken
    }

    /// Queues one framed record when there is room for it, and waits until then: for a sender that can be held up.
    /// False when the stream has ended or the calling task is cancelled.
    public func sendWaiting(_ record: [UInt8]) async -> Bool {
        let record = ByteBuffer(bytes: record)
        while !Task.isCancelled {
            let (isTaken, outlet) = state.withLock { state -> (Bool?, Outlet?) in
                guard state.ending == nil else { return (false, nil) }
                guard fits(record, state) else { return (nil, nil) }
                append(record, to: &state)
                return (true, wake(&state))
            }
            outlet?.wake()
            if let isTaken { return isTaken }
            await room(for: record)
        }
        return false
    }

    private func room(for record: ByteBuffer) async {
        let number = state.withLock { state in
            state.lastWaiting += 1
            return state.lastWaiting
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if state.ending != nil || fits(record, state) || Task.isCancelled { return true }
                    state.waiting[number] = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
        }
    }

    private func fits(_ record: ByteBuffer, _ state: State) -> Bool {
        let hasRoom = state.queue.isEmpty || state.bytes + record.readableBytes <= rules.bytesMax
        return hasRoom && state.queue.count < rules.recordsMax
    }

    /// Lets a held stream go on with one framed record, whatever its size, and then with what was sent meanwhile. Of a
    /// record in pieces each is let go of when it has left.
    public func release(with first: [ByteBuffer]) {
        state.withLock { state -> Outlet? in
            guard state.isHeld else { return nil }
            state.isHeld = false
            guard state.ending == nil else { return nil }
            state.first = first.reversed()
            return wake(&state)
        }?.wake()
    }

    /// Ends the stream after what is queued, and after `last`, which passes even a full queue.
    public func finish(last: [UInt8]? = nil) {
        let (outlet, waiting) = state.withLock { state -> (Outlet?, [CheckedContinuation<Void, Never>]) in
            guard state.ending == nil else { return (nil, []) }
            if let last { append(ByteBuffer(bytes: last), to: &state) }
            state.ending = .finished
            return (state.outlet, state.takeWaiting())
        }
        outlet?.wake()
        for continuation in waiting { continuation.resume() }
    }

    /// Bytes that wait for the consumer.
    public var pendingBytes: Int { state.withLock { $0.bytes } }
    /// Records handed to the connection so far.
    public var recordsSent: UInt64 { state.withLock { $0.sent } }
    public var hasEnded: Bool { state.withLock { $0.ending != nil || $0.isClosed } }
    /// Whether `release` is still to come, or what it gave has not left.
    var isHeld: Bool { state.withLock { $0.isHeld || !$0.first.isEmpty } }

    private func append(_ record: ByteBuffer, to state: inout State) {
        if state.queue.append(record) { state.bytes += record.readableBytes }
    }

    /// The queue goes: what it holds is of no use to a consumer that has to start anew.
    private func overflow(_ state: inout State) {
        _ = state.queue.drain()
        state.first = []
        state.bytes = 0
        if !rules.overflow.isEmpty { append(ByteBuffer(bytes: rules.overflow), to: &state) }
        state.ending = .overflowed
    }

    private func wake(_ state: inout State) -> Outlet? {
        guard !state.isWoken, !state.isHeld, let outlet = state.outlet else { return nil }
        state.isWoken = true
        return outlet
    }

    // MARK: - The connection's side

    enum Piece {
        case record(ByteBuffer)
        /// Nothing now.
        case nothing
        /// Nothing any more.
        case end(End)
    }

    func attach(_ outlet: Outlet) {
        let waits = state.withLock { state -> Bool in
            state.outlet = outlet
            let waits = !state.first.isEmpty || !state.queue.isEmpty || state.ending != nil
            state.isWoken = waits
            return waits
        }
        if waits { outlet.wake() }
    }

    func next() -> Piece {
        let (piece, waiting) = state.withLock { state -> (Piece, [CheckedContinuation<Void, Never>]) in
            if let first = state.first.popLast() {
                if state.first.isEmpty { state.sent += 1 }
                return (.record(first), [])
            }
            if state.isHeld, state.ending == nil {
                state.isWoken = false
                return (.nothing, [])
            }
            if let record = state.queue.popFirst() {
                state.bytes -= record.readableBytes
                state.sent += 1
                // Not for every record: a sender that waits has much to say.
                return (.record(record), state.bytes <= rules.bytesMax / 2 ? state.takeWaiting() : [])
            }
            state.isWoken = false
            return (state.ending.map { .end($0) } ?? .nothing, [])
        }
        for continuation in waiting { continuation.resume() }
        return piece
    }

    /// Why the stream ends, if it does.
    var ending: End? { state.withLock { $0.ending } }

    /// The connection is gone, or will never be. Idempotent.
    func close(_ end: End) {
        typealias Left = (
            callback: (@Sendable (End) -> Void)?, reason: End, waiting: [CheckedContinuation<Void, Never>]
        )
        let left = state.withLock { state -> Left in
            guard !state.isClosed else { return (nil, end, []) }
            state.isClosed = true
            let reason = state.ending ?? end
            state.ending = reason
            _ = state.queue.drain()
            state.first = []
            state.bytes = 0
            state.outlet = nil
            defer { state.onClose = nil }
            return (state.onClose, reason, state.takeWaiting())
        }
        for continuation in left.waiting { continuation.resume() }
        left.callback?(left.reason)
    }
}
