import Diagnostics
import LinuxKernel
import NativeContainerizer
import Testing

@testable import bulkhead

@Suite("Logs")
struct LogTests {
    private func piece(_ stream: LogRecord.Stream, _ at: UInt64, _ text: String, lost: UInt32 = 0) -> LogRecord {
        LogRecord(stream: stream, at: at, bytes: Array(text.utf8), lost: lost)
    }

    private func text(_ lines: [LoggedLines]) -> [String] { lines.map { String(decoding: $0.bytes, as: UTF8.self) } }

    @Test("pieces of a log become lines, each stream by itself")
    func lines() {
        var lines = LogLines(since: 2)
        let first = [
            piece(.output, 1, "old\n"), piece(.output, 2, "one\nand\ntw"), piece(.error, 3, "err\n"),
            piece(.output, 4, "o\nrest"), piece(.dropped, 5, "", lost: 9),
        ].flatMap { lines.take($0) }
        #expect(text(first) == ["one\nand\n", "err\n", "two\n", "[bulkhead: 9 bytes could not be logged]\n"])
        #expect(first.map(\.at) == [2, 3, 2, 5] && first.map(\.count) == [2, 1, 1, 1])
        let last = lines.finish()
        #expect(text(last) == ["rest"] && last.map(\.at) == [4] && last.map(\.count) == [1])
        #expect(lines.finish().isEmpty)
    }

    @Test("a line without an end is passed on in pieces")
    func endlessLine() {
        var lines = LogLines(since: nil)
        let chunk = String(repeating: "x", count: 1 << 18)
        let shown = (0..<10).flatMap { lines.take(piece(.output, $0, chunk)) } + lines.finish()
        #expect(shown.map(\.bytes.count) == [1 << 20, 1 << 20, 1 << 19])
    }

    @Test("of the last lines there are as many as asked for", arguments: [0, 1, 2, 3, 150, 299, 300, 1_000])
    func tail(_ most: Int) {
        var lines = LogLines(since: nil)
        var tail = LogTail(most: most)
        for number in 0..<100 {
            let record = piece(.output, UInt64(number), "a\(number)\nb\(number)\nc\(number)\n")
            for run in lines.take(record) { tail.add(run) }
        }
        let all = (0..<100).flatMap { ["a\($0)\n", "b\($0)\n", "c\($0)\n"] }
        #expect(text(tail.lines).joined() == all.suffix(most).joined())
        #expect(tail.lines.reduce(0) { $0 + $1.count } == min(most, 300))
    }

    @Test("a long log of short lines is shown in little memory")
    func longLog() throws {
        let program = try TestProgram()
        try program.importImage()
        let script = "busybox yes | busybox head -c 20000000; printf 'last\\nunfinished'"
        _ = try program.run("run", "-d", "--name", "long", "box", "busybox", "sh", "-c", script)
        #expect(try program.run("wait", "long").output == "0\n")
        // Addresses, most of them of the program itself and of what it is linked with; a value for each line of this
        // log would be a gigabyte.
        let limit = "ulimit -v 300000; exec /proc/self/fd/3 logs"
        let start = HostFacts.wallClock()
        let tail = try program.runThrough("/bin/sh", ["-c", "\(limit) --tail 4 long"])
        #expect(tail.output == "y\ny\nlast\nunfinished" && tail.error.isEmpty, "\(tail.error)")
        let whole = try program.runThrough("/bin/sh", ["-c", "(\(limit) long) | wc -c"])
        #expect(whole.output == "20000015\n" && whole.error.isEmpty, "\(whole.error)")
        #expect(HostFacts.wallClock() - start < 300)
    }
}
