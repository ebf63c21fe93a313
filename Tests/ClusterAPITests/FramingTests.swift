import ClusterAPI
import Determinism
import Diagnostics
import Testing

@Suite("RecordIO framing") struct FramingTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("a record is its length, a line feed and its bytes")
    func frame() {
        #expect(RecordFraming.record(bytes("{\"a\":1}")) == bytes("7\n{\"a\":1}"))
        #expect(RecordFraming.record([]) == bytes("0\n"))
    }

    @Test("records come out alike wherever the chunks end", arguments: 0..<50)
    func chunks(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let records = (0..<20).map { _ in (0..<random.below(300)).map { _ in UInt8(random.below(256)) } }
        var stream = records.flatMap(RecordFraming.record)[...]
        let total = UInt64(stream.count)
        var reader = RecordReader(bytesMax: 300)
        var read: [[UInt8]] = []
        while !stream.isEmpty {
            let chunk = stream.prefix(random.below(40))
            stream = stream.dropFirst(chunk.count)
            read += try reader.read(Array(chunk))
        }
        try reader.finish()
        #expect(read == records)
        #expect(reader.position == total)
    }

    @Test(
        "a length that is no length is refused where it goes wrong",
        arguments: [
            ("\n", "stream.record-malformed", 0), ("-1\nx", "stream.record-malformed", 0),
            ("3 \nabc", "stream.record-malformed", 1), ("1\r\na", "stream.record-malformed", 1),
            ("3\nabc{", "stream.record-malformed", 5), ("00000000001\na", "stream.record-malformed", 10),
            ("101\n", "stream.record-too-large", 2), ("9999999999\n", "stream.record-too-large", 2),
        ] as [(String, Failure.Code, UInt64)])
    func malformed(stream: String, code: Failure.Code, position: UInt64) {
        var reader = RecordReader(bytesMax: 100)
        let failure = #expect(throws: Failure.self) { try reader.read(Array(stream.utf8)) }
        #expect(failure?.code == code)
        #expect(failure?.cause?.contains("at byte \(position) ") == true)
        #expect(reader.position == position)
        let again = #expect(throws: Failure.self) { try reader.read(Array("1\na".utf8)) }
        #expect(again == failure)
        #expect(throws: Failure.self) { try reader.finish() }
    }

    @Test("a record as large as allowed is taken", arguments: [0, 1, 99, 100])
    func largest(count: Int) throws {
        var reader = RecordReader(bytesMax: 100)
        let record = [UInt8](repeating: 7, count: count)
        #expect(try reader.read(RecordFraming.record(record)) == [record])
        try reader.finish()
    }

    @Test("a stream that ends inside a record says so", arguments: ["5", "5\n", "5\nabcd", "1\na2"])
    func truncated(stream: String) throws {
        var reader = RecordReader(bytesMax: 100)
        _ = try reader.read(Array(stream.utf8))
        let failure = #expect(throws: Failure.self) { try reader.finish() }
        #expect(failure?.code == "stream.record-truncated")
    }
}
