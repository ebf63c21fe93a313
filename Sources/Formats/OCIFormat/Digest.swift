import Crypto
public import Diagnostics

/// The SHA-256 of a blob. No other algorithm is accepted, and the text an image gives is turned into 32 bytes before
/// anything else sees it: no path is ever made of an attacker's string.
public struct Digest: Hashable, Sendable, Comparable {
    /// Always 32 bytes.
    public let bytes: [UInt8]

    /// `bytes` are the 32 bytes of a SHA-256. Another count is a mistake of the caller and traps.
    public init(bytes: [UInt8]) {
        precondition(bytes.count == 32, "a SHA-256 has 32 bytes")
        self.bytes = bytes
    }

    /// Reads `sha256:` and 64 lower-case hexadecimal digits.
    /// - Throws: `image.digest-invalid`, or `image.digest-algorithm` for another algorithm.
    public init(parsing text: String, field: String = "digest") throws(Failure) {
        let units = Array(text.utf8.prefix(256))
        guard let colon = units.firstIndex(of: UInt8(ascii: ":")) else {
            throw Digest.invalid(text, field: field, cause: "it has no algorithm")
        }
        guard units[..<colon].elementsEqual("sha256".utf8) else {
            throw Failure(
                "image.digest-algorithm", doing: "accept the digest", on: Digest.excerpt(text),
                cause: "only sha256 is accepted", remedy: "rebuild the image with a tool that writes sha256 digests",
                field: field)
        }
        self = try Digest(hex: units[(colon + 1)...], of: text, field: field)
    }

    /// Reads 64 lower-case hexadecimal digits.
    public init(hex text: String, field: String = "digest") throws(Failure) {
        self = try Digest(hex: Array(text.utf8.prefix(256))[...], of: text, field: field)
    }

    private init(hex digits: ArraySlice<UInt8>, of text: String, field: String) throws(Failure) {
        guard digits.count == 64 else {
            throw Digest.invalid(text, field: field, cause: "a sha256 digest has 64 hexadecimal digits")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        var high: UInt8?
        for digit in digits {
            let value: UInt8
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
            default: throw Digest.invalid(text, field: field, cause: "only the digits 0-9 and a-f are allowed")
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        self.bytes = bytes
    }

    /// The digest of `content`. For documents, not for layers: those are hashed by the unpacker while they stream.
    public init(of content: some Sequence<UInt8>) {
        var hash = SHA256()
        Array(content).withUnsafeBytes { hash.update(bufferPointer: $0) }
        bytes = Array(hash.finalize())
    }

    /// 64 lower-case hexadecimal digits.
    public var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(64)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The twelve digits people are shown.
    public var short: String { String(hex.prefix(12)) }

    public static func < (left: Digest, right: Digest) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }

    private static func invalid(_ text: String, field: String, cause: String) -> Failure {
        Failure("image.digest-invalid", doing: "read the digest", on: excerpt(text), cause: cause, field: field)
    }

    private static func excerpt(_ text: String) -> String {
        text.utf8.count <= 100 ? text : String(text.prefix(80)) + "…"
    }
}

extension Digest: CustomStringConvertible {
    public var description: String { "sha256:" + hex }
}

extension Digest {
    /// The chain identifiers of layers given lowest first: what names a layer together with all layers below it.
    /// See the OCI image specification, "Layer ChainID".
    public static func chain(of layers: [Digest]) -> [Digest] {
        var chain: [Digest] = []
        for layer in layers {
            if let below = chain.last {
                chain.append(Digest(of: "\(below) \(layer)".utf8))
            } else {
                chain.append(layer)
            }
        }
        return chain
    }
}
