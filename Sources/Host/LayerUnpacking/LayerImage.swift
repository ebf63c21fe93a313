import ErofsFormat
import LinuxKernel

/// A layer as one file: an EROFS image (Docs/Decisions/0150).
///
/// Names, owners, modes and attributes are made as for a directory, in a file system in memory, by the same code. Only
/// the bytes of regular files go elsewhere, straight to the image as they come out of the archive; so one file is
/// written instead of one for each entry. At the end the tree in memory is read and becomes the image's metadata.
final class LayerImage: LayerContent {
    /// Where a file's content went.
    struct Extent {
        var firstBlock: UInt32
        var size: UInt64
        /// Where its end waits until it is put beside its inode.
        var tailOffset: Int64
        var tailBytes: Int { tailBytesOf(size) }
    }

    static let name: RawPath = "fs.erofs"
    /// The image without the metadata, which comes last.
    let image: GatheredFile
    /// The ends of contents.
    private let tails: GatheredFile
    /// By inode number in the tree in memory.
    private(set) var extents: [UInt64: Extent] = [:]
    /// Of these, those with extended attributes of their own.
    private(set) var attributed: Set<UInt64> = []
    /// The block after the last one in use. The first is the superblock's.
    private(set) var nextBlock: UInt64 = 1

    private var inode: UInt64 = 0
    private var extent = Extent(firstBlock: 0, size: 0, tailOffset: 0)
    private var tail: [UInt8] = []

    /// Makes the image in `directory`, which must not have one.
    init(in directory: OwnedDescriptor) throws(KernelError) {
        image = GatheredFile(
            try directory.open(Self.name, [.readWrite, .create, .exclusive, .noFollow], mode: 0o600))
        tails = GatheredFile(try directory.open(".", [.readWrite, .temporary], mode: 0o600))
    }

    static func tailBytes(of size: UInt64) -> Int { tailBytesOf(size) }

    func begin(_ file: OwnedDescriptor, inode: UInt64, size: Int64) throws(KernelError) {
        self.inode = inode
        extent = Extent(firstBlock: 0, size: UInt64(size), tailOffset: tails.end)
        tail = [UInt8](repeating: 0, count: extent.tailBytes)
        extent.firstBlock = try take(blocks: ErofsGeometry.blocks(extent.size - UInt64(extent.tailBytes)))
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(KernelError) {
        let split = max(0, min(Int64(bytes.count), Int64(extent.size) - Int64(extent.tailBytes) - offset))
        let whole = UnsafeRawBufferPointer(rebasing: bytes[..<Int(split)])
        if !whole.isEmpty {
            try image.write(whole, at: Int64(extent.firstBlock) * Int64(ErofsGeometry.blockBytes) + offset)
        }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[Int(split)...])
        if rest.isEmpty { return }
        let place = Int(offset + split - (Int64(extent.size) - Int64(extent.tailBytes)))
        tail.replaceSubrange(place..<place + rest.count, with: rest)
    }

    func end() throws(KernelError) {
        if !tail.isEmpty { try tails.write(tail, at: extent.tailOffset) }
        extents[inode] = extent
    }

    func noteAttributes() { attributed.insert(inode) }

    /// The next `blocks` blocks of the image.
    func take(blocks: UInt64) throws(KernelError) -> UInt32 {
        let first = nextBlock
        nextBlock += blocks
        guard nextBlock <= UInt64(UInt32.max) else {
            throw KernelError(call: "write: the image is longer than its block numbers", errno: Errno.fileTooBig)
        }
        return UInt32(first)
    }

    func readTail(_ extent: Extent) throws(KernelError) -> [UInt8] {
        try tails.flush()
        let bytes = try tails.file.readBytes(extent.tailBytes, at: extent.tailOffset)
        guard bytes.count == extent.tailBytes else {
            throw KernelError(call: "pread", on: "the ends of contents", errno: Errno.inputOutput)
        }
        return bytes
    }
}

private func tailBytesOf(_ size: UInt64) -> Int {
    let rest = Int(size % UInt64(ErofsGeometry.blockBytes))
    return rest <= ErofsGeometry.tailBytesMax ? rest : 0
}
