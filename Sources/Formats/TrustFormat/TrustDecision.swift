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
    /// Of the keys that did, one for each requirement that asked.
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
    /// - Throws: `image.untrusted`.
    public func verdict(on image: ImageEvidence) throws(Failure) -> TrustVerdict {
        var first: Failure?
        for reference in image.references.isEmpty ? [nil] : image.references.map(Optional.some) {
            do throws(Failure) { return try verdict(on: image, as: reference) } catch {
                if first == nil { first = error }
            }
        }
        throw first ?? refusal(image, nil, scope(for: nil), "the policy says nothing about it")
    }

    private func verdict(on image: ImageEvidence, as reference: ImageReference?) throws(Failure) -> TrustVerdict {
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
                switch Self.search(image, reference, keys, identity) {
                case .good(let key, let payload):
                    verdict.isSigned = true
                    if !verdict.keys.contains(key) { verdict.keys.append(key) }
                    verdict.signedDigest = payload.digest
                    verdict.identity = payload.identity
                case .none(let why): throw refusal(image, reference, scope, why)
                }
            }
        }
        return verdict
    }

    private enum Search {
        case good(key: String, SignedPayload)
        case none(String)
    }

    /// The first signature of one of the keys that is about this image under a fitting name, or what is wrong with the
    /// one that came closest.
    private static func search(
        _ image: ImageEvidence, _ reference: ImageReference?, _ keys: [VerificationKey], _ identity: SignedIdentity
    ) -> Search {
        guard !image.signatures.isEmpty else { return .none("it came without a signature") }
        var closest = (rank: 0, why: "none of its \(image.signatures.count) signatures is by a key the policy trusts")
        func note(_ rank: Int, _ why: String) { if rank > closest.rank { closest = (rank, why) } }
        for signature in image.signatures {
            guard let key = keys.first(where: { $0.accepts(signature.signature, of: signature.payload) }) else {
                continue
            }
            do throws(Failure) {
                let payload = try SignedPayload(parsing: signature.payload)
                guard image.digests.contains(payload.digest) else {
                    note(2, "the trusted signature is of another image, \(payload.digest)")
                    continue
                }
                guard identity.accepts(payload.identity, for: reference) else {
                    note(3, misfit(payload.identity, reference))
                    continue
                }
                return .good(key: key.id, payload)
            } catch {
                note(1, "what a trusted key signed cannot be read: \(error.cause ?? error.description)")
            }
        }
        return .none(closest.why)
    }

    private static func misfit(_ identity: String, _ reference: ImageReference?) -> String {
        let asked = reference.map { "not as '\($0)'" } ?? "and the image has no name here"
        return
            "its signer signed it as '\(identity)', \(asked); signatures of cosign hold no tag, which signedIdentity "
            + "matchRepository allows"
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
