public import LaunchPlanning
public import LinuxKernel

/// Carries a `RootTree` out: a detached mount that is attached nowhere yet.
///
/// Must run in a `MountWorkshop`: the layers are attached there for a moment, below a tmpfs at `place`, under names so
/// short that 127 of them fit the 4,096 bytes mount(2) takes. The options a container can read in its own mountinfo
/// then name no path of the host either.
public enum RootAssembly {
    private static let store = "s"
    private static let merged = "m"

    /// `store` is the directory all paths of the tree are below. `userNamespace` maps owners when the tree is mapped.
    public static func assemble(
        _ tree: RootTree, store storePath: String, userNamespace: OwnedDescriptor?, place: String
    ) throws(KernelError) -> OwnedDescriptor {
        let namespace = tree.mapped ? userNamespace : nil
        if case .directory(let path) = tree.assembly {
            let copy = try OwnedDescriptor.detachedTree(at: path)
            try copy.setMountAttributes(set: tree.attributes.rawValue, userNamespace: namespace)
            return copy
        }
        try FilesystemContext("tmpfs").mount(attributes: 0).attachMount(at: place)
        try MountWorkshop.enter(place)
        try Directories.make(store, mode: 0o755)
        try Directories.make(merged, mode: 0o755)
        // One copy of the whole store is enough: layers and writable directory are all below it.
        let copy = try OwnedDescriptor.detachedTree(at: storePath)
        if let namespace { try copy.setMountAttributes(set: 0, userNamespace: namespace) }
        try copy.attachMount(at: store)

        let options = try overlayOptions(tree.assembly, below: storePath)
        try MountWorkshop.mountOverlay(at: merged, flags: 0, options: options)
        let root = try OwnedDescriptor.detachedTree(at: merged)
        try root.setMountAttributes(set: tree.attributes.rawValue)
        return root
    }

    private static func overlayOptions(
        _ assembly: RootTree.Assembly, below storePath: String
    ) throws(KernelError) -> String {
        let here = try OwnedDescriptor.open(".", [.directory])
        func name(_ name: String, for path: String) throws(KernelError) -> String {
            guard path.hasPrefix(storePath + "/") else {
                throw KernelError(call: "find below \(storePath)", on: path, errno: Errno.crossDevice)
            }
            try here.makeLink(RawPath(name), to: RawPath(store + path.dropFirst(storePath.count)))
            return name
        }
        switch assembly {
        case .overlay(let layers, let upper, let work):
            var lower: [String] = []
            for (index, layer) in layers.enumerated().reversed() { lower.append(try name("\(index)", for: layer)) }
            // volatile: a container's own layer does not outlive a crash of the host, so it need not be synced to.
            return "lowerdir=\(lower.joined(separator: ":")),upperdir=\(try name("u", for: upper)),"
                + "workdir=\(try name("w", for: work)),volatile"
        case .readOnlyOverlay(let layers):
            var lower: [String] = []
            for (index, layer) in layers.enumerated().reversed() { lower.append(try name("\(index)", for: layer)) }
            return "lowerdir=\(lower.joined(separator: ":"))"
        case .directory(let path):
            throw KernelError(call: "overlay", on: path, errno: Errno.invalid)
        }
    }
}
