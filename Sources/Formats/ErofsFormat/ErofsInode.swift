/// What an image says of one file: an extended inode. Its attributes, and the end of its content where that is kept
/// beside it, follow in the image.
public struct ErofsInode: Equatable, Sendable {
    /// Where the content is.
    public enum Content: Equatable, Sendable {
        /// Whole blocks from `start` on; the last one may be filled up with zeros.
        case blocks(start: UInt32)
        /// Whole blocks from `start` on, and what is left of `size` behind the inode, all of it in one block.
        case blocksAndTail(start: UInt32)
        /// No content: a device, as the kernel encodes its number in memory, a fifo or a socket.
        case device(UInt32)
    }

    /// Type and permissions, inode(7).
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32
    public var links: UInt32
    public var size: UInt64
    public var modifiedSeconds: Int64
    public var modifiedNanoseconds: UInt32
    /// What stat(2) shows; different for each file of an image.
    public var serial: UInt32
    public var content: Content
    public var attributes: ErofsAttributes

    public init(
        mode: UInt32, uid: UInt32, gid: UInt32, links: UInt32, size: UInt64, modifiedSeconds: Int64,
        modifiedNanoseconds: UInt32, serial: UInt32, content: Content, attributes: ErofsAttributes = ErofsAttributes()
    ) {
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.links = links
        self.size = size
        self.modifiedSeconds = modifiedSeconds
        self.modifiedNanoseconds = modifiedNanoseconds
        self.serial = serial
        self.content = content
        self.attributes = attributes
    }

    private static let plain: UInt16 = 0
    private static let inline: UInt16 = 2
    private static let extended: UInt16 = 1

    /// The inode and its attributes, without the tail.
    public var bytes: [UInt8] {
        let layout: UInt16
        let place: UInt32
        switch content {
        case .blocks(let start): (layout, place) = (Self.plain, start)
        case .blocksAndTail(let start): (layout, place) = (Self.inline, start)
        case .device(let number): (layout, place) = (Self.plain, number)
        }
        var result: [UInt8] = []
        result.reserveCapacity(ErofsGeometry.inodeBytes + attributes.bytes.count)
        result.append(little: Self.extended | layout << 1)
        result.append(little: attributes.count)
        result.append(little: UInt16(truncatingIfNeeded: mode))
        result.append(little: UInt16(0))
        result.append(little: size)
        result.append(little: place)
        result.append(little: serial)
        result.append(little: uid)
        result.append(little: gid)
        result.append(little: UInt64(bitPattern: modifiedSeconds))
        result.append(little: modifiedNanoseconds)
        result.append(little: links)
        result += [UInt8](repeating: 0, count: 16)
        return result + attributes.bytes
    }
}

/// Extended attributes as they stand behind an inode.
public struct ErofsAttributes: Equatable, Sendable {
    /// Empty without attributes, otherwise the header and the entries, a multiple of four bytes.
    public private(set) var bytes: [UInt8] = []

    /// Beyond it the inode's field for their length overflows.
    public static let bytesMax = 64 << 10

    public init() {}

    /// Adds one. False when the image has no form for it: a name of no known kind, or too much in all.
    public mutating func add(_ name: [UInt8], _ value: [UInt8]) -> Bool {
        guard let (index, rest) = Self.split(name), rest.count <= 255, value.count <= Int(UInt16.max) else {
            return false
        }
        var entry: [UInt8] = [UInt8(rest.count), index]
        entry.append(little: UInt16(value.count))
        entry += rest
        entry += value
        while entry.count % ErofsGeometry.attributeEntryBytes != 0 { entry.append(0) }
        let header = bytes.isEmpty ? ErofsGeometry.attributeHeaderBytes : 0
        guard bytes.count + header + entry.count <= Self.bytesMax else { return false }
        bytes += [UInt8](repeating: 0, count: header)
        bytes += entry
        return true
    }

    /// As the inode states it: one for the header, one for each four bytes after it.
    var count: UInt16 {
        if bytes.isEmpty { return 0 }
        return UInt16(1 + (bytes.count - ErofsGeometry.attributeHeaderBytes) / ErofsGeometry.attributeEntryBytes)
    }

    private static func split(_ name: [UInt8]) -> (index: UInt8, rest: ArraySlice<UInt8>)? {
        for (prefix, index, isWhole) in prefixes where name.starts(with: prefix.utf8) {
            let rest = name.dropFirst(prefix.utf8.count)
            if isWhole == rest.isEmpty { return (index, rest) }
        }
        return nil
    }

    /// Names are kept without what they begin with; the lists of access rights are nothing but that.
    private static let prefixes: [(String, UInt8, Bool)] = [
        ("user.", 1, false), ("system.posix_acl_access", 2, true), ("system.posix_acl_default", 3, true),
        ("trusted.", 4, false), ("security.", 6, false),
    ]
}
