public import LinuxKernel

/// How much disk a tree takes, as du(1) counts it: blocks, each file once however many names it has here.
public struct TreeSize: Equatable, Sendable {
    /// Bytes on disk.
    public var bytes: UInt64 = 0
    public var entries = 0
    /// False when the walk stopped at its bound: there is more.
    public var isComplete = true

    /// Walks the tree below `directory` without entering links or other mounts, at most `entriesMax` entries. What
    /// disappears meanwhile is not counted. Blocks.
    public static func below(
        _ directory: OwnedDescriptor, entriesMax: Int = 1_000_000
    ) throws(KernelError) -> TreeSize {
        var walk = Walk(device: try directory.status().device, entriesMax: entriesMax)
        try walk.enter(directory, depth: 0)
        return walk.size
    }

    private struct Walk {
        let device: UInt64
        let entriesMax: Int
        var size = TreeSize()
        private var linked: Set<UInt64> = []
        /// A descriptor is held for each level, so the depth has a bound of its own.
        private static let depthMax = 256
        /// Names held for each level, however many there are.
        private static let part = 256

        init(device: UInt64, entriesMax: Int) {
            self.device = device
            self.entriesMax = entriesMax
        }

        mutating func enter(_ directory: OwnedDescriptor, depth: Int) throws(KernelError) {
            var position: Int?
            repeat {
                let part = try directory.entries(from: position, atMost: Self.part)
                for entry in part.entries {
                    guard size.entries < entriesMax else {
                        size.isComplete = false
                        return
                    }
                    try count(entry.name, in: directory, depth: depth)
                }
                position = part.next
            } while position != nil
        }

        private mutating func count(
            _ name: RawPath, in directory: OwnedDescriptor, depth: Int
        ) throws(KernelError) {
            do throws(KernelError) {
                let status = try directory.status(of: name)
                guard status.device == device else { return }
                size.entries += 1
                if status.kind != .directory, status.links > 1, !linked.insert(status.inode).inserted { return }
                size.bytes += UInt64(max(0, status.blocks)) * 512
                guard status.kind == .directory else { return }
                guard depth < Self.depthMax else {
                    size.isComplete = false
                    return
                }
                let inner = try directory.open(
                    name, [.directory, .noFollow], rules: [.beneath, .noLinks, .noCrossDevice])
                try enter(inner, depth: depth + 1)
            } catch {
                let gone = [Errno.noEntry, Errno.notDirectory, Errno.tooManyLinks, Errno.crossDevice]
                if !gone.contains(error.errno) { throw error }
            }
        }
    }
}
