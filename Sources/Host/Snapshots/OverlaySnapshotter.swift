public import Diagnostics
public import LaunchPlanning
import LinuxKernel

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

    /// What `prepare` gives, without touching anything.
    public func tree(_ name: String, layers: [String]) -> RootTree {
        RootTree(
            assembly: .overlay(
                layers: [targets] + layers, upper: "\(root)/\(name)/upper", work: "\(root)/\(name)/work"),
            attributes: [.noSetuid, .noDevices], mapped: true)
    }

    public func prepare(_ name: String, layers: [String], owner: UInt32) throws(Failure) -> RootTree {
        let directory = "\(root)/\(name)"
        do throws(KernelError) {
            try MountTargets.prepare(at: targets)
            for part in ["upper", "work"] { try Directories.makeAll("\(directory)/\(part)", mode: 0o700) }
            try copyRootMetadata(from: layers, to: "\(directory)/upper", owner: owner)
        } catch {
            throw error.failure(
                "snapshot.cannot-prepare", doing: "make the container's writable layer", on: directory,
                remedy: "see that the store's file system is writable and has room")
        }
        return tree(name, layers: layers)
    }

    /// The merged root shows the upper directory's own mode and owner, so it gets those of the topmost layer's root.
    private func copyRootMetadata(
        from layers: [String], to upper: String, owner: UInt32
    ) throws(KernelError) {
        let target = try OwnedDescriptor.open(RawPath(upper), [.directory])
        guard let top = layers.last else {
            try target.changeOwner(uid: owner, gid: owner)
            return try target.changeMode(0o755)
        }
        let model = try LayerRoot.metadata(of: top)
        try target.changeOwner(uid: owner + model.uid, gid: owner + model.gid)
        try target.changeMode(model.mode)
        try target.setModified(seconds: model.modifiedSeconds, nanoseconds: model.modifiedNanoseconds)
    }

    public func remove(_ name: String) throws(Failure) {
        do throws(KernelError) {
            try TreeRemoval.remove("\(root)/\(name)")
        } catch {
            throw error.failure(
                "snapshot.cannot-remove", doing: "remove the container's writable layer", on: "\(root)/\(name)",
                retry: .later)
        }
    }
}
