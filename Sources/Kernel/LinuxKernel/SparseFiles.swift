import CLinux
import Glibc

extension OwnedDescriptor {
    /// Gives the disk back what `count` bytes from `offset` on take; they read as zeros afterwards and the file stays
    /// as long as it was. See fallocate(2) FALLOC_FL_PUNCH_HOLE.
    public func punchHole(at offset: Int64, count: Int64) throws(KernelError) {
        let (keepSize, punch): (Int32, Int32) = (0x01, 0x02)
        try checked("fallocate") { bh_fallocate(number, keepSize | punch, offset, count) }
    }

    /// Where content begins at or after `offset`; nil when there is only a hole up to the end. Moves the file
    /// position. See lseek(2) SEEK_DATA.
    public func nextData(from offset: Int64) throws(KernelError) -> Int64? {
        let seekData: Int32 = 3
        do throws(KernelError) {
            return Int64(try checked("lseek(SEEK_DATA)") { lseek(number, off_t(offset), seekData) })
        } catch {
            if error.errno == ENXIO { return nil }
            throw error
        }
    }
}

/// The size of a file system and what of it is taken, in bytes. See fstatvfs(3).
public struct FilesystemSpace: Equatable, Sendable {
    public var total: UInt64
    /// What an unprivileged writer still has.
    public var available: UInt64
    public var used: UInt64
    /// Files it can have, and has.
    public var filesTotal: UInt64
    public var filesUsed: UInt64

    public init(total: UInt64, available: UInt64, used: UInt64, filesTotal: UInt64 = 0, filesUsed: UInt64 = 0) {
        self.total = total
        self.available = available
        self.used = used
        self.filesTotal = filesTotal
        self.filesUsed = filesUsed
    }

    /// Of the file system `path` is on.
    public static func at(_ path: String) throws(KernelError) -> FilesystemSpace {
        var facts = statvfs()
        try checked("statvfs", on: path) { statvfs(path, &facts) }
        return FilesystemSpace(facts)
    }

    fileprivate init(_ facts: statvfs) {
        let unit = UInt64(facts.f_frsize)
        self.init(
            total: UInt64(facts.f_blocks) * unit, available: UInt64(facts.f_bavail) * unit,
            used: UInt64(facts.f_blocks - facts.f_bfree) * unit, filesTotal: UInt64(facts.f_files),
            filesUsed: UInt64(facts.f_files - facts.f_ffree))
    }
}

extension OwnedDescriptor {
    /// Of the file system this file is on.
    public func filesystemSpace() throws(KernelError) -> FilesystemSpace {
        var facts = statvfs()
        try checked("fstatvfs") { fstatvfs(number, &facts) }
        return FilesystemSpace(facts)
    }
}
