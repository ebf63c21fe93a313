import ClusterAPI
import Diagnostics
import NIOCore
import Synchronization

/// A request's body as it arrives. Nothing is read from the connection before somebody asks for it, so a fast sender
/// waits for a slow reader. One reader at a time.
public final class BodyStream: Sendable {
    /// What the connection does for its body. Both may be called from anywhere.
    struct Source: Sendable {
        /// A reader waits.
        var demand: @Sendable () -> Void
        /// From now on the rest of the body has to arrive within `ServerLimits.bodyTime`.
        var limitTime: @Sendable () -> Void
    }

    /// One who wants all of it.
    private struct Collector {
        let continuation: CheckedContinuation<[ByteBuffer], any Error>
        let bytesMax: Int
        let share: BodyShare?
    }
    private struct State {
        var chunks: [ByteBuffer] = []
        /// Of these.
        var bytes = 0
        var end: Result<Void, Failure>?
        var waiting: CheckedContinuation<ByteBuffer?, any Error>?
        var collector: Collector?
        var source: Source?

        mutating func append(_ chunk: ByteBuffer) {
            chunks.append(chunk)
            bytes += chunk.readableBytes
        }

        mutating func takeAll() -> [ByteBuffer] {
            defer { (chunks, bytes) = ([], 0) }
            return chunks
        }
    }
    private let state = Mutex(State())

    init(source: Source?) { state.withLock { $0.source = source } }

    /// A body that is already there, for tests and calls within the process.
    public convenience init(_ chunks: [[UInt8]]) {
        self.init(source: nil)
        state.withLock { state in
            for chunk in chunks { state.append(ByteBuffer(bytes: chunk)) }
            state.end = .success(())
        }
    }

    /// The next bytes, or nil at the end.
    ///
    /// - Throws: `Failure` `http.body-cut-off` when the connection ends before the body does, `CancellationError`.
    public func next() async throws -> [UInt8]? {
        let buffer: ByteBuffer? = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (answer, demand) = state.withLock { state -> (Result<ByteBuffer?, any Error>?, Source?) in
                    precondition(state.waiting == nil && state.collector == nil, "a body has one reader")
                    if !state.chunks.isEmpty {
                        let chunk = state.chunks.removeFirst()
                        state.bytes -= chunk.readableBytes
                        return (.success(chunk), nil)
                    }
                    if let end = state.end { return (end.map { nil }.mapError { $0 }, nil) }
                    if Task.isCancelled { return (.failure(CancellationError()), nil) }
                    state.waiting = continuation
                    return (nil, state.source)
                }
                if let answer { continuation.resume(with: answer) }
                demand?.demand()
            }
        } onCancel: {
            state.withLock { state in take(&state) }?.resume(throwing: CancellationError())
        }
        return buffer.map { Array($0.readableBytesView) }
    }

    /// The whole body. It waits once, however many pieces there are.
    ///
    /// - Throws: `Failure` `http.body-too-large` beyond `bytesMax`, and what `next` throws.
    public func collect(bytesMax: Int) async throws -> [UInt8] { try await collect(bytesMax: bytesMax, share: nil) }

    /// The same; `http.overloaded` when its share cannot grow any more.
    func collect(bytesMax: Int, share: BodyShare?) async throws -> [UInt8] {
        let chunks = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let demand = state.withLock { state -> Source? in
                    precondition(state.waiting == nil && state.collector == nil, "a body has one reader")
                    state.collector = Collector(continuation: continuation, bytesMax: bytesMax, share: share)
                    return state.source
                }
                // Who was cut off before it asked has what is there already: the peer may only have shut its side down.
                if settle() { return }
                if Task.isCancelled { stopCollecting() } else { demand?.demand() }
            }
        } onCancel: {
            stopCollecting()
        }
        var body: [UInt8] = []
        body.reserveCapacity(chunks.reduce(0) { $0 + $1.readableBytes })
        for chunk in chunks { body.append(contentsOf: chunk.readableBytesView) }
        return body
    }

    private func stopCollecting() {
        state.withLock { state in
            defer { state.collector = nil }
            return state.collector
        }?.continuation.resume(throwing: CancellationError())
    }

    /// Gives whoever collects what there is when it is all, or too much. Whether nobody collects any more.
    @discardableResult
    private func settle() -> Bool {
        typealias Outcome = (collector: Collector, result: Result<[ByteBuffer], any Error>)
        let (outcome, isDone) = state.withLock { state -> (Outcome?, Bool) in
            guard let collector = state.collector else { return (nil, true) }
            let result: Result<[ByteBuffer], any Error>
            if state.bytes > collector.bytesMax {
                result = .failure(BodyStream.tooLarge(collector.bytesMax))
            } else if let share = collector.share, !share.grow(to: state.bytes) {
                result = .failure(BodyStream.tooLargeTogether(share.budget.bytesMax))
            } else if let end = state.end {
                result = end.map { state.takeAll() }.mapError { $0 }
            } else {
                return (nil, false)
            }
            state.collector = nil
            return ((collector, result), true)
        }
        if let outcome { outcome.collector.continuation.resume(with: outcome.result) }
        return isDone
    }

    private static func tooLarge(_ bytesMax: Int) -> Failure {
        Failure(
            "http.body-too-large", doing: "read the body", cause: "it is too large", remedy: "send less",
            limit: "body bytes \(bytesMax)")
    }

    private static func tooLargeTogether(_ bytesMax: Int) -> Failure {
        Failure(
            "http.overloaded", doing: "read the body", cause: "too much is being sent at once", remedy: "try again",
            limit: "bytes of all bodies \(bytesMax)", retry: .later)
    }

    private func take(_ state: inout State) -> CheckedContinuation<ByteBuffer?, any Error>? {
        defer { state.waiting = nil }
        return state.waiting
    }

    // MARK: - The connection's side

    func limitTime() { state.withLock { $0.source }?.limitTime() }

    /// Whether a reader waits, so that the connection should read on.
    var isWanted: Bool { state.withLock { $0.waiting != nil || $0.collector != nil } }

    func push(_ chunk: ByteBuffer) {
        let waiting = state.withLock { state in
            if state.waiting == nil { state.append(chunk) }
            return take(&state)
        }
        waiting?.resume(returning: chunk)
        settle()
    }

    func finish(_ end: Result<Void, Failure> = .success(())) {
        let waiting = state.withLock { state in
            if state.end == nil { state.end = end }
            state.source = nil
            return take(&state)
        }
        waiting?.resume(with: end.map { nil }.mapError { $0 })
        settle()
    }
}

/// The records of a streamed body, one after another.
public struct RecordSequence: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    private let body: BodyStream
    private let bytesMax: Int

    /// `bytesMax` bounds one record.
    public init(_ body: BodyStream, bytesMax: Int) {
        self.body = body
        self.bytesMax = bytesMax
    }

    public struct AsyncIterator: AsyncIteratorProtocol, Sendable {
        private let body: BodyStream
        private var reader: RecordReader
        private var ready: [[UInt8]] = []

        fileprivate init(_ body: BodyStream, bytesMax: Int) {
            self.body = body
            reader = RecordReader(bytesMax: bytesMax)
        }

        /// - Throws: `Failure` `stream.record-*` for broken framing or an end inside a record, and what the body
        ///   throws.
        public mutating func next() async throws -> [UInt8]? {
            while ready.isEmpty {
                guard let chunk = try await body.next() else {
                    try reader.finish()
                    return nil
                }
                ready = try reader.read(chunk).reversed()
            }
            return ready.removeLast()
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body, bytesMax: bytesMax) }
}
