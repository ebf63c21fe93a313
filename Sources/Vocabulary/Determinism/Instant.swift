/// A moment: nanoseconds since 1970 on a clock that never goes back. Cores are told the instant, they never ask.
///
/// Arithmetic saturates at `distantPast` and `distantFuture`, so that a duration taken from a client can never trap.
public struct Instant: Hashable, Comparable, Sendable {
    public let nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// `seconds` after the beginning of 1970.
    public init(seconds: Int64) { self = Instant.epoch + .seconds(seconds) }

    public static let epoch = Instant(nanoseconds: 0)
    public static let distantPast = Instant(nanoseconds: .min)
    public static let distantFuture = Instant(nanoseconds: .max)

    /// Seconds since 1970 with fractions, as the wire shows it; exact to about 0.2 microseconds today.
    public var seconds: Double { Double(nanoseconds) / 1e9 }

    public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    public static func + (instant: Instant, duration: Duration) -> Instant {
        let step = duration.saturatingNanoseconds
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(step)
        if overflow { return step < 0 ? .distantPast : .distantFuture }
        return Instant(nanoseconds: sum)
    }

    public static func - (instant: Instant, duration: Duration) -> Instant {
        let step = duration.saturatingNanoseconds
        let (difference, overflow) = instant.nanoseconds.subtractingReportingOverflow(step)
        if overflow { return step < 0 ? .distantFuture : .distantPast }
        return Instant(nanoseconds: difference)
    }

    /// How long after `right` `left` is; negative when it is before.
    public static func - (left: Instant, right: Instant) -> Duration {
        let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
        if overflow { return .nanoseconds(left < right ? Int64.min : Int64.max) }
        return .nanoseconds(difference)
    }

    public static func += (instant: inout Instant, duration: Duration) { instant = instant + duration }
}

extension Duration {
    /// Whole nanoseconds, rounded towards zero, at most `Int64`'s range (292 years).
    public var saturatingNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carried) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        if carried { return seconds < 0 ? .min : .max }
        return sum
    }

    /// `seconds`, which may come from a client, held within `range`; nil when it is not a number.
    public init?(clamping seconds: Double, to range: ClosedRange<Duration>) {
        guard !seconds.isNaN else { return nil }
        let bound = 9e9
        let nanoseconds = (max(-bound, min(bound, seconds)) * 1e9).rounded()
        self = max(range.lowerBound, min(range.upperBound, .nanoseconds(Int64(nanoseconds))))
    }
}
