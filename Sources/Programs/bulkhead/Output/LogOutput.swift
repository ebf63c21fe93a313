import CommandOutput
import Diagnostics
import NativeContainerizer

/// Shows lines of a log on our own streams, many at a time: each by itself would be a system call each.
struct LogOutput {
    private static let bytesMax = 1 << 18
    let format: OutputFormat
    let timestamps: Bool
    private var stream: Int32 = 1
    private var pending: [UInt8] = []

    init(format: OutputFormat, timestamps: Bool) {
        self.format = format
        self.timestamps = timestamps
    }

    mutating func show(_ lines: LoggedLines) throws(Failure) {
        let target: Int32 = format == .json || lines.stream == .output ? 1 : 2
        if target != stream { try flush() }
        stream = target
        if format == .json {
            try lines.forEach { line throws(Failure) in
                let document = LogLineDocument(line, of: lines)
                try add(Array(try JSONDocument.text(document, isPretty: false).utf8)[...])
            }
        } else if timestamps {
            let time = Array((Timestamp.text(nanoseconds: lines.at) + " ").utf8)[...]
            try lines.forEach { line throws(Failure) in
                try add(time)
                try add(line)
            }
        } else {
            try add(lines.bytes)
        }
    }

    private mutating func add(_ bytes: ArraySlice<UInt8>) throws(Failure) {
        pending += bytes
        if pending.count >= Self.bytesMax { try flush() }
    }

    /// Writes what was kept back.
    mutating func flush() throws(Failure) {
        if pending.isEmpty { return }
        try Console.write(pending, to: stream)
        pending.removeAll(keepingCapacity: true)
    }
}

struct LogLineDocument: Encodable {
    var at: String
    var stream: String
    var text: String
    /// Bytes that were lost, in place of a text.
    var lost: UInt32?

    init(_ line: ArraySlice<UInt8>, of lines: LoggedLines) {
        at = Timestamp.text(nanoseconds: lines.at)
        stream = lines.stream == .output ? "stdout" : "stderr"
        text = String(decoding: line.last == LoggedLines.newline ? line.dropLast() : line, as: UTF8.self)
        lost = lines.stream == .dropped ? lines.lost : nil
    }
}
