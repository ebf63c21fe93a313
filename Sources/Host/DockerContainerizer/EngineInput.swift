import Containerizing
import Diagnostics
import Synchronization

/// The connection for a container's standard input, one for all sessions: when it ends, the input does.
///
/// Whoever writes first has it opened, but it is not given up with them. The engine ends the input with the first
/// connection for it that is closed, also with one that was left half-made, or that was one too many.
final class EngineInput: Sendable {
    private typealias Opening = Promise<Result<EngineConnection?, Failure>>
    private let opening = Mutex<Opening?>(nil)

    /// Nil when the engine gives none. `open` goes on when the asking task is cancelled; it must end in bounded time.
    func connection(
        _ open: @escaping @Sendable () async throws(Failure) -> EngineConnection?
    ) async throws(Failure) -> EngineConnection? {
        let (promise, isOurs) = opening.withLock { known -> (Opening, Bool) in
            if let known { return (known, false) }
            let made = Opening()
            known = made
            return (made, true)
        }
        if isOurs {
            Task {
                do throws(Failure) { promise.keep(.success(try await open())) } catch { promise.keep(.failure(error)) }
            }
        }
        let outcome = await promise.wait()
        if case .success(let connection?) = outcome { return connection }
        // What came to nothing is tried again by whoever writes next.
        opening.withLock { known in
            if known === promise { known = nil }
        }
        return try outcome.get()
    }

    /// The container has ended.
    func close() { opening.withLock { $0 = nil } }
}
