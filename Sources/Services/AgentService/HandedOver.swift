import NIOCore
import Synchronization

/// A value that whoever takes it first has for itself, so that nobody keeps what is large longer than it is of use.
final class HandedOver<Value: Sendable>: Sendable {
    private let value: Mutex<Value?>

    init(_ value: Value) { self.value = Mutex(value) }

    /// The value; nil from the second time on.
    func take() -> Value? {
        value.withLock { value in
            defer { value = nil }
            return value
        }
    }
}

/// The body of a request, in one piece.
extension HandedOver: AsyncSequence where Value == ByteBuffer {
    typealias Element = ByteBuffer
    typealias Failure = Never

    struct AsyncIterator: AsyncIteratorProtocol {
        let body: HandedOver<ByteBuffer>
        mutating func next() async -> ByteBuffer? { body.take() }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self) }
}
