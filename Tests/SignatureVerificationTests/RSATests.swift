import Diagnostics
import LinuxKernel
import Testing
import TrustFormat

@testable import ImageStorage

@Suite("RSA signatures, made by OpenSSL", .serialized)
struct RSATests {
    private static let keys = Result {
        try Signers.archive(
            """
            for bits in 2048 3072 1024; do
                openssl genrsa -out $bits.pem $bits; openssl pkey -in $bits.pem -pubout -outform DER -out $bits.der
            done
            openssl ecparam -name prime256v1 -genkey -noout | openssl pkey -pubout -outform DER -out curve.der
            """)
    }
    let signers: Signers

    init() throws { signers = try Signers(Self.keys.get()) }

    private func answer(_ script: String, _ keys: [String]) throws -> VerificationAnswer {
        let signature = VerificationOrder.Bare(
            payload: Array(Signers.payload.utf8), signature: try signers.run(script))
        let order = VerificationOrder.rsa(keys: try keys.map { try signers.read($0) }, signatures: [signature])
        return try #require(try Signers.verifier().check(order).first)
    }

    private static func sign(_ bits: Int, _ digest: String, _ options: String = "") -> String {
        "openssl dgst -\(digest) -sign \(bits).pem \(options) payload"
    }

    private static let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:"

    @Test(
        "PKCS #1 v1.5 and PSS with SHA-2 are accepted, with whatever salt",
        arguments: ["sha256", "sha384", "sha512"], ["", pss + "digest", pss + "max", pss + "0"])
    func good(_ digest: String, _ options: String) throws {
        #expect(try answer(Self.sign(2_048, digest, options), ["3072.der", "2048.der"]) == .byKey(1))
    }

    @Test(
        "other digests, another key's, another length are nobody's",
        arguments: [
            sign(2_048, "sha1"), sign(2_048, "md5"), sign(2_048, "sha1", pss + "digest"),
            sign(2_048, "sha256", "-sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha1"),
            sign(2_048, "sha256", "-sigopt rsa_padding_mode:x931"),
            sign(3_072, "sha256"), sign(2_048, "sha256") + "; printf x", sign(2_048, "sha256") + " | head -c 255",
            "head -c 256 /dev/zero", "printf x",
        ])
    func strangers(_ script: String) throws { #expect(try answer(script, ["2048.der"]) == .stranger) }

    @Test("keys that are too short, of another kind or damaged refuse everything", arguments: ["1024", "curve", "cut"])
    func keys(_ name: String) throws {
        try signers.write("cut.der", try signers.read("2048.der").dropLast())
        let failure = #expect(throws: Failure.self) { try answer(Self.sign(2_048, "sha256"), ["\(name).der"]) }
        #expect(failure?.code == "image.key-invalid")
    }
}
