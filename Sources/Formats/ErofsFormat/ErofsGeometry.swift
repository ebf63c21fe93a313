/// The numbers of the EROFS on-disk format that our images use, all little-endian. Of what the format offers we write
/// the oldest part, which every kernel since 5.4 reads: extended inodes, contents in whole blocks, the end of a short
/// content beside its inode, attributes beside it as well, no compression. See fs/erofs/erofs_fs.h and
/// Documentation/filesystems/ erofs.rst of Linux.
public enum ErofsGeometry {
    public static let blockBytes = 4_096
    static let blockBits: UInt8 = 12
    static let magic: UInt32 = 0xE0F5_E1E2
    static let superblockOffset = 1_024
    static let superblockBytes = 128
    /// Inodes begin at multiples of this, counted from the first block of metadata; the count is the inode's number.
    static let slotBytes = 32
    static let inodeBytes = 64
    static let attributeHeaderBytes = 12
    static let attributeEntryBytes = 4
    static let directoryEntryBytes = 12
    /// The superblock has 16 bits for the root's number.
    static let rootNumberMax = UInt64(UInt16.max)
    /// Ends of contents up to this long stand beside their inode; longer ones get a block of their own, so that less
    /// than half of it is lost either way.
    public static let tailBytesMax = 2_048

    public static func blocks(_ bytes: UInt64) -> UInt64 { (bytes + UInt64(blockBytes - 1)) / UInt64(blockBytes) }
}

/// Numbers appended as the format has them.
extension [UInt8] {
    mutating func append<Number: FixedWidthInteger>(little number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { self += $0 }
    }
}
