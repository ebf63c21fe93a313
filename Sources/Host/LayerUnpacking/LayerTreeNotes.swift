import ErofsFormat
import LinuxKernel

/// What one walk over a layer's tree saw, in its order, for whoever needs it a second time: in an unnamed file beside
/// the tree, so that memory does not depend on how many files there are. First everything is added, then everything
/// read.
struct LayerTreeNotes {
    /// One file as it was seen, kept as the bytes it is.
    struct Node: BitwiseCopyable {
        var inode: UInt64
        var links: UInt64
        var modifiedSeconds: Int64
        var modifiedNanoseconds: Int64
        /// 07777.
        var mode: UInt32
        var uid: UInt32
        var gid: UInt32
        private var type: UInt8

        init(_ status: FileStatus) {
            inode = status.inode
            links = status.links
            modifiedSeconds = status.modifiedSeconds
            modifiedNanoseconds = status.modifiedNanoseconds
            mode = status.mode
            uid = status.uid
            gid = status.gid
            type = ErofsDirectory.Kind(status.kind).rawValue
        }

        var kind: ErofsDirectory.Kind { ErofsDirectory.Kind(rawValue: type) ?? .unknown }
    }

    /// What is in a directory: its name there, and where it leads if it is a link.
    struct Child {
        var node: Node
        var name: [UInt8]
        var target: [UInt8]
    }

    struct Directory {
        var node: Node
        /// Inode number of the directory it is in; its own for the root.
        var parent: UInt64
        /// In the order of their names.
        var children: [Child]
    }

    private let file: GatheredFile

    init(beside root: OwnedDescriptor) throws(KernelError) {
        file = GatheredFile(try root.open(".", [.readWrite, .temporary], mode: 0o600))
    }

    func add(_ directory: Directory) throws(KernelError) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity((directory.children.count + 1) * 128)
        bytes.append(plain: directory.node)
        bytes.append(plain: directory.parent)
        bytes.append(plain: directory.children.count)
        for child in directory.children {
            bytes.append(plain: child.node)
            for text in [child.name, child.target] {
                bytes.append(plain: text.count)
                bytes += text
            }
        }
        try file.write(bytes, at: file.end)
    }

    /// Gives every directory again, in the order in which they were added.
    func forEach(_ body: (Directory) throws(KernelError) -> Void) throws(KernelError) {
        try file.flush()
        var reader = Reader(file: file.file, end: file.end)
        while let directory = try reader.next() { try body(directory) }
    }

    private struct Reader {
        let file: OwnedDescriptor
        let end: Int64
        private var window: [UInt8] = []
        private var position = 0
        private var offset: Int64 = 0

        private static let windowBytes: Int64 = 256 << 10

        init(file: OwnedDescriptor, end: Int64) {
            self.file = file
            self.end = end
        }

        mutating func next() throws(KernelError) -> Directory? {
            if position == window.count, offset == end { return nil }
            let node = try plain(Node.self)
            let parent = try plain(UInt64.self)
            let count = try plain(Int.self)
            var children: [Child] = []
            children.reserveCapacity(count)
            for _ in 0..<count {
                children.append(Child(node: try plain(Node.self), name: try text(), target: try text()))
            }
            return Directory(node: node, parent: parent, children: children)
        }

        private mutating func plain<Value: BitwiseCopyable>(_ type: Value.Type) throws(KernelError) -> Value {
            let size = MemoryLayout<Value>.size
            try hold(size)
            defer { position += size }
            return window.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: type) }
        }

        private mutating func text() throws(KernelError) -> [UInt8] {
            let count = try plain(Int.self)
            try hold(count)
            defer { position += count }
            return Array(window[position..<position + count])
        }

        /// Reads on until the next `count` bytes are in the window.
        private mutating func hold(_ count: Int) throws(KernelError) {
            if window.count - position >= count { return }
            window.removeFirst(position)
            position = 0
            let wanted = max(Self.windowBytes, Int64(count))
            let more = try file.readBytes(Int(min(wanted, end - offset)), at: offset)
            offset += Int64(more.count)
            window += more
            guard window.count >= count else {
                throw KernelError(call: "pread", on: "the notes of the tree", errno: Errno.inputOutput)
            }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append<Value: BitwiseCopyable>(plain value: Value) {
        Swift.withUnsafeBytes(of: value) { self += $0 }
    }
}
