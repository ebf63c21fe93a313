import Determinism
import FoundationEssentials

/// Tells a core what time it is: the wall's time when the process began, and from then on what has passed, so that it
/// never goes back, whatever is done to the machine's clock.
struct MasterClock: Sendable {
    private let begin: Instant
    private let origin = ContinuousClock.now

    init() { begin = Instant.epoch + .seconds(Date().timeIntervalSince1970) }

    var now: Instant { begin + (ContinuousClock.now - origin) }

    /// When the machine's own clock of passing time reaches `instant`.
    func moment(of instant: Instant) -> ContinuousClock.Instant { origin + (instant - begin) }
}
