import Diagnostics
import DurableStorage
import LinuxKernel
import OCIFormat

/// What the store knows of an unpacked layer: `meta.json` beside its `fs`.
struct LayerRecord: Equatable, Sendable {
    var diffID: Digest
    /// The blobs that were verified to unpack to `diffID`.
    var blobs: [Digest]
    var entries: UInt64
    /// Of the uncompressed archive.
    var bytes: UInt64
    /// Device nodes and sockets of the archive, which are never made.
    var skipped: UInt64

    static let name: RawPath = "meta.json"

    init(diffID: Digest, blobs: [Digest], entries: UInt64, bytes: UInt64, skipped: UInt64) {
        self.diffID = diffID
        self.blobs = blobs
        self.entries = entries
        self.bytes = bytes
        self.skipped = skipped
    }

    init(parsing content: [UInt8]) throws(Failure) {
        let object = try JSONBounds().object(parsing: content, as: "meta.json")
        diffID = try object.digest("diffID")
        blobs = try object.digests("blobs")
        entries = UInt64(clamping: try object.integer("entries") ?? 0)
        bytes = UInt64(clamping: try object.integer("bytes") ?? 0)
        skipped = UInt64(clamping: try object.integer("skipped") ?? 0)
    }

    var text: String {
        let value: JSONValue = [
            "diffID": .string(diffID.description), "blobs": .array(blobs.map { .string($0.description) }),
            "entries": .number(entries), "bytes": .number(bytes), "skipped": .number(skipped),
        ]
        return value.text
    }

    /// Nil when the store has no such layer.
    static func read(_ chain: Digest, from root: StoreRoot) throws(Failure) -> LayerRecord? {
        let content = try onStore("read the layer", chain.short) { () throws(KernelError) -> [UInt8]? in
            do throws(KernelError) {
                let layer = try root.layers.open(RawPath(chain.hex), [.directory, .noFollow])
                return try AtomicFile.read(name, in: layer, limit: 1 << 20)
            } catch {
                if error.errno == Errno.noEntry { return nil }
                throw error
            }
        }
        guard let content else { return nil }
        do throws(Failure) { return try LayerRecord(parsing: content) } catch {
            throw StoreFailure.damaged("layers/\(chain.hex)/meta.json", error.cause ?? error.description)
        }
    }
}

/// Makes sure that one layer is in the store, verified against this image's blob.
struct LayerImport {
    let staging: Staging
    let unpacker: Unpacker
    let limits: ImageLimits
    /// Of this import, for all layers it unpacks.
    let budget: LayerBudget
    /// All layers of the image, lowest first, and which of them this is.
    let chain: [Digest]
    let index: Int
    let diffID: Digest
    let descriptor: Descriptor
    let compression: Compression
    let form: LayerForm

    private var root: StoreRoot { staging.root }
    private var identifier: Digest { chain[index] }
    private var shown: String { "layer \(index + 1) of \(chain.count)" }

    /// Whoever else wants the same layer waits here, and then finds it.
    func perform(blobs: StagedBlobs, onProgress: (UInt64) -> Void) throws(Failure) -> LayerRecord {
        let lock = try onStore("lock the layer", identifier.short) { () throws(KernelError) in
            try FileLock.acquire(RawPath(identifier.hex), in: root.locks, purpose: "unpacking a layer")
        }
        defer { withExtendedLifetime(lock) {} }
        let known = try LayerRecord.read(identifier, from: root)
        if let known, known.blobs.contains(descriptor.digest) { return known }
        let file = try blobs.file(descriptor)
        let record: LayerRecord
        do throws(Failure) { record = try unpack(file, as: form, onProgress: onProgress) } catch {
            throw blobs.cause(of: error, at: descriptor)
        }
        blobs.isVerified(descriptor.digest)
        guard var known else {
            try publish(record)
            return record
        }
        // The layer is there, from other bytes that unpack to the same: now these are known to do so as well.
        try discard()
        known.blobs.append(descriptor.digest)
        try write(known, into: RawPath(identifier.hex), of: root.layers)
        return known
    }

    private var workName: RawPath { RawPath("layer-\(index)") }

    private func unpack(
        _ file: RawPath, as form: LayerForm, onProgress: (UInt64) -> Void
    ) throws(Failure) -> LayerRecord {
        try checkMagic(file)
        try checkReserve()
        do throws(Failure) { return try unpackOnce(file, as: form, onProgress: onProgress) } catch {
            // Two kinds of layers become directories all the same, an overlay takes both: those with user.* attributes
            // before Linux 6.6, whose file system in memory has none, and those with some hundred thousand files, for
            // whose places the unpacker has no memory.
            let hasAttributes = error.field?.begins(with: "xattr ") == true && error.code == "layer.write"
            guard form == .image, hasAttributes || error.code == "layer.memory" else { throw error }
        }
        try discard()
        return try unpackOnce(file, as: .directory, onProgress: onProgress)
    }

