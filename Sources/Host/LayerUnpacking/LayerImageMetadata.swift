import ErofsFormat
import LinuxKernel

/// Turns the tree in memory into the metadata of its image, in two passes: the first walks over it and gives each inode
/// its place, because a directory states the places of what is in it, the second writes what the first has seen.
struct LayerImageMetadata {
    private let contents: LayerImage
    private let walk: LayerTreeWalk
    private let notes: LayerTreeNotes
    /// Whether any file may have extended attributes, not only those whose entries had some.
    private let asksEach: Bool
    /// The same file as the contents', gathered apart from them.
    private let metadata: GatheredFile
    private var placement = ErofsPlacement()
    /// Places from the first block of metadata on, and blocks of directories, by inode number in the tree.
    private var places: [UInt64: UInt64] = [:]
    private var directoryBlocks: [UInt64: UInt32] = [:]
    /// Of the few files that have any.
    private var attributes: [UInt64: ErofsAttributes] = [:]

    /// - Parameter asksEach: whether every file is asked for extended attributes, because some inherited them.
    init(of root: OwnedDescriptor, contents: LayerImage, asksEach: Bool) throws(KernelError) {
        self.contents = contents
        self.asksEach = asksEach
        notes = try LayerTreeNotes(beside: root)
        walk = LayerTreeWalk(root: root)
        metadata = GatheredFile(contents.image.file)
    }

    /// Completes the image; nothing can be added to it afterwards.
    mutating func write() throws(KernelError) {
        try placeAll()
        let first = contents.nextBlock
        let blocks = first + ErofsGeometry.blocks(placement.end)
        guard let root = places[try walk.root.status().inode], blocks <= UInt64(UInt32.max) else {
            throw KernelError(call: "write: the image is longer than its block numbers", errno: Errno.fileTooBig)
        }
        try writeAll(from: Int64(first) * Int64(ErofsGeometry.blockBytes))
        try contents.image.flush()
        try metadata.flush()
        let file = contents.image.file
        try file.truncate(to: Int64(blocks) * Int64(ErofsGeometry.blockBytes))
        let superblock = ErofsSuperblock(
            rootNumber: UInt16(ErofsPlacement.number(of: root)), inodes: UInt64(places.count), blocks: UInt32(blocks),
            metadataBlock: UInt32(first))
        try metadata.write(superblock.block, at: 0)
        try metadata.flush()
    }

    // MARK: First pass

    private mutating func placeAll() throws(KernelError) {
        var pass = self
        try walk.run { directory throws(KernelError) in try pass.place(directory) }
        self = pass
    }

    private mutating func place(_ directory: LayerTreeWalk.Directory) throws(KernelError) {
        let inode = directory.status.inode
        var noted = LayerTreeNotes.Directory(
            node: .init(directory.status), parent: directory.parent, children: [])
        noted.children.reserveCapacity(directory.children.count)
        for child in directory.children {
            let target = child.status.kind == .link ? try directory.descriptor.linkTarget(child.name).bytes : []
            noted.children.append(.init(node: .init(child.status), name: child.name.bytes, target: target))
        }
        try notes.add(noted)
        let size = Self.listing(noted).size
        let attributes = try noteAttributes(of: directory.descriptor, inode)
        let tail = LayerImage.tailBytes(of: size)
        places[inode] = placement.place(attributeBytes: attributes, tailBytes: tail)
        directoryBlocks[inode] = try contents.take(blocks: ErofsGeometry.blocks(size - UInt64(tail)))
        for child in directory.children where child.status.kind != .directory {
            try place(child, in: directory.descriptor)
        }
    }

    private mutating func place(_ child: LayerTreeWalk.Child, in parent: OwnedDescriptor) throws(KernelError) {
        let status = child.status
        // Another name of a file that has its place.
        if places[status.inode] != nil { return }
        var attributeBytes = 0
        var tail = 0
        switch status.kind {
        case .regular:
            if asksEach || contents.attributed.contains(status.inode) {
                let file = try parent.open(child.name, [.readOnly, .noFollow])
                attributeBytes = try noteAttributes(of: file, status.inode)
            }
            tail = contents.extents[status.inode]?.tailBytes ?? 0
        case .link:
            tail = Self.linkTail(UInt64(status.size))
            if tail == 0 {
                directoryBlocks[status.inode] = try contents.take(blocks: ErofsGeometry.blocks(UInt64(status.size)))
            }
        default: break
        }
        places[status.inode] = placement.place(attributeBytes: attributeBytes, tailBytes: tail)
    }

