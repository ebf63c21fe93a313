import HostileArchives
import LinuxKernel
import Testing

/// Good archives with bytes changed at random: whatever comes of them, the unpacker decides it, not a crash.
@Suite("damaged at random", .inBothForms) struct MutationTests {
    private struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    private static let archive: [UInt8] = {
        var tar = TarBuilder()
        tar.add("etc/", .directory)
        tar.attribute("user.name", [1, 2, 3])
        tar.pax([("path", "etc/long-name"), ("mtime", "12.5"), ("uid", "70000")])
        tar.add("short", text: "content")
        tar.gnuLong(.longName, Array("etc/gnu-name".utf8))
        tar.add("short", text: "more")
        tar.add("link", .link, link: "etc")
        tar.add("hard", .hardLink, link: "etc/gnu-name")
        tar.add("link/in", text: "through")
        tar.pax([
            ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "hole"),
            ("GNU.sparse.realsize", "4096"),
        ])
        tar.add("x", content: Array("1\n1024\n6\n".utf8) + [UInt8](repeating: 0, count: 503) + Array("sparse".utf8))
        tar.add("etc/.wh.gone")
        tar.add("fifo", .fifo)
        return tar.ended()
    }()

    /// The header checksums made right again, so that damage gets past them.
    private func resealed(_ archive: [UInt8]) -> [UInt8] {
        var bytes = archive
        for block in stride(from: 0, to: bytes.count - 511, by: 512)
        where Self.archive[block + 257..<block + 262].elementsEqual("ustar".utf8) {
            bytes.replaceSubrange(block + 148..<block + 156, with: Array(repeating: 0x20, count: 8))
            let sum = String(bytes[block..<block + 512].reduce(0) { $0 + Int($1) }, radix: 8)
            let field = Array((String(repeating: "0", count: 6 - sum.count) + sum + "\0 ").utf8)
            bytes.replaceSubrange(block + 148..<block + 156, with: field)
        }
        return bytes
    }

    @Test("a damaged archive is unpacked or refused, and nothing outside changes", arguments: 0..<60 as Range<UInt64>)
    func survives(_ seed: UInt64) throws {
        let sandbox = try Sandbox()
        var random = Random(state: seed)
        for round in 0..<4 {
            var bytes = Self.archive
            for _ in 0...Int.random(in: 0..<12, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if round > 0 { bytes = resealed(bytes) }
            let input = round == 3 ? Compressed.gzip(bytes) : bytes
            let (outcome, _) = try sandbox.unpack(input, into: "layer\(round)", ["--max-bytes", "16777216"])
            #expect(outcome.signal == 0)
            #expect(outcome.exitStatus == 0 || outcome.refusal != nil, "\(outcome.last)")
        }
        #expect(try sandbox.damage() == [])
    }
}
