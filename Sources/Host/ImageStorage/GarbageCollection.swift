import Diagnostics
import DurableStorage
import LinuxKernel
import OCIFormat

/// Removes layers and blobs that no image, no container and no running import relies on.
///
/// What goes is decided and moved out of sight under the store's lock, which is short; the trees are removed
/// afterwards.
struct GarbageCollection {
    let root: StoreRoot

    /// Names of what was removed.
    struct Outcome: Equatable, Sendable {
        var layers: [Digest] = []
        var blobs: [Digest] = []
        /// Of the removed blobs and layers, as far as recorded.
        var bytes: UInt64 = 0
    }

    func run() throws(Failure) -> Outcome {
        let trash = try Staging(in: root, purpose: "collecting garbage")
        do throws(Failure) {
            let outcome = try root.locked(for: "collecting garbage") { () throws(Failure) in try collect(into: trash) }
            try trash.remove()
            return outcome
        } catch {
            do throws(Failure) { try trash.remove() } catch let second { throw error.also(second) }
            throw error
        }
    }

    private func collect(into trash: Staging) throws(Failure) -> Outcome {
        try onStore("sweep", root.path) { () throws(KernelError) in
            try AtomicFile.sweep(root.top)
            try AtomicFile.sweep(root.leases)
        }
        let (chains, blobs) = try live()
        var outcome = Outcome()
        for (digest, name) in try contents(of: root.layers) where !chains.contains(digest) {
            if let record = try readable(digest) { outcome.bytes += record.bytes }
            try move(name, from: root.layers, to: RawPath("layer-\(digest.hex)"), in: trash)
            outcome.layers.append(digest)
        }
        for (digest, name) in try contents(of: root.blobs) where !blobs.contains(digest) {
            let size = try onStore("examine a blob in", root.path) { () throws(KernelError) in
                try root.blobs.status(of: name).size
            }
            outcome.bytes += UInt64(clamping: size)
            try move(name, from: root.blobs, to: RawPath("blob-\(digest.hex)"), in: trash)
            outcome.blobs.append(digest)
        }
        try removeLocks(except: chains)
        return outcome
    }

    private func live() throws(Failure) -> (chains: Set<Digest>, blobs: Set<Digest>) {
        var chains: Set<Digest> = []
        var blobs: Set<Digest> = []
        for record in try StoreIndex(readFrom: root).records {
            chains.formUnion(record.chain)
            blobs.formUnion(record.blobs)
            if let signatures = record.signatures { blobs.insert(signatures) }
        }
        for lease in try Lease.all(in: root) {
            chains.formUnion(lease.chain)
            blobs.formUnion(lease.blobs)
        }
        for reservation in try Staging.reservations(root) {
            chains.formUnion(reservation.chains)
            blobs.formUnion(reservation.blobs)
        }
        return (chains, blobs)
    }

    /// A layer whose description is damaged is removed all the same; only its size stays unknown.
    private func readable(_ chain: Digest) throws(Failure) -> LayerRecord? {
        do throws(Failure) { return try LayerRecord.read(chain, from: root) } catch {
            if error.code == "image.store-damaged" { return nil }
            throw error
        }
    }

    /// Entries named by a digest; nothing else is ours to touch.
    private func contents(of directory: OwnedDescriptor) throws(Failure) -> [(Digest, RawPath)] {
        let entries = try onStore("list", root.path) { () throws(KernelError) in try directory.entries() }
        return entries.compactMap { entry in
            do throws(Failure) { return (try Digest(hex: entry.name.description), entry.name) } catch { return nil }
        }.sorted { $0.0 < $1.0 }
    }

    private func move(
        _ name: RawPath, from directory: OwnedDescriptor, to newName: RawPath, in trash: Staging
    ) throws(Failure) {
        try onStore("remove unused content from", root.path) { () throws(KernelError) in
            try directory.rename(name, to: newName, in: trash.directory)
        }
    }

    /// Lock files of layers that are gone. One that is held belongs to somebody and stays.
    private func removeLocks(except chains: Set<Digest>) throws(Failure) {
        for (digest, name) in try contents(of: root.locks) where !chains.contains(digest) {
            try onStore("remove an unused lock from", root.path) { () throws(KernelError) in
                guard let lock = try FileLock.tryAcquire(name, in: root.locks, purpose: "removing") else { return }
                try lock.remove()
            }
        }
    }
}
