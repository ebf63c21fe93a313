/// Where and why a document stops being one. Whoever reads it makes a refusal of it, in the words of what was read.
public struct JSONFault: Error, Equatable, Sendable {
    public enum Kind: Sendable {
        /// More bytes, a greater depth, more values than the limits have.
        case tooLarge, tooDeep, tooManyValues
        case duplicateMember
        /// Not UTF-8, half a surrogate pair, or NUL.
        case encoding
        case syntax
    }
    public var kind: Kind
    /// In words: "an object does not end".
    public var cause: String
    /// The byte; nil when it is about the document as a whole.
    public var position: Int?
    /// The members and elements it is in, from the outside: `config`, `[2]`.
    public var path: [String] = []

    init(_ kind: Kind, _ cause: String, at position: Int?) {
        self.kind = kind
        self.cause = cause
        self.position = position
    }

    /// The same, seen from one level further out.
    public func inside(_ place: String) -> JSONFault {
        var fault = self
        fault.path.insert(place, at: 0)
        return fault
    }
}

/// What a document may be before anything in it is believed.
public struct JSONLimits: Hashable, Sendable {
    public var bytes: Int
    public var depth: Int
    public var values: Int
    /// Of one number's text.
    public var numberBytes: Int
    /// Whether the bare words `Infinity` and `-Infinity` are numbers.
    public var allowsInfinity: Bool

    public init(bytes: Int, depth: Int, values: Int, numberBytes: Int = 512, allowsInfinity: Bool = false) {
        self.bytes = bytes
        self.depth = depth
        self.values = values
        self.numberBytes = numberBytes
        self.allowsInfinity = allowsInfinity
    }
}
