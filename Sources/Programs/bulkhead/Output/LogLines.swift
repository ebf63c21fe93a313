import NativeContainerizer

/// Lines of a container's output that began to be logged at one moment, their newlines included.
struct LoggedLines: Equatable {
    var stream: LogRecord.Stream
    /// When they were logged, nanoseconds since 1970; of a line that came in pieces when its first byte was.
    var at: UInt64
    /// A part of the record's own bytes: nothing is copied for a line.
    var bytes: ArraySlice<UInt8>
    var lost: UInt32 = 0

    /// How many lines they are; the last needs no newline.
    var count: Int {
        bytes.withUnsafeBufferPointer { buffer in
            var count = buffer.last.map { $0 == Self.newline ? 0 : 1 } ?? 0
            var index = 0
            while index < buffer.count {
                if buffer[index] == Self.newline { count += 1 }
                index += 1
            }
            return count
        }
    }

    /// Gives `body` each line.
    func forEach<Problem>(_ body: (ArraySlice<UInt8>) throws(Problem) -> Void) throws(Problem) {
        var start = bytes.startIndex
        while start < bytes.endIndex {
            let end = bytes[start...].firstIndex(of: Self.newline).map { $0 + 1 } ?? bytes.endIndex
            try body(bytes[start..<end])
            start = end
        }
    }

    /// Without the first `count` lines.
    func dropping(_ count: Int) -> LoggedLines {
        var rest = self
        for _ in 0..<count {
            guard let end = rest.bytes.firstIndex(of: Self.newline) else {
                rest.bytes = []
                break
            }
            rest.bytes = rest.bytes[(end + 1)...]
        }
        return rest
    }

    static let newline = UInt8(ascii: "\n")
}

/// Puts the pieces of a log together as lines, each stream by itself.
struct LogLines {
    /// A line longer than this is shown in pieces, so that one without an end needs no memory without end.
    static let lineBytesMax = 1 << 20
    /// Pieces older than this are left out, nanoseconds since 1970.
    let since: UInt64?
    private var unfinished: [LogRecord.Stream: LoggedLines] = [:]

    init(since: UInt64?) { self.since = since }

    /// The lines that `record` completes, in the order they began to be logged.
    mutating func take(_ record: LogRecord) -> [LoggedLines] {
        guard record.at >= since ?? 0 else { return [] }
        if record.stream == .dropped {
            let note = "[bulkhead: \(record.lost) bytes could not be logged]\n"
            return [LoggedLines(stream: .dropped, at: record.at, bytes: ArraySlice(note.utf8), lost: record.lost)]
        }
        var lines: [LoggedLines] = []
        var rest = record.bytes[...]
        if var begun = unfinished.removeValue(forKey: record.stream) {
            let end = rest.firstIndex(of: LoggedLines.newline).map { $0 + 1 } ?? rest.endIndex
            begun.bytes += rest[..<end]
            rest = rest[end...]
            hold(begun, or: &lines)
        }
        let end = rest.lastIndex(of: LoggedLines.newline).map { $0 + 1 } ?? rest.startIndex
        if end > rest.startIndex {
            lines.append(LoggedLines(stream: record.stream, at: record.at, bytes: rest[..<end]))
        }
        if end < rest.endIndex {
            hold(LoggedLines(stream: record.stream, at: record.at, bytes: rest[end...]), or: &lines)
        }
        return lines
    }

    /// The lines nothing will complete any more.
    mutating func finish() -> [LoggedLines] {
        defer { unfinished = [:] }
        return unfinished.values.sorted { $0.at < $1.at }
    }

    private mutating func hold(_ line: LoggedLines, or lines: inout [LoggedLines]) {
        if line.bytes.last == LoggedLines.newline || line.bytes.count >= Self.lineBytesMax {
            lines.append(line)
        } else {
            unfinished[line.stream] = line
        }
    }
}
