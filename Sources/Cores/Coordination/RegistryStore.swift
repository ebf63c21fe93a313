public import Diagnostics

/// Counts the writes a registry has seen: whoever writes says which version the change is based on.
public struct RegistryVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let number: UInt64
    public init(_ number: UInt64) { self.number = number }

    /// Of a registry nobody has written to.
    public static let initial = RegistryVersion(0)
    public var next: RegistryVersion { RegistryVersion(number &+ 1) }
    public static func < (left: RegistryVersion, right: RegistryVersion) -> Bool { left.number < right.number }
    public var description: String { "version \(number)" }
}

/// Where the registry is kept. Writes are fenced: of two masters that both believe they lead, at most one changes
/// anything.
public protocol RegistryStore: Sendable {
    /// Everything there is, with its version. Whoever is to lead takes it over instead.
    ///
    /// - Throws: `Failure` when it cannot be read, or a record in it not be understood. Nothing is skipped.
    func load() async throws(Failure) -> (snapshot: RegistrySnapshot, version: RegistryVersion)

    /// Applies all of `changes` in order, or none. They are durable when it answers `.applied`.
    ///
    /// Losing the race is an answer, not an error.
    ///
    /// - Throws: `Failure` when it is not known whether they were applied. Whoever leads must then stop and load anew.
    func apply(_ changes: [RegistryChange], expecting version: RegistryVersion) async throws(Failure) -> RegistryAnswer
}

extension RegistryStore {
    /// How often somebody else may write between the reading and the taking over.
    static var takeOverTriesMax: Int { 16 }

    /// What a leader begins with. It counts as a write: one that a former leader has under way still is refused from
    /// here on, for it is based on an earlier version. Without that it would change what has been read already.
    ///
    /// - Throws: `Failure` when it cannot be read or written, or when others never stop writing. Whoever was to lead
    ///   must not then.
    public func takeOver() async throws(Failure) -> (snapshot: RegistrySnapshot, version: RegistryVersion) {
        var latest = RegistryVersion.initial
        for _ in 0..<Self.takeOverTriesMax {
            let (snapshot, version) = try await load()
            switch try await apply([], expecting: version) {
            case .applied(let next): return (snapshot, next)
            case .overtaken(let other): latest = other
            }
        }
        throw Failure(
            "registry.contended", doing: "take the registry over", on: "\(latest)",
            cause: "another master goes on writing to it", remedy: "let one master at a time lead with this registry",
            limit: "tries \(Self.takeOverTriesMax)", retry: .later)
    }
}

public enum RegistryAnswer: Hashable, Sendable {
    /// Durable; the registry is at this version now.
    case applied(RegistryVersion)
    /// Somebody else has written: nothing was changed, the registry is at this version.
    case overtaken(RegistryVersion)
}

/// A registry that lasts as long as the process: for tests, and for a cluster that is meant to forget.
public actor InMemoryRegistryStore: RegistryStore {
    private var snapshot: RegistrySnapshot
    private var version = RegistryVersion.initial

    public init(_ snapshot: RegistrySnapshot = .empty) { self.snapshot = snapshot }

    public func load() -> (snapshot: RegistrySnapshot, version: RegistryVersion) { (snapshot, version) }

    public func apply(_ changes: [RegistryChange], expecting expected: RegistryVersion) -> RegistryAnswer {
        guard expected == version else { return .overtaken(version) }
        for change in changes { snapshot.apply(change) }
        version = version.next
        return .applied(version)
    }
}
