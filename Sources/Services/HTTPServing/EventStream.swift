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
    /// Framed.
    public var heartbeat: [UInt8] = []
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
        /// No record is taken any more; the connection ends when the queue is empty.
        var ending: End?
        var isClosed = false
        var onClose: (@Sendable (End) -> Void)?
    }
    public let rules: EventStreamRules
    private let state: Mutex<State>

    /// `onClose` is called once, when the stream is over for whatever reason, from any thread.
    public init(_ rules: EventStreamRules, onClose: @escaping @Sendable (End) -> Void = { _ in }) {
        self.rules = rules
        var state = State(queue: BoundedQueue(capacity: max(1, rules.recordsMax) + 1))
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
            let size = record.readableBytes
            let fits = state.queue.isEmpty || state.bytes + size <= rules.bytesMax
            guard fits, state.queue.count < rules.recordsMax else {
                overflow(&state)
                return (false, state.outlet)
            }
            append(record, to: &state)
            return (true, wake(&state))
        }
        outlet?.wake()
        return isTaken
    }

    /// Ends the stream after what is queued, and after `last`, which passes even a full queue.
    public func finish(last: [UInt8]? = nil) {
        let outlet = state.withLock { state -> Outlet? in
            guard state.ending == nil else { return nil }
            if let last { append(ByteBuffer(bytes: last), to: &state) }
            state.ending = .finished
            return state.outlet
        }
        outlet?.wake()
    }

    /// Bytes that wait for the consumer.
    public var pendingBytes: Int { state.withLock { $0.bytes } }
    /// Records handed to the connection so far.
    public var recordsSent: UInt64 { state.withLock { $0.sent } }
    public var hasEnded: Bool { state.withLock { $0.ending != nil || $0.isClosed } }

    private func append(_ record: ByteBuffer, to state: inout State) {
        if state.queue.append(record) { state.bytes += record.readableBytes }
    }

    /// The queue goes: what it holds is of no use to a consumer that has to start anew.
    private func overflow(_ state: inout State) {
        _ = state.queue.drain()
        state.bytes = 0
        if !rules.overflow.isEmpty { append(ByteBuffer(bytes: rules.overflow), to: &state) }
        state.ending = .overflowed
    }

    private func wake(_ state: inout State) -> Outlet? {
        guard !state.isWoken, let outlet = state.outlet else { return nil }
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
            let waits = !state.queue.isEmpty || state.ending != nil
            state.isWoken = waits
            return waits
        }
        if waits { outlet.wake() }
    }

    func next() -> Piece {
        state.withLock { state in
            if let record = state.queue.popFirst() {
                state.bytes -= record.readableBytes
                state.sent += 1
                return .record(record)
            }
            state.isWoken = false
            return state.ending.map { .end($0) } ?? .nothing
        }
    }

    /// Why the stream ends, if it does.
    var ending: End? { state.withLock { $0.ending } }

    /// The connection is gone, or will never be. Idempotent.
    func close(_ end: End) {
        let (callback, reason) = state.withLock { state -> ((@Sendable (End) -> Void)?, End) in
            guard !state.isClosed else { return (nil, end) }
            state.isClosed = true
            let reason = state.ending ?? end
            state.ending = reason
            _ = state.queue.drain()
            state.bytes = 0
            state.outlet = nil
            defer { state.onClose = nil }
            return (state.onClose, reason)
        }
        callback?(reason)
    }
}
