public import Diagnostics

/// `user[:group]` as an image or a person writes it. A piece made of digits is a number and never a name, and a number
/// that does not fit is refused: falling back from one to the other is how uid 0 was reached elsewhere
/// (CVE-2024-40635).
public struct UserSpec: Hashable, Sendable, CustomStringConvertible {
    public enum Account: Hashable, Sendable, CustomStringConvertible {
        case id(UInt32)
        case name(String)

        public var description: String {
            switch self {
            case .id(let number): "\(number)"
            case .name(let name): name
            }
        }
    }

    public var user: Account
    /// Nil: the user's own group and supplementary groups.
    public var group: Account?

    public init(user: Account, group: Account? = nil) {
        self.user = user
        self.group = group
    }

    public static let root = UserSpec(user: .id(0))

    /// - Throws: `user.invalid`. `1000:` means no group was chosen, as `1000` does; an empty user is refused.
    public init(parsing text: String, field: String = "user") throws(Failure) {
        let pieces = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map(Array.init)
        guard pieces.count <= 2 else {
            throw UserSpec.invalid(text, field: field, cause: "it has more than one colon")
        }
        user = try UserSpec.account(pieces[0], of: text, field: field)
        group = nil
        if pieces.count == 2, !pieces[1].isEmpty { group = try UserSpec.account(pieces[1], of: text, field: field) }
    }

    private static func account(_ piece: [UInt8], of text: String, field: String) throws(Failure) -> Account {
        guard let first = piece.first else { throw invalid(text, field: field, cause: "the user is empty") }
        if piece.allSatisfy(isDigit) {
            // 4294967295 is "no change" to the kernel.
            guard let number = UInt32(String(decoding: piece, as: UTF8.self)), number < .max else {
                throw invalid(text, field: field, cause: "a number must be from 0 to 4294967294")
            }
            return .id(number)
        }
        let letters = piece.last == UInt8(ascii: "$") ? piece.dropLast() : piece[...]
        guard piece.count <= 256, isLetter(first), letters.allSatisfy(isNameByte) else {
            throw invalid(text, field: field, cause: "it is neither a number nor a name")
        }
        return .name(String(decoding: piece, as: UTF8.self))
    }

    private static func invalid(_ text: String, field: String, cause: String) -> Failure {
        Failure(
            "user.invalid", doing: "use the user", on: String(text.prefix(100)), cause: cause,
            remedy: "write it as a name or a number, optionally with a group: 1000:1000", field: field)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool {
        (97...122).contains(byte | 0x20) || byte == UInt8(ascii: "_")
    }
    private static func isNameByte(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
    }

    public var description: String { "\(user)" + (group.map { ":\($0)" } ?? "") }
}
