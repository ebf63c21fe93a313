import CLinux
import Glibc

extension OwnedDescriptor {
    public func changeOwner(uid: UInt32, gid: UInt32) throws(KernelError) {
        try checked("fchown") { fchown(number, uid, gid) }
    }

    /// Owner of `name` in this directory, a link itself rather than what it points to. See fchownat(2).
    public func changeOwner(of name: RawPath, uid: UInt32, gid: UInt32) throws(KernelError) {
        try name.withCString { pointer throws(KernelError) in
            _ = try checked("fchownat", on: name.description) {
                fchownat(number, pointer, uid, gid, AT_SYMLINK_NOFOLLOW)
            }
        }
    }

    public func changeMode(_ mode: UInt32) throws(KernelError) {
        try checked("fchmod") { fchmod(number, mode_t(mode)) }
    }

    /// Access and modification time. See futimens(3).
    public func setModified(seconds: Int64, nanoseconds: Int64) throws(KernelError) {
        let time = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
        let times = [time, time]
        try checked("futimens") { futimens(number, times) }
    }

    /// The same for `name` in this directory, a link itself. See utimensat(2).
    public func setModified(of name: RawPath, seconds: Int64, nanoseconds: Int64) throws(KernelError) {
        let time = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
        let times = [time, time]
        try name.withCString { pointer throws(KernelError) in
            _ = try checked("utimensat", on: name.description) {
                utimensat(number, pointer, times, AT_SYMLINK_NOFOLLOW)
            }
        }
    }

    /// Names of the extended attributes, xattr(7); at most 64 KiB of them.
    public func attributeNames() throws(KernelError) -> [RawPath] {
        // Most files have none.
        if try checked("flistxattr", { bh_flistxattr(number, nil, 0) }) == 0 { return [] }
        var buffer = [CChar](repeating: 0, count: 65_536)
        let count = try checked("flistxattr") { bh_flistxattr(number, &buffer, buffer.count) }
        return buffer[..<count].split(separator: 0).map { RawPath(bytes: $0.map { UInt8(bitPattern: $0) }) }
    }

    public func attribute(_ name: RawPath) throws(KernelError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = try name.withCString { pointer throws(KernelError) in
            try checked("fgetxattr", on: name.description) { bh_fgetxattr(number, pointer, &buffer, buffer.count) }
        }
        return Array(buffer[..<count])
    }

    public func setAttribute(_ name: RawPath, to value: [UInt8]) throws(KernelError) {
        try name.withCString { pointer throws(KernelError) in
            _ = try checked("fsetxattr", on: name.description) { bh_fsetxattr(number, pointer, value, value.count) }
        }
    }

    /// Magic number of the file system the file is on. See statfs(2).
    public func filesystemType() throws(KernelError) -> Int { try checked("fstatfs") { bh_filesystem_type(number) } }

    /// Takes the advisory lock; false when `wait` is false and another has it. It ends with the last descriptor of
    /// this open file. See flock(2).
    public func lock(exclusive: Bool, wait: Bool) throws(KernelError) -> Bool {
        let operation = (exclusive ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB)
        do throws(KernelError) {
            try checked("flock") { bh_flock(number, operation) }
            return true
        } catch {
            if error.errno == EWOULDBLOCK { return false }
            throw error
        }
    }

    public func unlock() throws(KernelError) { try checked("flock") { bh_flock(number, LOCK_UN) } }
}
