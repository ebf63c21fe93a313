import HostileArchives
import LinuxKernel
import Testing

/// What honest images hold, and must get exactly.
@Suite("good layers", .inBothForms) struct GoodLayerTests {
    /// Lives as long as the test.
    private let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    private func unpack(_ fill: (inout TarBuilder) -> Void) throws -> OwnedDescriptor {
        var tar = TarBuilder()
        fill(&tar)
        let (outcome, layer) = try sandbox.unpack(tar.ended(), into: "layer")
        try #require(outcome.exitStatus == 0, "\(outcome.last)")
        return layer
    }

    @Test("owner, mode with set-user-ID and time are as the archive says")
    func metadata() throws {
        let layer = try unpack { tar in
            for (name, kind) in [("file", TarBuilder.Kind.regular), ("dir/", .directory), ("fifo", .fifo)] {
                tar.add(name, kind, mode: 0o6751) { ($0.uid, $0.gid, $0.modified) = (100_000, 4_000_000, 0) }
            }
            tar.add("dir/in", text: "changes the directory's time")
            tar.add("link", .link, link: "nowhere") { ($0.uid, $0.gid, $0.modified) = (1, 2, 3) }
            tar.add("./", .directory, mode: 0o711) { ($0.uid, $0.modified) = (9, 12) }
        }
        for name in ["file", "dir", "fifo"] {
            let status = try layer.status(of: RawPath(name))
            #expect(status.mode == 0o6751, "\(name)")
            #expect((status.uid, status.gid, status.modifiedSeconds) == (100_000, 4_000_000, 0), "\(name)")
        }
        let link = try layer.status(of: "link")
        #expect((link.uid, link.gid, link.modifiedSeconds) == (1, 2, 3))
        let root = try layer.status()
        #expect((root.mode, root.uid, root.modifiedSeconds) == (0o711, 9, 12))
    }

    @Test("a directory that hands down its group changes nothing of what the archive says of what is in it")
    func inheritedGroup() throws {
        let layer = try unpack { tar in
            tar.add("shared/", .directory, mode: 0o2775) { $0.gid = 50 }
            tar.add("shared/roots", mode: 0o644, content: [1])
            tar.add("shared/theirs", mode: 0o2644, content: [1]) { $0.gid = 50 }
            tar.add("shared/plain/", .directory, mode: 0o755) { $0.gid = 50 }
            tar.add("shared/roots-own/", .directory, mode: 0o700)
        }
        let shared = try layer.open("shared", [.directory])
        for (name, mode, gid) in [
            ("roots", 0o644, 0), ("theirs", 0o2644, 50), ("plain", 0o755, 50), ("roots-own", 0o700, 0),
        ] as [(String, UInt32, UInt32)] {
            let status = try shared.status(of: RawPath(name))
            #expect((status.mode, status.gid, status.uid) == (mode, gid, 0), "\(name)")
        }
    }

    @Test("a file has the access rights its directory hands down, also one without attributes of its own")
    func inheritedAccess() throws {
        // user::rwx user:7:r-- group::r-x mask::r-x other::---.
        let list: [UInt8] =
            [2, 0, 0, 0] + [1, 0, 7, 0, 255, 255, 255, 255] + [2, 0, 4, 0, 7, 0, 0, 0]
            + [4, 0, 5, 0, 255, 255, 255, 255] + [0x10, 0, 5, 0, 255, 255, 255, 255]
            + [0x20, 0, 0, 0, 255, 255, 255, 255]
        let layer = try unpack { tar in
            tar.add("plain/", .directory)
            tar.attribute("system.posix_acl_default", list)
            tar.add("listed/", .directory)
            for directory in ["plain", "listed"] { tar.add("\(directory)/file", mode: 0o640, content: [1]) }
        }
        let (plain, listed) = (try layer.open("plain/file"), try layer.open("listed/file"))
        #expect(try plain.attributeNames().isEmpty)
        #expect(try listed.attributeNames() == ["system.posix_acl_access"])
        for file in [plain, listed] { #expect(try file.status().mode == 0o640) }
    }

    @Test("times keep their nanoseconds, and may be before 1970")
    func preciseTimes() throws {
        let layer = try unpack { tar in
            tar.pax([("mtime", "1234567890.123456789")])
            tar.add("precise")
            tar.pax([("mtime", "-86400")])
            tar.add("old")
        }
        let precise = try layer.status(of: "precise")
        #expect((precise.modifiedSeconds, precise.modifiedNanoseconds) == (1_234_567_890, 123_456_789))
        #expect(try layer.status(of: "old").modifiedSeconds == -86_400)
    }

    @Test("attributes and file capabilities survive")
    func attributes() throws {
        // cap_net_raw+ep: version 2 of struct vfs_cap_data.
        let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0] + [UInt8](repeating: 0, count: 12)
        // One access-control list: user::rw- user:7:r-- group::r-- mask::r-- other::---.
        let list: [UInt8] =
            [2, 0, 0, 0] + [1, 0, 6, 0, 255, 255, 255, 255] + [2, 0, 4, 0, 7, 0, 0, 0]
            + [4, 0, 4, 0, 255, 255, 255, 255] + [0x10, 0, 4, 0, 255, 255, 255, 255]
            + [0x20, 0, 0, 0, 255, 255, 255, 255]
        let layer = try unpack { tar in
            tar.attribute("security.capability", capability)
            tar.add("ping", mode: 0o755, content: [1]) { $0.uid = 5 }
            tar.attribute("user.binary", [0, 1, 0x0a, 0xff, 0])
            tar.add("plain")
            tar.attribute("system.posix_acl_access", list)
            tar.add("listed", mode: 0o640)
            tar.pax([("LIBARCHIVE.xattr.user.encoded", "AQID")])
            tar.add("directory/", .directory)
        }
        #expect(try layer.open("ping").attribute("security.capability") == capability)
        #expect(try layer.open("plain").attribute("user.binary") == [0, 1, 0x0a, 0xff, 0])
        #expect(try layer.open("listed").attribute("system.posix_acl_access") == list)
        #expect(try layer.open("directory", [.directory]).attribute("user.encoded") == [1, 2, 3])
    }

