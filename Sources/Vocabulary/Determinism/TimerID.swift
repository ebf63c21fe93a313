/// Names a timer a core has asked its driver for. Counted, never drawn at random.
public struct TimerID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let number: UInt64
    public init(_ number: UInt64) { self.number = number }
    public static func < (left: TimerID, right: TimerID) -> Bool { left.number < right.number }
    public var description: String { "timer \(number)" }
}

/// Hands out timer identifiers, each once.
public struct TimerSequence: Sendable {
    private var following: UInt64

    /// Starts after `last`, the highest number known to be in use.
    public init(after last: UInt64 = 0) { following = last &+ 1 }

    public mutating func next() -> TimerID {
        defer { following &+= 1 }
        return TimerID(following)
    }
}
