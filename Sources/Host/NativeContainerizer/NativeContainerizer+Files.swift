public import Containers
public import Diagnostics
import LaunchPlanning
import LinuxKernel
import Snapshots

extension NativeContainerizer {
    /// Regular files of an image, by paths in it, as a container of it would see them first; nil for one that is not
    /// there. Links are followed inside the image only, and nothing but a regular file of at most `limit`
    /// bytes is read.
    /// - Throws: `image.unreadable-file`.
    public func imageFiles(_ paths: [String], layers: [String], limit: Int) throws(Failure) -> [[UInt8]?] {
        if layers.isEmpty { return paths.map { _ in nil } }
        return try reading(paths) { () throws(KernelError) in
            try MountWorkshop.run { () throws(KernelError) in
                try ConfinedFiles.read(paths, in: try imageTree(layers), limit: limit)
            }
        }
    }

    /// The same of a running container, as its processes see them now.
    public func containerFiles(_ paths: [String], of id: ContainerID, limit: Int) throws(Failure) -> [[UInt8]?] {
        let process = try running(id, to: "read files of")
        do throws(Failure) {
            return try reading(paths) { () throws(KernelError) in
                let root = try OwnedDescriptor.open(RawPath("/proc/\(process.id)/root"), [.path, .directory])
                guard try !process.hasEnded() else {
                    throw KernelError(call: "enter", on: "container \(id)", errno: Errno.noProcess)
                }
                return try ConfinedFiles.read(paths, in: root, limit: limit)
            }
        } catch {
            throw explained(error, process, doing: "read files of container", on: id.text)
        }
    }

    private func reading(
        _ paths: [String], _ body: () throws(KernelError) -> [[UInt8]?]
    ) throws(Failure) -> [[UInt8]?] {
        do throws(KernelError) { return try body() } catch {
            throw error.failure(
                "image.unreadable-file", doing: "read \(paths.joined(separator: " and "))",
                remedy: "give --user as numbers if the image's accounts cannot be read")
        }
    }

    /// Shows an image read-only at `target`, a directory of the host, until `unmountImage`.
    /// - Throws: `image.cannot-mount`.
    public func mountImage(layers: [String], at target: String) throws(Failure) {
        try records.prepare()
        do throws(KernelError) {
            let tree = try MountWorkshop.run { () throws(KernelError) in try imageTree(layers) }
            try tree.attachMount(at: target)
        } catch {
            throw error.failure(
                "image.cannot-mount", doing: "mount the image at", on: target,
                remedy: error.errno == Errno.noEntry ? "make the directory first" : nil)
        }
    }

    /// A read-only view of an image's layers, attached nowhere. Must run in a `MountWorkshop`.
    private func imageTree(_ layers: [String]) throws(KernelError) -> OwnedDescriptor {
        // An overlay without a writable directory wants at least two layers.
        let tree = RootTree(
            assembly: layers.count == 1 ? .directory(layers[0]) : .readOnlyOverlay(layers: layers),
            attributes: [.readOnly, .noSetuid, .noDevices], mapped: false)
        return try RootAssembly.assemble(tree, store: places.store, place: places.workshop) { nil }
    }
}

/// Files below a directory that strangers filled.
enum ConfinedFiles {
    static func read(_ paths: [String], in root: OwnedDescriptor, limit: Int) throws(KernelError) -> [[UInt8]?] {
        var result: [[UInt8]?] = []
        for path in paths { result.append(try read(path, in: root, limit: limit)) }
        return result
    }

    private static func read(_ path: String, in root: OwnedDescriptor, limit: Int) throws(KernelError) -> [UInt8]? {
        do throws(KernelError) {
            return try root.openRegular(RawPath(path)).readAll(limit: limit)
        } catch {
            if error.errno == Errno.noEntry || error.errno == Errno.notDirectory { return nil }
            throw error
        }
    }
}
