import Diagnostics
import LaunchPlanning
import LinuxKernel

/// Opens what a bundle's plan names, just before the launcher gets it.
struct BundleOpener {
    /// The container's directory, where the socket to be started by is made.
    let place: OwnedDescriptor
    /// The container's, maps written, for mounts that are mapped through it.
    let userNamespace: OwnedDescriptor?
    /// The container's, maps written.
    let process: Int32?
    /// Texts by name, such as the state hooks get.
    let texts: [String: String]

    func open(_ plan: LaunchPlan) throws(Failure) -> [OwnedDescriptor] {
        var result: [OwnedDescriptor] = []
        do throws(KernelError) {
            for source in plan.descriptors.values {
                if case .bundleNode(let node) = source {
                    result.append(try make(node, result.count))
                } else {
                    result.append(try open(source))
                }
            }
        } catch {
            throw error.failure("bundle.cannot-open", doing: "open what the container is to see")
        }
        return result
    }

    /// Below the container's directory, closed to others, until that is removed; `index` is no other node's.
    private func make(_ node: NodeRequest, _ index: Int) throws(KernelError) -> OwnedDescriptor {
        do throws(KernelError) { try place.makeDirectory("nodes", mode: 0o700) } catch {
            if error.errno != Errno.exists { throw error }
        }
        let maps = "/proc/\(process.map(String.init) ?? "self")"
        let directory = try place.open("nodes", [.directory, .noFollow])
        let name = RawPath("\(index)")
        try directory.makeNode(
            name, kind: node.kind == .block ? .block : .character, mode: 0, major: node.major, minor: node.minor)
        try directory.changeOwner(
            of: name, uid: try MapHolder.outside(node.uid, "\(maps)/uid_map"),
            gid: try MapHolder.outside(node.gid, "\(maps)/gid_map"))
        try directory.changeMode(of: name, node.mode)
        let tree = try directory.open(name, [.path, .noFollow]).detachedTree(recursive: false)
        // Where states are kept, no device may be usable.
        try tree.setMountAttributes(
            set: MountAttributes([.noSetuid, .noExecute]).rawValue, clear: MountAttributes.noDevices.rawValue)
        return tree
    }

    private func open(_ source: DescriptorSource) throws(KernelError) -> OwnedDescriptor {
        switch source {
        case .bundleTree(let tree): return try open(tree)
        case .memory(let name, _):
            let file = try OwnedDescriptor.memoryFile("bulkhead-\(name)")
            try file.write(texts[name] ?? "")
            return file
        case .startSocket: return try place.listenForPackets(as: BundleStart.socketName)
        case .inherited(let number): return try OwnedDescriptor.inherited(Int32(number))
        case .stream(let number):
            return try OwnedDescriptor.standardStream(Int32(number))
        case .nullDevice:
            let tree = try OwnedDescriptor.detachedTree(at: "/dev/null")
            try tree.setMountAttributes(set: MountAttributes([.readOnly, .noSetuid, .noExecute]).rawValue)
            return tree
        case .namespace(BundleNamespaces.ownTime):
            guard let process else { throw KernelError(call: "find the new time namespace", errno: Errno.noProcess) }
            return try OwnedDescriptor.open(RawPath("/proc/\(process)/ns/\(BundleNamespaces.ownTime)"))
        case .directory(let path): return try OwnedDescriptor.open(RawPath(path), [.path, .directory])
        case .namespace(let path): return try OwnedDescriptor.open(RawPath(path))
        default: throw KernelError(call: "open what no bundle has", errno: Errno.invalid)
        }
    }

    private func open(_ tree: BundleTree) throws(KernelError) -> OwnedDescriptor {
        do throws(KernelError) {
            let flags: OpenFlags = tree.isLinkItself ? [.path, .noFollow] : [.path]
            let copy = try OwnedDescriptor.open(RawPath(tree.path), flags).detachedTree(recursive: tree.recursive)
            if tree.propagation != .shared {
                try copy.setMountPropagation(tree.propagation.rawValue, recursive: tree.propagatesRecursively)
            }
            try setAttributes(tree, on: copy)
            try map(tree, copy)
            return copy
        } catch {
            throw KernelError(call: error.call, on: tree.path, errno: error.errno)
        }
    }

    private func setAttributes(_ tree: BundleTree, on copy: OwnedDescriptor) throws(KernelError) {
        if !tree.recursiveSet.isEmpty || !tree.recursiveClear.isEmpty {
            try copy.setMountAttributes(
                set: tree.recursiveSet.rawValue, clear: tree.recursiveClear.rawValue, recursive: true)
        }
        if !tree.set.isEmpty || !tree.clear.isEmpty {
            try copy.setMountAttributes(set: tree.set.rawValue, clear: tree.clear.rawValue)
        }
    }

    private func map(_ tree: BundleTree, _ copy: OwnedDescriptor) throws(KernelError) {
        switch tree.idmap {
        case .none: break
        case .container(let recursive):
            try copy.setMountAttributes(set: 0, recursive: recursive, userNamespace: userNamespace)
        case .maps(let users, let groups, let recursive):
            let namespace = try MapHolder.userNamespace(users: users, groups: groups)
            try copy.setMountAttributes(set: 0, recursive: recursive, userNamespace: namespace)
        }
    }
}

/// A user namespace that nobody lives in: it exists for its maps.
enum MapHolder {
    static func userNamespace(users: [IDMapping], groups: [IDMapping]) throws(KernelError) -> OwnedDescriptor {
        guard let launcher = LauncherImage.any else {
            throw KernelError(call: "make a user namespace", errno: Errno.invalid)
        }
        let (ours, theirs) = try OwnedDescriptor.packetPair()
        let process = try LauncherProcess.start(
            launcher: launcher.descriptor, flags: NamespaceSet.user.rawValue, cgroup: nil, descriptors: [nil, theirs])
        defer { withExtendedLifetime(ours) {} }
        try TextFile.write(text(users), to: "/proc/\(process.id)/uid_map")
        try TextFile.write(text(groups), to: "/proc/\(process.id)/gid_map")
        let namespace = try OwnedDescriptor.open(RawPath("/proc/\(process.id)/ns/user"))
        try process.signal(SignalNumber.kill)
        _ = try process.reap()
        return namespace
    }

    /// The id on the host of one in the user namespace whose map this file is, user_namespaces(7).
    static func outside(_ id: UInt32, _ file: String) throws(KernelError) -> UInt32 {
        for line in try TextFile.read(file).cut(at: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace).compactMap { UInt32($0) }
            guard words.count == 3 else { continue }
            let map = IDMapping(inside: words[0], outside: words[1], count: words[2])
            if let host = map.hostID(of: id) { return host }
        }
        throw KernelError(call: "find the owner \(id) of a device in", on: file, errno: Errno.invalid)
    }

    static func text(_ map: [IDMapping]) -> String {
        map.map { "\($0.inside) \($0.outside) \($0.count)\n" }.joined()
    }
}
