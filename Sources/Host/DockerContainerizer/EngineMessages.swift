import Containers
import Diagnostics

/// Takes output that was asked for with moments apart: each message begins with one and a space. A frame is a message;
/// with a terminal there are no frames, and a message is a line or a piece of a long one, which has a known size.
struct EngineMessages: Sendable {
    enum Source: Hashable, Sendable { case output, error }
    struct Message: Hashable, Sendable {
        var source: Source
        var moment: String
        var bytes: [UInt8]
    }

    /// What the engine reads of a line at once.
    static let pieceBytes = 16_384

    private var stream: EngineStream
    private let hasTerminal: Bool
    private var moment = ""
    /// Of a terminal's message: what has not come of its moment, and what may still come of its content.
    private var prefix: [UInt8] = []
    private var room = 0

    init(hasTerminal: Bool) {
        self.hasTerminal = hasTerminal
        stream = EngineStream(hasTerminal: hasTerminal)
    }

    /// Everything that is whole now; with a terminal everything that has come.
    mutating func messages(adding bytes: [UInt8]) throws(Failure) -> [Message] {
        var messages: [Message] = []
        for piece in try stream.pieces(adding: bytes) {
            switch piece {
            case .output(let bytes) where hasTerminal: messages += terminalMessages(bytes)
            case .output(let bytes): messages.append(try framed(.output, bytes))
            case .error(let bytes): messages.append(try framed(.error, bytes))
            }
        }
        return messages
    }

    private func framed(_ source: Source, _ bytes: [UInt8]) throws(Failure) -> Message {
        let length = OutputPosition.momentLength
        guard bytes.count > length, bytes[length] == UInt8(ascii: " "), OutputPosition.isMoment(bytes[..<length]) else {
            throw EngineConnection.cut("what the container says does not begin with a moment")
        }
        return Message(
            source: source, moment: String(decoding: bytes[..<length], as: UTF8.self),
            bytes: Array(bytes[(length + 1)...]))
    }

    private mutating func terminalMessages(_ bytes: [UInt8]) -> [Message] {
        var messages: [Message] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            if room == 0 {
                let wanted = OutputPosition.momentLength + 1 - prefix.count
                prefix += rest.prefix(wanted)
                rest = rest.dropFirst(wanted)
                guard prefix.count == OutputPosition.momentLength + 1 else { break }
                room = EngineMessages.pieceBytes
                guard OutputPosition.isMoment(prefix.dropLast()), prefix.last == UInt8(ascii: " ") else {
                    // Another engine cuts lines elsewhere: what looks like a moment in the middle is kept as it is.
                    rest = (prefix + rest)[...]
                    prefix = []
                    continue
                }
                moment = String(decoding: prefix.dropLast(), as: UTF8.self)
                prefix = []
                continue
            }
            let most = rest.prefix(room)
            let end = most.firstIndex(of: 0x0a)
            let content = end.map { most[...$0] } ?? most
            room = end == nil ? room - content.count : 0
            rest = rest[content.endIndex...]
            messages.append(Message(source: .output, moment: moment, bytes: Array(content)))
        }
        return messages
    }
}
