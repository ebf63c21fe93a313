import Determinism
import RawHTTP
import Testing

@testable import HTTPServing
@testable import LayerUnpacking

@Suite("compressed answers", .timeLimit(.minutes(5)))
struct CompressionTests {
    static let texts: [(name: String, bytes: [UInt8])] = {
        var random = SeededRandom(seed: 7)
        let noise = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        let words = (0..<20_000).map { #"{"id":{"value":"task-\#($0 % 700)"},"state":"TASK_RUNNING"},"# }.joined()
        return [
            ("nothing", []), ("a byte", [65]), ("one byte over and over", Array(repeating: 0x20, count: 300_000)),
            ("noise", noise), ("a document", Array(words.utf8)),
        ]
    }()

    @Test("what is compressed as a whole or a piece at a time reads as it was", arguments: texts.map(\.name))
    func roundTrip(_ name: String) throws {
        let text = try #require(Self.texts.first { $0.name == name }?.bytes)
        #expect(try Self.decompress(Gzip.compress(text)) == text)
        for step in [1, 7, 64 << 10] where text.count / step < 100_000 {
            var gzip = Gzip()
            var output: [UInt8] = []
            for start in stride(from: 0, to: text.count, by: step) {
                output += gzip.add(Array(text[start..<min(text.count, start + step)]))
            }
            output += gzip.finish()
            #expect(try Self.decompress(output) == text, "pieces of \(step) bytes")
        }
    }

    @Test("an answer of unknown length is compressed while it leaves, for whoever takes it")
    func pieces() async throws {
        let served = try await Served.start()
        let plain = try await get("/pieces", "", of: served)
        let compressed = try await get("/pieces", "Accept-Encoding: gzip\r\n", of: served)
        #expect(!plain.head.contains("Content-Encoding") && compressed.head.contains("Content-Encoding: gzip"))
        #expect(plain.head.contains("Vary: Accept-Encoding") && compressed.head.contains("Vary: Accept-Encoding"))
        #expect(plain.body.count == 3_000_000 && compressed.body.count < plain.body.count / 10)
        #expect(try Self.decompress(compressed.body) == plain.body)
        await served.server.stop()
    }

    /// As HTTP/1.0, where the body is what comes until the end.
    private func get(
        _ path: String, _ headers: String, of served: Served
    ) async throws -> (head: String, body: [UInt8]) {
        let connection = try await RawConnection.open(served.port)
        try await connection.send("GET \(path) HTTP/1.0\r\n\(headers)\r\n")
        let bytes = try await connection.allBytes()
        let end = try #require(bytes.firstRange(of: Array("\r\n\r\n".utf8)))
        return (String(decoding: bytes[..<end.lowerBound], as: UTF8.self), Array(bytes[end.upperBound...]))
    }

    static func decompress(_ input: [UInt8]) throws -> [UInt8] {
        let decoder = GzipDecoder()
        var result: [UInt8] = []
        var space = [UInt8](repeating: 0, count: 1 << 16)
        var position = 0
        while true {
            let step = try input[position...].withUnsafeBytes { source in
                try space.withUnsafeMutableBytes { try decoder.decode(source, into: $0) }
            }
            position += step.consumed
            result += space[..<step.produced]
            if step.consumed == 0 && step.produced == 0 { break }
        }
        #expect(position == input.count)
        try decoder.finish()
        return result
    }
}
