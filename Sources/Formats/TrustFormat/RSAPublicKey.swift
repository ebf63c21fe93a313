import Diagnostics

/// The size of an RSA key, read from its SubjectPublicKeyInfo (RFC 5280, RFC 8017 appendix A.1.1) in the one DER form
/// there is. What it verifies is verified elsewhere, see `SignatureChecking`.
struct RSAPublicKey {
    let bits: Int

    /// rsaEncryption with its NULL.
    private static let algorithm: [UInt8] = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ]

    /// Whether it says it is one; nil in `init(_:)` then means that it is a damaged one.
    static func isOne(_ der: [UInt8]) -> Bool {
        guard let outer = DERReader(der[...]).only(0x30) else { return false }
        return outer.starts(with: algorithm)
    }

    /// Nil for what is no whole key: lengths that do not fit, something left over, numbers below zero.
    /// - Throws: `image.key-weak` for a key nobody should rely on, `image.key-unsupported` for one beyond the limit.
    init?(_ der: [UInt8], from name: String) throws(Failure) {
        guard let outer = DERReader(der[...]).only(0x30), outer.starts(with: Self.algorithm) else { return nil }
        guard let wrapped = DERReader(outer.dropFirst(Self.algorithm.count)).only(0x03), wrapped.first == 0,
            let numbers = DERReader(wrapped.dropFirst()).only(0x30)
        else { return nil }
        var reader = DERReader(numbers)
        guard let modulus = reader.positive(), let exponent = reader.positive(), reader.isAtEnd,
            let first = modulus.first
        else { return nil }
        bits = modulus.count * 8 - first.leadingZeroBitCount
        guard bits >= TrustLimits.rsaBits.lowerBound else {
            throw Self.refusal("image.key-weak", name, "it is an RSA key of \(bits) bits")
        }
        guard bits <= TrustLimits.rsaBits.upperBound else {
            throw Self.refusal("image.key-unsupported", name, "it is an RSA key of \(bits) bits")
        }
        // 65,537 to 2^32: small exponents forgive bad padding, large ones only cost time.
        let value = exponent.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard exponent.count <= 4, value >= 65_537, value % 2 == 1 else {
            throw Self.refusal("image.key-weak", name, "its RSA exponent is not an odd number from 65537 to 2^32")
        }
    }

    private static func refusal(_ code: Failure.Code, _ name: String, _ cause: String) -> Failure {
        Failure(
            code, doing: "read the key", on: name, cause: cause,
            remedy: "sign with ECDSA, Ed25519, or RSA with 3072 or 4096 bits and the exponent 65537", field: "key",
            limit: "RSA bits \(TrustLimits.rsaBits.lowerBound) to \(TrustLimits.rsaBits.upperBound)")
    }
}

/// Distinguished encoding: one way to write each length, X.690 10.1.
private struct DERReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    /// The content of the next value, which must have this tag.
    mutating func next(_ tag: UInt8) -> ArraySlice<UInt8>? {
        guard rest.popFirst() == tag, let short = rest.popFirst() else { return nil }
        var count = Int(short)
        if short >= 0x80 {
            let digits = Int(short & 0x7f)
            guard (1...2).contains(digits), rest.count >= digits, rest.first != 0 else { return nil }
            count = rest.prefix(digits).reduce(0) { $0 << 8 | Int($1) }
            guard count >= 0x80 else { return nil }
            rest = rest.dropFirst(digits)
        }
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    /// As `next`, and nothing follows.
    func only(_ tag: UInt8) -> ArraySlice<UInt8>? {
        var copy = self
        guard let content = copy.next(tag), copy.isAtEnd else { return nil }
        return content
    }

    /// The digits of a whole number above zero, without the sign.
    mutating func positive() -> ArraySlice<UInt8>? {
        guard let content = next(0x02), let first = content.first, first < 0x80 else { return nil }
        guard first == 0 else { return content }
        // A zero in front only where the next digit would look like a sign.
        guard let second = content.dropFirst().first, second >= 0x80 else { return nil }
        return content.dropFirst()
    }
}
