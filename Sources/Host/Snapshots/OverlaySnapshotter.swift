public import Diagnostics
public import LaunchPlanning
public import LinuxKernel

/// overlayfs: the layers read-only below, a directory of the container's own above.
public struct OverlaySnapshotter: Snapshotter {
    /// Directory with one directory a container; on the same file system as the layers.
    private let root: String
    /// The layer of `MountTargets`; on the same file system too.
    private let targets: String

    public init(root: String, targets: String) {
        self.root = root
        self.targets = targets
    }

    private func upper(_ name: String) -> String { "\(root)/\(name)/upper" }
    private func work(_ name: String) -> String { "\(root)/\(name)/work" }
    private func image(_ name: String) -> String { "\(root)/\(name)/disk.image" }

    /// What `prepare` gives, without touching anything.
    public func tree(
        _ name: String, layers: [String], identities: IDMapping, allowance: DiskAllowance? = nil
    ) -> RootTree {
        let below = [targets] + layers
        return RootTree(
            assembly: allowance?.backing == .image
                ? .loopOverlay(layers: below, image: image(name), identities: identities)
                : .overlay(layers: below, upper: upper(name), work: work(name)),
            attributes: [.noSetuid, .noDevices], mapped: true)
    }

    public func prepare(
        _ name: String, layers: [String], identities: IDMapping, allowance: DiskAllowance? = nil
    ) throws(Failure) -> RootTree {
        do throws(KernelError) {
            try MountTargets.prepare(at: targets)
            if let allowance, allowance.backing == .image { try makeImage(name, allowance) } else {
                for part in [upper(name), work(name)] { try Directories.makeAll(part, mode: 0o700) }
                try UpperDirectory.copyMetadata(of: layers.last, to: upper(name), identities: identities)
            }
        } catch {
            throw error.failure(
                "snapshot.cannot-prepare", doing: "make the container's writable layer", on: "\(root)/\(name)",
                remedy: "see that the store's file system is writable and has room",
                retry: error.errno == Errno.timedOut ? .later : .never)
        }
        if let allowance, allowance.backing == .quota { try limit(name, to: allowance) }
        return tree(name, layers: layers, identities: identities, allowance: allowance)
    }

    private func makeImage(_ name: String, _ allowance: DiskAllowance) throws(KernelError) {
        try Directories.makeAll("\(root)/\(name)", mode: 0o700)
        let bytes = max(FilesystemImage.bytesMin, allowance.bytesMax ?? FilesystemImage.bytesMin)
        try FilesystemImage.make(at: image(name), bytes: bytes, inodes: allowance.inodesMax)
    }

    /// Both directories in one project: overlayfs moves files from one to the other.
    private func limit(_ name: String, to allowance: DiskAllowance) throws(Failure) {
        do throws(KernelError) {
            let upper = try OwnedDescriptor.open(RawPath(upper(name)), [.directory])
            let state = upper.projectQuotaState()
            guard state == .enforced else {
                if allowance.mayGoWithout { return }
                throw KernelError(
                    call: state == .counted ? "limits of projects are not held: quotactl" : "quotactl",
                    errno: Errno.notSupported)
            }
            let project = try ProjectLease.take(for: upper)
            try OwnedDescriptor.open(RawPath(work(name)), [.directory]).setProject(project, inherited: true)
            try upper.setQuota(
                ofProject: project, bytesMax: allowance.bytesMax ?? 0, inodesMax: allowance.inodesMax ?? 0)
        } catch {
            throw Self.notEnforced(error, on: root)
        }
    }

    private static func notEnforced(_ error: KernelError, on path: String) -> Failure {
        Failure(
            "disk.not-enforced", doing: "limit the disk the container takes", on: path,
            cause: "its file system does not hold projects to quotas (\(error))",
            remedy: "mount it with the option prjquota (ext4 first needs tune2fs -O project,quota), or give the "
                + "container a file system of its own with --disk-backing loop, or accept it unenforced with "
                + "--allow-unenforced disk", field: "disk")
    }

    /// What overlayfs itself leaves in the work directory of a layer that nobody wrote to, the innermost first. Nothing
    /// of it is in a place where a container can put anything, links least of all: only `upper` is, and a directory
    /// goes when it is empty.
    private static let unused: [RawPath] = ["work/incompat/volatile", "work/incompat", "work"]