    private func unpackOnce(
        _ file: RawPath, as form: LayerForm, onProgress: (UInt64) -> Void
    ) throws(Failure) -> LayerRecord {
        let (input, target, lowers) = try onStore("prepare \(shown)") {
            () throws(KernelError) -> (OwnedDescriptor, OwnedDescriptor, [OwnedDescriptor]) in
            let input = try staging.directory.open(file, [.readOnly, .noFollow])
            try staging.directory.makeDirectory(workName, mode: 0o700)
            let work = try staging.directory.open(workName, [.directory, .noFollow])
            if form == .directory { try work.makeDirectory(RawPath(form.fileName), mode: 0o755) }
            var lowers: [OwnedDescriptor] = []
            for below in chain[..<index].reversed() {
                lowers.append(try root.openLayer(below))
            }
            let target = form == .directory ? try work.open(RawPath(form.fileName), [.directory, .noFollow]) : work
            return (input, target, lowers)
        }
        let share = try budget.share(for: shown)
        let arguments = [
            "layer", "--digest", "\(descriptor.digest)", "--diff-id", "\(diffID)",
            "--media-compression", compression.rawValue, "--lowers", "\(lowers.count)", "--form", form.rawValue,
            "--max-bytes", "\(share.bytes)", "--max-blob-bytes", "\(limits.blobBytes)",
            "--max-entries", "\(share.entries)", "--max-depth", "\(limits.pathDepth)",
            "--max-ratio", "\(limits.expansionRatio)", "--ratio-free-bytes", "\(limits.ratioFreeBytes)",
        ]
        let done: JSONObject
        do throws(Failure) {
            done = try unpacker.run(
                arguments, input: input, target: target, lowers: lowers, reading: shown, onProgress: onProgress
            ) { _ in }
        } catch {
            throw budget.cause(of: error, with: share, of: shown)
        }
        budget.take(
            bytes: UInt64(clamping: try done.integer("takenBytes") ?? 0),
            entries: UInt64(clamping: try done.integer("takenFiles") ?? 0))
        guard try done.digest("digest") == descriptor.digest, try done.digest("diffID") == diffID else {
            throw Mismatch.digest(shown, descriptor.digest, try done.digest("digest"))
        }
        return LayerRecord(
            diffID: diffID, blobs: [descriptor.digest], entries: UInt64(clamping: try done.integer("entries") ?? 0),
            bytes: UInt64(clamping: try done.integer("bytes") ?? 0),
            skipped: UInt64(clamping: try done.integer("skippedDevices") ?? 0))
    }

    private func checkReserve() throws(Failure) {
        let space = try onStore("examine", root.path) { () throws(KernelError) in try root.top.filesystemSpace() }
        if let refusal = StoreReserve.refusal(of: space, at: root.path, before: shown) { throw refusal }
    }

    /// The type an image states and the bytes it ships must agree (media-type confusion).
    private func checkMagic(_ file: RawPath) throws(Failure) {
        let found = Compression(magic: try FileHead.read(file, in: staging.directory))
        guard found == compression else {
            throw Failure(
                "image.media-type", doing: "read \(shown)", on: "\(descriptor.digest)",
                cause: "its media type says \(compression.rawValue), its bytes say \(found.rawValue)",
                remedy: "the image is damaged or hostile; save it again", field: "layers[\(index)].mediaType")
        }
    }

    /// On disk first, then visible: a crash between leaves a staging directory to sweep.
    private func publish(_ record: LayerRecord) throws(Failure) {
        try write(record, into: workName, of: staging.directory)
        try seal()
        try onStore("store \(shown)", identifier.short) { () throws(KernelError) in
            try staging.directory.synchronizeFilesystem()
            try staging.directory.rename(workName, to: RawPath(identifier.hex), in: root.layers, replacing: false)
            try root.layers.synchronize()
        }
    }

    /// An image is held to what it is now by the kernel, where the file system can (fs-verity).
    private func seal() throws(Failure) {
        try onStore("seal \(shown)", identifier.short) { () throws(KernelError) in
            let directory = try staging.directory.open(workName, [.directory, .noFollow])
            let image = RawPath(LayerForm.image.fileName)
            // Asked of what was made: not every layer takes the form that was asked for.
            if try directory.exists(image) { try LayerImageSeal.seal(image, in: directory) }
        }
    }

    private func write(_ record: LayerRecord, into name: RawPath, of parent: OwnedDescriptor) throws(Failure) {
        try onStore("describe \(shown)", identifier.short) { () throws(KernelError) in
            let directory = try parent.open(name, [.directory, .noFollow])
            try AtomicFile.replace(LayerRecord.name, in: directory, with: Array(record.text.utf8))
        }
    }

    private func discard() throws(Failure) {
        try onStore("remove a repeated layer") { () throws(KernelError) in
            try TreeRemoval.remove(workName, in: staging.directory)
        }
    }
}
