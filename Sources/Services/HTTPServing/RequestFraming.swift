import NIOCore
import NIOHTTP1

/// Finds where requests and their parts begin and end, before the parser sees a byte of them. It holds a header back
/// until it is whole and passes on what it has judged: of chunks only size and content, of trailers nothing.
///
/// A value: bytes in, bytes out, a fault at most once.
struct RequestFraming {
    struct Bounds {
        var targetBytes: Int
        var fieldBytes: Int
        var headerBytes: Int
        var fields: Int
        /// A chunk's content.
        var chunkBytes: UInt64
        /// Chunk lines, extensions and trailers in a row without content between them.
        var framingBytes: Int

        init(_ limits: ServerLimits) {
            targetBytes = limits.targetBytesMax
            fieldBytes = limits.headerFieldBytesMax
            headerBytes = limits.headerBytesMax
            fields = limits.headerFieldsMax
            chunkBytes = UInt64(limits.chunkBytesMax)
            framingBytes = limits.framingBytesMax
        }
    }

    private enum Place {
        case requestLine
        case field(RequestHeadRules)
        case content(left: UInt64, isChunk: Bool)
        case chunkLine
        /// The line end after a chunk's content.
        case chunkEnd
        case trailer
    }

    /// Of a method, the spaces and the version in a request line.
    private static let requestLineExtra = 64

    private let bounds: Bounds
    private var place = Place.requestLine
    /// What has come of the line under way, with its end.
    private var line: [UInt8] = []
    /// The judged lines of the header under way.
    private var head: [UInt8] = []
    /// Bytes and lines of the header under way, or bytes of framing without content.
    private var bytes = 0
    private var fields = 0

    init(_ bounds: Bounds) { self.bounds = bounds }

    /// What the parser may see of `input`.
    mutating func pass(_ input: inout ByteBuffer, to output: inout ByteBuffer) throws(FramingFault) {
        while input.readableBytes > 0 {
            if case .content(let left, let isChunk) = place {
                takeContent(&input, &output, left, isChunk)
            } else if takeLine(&input) {
                try checkLength()
                let whole = try finishedLine()
                try judge(whole, &output)
                line.removeAll(keepingCapacity: true)
            } else {
                try checkLength()
            }
        }
    }

    private mutating func takeContent(
        _ input: inout ByteBuffer, _ output: inout ByteBuffer, _ left: UInt64, _ isChunk: Bool
    ) {
        let count = Int(min(left, UInt64(input.readableBytes)))
        if var slice = input.readSlice(length: count) { output.writeBuffer(&slice) }
        bytes = 0
        let rest = left - UInt64(count)
        guard rest == 0 else { return place = .content(left: rest, isChunk: isChunk) }
        place = isChunk ? .chunkEnd : .requestLine
    }

    /// Whether the line under way is whole now. Takes no more of it than its bound, and one byte.
    private mutating func takeLine(_ input: inout ByteBuffer) -> Bool {
        let room = max(1, lineBytesMax + 1 - line.count)
        let view = input.readableBytesView.prefix(room)
        let end = view.firstIndex(of: UInt8(ascii: "\n"))
        let taken = end.map { view[...$0] } ?? view
        line += taken
        bytes += taken.count
        input.moveReaderIndex(forwardBy: taken.count)
        return end != nil
    }

    private var lineBytesMax: Int {
        switch place {
        case .requestLine: bounds.targetBytes + RequestFraming.requestLineExtra
        case .field: bounds.fieldBytes
        case .chunkEnd: 2
        case .chunkLine, .trailer, .content: bounds.framingBytes
        }
    }

