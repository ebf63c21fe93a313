import CommandOutput
import Diagnostics
import Synchronization

/// Where a task's output goes: our own streams, as it comes; or, of one of several, line by line with its number.
final class InstanceOutput: Sendable {
    private let prefix: [UInt8]
    /// The beginnings of lines, by our stream's number.
    private let begun = Mutex<[Int32: [UInt8]]>([:])
    /// A longer line is shown in pieces.
    private static let lineBytesMax = 64 << 10

    /// Nil: the only one.
    init(prefix: String?) { self.prefix = Array((prefix ?? "").utf8) }

    func write(_ bytes: [UInt8], to stream: Int32) throws(Failure) {
        guard !prefix.isEmpty else { return try Console.write(bytes, to: stream) }
        let lines = begun.withLock { begun in
            var line = begun.removeValue(forKey: stream) ?? []
            var lines: [UInt8] = []
            for byte in bytes {
                line.append(byte)
                guard byte == UInt8(ascii: "\n") || line.count >= Self.lineBytesMax else { continue }
                lines += prefix + line
                if byte != UInt8(ascii: "\n") { lines.append(UInt8(ascii: "\n")) }
                line = []
            }
            if !line.isEmpty { begun[stream] = line }
            return lines
        }
        if !lines.isEmpty { try Console.write(lines, to: stream) }
    }

    /// A last line without an end gets one.
    func finish() throws(Failure) {
        let rest = begun.withLock { begun in
            defer { begun = [:] }
            return begun.sorted { $0.key < $1.key }
        }
        for (stream, line) in rest { try Console.write(prefix + line + [UInt8(ascii: "\n")], to: stream) }
    }
}
