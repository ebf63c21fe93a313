/// How far the output of one stream of a container has been copied into its file.
///
/// The engine drops its oldest output beyond a bound, so a number of bytes from its beginning says nothing. A message's
/// moment does; of a long line every piece has the same one, so the bytes of that moment are counted as well.
struct OutputPosition: Hashable, Sendable {
    /// Of the last message of which something is in the file, as the engine writes it; empty before the first. Moments
    /// have one length and one zone, so that their texts are in their order.
    var moment = ""
    /// Bytes of that moment that are in the file.
    var bytes: Int64 = 0
    /// How long the file was then. What it has more was copied after this was written down.
    var size: Int64 = 0

    static let momentLength = "2026-11-21T13:40:00.123456789Z".utf8.count

    static func isMoment(_ text: some Collection<UInt8>) -> Bool {
        guard text.count == momentLength else { return false }
        return zip(text, "0000-00-00T00:00:00.000000000Z".utf8).allSatisfy { byte, form in
            form == UInt8(ascii: "0") ? (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) : byte == form
        }
    }

    /// Of the query of a call for output: from this moment on, itself included.
    var since: String? {
        guard !moment.isEmpty else { return nil }
        let fraction = moment.utf8.dropFirst(20).dropLast()
        guard let seconds = EngineTime.seconds("\(moment.prefix(19))Z") else { return nil }
        return "\(Int64(seconds)).\(String(decoding: fraction, as: UTF8.self))"
    }

    // MARK: As text

    static let textBytes = 256

    /// Both streams' positions, in a text of always the same length: it is written over the one before.
    static func text(_ output: OutputPosition, _ error: OutputPosition) -> [UInt8] {
        let words = [output, error].map { "\($0.moment.isEmpty ? "-" : $0.moment) \($0.bytes) \($0.size)" }
        let text = Array("1 \(words.joined(separator: " "))\n".utf8)
        return text.dropLast() + [UInt8](repeating: UInt8(ascii: " "), count: textBytes - text.count) + [0x0a]
    }

    /// Nil for what is no such text.
    static func pair(_ text: [UInt8]) -> (output: OutputPosition, error: OutputPosition)? {
        let words = String(decoding: text, as: UTF8.self).split { $0 == " " || $0 == "\n" }
        guard words.count == 7, words[0] == "1", let output = OutputPosition(words[1...3]),
            let error = OutputPosition(words[4...6])
        else { return nil }
        return (output, error)
    }

    init() {}

    private init?(_ words: ArraySlice<Substring>) {
        let words = Array(words)
        guard let bytes = Int64(words[1]), let size = Int64(words[2]), bytes >= 0, size >= 0,
            words[0] == "-" || OutputPosition.isMoment(words[0].utf8)
        else { return nil }
        (moment, self.bytes, self.size) = (words[0] == "-" ? "" : String(words[0]), bytes, size)
    }
}

/// Decides what of a stream's messages is not in the file yet. Pure.
struct OutputCursor: Hashable, Sendable {
    /// What the file has now.
    private(set) var position: OutputPosition
    /// Bytes of the position's moment that are still to be left out.
    private var known: Int64
    /// Bytes after them that the file has without the position's saying so.
    private var owed: Int64
    private var isCatchingUp = true
    /// Whether the engine is asked from this stream's moment on, so that it has to come again.
    private let isLast: Bool
    private var hasLost = false

    /// `last` is the later moment of the container's two streams: of the other one everything before it is copied.
    init(resuming position: OutputPosition, fileSize: Int64, last: String) {
        self.position = position
        isLast = position.moment == last
        known = position.bytes
        owed = max(0, fileSize - position.size)
        // Whoever may write into the file may have made it shorter.
        self.position.size = min(position.size, fileSize)
    }

    /// What is to be added to the file of a message of `moment`, and whether something before it is lost: the engine
    /// has dropped it before it was copied.
    mutating func take(_ bytes: [UInt8], at moment: String) -> (missing: ArraySlice<UInt8>, hasGap: Bool) {
        var rest = bytes[...]
        if isCatchingUp {
            if moment < position.moment { return ([], false) }
            if moment == position.moment {
                let count = min(Int64(rest.count), known)
                known -= count
                rest = rest.dropFirst(Int(count))
            } else {
                if isLast, known > 0 { lose() }
                isCatchingUp = false
            }
        }
        let hasGap = hasLost
        hasLost = false
        let count = min(Int64(rest.count), owed)
        owed -= count
        note(Int64(count), at: moment)
        rest = rest.dropFirst(Int(count))
        note(Int64(rest.count), at: moment)
        return (rest, hasGap)
    }

    /// The engine begins later than it was asked to. Nobody can tell which of what the file has more came before that.
    mutating func lose() {
        hasLost = true
        known = 0
        position.size += owed
        owed = 0
    }

    /// Something that is no output was added to the file.
    mutating func added(_ count: Int) { position.size += Int64(count) }

    private mutating func note(_ count: Int64, at moment: String) {
        guard count > 0 else { return }
        position.size += count
        if moment == position.moment { position.bytes += count } else {
            position.moment = moment
            position.bytes = count
        }
    }
}
