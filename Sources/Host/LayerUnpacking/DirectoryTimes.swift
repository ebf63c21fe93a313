import Diagnostics
import LinuxKernel

extension Timestamp {
    /// The time of what no entry gives one: the beginning of 1970, so that an archive means the same whenever it is
    /// unpacked.
    static let untold = Timestamp(seconds: 0, nanoseconds: 0)
}

/// The modification times of directories, set at the end because every entry made in a directory changes its time.
///
/// They are kept in an unnamed file of the layer's own file system, so that a million directories cost no memory. The
/// file has a record for each directory that was made and each entry that gave one a time: `UnpackBudget` bounds both.
final class DirectoryTimes {
    private let root: OwnedDescriptor
    private var spill: OwnedDescriptor?
    private var buffer: [UInt8] = []
    private var spilledBytes: Int64 = 0

    private static let bufferBytes = 64 << 10

    init(root: OwnedDescriptor) { self.root = root }

    /// Remembers the time of the directory at `path`, which is free of links. A later time of the same path wins.
    func record(_ path: [RawPath], _ time: Timestamp) throws(KernelError) {
        let text = Array(path.map(\.bytes).joined(separator: [UInt8(ascii: "/")]))
        append(UInt64(text.count))
        append(UInt64(bitPattern: time.seconds))
        append(UInt64(bitPattern: time.nanoseconds))
        buffer += text
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    /// Sets every recorded time. Directories that are no longer there, because a later entry replaced them, are left.
    func apply() throws(KernelError) {
        if spill != nil { try flush() }
        var offset: Int64 = 0
        var window: [UInt8] = spill == nil ? buffer : []
        var position = 0
        while true {
            if window.count - position < Int(Self.recordBytesMax), let spill, offset < spilledBytes {
                window.removeFirst(position)
                position = 0
                window += try read(spill, at: offset)
                offset = min(offset + Int64(Self.bufferBytes), spilledBytes)
            }
            guard position < window.count else { return }
            let count = Int(number(in: window, at: position))
            let start = position + 24
            let time = Timestamp(
                seconds: Int64(bitPattern: number(in: window, at: position + 8)),
                nanoseconds: Int64(bitPattern: number(in: window, at: position + 16)))
            try set(RawPath(bytes: window[start..<start + count]), time)
            position = start + count
        }
    }

    /// A path is below PATH_MAX and follows three numbers.
    static let recordBytesMax: UInt64 = 24 + 4_096

    private func set(_ path: RawPath, _ time: Timestamp) throws(KernelError) {
        do throws(KernelError) {
            let directory = path.count == 0
                ? root : try root.open(path, [.directory, .noFollow], rules: [.beneath, .noLinks, .noMagicLinks])
            try directory.setModified(seconds: time.seconds, nanoseconds: time.nanoseconds)
        } catch {
            guard [Errno.noEntry, Errno.notDirectory, Errno.tooManyLinks].contains(error.errno) else { throw error }
        }
    }

    private func flush() throws(KernelError) {
        let file: OwnedDescriptor
        if let spill {
            file = spill
        } else {
            file = try root.open(".", [.readWrite, .temporary], mode: 0o600)
            spill = file
        }
        try file.write(buffer)
        spilledBytes += Int64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }

    private func read(_ file: OwnedDescriptor, at offset: Int64) throws(KernelError) -> [UInt8] {
        let space = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(Self.bufferBytes, Int(spilledBytes - offset)), alignment: 8)
        defer { space.deallocate() }
        var done = 0
        while done < space.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: space[done...])
            let count = try file.read(into: rest, at: offset + Int64(done))
            if count == 0 { throw KernelError(call: "pread", on: "the times of directories", errno: Errno.inputOutput) }
            done += count
        }
        return Array(space)
    }

    private func append(_ number: UInt64) { withUnsafeBytes(of: number) { buffer += $0 } }

    private func number(in bytes: [UInt8], at offset: Int) -> UInt64 {
        bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }
}
