public import LinuxKernel

/// A path of the host that stays in a directory, whatever links others have put, or just put, on the way.
public enum ConfinedPath {
    /// Opens `path`. With `root`, a directory at or above it by name, links are followed only while they stay below
    /// that (openat2(2), RESOLVE_BENEATH), so an absolute one never is. Links on the way to `root` are the operator's.
    ///
    /// - Parameter followsLinks: false: there is none on the way from `root` to what is opened.
    /// - Throws: EXDEV for what leads out of `root`, or is not below it; ELOOP for a link that may not be there.
    public static func open(
        _ path: String, beneath root: String?, _ flags: OpenFlags = [.path], mode: UInt32 = 0, followsLinks: Bool = true
    ) throws(KernelError) -> OwnedDescriptor {
        guard let root else { return try OwnedDescriptor.open(RawPath(path), flags, mode: mode) }
        let (names, above) = (path.split(separator: "/"), root.split(separator: "/"))
        guard names.starts(with: above), !names.contains("..") else {
            throw KernelError(call: "open beneath \(root)", on: path, errno: Errno.crossDevice)
        }
        if names.count == above.count { return try OwnedDescriptor.open(RawPath(root), flags, mode: mode) }
        let directory = try OwnedDescriptor.open(RawPath(root), [.path, .directory])
        do throws(KernelError) {
            return try directory.open(
                RawPath(names.dropFirst(above.count).joined(separator: "/")), flags, mode: mode,
                rules: followsLinks ? [.beneath, .noMagicLinks] : [.beneath, .noLinks])
        } catch {
            throw KernelError(call: "\(error.call) beneath \(root)", on: path, errno: error.errno)
        }
    }
}
