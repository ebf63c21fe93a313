import Synchronization

/// Where everything a driver is told waits for its turn. Requests from outside are bounded and refused beyond; facts of
/// our own (a stream has closed, a write is done) always fit, because there are only as many as there are streams and
/// writes, and losing one would leave the core waiting for ever.
final class Mailbox<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isClosed = false
        var refused: UInt64 = 0
        var waiting: CheckedContinuation<Void, Never>?
    }
    private let state = Mutex(State())
    let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    var count: Int { state.withLock { $0.elements.count } }
    var refused: UInt64 { state.withLock { $0.refused } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    /// All of them in order, or none when they do not fit.
    func request(_ elements: [Element]) -> Bool {
        let (isTaken, waiting) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            guard !state.isClosed, state.elements.count + elements.count <= capacity else {
                state.refused += 1
                return (false, nil)
            }
            state.elements += elements
            return (true, take(&state))
        }
        waiting?.resume()
        return isTaken
    }

    func tell(_ element: Element) {
        state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.isClosed else { return nil }
            state.elements.append(element)
            return take(&state)
        }?.resume()
    }

    /// The next elements, at most so many; nil once it is closed. One reader.
    func next(atMost most: Int) async -> [Element]? {
        while true {
            let (ready, isClosed) = state.withLock { state -> ([Element], Bool) in
                let ready = Array(state.elements.prefix(most))
                state.elements.removeFirst(ready.count)
                return (ready, state.isClosed)
            }
            if !ready.isEmpty { return ready }
            if isClosed { return nil }
            await withCheckedContinuation { continuation in
                let isStale = state.withLock { state in
                    if !state.elements.isEmpty || state.isClosed { return true }
                    state.waiting = continuation
                    return false
                }
                if isStale { continuation.resume() }
            }
        }
    }

    /// Takes nothing any more; what waits is still handed out.
    func close(droppingWhatWaits drops: Bool = false) {
        state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.isClosed = true
            if drops { state.elements.removeAll() }
            return take(&state)
        }?.resume()
    }

    private func take(_ state: inout State) -> CheckedContinuation<Void, Never>? {
        defer { state.waiting = nil }
        return state.waiting
    }
}
