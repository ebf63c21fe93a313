import Containerizing
import Containers
import Diagnostics
import Isolation
import LaunchPlanning
import LinuxKernel
import Snapshots

/// The place a container writes to, and how much of the disk that takes.
extension NativeContainerizer {
    static func allowance(_ request: ContainerRequest) -> DiskAllowance? {
        let limits = request.limits
        guard limits.limitsDisk else { return nil }
        return DiskAllowance(
            bytesMax: limits.disk, inodesMax: limits.diskInodes,
            backing: limits.diskBacking == .loop ? .image : .quota,
            mayGoWithout: request.isolation.allowedUnenforced.contains("disk"))
    }

    /// The root file system of a container, as `prepareRoot` makes it.
    func rootTree(_ request: ContainerRequest, layers: [String]) -> RootTree {
        var root = snapshots.tree(
            request.id.text, layers: layers, identities: request.isolation.identities.mapping,
            allowance: Self.allowance(request))
        root.label = SecurityLabelIsolator.mountLabel(request.isolation, host)
        return root
    }

    func prepareRoot(_ record: ContainerRecord) throws(Failure) {
        let request = record.request
        let allowance = Self.allowance(request)
        _ = try snapshots.prepare(
            request.id.text, layers: record.layers, identities: request.isolation.identities.mapping,
            allowance: allowance)
        if let allowance, allowance.backing == .quota {
            for volume in request.volumes where volume.countsAsOwn == true && !volume.isFile {
                try snapshots.count(
                    try counted(volume), at: volume.source, for: request.id.text, allowance: allowance)
            }
        }
    }

    /// Undoes `prepareRoot`. Finding nothing is fine.
    func releaseDisk(_ record: ContainerRecord) throws(Failure) {
        if Self.allowance(record.request) != nil {
            for volume in record.request.volumes where volume.countsAsOwn == true && !volume.isFile {
                guard let directory = try stillThere(volume) else { continue }
                try snapshots.discount(directory, at: volume.source, for: record.request.id.text)
            }
        }
        try snapshots.remove(record.request.id.text)
    }

    private func counted(_ volume: VolumeRequest) throws(Failure) -> OwnedDescriptor {
        do throws(KernelError) { return try Self.opened(volume) } catch {
            throw error.failure(
                "disk.cannot-count", doing: "count the volume's files as the container's", on: volume.source,
                remedy: "see that it is a directory, with no link in its place or on its way")
        }
    }

    /// The one that was counted, unless a task has put something else there: then its limit is not ours to find.
    private func stillThere(_ volume: VolumeRequest) throws(Failure) -> OwnedDescriptor? {
        do throws(KernelError) { return try Self.opened(volume) } catch {
            let isElsewhere = [Errno.noEntry, Errno.notDirectory, Errno.tooManyLinks, Errno.crossDevice]
            if isElsewhere.contains(error.errno) { return nil }
            throw error.failure(
                "disk.cannot-change", doing: "take the disk limit away", on: volume.source, retry: .later)
        }
    }

    /// Whoever may write around it could put a link there, and what that leads to would be counted and limited as the
    /// container's own (Docs/Decisions/0093).
    private static func opened(_ volume: VolumeRequest) throws(KernelError) -> OwnedDescriptor {
        try ConfinedPath.open(
            volume.source, beneath: volume.confinedTo, [.directory, .noFollow], followsLinks: false)
    }

    /// Adds what the container's files take, where there is a limit to compare it with.
    func addDisk(of request: ContainerRequest, process: ProcessHandle, to usage: inout ContainerUsage) throws(Failure) {
        guard let allowance = Self.allowance(request) else { return }
        if allowance.backing == .image {
            let space: FilesystemSpace
            do throws(KernelError) { space = try FilesystemSpace.at("/proc/\(process.id)/root") } catch {
                throw error.failure("disk.cannot-measure", doing: "measure the disk of container", on: request.name)
            }
            (usage.diskBytes, usage.diskLimitBytes) = (space.used, space.total)
            (usage.diskInodes, usage.diskInodeLimit) = (space.filesUsed, space.filesTotal)
            return
        }
        guard let use = try snapshots.use(request.id.text) else { return }
        (usage.diskBytes, usage.diskLimitBytes) = (use.bytes, use.bytesMax)
        (usage.diskInodes, usage.diskInodeLimit) = (use.inodes, use.inodesMax)
    }

    /// Changes the disk limits of a running container from `old` to `request`'s.
    func changeDisk(from old: ContainerLimits, to request: ContainerRequest) throws(Failure) {
        let limits = request.limits
        if old.disk == limits.disk, old.diskInodes == limits.diskInodes { return }
        try DiskIsolator.check(limits)
        try snapshots.change(
            request.id.text, to: DiskAllowance(bytesMax: limits.disk, inodesMax: limits.diskInodes))
    }
}
