import CommandOutput
import Diagnostics
import ImageStorage
import LinuxKernel
import NativeContainerizer

/// What crashes left is put right by the next command that lists or makes containers.
struct Housekeeping {
    let containerizer: NativeContainerizer
    let global: GlobalOptions
    private static let leasesPerSweep = 64

    /// Settles every container, and gives back image leases of containers that are gone.
    func sweep() throws(Failure) {
        let everything = try containerizer.sweep { id, failure in
            Console.note("bulkhead: of container \(id), which is gone, something is left: \(failure)")
        }
        guard let guardian = try containerizer.sweepLock() else { return }
        defer { withExtendedLifetime(guardian) {} }
        let store = try global.imageStore()
        let holders = try store.leaseHolders()
        if holders.isEmpty { return }
        let mounts = ImageMounts(global)
        let shown = Set(try mounts.holders())
        // Others that share the store have their records and mounts written down elsewhere.
        for holder in some(of: holders, all: everything)
        where global.places.leaseHolder(holder) != nil && !containerizer.records.exists(holder)
            && !containerizer.hasFiles(holder) && !shown.contains(holder) && !mounts.isElsewhere(holder)
        {
            try store.release(container: holder)
        }
    }

    /// Some at a time, beginning at any of them: with many containers a launch must not take longer.
    private func some(of holders: [String], all: Bool) -> [String] {
        if all || holders.count <= Self.leasesPerSweep { return holders }
        let first = Int(KernelRandom.number() % UInt64(holders.count))
        return (0..<Self.leasesPerSweep).map { holders[(first + $0) % holders.count] }
    }

    /// Ends the lease of a container that was removed.
    func release(_ container: String) throws(Failure) { try global.imageStore().release(container: container) }
}
