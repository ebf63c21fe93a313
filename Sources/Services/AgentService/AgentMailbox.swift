import Synchronization

/// Where everything the driver is told waits for its turn. Requests from outside are refused when too many wait; facts
/// of our own always fit, because each answers an effect or a stream, and those are bounded.
final class AgentMailbox<Element: Sendable>: Sendable {
    let elements: AsyncStream<Element>
    private let continuation: AsyncStream<Element>.Continuation
    private let waiting = Mutex(0)
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        (elements, continuation) = AsyncStream.makeStream(of: Element.self, bufferingPolicy: .unbounded)
    }

    /// False, and nothing is taken, when too much waits.
    func request(_ element: Element) -> Bool {
        let fits = waiting.withLock { waiting in
            guard waiting < capacity else { return false }
            waiting += 1
            return true
        }
        if fits { continuation.yield(element) }
        return fits
    }

    func tell(_ element: Element) {
        waiting.withLock { $0 += 1 }
        continuation.yield(element)
    }

    /// How many wait.
    var count: Int { waiting.withLock { $0 } }

    /// The reader has taken one.
    func taken() { waiting.withLock { $0 -= 1 } }

    func close() { continuation.finish() }
}

/// Lets so many through at once; the others wait in their order.
actor Gate {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    func enter() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
