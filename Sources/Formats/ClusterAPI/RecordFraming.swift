public import Diagnostics

/// RecordIO, the framing of event streams: a decimal length, a line feed, that many bytes, the next record at once.
public enum RecordFraming {
    public static func record(_ content: [UInt8]) -> [UInt8] {
        var framed = Array("\(content.count)\n".utf8)
        framed.reserveCapacity(framed.count + content.count)
        framed += content
        return framed
    }
}

/// Takes a stream apart again, whatever the chunks it arrives in. Memory follows what has arrived, not what a length
/// claims is coming.
public struct RecordReader: Sendable {
    /// The largest record taken, in bytes.
    public let bytesMax: Int
    /// Bytes of the stream read so far.
    public private(set) var position: UInt64 = 0

    /// Ten digits are more than any record allowed to anyone.
    static let digitsMax = 10

    private enum State {
        case length(digits: Int, value: Int)
        case content(missing: Int)
        case failed(Failure)
    }
    private var state = State.length(digits: 0, value: 0)
    private var content: [UInt8] = []

    public init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// The records that `chunk` completes, in order.
    ///
    /// - Throws: `Failure` `stream.record-malformed` or `stream.record-too-large` with the position in the stream.
    ///   The reader gives the same answer from then on: after a broken length nothing can be found again. Records
    ///   completed earlier in the same chunk are lost with it.
    public mutating func read(_ chunk: [UInt8]) throws(Failure) -> [[UInt8]] {
        var records: [[UInt8]] = []
        var rest = chunk[...]
        while let byte = rest.first {
            switch state {
            case .failed(let failure): throw failure
            case .length(let digits, let value):
                rest.removeFirst()
                try readLength(byte, digits: digits, value: value, into: &records)
            case .content(let missing):
                let part = rest.prefix(missing)
                content += part
                rest = rest.dropFirst(part.count)
                position += UInt64(part.count)
                state = .content(missing: missing - part.count)
                if part.count == missing { complete(into: &records) }
            }
        }
        return records
    }

    /// The stream has ended.
    ///
    /// - Throws: `Failure` `stream.record-truncated` when it ended inside a record, or what `read` threw.
    public func finish() throws(Failure) {
        switch state {
        case .length(digits: 0, value: _): return
        case .failed(let failure): throw failure
        case .length:
            throw failure("stream.record-truncated", cause: "it ends inside a length")
        case .content(let missing):
            throw failure("stream.record-truncated", cause: "it ends \(missing) bytes before the end of a record")
        }
    }

    private mutating func readLength(
        _ byte: UInt8, digits: Int, value: Int, into records: inout [[UInt8]]
    ) throws(Failure) {
        switch byte {
        case UInt8(ascii: "\n") where digits > 0:
            position += 1
            state = .content(missing: value)
            if value == 0 { complete(into: &records) }
        case UInt8(ascii: "0")...UInt8(ascii: "9") where digits < RecordReader.digitsMax:
            let longer = value * 10 + Int(byte - UInt8(ascii: "0"))
            guard longer <= bytesMax else {
                throw fail("stream.record-too-large", cause: "a record is too large", limit: "record bytes \(bytesMax)")
            }
            position += 1
            state = .length(digits: digits + 1, value: longer)
        default:
            throw fail("stream.record-malformed", cause: "a length is not a decimal number and a line feed")
        }
    }

    private mutating func complete(into records: inout [[UInt8]]) {
        records.append(content)
        content = []
        state = .length(digits: 0, value: 0)
    }

    private mutating func fail(_ code: Failure.Code, cause: String, limit: String? = nil) -> Failure {
        let failure = failure(code, cause: cause, limit: limit)
        state = .failed(failure)
        content = []
        return failure
    }

    private func failure(_ code: Failure.Code, cause: String, limit: String? = nil) -> Failure {
        Failure(
            code, doing: "read record stream", cause: "at byte \(position) \(cause)", remedy: "connect again",
            limit: limit)
    }
}
