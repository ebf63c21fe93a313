import Crypto
import OCIFormat

@testable import TrustFormat

/// Somebody who signs images, for one test.
struct Signer {
    let secret = P256.Signing.PrivateKey()

    var pem: String { secret.publicKey.pemRepresentation }

    func signature(over payload: String) throws -> ImageSignature {
        let bytes = Array(payload.utf8)
        return .bare(payload: bytes, signature: Array(try secret.signature(for: bytes).derRepresentation))
    }

    func signature(of digest: OCIFormat.Digest, as identity: String) throws -> ImageSignature {
        try signature(over: Self.payload(of: "\(digest)", as: identity))
    }

    static func payload(
        of digest: String, as identity: String, type: String = SignedPayload.Kind.cosign.rawValue, more: String = ""
    ) -> String {
        #"{"critical":{"identity":{"docker-reference":"\#(identity)"},"image":{"docker-manifest-digest":"\#(digest)"},"#
            + #""type":"\#(type)"\#(more)},"optional":{"creator":"a test"}}"#
    }
}
