import CLinux
import Glibc

extension OwnedDescriptor {
    /// Writes all of `bytes` at `offset` without moving the file position. See pwrite(2).
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(KernelError) {
        var rest = bytes
        var position = offset
        while !rest.isEmpty {
            let count = try checked("pwrite") { pwrite(number, rest.baseAddress, rest.count, off_t(position)) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            position += Int64(count)
        }
    }

    public func write(all bytes: [UInt8], at offset: Int64) throws(KernelError) {
        var done = 0
        while done < bytes.count {
            done += try checked("pwrite") {
                bytes.withUnsafeBytes {
                    pwrite(number, $0.baseAddress.map { $0 + done }, $0.count - done, off_t(offset) + off_t(done))
                }
            }
        }
    }

    /// Refused when the file system of this file cannot give parts of it back. See fallocate(2).
    public func checkHoles() throws(KernelError) {
        // Beyond the end of any file nothing is there to be lost.
        try punchHole(at: 1 << 40, count: 4_096)
    }

    /// Whether nobody is left at the other end of this pipe or socket. See poll(2) POLLERR, POLLHUP.
    public func peerIsGone() throws(KernelError) -> Bool {
        var entry = pollfd(fd: number, events: 0, revents: 0)
        try checked("poll") { poll(&entry, 1, 0) }
        return entry.revents & Int16(POLLERR | POLLHUP) != 0
    }

    /// Whether the extended attribute `name` is exactly `value`; false where the file system knows no such attribute.
    public func attribute(_ name: RawPath, is value: UInt8) throws(KernelError) -> Bool {
        var buffer: (UInt8, UInt8) = (0, 0)
        do throws(KernelError) {
            let count = try name.withCString { pointer throws(KernelError) in
                try checked("fgetxattr", on: name.description) { bh_fgetxattr(number, pointer, &buffer, 2) }
            }
            return count == 1 && buffer.0 == value
        } catch {
            if [ENODATA, EOPNOTSUPP, ERANGE].contains(error.errno) { return false }
            throw error
        }
    }

    /// Permission bits of `name` in this directory. It is followed when it is a link, so only for what is known not
    /// to be one. See fchmodat(2).
    public func changeMode(of name: RawPath, _ mode: UInt32) throws(KernelError) {
        try name.withCString { pointer throws(KernelError) in
            _ = try checked("fchmodat", on: name.description) { fchmodat(number, pointer, mode_t(mode), 0) }
        }
    }
}

extension Errno {
    public static let noMemory = ENOMEM
}

extension OpenFlags {
    /// An unnamed file in the directory that is opened, gone when it is closed. See open(2) O_TMPFILE.
    public static let temporary = OpenFlags(rawValue: Int32(BH_O_TMPFILE))
}

extension OwnedDescriptor {
    /// See fremovexattr(2).
    public func removeAttribute(_ name: RawPath) throws(KernelError) {
        try name.withCString { pointer throws(KernelError) in
            _ = try checked("fremovexattr", on: name.description) { bh_fremovexattr(number, pointer) }
        }
    }
}
