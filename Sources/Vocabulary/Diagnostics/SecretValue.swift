/// Bytes that only the task may see.
///
/// Not Codable, so nothing that is encoded (records, journals, documents) can hold them: whoever has a member of this
/// type must leave it out, and the compiler says so. Not printable either, nor does a dump look inside.
public struct SecretValue: Equatable, Sendable {
    private let bytes: [UInt8]?

    public init(_ bytes: [UInt8]) { self.bytes = bytes }
    private init() { bytes = nil }

    /// What is left of a secret in a record: nothing.
    public static let absent = SecretValue()

    public var isAbsent: Bool { bytes == nil }
    public var count: Int { bytes?.count ?? 0 }

    /// Hands the bytes to `body`, for the one place that passes them on to the task.
    public func reveal<Result, Problem: Error>(_ body: ([UInt8]) throws(Problem) -> Result) throws(Problem) -> Result {
        try body(bytes ?? [])
    }
}

extension SecretValue: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { isAbsent ? "(no value)" : "(secret)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
