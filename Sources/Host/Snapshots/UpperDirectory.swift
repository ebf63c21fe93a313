import LaunchPlanning
import LinuxKernel

/// The directory a container writes to, before anybody has written there.
enum UpperDirectory {
    /// The merged root shows the upper directory's own mode and owner, so it gets those of the topmost layer's root.
    ///
    /// - Throws: EOVERFLOW when the layer's root has an owner whom the container has no id for, nor one for nobody.
    static func copyMetadata(of top: String?, to upper: String, identities: IDMapping) throws(KernelError) {
        let target = try OwnedDescriptor.open(RawPath(upper), [.directory])
        guard let top else {
            let root = try owner(0, of: upper, identities)
            try target.changeOwner(uid: root, gid: root)
            return try target.changeMode(0o755)
        }
        let model = try LayerRoot.metadata(of: top)
        try target.changeOwner(
            uid: try owner(model.uid, of: top, identities), gid: try owner(model.gid, of: top, identities))
        try target.changeMode(model.mode)
        try target.setModified(seconds: model.modifiedSeconds, nanoseconds: model.modifiedNanoseconds)
    }

    /// The host's id for an owner that an image names. One that the container does not have is nobody, as everywhere
    /// else in the image, whose layers the kernel maps.
    private static func owner(
        _ inside: UInt32, of directory: String, _ identities: IDMapping
    ) throws(KernelError) -> UInt32 {
        if let host = identities.hostID(of: inside) ?? identities.hostID(of: IDMapping.overflow) { return host }
        throw KernelError(
            call: "give the root directory owner \(inside): the container has only the ids below \(identities.count)",
            on: directory, errno: Errno.overflow)
    }
}
