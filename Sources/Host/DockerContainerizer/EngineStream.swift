import Containers
import Diagnostics

/// What a container says, as the engine sends it: with a terminal as it is, else in frames of 8 bytes' head (stream, 0,
/// 0, 0, and the length, most significant byte first) and a body.
struct EngineStream: Sendable {
    static let frameBytesMax = 16 << 20
    private let hasTerminal: Bool
    private var waiting: [UInt8] = []

    init(hasTerminal: Bool) { self.hasTerminal = hasTerminal }

    /// Everything that is whole now.
    mutating func pieces(adding bytes: [UInt8]) throws(Failure) -> [SessionOutput] {
        guard !hasTerminal else { return bytes.isEmpty ? [] : [.output(bytes)] }
        waiting += bytes
        var pieces: [SessionOutput] = []
        var start = 0
        while waiting.count - start >= 8 {
            let length = waiting[(start + 4)..<(start + 8)].reduce(0) { $0 << 8 | Int($1) }
            guard waiting[start] <= 2, length <= Self.frameBytesMax else {
                throw EngineConnection.cut("what the container says is not framed")
            }
            guard waiting.count - start - 8 >= length else { break }
            let body = Array(waiting[(start + 8)..<(start + 8 + length)])
            if !body.isEmpty { pieces.append(waiting[start] == 2 ? .error(body) : .output(body)) }
            start += 8 + length
        }
        waiting.removeFirst(start)
        return pieces
    }
}
