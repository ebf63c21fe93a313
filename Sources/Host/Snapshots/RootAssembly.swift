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
    private static let own = "o"

    /// `store` is the directory all paths of the tree are below. `userNamespace` maps owners when the tree is mapped,
    /// and is asked for as late as can be, for it may have to be waited for.
    public static func assemble(
        _ tree: RootTree, store storePath: String, place: String,
        userNamespace: () throws(KernelError) -> OwnedDescriptor?
    ) throws(KernelError) -> OwnedDescriptor {
        if case .directory(let path) = tree.assembly {
            guard tree.label == nil else { throw KernelError(call: "label", on: path, errno: Errno.notSupported) }
            let isImage = path.ends(with: RootTree.imageSuffix)
            let copy = isImage ? try image(path) : try OwnedDescriptor.detachedTree(at: path)
            try copy.setMountAttributes(
                set: tree.attributes.rawValue, userNamespace: tree.mapped ? try userNamespace() : nil)
            return copy
        }
        try FilesystemContext("tmpfs").mount(attributes: 0).attachMount(at: place)
        try MountWorkshop.enter(place)
        try Directories.make(store, mode: 0o755)
        try Directories.make(merged, mode: 0o755)
        // One copy of the whole store is enough: all layers that are directories are below it.
        let copy = try OwnedDescriptor.detachedTree(at: storePath)
        let namespace = tree.mapped ? try userNamespace() : nil
        if let namespace { try copy.setMountAttributes(set: 0, userNamespace: namespace) }
        try copy.attachMount(at: store)

        if case .loopOverlay(let layers, let image, let identities) = tree.assembly {
            try attachOwnFilesystem(image, top: layers.last, identities: identities)
        }
        var options = try overlayOptions(tree.assembly, below: storePath, mappedBy: namespace)
        // In quotes: a level has commas of its own.
        if let label = tree.label { options += ",context=\"\(label)\"" }
        try MountWorkshop.mountOverlay(at: merged, flags: 0, options: options)
        let root = try OwnedDescriptor.detachedTree(at: merged)
        try root.setMountAttributes(set: tree.attributes.rawValue)
        return root
    }

    /// A layer that is one file, as a detached mount, if it is still the file that was imported.
    private static func image(_ layer: String) throws(KernelError) -> OwnedDescriptor {
        let file = try OwnedDescriptor.open(RawPath(layer), [.readOnly, .noFollow])
        try LayerImageSeal.check(layer, file)
        return try LayerImageMount.detached(of: file, attributes: 0)
    }

    /// A layer that is one file: its image gets a mount of its own.
    private static func attachImage(
        _ layer: String, as name: String, mappedBy userNamespace: OwnedDescriptor?
    ) throws(KernelError) {
        let mount = try image(layer)
        if let userNamespace { try mount.setMountAttributes(set: 0, userNamespace: userNamespace) }
        try Directories.make(name, mode: 0o755)
        try mount.attachMount(at: name)
    }

    /// The file system in `image`, attached in the workshop only: the overlay keeps it, and the loop device below it,
    /// for as long as the container lives.
    private static func attachOwnFilesystem(
        _ image: String, top: String?, identities: IDMapping
    ) throws(KernelError) {
        let file = try OwnedDescriptor.open(RawPath(image), [.readWrite, .noFollow])
        let loop = try LoopDevice.over(file)
        let context = try FilesystemContext("ext4")
        try context.set("source", loop.path)
        try context.set("noinit_itable")
        let root = try context.mount(attributes: MountAttributes([.noSetuid, .noDevices]).rawValue)
        withExtendedLifetime(loop.device) {}
        try Directories.make(own, mode: 0o700)
        try root.attachMount(at: own)
        for part in ["upper", "work"] { try Directories.makeAll("\(own)/\(part)", mode: 0o700) }
        try UpperDirectory.copyMetadata(of: top, to: "\(own)/upper", identities: identities)
    }

    private static func overlayOptions(
        _ assembly: RootTree.Assembly, below storePath: String, mappedBy userNamespace: OwnedDescriptor?
    ) throws(KernelError) -> String {
        let here = try OwnedDescriptor.open(".", [.directory])
        func lower(_ layers: [String]) throws(KernelError) -> String {
            for (index, layer) in layers.enumerated() {
                guard layer.begins(with: storePath + "/") else {
                    throw KernelError(call: "find below \(storePath)", on: layer, errno: Errno.crossDevice)
                }
                if layer.ends(with: RootTree.imageSuffix) {
                    try attachImage(layer, as: "\(index)", mappedBy: userNamespace)
                    continue
                }
                try here.makeLink(RawPath("\(index)"), to: RawPath(store + layer.dropFirst(storePath.count)))
            }
            return "lowerdir=" + layers.indices.reversed().map(String.init).joined(separator: ":")
        }
        switch assembly {
        case .overlay(let layers, let upper, let work):
            // The writable directory holds the host's ids as they are: overlayfs itself writes there as the host's
            // root, which has no place in a mapped mount.
            try here.makeLink("u", to: RawPath(upper))
            try here.makeLink("w", to: RawPath(work))
            // volatile: a container's own layer does not outlive a crash of the host, so it need not be synced to.
            return try lower(layers) + ",upperdir=u,workdir=w,volatile"
        case .loopOverlay(let layers, _, _):
            return try lower(layers) + ",upperdir=\(own)/upper,workdir=\(own)/work,volatile"
        case .readOnlyOverlay(let layers):
            return try lower(layers)
        case .directory(let path):
            throw KernelError(call: "overlay", on: path, errno: Errno.invalid)
        }
    }
}
