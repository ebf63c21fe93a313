import Containerizing
import Containers
import Diagnostics
import Isolation
import LaunchPlanning
import LinuxKernel
import Snapshots

/// Opens what a plan's descriptors stand for, just before the launcher gets them. Runs inside a `MountWorkshop`.
struct DescriptorOpener: Sendable {
    let places: Places
    let identities: IdentityRange
    let group: String?
    let exitRecord: String
    let logs: [String]
    /// What the caller gave as the container's 0, 1 and 2.
    let streams: [Int: OwnedDescriptor]
    let process: OwnedDescriptor?

    /// One descriptor for each of the plan's, in order. What the container's user namespace maps is opened last and
    /// asks for it, maps written, by `userNamespace`: until then the container may still be in the making. An exec,
    /// which maps nothing, has none.
    func open(
        _ plan: LaunchPlan, userNamespace: () throws(KernelError) -> OwnedDescriptor?
    ) throws(KernelError) -> [OwnedDescriptor] {
        let sources = plan.descriptors.values
        let label = plan.mountLabel
        var made = MadeFiles(place: places.workshop, identities: identities, label: label)
        var opened: [OwnedDescriptor?] = []
        for (index, source) in sources.enumerated() {
            if source.isMapped {
                opened.append(nil)
            } else if let file = try made.make(source, index) {
                opened.append(file)
            } else if case .deviceTree(let nodes, let bytesMax) = source {
                opened.append(try DeviceTree.make(nodes, bytesMax: bytesMax, owner: identities.base, label: label))
            } else {
                opened.append(try open(source))
            }
        }
        var result: [OwnedDescriptor] = []
        for (source, descriptor) in zip(sources, opened) {
            if let descriptor { result.append(descriptor) } else {
                result.append(try openMapped(source, userNamespace))
            }
        }
        return result
    }

    private func openMapped(
        _ source: DescriptorSource, _ userNamespace: () throws(KernelError) -> OwnedDescriptor?
    ) throws(KernelError) -> OwnedDescriptor {
        switch source {
        case .rootTree(let tree):
            return try RootAssembly.assemble(
                tree, store: places.store, place: places.workshop, userNamespace: userNamespace)
        case .hostTree(let path, let kind, let attributes, let recursive, _, let root):
            return try hostTree(
                path, beneath: root, kind, attributes, recursive: recursive, mappedBy: try userNamespace())
        default: return try open(source)
        }
    }

    private func open(_ source: DescriptorSource) throws(KernelError) -> OwnedDescriptor {
        switch source {
        case .hostTree(let path, let kind, let attributes, let recursive, _, let root):
            return try hostTree(path, beneath: root, kind, attributes, recursive: recursive, mappedBy: nil)
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
            let file = try ConfinedPath.openRegular(
                path, beneath: root, [.writeOnly, .create, .append, .noFollow, .nonBlocking], mode: 0o644)
            // Init cannot say so later, and the disk would fill.
            if isLimited { try file.checkHoles() }
            return file
        case .stream(let number):
            guard let stream = streams[number] else {
                throw KernelError(call: "pass standard stream \(number)", errno: Errno.invalid)
            }
            return stream
        case .bundleTree, .bundleNode, .memory, .startSocket, .directory, .inherited:
            throw KernelError(call: "open what only a bundle has", errno: Errno.invalid)
        case .nullDevice:
            throw KernelError(call: "make", on: "null", errno: Errno.invalid)
        case .deviceTree:
            throw KernelError(call: "make", on: "dev", errno: Errno.invalid)
        case .rootTree:
            throw KernelError(call: "open the root without its user namespace", errno: Errno.invalid)
        case .generatedFile(let name, _, _), .secretFile(let name, _, _, _, _):
            throw KernelError(call: "make", on: name, errno: Errno.invalid)
        }
    }

    /// The path is resolved once; the tree is taken from what was found, whatever happens to the name afterwards.
    private func hostTree(
        _ path: String, beneath root: String?, _ kind: TargetKind, _ attributes: MountAttributes, recursive: Bool,
        mappedBy userNamespace: OwnedDescriptor?
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
                set: attributes.rawValue, recursive: recursive, userNamespace: userNamespace)
            return tree
        } catch {
            throw KernelError(call: error.call, on: path, errno: error.errno)
        }
    }
}

/// Files that are made for one container, on file systems of their own.
private struct MadeFiles {
    let place: String
    let identities: IdentityRange
    let label: String?
    private var files: GeneratedFiles?
    private var secrets: SecretFiles?

    init(place: String, identities: IdentityRange, label: String?) {
        (self.place, self.identities, self.label) = (place, identities, label)
    }

    /// Nil for a source that is not such a file.
    mutating func make(_ source: DescriptorSource, _ number: Int) throws(KernelError) -> OwnedDescriptor? {
        switch source {
        case .generatedFile(let name, let contents, let mode):
            return try generated().make(name, contents: contents, mode: mode)
        case .nullDevice:
            return try generated().makeNullDevice()
        case .secretFile(_, let value, let uid, let gid, let mode):
            let made: SecretFiles
            if let secrets { made = secrets } else {
                made = try SecretFiles(place: place, identities: identities, label: label)
            }
            secrets = made
            return try made.make(number, value, uid: uid, gid: gid, mode: mode)
        default: return nil
        }
    }

    private mutating func generated() throws(KernelError) -> GeneratedFiles {
        if let files { return files }
        let made = try GeneratedFiles(place: place, owner: identities.base, label: label)
        files = made
        return made
    }
}

extension DescriptorSource {
    /// Whether it can be opened only when the container's user namespace is there.
    fileprivate var isMapped: Bool {
        switch self {
        case .rootTree: true
        case .hostTree(_, _, _, _, let mapped, _): mapped
        default: false
        }
    }
}

enum KernelAttributes {
    static let mask = MountAttributes([.readOnly, .noSetuid, .noExecute]).rawValue
    static let readOnlyView = MountAttributes([.readOnly, .noSetuid, .noDevices, .noExecute]).rawValue
}
