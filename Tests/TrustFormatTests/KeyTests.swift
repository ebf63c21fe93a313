import Crypto
import Diagnostics
import OCIFormat
import Testing

@testable import TrustFormat

@Suite("Keys that verify images")
struct KeyTests {
    @Test("a signature OpenSSL made is accepted, and its key is known by its DER", arguments: ForeignSignatures.signers)
    func foreign(_ signer: ForeignSignatures.Signer) throws {
        let key = try VerificationKey(pem: Array(signer.key.utf8), from: "key")
        #expect(key.id == signer.id)
        let signature = try #require(Base64Text.bytes(signer.signature.utf8))
        #expect(key.accepts(signature, of: Array(ForeignSignatures.payload.utf8)))
    }

    @Test("a changed byte of the payload or of the signature is not accepted", arguments: ForeignSignatures.signers)
    func changed(_ signer: ForeignSignatures.Signer) throws {
        let key = try VerificationKey(pem: Array(signer.key.utf8), from: "key")
        let signature = try #require(Base64Text.bytes(signer.signature.utf8))
        let payload = Array(ForeignSignatures.payload.utf8)
        for index in payload.indices {
            var copy = payload
            copy[index] ^= 1
            #expect(!key.accepts(signature, of: copy))
        }
        for index in signature.indices {
            var copy = signature
            copy[index] ^= 1
            #expect(!key.accepts(copy, of: payload))
        }
        #expect(!key.accepts(signature + [0], of: payload), "something follows the signature")
        #expect(!key.accepts([], of: payload))
        #expect(!key.accepts(Array(signature.dropLast()), of: payload))
    }

    @Test("nobody's signature passes for another's")
    func others() throws {
        for signer in ForeignSignatures.signers {
            let signature = try #require(Base64Text.bytes(signer.signature.utf8))
            for other in ForeignSignatures.signers where other.id != signer.id {
                let key = try VerificationKey(pem: Array(other.key.utf8), from: "key")
                #expect(!key.accepts(signature, of: Array(ForeignSignatures.payload.utf8)))
            }
        }
    }

    @Test("P-384 signs with SHA-384 as well")
    func longerDigest() throws {
        let secret = P384.Signing.PrivateKey()
        let key = try VerificationKey(pem: Array(secret.publicKey.pemRepresentation.utf8), from: "key")
        let signature = try secret.signature(for: SHA384.hash(data: [1, 2, 3]))
        #expect(key.accepts(Array(signature.derRepresentation), of: [1, 2, 3]))
    }

    @Test("P-521 signs with SHA-512 as well")
    func longestDigest() throws {
        let secret = P521.Signing.PrivateKey()
        let key = try VerificationKey(pem: Array(secret.publicKey.pemRepresentation.utf8), from: "key")
        let signature = try secret.signature(for: SHA512.hash(data: [1, 2, 3]))
        #expect(key.accepts(Array(signature.derRepresentation), of: [1, 2, 3]))
    }

    @Test("an RSA key is known by its DER, accepts nothing by itself, and has only one form")
    func rsa() throws {
        let key = try VerificationKey(pem: Array(ForeignSignatures.rsa.utf8), from: "key")
        #expect(key.id == ForeignSignatures.rsaID && key.needsChecker)
        #expect(!key.accepts([UInt8](repeating: 0, count: 256), of: []))
        #expect(try RSAPublicKey(key.der, from: "key")?.bits == 2_048)
        // All that stands before the digits of the modulus.
        for position in 0..<32 {
            var der = key.der
            der[position] ^= 1
            let changed = try RSAPublicKey.isOne(der) ? RSAPublicKey(der, from: "key") : nil
            #expect(changed == nil, "byte \(position)")
        }
        #expect(!RSAPublicKey.isOne(key.der + [0]) && !RSAPublicKey.isOne(key.der.dropLast()))
        #expect(!RSAPublicKey.isOne([]) && !RSAPublicKey.isOne([0x30]) && !RSAPublicKey.isOne([0x30, 0x84, 1, 0, 0, 0]))
    }

    static let good = P256.Signing.PrivateKey().publicKey.pemRepresentation

    static let bad: [(String, Failure.Code)] = [
        ("", "image.key-invalid"),
        ("MCowBQYDK2VwAyEA27BzwwnKnsFgvviZAO2kwROGcyIDYhPkfPsq1CNWgMg=", "image.key-invalid"),
        ("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----", "image.key-invalid"),
        ("-----BEGIN PUBLIC KEY-----\n*\n-----END PUBLIC KEY-----", "image.key-invalid"),
        ("-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----", "image.key-unsupported"),
        ("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA27BzwwnK\n-----END PUBLIC KEY-----", "image.key-invalid"),
        ("-----BEGIN EC PRIVATE KEY-----\nMCow\n-----END EC PRIVATE KEY-----", "image.key-invalid"),
        ("-----BEGIN CERTIFICATE-----\nMCow\n-----END CERTIFICATE-----", "image.key-invalid"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\nMCow\n-----END PGP PUBLIC KEY BLOCK-----", "image.key-unsupported"),
        (good + good, "image.key-invalid"),
        (
            good.replacing("PUBLIC KEY-----\n", with: "PUBLIC KEY-----\nAAAA", maxReplacements: 1),
            "image.key-unsupported"
        ),
        (
            "-----BEGIN PUBLIC KEY-----\n" + String(repeating: "A", count: 20_000) + "\n-----END PUBLIC KEY-----",
            "image.key-invalid"
        ),
        (ForeignSignatures.strangers[0], "image.key-unsupported"),
        (ForeignSignatures.shortRSA, "image.key-weak"),
        (ForeignSignatures.smallExponent, "image.key-weak"),
        (ForeignSignatures.longRSA, "image.key-unsupported"),
    ]

    @Test("what is no key of ours is refused, by what it is", arguments: bad)
    func refused(_ text: String, _ code: Failure.Code) {
        let failure = #expect(throws: Failure.self) { try VerificationKey(pem: Array(text.utf8), from: "x.pub") }
        #expect(failure?.code == code)
        #expect(failure?.subject == "x.pub" && failure?.cause != nil && failure?.remedy != nil)
    }

    @Test("space and Windows line ends around a key do no harm")
    func space() throws {
        let text = "\n" + Self.good.replacing("\n", with: " \r\n") + "\n\n"
        #expect(
            try VerificationKey(pem: Array(text.utf8), from: "a").id
                == VerificationKey(pem: Array(Self.good.utf8), from: "b").id)
    }

    @Test(
        "base64 has one text for each content",
        arguments: [[], [0], [0, 255], [1, 2, 3], Array(0...255)] as [[UInt8]])
    func base64(_ content: [UInt8]) {
        #expect(Base64Text.bytes(Base64Text.text(content).utf8) == content)
    }

    @Test(
        "what could be read in two ways is no base64",
        arguments: ["A", "AA", "AB==", "AAB=", "A===", "AA=A", "AAA\n", "A A=", "-_==", "===="])
    func badBase64(_ text: String) { #expect(Base64Text.bytes(text.utf8) == nil) }
}
