public import Diagnostics
public import OCIFormat

/// An image as a policy sees it: what it is by content, what it is called, and what came with it.
public struct ImageEvidence: Sendable {
    /// Nil when nobody here knows it.
    public var manifest: Digest?
    /// Of the indexes it was chosen from; each was read and named the next.
    public var indexes: [Digest]
    /// What it is called; several names when it was asked for by an identifier.
    public var references: [ImageReference]
    public var signatures: [ImageSignature]

    public init(manifest: Digest?, indexes: [Digest], references: [ImageReference], signatures: [ImageSignature]) {
        self.manifest = manifest
        self.indexes = indexes
        self.references = references
        self.signatures = signatures
    }

    var digests: [Digest] { (manifest.map { [$0] } ?? []) + indexes }
    var shown: String { references.first?.familiar ?? manifestText }
    var manifestText: String { manifest.map { "manifest \($0)" } ?? "an image that is not in our store" }
}

/// What a policy said of an image that it let through.
public struct TrustVerdict: Hashable, Sendable {
    /// Whether a key of the policy's signed it; otherwise the policy asks for nothing.
    public var isSigned: Bool
    /// The keys that did, one for each requirement that asked: the SHA-256 of a key's DER, or `openpgp:` and the
    /// fingerprint of the primary key.
    public var keys: [String]
    /// What the signature is about: the manifest, or an index it is listed in.
    public var signedDigest: Digest?
    /// What its signer calls it.
    public var identity: String?
    /// Where in the policy this was decided.
    public var scope: String
    /// What the policy is called, and its content's digest.
    public var policyName: String
    public var policy: Digest
    /// How many signatures came with it, good or not.
    public var signatureCount: Int
}

extension TrustPolicy {
    /// Lets an image through, or says why not. An image with several names needs one that the policy lets through,
    /// since whoever asked could have said that one.
    /// - Parameter checker: asked about RSA and OpenPGP, and only when a signature of that kind could decide.
    /// - Throws: `image.untrusted`, and what `checker` throws.
    public func verdict(
        on image: ImageEvidence, checker: (any SignatureChecking)? = nil
    ) throws(Failure) -> TrustVerdict {
        var first: Failure?
        var checks = SignatureChecks(checker)
        for reference in image.references.isEmpty ? [nil] : image.references.map(Optional.some) {
            do throws(Failure) { return try verdict(on: image, as: reference, &checks) } catch {
                if first == nil { first = error }
            }
        }
        throw first ?? refusal(image, nil, scope(for: nil), "the policy says nothing about it")
    }

    private func verdict(
        on image: ImageEvidence, as reference: ImageReference?, _ checks: inout SignatureChecks
    ) throws(Failure) -> TrustVerdict {
        let scope = scope(for: reference)
        var verdict = TrustVerdict(
            isSigned: false, keys: [], scope: scope.name, policyName: name, policy: digest,
            signatureCount: image.signatures.count)
        for requirement in scope.requirements {
            switch requirement {
            case .acceptAnything: continue
            case .reject:
                throw refusal(image, reference, scope, "the policy rejects it")
            case .signed(let keys, let identity):
                let search = SignatureSearch(image: image, reference: reference, identity: identity)
                try verdict.take(search.bare(keys, &checks)) { refusal(image, reference, scope, $0) }
            case .signedBy(let keyring, let identity):
                let search = SignatureSearch(image: image, reference: reference, identity: identity)
                try verdict.take(search.messages(keyring, &checks)) { refusal(image, reference, scope, $0) }
            }
        }
        return verdict
    }

    private func refusal(
        _ image: ImageEvidence, _ reference: ImageReference?, _ scope: Scope, _ why: String
    ) -> Failure {
        Failure(
            "image.untrusted", doing: "trust the image", on: reference?.familiar ?? image.shown,
            cause: "\(why) (policy \(name), \(scope.name); \(image.manifestText))",
            remedy: "have it signed by a key of the policy and import it with its signatures, or change the policy",
            field: "image-policy")
    }
}

extension TrustVerdict {
    fileprivate mutating func take(
        _ found: SignatureSearch.Result, _ refusal: (String) -> Failure
    ) throws(Failure) {
        switch found {
        case .none(let why): throw refusal(why)
        case .good(let key, let payload):
            isSigned = true
            if !keys.contains(key) { keys.append(key) }
            signedDigest = payload.digest
            identity = payload.identity
        }
    }
}
