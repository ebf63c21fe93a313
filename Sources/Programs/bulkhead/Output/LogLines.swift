import NativeContainerizer

/// A line of a container's output, its newline included.
struct LogLine: Equatable {
    var stream: LogRecord.Stream
    /// When its first byte was logged, nanoseconds since 1970.
    var at: UInt64
    var bytes: [UInt8]
    var lost: UInt32 = 0
}

/// Puts the pieces of a log together as lines, each stream by itself.
struct LogLines {
    /// Pieces older than this are left out, nanoseconds since 1970.
    let since: UInt64?
    private var unfinished: [LogRecord.Stream: LogLine] = [:]

    init(since: UInt64?) { self.since = since }

    /// The lines that `records` complete, in the order they began to be logged; with `isLast` the unfinished ones too.
    mutating func take(_ records: [LogRecord], isLast: Bool) -> [LogLine] {
        var lines: [LogLine] = []
        for record in records where record.at >= since ?? 0 {
            if record.stream == .dropped {
                let note = "[bulkhead: \(record.lost) bytes could not be logged]\n"
                lines.append(LogLine(stream: .dropped, at: record.at, bytes: Array(note.utf8), lost: record.lost))
                continue
            }
            for piece in record.bytes.split(keepingSeparator: UInt8(ascii: "\n")) {
                var line =
                    unfinished.removeValue(forKey: record.stream)
                    ?? LogLine(stream: record.stream, at: record.at, bytes: [])
                line.bytes += piece
                if piece.last == UInt8(ascii: "\n") { lines.append(line) } else { unfinished[record.stream] = line }
            }
        }
        if isLast {
            lines += unfinished.values.sorted { $0.at < $1.at }
            unfinished = [:]
        }
        return lines
    }
}

extension Array where Element == UInt8 {
    /// Pieces that each end with `separator`, but for the last one perhaps.
    fileprivate func split(keepingSeparator separator: UInt8) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var start = startIndex
        while start < endIndex {
            let end = self[start...].firstIndex(of: separator).map { $0 + 1 } ?? endIndex
            pieces.append(self[start..<end])
            start = end
        }
        return pieces
    }
}
