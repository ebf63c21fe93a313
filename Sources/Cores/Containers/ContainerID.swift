public import Diagnostics

/// Names one container for its whole life and after it: 1 to 64 letters, digits, `_`, `.` and `-`, starting with a
/// letter or digit, so that it can stand in a path and in a cgroup's name.
public struct ContainerID: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    public let text: String

    public init(_ text: String) throws(Failure) {
        guard Self.isValid(text) else {
            throw Failure(
                "container.bad-name", doing: "name a container", on: text,
                cause: "a name has 1 to 64 letters, digits, '_', '.' or '-' and starts with a letter or digit",
                remedy: "choose another name", field: "name")
        }
        self.text = text
    }

    /// Sixteen hexadecimal digits of `number`, which the caller draws at random.
    public init(number: UInt64) {
        let digits = String(number, radix: 16)
        text = String(repeating: "0", count: 16 - digits.count) + digits
    }

    static func isValid(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= 64 else { return false }
        return isAlphanumeric(first)
            && text.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x5f || $0 == 0x2e || $0 == 0x2d }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }

    public init(from decoder: any Decoder) throws {
        text = try decoder.singleValueContainer().decode(String.self)
        guard Self.isValid(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not a container id"))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    public static func < (left: ContainerID, right: ContainerID) -> Bool { left.text < right.text }
    public var description: String { text }
}