    /// Most layers are not written to, and these names are taken away quicker than they are found. What is not there,
    /// or not empty, is left to the search.
    private func removeUnused(_ name: String) {
        do throws(KernelError) {
            let folder = try OwnedDescriptor.open(RawPath("\(root)/\(name)"), [.directory, .noFollow])
            let work = try folder.open("work", [.directory, .noFollow])
            try work.unlink("work/incompat/volatile/dirty")
            for part in Self.unused { try work.removeDirectory(part) }
            try folder.removeDirectory("work")
            try folder.removeDirectory("upper")
        } catch {}
    }

    public func remove(_ name: String) throws(Failure) {
        do throws(KernelError) {
            // While the directory is there it says whose limits these were.
            try ProjectLease.release(upper(name))
            removeUnused(name)
            try TreeRemoval.remove("\(root)/\(name)")
        } catch {
            throw error.failure(
                "snapshot.cannot-remove", doing: "remove the container's writable layer", on: "\(root)/\(name)",
                retry: .later)
        }
    }
}

/// The disk a container takes, while it is there.
extension OverlaySnapshotter {
    /// Says, where no task can forge it, which container's limits a directory on another file system is under.
    private static let mark = RawPath("trusted.bulkhead.disk")

    private static func isMarked(_ directory: OwnedDescriptor, _ name: String) throws(KernelError) -> Bool {
        guard try directory.attributeNames().contains(mark) else { return false }
        return try directory.attribute(mark) == Array(name.utf8)
    }

    /// What is in `directory` counts as the container's from now on, under the limits of its writable layer: together
    /// with it where both are on one file system, else as much again.
    public func count(
        _ directory: OwnedDescriptor, at path: String, for name: String, allowance: DiskAllowance
    ) throws(Failure) {
        do throws(KernelError) {
            let upper = try OwnedDescriptor.open(RawPath(upper(name)), [.directory])
            guard directory.projectQuotaState() == .enforced else {
                if allowance.mayGoWithout { return }
                throw KernelError(call: "quotactl", errno: Errno.notSupported)
            }
            let isOne = try upper.status().device == directory.status().device
            // One inside another's has that one's project already, which is not this container's.
            let project =
                try isOne
                ? upper.project() : ProjectLease.take(for: directory, anew: !Self.isMarked(directory, name))
            guard ProjectLease.isOurs(project) else { return }
            if !isOne { try directory.setAttribute(Self.mark, to: Array(name.utf8)) }
            try ProjectLease.adopt(directory, into: project)
            if isOne { return }
            try directory.setQuota(
                ofProject: project, bytesMax: allowance.bytesMax ?? 0, inodesMax: allowance.inodesMax ?? 0)
        } catch {
            throw Self.notEnforced(error, on: path)
        }
    }

    /// Takes the limits of a directory that counted away; it stays in its project. Idempotent. Where it shared those of
    /// the writable layer they go with that; another's directory, put in its place, keeps its own.
    public func discount(_ directory: OwnedDescriptor, at path: String, for name: String) throws(Failure) {
        do throws(KernelError) {
            guard directory.projectQuotaState() != .none, try Self.isMarked(directory, name) else { return }
            try ProjectLease.release(directory)
        } catch {
            throw error.failure("disk.cannot-change", doing: "take the disk limit away", on: path, retry: .later)
        }
    }

    /// What the container's files take; nil without a limit that quotas hold.
    public func use(_ name: String) throws(Failure) -> DiskUse? {
        do throws(KernelError) { return try ProjectLease.quota(of: upper(name)).map(DiskUse.init) } catch {
            throw error.failure("disk.cannot-measure", doing: "measure the disk the container takes", on: name)
        }
    }

    /// Changes the limits of a container that has some.
    public func change(_ name: String, to allowance: DiskAllowance) throws(Failure) {
        let isChanged: Bool
        do throws(KernelError) { isChanged = try changed(name, allowance) } catch {
            throw error.failure("disk.cannot-change", doing: "change the disk limit of container", on: name)
        }
        if isChanged { return }
        throw Failure(
            "disk.cannot-change", doing: "change the disk limit of container", on: name,
            cause: "quotas do not hold it: it was started without a limit, or with a file system of its own",
            remedy: "start another container with --disk", field: "disk")
    }

    private func changed(_ name: String, _ allowance: DiskAllowance) throws(KernelError) -> Bool {
        guard let upper = try ProjectLease.opened(upper(name)), upper.projectQuotaState() != .none else { return false }
        let project = try upper.project()
        guard ProjectLease.isOurs(project) else { return false }
        try upper.setQuota(
            ofProject: project, bytesMax: allowance.bytesMax ?? 0, inodesMax: allowance.inodesMax ?? 0)
        return true
    }
}
