public import Diagnostics

/// What a body may be before anything in it is believed.
public struct WireBounds: Hashable, Sendable {
    public var bytes: Int
    public var depth: Int
    public var values: Int

    /// 16 MiB holds a call that launches thousands of tasks; the protocol itself nests less than 20 deep.
    public static let standard = WireBounds(bytes: 16 << 20, depth: 64, values: 1_000_000)

    public init(bytes: Int, depth: Int, values: Int) {
        self.bytes = bytes
        self.depth = depth
        self.values = values
    }

    /// - Throws: `Failure` `api.body-too-large`, `-encoding`, `-syntax`, `-too-deep`, `-too-many-values` or
    ///   `-duplicate-member`, with the byte at fault.
    public func value(parsing body: [UInt8]) throws(Failure) -> WireValue {
        guard body.count <= bytes else {
            throw Failure(
                "api.body-too-large", doing: "read the body", cause: "it has \(body.count) bytes",
                remedy: "split the call", limit: "body bytes \(bytes)")
        }
        guard String(validating: body, as: UTF8.self) != nil else {
            throw Failure("api.body-encoding", doing: "read the body", cause: "it is not valid UTF-8")
        }
        var parser = WireParser(content: body, bounds: self)
        return try parser.document()
    }
}

/// A recursive-descent reader of JSON with one addition, the bare words `Infinity` and `-Infinity`, which the
/// original's own printer writes. Its recursion ends at `bounds.depth`.
struct WireParser {
    let content: [UInt8]
    let bounds: WireBounds
    private var position = 0
    private var values = 0

    /// The longest finite double written out has 309 digits before the point.
    private static let numberBytesMax = 512

    init(content: [UInt8], bounds: WireBounds) {
        self.content = content
        self.bounds = bounds
    }

    mutating func document() throws(Failure) -> WireValue {
        let value = try value(depth: 0)
        skipSpace()
        guard position == content.count else { throw syntax("something follows the document") }
        return value
    }

    private mutating func value(depth: Int) throws(Failure) -> WireValue {
        values += 1
        guard values <= bounds.values else {
            throw refusal("api.body-too-many-values", "there are too many values", limit: "values \(bounds.values)")
        }
        skipSpace()
        switch peek() {
        case nil: throw syntax("it ends too early")
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "I"): return try word("Infinity", .number("Infinity"))
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> WireValue {
        try enter(depth)
        var members: [String: WireValue] = [:]
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard peek() == UInt8(ascii: "\"") else { throw syntax("a member name is missing") }
            let name = try string()
            guard members[name] == nil else {
                throw refusal("api.body-duplicate-member", "member '\(name)' is there twice")
            }
            guard take(":") else { throw syntax("a colon is missing") }
            members[name] = try value(depth: depth)
        } while take(",")
        guard take("}") else { throw syntax("an object does not end") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(Failure) -> WireValue {
        try enter(depth)
        var elements: [WireValue] = []
        if take("]") { return .array(elements) }
        repeat { elements.append(try value(depth: depth)) } while take(",")
        guard take("]") else { throw syntax("an array does not end") }
        return .array(elements)
    }

    private mutating func enter(_ depth: Int) throws(Failure) {
        guard depth <= bounds.depth else {
            throw refusal("api.body-too-deep", "it is nested too deeply", limit: "depth \(bounds.depth)")
        }
        position += 1
    }

    private mutating func word(_ text: StaticString, _ value: WireValue) throws(Failure) -> WireValue {
        guard text.withUTF8Buffer({ content[position...].starts(with: $0) }) else {
            throw syntax("there is no such value")
        }
        position += text.utf8CodeUnitCount
        return value
    }

    private mutating func number() throws(Failure) -> WireValue {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        if peek() == UInt8(ascii: "I"), position > start { return try word("Infinity", .number("-Infinity")) }
        let whole = digits()
        guard whole > 0, whole == 1 || content[position - whole] != UInt8(ascii: "0") else {
            throw syntax("there is no such value")
        }
        if peek() == UInt8(ascii: ".") {
            position += 1
            guard digits() > 0 else { throw syntax("a number is cut short") }
        }
        if let sign = peek(), sign | 0x20 == UInt8(ascii: "e") {
            position += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            guard digits() > 0 else { throw syntax("a number is cut short") }
        }
        guard position - start <= WireParser.numberBytesMax else { throw syntax("a number has too many digits") }
        return .number(String(decoding: content[start..<position], as: UTF8.self))
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }
}

// MARK: - Strings

extension WireParser {
    private mutating func string() throws(Failure) -> String {
        position += 1
        var text: [UInt8] = []
        var start = position
        while true {
            guard let byte = peek() else { throw syntax("a string does not end") }
            switch byte {
            case UInt8(ascii: "\""):
                text += content[start..<position]
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text += content[start..<position]
                position += 1
                try escape(into: &text)
                start = position
            case 0..<0x20: throw syntax("a string holds a bare control character")
            default: position += 1
            }
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        guard let byte = peek() else { throw syntax("a string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"): text += UTF8.encode(try scalar()).map(Array.init) ?? []
        default: throw syntax("there is no such escape")
        }
    }

    /// One `\uXXXX`, or two of them when the first is the high half of a surrogate pair. NUL is refused: names and
    /// environments go to the kernel, which would read less than was checked.
    private mutating func scalar() throws(Failure) -> Unicode.Scalar {
        var value = try hexadecimal()
        if (0xD800..<0xDC00).contains(value), peek() == UInt8(ascii: "\\") {
            position += 1
            guard peek() == UInt8(ascii: "u") else { throw refusal("api.body-encoding", "half a surrogate pair") }
            position += 1
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low) else { throw refusal("api.body-encoding", "half a surrogate pair") }
            value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
        }
        guard value != 0 else { throw refusal("api.body-encoding", "a string holds NUL") }
        guard let scalar = Unicode.Scalar(value) else { throw refusal("api.body-encoding", "half a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(Failure) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw syntax("a \\u escape needs four hexadecimal digits")
            }
            position += 1
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}

// MARK: - Places

extension WireParser {
    private func peek() -> UInt8? { position < content.count ? content[position] : nil }

    /// Skips space, and takes `character` when it comes next.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func syntax(_ cause: String) -> Failure { refusal("api.body-syntax", cause) }

    private func refusal(_ code: Failure.Code, _ cause: String, limit: String? = nil) -> Failure {
        // A person with a file looks for the line, a person with a call for the byte.
        let line = content[..<min(position, content.count)].reduce(1) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
        return Failure(
            code, doing: "read the body", cause: "at line \(line), byte \(position) \(cause)",
            remedy: "correct the JSON", limit: limit)
    }
}
