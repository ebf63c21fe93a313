public import Determinism

/// What was wrong, and when.
public struct Violation: Sendable, Hashable, CustomStringConvertible {
    public enum Act: String, Sendable {
        case safety, liveness, determinism
    }
    public var checker: Checker
    public var act: Act
    /// Simulated.
    public var at: Instant
    public var message: String

    public var description: String { "\(checker.rawValue) (\(act.rawValue)): \(message)" }
}

/// What each of the checkers promises.
public enum Checker: String, Sendable, CaseIterable {
    /// Nothing is given out twice, neither in the master's books nor on the machine.
    case allocation
    /// A task's program starts at most once.
    case startedOnce = "started-once"
    /// Every task that was accepted comes to an end that its framework hears of.
    case noTaskLost = "no-task-lost"
    /// What a framework is told of an end is what happened.
    case trueEnds = "true-ends"
    /// Updates arrive in order, none is left out, and none again once it was acknowledged.
    case updates
    /// What leaves a core rests on what is durable.
    case durability
    /// The registry never goes back.
    case registry
    /// Of two masters that lead at the same time, by mistake, no more than one changes anything.
    case leadership
    /// Nothing is left behind on any machine.
    case leaks
    /// Master, agents and machines agree when everything is quiet.
    case agreement
    /// The same seed takes the same course.
    case determinism
    /// Something that must not happen to the simulation itself.
    case world
}

/// What came of playing a seed.
public struct SimulationReport: Sendable {
    public var seed: UInt64
    public var violation: Violation?
    public var endedAt: Instant
    /// Simulated, from the beginning to the end.
    public var lasted: Duration
    public var events: Int
    /// Of the whole trace.
    public var hash: UInt64
    /// What happened, by name, sorted: launches, kills, reboots.
    public var counts: [(name: String, count: Int)]
    /// Faults that were drawn, in words.
    public var faults: String
    /// The last lines of the trace.
    public var tail: [String]
    var marks: [UInt64]
    var bug: PlantedBug?

    public var isGood: Bool { violation == nil }
    public func count(_ name: String) -> Int { counts.first { $0.name == name }?.count ?? 0 }

    public var repetition: String { "bulkhead simulate --seed \(seed)" }
}

extension SimulationReport: CustomStringConvertible {
    public var description: String {
        let figures = counts.map { "\($0.name) \($0.count)" }.joined(separator: ", ")
        let summary = "seed \(seed): \(events) events in \(lasted.components.seconds) simulated seconds; \(figures)"
        guard let violation else { return summary }
        let planted = bug.map { "\nplanted: \($0.rawValue)" } ?? ""
        return """
            seed \(seed) FAILED after \((violation.at - World.beginning).components.seconds) simulated seconds
            \(violation)\(planted)
            faults: \(faults)
            \(figures)
            the last \(tail.count) of \(events) events:
            \(tail.map { "  " + $0 }.joined(separator: "\n"))
            repeat it: \(repetition)
            """
    }
}
