import Crypto
public import Diagnostics

/// A public key of somebody who signs images: PEM with a SubjectPublicKeyInfo (RFC 5280), as `cosign
/// generate-key-pair` and `openssl pkey -pubout` write it. ECDSA on P-256, P-384 and P-521, Ed25519, and RSA.
public struct VerificationKey: Sendable {
    private enum Kind: Sendable {
        case p256(P256.Signing.PublicKey)
        case p384(P384.Signing.PublicKey)
        case p521(P521.Signing.PublicKey)
        case ed25519(Curve25519.Signing.PublicKey)
        /// Verified in another process.
        case rsa
    }

    private let kind: Kind
    /// Its SubjectPublicKeyInfo.
    let der: [UInt8]
    /// SHA-256 of the key's DER, 64 hexadecimal digits: the same whatever file it is in.
    public let id: String

    /// - Parameter name: the file, or the member of the policy it stands in.
    /// - Throws: `image.key-invalid`, `image.key-unsupported`.
    public init(pem content: [UInt8], from name: String) throws(Failure) {
        guard content.count <= TrustLimits.keyBytes else {
            throw Self.invalid(name, "it has \(content.count) bytes", limit: "key bytes \(TrustLimits.keyBytes)")
        }
        der = try PEMBlock(content, from: name).publicKey(from: name)
        kind = try Self.kind(der, name)
        id = SHA256.hash(data: der).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// What stands before the key's own bytes is the same for every key of its kind, so it is compared, not parsed.
    private static let p256: [UInt8] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce,
        0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ]
    private static let p384: [UInt8] = [
        0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04,
        0x00,
        0x22, 0x03, 0x62, 0x00,
    ]
    private static let p521: [UInt8] = [
        0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81,
        0x04,
        0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
    ]
    private static let ed25519: [UInt8] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]

    private static func kind(_ der: [UInt8], _ name: String) throws(Failure) -> Kind {
        do {
            if der.starts(with: p256) {
                return .p256(try P256.Signing.PublicKey(x963Representation: der.dropFirst(p256.count)))
            }
            if der.starts(with: p384) {
                return .p384(try P384.Signing.PublicKey(x963Representation: der.dropFirst(p384.count)))
            }
            if der.starts(with: p521) {
                return .p521(try P521.Signing.PublicKey(x963Representation: der.dropFirst(p521.count)))
            }
            if der.starts(with: ed25519) {
                return .ed25519(try Curve25519.Signing.PublicKey(rawRepresentation: der.dropFirst(ed25519.count)))
            }
        } catch { throw invalid(name, "its bytes are no key of that kind") }
        if RSAPublicKey.isOne(der) {
            guard try RSAPublicKey(der, from: name) != nil else {
                throw invalid(name, "its bytes are no key of that kind")
            }
            return .rsa
        }
        throw Failure(
            "image.key-unsupported", doing: "read the key", on: name, cause: "it is of no kind that is supported",
            remedy: "sign with ECDSA on P-256, P-384 or P-521, with Ed25519 or with RSA", field: "key")
    }

    /// Whether only another process can say what this key made.
    var needsChecker: Bool { if case .rsa = kind { true } else { false } }

    /// Whether this key made `signature` of exactly these bytes. ECDSA signatures are DER; with the longer curves both
    /// digests that signers are known to use are tried. False for a key that needs a checker.
    public func accepts(_ signature: [UInt8], of payload: [UInt8]) -> Bool {
        switch kind {
        case .ed25519(let key): return signature.count == 64 && key.isValidSignature(signature, for: payload)
        case .p256(let key):
            guard let parsed = Self.parsed({ try P256.Signing.ECDSASignature(derRepresentation: signature) }) else {
                return false
            }
            return key.isValidSignature(parsed, for: SHA256.hash(data: payload))
        case .p384(let key):
            guard let parsed = Self.parsed({ try P384.Signing.ECDSASignature(derRepresentation: signature) }) else {
                return false
            }
            return key.isValidSignature(parsed, for: SHA256.hash(data: payload))
                || key.isValidSignature(parsed, for: SHA384.hash(data: payload))
        case .p521(let key):
            guard let parsed = Self.parsed({ try P521.Signing.ECDSASignature(derRepresentation: signature) }) else {
                return false
            }
            return key.isValidSignature(parsed, for: SHA256.hash(data: payload))
                || key.isValidSignature(parsed, for: SHA512.hash(data: payload))
        case .rsa: return false
        }
    }

    /// A signature that cannot be read is one that this key did not make.
    private static func parsed<Signature>(_ body: () throws -> Signature) -> Signature? {
        do { return try body() } catch { return nil }
    }

    fileprivate static func invalid(_ name: String, _ cause: String, limit: String? = nil) -> Failure {
        Failure(
            "image.key-invalid", doing: "read the key", on: name, cause: cause,
            remedy: "give a public key in PEM: -----BEGIN PUBLIC KEY-----", field: "key", limit: limit)
    }
}

/// The one block of a PEM file, RFC 7468.
private struct PEMBlock {
    let label: String
    let content: [UInt8]

    init(_ text: [UInt8], from name: String) throws(Failure) {
        let lines = text.split(whereSeparator: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") })
            .map { line in String(decoding: line, as: UTF8.self).trimmed }.filter { !$0.isEmpty }
        guard let first = lines.first, let last = lines.last, first.begins(with: "-----BEGIN "),
            first.ends(with: "-----"),
            last == first.replacing("-----BEGIN ", with: "-----END "), lines.count >= 3
        else { throw VerificationKey.invalid(name, "it is not one PEM block") }
        label = String(first.dropFirst(11).dropLast(5))
        let inner = lines.dropFirst().dropLast()
        guard let bytes = Base64Text.bytes(inner.joined().utf8) else {
            throw VerificationKey.invalid(name, "it is not one PEM block of base64")
        }
        content = bytes
    }

    func publicKey(from name: String) throws(Failure) -> [UInt8] {
        if label == "PUBLIC KEY" { return content }
        guard !label.contains("PRIVATE") else {
            throw VerificationKey.invalid(name, "it holds a private key, which has no business on a host that verifies")
        }
        guard !label.contains("PGP") else {
            throw Failure(
                "image.key-unsupported", doing: "read the key", on: name,
                cause: "it is an OpenPGP key, which verifies simple signing and not cosign's signatures",
                remedy: "ask for it with signedBy in a policy, or with --openpgp-key", field: "key")
        }
        throw VerificationKey.invalid(name, "it holds a \(label.prefix(64))")
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return String(text)
    }
}
