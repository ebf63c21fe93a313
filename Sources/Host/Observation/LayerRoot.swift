import LinuxKernel

/// A layer of the store to look through: a directory, or an EROFS image, which is mounted read-only where no path
/// leads for as long as something of it is open.
enum LayerRoot {
    /// MOUNT_ATTR_RDONLY, NOSUID, NODEV and NOEXEC, mount_setattr(2): nothing of the image is to work here.
    private static let inert: UInt64 = 0x1 | 0x2 | 0x4 | 0x8

    static func open(_ layer: String) throws(KernelError) -> OwnedDescriptor {
        let file = try OwnedDescriptor.open(RawPath(layer), [.readOnly, .noFollow])
        if try file.status().kind == .directory { return file }
        return try LayerImageMount.detached(of: file, attributes: inert).open(".", [.directory])
    }
}
