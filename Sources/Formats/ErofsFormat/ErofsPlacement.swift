/// Gives each inode its place among the metadata, one after another. The root comes first.
public struct ErofsPlacement: Sendable {
    /// Bytes given away so far. Number 0, which readdir(3) takes for "no file", is given to nobody.
    public private(set) var end = UInt64(ErofsGeometry.inodeBytes)

    public init() {}

    /// The offset, from the first block of metadata, of an inode with `attributeBytes` of attributes and a tail. A tail
    /// never crosses the border of a block; attributes may, and so that an inode itself does not, it starts at a
    /// multiple of its size.
    public mutating func place(attributeBytes: Int, tailBytes: Int) -> UInt64 {
        let inode = UInt64(ErofsGeometry.inodeBytes)
        let block = UInt64(ErofsGeometry.blockBytes)
        var start = (end + inode - 1) / inode * inode
        if tailBytes > 0 {
            // Moved on until the tail, where it then lies, is within one block.
            while true {
                let tail = start + inode + UInt64(attributeBytes)
                if tail % block + UInt64(tailBytes) <= block { break }
                start += inode
            }
        }
        end = start + inode + UInt64(attributeBytes) + UInt64(tailBytes)
        return start
    }

    /// The number of the inode at an offset `place` gave.
    public static func number(of offset: UInt64) -> UInt64 { offset / UInt64(ErofsGeometry.slotBytes) }
}
