import ErofsFormat
import Testing

@Suite("the EROFS format") struct ErofsFormatTests {
    @Test("a superblock says where the root is, and is read back as it was written")
    func superblock() throws {
        let written = ErofsSuperblock(rootNumber: 2, inodes: 7, blocks: 90, metadataBlock: 88)
        let block = written.block
        #expect(block.count == 4_096)
        #expect(Array(block[1_024..<1_028]) == [0xE2, 0xE1, 0xF5, 0xE0])
        let read = try ErofsSuperblock(parsing: Array(block[..<ErofsSuperblock.prefixBytes]))
        #expect(read == written)
        #expect(read.rootOffset == 88 * 4_096 + 64)
    }

    @Test("what is no image is refused", arguments: [0, 100, 1_151, 4_096])
    func noImage(_ length: Int) {
        #expect(throws: (any Error).self) { try ErofsSuperblock(parsing: [UInt8](repeating: 1, count: length)) }
    }

    @Test("the root's owner, mode and time are read from its inode, and only a directory is a root")
    func root() throws {
        var inode = ErofsInode(
            mode: 0o041755, uid: 4, gid: 70_000, links: 3, size: 31, modifiedSeconds: -5, modifiedNanoseconds: 9,
            serial: 2, content: .blocksAndTail(start: 0))
        let root = try ErofsRoot(parsing: inode.bytes)
        #expect((root.mode, root.uid, root.gid) == (0o041755, 4, 70_000))
        #expect((root.modifiedSeconds, root.modifiedNanoseconds) == (-5, 9))
        inode.mode = 0o100644
        #expect(throws: (any Error).self) { try ErofsRoot(parsing: inode.bytes) }
    }

    @Test("an inode is 64 bytes, its attributes follow in steps of four")
    func attributes() {
        var attributes = ErofsAttributes()
        func add(_ name: String, _ value: [UInt8]) -> Bool { attributes.add(Array(name.utf8), value) }
        #expect(add("user.a", [1, 2, 3]))
        #expect(attributes.bytes.count == 12 + 8)
        #expect(add("security.capability", [UInt8](repeating: 7, count: 20)))
        #expect(attributes.bytes.count % 4 == 0)
        #expect(Array(attributes.bytes[12..<20]) == [1, 1, 3, 0, UInt8(ascii: "a"), 1, 2, 3])
        #expect(!add("system.other", []))
        #expect(!add("user.", []))
        #expect(!add("user.large", [UInt8](repeating: 0, count: 65_536)))
    }

    @Test("names of a directory are in the order of their bytes, in blocks of their own")
    func directory() {
        let names = (0..<600).map { "name-\(String($0, radix: 2))" } + ["+", "Z", "~"]
        let directory = ErofsDirectory(names.map { .init(name: Array($0.utf8), kind: .regular) })
        let shown = directory.entries.map { String(decoding: $0.name, as: UTF8.self) }
        #expect(shown.count == names.count + 2)
        #expect(shown == shown.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
        #expect(shown[0] == "+" && shown[1] == "." && shown[2] == "..")
        let bytes = directory.bytes(directory.entries.indices.map(UInt64.init))
        #expect(UInt64(bytes.count) == directory.size)
        var read: [String] = []
        for start in stride(from: 0, to: bytes.count, by: 4_096) {
            read += Self.names(Array(bytes[start..<min(start + 4_096, bytes.count)]))
        }
        #expect(read == shown)
    }

    /// As the kernel reads a block: the first entry says where names begin, and with it how many there are.
    private static func names(_ block: [UInt8]) -> [String] {
        func offset(_ entry: Int) -> Int { Int(block[entry * 12 + 8]) | Int(block[entry * 12 + 9]) << 8 }
        let count = offset(0) / 12
        return (0..<count).map { entry in
            let end = entry + 1 < count ? offset(entry + 1) : block.count
            return String(decoding: block[offset(entry)..<end].prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    @Test("an inode does not cross a block, nor does a tail, and number 0 is nobody's")
    func placement() {
        var placement = ErofsPlacement()
        var last: UInt64 = 0
        for index in 0..<5_000 {
            let attributes = index % 7 == 0 ? 12 + index % 40 * 4 : 0
            let tail = index * 31 % 2_049
            let place = placement.place(attributeBytes: attributes, tailBytes: tail)
            #expect(place > last && place % 64 == 0 && ErofsPlacement.number(of: place) > 0)
            let start = place + 64 + UInt64(attributes)
            if tail > 0 { #expect(start / 4_096 == (start + UInt64(tail) - 1) / 4_096) }
            #expect(placement.end == start + UInt64(tail))
            last = place
        }
    }
}
