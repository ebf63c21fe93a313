import CLinux
import Glibc

/// Removing a whole tree that a stranger made: any depth, any names, any types.
///
/// It never follows a link, never enters another mount, holds two descriptors however deep the tree is (deep
/// directories are first moved up beside the others), and clears the immutable and append-only flags where they are in
/// the way. Interrupted at any point, what is left is still below the same name, and removing it again goes on.
public enum TreeRemoval {
    /// Removes `name` in `directory`, whatever it is. A name that is not there is fine.
    /// - Throws: EXDEV or EBUSY when something inside is a mount point, which is then left as it is.
    public static func remove(_ name: RawPath, in directory: OwnedDescriptor) throws(KernelError) {
        let kind: FileStatus.Kind
        do throws(KernelError) { kind = try directory.status(of: name).kind } catch {
            if error.errno == ENOENT { return }
            throw error
        }
        guard kind == .directory else { return try unlink(name, in: directory) }
        let top = try open(name, in: directory)
        var removal = Removal(top: top)
        try removal.run()
        try removeEmpty(name, in: directory)
    }

    private struct Removal {
        let top: OwnedDescriptor
        private var pending: [RawPath] = []
        private var moved = 0

        init(top: OwnedDescriptor) { self.top = top }

        mutating func run() throws(KernelError) {
            try empty(top, isTop: true)
            while let name = pending.popLast() {
                let directory = try TreeRemoval.open(name, in: top)
                try empty(directory, isTop: false)
                try TreeRemoval.removeEmpty(name, in: top)
            }
        }

        /// Removes the files and empty directories of `directory`, and leaves its other directories pending in `top`.
        private mutating func empty(_ directory: OwnedDescriptor, isTop: Bool) throws(KernelError) {
            for entry in try directory.entries() {
                let kind: FileStatus.Kind
                if let known = entry.kind { kind = known } else { kind = try directory.status(of: entry.name).kind }
                if kind != .directory {
                    try TreeRemoval.unlink(entry.name, in: directory)
                } else if isTop {
                    pending.append(entry.name)
                } else if try !isRemovedEmpty(entry.name, in: directory) {
                    try moveUp(entry.name, from: directory)
                }
            }
        }

        private func isRemovedEmpty(_ name: RawPath, in directory: OwnedDescriptor) throws(KernelError) -> Bool {
            do throws(KernelError) {
                try TreeRemoval.removeEmpty(name, in: directory)
                return true
            } catch {
                if error.errno == ENOTEMPTY || error.errno == EEXIST { return false }
                throw error
            }
        }

        private mutating func moveUp(_ name: RawPath, from directory: OwnedDescriptor) throws(KernelError) {
            while true {
                moved += 1
                let free = RawPath(".removing-\(moved)")
                do throws(KernelError) {
                    try TreeRemoval.unlocking(name, in: directory) { () throws(KernelError) in
                        try directory.rename(name, to: free, in: top, replacing: false)
                    }
                    pending.append(free)
                    return
                } catch {
                    if error.errno != EEXIST { throw error }
                }
            }
        }
    }

    private static func open(_ name: RawPath, in directory: OwnedDescriptor) throws(KernelError) -> OwnedDescriptor {
        try directory.open(name, [.directory, .noFollow], rules: [.noLinks, .noCrossDevice, .beneath])
    }

    private static func unlink(_ name: RawPath, in directory: OwnedDescriptor) throws(KernelError) {
        try unlocking(name, in: directory) { () throws(KernelError) in try directory.unlink(name) }
    }

    private static func removeEmpty(_ name: RawPath, in directory: OwnedDescriptor) throws(KernelError) {
        try unlocking(name, in: directory) { () throws(KernelError) in try directory.removeDirectory(name) }
    }

    /// Runs `body`, and once more after EPERM with the flags of `name` and of `directory` cleared.
    private static func unlocking(
        _ name: RawPath, in directory: OwnedDescriptor, _ body: () throws(KernelError) -> Void
    ) throws(KernelError) {
        do throws(KernelError) { try body() } catch {
            guard error.errno == EPERM else { throw error }
            directory.clearFlags()
            let kind = try directory.status(of: name).kind
            if kind == .regular || kind == .directory {
                try directory.open(name, [.readOnly, .noFollow, .nonBlocking]).clearFlags()
            }
            try body()
        }
    }
}

extension OwnedDescriptor {
    /// Clears the flags of chattr(1) that forbid removal. Where the file system knows none the call fails, and so will
    /// whatever needed it: its own failure is the one that counts. See ioctl_iflags(2).
    fileprivate func clearFlags() {
        let (getFlags, setFlags): (UInt, UInt) = (0x8008_6601, 0x4008_6602)
        let (appendOnly, immutable): (Int32, Int32) = (0x20, 0x10)
        var flags: Int32 = 0
        guard bh_ioctl_pointer(number, getFlags, &flags) == 0 else { return }
        flags &= ~(appendOnly | immutable)
        _ = bh_ioctl_pointer(number, setFlags, &flags)
    }

    /// Moves everything written to this file's file system to disk. See syncfs(2).
    public func synchronizeFilesystem() throws(KernelError) { try checked("syncfs") { bh_syncfs(number) } }

    /// Where the next read starts; a child that reads through the same open file moves it. See lseek(2).
    public func position() throws(KernelError) -> Int64 { Int64(try checked("lseek") { lseek(number, 0, SEEK_CUR) }) }

    /// Bytes an unprivileged writer still has on this file's file system. See fstatvfs(3).
    public func availableBytes() throws(KernelError) -> UInt64 {
        var facts = statvfs()
        try checked("fstatvfs") { fstatvfs(number, &facts) }
        return UInt64(facts.f_bavail) * UInt64(facts.f_frsize)
    }
}
