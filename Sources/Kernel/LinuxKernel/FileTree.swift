import CLinux
import Glibc

/// What stat(2) says of a file.
public struct FileStatus: Equatable, Sendable {
    public enum Kind: Sendable { case regular, directory, link, character, block, fifo, socket, other }
    public var kind: Kind
    /// Permission bits with set-user-ID, set-group-ID and sticky: 07777.
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32
    public var size: Int64
    public var links: UInt64
    public var inode: UInt64
    public var device: UInt64
    /// Major and minor number of a device node.
    public var deviceMajor: UInt32
    public var deviceMinor: UInt32
    public var modifiedSeconds: Int64
    public var modifiedNanoseconds: Int64
    /// 512-byte blocks.
    public var blocks: Int64

    /// The time of the last change in nanoseconds since 1970. Whoever owns a file gives it any time, also such as no
    /// number of nanoseconds reaches, before 1677 or after 2262: then the furthest one.
    public var modifiedSinceEpoch: Int64 {
        let (whole, isTooFar) = modifiedSeconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isBeyond) = whole.addingReportingOverflow(modifiedNanoseconds)
        if isTooFar || isBeyond { return modifiedSeconds < 0 ? .min : .max }
        return sum
    }

    /// Whether both are of one file: names may be many, and an inode's number alone may be another filesystem's.
    public func isSameFile(as other: FileStatus) -> Bool { inode == other.inode && device == other.device }

    init(_ raw: stat) {
        switch raw.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFDIR: kind = .directory
        case S_IFLNK: kind = .link
        case S_IFCHR: kind = .character
        case S_IFBLK: kind = .block
        case S_IFIFO: kind = .fifo
        case S_IFSOCK: kind = .socket
        default: kind = .other
        }
        mode = raw.st_mode & 0o7777
        uid = raw.st_uid
        gid = raw.st_gid
        size = Int64(raw.st_size)
        links = UInt64(raw.st_nlink)
        inode = UInt64(raw.st_ino)
        device = UInt64(raw.st_dev)
        deviceMajor = bh_major(raw.st_rdev)
        deviceMinor = bh_minor(raw.st_rdev)
        modifiedSeconds = Int64(raw.st_mtim.tv_sec)
        modifiedNanoseconds = Int64(raw.st_mtim.tv_nsec)
        blocks = Int64(raw.st_blocks)
    }
}

/// An entry of a directory; `kind` is nil where the file system does not say.
public struct DirectoryEntry: Equatable, Sendable {
    public var name: RawPath
    public var kind: FileStatus.Kind?
}

extension OwnedDescriptor {
    /// Whether both are open on one file, `FileStatus.isSameFile`.
    public func isSameFile(as other: OwnedDescriptor) throws(KernelError) -> Bool {
        try status().isSameFile(as: other.status())
    }
}

extension OwnedDescriptor {
    /// The open file's status. See fstat(2).
    public func status() throws(KernelError) -> FileStatus {
        var raw = stat()
        try checked("fstat") { fstat(number, &raw) }
        return FileStatus(raw)
    }

    /// The status of `name` in this directory, not following a link there. See fstatat(2).
    public func status(of name: RawPath) throws(KernelError) -> FileStatus {
        var raw = stat()
        try name.withCString { pointer throws(KernelError) in
            _ = try checked("fstatat", on: name.description) { fstatat(number, pointer, &raw, AT_SYMLINK_NOFOLLOW) }
        }
        return FileStatus(raw)
    }

    /// Whether `name` exists in this directory, links not followed.
    public func exists(_ name: RawPath) throws(KernelError) -> Bool {
        do throws(KernelError) {
            _ = try status(of: name)
            return true
        } catch {
            if error.errno == ENOENT { return false }
            throw error
        }
    }

    public func makeDirectory(_ name: RawPath, mode: UInt32) throws(KernelError) {
        try named("mkdirat", name) { mkdirat(number, $0, mode_t(mode)) }
    }

    public func unlink(_ name: RawPath) throws(KernelError) {
        try named("unlinkat", name) { unlinkat(number, $0, 0) }
    }

    public func removeDirectory(_ name: RawPath) throws(KernelError) {
        try named("unlinkat(AT_REMOVEDIR)", name) { unlinkat(number, $0, AT_REMOVEDIR) }
    }

    public func makeLink(_ name: RawPath, to target: RawPath) throws(KernelError) {
        try target.withCString { target throws(KernelError) in
            try named("symlinkat", name) { symlinkat(target, number, $0) }
        }
    }

    /// A hard link to `source` in `directory`, which is not followed when it is a symbolic link. See linkat(2).
    public func makeHardLink(
        _ name: RawPath, to source: RawPath, in directory: OwnedDescriptor
    ) throws(KernelError) {
        try source.withCString { source throws(KernelError) in
            try named("linkat", name) { linkat(directory.number, source, number, $0, 0) }
        }
    }

    /// `type` is S_IFCHR, S_IFBLK or S_IFIFO by `kind`. See mknodat(2).
    public func makeNode(
        _ name: RawPath, kind: FileStatus.Kind, mode: UInt32, major: UInt32 = 0, minor: UInt32 = 0
    ) throws(KernelError) {
        let type: UInt32 = kind == .character ? S_IFCHR : kind == .block ? S_IFBLK : S_IFIFO
        try named("mknodat", name) { bh_mknodat(number, $0, type | mode, major, minor) }
    }

    /// Renames within or between directories, replacing the target. See renameat2(2).
    public func rename(
        _ name: RawPath, to newName: RawPath, in directory: OwnedDescriptor? = nil, replacing: Bool = true
    ) throws(KernelError) {
        let target = directory?.number ?? number
        try newName.withCString { new throws(KernelError) in
            try named("renameat2", name) { bh_renameat2(number, $0, target, new, replacing ? 0 : 1) }
        }
    }

    /// Where the link `name` points, at most 4,096 bytes. See readlinkat(2).
    public func linkTarget(_ name: RawPath) throws(KernelError) -> RawPath {
        var buffer = [CChar](repeating: 0, count: 4_097)
        let count = try name.withCString { pointer throws(KernelError) in
            try checked("readlinkat", on: name.description) { readlinkat(number, pointer, &buffer, buffer.count) }
        }
        return RawPath(bytes: buffer[..<count].map { UInt8(bitPattern: $0) })
    }

    private func named(
        _ call: String, _ name: RawPath, _ body: (UnsafePointer<CChar>) -> Int32
    ) throws(KernelError) {
        try name.withCString { pointer throws(KernelError) in
            _ = try checked(call, on: name.description) { body(pointer) }
        }
    }
}
