import Diagnostics
import HostileArchives
import OCIFormat
import Testing

@testable import LayerUnpacking

@Suite("decompression") struct DecoderTests {
    /// Decodes `input` given in pieces of `inputStep`, into pieces of `outputStep`.
    private func decode(
        _ input: [UInt8], with decoder: any StreamDecoder, inputStep: Int, outputStep: Int
    ) throws -> [UInt8] {
        var result: [UInt8] = []
        var space = [UInt8](repeating: 0, count: outputStep)
        var position = 0
        var end = 0
        while true {
            let step = try input[position..<end].withUnsafeBytes { source in
                try space.withUnsafeMutableBytes { try decoder.decode(source, into: $0) }
            }
            position += step.consumed
            result += space[..<step.produced]
            if step.consumed == 0 && step.produced == 0 {
                #expect(position == end, "no progress with input left")
                if end == input.count { break }
                end = min(input.count, end + inputStep)
            }
        }
        try decoder.finish()
        return result
    }

    /// Bytes that compress a little, the same for the same seed.
    private func sample(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { index in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return index % 5 == 0 ? UInt8(truncatingIfNeeded: state >> 33) : UInt8(truncatingIfNeeded: index / 90)
        }
    }

    @Test("gzip members one after another decode the same in pieces of any size", arguments: [1, 2, 3, 7, 64, 4_096])
    func gzipMembers(_ step: Int) throws {
        let parts: [[UInt8]] = [0, 1, 5, 100, 33_000, 0, 70_000, 3].enumerated().map { sample($1, seed: UInt64($0)) }
        let input = Array(parts.map { Compressed.gzip($0) }.joined()) + [0, 0, 0]
        for outputStep in [1, 13, 32_768] where step > 1 || outputStep > 1 {
            let output = try decode(input, with: GzipDecoder(), inputStep: step, outputStep: outputStep)
            #expect(output == Array(parts.joined()), "\(outputStep)")
        }
    }

    @Test("gzip headers with a name, a comment, extra data and a checksum are read")
    func gzipHeader() throws {
        let member = Compressed.gzip(Array("content".utf8))
        let header: [UInt8] = [0x1f, 0x8b, 8, 0x1c, 0, 0, 0, 0, 0, 3] + [4, 0, 1, 2, 3, 4] + Array("name\0note\0".utf8)
        let output = try decode(header + member.dropFirst(10), with: GzipDecoder(), inputStep: 3, outputStep: 5)
        #expect(output == Array("content".utf8))
    }

    @Test("zstd frames, skippable ones between them, decode the same in pieces of any size", arguments: [1, 5, 1_000])
    func zstdFrames(_ step: Int) throws {
        let (first, second) = (sample(50_000, seed: 1), sample(3, seed: 2))
        let skippable: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]
        let input = skippable + Compressed.zstd(first) + skippable + Compressed.zstd(second) + skippable
        let output = try decode(input, with: try ZstandardDecoder(), inputStep: step, outputStep: 777)
        #expect(output == first + second)
    }

    @Test("cut anywhere, gzip and zstd are refused, never accepted as shorter")
    func cut() throws {
        let content = sample(5_000, seed: 3)
        let (gzip, zstd) = (Compressed.gzip(content), Compressed.zstd(content))
        for count in stride(from: 1, to: gzip.count, by: 37) {
            #expect(throws: Failure.self, "\(count)") {
                try decode(Array(gzip[..<count]), with: GzipDecoder(), inputStep: 99, outputStep: 999)
            }
        }
        for count in stride(from: 1, to: zstd.count, by: 37) {
            #expect(throws: Failure.self, "\(count)") {
                try decode(Array(zstd[..<count]), with: try ZstandardDecoder(), inputStep: 99, outputStep: 999)
            }
        }
    }

    @Test("every changed byte of a gzip member is noticed or harmless to the content")
    func changed() throws {
        let content = sample(2_000, seed: 4)
        let gzip = Compressed.gzip(content)
        for index in gzip.indices {
            var bytes = gzip
            bytes[index] ^= 0x10
            do {
                #expect(try decode(bytes, with: GzipDecoder(), inputStep: 500, outputStep: 500) == content, "\(index)")
            } catch {
                #expect(error is Failure)
            }
        }
    }

    @Test("the compression is told by the first bytes", arguments: [
        ([0x1f, 0x8b], "gzip"), ([0x28, 0xb5, 0x2f, 0xfd, 0], "zstd"), ([0x5f, 0x2a, 0x4d, 0x18], "zstd"),
        ([], "none"), ([0x1f], "none"), ([0x42, 0x5a, 0x68, 0x39], "refused"),
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "refused"), ([0x50, 0x4b, 3, 4], "refused"),
        (Array("BZh".utf8) + [UInt8](repeating: 0, count: 254) + Array("ustar".utf8), "none"),
    ] as [([UInt8], String)])
    func detection(_ bytes: [UInt8], _ expected: String) throws {
        let found: String
        do {
            found = try bytes.withUnsafeBytes { try Compression.detected(in: $0) }.rawValue
        } catch {
            found = "refused"
        }
        #expect(found == expected)
    }
}