    @Test("long names of both kinds, and names that are no text, are kept byte for byte")
    func names() throws {
        let long = Array(repeating: String(repeating: "n", count: 200), count: 15).joined(separator: "/")
        let bytes: [UInt8] = [0x66, 0xff, 0xfe, 0x0a, 0x1b, 0xc3, 0x28]
        // e with a combining accent, which must not become the one-character form.
        let decomposed = Array("cafe\u{301}".utf8)
        let layer = try unpack { tar in
            tar.pax([("path", long + "/pax")])
            tar.add("short", text: "pax")
            tar.gnuLong(.longName, Array((long + "/gnu").utf8))
            tar.add("short", text: "gnu")
            tar.gnuLong(.longLink, Array(long.utf8))
            tar.add("link", .link, link: "short")
            tar.add(bytes, content: [1])
            tar.pax([("path", [0x70] + bytes)])
            tar.add("other", content: [2])
            tar.pax([("path", decomposed)])
            tar.add("cafe", content: [3])
            tar.pax([("linkpath", Array("z\u{fc}rich/".utf8) + bytes)])
            tar.add("rawlink", .link, link: "x")
        }
        #expect(try layer.exists(RawPath(long + "/pax")))
        #expect(try layer.exists(RawPath(long + "/gnu")))
        #expect(try layer.linkTarget("link") == RawPath(long))
        #expect(try layer.exists(RawPath(bytes: bytes)))
        #expect(try layer.open(RawPath(bytes: [0x70] + bytes)).readAll(limit: 9) == [2])
        #expect(try layer.open(RawPath(bytes: decomposed)).readAll(limit: 9) == [3])
        #expect(try layer.linkTarget("rawlink") == RawPath(bytes: Array("z\u{fc}rich/".utf8) + bytes))
        #expect(try layer.entries().count == 6)
    }

