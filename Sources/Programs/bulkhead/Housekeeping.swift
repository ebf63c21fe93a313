import Diagnostics
import ImageStorage
import LinuxKernel
import NativeContainerizer

/// What crashes left is put right by the next command that lists or makes containers.
struct Housekeeping {
    let containerizer: NativeContainerizer
    let global: GlobalOptions

    /// Settles every container, and gives back image leases of containers that are gone.
    func sweep() throws(Failure) {
        try containerizer.sweep()
        guard let guardian = try launchLock(exclusive: true) else { return }
        defer { withExtendedLifetime(guardian) {} }
        let store = try global.imageStore()
        let holders = try store.leaseHolders()
        if holders.isEmpty { return }
        let existing = Set(try containerizer.records.identifiers().map(\.text)).union(try ImageMounts(global).holders())
        for holder in holders where !existing.contains(holder) { try store.release(container: holder) }
    }

    /// Held shared between leasing an image and writing the container's record, when the lease looks abandoned and is
    /// not. Exclusive: nil when somebody is launching right now, whose leases are then left alone.
    func launchLock(exclusive: Bool) throws(Failure) -> OwnedDescriptor? {
        try containerizer.records.prepare()
        let path = containerizer.places.volatile + "/launching"
        do throws(KernelError) {
            let file = try OwnedDescriptor.open(RawPath(path), [.readWrite, .create, .noFollow], mode: 0o600)
            return try file.lock(exclusive: exclusive, wait: !exclusive) ? file : nil
        } catch {
            throw error.failure("state.unwritable", doing: "lock", on: path)
        }
    }

    /// Ends the lease of a container that was removed.
    func release(_ container: String) throws(Failure) { try global.imageStore().release(container: container) }
}
