import Diagnostics
import LinuxKernel
import OCIFormat

/// What the store holds, in bytes. Layers are counted by the size of their archives.
public struct DiskUsage: Equatable, Sendable {
    public var images: Int
    public var layers: Int
    public var layerBytes: UInt64
    public var blobs: Int
    public var blobBytes: UInt64
    /// What removing every image no container uses would free.
    public var reclaimableBytes: UInt64
    /// What the file system still has.
    public var availableBytes: UInt64

    init(of root: StoreRoot) throws(Failure) {
        let content = try StoredContent(of: root)
        let index = try StoreIndex(readFrom: root)
        let pinned = Set(try Lease.all(in: root).map(\.manifest))
        images = index.records.count
        layers = content.layers.count
        layerBytes = content.layers.values.reduce(0, +)
        blobs = content.blobs.count
        blobBytes = content.blobs.values.reduce(0, +)
        let kept = content.bytes(of: index.records.filter { pinned.contains($0.manifest) })
        reclaimableBytes = layerBytes + blobBytes - min(kept, layerBytes + blobBytes)
        availableBytes = try onStore("examine", root.path) { () throws(KernelError) in try root.top.availableBytes() }
    }
}

/// Sizes of everything that is stored.
struct StoredContent {
    var layers: [Digest: UInt64] = [:]
    var blobs: [Digest: UInt64] = [:]

    init(of root: StoreRoot) throws(Failure) {
        for chain in try Self.digests(in: root.layers, of: root) {
            if let record = try LayerRecord.read(chain, from: root) { layers[chain] = record.bytes }
        }
        for digest in try Self.digests(in: root.blobs, of: root) {
            // Zero when it is collected this very moment.
            blobs[digest] = UInt64(clamping: try Self.status(digest, in: root)?.size ?? 0)
        }
    }

    /// Of layers and blobs these images have, each counted once.
    func bytes(of records: [StoreIndex.Record]) -> UInt64 {
        let chains = Set(records.flatMap(\.chain))
        let digests = Set(records.flatMap(\.blobs))
        return chains.reduce(0) { $0 + layers[$1, default: 0] } + digests.reduce(0) { $0 + blobs[$1, default: 0] }
    }

    /// Nanoseconds since 1970: the manifest's time, which every lease renews.
    func lastUsed(_ manifest: Digest, in root: StoreRoot) throws(Failure) -> Int64 {
        guard let status = try Self.status(manifest, in: root) else { return 0 }
        return status.modifiedSinceEpoch
    }

    private static func status(_ blob: Digest, in root: StoreRoot) throws(Failure) -> FileStatus? {
        try onStore("examine the blob", blob.short) { () throws(KernelError) -> FileStatus? in
            do throws(KernelError) { return try root.blobs.status(of: RawPath(blob.hex)) } catch {
                if error.errno == Errno.noEntry { return nil }
                throw error
            }
        }
    }

    private static func digests(in directory: OwnedDescriptor, of root: StoreRoot) throws(Failure) -> [Digest] {
        let entries = try onStore("list", root.path) { () throws(KernelError) in try directory.entries() }
        return entries.compactMap { entry in
            do throws(Failure) { return try Digest(hex: entry.name.description) } catch { return nil }
        }
    }
}
