public import Diagnostics
import OCIFormat

/// A file with a signature as containers/image keeps them, in `dir:` places and lookaside directories: a binary
/// OpenPGP message as it is, or a zero byte, the name of a form, a line's end, and what that form has.
public enum SignatureFile {
    private static let doing = "read the signature"

    /// - Parameter name: the file, for refusals.
    /// - Throws: `image.signature-invalid`, and what JSON throws. A damaged signature is not taken for none.
    public static func signature(_ content: [UInt8], from name: String) throws(Failure) -> ImageSignature {
        func refusal(_ cause: String, limit: String? = nil) -> Failure {
            Failure(
                "image.signature-invalid", doing: doing, on: name, cause: cause,
                remedy: "get the signature again from where the image comes from, or remove the file", limit: limit)
        }
        guard let first = content.first else { throw refusal("it is empty") }
        if first >= 0x80 { return try message(content, refusal) }
        guard first == 0 else {
            throw refusal(
                content.starts(with: "-----BEGIN PGP".utf8)
                    ? "it is armored; what signs images writes binary messages"
                    : "it begins with byte \(first), as no form of signature does")
        }
        let rest = content.dropFirst()
        guard let end = rest.prefix(64).firstIndex(of: UInt8(ascii: "\n")) else {
            throw refusal("the name of its form has no end")
        }
        let body = Array(rest[(end + 1)...])
        switch String(decoding: rest[..<end], as: UTF8.self) {
        case "simple-signing": return try message(body, refusal)
        case "sigstore-json": return try bare(body, name, refusal)
        default: throw refusal("its form is neither simple-signing nor sigstore-json")
        }
    }

    private static func message(
        _ content: [UInt8], _ refusal: (String, String?) -> Failure
    ) throws(Failure) -> ImageSignature {
        guard let first = content.first, first >= 0x80 else { throw refusal("it is no binary OpenPGP message", nil) }
        guard content.count <= TrustLimits.payloadBytes else {
            throw refusal("it has \(content.count) bytes", "payload bytes \(TrustLimits.payloadBytes)")
        }
        return .message(content)
    }

    private static func bare(
        _ content: [UInt8], _ name: String, _ refusal: (String, String?) -> Failure
    ) throws(Failure) -> ImageSignature {
        let bounds = JSONBounds(bytes: UInt64(TrustLimits.signatureFileBytes), depth: 4, values: 64)
        let object = try bounds.object(parsing: content, as: "the signature \(name)")
        try object.allow(["mimeType", "payload", "annotations"], "image.signature-invalid")
        guard try object.string("mimeType", bytes: 256) == SignatureManifest.layerType else {
            throw refusal("its mimeType is not \(SignatureManifest.layerType)", nil)
        }
        guard let notes = try object.object("annotations") else { throw object.missing("annotations") }
        return .bare(
            payload: try object.base64("payload", bytes: TrustLimits.payloadBytes),
            signature: try notes.base64(SignatureManifest.signatureAnnotation, bytes: TrustLimits.signatureBytes))
    }
}
