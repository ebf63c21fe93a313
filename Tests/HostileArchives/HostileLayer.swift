/// One hostile layer, made for a canary at a known place, and what must come of it.
public struct HostileLayer: Sendable, CustomStringConvertible {
    public enum Verdict: Sendable, Equatable {
        /// The unpacker refuses with this code.
        case refused(String)
        /// It is unpacked, with these paths inside the layer afterwards and these not.
        case contained(present: [String] = [], absent: [String] = [])
    }

    /// The attack class, I1 to I20 of the threat model.
    public var attack: String
    public var name: String
    public var expected: Verdict
    /// A layer below, unpacked first.
    public var lower: (@Sendable (Surroundings) -> [UInt8])?
    public var layer: @Sendable (Surroundings) -> [UInt8]
    /// More command-line arguments for the unpacker: lowered limits.
    public var arguments: [String] = []

    public var description: String { "\(attack) \(name)" }

    init(
        _ attack: String, _ name: String, _ expected: Verdict, arguments: [String] = [],
        lower: (@Sendable (inout TarBuilder, Surroundings) -> Void)? = nil,
        _ layer: @escaping @Sendable (inout TarBuilder, Surroundings) -> Void
    ) {
        self.attack = attack
        self.name = name
        self.expected = expected
        self.arguments = arguments
        if let lower {
            self.lower = { surroundings in Self.archive(surroundings, lower) }
        }
        self.layer = { surroundings in Self.archive(surroundings, layer) }
    }

    /// With bytes that are not, or not only, a well-ended tar archive.
    init(
        raw attack: String, _ name: String, _ expected: Verdict, arguments: [String] = [],
        _ layer: @escaping @Sendable (Surroundings) -> [UInt8]
    ) {
        self.attack = attack
        self.name = name
        self.expected = expected
        self.arguments = arguments
        self.layer = layer
    }

    private static func archive(
        _ surroundings: Surroundings, _ fill: @Sendable (inout TarBuilder, Surroundings) -> Void
    ) -> [UInt8] {
        var builder = TarBuilder()
        fill(&builder, surroundings)
        return builder.ended()
    }

    static let pwned = Array("pwned\n".utf8)
}

/// Where the canary is, so that archives can aim at it.
public struct Surroundings: Sendable {
    /// Absolute path of a directory next to the layer's: it holds `secret`, `sub/file` and more.
    public var canary: String
    public init(canary: String) { self.canary = canary }

    /// As an archive name, without the leading slash.
    public var canaryName: String { String(canary.dropFirst()) }
}

extension HostileLayer {
    public static let all: [HostileLayer] =
        linkAttacks + hardLinkAttacks + nameAttacks + whiteoutAttacks + markerAttacks + bombs + damage + numbers
}
