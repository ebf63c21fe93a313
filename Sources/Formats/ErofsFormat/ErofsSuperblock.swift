public import Diagnostics

/// What an image says of itself.
public struct ErofsSuperblock: Equatable, Sendable {
    public var rootNumber: UInt16
    public var inodes: UInt64
    /// Of the whole image.
    public var blocks: UInt32
    /// First block of metadata; numbers of inodes count from there.
    public var metadataBlock: UInt32

    public init(rootNumber: UInt16, inodes: UInt64, blocks: UInt32, metadataBlock: UInt32) {
        self.rootNumber = rootNumber
        self.inodes = inodes
        self.blocks = blocks
        self.metadataBlock = metadataBlock
    }

    /// The image's first block. Nothing in it depends on when or where it was made.
    public var block: [UInt8] {
        var result = [UInt8](repeating: 0, count: ErofsGeometry.superblockOffset)
        result.append(little: ErofsGeometry.magic)
        result.append(little: UInt32(0))  // checksum, not used
        result.append(little: UInt32(0))  // compatible features
        result.append(ErofsGeometry.blockBits)
        result.append(0)  // no extension slots
        result.append(little: rootNumber)
        result.append(little: inodes)
        result.append(little: UInt64(0))  // time of the image, for compact inodes
        result.append(little: UInt32(0))
        result.append(little: blocks)
        result.append(little: metadataBlock)
        result.append(little: UInt32(0))  // shared attributes: none
        result += [UInt8](repeating: 0, count: 16)  // UUID
        result += Array("bulkhead".utf8) + [UInt8](repeating: 0, count: 8)
        result.append(little: UInt32(0))  // incompatible features
        result += [UInt8](repeating: 0, count: ErofsGeometry.blockBytes - result.count)
        return result
    }

    /// How many bytes from the image's beginning `init(parsing:)` wants.
    public static let prefixBytes = ErofsGeometry.superblockOffset + ErofsGeometry.superblockBytes

    /// - Throws: `erofs.invalid`.
    public init(parsing prefix: [UInt8]) throws(Failure) {
        let base = ErofsGeometry.superblockOffset
        guard prefix.count >= Self.prefixBytes, prefix.little(UInt32.self, at: base) == ErofsGeometry.magic,
            prefix[base + 12] == ErofsGeometry.blockBits
        else {
            throw Failure("erofs.invalid", doing: "read the layer's image", cause: "it is none of ours")
        }
        rootNumber = prefix.little(UInt16.self, at: base + 14)
        inodes = prefix.little(UInt64.self, at: base + 16)
        blocks = prefix.little(UInt32.self, at: base + 36)
        metadataBlock = prefix.little(UInt32.self, at: base + 40)
    }

    /// Where the root's inode is, and how long it is without attributes.
    public var rootOffset: UInt64 {
        UInt64(metadataBlock) * UInt64(ErofsGeometry.blockBytes) + UInt64(rootNumber)
            * UInt64(ErofsGeometry.slotBytes)
    }
    public static let rootBytes = ErofsGeometry.inodeBytes
}

/// Owner, mode and time of a directory, as its inode has them.
public struct ErofsRoot: Equatable, Sendable {
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32
    public var modifiedSeconds: Int64
    public var modifiedNanoseconds: UInt32

    /// - Throws: `erofs.invalid` when it is no extended inode of a directory.
    public init(parsing inode: [UInt8]) throws(Failure) {
        guard inode.count >= ErofsGeometry.inodeBytes, inode[0] & 1 == 1 else {
            throw Failure("erofs.invalid", doing: "read the root of the layer's image", cause: "it is none of ours")
        }
        mode = UInt32(inode.little(UInt16.self, at: 4))
        guard mode & 0o170000 == 0o040000 else {
            throw Failure("erofs.invalid", doing: "read the root of the layer's image", cause: "it is no directory")
        }
        uid = inode.little(UInt32.self, at: 24)
        gid = inode.little(UInt32.self, at: 28)
        modifiedSeconds = Int64(bitPattern: inode.little(UInt64.self, at: 32))
        modifiedNanoseconds = inode.little(UInt32.self, at: 40)
    }
}

extension [UInt8] {
    fileprivate func little<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        withUnsafeBytes { Number(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
    }
}
