import Containers
import Diagnostics
import Isolation
import LaunchPlanning
import LinuxKernel

/// The small files of a container (hosts, hostname, resolv.conf, what covers masked files) on one small tmpfs, so that
/// a container that fills one of them fills only that. Lives in the mount workshop until its files have been taken out.
struct GeneratedFiles: Sendable {
    private let place: String
    private let owner: UInt32
    private let directory: OwnedDescriptor

    /// `label`: what SELinux takes its files for.
    init(place: String, owner: UInt32, label: String?) throws(KernelError) {
        self.place = place
        self.owner = owner
        let context = try FilesystemContext("tmpfs")
        if let label { try context.set("context", label) }
        try context.set("size", "1048576")
        try context.set("nr_inodes", "32")
        directory = try context.mount(attributes: 0)
        try directory.attachMount(at: place)
    }

    /// A detached mount of one new file.
    func make(_ name: String, contents: String, mode: UInt32) throws(KernelError) -> OwnedDescriptor {
        let file = try directory.open(RawPath(name), [.writeOnly, .create, .exclusive], mode: mode)
        try file.write(contents)
        try file.changeOwner(uid: owner, gid: owner)
        try file.changeMode(mode)
        // By the descriptor: other mounts may cover the place by now.
        let tree = try file.detachedTree()
        try tree.setMountAttributes(set: MountAttributes([.noSetuid, .noDevices, .noExecute]).rawValue)
        return tree
    }

    /// A detached mount of a null device of the container's own, to cover files with. The host's is the same file for
    /// everybody: one container could lock it (flock(2)), and watch when others open it (inotify(7)).
    func makeNullDevice() throws(KernelError) -> OwnedDescriptor {
        try directory.makeNode("null", kind: .character, mode: 0o444, major: 1, minor: 3)
        let tree = try directory.open("null", [.path, .noFollow]).detachedTree()
        try tree.setMountAttributes(set: KernelAttributes.mask)
        return tree
    }
}

/// The secrets of a container, on one ramfs, whose pages the kernel never writes to swap. Lives in the mount workshop
/// until its files have been taken out; each is its own read-only mount.
struct SecretFiles: Sendable {
    private let identities: IdentityRange
    private let directory: OwnedDescriptor

    init(place: String, identities: IdentityRange, label: String?) throws(KernelError) {
        self.identities = identities
        let context = try FilesystemContext("ramfs")
        if let label { try context.set("context", label) }
        try context.set("mode", "700")
        directory = try context.mount(attributes: 0)
        try directory.attachMount(at: place)
    }

    /// A detached mount of one new file. Its name tells nothing: the container reads it in its mountinfo.
    func make(
        _ number: Int, _ value: SecretValue, uid: UInt32, gid: UInt32, mode: UInt32
    ) throws(KernelError) -> OwnedDescriptor {
        guard let owner = identities.outside(uid), let group = identities.outside(gid) else {
            throw KernelError(
                call: "give a secret to \(uid):\(gid), whom the container does not have", errno: Errno.overflow)
        }
        let file = try directory.open(RawPath("\(number)"), [.writeOnly, .create, .exclusive], mode: 0)
        try value.reveal { bytes throws(KernelError) in try file.write(bytes) }
        try file.changeOwner(uid: owner, gid: group)
        try file.changeMode(mode)
        let tree = try file.detachedTree()
        try tree.setMountAttributes(set: KernelAttributes.readOnlyView)
        return tree
    }
}

/// A container's /dev: a tmpfs made by the host, so that its device nodes work inside a user namespace.
enum DeviceTree {
    static func make(
        _ nodes: [DeviceNode], bytesMax: UInt64, owner: UInt32, label: String?
    ) throws(KernelError) -> OwnedDescriptor {
        let context = try FilesystemContext("tmpfs")
        if let label { try context.set("context", label) }
        try context.set("mode", "755")
        for (key, value) in MemoryFilesystem.limits(bytesMax: bytesMax) { try context.set(key, value) }
        let tree = try context.mount(attributes: MountAttributes([.noSetuid, .noExecute]).rawValue)
        for node in nodes { try make(node, in: tree, owner: owner) }
        try tree.changeOwner(of: ".", uid: owner, gid: owner)
        return tree
    }

    private static func make(_ node: DeviceNode, in tree: OwnedDescriptor, owner: UInt32) throws(KernelError) {
        let name: RawPath
        switch node {
        case .character(let text, let major, let minor, let mode):
            name = RawPath(text)
            try makeParents(of: text, in: tree, owner: owner)
            try tree.makeNode(name, kind: .character, mode: mode, major: major, minor: minor)
            try setMode(mode, of: name, in: tree)
        case .block(let text, let major, let minor, let mode):
            name = RawPath(text)
            try makeParents(of: text, in: tree, owner: owner)
            try tree.makeNode(name, kind: .block, mode: mode, major: major, minor: minor)
            try setMode(mode, of: name, in: tree)
        case .link(let text, let target):
            name = RawPath(text)
            try tree.makeLink(name, to: RawPath(target))
        case .directory(let text, let mode):
            name = RawPath(text)
            try tree.makeDirectory(name, mode: mode)
            try setMode(mode, of: name, in: tree)
        }
        try tree.changeOwner(of: name, uid: owner, gid: owner)
    }

    /// mknod(2) and mkdir(2) take the umask off; what the plan says is meant as it stands.
    private static func setMode(_ mode: UInt32, of name: RawPath, in tree: OwnedDescriptor) throws(KernelError) {
        try tree.changeMode(of: name, mode)
    }

    private static func makeParents(
        of name: String, in tree: OwnedDescriptor, owner: UInt32
    ) throws(KernelError) {
        let components = name.cut(at: "/")
        for count in 1..<max(1, components.count) {
            let parent = RawPath(components[..<count].joined(separator: "/"))
            if try tree.exists(parent) { continue }
            try tree.makeDirectory(parent, mode: 0o755)
            try tree.changeOwner(of: parent, uid: owner, gid: owner)
        }
    }
}
