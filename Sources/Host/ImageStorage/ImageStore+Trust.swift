public import Diagnostics
import DurableStorage
import LinuxKernel
import OCIFormat
public import TrustFormat

extension ImageStore {
    /// What the policy in force says of a stored image under the name it was asked for. Everything that starts a
    /// container of it asks, and so does `lease`, so that nothing can start one without.
    /// - Throws: `image.untrusted`, and what `PolicySource.load` throws.
    public func admit(_ image: StoredImage) throws(Failure) -> TrustVerdict {
        try admit(image, by: try policy.load())
    }

    /// As `admit`, by another policy than the one in force.
    public func admit(_ image: StoredImage, by policy: TrustPolicy) throws(Failure) -> TrustVerdict {
        try policy.verdict(
            on: ImageEvidence(
                manifest: image.summary.manifest, indexes: image.indexes,
                references: image.asked.map { [$0] } ?? image.summary.references,
                signatures: try signatures(of: image)),
            checker: Verifier(beside: unpacker))
    }

    /// What the policy in force says of an image that is somebody else's, such as a Docker Engine's: nothing of it is
    /// here, so only a policy that asks for nothing lets it through.
    public func admitStranger(_ text: String) throws(Failure) {
        var references: [ImageReference] = []
        do throws(Failure) { references = [try ImageReference(parsing: text)] } catch {
            // An identifier: decided as an image without a name.
            references = []
        }
        _ = try policy.load().verdict(
            on: ImageEvidence(manifest: nil, indexes: [], references: references, signatures: []))
    }

    /// The signatures that came with the image, as they came: good or not.
    /// - Throws: `image.not-found` when the image was removed, or imported with others, since it was resolved.
    public func signatures(of image: StoredImage) throws(Failure) -> [ImageSignature] {
        guard let digest = image.signatureDocument else { return [] }
        do throws(Failure) {
            return try SignatureDocument(parsing: try blob(digest, limit: SignatureDocument.bytesMax)).signatures
        } catch {
            let manifest = image.summary.manifest
            let record = try StoreIndex(readFrom: root).records.first { $0.manifest == manifest }
            // The store has no damage: nobody wants that document any more.
            if record?.signatures != digest { throw Self.removedMeanwhile(image) }
            throw error
        }
    }
}

extension ImagePlan {
    var evidence: ImageEvidence {
        ImageEvidence(
            manifest: manifestDigest, indexes: indexes, references: Set(references).sorted(), signatures: signatures)
    }

    var digests: [Digest] { [manifestDigest] + indexes }
}

/// What decides whether the images of an import are wanted, before a layer of theirs is unpacked.
struct ImportAdmission {
    let request: ImportRequest
    let policy: TrustPolicy
    let verifier: Verifier

    /// - Throws: `image.digest-mismatch`, `image.untrusted`.
    func verdicts(on plans: [ImagePlan]) throws(Failure) -> [TrustVerdict] {
        var verdicts: [TrustVerdict] = []
        for plan in plans {
            if let digest = request.digest {
                try Self.check(digest, plan, from: request.source, field: "digest")
            }
            verdicts.append(try policy.verdict(on: plan.evidence, checker: verifier))
        }
        return verdicts
    }

    static func check(
        _ digest: Digest, _ plan: ImagePlan, from source: ImageSource, field: String
    ) throws(Failure) {
        guard !plan.digests.contains(digest) else { return }
        let found = plan.digests.map { "\($0)" }.joined(separator: ", chosen from the index ")
        throw Failure(
            "image.digest-mismatch", doing: "import the image", on: source.shown,
            cause: "its manifest is \(found), not \(digest)",
            remedy: "get the image from where the digest comes from, or correct the digest", field: field)
    }
}
