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
        return try walk(path, beneath: root) { (directory, rest) throws(KernelError) in
            guard let rest else { return try OwnedDescriptor.open(RawPath(root), flags, mode: mode) }
            return try directory.open(
                rest, flags, mode: mode, rules: followsLinks ? [.beneath, .noMagicLinks] : [.beneath, .noLinks])
        }
    }

    /// The same for a regular file, and for nothing else (`OwnedDescriptor.openRegular`).
    public static func openRegular(
        _ path: String, beneath root: String?, _ flags: OpenFlags, mode: UInt32 = 0
    ) throws(KernelError) -> OwnedDescriptor {
        guard let root else {
            return try OwnedDescriptor.open(path.begins(with: "/") ? "/" : ".", [.path, .directory])
                .openRegular(RawPath(path), flags, mode: mode, rules: [])
        }
        return try walk(path, beneath: root) { (directory, rest) throws(KernelError) in
            try directory.openRegular(rest ?? ".", flags, mode: mode, rules: [.beneath, .noMagicLinks])
        }
    }

    /// `rest` is the way from `root`; nil for that itself.
    private static func walk(
        _ path: String, beneath root: String,
        _ open: (_ directory: OwnedDescriptor, _ rest: RawPath?) throws(KernelError) -> OwnedDescriptor
    ) throws(KernelError) -> OwnedDescriptor {
        let (names, above) = (path.cut(at: "/"), root.cut(at: "/"))
        guard names.starts(with: above), !names.contains("..") else {
            throw KernelError(call: "open beneath \(root)", on: path, errno: Errno.crossDevice)
        }
        let directory = try OwnedDescriptor.open(RawPath(root), [.path, .directory])
        let rest = names.dropFirst(above.count).joined(separator: "/")
        do throws(KernelError) { return try open(directory, rest.isEmpty ? nil : RawPath(rest)) } catch {
            throw KernelError(call: "\(error.call) beneath \(root)", on: path, errno: error.errno)
        }
    }
}
