import Determinism

/// What happened, line by line: a number that stands for all of it, and the last lines themselves.
struct Trace {
    /// A mark is kept after so many lines, so that two traces can be compared.
    static let marked = 256

    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    private(set) var count = 0
    private(set) var marks: [UInt64] = []
    private var lines: [(at: Instant, text: String)] = []
    private let linesMax: Int

    init(linesMax: Int) { self.linesMax = max(1, linesMax) }

    mutating func add(_ text: String, at instant: Instant) {
        var hash = self.hash ^ UInt64(bitPattern: instant.nanoseconds)
        var text = text
        text.withUTF8 { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        self.hash = hash
        if lines.count < linesMax { lines.append((instant, text)) } else { lines[count % linesMax] = (instant, text) }
        count += 1
        if count % Trace.marked == 0 { marks.append(hash) }
    }

    /// The oldest first.
    func tail(since begin: Instant) -> [String] {
        let start = lines.count < linesMax ? 0 : count % linesMax
        return (lines[start...] + lines[..<start]).map { line in
            let milliseconds = (line.at - begin).saturatingNanoseconds / 1_000_000
            return "\(milliseconds / 1_000).\(Trace.padded(milliseconds % 1_000)) \(line.text)"
        }
    }

    private static func padded(_ number: Int64) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 3 - text.count)) + text
    }
}