    /// How many bytes they take.
    private mutating func noteAttributes(of file: OwnedDescriptor, _ inode: UInt64) throws(KernelError) -> Int {
        let names = try file.attributeNames()
        if names.isEmpty { return 0 }
        var found = ErofsAttributes()
        for name in names {
            guard found.add(name.bytes, try file.attribute(name)) else {
                throw KernelError(call: "fsetxattr", on: name.description, errno: Errno.noSpace)
            }
        }
        attributes[inode] = found
        return found.bytes.count
    }

    private static func listing(_ directory: LayerTreeNotes.Directory) -> ErofsDirectory {
        ErofsDirectory(directory.children.map { ErofsDirectory.Entry(name: $0.name, kind: $0.node.kind) })
    }

    /// The target of a link is all beside its inode, or all in a block.
    private static func linkTail(_ size: UInt64) -> Int { size <= UInt64(ErofsGeometry.tailBytesMax) ? Int(size) : 0 }

    // MARK: Second pass

    private func writeAll(from start: Int64) throws(KernelError) {
        var written: Set<UInt64> = []
        try notes.forEach { directory throws(KernelError) in
            try write(directory, from: start)
            for child in directory.children where child.node.kind != .directory {
                if child.node.links > 1, !written.insert(child.node.inode).inserted { continue }
                try write(child, from: start)
            }
        }
    }

    private func write(_ directory: LayerTreeNotes.Directory, from start: Int64) throws(KernelError) {
        let inode = directory.node.inode
        let listing = Self.listing(directory)
        // Its entries are the children in their order, with the two that every directory has among them.
        var children = directory.children.makeIterator()
        var numbers: [UInt64] = []
        numbers.reserveCapacity(listing.entries.count)
        for entry in listing.entries {
            let named: UInt64? =
                switch entry.name {
                case Self.itself: inode
                case Self.above: directory.parent
                default: children.next()?.node.inode
                }
            guard let place = named.flatMap({ places[$0] }) else {
                throw KernelError(call: "readdir: the tree changed while it was read", errno: Errno.inputOutput)
            }
            numbers.append(ErofsPlacement.number(of: place))
        }
        let bytes = listing.bytes(numbers)
        let whole = bytes.count - LayerImage.tailBytes(of: listing.size)
        let first = directoryBlocks[inode, default: 0]
        if whole > 0 {
            try contents.image.write(Array(bytes[..<whole]), at: Int64(first) * Int64(ErofsGeometry.blockBytes))
        }
        try write(directory.node, size: listing.size, block: first, tail: Array(bytes[whole...]), from: start)
    }

    private static let itself: [UInt8] = [0x2E]
    private static let above: [UInt8] = [0x2E, 0x2E]

    private func write(_ child: LayerTreeNotes.Child, from start: Int64) throws(KernelError) {
        let node = child.node
        switch node.kind {
        case .regular:
            guard let extent = contents.extents[node.inode] else {
                return try write(node, size: 0, block: 0, tail: [], from: start)
            }
            let tail = extent.tailBytes == 0 ? [] : try contents.readTail(extent)
            try write(node, size: extent.size, block: extent.firstBlock, tail: tail, from: start)
        case .link:
            let target = child.target
            let block = directoryBlocks[node.inode]
            if let block { try contents.image.write(target, at: Int64(block) * Int64(ErofsGeometry.blockBytes)) }
            try write(
                node, size: UInt64(target.count), block: block ?? 0, tail: block == nil ? target : [], from: start)
        default:
            try write(node, size: 0, block: nil, tail: [], from: start)
        }
    }

    /// `block` is nil for what has no content: the whiteouts, 0:0, and fifos.
    private func write(
        _ node: LayerTreeNotes.Node, size: UInt64, block: UInt32?, tail: [UInt8], from start: Int64
    ) throws(KernelError) {
        guard let place = places[node.inode] else {
            throw KernelError(call: "stat: the tree changed while it was read", errno: Errno.inputOutput)
        }
        let inode = ErofsInode(
            mode: Self.type(node.kind) | node.mode, uid: node.uid, gid: node.gid,
            links: UInt32(clamping: node.links), size: size, modifiedSeconds: node.modifiedSeconds,
            modifiedNanoseconds: UInt32(clamping: node.modifiedNanoseconds),
            serial: UInt32(truncatingIfNeeded: ErofsPlacement.number(of: place)),
            content: block.map { tail.isEmpty ? .blocks(start: $0) : .blocksAndTail(start: $0) } ?? .device(0),
            attributes: attributes[node.inode] ?? ErofsAttributes())
        try metadata.write(inode.bytes + tail, at: start + Int64(place))
    }

    private static func type(_ kind: ErofsDirectory.Kind) -> UInt32 {
        switch kind {
        case .regular, .unknown: 0o100000
        case .directory: 0o040000
        case .link: 0o120000
        case .character: 0o020000
        case .block: 0o060000
        case .fifo: 0o010000
        case .socket: 0o140000
        }
    }
}
