/// A document that has been read, and of which nothing has been made yet: its bytes, and where in them each value is.
///
/// Reading it copies nothing; names and texts are copied out when somebody asks for them. A value is known by its
/// place, the first is 0.
public final class JSONTape: Sendable {
    public enum Kind: UInt8, Sendable { case object, array, string, number, yes, no, null }

    /// A value or the name of a member; the member's value follows its name, what is in a value follows the value.
    struct Entry {
        /// Of a text without its quotes.
        var start: UInt32
        var end: UInt32
        /// The entry behind this one and all that is in it.
        var next: UInt32
        var kind: Kind
        /// ASCII without escapes: equal texts have equal bytes.
        var isPlain = true
    }
    // Memory of its own and not arrays, each of which would be retained and released at every look.
    private nonisolated(unsafe) let content: UnsafeBufferPointer<UInt8>
    private nonisolated(unsafe) let entries: UnsafeBufferPointer<Entry>

    /// - Throws: `JSONFault` with the byte and the members it was met in.
    public init(_ content: [UInt8], limits: JSONLimits) throws(JSONFault) {
        guard content.count <= min(limits.bytes, Int(UInt32.max)) else {
            throw JSONFault(.tooLarge, "it has \(content.count) bytes", at: nil)
        }
        let found = try content.withUnsafeBufferPointer { bytes throws(JSONFault) in
            guard JSONText.isASCII(bytes) || String(validating: bytes, as: UTF8.self) != nil else {
                throw JSONFault(.encoding, "it is not valid UTF-8", at: nil)
            }
            return try JSONScanner.entries(of: bytes, limits: limits)
        }
        self.content = JSONTape.kept(content)
        entries = JSONTape.kept(found)
    }

    deinit {
        content.deallocate()
        entries.deallocate()
    }

    private static func kept<Element>(_ elements: [Element]) -> UnsafeBufferPointer<Element> {
        let memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        _ = memory.initialize(from: elements)
        return UnsafeBufferPointer(memory)
    }

    // MARK: - Values

    public func kind(at place: Int) -> Kind { entry(at: place).kind }

    /// Bounds are checked in every build: buffers of their own do so only while debugging.
    @inline(__always) private func entry(at place: Int) -> Entry {
        precondition(place >= 0 && place < entries.count, "there is no such place in the document")
        return withExtendedLifetime(self) { entries[place] }
    }

    /// What a string says, or a number as it is written.
    public func text(at place: Int) -> String {
        withExtendedLifetime(self) { JSONText.string(of: entry(at: place), in: content) }
    }

    /// The bytes that the object or array at `place` is, its brackets with it.
    public func bytes(at place: Int) -> [UInt8] {
        let entry = entry(at: place)
        return withExtendedLifetime(self) { Array(content[Int(entry.start)..<Int(entry.end)]) }
    }

    /// The place behind the value at `place` and all that is in it: the next element, or the name of the next member.
    public func next(after place: Int) -> Int { Int(entry(at: place).next) }

    /// Where the elements of the array at `place` begin and end, or the names of an object's members.
    public func inside(_ place: Int) -> Range<Int> { place + 1..<Int(entry(at: place).next) }

    /// The value of the member of that name of the object at `place`; nil for what is no object.
    public func member(_ name: String, of place: Int) -> Int? {
        let object = entry(at: place)
        guard object.kind == .object else { return nil }
        var name = name
        return withExtendedLifetime(self) {
            name.withUTF8 { name in
                var at = place + 1
                while at < Int(object.next) {
                    if JSONText.is(entries[at], name, in: content) { return at + 1 }
                    at = Int(entries[at + 1].next)
                }
                return nil
            }
        }
    }

    /// How to get from the outside to `place`: `accept.operations[0].launch`.
    public func path(to place: Int) -> String {
        var path = ""
        var outer = 0
        while outer < place, kind(at: outer) == .object || kind(at: outer) == .array {
            let isObject = kind(at: outer) == .object
            var (at, index) = (outer + 1, 0)
            while next(after: isObject ? at + 1 : at) <= place {
                at = next(after: isObject ? at + 1 : at)
                index += 1
            }
            path += isObject ? (path.isEmpty ? "" : ".") + text(at: at) : "[\(index)]"
            outer = isObject ? at + 1 : at
        }
        return path
    }
}

