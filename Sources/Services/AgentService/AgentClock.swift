import Determinism
import FoundationEssentials

/// The wall's time when the process began and what has passed since: it never goes back.
struct AgentClock: Sendable {
    private let begin = Instant.epoch + .seconds(Date().timeIntervalSince1970)
    private let origin = ContinuousClock.now

    var now: Instant { begin + (ContinuousClock.now - origin) }

    /// Returns early, by throwing, only when the task is cancelled.
    func sleep(until instant: Instant) async throws {
        try await Task.sleep(until: origin + (instant - begin), clock: .continuous)
    }
}
