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
        do throws(KernelError) {
            return try mount(file.procPath, attributes)
        } catch {
            guard error.errno == Errno.notBlockDevice else { throw error }
        }
        let (path, device) = try LoopDevice.over(file, blockSize: sectorBytes)
        return try withExtendedLifetime(device) { () throws(KernelError) in try mount(path, attributes) }
    }

    /// An image is a multiple of 4,096 bytes; any size of a sector would do.
    private static let sectorBytes: UInt32 = 512

    private static func mount(_ source: String, _ attributes: UInt64) throws(KernelError) -> OwnedDescriptor {
        let context = try FilesystemContext("erofs")
        try context.set("ro")
        try context.set("source", source)
        return try context.mount(attributes: attributes | readOnly)
    }

    private static let readOnly: UInt64 = 0x1
}
