/// What a refused request or a failed operation says, in the form a person can act on: what was tried, on what,
/// what came back, what to do, and whether trying again helps.
///
/// `description` is always one sentence on one line, and drives no terminal. `code` is stable and meant for programs.
public struct Failure: Error, Equatable, Sendable {
    /// A stable name such as `image.not-found`: lower case, the area first, words joined by hyphens.
    public struct Code: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }
        public init(stringLiteral value: String) { rawValue = value }
    }

    /// Whether the same request can succeed later without being changed.
    public enum Retry: String, Sendable {
        case never, later
    }

    public var code: Code
    /// What was tried, as the end of "cannot …": "open image archive".
    public var doing: String
    /// What it was tried on: a path, a name, an identifier. Untrusted text is escaped when shown.
    public var subject: String?
    /// What came back: the kernel's answer or what is wrong with the input.
    public var cause: String?
    /// What to do about it, as an imperative.
    public var remedy: String?
    /// The flag, the field or the archive entry at fault.
    public var field: String?
    /// The limit that was hit, with its unit: "entry count 1000000".
    public var limit: String?
    public var retry: Retry
    /// Failures of the clean-up that followed, kept beside the first, never instead of it.
    public var alsoFailed: [Failure]

    public init(
        _ code: Code, doing: String, on subject: String? = nil, cause: String? = nil, remedy: String? = nil,
        field: String? = nil, limit: String? = nil, retry: Retry = .never, alsoFailed: [Failure] = []
    ) {
        self.code = code
        self.doing = doing
        self.subject = subject
        self.cause = cause
        self.remedy = remedy
        self.field = field
        self.limit = limit
        self.retry = retry
        self.alsoFailed = alsoFailed
    }

    /// The same failure with another one, met while cleaning up, kept beside it.
    public func also(_ other: Failure) -> Failure {
        var copy = self
        copy.alsoFailed.append(other)
        return copy
    }
}

extension Failure: CustomStringConvertible {
    public var description: String {
        var sentence = "cannot \(doing)"
        if let subject { sentence += " \(subject)" }
        if let cause { sentence += ": \(cause)" }
        if let remedy { sentence += "; \(remedy)" }
        // As a whole: what was asked for is repeated in what to do about it too.
        return Untrusted.shown(sentence)
    }
}
