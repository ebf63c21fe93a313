import Synchronization

/// A task that may be cancelled before it begins.
final class FollowedFile: Sendable {
    private let state = Mutex<(task: Task<Void, Never>?, isCancelled: Bool)>((nil, false))

    func begin(_ body: @Sendable @escaping () async -> Void) {
        let isCancelled = state.withLock { state in
            if !state.isCancelled { state.task = Task { await body() } }
            return state.isCancelled
        }
        if isCancelled { Task { await body() }.cancel() }
    }

    func cancel() {
        state.withLock { state in
            state.isCancelled = true
            return state.task
        }?.cancel()
    }
}
