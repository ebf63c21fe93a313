import Diagnostics
import LinuxKernel
import OCIFormat

/// The blobs of an OCI image layout, in a directory or in an archive.
protocol LayoutBlobs {
    func file(named name: String, limits: ImageLimits) throws(Failure) -> [UInt8]
    /// Verified in size and digest.
    func document(_ descriptor: Descriptor, limits: ImageLimits) throws(Failure) -> [UInt8]
    func stage(_ descriptor: Descriptor) throws(Failure) -> StagedBlob
    /// The file `signature-<number>` beside index.json; nil when there is none.
    func signatureFile(_ number: Int) throws(Failure) -> [UInt8]?
    /// Names for an image without any, by its configuration.
    func names(ofConfiguration digest: Digest, limits: ImageLimits) throws(Failure) -> [ImageReference]
}

/// An OCI image layout: `index.json` leads to manifests by digest.
struct ImageLayout<Blobs: LayoutBlobs>: ImageContents {
    let blobs: Blobs
    /// What a name that is only a tag is a tag of; nil when nobody knows.
    let stem: String?

    func document(_ descriptor: Descriptor, limits: ImageLimits) throws(Failure) -> [UInt8] {
        try blobs.document(descriptor, limits: limits)
    }

    func stage(_ descriptor: Descriptor) throws(Failure) -> StagedBlob { try blobs.stage(descriptor) }

    func plans(
        for wanted: Platform, limits: ImageLimits, holding documents: HeldDocuments
    ) throws(Failure) -> [ImagePlan] {
        let marker = try JSONBounds(limits).object(
            parsing: try blobs.file(named: "oci-layout", limits: limits), as: "oci-layout")
        guard try marker.string("imageLayoutVersion", bytes: 64)?.begins(with: "1.") == true else {
            throw marker.refusal(
                "image.layout-version", at: "imageLayoutVersion", cause: "its version is not 1.x")
        }
        let index = try ImageIndex(
            parsing: try blobs.file(named: "index.json", limits: limits), as: "index.json", limits: limits)
        let reading = Reading(wanted: wanted, limits: limits, documents: documents)
        let entries = try LayoutEntries(index, from: blobs, limits: limits, holding: documents)
        var plans: [ImagePlan] = []
        for (name, descriptor) in try chosen(from: entries.images, reading) {
            var plan = try plan(descriptor, depth: 1, reading)
            if let name {
                plan.references = [name]
            } else {
                let configuration = plan.manifest.configuration.digest
                plan.references = try blobs.names(ofConfiguration: configuration, limits: limits)
            }
            plan.signatures = try entries.signatures(of: plan.digests)
            if let known = plans.firstIndex(where: { $0.manifestText == plan.manifestText }) {
                plans[known].merge(plan)
            } else {
                plans.append(plan)
            }
        }
        guard !plans.isEmpty else {
            throw Failure("image.archive-empty", doing: "read index.json", cause: "it names no image")
        }
        return plans
    }

    /// What reading one image needs besides its descriptor.
    private struct Reading {
        let wanted: Platform
        let limits: ImageLimits
        let documents: HeldDocuments
    }

    /// The images of the index and their names, counted before the first of them is read.
    private func chosen(
        from images: [Descriptor], _ reading: Reading
    ) throws(Failure) -> [(name: ImageReference?, image: Descriptor)] {
        var chosen: [(name: ImageReference?, image: Descriptor)] = []
        for group in groups(images) {
            let name = try reference(of: group[0])
            for descriptor in try choices(group, wanted: reading.wanted) { chosen.append((name, descriptor)) }
        }
        // One image may have many names.
        let count = Set(chosen.map { $0.image.digest }).count
        guard count <= reading.limits.archiveImages else {
            throw Failure(
                "image.document-too-many-entries", doing: "read index.json", cause: "it names \(count) images",
                field: "manifests", limit: "images \(reading.limits.archiveImages)")
        }
        return chosen
    }

    /// Entries of one name belong together: they are its platforms.
    private func groups(_ images: [Descriptor]) -> [[Descriptor]] {
        var groups: [[Descriptor]] = []
        for entry in images {
            let same = groups.firstIndex { group in
                group[0].imageName == entry.imageName && group[0].referenceName == entry.referenceName
            }
            if let same { groups[same].append(entry) } else { groups.append([entry]) }
        }
        return groups
    }

    private func choices(_ group: [Descriptor], wanted: Platform) throws(Failure) -> [Descriptor] {
        guard group.contains(where: { $0.platform != nil }) else { return group }
        let index = ImageIndex(manifests: group)
        guard let choice = index.choice(for: wanted) else {
            throw PlatformCheck.missing(wanted, available: index.platforms)
        }
        return [choice]
    }

    private func reference(of entry: Descriptor) throws(Failure) -> ImageReference? {
        if let name = entry.imageName { return try ImageReference(parsing: name) }
        guard let name = entry.referenceName else { return nil }
        if name.has("/") || name.has(":") { return try ImageReference(parsing: name) }
        guard let stem else { return nil }
        return try ImageReference(parsing: "\(stem):\(name)")
    }

    private func plan(_ descriptor: Descriptor, depth: Int, _ reading: Reading) throws(Failure) -> ImagePlan {
        let limits = reading.limits
        let kind = try DocumentKind(mediaType: descriptor.mediaType, field: "manifests.mediaType")
        let text = try blobs.document(descriptor, limits: limits)
        switch kind {
        case .manifest: return try plan(manifest: text, reading)
        case .index:
            guard depth < limits.indexDepth else {
                throw Failure(
                    "image.index-nested", doing: "read the index", on: "\(descriptor.digest)",
                    cause: "there are too many indexes inside one another", field: "manifests",
                    limit: "index depth \(limits.indexDepth)")
            }
            let index = try ImageIndex(parsing: text, as: "the image index", limits: limits)
            guard let choice = index.choice(for: reading.wanted) else {
                throw PlatformCheck.missing(reading.wanted, available: index.platforms)
            }
            var chosen = try plan(choice, depth: depth + 1, reading)
            chosen.indexes.append(descriptor.digest)
            return chosen
        }
    }

    private func plan(manifest text: [UInt8], _ reading: Reading) throws(Failure) -> ImagePlan {
        let manifest = try Manifest(parsing: text, limits: reading.limits)
        let configuration = try reading.documents.configuration(manifest.configuration) { () throws(Failure) in
            try blobs.document(manifest.configuration, limits: reading.limits)
        }
        try PlatformCheck.check(configuration.decoded.platform, wanted: reading.wanted)
        return ImagePlan(
            references: [], manifest: manifest, manifestText: try reading.documents.held(text),
            config: configuration.decoded, configText: configuration.text)
    }
}
