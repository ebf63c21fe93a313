import Diagnostics
import DurableStorage
import LinuxKernel
import OCIFormat

/// A directory of one import or removal, under a lock that ends with the process: what is in it is visible to nobody,
/// and what a crash leaves there the next opening of the store removes.
final class Staging: Sendable {
    let root: StoreRoot
    let name: RawPath
    let directory: OwnedDescriptor
    private let lock: FileLock

    static let lockName: RawPath = "lock"
    static let reservationName: RawPath = "reserved.json"

    /// Made under the store's lock, so that a sweep never meets it before its own lock is held.
    init(in root: StoreRoot, purpose: String) throws(Failure) {
        let name = RawPath(RandomName.make())
        let (directory, lock) = try root.locked(for: purpose) { () throws(Failure) in
            try onStore("create a staging directory in", root.path) {
                () throws(KernelError) -> (OwnedDescriptor, FileLock) in
                try root.staging.makeDirectory(name, mode: 0o700)
                let directory = try root.staging.open(name, [.directory, .noFollow])
                return (directory, try FileLock.acquire(Self.lockName, in: directory, purpose: purpose))
            }
        }
        self.root = root
        self.name = name
        self.directory = directory
        self.lock = lock
    }

    /// Says, before any of them is looked at, which layers and blobs this import relies on: garbage collection then
    /// leaves them alone.
    func reserve(chains: [Digest], blobs: [Digest]) throws(Failure) {
        let content = Reservation(chains: chains, blobs: blobs).text
        try root.locked(for: "reserving layers") { () throws(Failure) in
            try onStore("reserve layers in", root.path) { () throws(KernelError) in
                try AtomicFile.replace(
                    Self.reservationName, in: directory, with: Array(content.utf8), durable: false)
            }
        }
    }

    /// Removes the directory and all that is left in it. Idempotent.
    func remove() throws(Failure) { try Self.remove(name, from: root) }

    /// The lock goes last, and under the store's: where a sweep finds a directory without one it makes it, and would
    /// take a directory for a leftover that another is about to remove.
    private static func remove(_ name: RawPath, from root: StoreRoot) throws(Failure) {
        try onStore("remove the staging directory in", root.path) { () throws(KernelError) in
            try empty(name, in: root.staging)
        }
        try root.locked(for: "removing a staging directory") { () throws(Failure) in
            try onStore("remove the staging directory in", root.path) { () throws(KernelError) in
                try TreeRemoval.remove(name, in: root.staging)
            }
        }
    }

    private static func empty(_ name: RawPath, in staging: OwnedDescriptor) throws(KernelError) {
        let directory: OwnedDescriptor
        do throws(KernelError) { directory = try staging.open(name, [.directory, .noFollow]) } catch {
            // Gone already, or a plain file, which has nothing in it.
            if error.errno == Errno.noEntry || error.errno == Errno.notDirectory { return }
            throw error
        }
        for entry in try directory.entries() where entry.name != lockName {
            try TreeRemoval.remove(entry.name, in: directory)
        }
    }

    // MARK: All of them

    /// Removes what crashed processes left. Nobody's running import is touched: its lock is held.
    static func sweep(_ root: StoreRoot) throws(Failure) {
        let stale = try root.locked(for: "sweeping leftovers") { () throws(Failure) in
            try onStore("sweep", root.path) { () throws(KernelError) in try staleEntries(of: root) }
        }
        for (name, lock) in stale {
            try withExtendedLifetime(lock) { () throws(Failure) in try remove(name, from: root) }
        }
    }

    private static func staleEntries(of root: StoreRoot) throws(KernelError) -> [(RawPath, FileLock?)] {
        try AtomicFile.sweep(root.top)
        try AtomicFile.sweep(root.leases)
        var stale: [(RawPath, FileLock?)] = []
        for entry in try root.staging.entries() {
            do throws(KernelError) {
                let directory = try root.staging.open(entry.name, [.directory, .noFollow])
                guard let lock = try FileLock.tryAcquire(lockName, in: directory, purpose: "sweeping") else { continue }
                stale.append((entry.name, lock))
            } catch {
                // Gone meanwhile, or no directory at all: nothing of ours is a plain file here.
                if error.errno == Errno.notDirectory {
                    stale.append((entry.name, nil))
                } else if error.errno != Errno.noEntry {
                    throw error
                }
            }
        }
        return stale
    }

    /// What running imports rely on. Only under the store's lock.
    static func reservations(_ root: StoreRoot) throws(Failure) -> [Reservation] {
        let names = try onStore("list imports in", root.path) { () throws(KernelError) in try root.staging.entries() }
        var found: [Reservation] = []
        for entry in names {
            let content = try onStore("read reservations in", root.path) { () throws(KernelError) -> [UInt8]? in
                do throws(KernelError) {
                    let directory = try root.staging.open(entry.name, [.directory, .noFollow])
                    return try AtomicFile.read(reservationName, in: directory, limit: StoreIndex.bytesMax)
                } catch {
                    if error.errno == Errno.noEntry || error.errno == Errno.notDirectory { return nil }
                    throw error
                }
            }
            if let content { found.append(try Reservation(parsing: content)) }
        }
        return found
    }
}

/// Layers and blobs that something relies on.
struct Reservation: Equatable, Sendable {
    var chains: [Digest]
    var blobs: [Digest]

    init(chains: [Digest], blobs: [Digest]) {
        self.chains = chains
        self.blobs = blobs
    }

    init(parsing content: [UInt8]) throws(Failure) {
        let bounds = JSONBounds(bytes: UInt64(StoreIndex.bytesMax), depth: 4, values: 1_000_000)
        let object = try bounds.object(parsing: content, as: "a reservation")
        chains = try object.digests("chains")
        blobs = try object.digests("blobs")
    }

    var text: String {
        let value: JSONValue = [
            "chains": .array(chains.map { .string($0.description) }),
            "blobs": .array(blobs.map { .string($0.description) }),
        ]
        return value.text
    }
}
