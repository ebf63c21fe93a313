public import Diagnostics
public import OCIFormat

/// A signature as it came with an image: not verified, so nothing in it is believed.
public struct ImageSignature: Hashable, Sendable {
    /// The bytes that were signed, see `SignedPayload`.
    public var payload: [UInt8]
    public var signature: [UInt8]

    public init(payload: [UInt8], signature: [UInt8]) {
        self.payload = payload
        self.signature = signature
    }

    /// The digest it claims to be about; nil when its payload cannot be read. For sorting only.
    public var claimedDigest: Digest? {
        do throws(Failure) { return try SignedPayload(parsing: payload).digest } catch { return nil }
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
            signatures.append(
                ImageSignature(
                    payload: try entry.base64("payload", bytes: TrustLimits.payloadBytes),
                    signature: try entry.base64("signature", bytes: TrustLimits.signatureBytes)))
        }
    }

    /// Equal signatures give equal bytes, whatever their order was.
    public var text: String {
        let sorted = signatures.sorted {
            ($0.payload + $0.signature).lexicographicallyPrecedes($1.payload + $1.signature)
        }
        let entries: [JSONValue] = sorted.map {
            ["payload": .string(Base64Text.text($0.payload)), "signature": .string(Base64Text.text($0.signature))]
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