    private func checkLength() throws(FramingFault) {
        switch place {
        case .requestLine:
            guard line.count <= lineBytesMax else {
                throw FramingFault(.uriTooLong, "the request target has more than \(bounds.targetBytes) bytes")
            }
            guard bytes <= lineBytesMax else { throw FramingFault("nothing but empty lines") }
        case .field:
            guard line.count <= bounds.fieldBytes else {
                throw FramingFault(
                    .requestHeaderFieldsTooLarge, "a header field has more than \(bounds.fieldBytes) bytes")
            }
            guard bytes <= bounds.headerBytes + bounds.targetBytes + RequestFraming.requestLineExtra else {
                throw FramingFault(
                    .requestHeaderFieldsTooLarge, "the header has more than \(bounds.headerBytes) bytes")
            }
        case .chunkEnd:
            guard line.count <= 2 else { throw FramingFault("a chunk is longer than it says") }
        case .chunkLine, .trailer:
            guard bytes <= bounds.framingBytes else {
                throw FramingFault("more than \(bounds.framingBytes) bytes of chunk extensions or trailers")
            }
        case .content: break
        }
    }

    /// The line without its end, which is CR and LF, neither of which comes before.
    private func finishedLine() throws(FramingFault) -> [UInt8] {
        let whole = line.dropLast()
        guard whole.last == UInt8(ascii: "\r") else { throw FramingFault("a line ends with LF alone") }
        guard !whole.dropLast().contains(UInt8(ascii: "\r")) else { throw FramingFault("CR within a line") }
        guard !whole.contains(0) else { throw FramingFault("NUL within a line") }
        return Array(whole.dropLast())
    }

    private mutating func judge(_ whole: [UInt8], _ output: inout ByteBuffer) throws(FramingFault) {
        switch place {
        case .requestLine:
            // Some clients end a body with an empty line that is not part of it.
            if whole.isEmpty { return }
            place = .field(try RequestHeadRules(requestLine: whole))
            bytes = line.count
            head = line
        case .field(var rules):
            guard !whole.isEmpty else { return try finishHead(rules, &output) }
            fields += 1
            guard fields <= bounds.fields else {
                throw FramingFault(.requestHeaderFieldsTooLarge, "the header has more than \(bounds.fields) fields")
            }
            if try rules.add(whole) { head += line }
            place = .field(rules)
        case .chunkLine: try beginChunk(whole, &output)
        case .chunkEnd:
            guard whole.isEmpty else { throw FramingFault("a chunk is longer than it says") }
            output.writeStaticString("\r\n")
            place = .chunkLine
        case .trailer:
            guard whole.isEmpty else { return try RequestHeadRules.judgeTrailer(whole) }
            output.writeStaticString("\r\n")
            finishRequest()
        case .content: break
        }
    }

    private mutating func finishHead(_ rules: RequestHeadRules, _ output: inout ByteBuffer) throws(FramingFault) {
        let framing = try rules.framing()
        output.writeBytes(head)
        output.writeStaticString("\r\n")
        finishRequest()
        switch framing {
        case .none: break
        case .length(let length): place = .content(left: length, isChunk: false)
        case .chunks: place = .chunkLine
        }
    }

    private mutating func finishRequest() {
        place = .requestLine
        head.removeAll(keepingCapacity: true)
        bytes = 0
        fields = 0
    }

    private mutating func beginChunk(_ whole: [UInt8], _ output: inout ByteBuffer) throws(FramingFault) {
        let digits = whole.prefix { Character(Unicode.Scalar($0)).isASCIIHexDigit }
        let rest = whole.dropFirst(digits.count).drop { $0 == 0x20 || $0 == 0x09 }
        guard !digits.isEmpty, rest.isEmpty || rest.first == UInt8(ascii: ";"),
            rest.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }),
            !rest.isEmpty || digits.count == whole.count
        else { throw FramingFault("a chunk does not begin with its size") }
        guard let size = UInt64(String(decoding: digits, as: UTF8.self), radix: 16), size <= bounds.chunkBytes else {
            throw FramingFault("a chunk of more than \(bounds.chunkBytes) bytes; send smaller ones")
        }
        output.writeString(String(size, radix: 16) + "\r\n")
        place = size == 0 ? .trailer : .content(left: size, isChunk: true)
    }
}

extension Character {
    fileprivate var isASCIIHexDigit: Bool { isASCII && isHexDigit }
}
