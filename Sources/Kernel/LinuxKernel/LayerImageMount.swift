/// Mounting an EROFS image that is a regular file.
public enum LayerImageMount {
    /// Whether this kernel knows the file system; asking loads its module.
    public static var isSupported: Bool {
        do throws(KernelError) {
            _ = try FilesystemContext("erofs")
            return true
        } catch {
            return false
        }
    }

    /// A detached, read-only mount of the image `file` is open on. `attributes` are MOUNT_ATTR_ values.
    ///
    /// Since Linux 6.12 the kernel reads such a file itself; before, it wants a block device, so it gets a loop device
    /// that goes when the mount does.
    public static func detached(of file: OwnedDescriptor, attributes: UInt64) throws(KernelError) -> OwnedDescriptor {
        try mount(file.procPath, attributes)
    }

    private static func mount(_ source: String, _ attributes: UInt64) throws(KernelError) -> OwnedDescriptor {
        let context = try FilesystemContext("erofs")
        try context.set("source", source)
        return try context.mount(attributes: attributes | readOnly)
    }

    private static let readOnly: UInt64 = 0x1
}
