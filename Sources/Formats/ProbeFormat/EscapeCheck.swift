public import AuditFormat

/// What one check of the probe means: which answers are a wall's, how bad an open one is, which wall it should be.
public struct EscapeCheck: Hashable, Sendable {
    public var name: String
    public var area: String
    public var severity: Severity
    /// Names of errno and `SIGNAL 31`.
    public var blockers: Set<String>
    /// Which wall it is when the answer alone does not tell.
    public var wall: EscapeWall
    /// The deliberately weak control must get through here, or the test cannot fail.
    public var opensInControl: Bool
}

/// How an attempt came out.
public enum EscapeOutcome: Equatable, Sendable {
    case blocked(EscapeWall)
    /// It worked, or the kernel went as far as looking at arguments that had been chosen to be refused.
    case open
    case unknown

    public var name: String {
        switch self {
        case .blocked: "blocked"
        case .open: "open"
        case .unknown: "unknown"
        }
    }
}

/// A set of checks that have their expectations in common; a later group overrides an earlier one for a name.
struct EscapeGroup {
    var names: [String]
    var blockers: Set<String>
    var wall: EscapeWall
    var severity: Severity

    init(_ names: String, _ blockers: Set<String>, _ wall: EscapeWall, _ severity: Severity) {
        self.names = names.split(whereSeparator: \.isWhitespace).map(String.init)
        self.blockers = blockers
        self.wall = wall
        self.severity = severity
    }
}
