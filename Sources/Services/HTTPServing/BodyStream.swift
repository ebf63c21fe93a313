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

    private struct State {
        var chunks: [ByteBuffer] = []
        var end: Result<Void, Failure>?
        var waiting: CheckedContinuation<ByteBuffer?, any Error>?
        var source: Source?
    }
    private let state = Mutex(State())

    init(source: Source?) { state.withLock { $0.source = source } }

    /// A body that is already there, for tests and calls within the process.
    public convenience init(_ chunks: [[UInt8]]) {
        self.init(source: nil)
        state.withLock { state in
            state.chunks = chunks.map { ByteBuffer(bytes: $0) }
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
                    precondition(state.waiting == nil, "a body has one reader")
                    if !state.chunks.isEmpty { return (.success(state.chunks.removeFirst()), nil) }
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

    /// The whole body.
    ///
    /// - Throws: `Failure` `http.body-too-large` beyond `bytesMax`, and what `next` throws.
    public func collect(bytesMax: Int) async throws -> [UInt8] {
        var body: [UInt8] = []
        while let chunk = try await next() {
            guard body.count + chunk.count <= bytesMax else {
                throw Failure(
                    "http.body-too-large", doing: "read the body", cause: "it is too large", remedy: "send less",
                    limit: "body bytes \(bytesMax)")
            }
            body += chunk
        }
        return body
    }

    private func take(_ state: inout State) -> CheckedContinuation<ByteBuffer?, any Error>? {
        defer { state.waiting = nil }
        return state.waiting
    }

    // MARK: - The connection's side

    func limitTime() { state.withLock { $0.source }?.limitTime() }

    /// Whether a reader waits, so that the connection should read on.
    var isWanted: Bool { state.withLock { $0.waiting != nil } }

    func push(_ chunk: ByteBuffer) {
        let waiting = state.withLock { state in
            if state.waiting == nil { state.chunks.append(chunk) }
            return take(&state)
        }
        waiting?.resume(returning: chunk)
    }

    func finish(_ end: Result<Void, Failure> = .success(())) {
        let waiting = state.withLock { state in
            if state.end == nil { state.end = end }
            state.source = nil
            return take(&state)
        }
        waiting?.resume(with: end.map { nil }.mapError { $0 })
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
