import Testing

@testable import DockerContainerizer

@Suite("How far output has been copied")
struct OutputPositionTests {
    private static func moment(_ number: Int) -> String {
        "2026-11-21T13:40:00.00000000\(number)Z"
    }

    private static func position(_ number: Int, bytes: Int64, size: Int64) -> OutputPosition {
        var position = OutputPosition()
        (position.moment, position.bytes, position.size) = (moment(number), bytes, size)
        return position
    }

    /// What is written of messages, each with its moment's number and its bytes; `!` where something is missing.
    private static func copied(
        _ messages: [(Int, String)], after position: OutputPosition, fileSize: Int64
    ) -> (text: String, position: OutputPosition) {
        var cursor = OutputCursor(resuming: position, fileSize: fileSize, last: position.moment)
        var text = ""
        for (number, bytes) in messages {
            let (missing, hasGap) = cursor.take(Array(bytes.utf8), at: moment(number))
            text += (hasGap ? "!" : "") + String(decoding: missing, as: UTF8.self)
        }
        return (text, cursor.position)
    }

    /// Two lines, one long line in three pieces, and one more.
    private static let all = [(1, "a\n"), (2, "bc\n"), (3, "123"), (3, "456"), (3, "78\n"), (4, "d\n")]
    private static let whole = "a\nbc\n12345678\nd\n"

    @Test("from any byte on at which it was cut off, the rest is copied once")
    func everyByte() {
        for size in 0...Self.whole.utf8.count {
            let rest = String(Self.whole.utf8.dropFirst(size)) ?? ""
            // What was written down last is any earlier moment, the very beginning too.
            for written in 0...size {
                let before = Self.copied(Self.cut(Self.all, to: written), after: OutputPosition(), fileSize: 0)
                #expect(before.position.size == Int64(written))
                let after = Self.copied(Self.all, after: before.position, fileSize: Int64(size))
                #expect(after.text == rest, "\(written) of \(size)")
                #expect(after.position == Self.position(4, bytes: 2, size: Int64(Self.whole.utf8.count)))
            }
        }
    }

    private static func cut(_ messages: [(Int, String)], to count: Int) -> [(Int, String)] {
        var left = count
        return messages.compactMap { number, text in
            let taken = String(text.utf8.prefix(left)) ?? ""
            left -= taken.utf8.count
            return taken.isEmpty ? nil : (number, taken)
        }
    }

    @Test("what the engine has dropped is told once, and what is left is copied")
    func gaps() {
        let late = Self.copied([(3, "x"), (4, "y")], after: Self.position(1, bytes: 5, size: 9), fileSize: 9)
        #expect(late.text == "!xy")
        // Of a long line the beginning is gone: so is an unknown part of what had been copied.
        let piece = Self.copied([(3, "78"), (4, "y")], after: Self.position(3, bytes: 6, size: 6), fileSize: 6)
        #expect(piece.text == "!y")
        let found = Self.copied([(1, "12345"), (4, "y")], after: Self.position(1, bytes: 5, size: 9), fileSize: 9)
        #expect(found.text == "y")
    }

    @Test("a stream that has been quiet misses nothing when its last message is gone, unless the engine says so")
    func quiet() {
        let quiet = Self.position(1, bytes: 5, size: 5)
        var cursor = OutputCursor(resuming: quiet, fileSize: 5, last: Self.moment(4))
        #expect(cursor.take([7], at: Self.moment(5)) == ([7][...], false))
        var lost = OutputCursor(resuming: quiet, fileSize: 8, last: Self.moment(4))
        lost.lose()
        #expect(lost.take([7], at: Self.moment(5)) == ([7][...], true))
        #expect(lost.take([8], at: Self.moment(6)) == ([8][...], false))
        #expect(lost.position == Self.position(6, bytes: 1, size: 10))
    }

    @Test("a file that was made shorter is no reason to leave anything out")
    func truncated() {
        let after = Self.copied([(1, "ab"), (2, "c")], after: Self.position(1, bytes: 2, size: 2), fileSize: 0)
        #expect(after.text == "c")
        #expect(after.position == Self.position(2, bytes: 1, size: 1))
    }

    @Test("positions are read back from their text, and any other text is none")
    func text() {
        let pair = (Self.position(7, bytes: 12, size: 1 << 40), OutputPosition())
        let text = OutputPosition.text(pair.0, pair.1)
        #expect(text.count == OutputPosition.textBytes)
        let read = OutputPosition.pair(text)
        #expect(read?.output == pair.0 && read?.error == pair.1)
        for wrong in ["", "1 - 0 0 - 0", "2 - 0 0 - 0 0", "1 - -1 0 - 0 0", "1 now 0 0 - 0 0", "1 - 0 0 - 0 0 0"] {
            #expect(OutputPosition.pair(Array(wrong.utf8)) == nil, "\(wrong)")
        }
    }

    @Test("the engine is asked from the very moment on")
    func since() {
        #expect(OutputPosition().since == nil)
        #expect(Self.position(7, bytes: 0, size: 0).since == "1795268400.000000007")
    }
}
