import Diagnostics
import OCIFormat
import TrustFormat

/// Signatures that came with an image at an earlier import stay with it.
struct KnownSignatures {
    let root: StoreRoot
    let documents: HeldDocuments

    /// Under the store's lock: a document may be collected as soon as another import has put a longer one in its place.
    func added(to plans: [ImagePlan]) throws(Failure) -> [ImagePlan] {
        try added(to: plans, in: try StoreIndex(readFrom: root))
    }

    /// `index` as it is under the lock that is still held.
    func added(to plans: [ImagePlan], in index: StoreIndex) throws(Failure) -> [ImagePlan] {
        var plans = plans
        for position in plans.indices {
            let manifest = plans[position].manifestDigest
            guard let known = index.records.first(where: { $0.manifest == manifest }) else { continue }
            plans[position].indexes += known.indexes.filter { !plans[position].indexes.contains($0) }
            guard let digest = known.signatures else { continue }
            let document = try root.document(digest, limit: SignatureDocument.bytesMax)
            let signatures = try SignatureDocument(parsing: document).signatures
            for signature in signatures where !plans[position].signatures.contains(signature) {
                try documents.count(signature.byteCount)
                plans[position].signatures.append(signature)
            }
            let count = plans[position].signatures.count
            guard count <= TrustLimits.signatures else { throw SignatureManifest.tooMany(count) }
        }
        return plans
    }
}

/// The entries of an image layout's index, apart: images, and what is kept beside them. Only signatures are read
/// further.
struct LayoutEntries {
    private(set) var images: [Descriptor] = []
    private var found: [(signature: ImageSignature, about: Set<Digest>)] = []
    /// Files beside index.json. Which image one is of is known when it is verified, so every image gets all of them.
    private let loose: [ImageSignature]

    /// - Throws: what is wrong with a manifest or a payload of signatures: a layout whose signatures are damaged is not
    ///   taken for one without.
    init<Blobs: LayoutBlobs>(
        _ index: ImageIndex, from blobs: Blobs, limits: ImageLimits, holding documents: HeldDocuments
    ) throws(Failure) {
        loose = try SignatureFiles.all { number throws(Failure) in try blobs.signatureFile(number) }
        var beside: [(SignatureManifest, Descriptor)] = []
        for entry in index.manifests where entry.platform?.os != "unknown" {
            let isBeside = SignatureManifest.isArtifactName(entry.referenceName ?? "")
            switch MediaType.known(entry.mediaType) {
            case .manifest:
                let text = try blobs.document(entry, limits: limits)
                if let manifest = try SignatureManifest(parsing: text, limits: limits) {
                    try documents.count(manifest.byteCount)
                    beside.append((manifest, entry))
                } else if !isBeside {
                    images.append(entry)
                }
            case .index where isBeside:
                beside += try Self.referrers(entry, from: blobs, limits: limits, holding: documents)
            default:
                if !isBeside { images.append(entry) }
            }
            guard beside.count <= TrustLimits.artifacts else {
                throw Failure(
                    "image.document-too-many-entries", doing: "read index.json",
                    cause: "it has \(beside.count) artifacts beside its images", field: "manifests",
                    limit: "artifacts \(TrustLimits.artifacts)")
            }
        }
        for (manifest, entry) in beside {
            for layer in manifest.layers {
                let payload = try documents.held(try blobs.document(layer.payload, limits: limits))
                let signature = ImageSignature.bare(payload: payload, signature: layer.signature)
                let about = [signature.claimedDigest, manifest.subject, Self.tagged(entry)].compactMap { $0 }
                found.append((signature, Set(about)))
            }
        }
    }

    /// What belongs to an image of these digests: by what was signed, or by where it was kept, so that a signature of
    /// something else in its place is seen and said.
    func signatures(of digests: [Digest]) throws(Failure) -> [ImageSignature] {
        var result = loose
        for (signature, about) in found where !about.isDisjoint(with: digests) && !result.contains(signature) {
            result.append(signature)
        }
        guard result.count <= TrustLimits.signatures else { throw SignatureManifest.tooMany(result.count) }
        return result
    }

    /// The list `sha256-<hex>` that stands for a registry's answer about referrers.
    private static func referrers<Blobs: LayoutBlobs>(
        _ entry: Descriptor, from blobs: Blobs, limits: ImageLimits, holding documents: HeldDocuments
    ) throws(Failure) -> [(SignatureManifest, Descriptor)] {
        let list = try ImageIndex(
            parsing: try blobs.document(entry, limits: limits), as: "the list of referrers", limits: limits)
        var beside: [(SignatureManifest, Descriptor)] = []
        for referrer in list.manifests where MediaType.known(referrer.mediaType) == .manifest {
            let text = try blobs.document(referrer, limits: limits)
            guard let manifest = try SignatureManifest(parsing: text, limits: limits) else { continue }
            try documents.count(manifest.byteCount)
            beside.append((manifest, entry))
        }
        return beside
    }

    /// The digest in a tag `sha256-<hex>.sig`.
    private static func tagged(_ entry: Descriptor) -> Digest? {
        guard let name = entry.referenceName, SignatureManifest.isArtifactName(name),
            let tag = name.cut(at: ":").last
        else { return nil }
        do throws(Failure) { return try Digest(hex: String(tag.dropFirst(7).prefix(64))) } catch { return nil }
    }
}

extension SignatureManifest {
    /// Of what is kept of it; payloads are read later.
    fileprivate var byteCount: Int { layers.reduce(0) { $0 + $1.signature.count + $1.payload.mediaType.utf8.count } }
}

extension ImageSignature {
    fileprivate var byteCount: Int {
        switch self {
        case .bare(let payload, let signature): payload.count + signature.count
        case .message(let bytes): bytes.count
        }
    }
}
