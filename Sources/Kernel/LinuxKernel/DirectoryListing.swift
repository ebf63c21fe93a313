import CLinux
import Glibc

/// Listing directories. Whoever fills one decides how many names it has: what was not made by us alone is listed with
/// `forEachEntry` or in parts, which take as much memory for ten million names as for ten.
extension OwnedDescriptor {
    /// Every entry but `.` and `..`, in the file system's order, all of them in memory. See readdir(3).
    public func entries() throws(KernelError) -> [DirectoryEntry] {
        var result: [DirectoryEntry] = []
        try forEachEntry { (entry: DirectoryEntry) throws(KernelError) -> Bool in
            result.append(entry)
            return true
        }
        return result
    }

    /// At most `count` entries of this directory in the file system's order, from its start each time. For removing
    /// directories of any width with bounded memory.
    public func firstEntries(_ count: Int) throws(KernelError) -> [DirectoryEntry] {
        var result: [DirectoryEntry] = []
        guard count > 0 else { return result }
        try forEachEntry { (entry: DirectoryEntry) throws(KernelError) -> Bool in
            result.append(entry)
            return result.count < count
        }
        return result
    }

    /// Gives `body` one entry after another, but `.` and `..`, until it answers false. The kernel is asked for a few
    /// hundred at a time. An entry that is removed or added meanwhile may be given or not; the others all are.
    public func forEachEntry(_ body: (DirectoryEntry) throws(KernelError) -> Bool) throws(KernelError) {
        let stream = try openStream()
        defer { closedir(stream) }
        while let entry = try Self.nextEntry(of: stream) {
            guard try body(entry) else { return }
        }
    }

    /// A part of a directory: at most `count` entries from `position` on, and where the next part begins; nil at the
    /// end. No descriptor is held between parts. Positions are the file system's own, see telldir(3).
    public func entries(
        from position: Int?, atMost count: Int
    ) throws(KernelError) -> (entries: [DirectoryEntry], next: Int?) {
        let stream = try openStream()
        defer { closedir(stream) }
        if let position { seekdir(stream, position) }
        var result: [DirectoryEntry] = []
        while result.count < count {
            guard let entry = try Self.nextEntry(of: stream) else { return (result, nil) }
            result.append(entry)
        }
        let next = telldir(stream)
        // It would begin there again for ever.
        guard next != position else { throw KernelError(call: "telldir: the listing does not go on", errno: EIO) }
        return (result, next)
    }

    private func openStream() throws(KernelError) -> OpaquePointer {
        // fdopendir(3) takes the descriptor over and reads from its position, so it gets one of its own.
        let own = try checked("openat", on: ".") { bh_openat(number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0) }
        if let stream = fdopendir(own) { return stream }
        let problem = errno
        close(own)
        throw KernelError(call: "fdopendir", errno: problem)
    }

    private static func nextEntry(of stream: OpaquePointer) throws(KernelError) -> DirectoryEntry? {
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw KernelError(call: "readdir", errno: errno) }
                return nil
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: UInt8.self, capacity: 256) { pointer in
                    RawPath(bytes: UnsafeBufferPointer(start: pointer, count: strlen(pointer)))
                }
            }
            if name == itself || name == above { continue }
            return DirectoryEntry(name: name, kind: kind(of: entry.pointee.d_type))
        }
    }

    private static let itself: RawPath = "."
    private static let above: RawPath = ".."

    private static func kind(of type: UInt8) -> FileStatus.Kind? {
        switch Int(type) {
        case 8: .regular
        case 4: .directory
        case 10: .link
        case 2: .character
        case 6: .block
        case 1: .fifo
        case 12: .socket
        default: nil
        }
    }
}
