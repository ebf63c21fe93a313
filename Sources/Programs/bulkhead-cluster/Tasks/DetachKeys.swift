import CommandOutput
import Diagnostics

/// Keys that, typed one after the other, leave a terminal instead of going to the task. Pure.
struct DetachKeys: Equatable, Sendable {
    /// As typed in raw mode: control-P is byte 16.
    let keys: [UInt8]
    private var matched = 0

    static let usual = "ctrl-p,ctrl-q"
    private static let keysMax = 16

    init(_ keys: [UInt8]) { self.keys = keys }

    /// `ctrl-p,ctrl-q` or `~,.`; nothing turns it off.
    static func parse(_ text: String) throws(Failure) -> DetachKeys {
        guard !text.isEmpty else { return DetachKeys([]) }
        var keys: [UInt8] = []
        for word in text.cut(at: ",", omittingEmptySubsequences: false) {
            let name = word.lowercased()
            if word.utf8.count == 1, let byte = word.utf8.first, byte > 0x20, byte < 0x7f {
                keys.append(byte)
            } else if name.begins(with: "ctrl-"), name.utf8.count == 6, let byte = name.utf8.last, Self.hasControl(byte)
            {
                keys.append(byte & 0x1f)
            } else {
                throw .flag(
                    "detach-keys", text, cause: "'\(word)' is no key",
                    remedy: "write characters and ctrl-a to ctrl-z with commas between them, such as \(usual)")
            }
        }
        guard keys.count <= keysMax else {
            throw .flag(
                "detach-keys", text, cause: "it has more than \(keysMax) keys", remedy: "use two or three")
        }
        return DetachKeys(keys)
    }

    private static func hasControl(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || "@[\\]^_".utf8.contains(byte)
    }

    /// What of `bytes` goes on to the task. Keys that may be the beginning of the sequence are kept back until the next
    /// one tells. True: the sequence is complete, and what follows it is nobody's.
    mutating func pass(_ bytes: [UInt8]) -> (forwarded: [UInt8], isComplete: Bool) {
        guard !keys.isEmpty else { return (bytes, false) }
        var forwarded: [UInt8] = []
        for byte in bytes {
            let held = keys[..<matched] + [byte]
            // The longest end of what was typed that is a beginning of the sequence.
            let kept = (0...held.count).reversed().first { keys.starts(with: held.suffix($0)) } ?? 0
            forwarded += held.dropLast(kept)
            matched = kept
            if matched == keys.count {
                matched = 0
                return (forwarded, true)
            }
        }
        return (forwarded, false)
    }
}