    @Test("sparse files have their holes, old GNU and PAX 1.0 alike")
    func sparse() throws {
        let data = [UInt8](repeating: 0x73, count: 512)
        let layer = try unpack { tar in
            tar.pax([
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "pax"),
                ("GNU.sparse.realsize", "10000000"),
            ])
            let map = Array("2\n1048576\n512\n10000000\n0\n".utf8)
            tar.add("x", content: map + [UInt8](repeating: 0, count: 512 - map.count) + data)
            tar.add("old", .oldSparse, content: data) { header in
                header.raw[257] = Array("ustar  \0".utf8)
                header.raw[386] = Array("00004000000\u{0}00000001000\u{0}".utf8)
                header.raw[483] = Array("00050000000\u{0}".utf8)
            }
        }
        for (name, size) in [("pax", Int64(10_000_000)), ("old", 10_485_760)] {
            let file = try layer.open(RawPath(name))
            let status = try file.status()
            #expect(status.size == size, "\(name)")
            // An image's own statuses count holes as well; the image itself has them.
            let onDisk = try sandbox.images[ObjectIdentifier(layer)]?.image.status() ?? status
            #expect(onDisk.blocks < 100, "\(name)")
            try file.seek(to: 1_048_576 - 1)
            var around = [UInt8](repeating: 9, count: 514)
            #expect(try around.withUnsafeMutableBytes { try file.read(into: $0) } == 514)
            #expect(around == [0] + data + [0], "\(name)")
        }
    }

    @Test("hard links share one file, with and without a body, and absolute targets are of the image")
    func hardLinks() throws {
        let layer = try unpack { tar in
            tar.add("usr/bin/file", text: "shared")
            tar.add("plain", .hardLink, link: "usr/bin/file")
            tar.add("absolute", .hardLink, link: "/usr/bin/file")
            tar.pax([("size", "6")])
            tar.add("body", .hardLink, link: "./usr/bin/file", content: Array("shared".utf8))
            tar.add("symbolic", .link, link: "nowhere")
            tar.add("same", .hardLink, link: "symbolic")
            tar.add("after", text: "intact")
        }
        let inode = try layer.open("usr/bin/file").status().inode
        for name in ["plain", "absolute", "body"] {
            #expect(try layer.status(of: RawPath(name)).inode == inode, "\(name)")
        }
        #expect(try layer.open("body").readAll(limit: 100) == Array("shared".utf8))
        #expect(try layer.status(of: "same").kind == .link)
        #expect(try layer.open("after").readAll(limit: 100) == Array("intact".utf8))
    }

    @Test(
        "links with any target are kept as they are",
        arguments: ["/", "..", "../../../..", "a//b/./..", "/proc/1/root"])
    func linkTargets(_ target: String) throws {
        let layer = try unpack { $0.add("link", .link, link: target) }
        #expect(try layer.linkTarget("link") == RawPath(target))
    }

    @Test("an archive may be empty, have no end mark, or be followed by zero bytes")
    func ends() throws {
        var tar = TarBuilder()
        tar.add("file", text: "content")
        let archives: [(String, [UInt8], Bool)] = [
            ("none", [], false), ("only-end", TarBuilder().ended(), false), ("no-end", tar.bytes, true),
            ("padded", tar.ended() + [UInt8](repeating: 0, count: 9_000), true),
            ("padded-gzip", Compressed.gzip(tar.ended()) + [UInt8](repeating: 0, count: 700), true),
            ("empty-gzip", Compressed.gzip([]), false), ("empty-zstd", Compressed.zstd([]), false),
        ]
        for (name, bytes, hasFile) in archives {
            let (outcome, layer) = try sandbox.unpack(bytes, into: name)
            #expect(outcome.exitStatus == 0, "\(name): \(outcome.last)")
            #expect(try layer.exists("file") == hasFile, "\(name)")
        }
    }

    @Test("what was unpacked is reported with both digests and all counts")
    func report() throws {
        var tar = TarBuilder()
        tar.add("dev/", .directory)
        tar.add("dev/null", .character) { ($0.major, $0.minor) = (1, 3) }
        let plain = tar.ended()
        let (outcome, _) = try sandbox.unpack(Compressed.gzip(plain), into: "layer")
        let compressed = try Unpacker.run(
            ["layer", "--diff-id", try #require(outcome.field("diffID", of: "done"))],
            input: try sandbox.makeFile("plain.tar", plain), target: try sandbox.makeDirectory("again"))
        #expect(compressed.exitStatus == 0)
        #expect(compressed.field("digest", of: "done") == outcome.field("diffID", of: "done"))
        #expect(outcome.last.contains("\"skippedDevices\":1,"))
        #expect(outcome.last.contains("\"entries\":2,\"bytes\":\(plain.count),"))
    }

    @Test("a layer of many directories needs no more memory and every directory has its time")
    func manyDirectories() throws {
        var tar = TarBuilder()
        for index in 0..<4_000 {
            tar.add("d\(index % 7)/sub\(index)-\(String(repeating: "n", count: 60))/", .directory) {
                $0.modified = UInt64(1_000 + index)
            }
        }
        let (outcome, layer) = try sandbox.unpack(tar.ended(), into: "layer")
        #expect(outcome.exitStatus == 0, "\(outcome.last)")
        #expect(outcome.residentKiB < 64 << 10)
        for index in 0..<4_000 {
            let path = RawPath("d\(index % 7)/sub\(index)-\(String(repeating: "n", count: 60))")
            #expect(try layer.status(of: path).modifiedSeconds == Int64(1_000 + index))
        }
    }
}
