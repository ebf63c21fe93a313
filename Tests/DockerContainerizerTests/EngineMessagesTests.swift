import Testing

@testable import DockerContainerizer

@Suite("Output as a Docker Engine gives it with moments")
struct EngineMessagesTests {
    static let moment = "2026-11-21T13:40:00.123456789Z"

    static func frame(_ stream: UInt8, _ text: String, at moment: String = moment) -> [UInt8] {
        let body = Array("\(moment) \(text)".utf8)
        return [stream, 0, 0, 0, 0, 0, UInt8(body.count >> 8), UInt8(body.count & 0xFF)] + body
    }

    private static func read(_ bytes: [UInt8], hasTerminal: Bool, pieces size: Int) throws -> [String] {
        var stream = EngineMessages(hasTerminal: hasTerminal)
        var texts: [String] = []
        var last = ("", "")
        for start in stride(from: 0, to: bytes.count, by: size) {
            for message in try stream.messages(adding: Array(bytes[start..<min(start + size, bytes.count)])) {
                let key = ("\(message.source)", message.moment)
                let text = String(decoding: message.bytes, as: UTF8.self)
                if hasTerminal, last == key, texts.last?.utf8.last != 0x0A {
                    texts[texts.count - 1] += text
                } else {
                    texts.append("\(key.0) \(key.1.suffix(4)) \(text)")
                }
                last = key
            }
        }
        return texts
    }

    @Test("frames are messages, however they arrive")
    func frames() throws {
        let later = "2026-11-21T13:40:00.123456790Z"
        let bytes = Self.frame(1, "hello\n") + Self.frame(2, "oh\n") + Self.frame(1, "", at: later)
        for size in [1, 2, 7, 1_000] {
            #expect(
                try Self.read(bytes, hasTerminal: false, pieces: size)
                    == ["output 789Z hello\n", "error 789Z oh\n", "output 790Z "])
        }
    }

    @Test("a frame without a moment is refused", arguments: ["", "hello", "2026-11-21T13:40:00Z hello"])
    func refused(_ text: String) {
        var stream = EngineMessages(hasTerminal: false)
        let body = Array(text.utf8) + [0x0a]
        #expect(throws: (any Error).self) {
            try stream.messages(adding: [1, 0, 0, 0, 0, 0, 0, UInt8(body.count)] + body)
        }
    }

    @Test("a terminal's lines have moments, a long line at each piece of the engine's size, and none is lost")
    func terminal() throws {
        let later = "2026-11-21T13:40:00.123456790Z"
        let long = String(repeating: "x", count: EngineMessages.pieceBytes)
        let text = "\(Self.moment) $ ls\r\n\(later) \(long)\(later) tail\r\n\(Self.moment) end"
        for size in [1, 5, 31, 100_000] {
            #expect(
                try Self.read(Array(text.utf8), hasTerminal: true, pieces: size)
                    == ["output 789Z $ ls\r\n", "output 790Z \(long)tail\r\n", "output 789Z end"])
        }
        let foreign = "\(Self.moment) a\r\nno moment here, and long enough\r\n\(Self.moment) b"
        #expect(
            try Self.read(Array(foreign.utf8), hasTerminal: true, pieces: 3)
                == ["output 789Z a\r\n", "output 789Z no moment here, and long enough\r\n", "output 789Z b"])
    }
}
