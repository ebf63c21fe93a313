import Containerizing
import Diagnostics
import Isolation
import LaunchPlanning
import LinuxKernel

/// Opens what a plan's descriptors stand for, just before the launcher gets them. Runs inside a `MountWorkshop`.
struct DescriptorOpener: Sendable {
    let places: Places
    /// The container's, maps written; nil for an exec, which maps nothing.
    let userNamespace: OwnedDescriptor?
    /// Host id of the container's root.
    let rootID: UInt32
    let group: String?
    let exitRecord: String
    let logs: [String]
    /// What the caller gave as the container's 0, 1 and 2.
    let streams: [Int: OwnedDescriptor]
    let process: OwnedDescriptor?

    /// One descriptor for each of the plan's, in order.
    func open(_ plan: LaunchPlan) throws(KernelError) -> [OwnedDescriptor] {
        var files: GeneratedFiles?
        var secrets: SecretFiles?
        var result: [OwnedDescriptor] = []
        for source in plan.descriptors.values {
            if case .generatedFile(let name, let contents, let mode) = source {
                result.append(try generated(&files).make(name, contents: contents, mode: mode))
            } else if case .nullDevice = source {
                result.append(try generated(&files).makeNullDevice())
            } else if case .secretFile(_, let value, let uid, let gid, let mode) = source {
                let made: SecretFiles
                if let secrets { made = secrets } else { made = try SecretFiles(place: places.workshop, owner: rootID) }
                secrets = made
                result.append(try made.make(result.count, value, uid: uid, gid: gid, mode: mode))
            } else {
                result.append(try open(source))
            }
        }
        return result
    }

    private func generated(_ files: inout GeneratedFiles?) throws(KernelError) -> GeneratedFiles {
        if let files { return files }
        let made = try GeneratedFiles(place: places.workshop, owner: rootID)
        files = made
        return made
    }

    private func open(_ source: DescriptorSource) throws(KernelError) -> OwnedDescriptor {
        switch source {
        case .rootTree(let tree):
            return try RootTreeOpening.open(tree, self)
        case .hostTree(let path, let kind, let attributes, let recursive, let mapped, let root):
            return try hostTree(path, beneath: root, kind, attributes, recursive: recursive, mapped: mapped)
        case .deviceTree(let nodes, let bytesMax):
            return try DeviceTree.make(nodes, bytesMax: bytesMax, owner: rootID)
        case .controlGroupTree:
            guard let group else { throw KernelError(call: "open the container's cgroup", errno: Errno.noEntry) }
            let tree = try OwnedDescriptor.detachedTree(at: group)
            try tree.setMountAttributes(set: KernelAttributes.readOnlyView)
            return tree
        case .namespace(let path):
            return try OwnedDescriptor.open(RawPath(path))
        case .containerProcess:
            guard let process else { throw KernelError(call: "join the container", errno: Errno.noProcess) }
            return process
        case .exitRecord:
            let file = try OwnedDescriptor.open(RawPath(exitRecord), [.writeOnly, .create, .noFollow], mode: 0o600)
            // Room for the record is taken now: when the task ends there may be none.
            try file.write([UInt8](repeating: 0, count: ExitRecord.byteCount))
            return file
        case .log(let number):
            return try OwnedDescriptor.open(RawPath(logs[number]), [.readWrite, .create, .noFollow], mode: 0o600)
        case .outputFile(let path, let isLimited, let root):
            // Not blocking: a pipe that somebody put there would wait for a reader.
            let file = try ConfinedPath.open(
                path, beneath: root, [.writeOnly, .create, .append, .noFollow, .nonBlocking], mode: 0o644)
            guard try file.status().kind == .regular else {
                throw KernelError(call: "not a regular file: open", on: path, errno: Errno.invalid)
            }
            // Init cannot say so later, and the disk would fill.
            if isLimited { try file.checkHoles() }
            return file
        case .stream(let number):
            guard let stream = streams[number] else {
                throw KernelError(call: "pass standard stream \(number)", errno: Errno.invalid)
            }
            return stream
        case .bundleTree, .memory, .startSocket, .inherited:
            throw KernelError(call: "open what only a bundle has", errno: Errno.invalid)
        case .nullDevice:
            throw KernelError(call: "make", on: "null", errno: Errno.invalid)
        case .generatedFile(let name, _, _), .secretFile(let name, _, _, _, _):
            throw KernelError(call: "make", on: name, errno: Errno.invalid)
        }
    }

    /// The path is resolved once; the tree is taken from what was found, whatever happens to the name afterwards.
    private func hostTree(
        _ path: String, beneath root: String?, _ kind: TargetKind, _ attributes: MountAttributes, recursive: Bool,
        mapped: Bool
    ) throws(KernelError) -> OwnedDescriptor {
        let place = try ConfinedPath.open(path, beneath: root)
        // Links and ".." may lead where the path's text does not say; a container can make links in its volumes.
        if let found = HostFacts.linkTarget(place.procPath), found != path,
            VolumeIsolator.openingTheHost(found) != nil
        {
            throw KernelError(call: "open (it leads to \(found))", on: path, errno: Errno.notPermitted)
        }
        let isDirectory = try place.status().kind == .directory
        guard isDirectory == (kind == .directory) else {
            throw KernelError(call: "open", on: path, errno: isDirectory ? Errno.isDirectory : Errno.notDirectory)
        }
        do throws(KernelError) {
            let tree = try place.detachedTree(recursive: recursive)
            try tree.setMountAttributes(
                set: attributes.rawValue, recursive: recursive, userNamespace: mapped ? userNamespace : nil)
            return tree
        } catch {
            throw KernelError(call: error.call, on: path, errno: error.errno)
        }
    }
}

enum KernelAttributes {
    static let mask = MountAttributes([.readOnly, .noSetuid, .noExecute]).rawValue
    static let readOnlyView = MountAttributes([.readOnly, .noSetuid, .noDevices, .noExecute]).rawValue
}
