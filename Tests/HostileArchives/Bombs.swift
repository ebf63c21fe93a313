extension HostileLayer {
    private static let limit = Verdict.refused("layer.limit")
    private static let invalid = Verdict.refused("layer.archive-invalid")
    private static let maxEntries = ["--max-entries", "100"]
    /// Two hundred directories inside one another.
    private static let deep = String(repeating: "a/", count: 200)
    private static let damaged = Verdict.refused("layer.compressed-data")

    /// The header of a file that claims `size` bytes.
    private static func header(claiming size: UInt64) -> [UInt8] {
        var tar = TarBuilder()
        tar.add("bomb") { $0.size = size }
        return tar.bytes
    }

    /// I10, I13: more than a layer may be.
    static let bombs: [HostileLayer] = [
        HostileLayer(raw: "I10", "10 GiB of zero bytes in many members", limit) { _ in
            Compressed.gzip(header(claiming: 10 << 30)) + Compressed.zeros(mebibytes: 10 << 10)
        },
        HostileLayer(raw: "I10", "1 GiB of zero bytes in zstd frames", limit) { _ in
            let frame = Compressed.zstd([UInt8](repeating: 0, count: 16 << 20))
            return Compressed.zstd(header(claiming: 1 << 30)) + repeatElement(frame, count: 64).joined()
        },
        HostileLayer(raw: "I10", "more bytes than allowed", limit, arguments: ["--max-bytes", "1048576"]) { _ in
            header(claiming: 4 << 20) + [UInt8](repeating: 0x61, count: 4 << 20)
        },
        HostileLayer(raw: "I10", "members after the archive's end", limit, arguments: ["--max-bytes", "8388608"]) { _ in
            Compressed.gzip(TarBuilder().ended()) + Compressed.zeros(mebibytes: 112)
        },
        HostileLayer("I10", "more entries than allowed", limit, arguments: ["--max-entries", "100"]) { tar, _ in
            for index in 0...100 { tar.add("f\(index)") }
        },
        HostileLayer("I10", "directories that no entry names", limit, arguments: maxEntries) { tar, _ in
            tar.pax([("path", "\(deep)f")])
            tar.add("x")
        },
        HostileLayer("I10", "directories that no entry names, below many", limit, arguments: maxEntries) { tar, _ in
            for index in 0..<20 { tar.add("n\(index)/a/a/a/a/a/f") }
        },
        HostileLayer(
            "I10", "directories of the layer below that no entry names", limit, arguments: maxEntries,
            lower: { tar, _ in
                tar.pax([("path", deep)])
                tar.add("x", .directory)
            }
        ) { tar, _ in
            tar.pax([("path", "\(deep)f")])
            tar.add("x")
        },
        HostileLayer(
            "I10", "as many directories as allowed, each an entry", .contained(present: ["a/a/a"]),
            arguments: maxEntries
        ) { tar, _ in
            for depth in 1...100 {
                tar.pax([("path", String(repeating: "a/", count: depth))])
                tar.add("x", .directory)
            }
        },
        HostileLayer(raw: "I10", "xz", .refused("layer.compression")) { _ in
            [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] + [UInt8](repeating: 7, count: 600)
        },
        HostileLayer(
            raw: "I10", "zstd under a gzip type", .refused("layer.compression"),
            arguments: ["--media-compression", "gzip"]
        ) { _ in Compressed.zstd(TarBuilder().ended()) },
        HostileLayer(raw: "I10", "a zstd window of 128 MiB", limit) { _ in
            Compressed.zstd([UInt8](repeating: 0x61, count: 1 << 20), level: 19, windowLog: 27)
        },
        HostileLayer("I10", "a sparse file of 2^62 bytes", limit) { tar, _ in
            tar.pax([
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "hole"),
                ("GNU.sparse.realsize", "4611686018427387904"),
            ])
            tar.add("x", content: Array("1\n4611686018427387903\n1\n".utf8) + [UInt8](repeating: 0, count: 600))
        },
        HostileLayer(
            "I10", "a sparse map of a million holes", .refused("layer.memory"), arguments: ["--max-bytes", "67108864"]
        ) { tar, _ in
            tar.pax([
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "hole"),
                ("GNU.sparse.realsize", "10240"),
            ])
            let map = "1000000\n" + (0..<1_000_000).map { "\($0 * 1_024)\n0\n" }.joined()
            tar.add("x", content: Array(map.utf8))
        },
        HostileLayer("I13", "a chain of ten thousand links", limit) { tar, _ in
            for index in 0..<10_000 { tar.add("l\(index)", .link, link: "l\(index + 1)") }
            tar.add("l0/x", content: pwned)
        },
        HostileLayer("I13", "a tree deeper than a path through links", limit) { tar, _ in
            let step = Array(repeating: "d", count: 45).joined(separator: "/")
            var at = ""
            for index in 0..<200 {
                tar.add("\(at)\(step)/", .directory)
                tar.add("j\(index)", .link, link: "/" + (index == 0 ? step : "j\(index - 1)/\(step)"))
                at = "j\(index)/"
            }
        },
        HostileLayer("I13", "a directory just beyond the longest path, through a link", limit) { tar, _ in
            let long = Array(repeating: String(repeating: "n", count: 242), count: 16).joined(separator: "/")
            tar.pax([("path", long)])
            tar.add("d/", .directory)
            tar.pax([("linkpath", long)])
            tar.add("l", .link, link: "x")
            // Enough of them that their times are kept in a file, the longest on its edges.
            for index in 0..<60 { tar.add("l/\(String(repeating: "m", count: 200))\(index)/", .directory) }
            tar.pax([("path", "l/" + String(repeating: "m", count: 215))])
            tar.add("l/x/", .directory)
        },
        HostileLayer(
            "I13", "a directory of twenty thousand entries replaced by a file", .contained(present: ["w"])
        ) { tar, _ in
            for index in 0..<10_000 {
                tar.add("w/d\(index)/", .directory)
                tar.add("w/d\(index)/f")
            }
            tar.add("w", content: pwned)
        },
        HostileLayer("I13", "a tree of a thousand levels replaced by a file", .contained(present: ["d"])) { tar, _ in
            for depth in stride(from: 100, through: 1_900, by: 100) {
                tar.pax([("path", Array(repeating: "d", count: depth).joined(separator: "/"))])
                tar.add("d", .directory)
            }
            tar.add("d", content: pwned)
        },
    ]

    /// I11, I12: not the bytes they should be.
    static let damage: [HostileLayer] = [
        HostileLayer(
            raw: "I11", "another digest", .refused("layer.digest-mismatch"), arguments: ["--digest", wrongDigest]
        ) {
            _ in good
        },
        HostileLayer(
            raw: "I11", "another diff ID", .refused("layer.digest-mismatch"), arguments: ["--diff-id", wrongDigest]
        ) {
            _ in Compressed.gzip(good)
        },
        HostileLayer(raw: "I12", "gzip that ends in the middle", damaged) { _ in Compressed.gzip(good).dropLast(20) },
        HostileLayer(raw: "I12", "gzip without its checksum", damaged) { _ in Compressed.gzip(good).dropLast(4) },
        HostileLayer(raw: "I12", "gzip with a wrong checksum", damaged) { _ in
            var bytes = Compressed.gzip(good)
            bytes[bytes.count - 8] ^= 1
            return bytes
        },
        HostileLayer(raw: "I12", "other data after gzip", damaged) { _ in Compressed.gzip(good) + Array("tail".utf8) },
        HostileLayer(raw: "I12", "other data after gzip's zero bytes", damaged) { _ in
            Compressed.gzip(good) + [0, 0, 1]
        },
        HostileLayer(raw: "I12", "zstd that ends in the middle", damaged) { _ in Compressed.zstd(good).dropLast(9) },
        HostileLayer(raw: "I12", "tar that ends in a file", invalid) { _ in header(claiming: 100_000) + pwned },
        HostileLayer(raw: "I12", "tar that ends in a header", invalid) { _ in
            good.dropLast(1_024) + header(claiming: 1).prefix(300)
        },
        HostileLayer(raw: "I12", "a wrong header checksum", invalid) { _ in
            var tar = TarBuilder()
            tar.add("good", content: pwned)
            tar.add("bad", content: pwned) { $0.checksumIsWrong = true }
            return tar.ended()
        },
        HostileLayer(raw: "I12", "no archive at all", invalid) { _ in Array(repeating: 0x41, count: 5_000) },
        HostileLayer(raw: "I12", "a few bytes", invalid) { _ in [1, 2, 3] },
    ]

    private static let wrongDigest = "sha256:" + String(repeating: "ab", count: 32)

    private static var good: [UInt8] {
        var tar = TarBuilder()
        tar.add("file", content: Array(repeating: 0x67, count: 3_000))
        return tar.ended()
    }
}
