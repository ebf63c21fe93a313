import Diagnostics
import LinuxKernel
import OCIFormat
import TrustFormat

/// One import, from a source to images that can be run: all of them become visible together, or none.
///
/// What is read goes to a staging directory; layers become visible one by one, each verified and on disk; the images
/// only at the end, in one replacement of the index. A crash at any point leaves a staging directory, which the next
/// opening of the store removes, and layers nobody refers to, which garbage collection removes.
struct ImageImport {
    let root: StoreRoot
    let unpacker: Unpacker
    let limits: ImageLimits
    let request: ImportRequest
    let policy: PolicySource
    let onProgress: (ImportProgress) -> Void

    func run() throws(Failure) -> [ImageSummary] {
        try checkForm()
        let wanted = try request.platform.map { text throws(Failure) in try Platform(parsing: text) } ?? .host
        let policy = try policy.load()
        let staging = try Staging(in: root, purpose: "importing \(request.source.shown)")
        let records: [StoreIndex.Record]
        do throws(Failure) {
            let contents = try open(staging)
            let held = HeldDocuments(limits)
            let chosen = try ImageChoice(request: request).chosen(
                from: try contents.plans(for: wanted, limits: limits, holding: held))
            let found = try SignatureFiles.added(to: chosen, from: request.signatures)
            let plans = try root.locked(for: "reading signatures") { () throws(Failure) in
                try KnownSignatures(root: root, documents: held).added(to: found)
            }
            try checkLayers(of: plans)
            // Before anything of it is unpacked.
            let verdicts = try ImportAdmission(
                request: request, policy: policy, verifier: Verifier(beside: unpacker)
            ).verdicts(on: plans)
            // One after another: together they may be gigabytes.
            let documents = plans.compactMap { plan in plan.signatureDocument.map { Digest(of: $0) } }
            try staging.reserve(chains: plans.flatMap(\.config.chain), blobs: plans.flatMap(\.blobs) + documents)
            var sizes: [UInt64] = []
            let blobs = StagedBlobs(contents: contents, staging: staging, unpacker: unpacker)
            let budget = LayerBudget(limits)
            for plan in plans { sizes.append(try importLayers(of: plan, from: blobs, into: staging, within: budget)) }
            onProgress(ImportProgress(phase: .finishing, completed: 0, total: nil))
            let images = plans.indices.map { Unpacked(plan: plans[$0], size: sizes[$0], verdict: verdicts[$0]) }
            records = try publish(images, wanted: wanted, from: blobs, in: staging, holding: held)
        } catch {
            throw withdraw(staging, after: error)
        }
        try staging.remove()
        return records.map(ImageSummary.init)
    }

    private struct Unpacked {
        var plan: ImagePlan
        /// Bytes of all layers.
        var size: UInt64
        var verdict: TrustVerdict
    }

    /// What the index keeps of an image is mostly its layers, of each image again.
    private func checkLayers(of plans: [ImagePlan]) throws(Failure) {
        let count = plans.reduce(0) { $0 + max($1.manifest.layers.count, $1.config.layers.count) }
        guard count <= limits.archiveLayers else {
            throw Failure(
                "image.too-many-layers", doing: "import \(plans.count) images", on: request.source.shown,
                cause: "they have \(count) layers together", remedy: "import one image at a time", field: "layers",
                limit: "layers of all images \(limits.archiveLayers)")
        }
    }

    /// Better before an import than at the first container's start.
    private func checkForm() throws(Failure) {
        guard request.layerForm == .image, !LayerImageMount.isSupported else { return }
        throw Failure(
            "image.form-unsupported", doing: "import layers as EROFS images", cause: "this kernel cannot mount them",
            remedy: "load the module erofs, or leave --snapshotter out", field: "snapshotter")
    }

    /// Leaves the store as it was.
    private func withdraw(_ staging: Staging, after first: Failure) -> Failure {
        do throws(Failure) {
            try staging.remove()
            _ = try GarbageCollection(root: root).run()
            return first
        } catch {
            return first.also(error)
        }
    }

