import Diagnostics
import DurableStorage
import LinuxKernel
import OCIFormat

/// The directories of a store, opened once; everything else is reached from these descriptors.
///
///     blobs/sha256/<hex>        blobs as they came, content-addressed
///     layers/<chain hex>/fs/    an unpacked layer, in the form an overlay mount takes as a lower directory
///     layers/<chain hex>/fs.erofs   the same as one file, where the import was asked for that
///     layers/<chain hex>/fs.erofs.verity   its fs-verity digest, where the file system has that
///     layers/<chain hex>/meta.json
///     index.json                which images there are and what they are called
///     leases/<container>        what containers use
///     locks/<chain hex>         taken while that layer is unpacked
///     staging/<random>/         one import or removal each; swept when its lock is free
///     lock                      taken for every change of the above
final class StoreRoot: Sendable {
    let path: String
    let top: OwnedDescriptor
    let blobs: OwnedDescriptor
    let layers: OwnedDescriptor
    let leases: OwnedDescriptor
    let locks: OwnedDescriptor
    let staging: OwnedDescriptor

    static let lockName: RawPath = "lock"
    static let indexName: RawPath = "index.json"

    /// Opens the store, making it when it is not there.
    /// - Throws: `image.store-unsafe` when others than the owner of this process could change or enter it.
    init(path: String) throws(Failure) {
        self.path = path
        try onStore("create the image store", path) { () throws(KernelError) in
            let parent = path.cut(at: "/").dropLast().joined(separator: "/")
            try Directories.makeAll((path.begins(with: "/") ? "/" : "") + parent, mode: 0o755)
            try StoreRoot.make { () throws(KernelError) in try Directories.make(path, mode: 0o700) }
        }
        top = try onStore("open the image store", path) { () throws(KernelError) in
            try OwnedDescriptor.open(RawPath(path), [.directory, .noFollow])
        }
        try StoreRoot.check(top, path: path)
        blobs = try StoreRoot.subdirectory("blobs/sha256", of: top, path: path)
        layers = try StoreRoot.subdirectory("layers", of: top, path: path)
        leases = try StoreRoot.subdirectory("leases", of: top, path: path)
        locks = try StoreRoot.subdirectory("locks", of: top, path: path)
        staging = try StoreRoot.subdirectory("staging", of: top, path: path)
    }

    private static func check(_ directory: OwnedDescriptor, path: String) throws(Failure) {
        let status = try onStore("examine the image store", path) { () throws(KernelError) in try directory.status() }
        let me = HostFacts.effectiveUser()
        guard status.uid == me else {
            throw Failure(
                "image.store-unsafe", doing: "use the image store", on: path, cause: "it belongs to user \(status.uid)",
                remedy: "run 'chown \(me) \(path)' or choose another directory")
        }
        guard status.mode & 0o077 == 0 else {
            throw Failure(
                "image.store-unsafe", doing: "use the image store", on: path,
                cause: "its mode 0\(String(status.mode, radix: 8)) lets other users in",
                remedy: "run 'chmod 0700 \(path)': layers hold setuid files of strangers")
        }
    }

    private static func subdirectory(
        _ name: String, of top: OwnedDescriptor, path: String
    ) throws(Failure) -> OwnedDescriptor {
        try onStore("open the image store", "\(path)/\(name)") { () throws(KernelError) in
            var directory = top
            for component in name.cut(at: "/") {
                let component = RawPath(String(component))
                let parent = directory
                do throws(KernelError) {
                    directory = try parent.open(component, [.directory, .noFollow])
                } catch {
                    if error.errno != Errno.noEntry { throw error }
                    try make { () throws(KernelError) in try parent.makeDirectory(component, mode: 0o700) }
                    directory = try parent.open(component, [.directory, .noFollow])
                }
            }
            return directory
        }
    }

    private static func make(_ body: () throws(KernelError) -> Void) throws(KernelError) {
        do throws(KernelError) { try body() } catch {
            if error.errno != Errno.exists { throw error }
        }
    }

    /// Runs `body` with the store to itself: for decisions and renames, never for long work.
    func locked<Result>(
        for purpose: String, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let lock = try onStore("lock the image store", path) { () throws(KernelError) in
            try FileLock.acquire(Self.lockName, in: top, purpose: purpose)
        }
        return try withExtendedLifetime(lock, body)
    }

    /// A stored document, verified again: it decides what runs as whom.
    func document(_ digest: Digest, limit: Int) throws(Failure) -> [UInt8] {
        let content = try onStore("read the blob", digest.short) { () throws(KernelError) in
            try AtomicFile.read(RawPath(digest.hex), in: blobs, limit: limit)
        }
        guard let content, Digest(of: content) == digest else {
            throw StoreFailure.damaged(
                "blobs/sha256/\(digest.hex)", content == nil ? "it is missing" : "its content has changed")
        }
        return content
    }

    /// The layer's directory, or its image, open for reading.
    func openLayer(_ chain: Digest) throws(KernelError) -> OwnedDescriptor {
        let image = RawPath("\(chain.hex)/\(LayerForm.image.fileName)")
        do throws(KernelError) {
            return try layers.open(image, [.readOnly, .noFollow], rules: [.beneath, .noLinks])
        } catch {
            guard error.errno == Errno.noEntry else { throw error }
        }
        let directory = RawPath("\(chain.hex)/\(LayerForm.directory.fileName)")
        return try layers.open(directory, [.directory], rules: [.beneath, .noLinks])
    }

    func layerPath(_ chain: Digest) -> String {
        let layer = "\(path)/layers/\(chain.hex)"
        let image = "\(layer)/\(LayerForm.image.fileName)"
        return HostFacts.exists(image) ? image : "\(layer)/\(LayerForm.directory.fileName)"
    }
}
