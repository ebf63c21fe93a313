/// Files below a directory that strangers filled: an image's root, a container's, a sandbox.
extension OwnedDescriptor {
    /// proc, sysfs, debugfs, tracefs, securityfs, configfs: their regular files may act when they are opened or read,
    /// and judge by who does it, which would be us.
    private static let actingTypes: Set<Int> = [
        0x9fa0, 0x6265_6572, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0x6265_6570,
    ]
    private static let triesMax = 16

    /// Opens the regular file at `path` below this directory; with `.create` it is made when nothing is there. The
    /// place is found first, looked at, and only then opened: opening a pipe would wait, a device would act, and a file
    /// of the kernel's may do either.
    ///
    /// - Throws: EINVAL for anything but a regular file of an ordinary file system; with `.noFollow` ELOOP for a link.
    public func openRegular(
        _ path: RawPath, _ flags: OpenFlags = .readOnly, mode: UInt32 = 0, rules: ResolveRules = .confined
    ) throws(KernelError) -> OwnedDescriptor {
        for _ in 0..<Self.triesMax {
            do throws(KernelError) {
                return try open(path, flags.intersection(.noFollow).union(.path), rules: rules)
                    .reopenedRegular(flags, path)
            } catch {
                if error.errno != Errno.noEntry || !flags.contains(.create) { throw error }
            }
            do throws(KernelError) {
                return try open(path, flags.union([.exclusive, .noFollow]), mode: mode, rules: rules)
            } catch {
                // Somebody else has just made it; or it is a link to nothing, which stays so.
                if error.errno != Errno.exists { throw error }
            }
        }
        throw KernelError(call: "open", on: path.description, errno: Errno.tooManyLinks)
    }

    private func reopenedRegular(_ flags: OpenFlags, _ path: RawPath) throws(KernelError) -> OwnedDescriptor {
        let kind = try status().kind
        if kind == .link { throw KernelError(call: "open", on: path.description, errno: Errno.tooManyLinks) }
        guard kind == .regular else {
            throw KernelError(call: "not a regular file: open", on: path.description, errno: Errno.invalid)
        }
        guard !Self.actingTypes.contains(try filesystemType()) else {
            throw KernelError(call: "the kernel's own file: open", on: path.description, errno: Errno.invalid)
        }
        // What was found is opened, not its name; it is a link itself there.
        let again = flags.subtracting([.create, .noFollow]).union([.nonBlocking, .noControllingTerminal])
        return try .open(RawPath(procPath), again)
    }
}
