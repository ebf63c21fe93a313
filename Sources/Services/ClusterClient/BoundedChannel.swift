import Determinism
package import Diagnostics
import Synchronization

/// Hands elements from one task to another and makes the giving one wait while `capacity` of them have not been taken.
package final class BoundedChannel<Element: Sendable>: Sendable {
    private struct Receiver {
        let number: UInt64
        let continuation: CheckedContinuation<Result<Element?, Failure>, Never>
    }
    private struct State {
        var queue: BoundedQueue<Element>
        var receivers: [Receiver] = []
        var sender: (element: Element, continuation: CheckedContinuation<Bool, Never>)?
        var isOver = false
        /// Given out once, after everything in the queue.
        var failure: Failure?
        var lastReceiver: UInt64 = 0
        var cancelled: Set<UInt64> = []
    }
    private let state: Mutex<State>

    package init(capacity: Int) { state = Mutex(State(queue: BoundedQueue(capacity: max(1, capacity)))) }

    /// Returns when there is room. False: nobody takes it any more. One sender at a time.
    package func send(_ element: Element) async -> Bool {
        await withCheckedContinuation { continuation in
            let (receiver, answer) = state.withLock { state -> (Receiver?, Bool?) in
                if state.isOver { return (nil, false) }
                if !state.receivers.isEmpty { return (state.receivers.removeFirst(), true) }
                if state.queue.append(element) { return (nil, true) }
                state.sender = (element, continuation)
                return (nil, nil)
            }
            receiver?.continuation.resume(returning: .success(element))
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// The next element; nil when there are no more, or the task that asks was cancelled.
    package func receive() async -> Result<Element?, Failure> {
        let number = state.withLock { state in
            state.lastReceiver += 1
            return state.lastReceiver
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (answer, sender) = state.withLock {
                    take(Receiver(number: number, continuation: continuation), &$0)
                }
                sender?.resume(returning: true)
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let receiver = state.withLock { state -> Receiver? in
                guard let index = state.receivers.firstIndex(where: { $0.number == number }) else {
                    state.cancelled.insert(number)
                    return nil
                }
                return state.receivers.remove(at: index)
            }
            receiver?.continuation.resume(returning: .success(nil))
        }
    }

    private func take(
        _ receiver: Receiver, _ state: inout State
    ) -> (Result<Element?, Failure>?, CheckedContinuation<Bool, Never>?) {
        if state.cancelled.remove(receiver.number) != nil { return (.success(nil), nil) }
        if let element = state.queue.popFirst() {
            guard let sender = state.sender else { return (.success(element), nil) }
            state.sender = nil
            _ = state.queue.append(sender.element)
            return (.success(element), sender.continuation)
        }
        if let failure = state.failure {
            state.failure = nil
            return (.failure(failure), nil)
        }
        if state.isOver { return (.success(nil), nil) }
        state.receivers.append(receiver)
        return (nil, nil)
    }

    /// No more comes: what is there is handed out, then `failure`, then nothing. Only the first call counts.
    package func finish(_ failure: Failure? = nil) {
        let (receivers, sender) = state.withLock { state -> ([Receiver], CheckedContinuation<Bool, Never>?) in
            guard !state.isOver else { return ([], nil) }
            state.isOver = true
            state.failure = failure
            defer { (state.receivers, state.sender) = ([], nil) }
            if !state.receivers.isEmpty { state.failure = nil }
            return (state.receivers, state.sender?.continuation)
        }
        sender?.resume(returning: false)
        for (index, receiver) in receivers.enumerated() {
            if let failure, index == 0 {
                receiver.continuation.resume(returning: .failure(failure))
            } else {
                receiver.continuation.resume(returning: .success(nil))
            }
        }
    }

    /// Nobody takes anything any more: what is there is thrown away.
    package func close() {
        finish()
        state.withLock { state in
            _ = state.queue.drain()
            state.failure = nil
        }
    }
}
