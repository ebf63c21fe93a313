public import Diagnostics

/// A stream of events or of a process's output, read record by record.
///
/// Reading is what takes from the network: a bounded number of records waits here, then the server waits, so a slow
/// reader costs bounded memory. One reader; a second iterator shares the elements with the first.
///
/// A stream of events never ends by itself: when the server closes it, when it breaks or when it falls silent, reading
/// throws a `Failure` and later reads give nil. A process's output ends with nil. Reading in a task that is cancelled
/// gives nil too. Letting go of the stream and its iterators closes the connection.
///
/// Failures: `client.stream-closed`, `client.stream-broken`, `client.stream-silent`, all worth another connection,
/// `client.stream-unreadable`, and `stream.record-…` for broken framing and records over the bound.
public struct RecordStream<Element: Sendable>: AsyncSequence, Sendable {
    public typealias Failure = Diagnostics.Failure
    private let source: RecordSource<Element>

    init(_ source: RecordSource<Element>) { self.source = source }

    /// Closes the connection; what has not been read is lost and reading gives nil.
    public func cancel() { source.cancel() }

    public func makeAsyncIterator() -> Iterator { Iterator(source: source) }

    public struct Iterator: AsyncIteratorProtocol {
        let source: RecordSource<Element>

        public mutating func next() async throws(Diagnostics.Failure) -> Element? {
            try await source.channel.receive().get()
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(Diagnostics.Failure) -> Element? {
            try await source.channel.receive().get()
        }
    }
}

/// Owns what a stream runs on, and ends it when nobody reads any more.
final class RecordSource<Element: Sendable>: Sendable {
    let channel: BoundedChannel<Element>
    private let pump: Task<Void, Never>

    init(channel: BoundedChannel<Element>, pump: Task<Void, Never>) {
        self.channel = channel
        self.pump = pump
    }

    func cancel() {
        channel.close()
        pump.cancel()
    }

    deinit { cancel() }
}

/// Reads the records of one kind of stream.
protocol RecordDecoder: Sendable {
    associatedtype Element: Sendable
    /// How long the stream may be silent from now on; nil: for ever.
    var silence: Duration? { get }
    /// Whether the server may end it between two records.
    var mayEnd: Bool { get }
    /// Nil: nothing the reader needs to see.
    mutating func element(of record: [UInt8]) throws(Failure) -> Element?
}
