import Synchronization

/// A value that comes once, for any number of tasks that wait for it.
public final class Promise<Value: Sendable>: Sendable {
    private enum State {
        case waiting([CheckedContinuation<Value, Never>])
        case kept(Value)
    }
    private let state = Mutex(State.waiting([]))

    public init() {}

    /// The first value counts.
    public func keep(_ value: Value) {
        let waiting = state.withLock { state -> [CheckedContinuation<Value, Never>] in
            guard case .waiting(let waiting) = state else { return [] }
            state = .kept(value)
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: value) }
    }

    public var value: Value? {
        state.withLock { state in
            if case .kept(let value) = state { value } else { nil }
        }
    }

    /// Waits for it, whether or not the waiting task is cancelled: what promises must keep it in bounded time.
    public func wait() async -> Value {
        await withCheckedContinuation { continuation in
            let value = state.withLock { state -> Value? in
                switch state {
                case .kept(let value): return value
                case .waiting(let waiting):
                    state = .waiting(waiting + [continuation])
                    return nil
                }
            }
            if let value { continuation.resume(returning: value) }
        }
    }
}