    // MARK: Reading

    private func open(_ staging: Staging) throws(Failure) -> any ImageContents {
        let source: OwnedDescriptor
        switch request.source {
        case .stream(let descriptor, _): source = descriptor
        case .path(let path):
            do throws(KernelError) { source = try OwnedDescriptor.open(RawPath(path)) } catch {
                throw error.failure(
                    "image.source-unreadable", doing: "open the image", on: path,
                    remedy: error.errno == Errno.noEntry
                        ? "check the path; it should be an archive made by 'docker save' or an OCI image layout" : nil)
            }
        }
        let status = try onStore("examine", request.source.shown) { () throws(KernelError) in try source.status() }
        if status.kind == .directory {
            return ImageLayout(
                blobs: DirectoryBlobs(directory: source, staging: staging), stem: request.source.stem)
        }
        let total = status.kind == .regular ? UInt64(clamping: status.size) : nil
        let archive = try ArchiveContents.ingest(
            source, named: request.source.shown, into: staging, unpacker: unpacker, limits: limits
        ) { completed in
            onProgress(ImportProgress(phase: .reading, completed: completed, total: total))
        }
        return try kind(of: archive)
    }

    private func kind(of archive: ArchiveContents) throws(Failure) -> any ImageContents {
        // Both are there in what current Docker saves; the layout keeps the manifest's own digest.
        if archive.members[.index] != nil, archive.members[.layoutVersion] != nil {
            return ImageLayout(blobs: ArchiveBlobs(archive: archive), stem: request.source.stem)
        }
        if archive.members[.dockerManifest] != nil { return DockerArchive(archive: archive) }
        throw Failure(
            "image.archive-unknown", doing: "read the image archive", on: request.source.shown,
            cause: archive.members[.repositories] != nil
                ? "it was saved by a Docker older than 1.10"
                : "it has neither manifest.json nor index.json and oci-layout",
            remedy: "save the image with 'docker save', 'podman save' or 'skopeo copy … oci-archive:…'")
    }

    // MARK: Layers

    /// Bytes of all layers.
    private func importLayers(
        of plan: ImagePlan, from blobs: StagedBlobs, into staging: Staging, within budget: LayerBudget
    ) throws(Failure) -> UInt64 {
        let chain = plan.config.chain
        guard plan.manifest.layers.count == chain.count else {
            throw Failure(
                "image.layer-count", doing: "read the image",
                cause: "its manifest has \(plan.manifest.layers.count) layers, its configuration \(chain.count)",
                remedy: "the image is damaged or hostile; save it again", field: "rootfs.diff_ids")
        }
        guard !chain.isEmpty else {
            throw Failure(
                "image.no-layers", doing: "read the image", cause: "it has no layers", field: "rootfs.diff_ids")
        }
        var size: UInt64 = 0
        for (index, descriptor) in plan.manifest.layers.enumerated() {
            guard let compression = plan.manifest.compression(ofLayer: index) else {
                throw Failure(
                    "image.media-type", doing: "read layer \(index + 1)", on: descriptor.mediaType,
                    cause: "it is not a layer", field: "layers[\(index)].mediaType")
            }
            let layer = LayerImport(
                staging: staging, unpacker: unpacker, limits: limits, budget: budget, chain: chain, index: index,
                diffID: plan.config.layers[index], descriptor: descriptor, compression: compression,
                form: request.layerForm)
            let phase = ImportProgress.Phase.unpacking(layer: index + 1, of: chain.count)
            onProgress(ImportProgress(phase: phase, completed: 0, total: descriptor.size))
            let record = try layer.perform(blobs: blobs) { completed in
                onProgress(
                    ImportProgress(phase: phase, completed: min(completed, descriptor.size), total: descriptor.size))
            }
            onProgress(ImportProgress(phase: phase, completed: descriptor.size, total: descriptor.size))
            size += record.bytes
        }
        return size
    }

