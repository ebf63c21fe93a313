public import Diagnostics
public import OCIFormat

/// What a signature of an image signs: "simple signing" JSON that names an image's digest and what its signer calls it.
/// Read only after the signature was found good, and strictly: what a reader does not know may mean something.
public struct SignedPayload: Equatable, Sendable {
    /// `critical.type`: what made it, so that neither kind passes for the other.
    public enum Kind: String, Sendable {
        case cosign = "cosign container image signature"
        case simpleSigning = "atomic container signature"
    }

    /// Of the manifest, or of the index it is listed in.
    public var digest: Digest
    /// `critical.identity.docker-reference`, as it stands there.
    public var identity: String

    public init(digest: Digest, identity: String) {
        self.digest = digest
        self.identity = identity
    }

    /// - Throws: `image.signature-payload`, and what `JSONObject` throws.
    public init(parsing content: [UInt8], as kind: Kind) throws(Failure) {
        let bounds = JSONBounds(
            bytes: UInt64(TrustLimits.payloadBytes), depth: TrustLimits.payloadDepth, values: TrustLimits.payloadValues)
        let object = try bounds.object(parsing: content, as: "the signed payload")
        try object.allow(["critical", "optional"], "image.signature-payload")
        guard let critical = try object.object("critical") else { throw object.missing("critical") }
        try critical.allow(["type", "image", "identity"], "image.signature-payload")
        let type = try critical.string("type", bytes: 256)
        guard type == kind.rawValue else {
            throw critical.refusal(
                "image.signature-payload", at: "critical.type",
                cause: "it is signed as '\(type ?? "nothing")', not as '\(kind.rawValue)'")
        }
        guard let image = try critical.object("image") else { throw critical.missing("image") }
        try image.allow(["docker-manifest-digest"], "image.signature-payload")
        guard let text = try image.string("docker-manifest-digest", bytes: 256) else {
            throw image.missing("docker-manifest-digest")
        }
        digest = try Digest(parsing: text, field: image.place("docker-manifest-digest"))
        let names = try critical.object("identity")
        try names?.allow(["docker-reference"], "image.signature-payload")
        identity = try names?.string("docker-reference", bytes: 1_024) ?? ""
        _ = try object.object("optional")
    }
}

extension JSONObject {
    /// Refuses members nobody knows, by name.
    func allow(_ known: Set<String>, _ code: Failure.Code) throws(Failure) {
        for name in members.keys where !known.contains(name) {
            throw refusal(code, at: place(name), cause: "nothing is called '\(name.prefix(64))' there")
        }
    }
}
