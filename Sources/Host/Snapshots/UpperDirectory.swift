import LinuxKernel

/// The directory a container writes to, before anybody has written there.
enum UpperDirectory {
    /// The merged root shows the upper directory's own mode and owner, so it gets those of the topmost layer's root.
    static func copyMetadata(of top: String?, to upper: String, owner: UInt32) throws(KernelError) {
        let target = try OwnedDescriptor.open(RawPath(upper), [.directory])
        guard let top else {
            try target.changeOwner(uid: owner, gid: owner)
            return try target.changeMode(0o755)
        }
        let model = try LayerRoot.metadata(of: top)
        try target.changeOwner(uid: owner + model.uid, gid: owner + model.gid)
        try target.changeMode(model.mode)
        try target.setModified(seconds: model.modifiedSeconds, nanoseconds: model.modifiedNanoseconds)
    }
}
