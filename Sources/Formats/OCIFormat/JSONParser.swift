import Diagnostics
import OrderedCollections

/// A recursive-descent reader of RFC 8259, strict: its recursion ends at `bounds.depth`, and what is not JSON is
/// refused with the place where it stops being JSON.
struct JSONParser {
    let content: [UInt8]
    let bounds: JSONBounds
    let documentName: String
    private var position = 0
    private var values = 0
    private var path: [String] = []

    init(content: [UInt8], bounds: JSONBounds, document: String) {
        self.content = content
        self.bounds = bounds
        documentName = document
    }

    mutating func document() throws(Failure) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        guard position == content.count else { throw syntax("something follows the document") }
        return value
    }

    private mutating func value(depth: Int) throws(Failure) -> JSONValue {
        values += 1
        guard values <= bounds.values else {
            throw refusal(
                "image.document-too-many-values", cause: "it has too many values", limit: "values \(bounds.values)")
        }
        skipSpace()
        guard position < content.count else { throw syntax("it ends too early") }
        switch content[position] {
        case UInt8(ascii: "{"): return try object(depth: depth + 1)
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> JSONValue {
        try enter(depth)
        var members: OrderedDictionary<String, JSONValue> = [:]
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard peek() == UInt8(ascii: "\"") else { throw syntax("a member name is missing") }
            let name = try string()
            path.append(name)
            guard members[name] == nil else {
                throw refusal("image.document-duplicate-member", cause: "the member is there twice")
            }
            guard take(":") else { throw syntax("a colon is missing") }
            members[name] = try value(depth: depth)
            path.removeLast()
        } while take(",")
        guard take("}") else { throw syntax("an object does not end") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(Failure) -> JSONValue {
        try enter(depth)
        var elements: [JSONValue] = []
        if take("]") { return .array(elements) }
        repeat {
            path.append("[\(elements.count)]")
            elements.append(try value(depth: depth))
            path.removeLast()
        } while take(",")
        guard take("]") else { throw syntax("an array does not end") }
        return .array(elements)
    }

    private mutating func enter(_ depth: Int) throws(Failure) {
        guard depth <= bounds.depth else {
            throw refusal("image.document-too-deep", cause: "it is nested too deeply", limit: "depth \(bounds.depth)")
        }
        position += 1
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
        let length = text.utf8CodeUnitCount
        let matches = text.withUTF8Buffer { content[position...].starts(with: $0) }
        guard matches else { throw syntax("there is no such value") }
        position += length
        return value
    }

    private mutating func number() throws(Failure) -> JSONValue {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
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
        guard position - start <= 64 else { throw syntax("a number has too many digits") }
        return .number(String(decoding: content[start..<position], as: UTF8.self))
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = peek(), byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        return position - start
    }
}

// MARK: - Strings

extension JSONParser {
    private mutating func string() throws(Failure) -> String {
        position += 1
        var text: [UInt8] = []
        while true {
            guard let byte = peek() else { throw syntax("a string does not end") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw syntax("a string holds a bare control character")
            default: text.append(byte)
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
        case UInt8(ascii: "u"): text += Array(String(try scalar()).utf8)
        default: throw syntax("there is no such escape")
        }
    }

    /// One `\uXXXX`, or two of them when the first is the high half of a surrogate pair.
    private mutating func scalar() throws(Failure) -> Character {
        var value = try hexadecimal()
        if (0xD800..<0xDC00).contains(value) {
            guard peek() == UInt8(ascii: "\\") else {
                throw refusal("image.document-encoding", cause: "half a surrogate pair")
            }
            position += 1
            guard peek() == UInt8(ascii: "u") else {
                throw refusal("image.document-encoding", cause: "half a surrogate pair")
            }
            position += 1
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low) else {
                throw refusal("image.document-encoding", cause: "half a surrogate pair")
            }
            value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
        }
        guard value != 0, let scalar = Unicode.Scalar(value) else {
            throw refusal("image.document-encoding", cause: value == 0 ? "a string holds NUL" : "half a surrogate pair")
        }
        return Character(scalar)
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

extension JSONParser {
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

    private func syntax(_ cause: String) -> Failure {
        refusal("image.document-syntax", cause: "at byte \(position) \(cause)")
    }

    private func refusal(_ code: Failure.Code, cause: String, limit: String? = nil) -> Failure {
        Failure(
            code, doing: "read \(documentName)", cause: path.isEmpty ? cause : "\(cause) (\(JSONObject.joined(path)))",
            field: path.isEmpty ? nil : JSONObject.joined(path), limit: limit)
    }
}
