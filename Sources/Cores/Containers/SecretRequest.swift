public import Diagnostics

/// Something only the task is to see: a file in memory, a variable of its environment, or both.
///
/// What is written down of it says where it came from and where it goes, never what it is. After a restart the value is
/// gone, and nothing needs it: the container has its own.
public struct SecretRequest: Equatable, Sendable, Codable {
    /// Where the value was read when the container was made.
    public enum Source: Equatable, Sendable, Codable {
        case file(String)
        /// A variable of the environment of the command that made it.
        case environment(String)
        /// It was given as it is.
        case inline
        /// Whoever starts the container looks it up under this name, and under the key in what is there.
        case reference(name: String, key: String?)
    }

    public static let countMax = 64
    public static let bytesMax = 512 << 10

    public var name: String
    public var source: Source
    /// Path in the container; nil: no file.
    public var target: String?
    /// Name in the task's environment; nil: not there.
    public var variable: String?
    /// Owner of the file in the container; nil: the task's user.
    public var uid: UInt32?
    public var gid: UInt32?
    public var mode: UInt32
    /// Not encoded: what is read back from a record has none.
    public var value = SecretValue.absent

    private enum CodingKeys: String, CodingKey { case name, source, target, variable, uid, gid, mode }

    public init(
        name: String, source: Source, target: String?, variable: String? = nil, uid: UInt32? = nil,
        gid: UInt32? = nil, mode: UInt32 = 0o400, value: SecretValue
    ) {
        self.name = name
        self.source = source
        self.target = target
        self.variable = variable
        self.uid = uid
        self.gid = gid
        self.mode = mode
        self.value = value
    }

    /// Whether it may name a secret, or a key of one: a word that means nothing but itself in a directory.
    public static func isName(_ word: String) -> Bool {
        (1...255).contains(word.utf8.count) && !word.begins(with: ".")
            && word.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// As it is after it has been written down and read again.
    public var withoutValue: SecretRequest {
        var copy = self
        copy.value = .absent
        return copy
    }
}
