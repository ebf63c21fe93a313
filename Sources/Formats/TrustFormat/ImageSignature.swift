public import Diagnostics
public import OCIFormat

/// A signature as it came with an image: not verified, so nothing in it is believed.
public enum ImageSignature: Hashable, Sendable {
    /// cosign's: what was signed, see `SignedPayload`, and a signature of exactly these bytes.
    case bare(payload: [UInt8], signature: [UInt8])
    /// Simple signing's: an OpenPGP message, binary, which holds the payload and its signature.
    case message([UInt8])

    /// The digest it claims to be about; nil when its payload cannot be read. For sorting only.
    public var claimedDigest: Digest? {
        guard case .bare(let payload, _) = self else { return nil }
        do throws(Failure) { return try SignedPayload(parsing: payload, as: .cosign).digest } catch { return nil }
    }

    /// For an order that does not depend on where it came from.
    fileprivate var sortingBytes: [UInt8] {
        switch self {
        case .bare(let payload, let signature): [0] + payload + signature
        case .message(let bytes): [1] + bytes
        }
    }
}

/// The signatures of one image as the store keeps them, one document an image.
public struct SignatureDocument: Equatable, Sendable {
    public static let version: Int64 = 1
    public var signatures: [ImageSignature]

    public init(signatures: [ImageSignature]) { self.signatures = signatures }

    /// What it takes at most: base64 and names included.
    public static let bytesMax =
        TrustLimits.signatures * (TrustLimits.payloadBytes * 2 + TrustLimits.signatureBytes * 2)

    public init(parsing content: [UInt8]) throws(Failure) {
        let bounds = JSONBounds(bytes: UInt64(Self.bytesMax), depth: 4, values: 4 * TrustLimits.signatures + 8)
        let object = try bounds.object(parsing: content, as: "the image's signatures")
        guard try object.integer("version") == Self.version else { throw object.missing("version") }
        signatures = []
        for entry in try object.objects("signatures", entries: TrustLimits.signatures) ?? [] {
            if entry.value("message") != nil {
                signatures.append(.message(try entry.base64("message", bytes: TrustLimits.payloadBytes)))
                continue
            }
            signatures.append(
                .bare(
                    payload: try entry.base64("payload", bytes: TrustLimits.payloadBytes),
                    signature: try entry.base64("signature", bytes: TrustLimits.signatureBytes)))
        }
    }

    /// Equal signatures give equal bytes, whatever their order was.
    public var text: String {
        let sorted = signatures.sorted { $0.sortingBytes.lexicographicallyPrecedes($1.sortingBytes) }
        let entries: [JSONValue] = sorted.map {
            switch $0 {
            case .bare(let payload, let signature):
                ["payload": .string(Base64Text.text(payload)), "signature": .string(Base64Text.text(signature))]
            case .message(let bytes): ["message": .string(Base64Text.text(bytes))]
            }
        }
        let value: JSONValue = ["version": .number(Self.version), "signatures": .array(entries)]
        return value.text
    }
}

extension JSONObject {
    /// - Throws: `image.signature-invalid` for what is not base64.
    func base64(_ name: String, bytes: Int) throws(Failure) -> [UInt8] {
        guard let text = try string(name, bytes: (bytes + 2) / 3 * 4) else { throw missing(name) }
        guard let content = Base64Text.bytes(text.utf8) else {
            throw refusal("image.signature-invalid", at: place(name), cause: "\(place(name)) is not base64")
        }
        return content
    }
}
