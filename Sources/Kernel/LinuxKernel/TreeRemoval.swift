import CLinux
import Glibc

/// Removing a whole tree that a stranger made: any depth, any width, any names, any types.
///
/// It never follows a link, never enters another mount, holds four descriptors however deep the tree is (deep
/// directories are first moved up beside the others) and a few thousand names however wide, and clears the immutable
/// and append-only flags where they are in the way. Interrupted at any point, what is left is still below the same
/// name, and removing it again goes on.
public enum TreeRemoval {
    /// Removes `name` in `directory`, whatever it is. A name that is not there is fine.
    /// - Throws: EXDEV or EBUSY when something inside is a mount point, which is then left as it is; ENOTEMPTY when
    ///   somebody goes on filling it.
    public static func remove(_ name: RawPath, in directory: OwnedDescriptor) throws(KernelError) {
        let kind: FileStatus.Kind
        do throws(KernelError) { kind = try directory.status(of: name).kind } catch {
            if error.errno == ENOENT { return }
            throw error
        }
        guard kind == .directory else { return try unlink(name, in: directory) }
        var removal = Removal(top: try open(name, in: directory))
        try removal.run { () throws(KernelError) -> Bool in try isRemovedEmpty(name, in: directory) }
    }

    /// Removes everything in `directory`, which stays.
    /// - Throws: as `remove`.
    public static func empty(_ directory: OwnedDescriptor) throws(KernelError) {
        var removal = Removal(top: directory)
        try removal.run { () throws(KernelError) -> Bool in try directory.firstEntries(1).isEmpty }
    }

    private struct Removal {
        let top: OwnedDescriptor
        /// Names in `top` that are directories to remove. Those there is no place for are found there again.
        private var pending: [RawPath] = []
        private var isPendingFull = false
        private var moved = 0

        private static let pendingMax = 4_096
        /// A directory that nobody else changes is empty after the first pass over it, where the file system tells of
        /// every entry while others go. Who fills it faster than it is emptied gets an error.
        private static let passesMax = 16
        /// Of one pass: far more than a directory has, so that nobody keeps one going for ever.
        private static let passEntriesMax = 1 << 30

        init(top: OwnedDescriptor) { self.top = top }

        mutating func run(until isDone: () throws(KernelError) -> Bool) throws(KernelError) {
            var passes = 0
            while true {
                isPendingFull = false
                try emptyTop()
                // Each pass of this kind removes thousands.
                if isPendingFull { continue }
                if try isDone() { return }
                passes += 1
                guard passes < Self.passesMax else { throw Self.isFilled() }
            }
        }

        private static func isFilled() -> KernelError {
            KernelError(call: "empty a directory that somebody goes on filling", errno: ENOTEMPTY)
        }

        /// One pass over the top and all that is moved up there meanwhile.
        private mutating func emptyTop() throws(KernelError) {
            var left = Self.passEntriesMax
            let top = top
            try top.forEachEntry { (entry: DirectoryEntry) throws(KernelError) -> Bool in
                if try TreeRemoval.isDirectory(entry, in: top) {
                    pending.append(entry.name)
                    while let name = pending.popLast() { try removeBelowTop(name) }
                } else {
                    try TreeRemoval.unlinkIfThere(entry.name, in: top)
                }
                left -= 1
                return left > 0
            }
        }

        private mutating func removeBelowTop(_ name: RawPath) throws(KernelError) {
            let directory: OwnedDescriptor
            do throws(KernelError) { directory = try TreeRemoval.open(name, in: top) } catch {
                // The listing of the top may be older than its removal.
                if error.errno == ENOENT { return }
                throw error
            }
            for _ in 0..<Self.passesMax {
                try empty(directory)
                if try TreeRemoval.isRemovedEmpty(name, in: top) { return }
            }
            throw Self.isFilled()
        }

        /// Removes the files and empty directories of `directory`, and moves its other directories up into `top`.
        private mutating func empty(_ directory: OwnedDescriptor) throws(KernelError) {
            var left = Self.passEntriesMax
            try directory.forEachEntry { (entry: DirectoryEntry) throws(KernelError) -> Bool in
                if try !TreeRemoval.isDirectory(entry, in: directory) {
                    try TreeRemoval.unlinkIfThere(entry.name, in: directory)
                } else if try !TreeRemoval.isRemovedEmpty(entry.name, in: directory) {
                    try moveUp(entry.name, from: directory)
                }
                left -= 1
                return left > 0
            }
        }

        private mutating func moveUp(_ name: RawPath, from directory: OwnedDescriptor) throws(KernelError) {
            let top = top
            while true {
                moved += 1
                let free = RawPath(".removing-\(moved)")
                do throws(KernelError) {
                    try TreeRemoval.unlocking(name, in: directory) { () throws(KernelError) in
                        try directory.rename(name, to: free, in: top, replacing: false)
                    }
                    if pending.count < Self.pendingMax { pending.append(free) } else { isPendingFull = true }
                    return
                } catch {
                    if error.errno != EEXIST { throw error }
                }
            }
        }
    }

    private static func isDirectory(
        _ entry: DirectoryEntry, in directory: OwnedDescriptor
    ) throws(KernelError) -> Bool {
        if let kind = entry.kind { return kind == .directory }
        do throws(KernelError) { return try directory.status(of: entry.name).kind == .directory } catch {
            if error.errno == ENOENT { return false }
            throw error
        }
    }

    private static func unlinkIfThere(_ name: RawPath, in directory: OwnedDescriptor) throws(KernelError) {
        do throws(KernelError) { try unlink(name, in: directory) } catch {
            if error.errno != ENOENT { throw error }
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

    /// False: something is in it.
    private static func isRemovedEmpty(_ name: RawPath, in directory: OwnedDescriptor) throws(KernelError) -> Bool {
        do throws(KernelError) {
            try removeEmpty(name, in: directory)
            return true
        } catch {
            if error.errno == ENOENT { return true }
            if error.errno == ENOTEMPTY || error.errno == EEXIST { return false }
            throw error
        }
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