    // MARK: Publishing

    private func publish(
        _ images: [Unpacked], wanted: Platform, from blobs: StagedBlobs, in staging: Staging,
        holding held: HeldDocuments
    ) throws(Failure) -> [StoreIndex.Record] {
        for image in images { try publishBlobs(of: image.plan, from: blobs, in: staging) }
        try synchronizeBlobs()
        return try root.locked(for: "adding images") { () throws(Failure) in
            var index = try StoreIndex(readFrom: root)
            // Another import of the same image may have brought more signatures since ours were put together.
            let known = KnownSignatures(root: root, documents: held)
            let plans = try known.added(to: images.map(\.plan), in: index)
            var isNew = false
            for plan in plans {
                guard let document = plan.signatureDocument else { continue }
                if try publish([document], in: staging) { isNew = true }
            }
            if isNew { try synchronizeBlobs() }
            let records = plans.indices.map { record(of: plans[$0], images[$0], wanted: wanted) }
            for record in records { index.add(record) }
            try index.write(to: root, limit: limits.storeIndexBytes)
            // As the index has them now: a name two of them claim went to the last.
            return records.compactMap { record in index.records.first { $0.manifest == record.manifest } }
        }
    }

    /// `plan` has the image's own, and signatures that came since.
    private func record(of plan: ImagePlan, _ image: Unpacked, wanted: Platform) -> StoreIndex.Record {
        StoreIndex.Record(
            manifest: plan.manifestDigest, configuration: plan.manifest.configuration.digest,
            chain: plan.config.chain, blobs: plan.blobs, references: Set(plan.references).sorted(),
            platform: Platform(
                os: plan.config.platform.os.isEmpty ? wanted.os : plan.config.platform.os,
                architecture: plan.config.platform.architecture.isEmpty
                    ? wanted.architecture : plan.config.platform.architecture,
                variant: plan.config.platform.variant),
            size: image.size, created: plan.config.created, imported: Int64(HostFacts.wallClock()),
            indexes: plan.indexes, signatures: plan.signatureDocument.map { Digest(of: $0) }, verdict: image.verdict)
    }

    private func synchronizeBlobs() throws(Failure) {
        try onStore("write blobs to disk in", root.path) { () throws(KernelError) in try root.blobs.synchronize() }
    }

    /// Renames what is not there yet into place. The names are reserved, so nothing collects them before the index
    /// mentions them.
    private func publishBlobs(
        of plan: ImagePlan, from blobs: StagedBlobs, in staging: Staging
    ) throws(Failure) {
        _ = try publish([plan.configText, plan.manifestText] + [plan.signatureDocument].compactMap { $0 }, in: staging)
        for layer in plan.manifest.layers {
            let name = RawPath(layer.digest.hex)
            if try onStore("look for a blob in", root.path, { () throws(KernelError) in try root.blobs.exists(name) }) {
                continue
            }
            let file = try blobs.verifiedFile(layer)
            try onStore("store a blob in", root.path) { () throws(KernelError) in
                try staging.directory.open(file, [.readOnly, .noFollow]).synchronize()
                try staging.directory.rename(file, to: name, in: root.blobs)
            }
        }
    }

    /// Whether there was one that the store did not have yet.
    private func publish(_ documents: [[UInt8]], in staging: Staging) throws(Failure) -> Bool {
        var isNew = false
        for document in documents {
            let name = RawPath(Digest(of: document).hex)
            try onStore("store a document in", root.path) { () throws(KernelError) in
                if try root.blobs.exists(name) { return }
                let file = try staging.directory.open(
                    "document", [.writeOnly, .create, .truncate, .noFollow], mode: 0o600)
                try file.write(document)
                try file.synchronize()
                try staging.directory.rename("document", to: name, in: root.blobs)
                isNew = true
            }
        }
        return isNew
    }
}
