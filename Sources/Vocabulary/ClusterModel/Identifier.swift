public import Diagnostics

/// What an identifier names. One empty type a kind, so that an agent's identifier cannot stand where a task's belongs.
public protocol IdentifierKind: Sendable {
    /// The kind in words, for messages: "task".
    static var noun: String { get }
}

public enum AgentKind: IdentifierKind { public static let noun = "agent" }
public enum FrameworkKind: IdentifierKind { public static let noun = "framework" }
public enum TaskKind: IdentifierKind { public static let noun = "task" }
public enum ExecutorKind: IdentifierKind { public static let noun = "executor" }
public enum OfferKind: IdentifierKind { public static let noun = "offer" }
public enum OperationKind: IdentifierKind { public static let noun = "operation" }
public enum ProviderKind: IdentifierKind { public static let noun = "resource provider" }
public enum VolumeKind: IdentifierKind { public static let noun = "volume" }

/// A name the protocol passes around: 1 to 255 bytes, not `.` or `..`, no `/`, `\` or control character, because the
/// agent makes directories of these names.
public struct Identifier<Kind: IdentifierKind>: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let text: String

    public static var bytesMax: Int { 255 }

    /// - Throws: `Failure` `identifier.invalid`, naming the rule that was broken.
    public init(_ text: String) throws(Failure) {
        if let fault = Self.fault(in: text) {
            throw Failure(
                "identifier.invalid", doing: "use \(Kind.noun) id", on: text, cause: fault,
                remedy: "use 1 to \(Self.bytesMax) bytes without '/', '\\' or control characters",
                field: "\(Kind.noun)_id")
        }
        self.text = text
    }

    private static func fault(in text: String) -> String? {
        if text.isEmpty { return "it is empty" }
        if text.utf8.count > bytesMax { return "it has \(text.utf8.count) bytes" }
        if text == "." || text == ".." { return "it names a directory" }
        // Nearly all are ASCII, and nothing is wrong with them.
        if text.utf8.allSatisfy({ $0 > 0x1f && $0 < 0x7f && $0 != 0x2f && $0 != 0x5c }) { return nil }
        let refused = text.unicodeScalars.first { scalar in
            scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) || scalar == "/" || scalar == "\\"
        }
        if let refused { return "it contains U+\(String(refused.value, radix: 16, uppercase: true))" }
        return text.standsAlone ? nil : "it begins or ends with a mark that belongs to what stands beside it"
    }

    /// By bytes, as the files, rules and other programs that tell names apart.
    public static func == (left: Self, right: Self) -> Bool { left.text.isSame(as: right.text) }
    public func hash(into hasher: inout Hasher) { hasher.combine(text) }
    public static func < (left: Identifier, right: Identifier) -> Bool { left.text < right.text }
    public var description: String { text }
}

public typealias AgentID = Identifier<AgentKind>
public typealias FrameworkID = Identifier<FrameworkKind>
public typealias TaskID = Identifier<TaskKind>
public typealias ExecutorID = Identifier<ExecutorKind>
public typealias OfferID = Identifier<OfferKind>
public typealias OperationID = Identifier<OperationKind>
public typealias ProviderID = Identifier<ProviderKind>
public typealias VolumeID = Identifier<VolumeKind>

/// The 16 bytes that name one status update until it is acknowledged.
public struct UpdateID: Hashable, Sendable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Nil unless there are exactly 16 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Most significant first, as on the wire.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 16) { buffer, count in
            for index in 0..<8 {
                buffer[index] = UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * index))
                buffer[8 + index] = UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * index))
            }
            count = 16
        }
    }

    public var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
