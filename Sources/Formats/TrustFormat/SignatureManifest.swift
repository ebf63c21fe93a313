public import Diagnostics
public import OCIFormat

/// A manifest of a layout that is no image: signatures, attestations, whatever else is kept beside images. cosign keeps
/// signatures as layers of a manifest with the tag `sha256-<hex>.sig`, or of one whose `subject` is the image.
public struct SignatureManifest: Equatable, Sendable {
    public static let layerType = "application/vnd.dev.cosign.simplesigning.v1+json"
    static let signatureAnnotation = "dev.cosignproject.cosign/signature"

    public struct Layer: Equatable, Sendable {
        /// The payload's blob.
        public var payload: Descriptor
        public var signature: [UInt8]
    }

    /// Empty for artifacts of other kinds.
    public var layers: [Layer]
    /// What it says it is about, for OCI 1.1 referrers.
    public var subject: Digest?

    /// Nil when `content` is not an artifact: no layer of a kind that only artifacts have, and nothing that says it
    /// belongs to an image while it could not be one. An image's manifest is read elsewhere, and strictly.
    /// - Throws: what is wrong with a manifest of signatures: `image.signature-invalid`, and what descriptors throw.
    public init?(parsing content: [UInt8], limits: ImageLimits = .standard) throws(Failure) {
        let object = try JSONBounds(limits).object(parsing: content, as: "a manifest beside the images")
        let found = try object.objects("layers", entries: limits.documentValues) ?? []
        var types: [String] = []
        for layer in found { types.append(try layer.string("mediaType", bytes: 256) ?? "") }
        let isSignature = types.contains(Self.layerType)
        let isBeside = object.value("artifactType") != nil || object.value("subject") != nil
        guard isSignature || types.contains(where: Self.isArtifact) || isBeside && !types.allSatisfy(Self.isImageLayer)
        else { return nil }
        subject = try object.object("subject").map { (about: JSONObject) throws(Failure) in
            try Descriptor(about, sizeMax: limits.documentBytes, limits: limits).digest
        }
        layers = []
        guard isSignature else { return }
        guard found.count <= TrustLimits.signatures else { throw Self.tooMany(found.count) }
        for layer in found {
            let payload = try Descriptor(layer, sizeMax: UInt64(TrustLimits.payloadBytes), limits: limits)
            guard payload.mediaType == Self.layerType else { continue }
            guard let notes = try layer.object("annotations"), notes.value(Self.signatureAnnotation) != nil else {
                throw layer.refusal(
                    "image.signature-invalid", at: layer.place("annotations"),
                    cause: "a signature's annotation \(Self.signatureAnnotation) is missing")
            }
            let signature = try notes.base64(Self.signatureAnnotation, bytes: TrustLimits.signatureBytes)
            layers.append(Layer(payload: payload, signature: signature))
        }
    }

    public static func tooMany(_ count: Int) -> Failure {
        Failure(
            "image.signature-invalid", doing: "read the image's signatures", cause: "it has \(count) signatures",
            remedy: "leave those out that nobody asks for", field: "layers",
            limit: "signatures \(TrustLimits.signatures)")
    }

    private static func isImageLayer(_ type: String) -> Bool {
        guard case .layer = MediaType.known(type) else { return false }
        return true
    }

    private static func isArtifact(_ type: String) -> Bool {
        type.begins(with: "application/vnd.dsse.") || type.begins(with: "application/vnd.in-toto")
            || type.begins(with: "application/vnd.dev.sigstore.") || type.begins(with: "application/vnd.dev.cosign.")
    }

    /// Whether an entry of an index is beside the images by its name: `sha256-<hex>.sig`, `.att`, `.sbom`, or the list
    /// of referrers `sha256-<hex>`.
    public static func isArtifactName(_ name: String) -> Bool {
        let tag = name.cut(at: ":", omittingEmptySubsequences: false).last ?? ""
        guard tag.begins(with: "sha256-") else { return false }
        let rest = tag.dropFirst(7)
        let hex = rest.prefix(64)
        guard hex.count == 64, hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
            return false
        }
        return ["", ".sig", ".att", ".sbom"].contains(String(rest.dropFirst(64)))
    }
}
