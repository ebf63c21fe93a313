import Crypto
public import Diagnostics

/// A host's Ed25519 key, as 32 bytes; texts are hexadecimal.
public struct SigningKey: Sendable {
    public let bytes: [UInt8]
    private let key: Curve25519.Signing.PrivateKey

    /// A new one.
    public init() {
        key = Curve25519.Signing.PrivateKey()
        bytes = Array(key.rawRepresentation)
    }

    /// - Throws: `audit.bad-key`.
    public init(bytes: [UInt8]) throws(Failure) {
        do { key = try Curve25519.Signing.PrivateKey(rawRepresentation: bytes) } catch {
            throw Failure(
                "audit.bad-key", doing: "read the audit's key", cause: "it is not 32 bytes",
                remedy: "restore it, or remove it to have a new one made")
        }
        self.bytes = bytes
    }

    public var publicText: String { hexadecimal(key.publicKey.rawRepresentation) }

    func signature(_ bytes: [UInt8]) throws(Failure) -> String {
        do { return hexadecimal(try key.signature(for: bytes)) } catch {
            throw Failure("audit.unsigned", doing: "sign the evidence", cause: "\(error)")
        }
    }
}

/// The other half, for whoever verifies.
public struct VerifyingKey: Sendable {
    private let key: Curve25519.Signing.PublicKey
    public let text: String

    /// 64 hexadecimal digits, as `bulkhead audit key` prints them; space around them is ignored.
    /// - Throws: `audit.bad-key`.
    public init(_ given: String) throws(Failure) {
        text = given.filter { !$0.isWhitespace }.lowercased()
        do {
            guard let bytes = Hexadecimal.bytes(text) else { throw Curve.notHexadecimal }
            key = try Curve25519.Signing.PublicKey(rawRepresentation: bytes)
        } catch {
            throw Failure(
                "audit.bad-key", doing: "read the key", on: given, cause: "it is not 64 hexadecimal digits",
                remedy: "give what 'bulkhead audit key' prints", field: "key")
        }
    }

    private enum Curve: Error { case notHexadecimal }

    func accepts(_ signature: String, of bytes: [UInt8]) -> Bool {
        guard let raw = Hexadecimal.bytes(signature), raw.count == 64 else { return false }
        return key.isValidSignature(raw, for: bytes)
    }
}

enum Hexadecimal {
    /// Nil unless there are pairs of digits and nothing else.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for at in stride(from: 0, to: digits.count, by: 2) {
            let pair = digits[at...(at + 1)].map { Character(Unicode.Scalar($0)).hexDigitValue }
            guard let high = pair[0], let low = pair[1] else { return nil }
            bytes.append(UInt8(high << 4 | low))
        }
        return bytes
    }
}
