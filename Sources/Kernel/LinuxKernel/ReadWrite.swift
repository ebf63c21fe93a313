import CLinux
import Glibc

extension OwnedDescriptor {
    /// Reads at most `buffer.count` bytes; 0 is the end. See read(2).
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(KernelError) -> Int {
        try checked("read") { Glibc.read(number, buffer.baseAddress, buffer.count) }
    }

    /// Reads at most `buffer.count` bytes at `offset` without moving the file position. See pread(2).
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(KernelError) -> Int {
        try checked("pread") { Glibc.pread(number, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    /// At most `count` bytes from `offset`; fewer only at the end of the file.
    public func readBytes(_ count: Int, at offset: Int64) throws(KernelError) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let more = try checked("pread") {
                result.withUnsafeMutableBytes { buffer in
                    Glibc.pread(number, buffer.baseAddress.map { $0 + done }, count - done, off_t(offset) + off_t(done))
                }
            }
            if more == 0 { break }
            done += more
        }
        return Array(result[..<done])
    }

    /// Everything up to the end of the file, refused with EFBIG when it is more than `limit` bytes.
    public func readAll(limit: Int) throws(KernelError) -> [UInt8] {
        var result: [UInt8] = []
        // Never cleared before: most files are small, and every page that is touched costs a fault.
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: min(limit + 1, 65_536), alignment: 1)
        defer { chunk.deallocate() }
        while true {
            let count = try checked("read") { Glibc.read(number, chunk.baseAddress, chunk.count) }
            if count == 0 { return result }
            result.append(contentsOf: chunk[..<count])
            if result.count > limit { throw KernelError(call: "read: more than \(limit) bytes", errno: EFBIG) }
        }
    }

    /// Writes all of `bytes`. See write(2).
    public func write(_ bytes: UnsafeRawBufferPointer) throws(KernelError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = try checked("write") { Glibc.write(number, rest.baseAddress, rest.count) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    public func write(_ bytes: [UInt8]) throws(KernelError) {
        var done = 0
        while done < bytes.count {
            done += try checked("write") {
                bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress.map { $0 + done }, $0.count - done) }
            }
        }
    }

    /// Writes what `file` holds from its place on, copied by the kernel alone; refused with EFBIG when it is more than
    /// `limit` bytes. See sendfile(2).
    public func append(contentsOf file: OwnedDescriptor, limit: Int) throws(KernelError) {
        var done = 0
        while true {
            let count = try checked("sendfile") { Glibc.sendfile(number, file.number, nil, limit + 1 - done) }
            if count == 0 { return }
            done += count
            if done > limit { throw KernelError(call: "sendfile: more than \(limit) bytes", errno: EFBIG) }
        }
    }

    public func write(_ text: String) throws(KernelError) { try write(Array(text.utf8)) }

    /// Moves what is on disk to disk. See fsync(2).
    public func synchronize() throws(KernelError) { try checked("fsync") { fsync(number) } }

    public func truncate(to size: Int64) throws(KernelError) {
        try checked("ftruncate") { ftruncate(number, off_t(size)) }
    }

    /// Sets the file position from the start. See lseek(2).
    public func seek(to offset: Int64) throws(KernelError) {
        try checked("lseek") { lseek(number, off_t(offset), SEEK_SET) }
    }

    /// Waits until reading would not block, at most `milliseconds` (negative: for ever). See poll(2).
    public func waitReadable(milliseconds: Int32) throws(KernelError) -> Bool {
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        return try checked("poll") { poll(&entry, 1, milliseconds) } > 0
    }

    /// One message and the descriptor that may have come with it; nil at the end. See unix(7) SCM_RIGHTS.
    public func receiveMessage(limit: Int) throws(KernelError) -> (bytes: [UInt8], descriptor: OwnedDescriptor?)? {
        var buffer = [UInt8](repeating: 0, count: limit)
        var passed: Int32 = -1
        let count = try checked("recvmsg") { bh_receive_descriptor(number, &buffer, limit, &passed) }
        let descriptor = passed >= 0 ? OwnedDescriptor(owning: passed) : nil
        return count == 0 ? nil : (Array(buffer[..<count]), descriptor)
    }
}

extension OwnedDescriptor {
    /// Sends one message with at most 250 descriptors along. EPIPE when the other side has closed. See unix(7).
    public func sendMessage(_ bytes: [UInt8], descriptors: [OwnedDescriptor] = []) throws(KernelError) {
        let numbers = descriptors.map(\.number)
        try checked("sendmsg") { bh_send_descriptors(number, bytes, bytes.count, numbers, UInt32(numbers.count)) }
        withExtendedLifetime(descriptors) {}
    }
}

/// Small files of procfs, sysfs, cgroupfs and our own state, read and written whole.
public enum TextFile {
    /// The whole file as text, at most `limit` bytes; bytes that are not UTF-8 are replaced.
    public static func read(_ path: String, limit: Int = 1 << 20) throws(KernelError) -> String {
        do throws(KernelError) {
            return String(decoding: try OwnedDescriptor.open(RawPath(path)).readAll(limit: limit), as: UTF8.self)
        } catch {
            throw KernelError(call: error.call, on: path, errno: error.errno)
        }
    }

    /// Writes with one write(2), as procfs and cgroupfs want it; the file must exist.
    public static func write(_ text: String, to path: String) throws(KernelError) {
        do throws(KernelError) {
            try OwnedDescriptor.open(RawPath(path), [.writeOnly]).write(text)
        } catch {
            throw KernelError(call: error.call, on: path, errno: error.errno)
        }
    }
}