/// The bytes of texts.
enum JSONText {
    static func isASCII(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        // Without an early end, so that many bytes are looked at together.
        var all: UInt8 = 0
        for byte in bytes { all |= byte }
        return all < 0x80
    }

    static func string(of entry: JSONTape.Entry, in bytes: UnsafeBufferPointer<UInt8>) -> String {
        let text = UnsafeBufferPointer(rebasing: bytes[Int(entry.start)..<Int(entry.end)])
        // Escapes begin with a backslash, which nothing else in a text does.
        if entry.isPlain || !text.contains(UInt8(ascii: "\\")) { return String(decoding: text, as: UTF8.self) }
        return unescaped(text)
    }

    static func `is`(
        _ entry: JSONTape.Entry, _ text: UnsafeBufferPointer<UInt8>, in bytes: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard entry.isPlain else { return string(of: entry, in: bytes) == String(decoding: text, as: UTF8.self) }
        guard Int(entry.end - entry.start) == text.count else { return false }
        let start = Int(entry.start)
        // The last bytes first: names begin alike more often than they end alike.
        var index = text.count
        while index > 0 {
            index -= 1
            if bytes[start + index] != text[index] { return false }
        }
        return true
    }

    static func are(
        _ left: JSONTape.Entry, _ right: JSONTape.Entry, sameIn bytes: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        if right.isPlain {
            let text = UnsafeBufferPointer(rebasing: bytes[Int(right.start)..<Int(right.end)])
            return self.is(left, text, in: bytes)
        }
        return string(of: left, in: bytes) == string(of: right, in: bytes)
    }

    /// `text` has been looked through: its escapes are whole.
    private static func unescaped(_ text: UnsafeBufferPointer<UInt8>) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var position = 0
        while position < text.count {
            let byte = text[position]
            position += 1
            if byte == UInt8(ascii: "\\") {
                do throws(JSONFault) {
                    result += UTF8.encode(try escaped(in: text, at: &position)).map(Array.init) ?? []
                } catch {
                    preconditionFailure("an escape that was read before is none: \(error.cause)")
                }
            } else {
                result.append(byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

// MARK: - Escapes

extension JSONText {
    /// What the escape at `position`, behind its backslash, stands for; `position` is behind it then.
    ///
    /// - Throws: `JSONFault` when it is none.
    static func escaped(
        in text: UnsafeBufferPointer<UInt8>, at position: inout Int
    ) throws(JSONFault) -> Unicode.Scalar {
        guard position < text.count else { throw JSONFault(.syntax, "a string does not end", at: position) }
        let byte = text[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try scalar(in: text, at: &position)
        default: throw JSONFault(.syntax, "there is no such escape", at: position)
        }
    }

    /// One escape of four hexadecimal digits, or two of them when the first is the high half of a surrogate pair.
    private static func scalar(
        in text: UnsafeBufferPointer<UInt8>, at position: inout Int
    ) throws(JSONFault) -> Unicode.Scalar {
        var value = try hexadecimal(in: text, at: &position)
        if (0xD800..<0xDC00).contains(value), position < text.count, text[position] == UInt8(ascii: "\\") {
            position += 1
            guard position < text.count, text[position] == UInt8(ascii: "u") else { throw halfPair(at: position) }
            position += 1
            let low = try hexadecimal(in: text, at: &position)
            guard (0xDC00..<0xE000).contains(low) else { throw halfPair(at: position) }
            value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
        }
        guard value != 0 else { throw JSONFault(.encoding, "a string holds NUL", at: position) }
        guard let scalar = Unicode.Scalar(value) else { throw halfPair(at: position) }
        return scalar
    }

    private static func halfPair(at position: Int) -> JSONFault {
        JSONFault(.encoding, "half a surrogate pair", at: position)
    }

    private static func hexadecimal(
        in text: UnsafeBufferPointer<UInt8>, at position: inout Int
    ) throws(JSONFault) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < text.count,
                let digit = Character(Unicode.Scalar(text[position])).hexDigitValue
            else { throw JSONFault(.syntax, "a \\u escape needs four hexadecimal digits", at: position) }
            position += 1
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}
