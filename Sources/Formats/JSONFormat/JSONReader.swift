/// A recursive-descent reader of RFC 8259, strict but for infinity where the limits allow it. Its recursion ends at the
/// limits' depth. NUL is refused in every string: names and environments go to the kernel, which would read less than
/// was checked.
public struct JSONReader {
    private let content: [UInt8]
    private let limits: JSONLimits
    private var position = 0
    private var values = 0

    private init(_ content: [UInt8], _ limits: JSONLimits) {
        self.content = content
        self.limits = limits
    }

    /// The whole document.
    ///
    /// - Throws: `JSONFault` with the byte and the members it was met in.
    @inlinable public static func read<Tree: JSONTree>(
        _ content: [UInt8], limits: JSONLimits, as tree: Tree.Type = Tree.self
    ) throws(JSONFault) -> Tree {
        var reader = try JSONReader(checking: content, limits)
        let value: Tree = try reader.value(depth: 0)
        try reader.finish()
        return value
    }

    @usableFromInline init(checking content: [UInt8], _ limits: JSONLimits) throws(JSONFault) {
        guard content.count <= limits.bytes else {
            throw JSONFault(.tooLarge, "it has \(content.count) bytes", at: nil)
        }
        guard String(validating: content, as: UTF8.self) != nil else {
            throw JSONFault(.encoding, "it is not valid UTF-8", at: nil)
        }
        self.init(content, limits)
    }
}

// MARK: - Values

extension JSONReader {
    /// What comes next; words are read already.
    @usableFromInline enum Token {
        case object, array, string, number, yes, no, null
    }

    @inlinable mutating func value<Tree: JSONTree>(depth: Int) throws(JSONFault) -> Tree {
        switch try next() {
        case .object: try object(depth: depth + 1)
        case .array: try array(depth: depth + 1)
        case .string: .string(try string())
        case .number: .number(try number())
        case .yes: .bool(true)
        case .no: .bool(false)
        case .null: .null
        }
    }

    @inlinable mutating func object<Tree: JSONTree>(depth: Int) throws(JSONFault) -> Tree {
        try enter(depth)
        var members = Tree.noMembers
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            let name = try memberName()
            do throws(JSONFault) {
                guard !Tree.contains(name, in: members) else { throw duplicate(name) }
                try takeColon()
                guard Tree.add(try value(depth: depth), as: name, to: &members) else { throw duplicate(name) }
            } catch {
                throw error.inside(name)
            }
        } while take(UInt8(ascii: ","))
        try leave(UInt8(ascii: "}"), "an object does not end")
        return .object(members)
    }

    @inlinable mutating func array<Tree: JSONTree>(depth: Int) throws(JSONFault) -> Tree {
        try enter(depth)
        var elements: [Tree] = []
        if take(UInt8(ascii: "]")) { return .array(elements) }
        repeat {
            do throws(JSONFault) {
                elements.append(try value(depth: depth))
            } catch {
                throw error.inside("[\(elements.count)]")
            }
        } while take(UInt8(ascii: ","))
        try leave(UInt8(ascii: "]"), "an array does not end")
        return .array(elements)
    }

    @usableFromInline mutating func next() throws(JSONFault) -> Token {
        values += 1
        guard values <= limits.values else {
            throw JSONFault(.tooManyValues, "there are too many values", at: position)
        }
        skipSpace()
        switch peek() {
        case nil: throw syntax("it ends too early")
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"): return try word("true", .yes)
        case UInt8(ascii: "f"): return try word("false", .no)
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number
        }
    }

    private mutating func word(_ text: StaticString, _ token: Token) throws(JSONFault) -> Token {
        guard starts(with: text) else { throw syntax("there is no such value") }
        position += text.utf8CodeUnitCount
        return token
    }

    private func starts(with text: StaticString) -> Bool {
        text.withUTF8Buffer { content[position...].starts(with: $0) }
    }

    @usableFromInline mutating func enter(_ depth: Int) throws(JSONFault) {
        guard depth <= limits.depth else { throw JSONFault(.tooDeep, "it is nested too deeply", at: position) }
        position += 1
    }

    @usableFromInline mutating func leave(_ character: UInt8, _ cause: String) throws(JSONFault) {
        guard take(character) else { throw syntax(cause) }
    }

    @usableFromInline mutating func memberName() throws(JSONFault) -> String {
        skipSpace()
        guard peek() == UInt8(ascii: "\"") else { throw syntax("a member name is missing") }
        return try string()
    }

    @usableFromInline mutating func takeColon() throws(JSONFault) {
        guard take(UInt8(ascii: ":")) else { throw syntax("a colon is missing") }
    }

    @usableFromInline func duplicate(_ name: String) -> JSONFault {
        JSONFault(.duplicateMember, "member '\(name)' is there twice", at: position)
    }

    @usableFromInline mutating func finish() throws(JSONFault) {
        skipSpace()
        guard position == content.count else { throw syntax("something follows the document") }
    }
}

// MARK: - Numbers

extension JSONReader {
    @usableFromInline mutating func number() throws(JSONFault) -> String {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        if limits.allowsInfinity, starts(with: "Infinity") {
            position += 8
            return String(decoding: content[start..<position], as: UTF8.self)
        }
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
        guard position - start <= limits.numberBytes else { throw syntax("a number has too many digits") }
        return String(decoding: content[start..<position], as: UTF8.self)
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }
}

// MARK: - Strings

extension JSONReader {
    @usableFromInline mutating func string() throws(JSONFault) -> String {
        position += 1
        var start = position
        // Nearly all strings have no escape and are taken in one piece.
        var text: [UInt8] = []
        while true {
            guard let byte = peek() else { throw syntax("a string does not end") }
            switch byte {
            case UInt8(ascii: "\""):
                let last = content[start..<position]
                position += 1
                return String(decoding: text.isEmpty ? last : (text + last)[...], as: UTF8.self)
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

    private mutating func escape(into text: inout [UInt8]) throws(JSONFault) {
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

    /// One `\uXXXX`, or two of them when the first is the high half of a surrogate pair.
    private mutating func scalar() throws(JSONFault) -> Unicode.Scalar {
        var value = try hexadecimal()
        if (0xD800..<0xDC00).contains(value), peek() == UInt8(ascii: "\\") {
            position += 1
            guard peek() == UInt8(ascii: "u") else { throw encoding("half a surrogate pair") }
            position += 1
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low) else { throw encoding("half a surrogate pair") }
            value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
        }
        guard value != 0 else { throw encoding("a string holds NUL") }
        guard let scalar = Unicode.Scalar(value) else { throw encoding("half a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONFault) -> UInt32 {
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

extension JSONReader {
    private func peek() -> UInt8? { position < content.count ? content[position] : nil }

    /// Skips space, and takes `character` when it comes next.
    @usableFromInline mutating func take(_ character: UInt8) -> Bool {
        skipSpace()
        guard peek() == character else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func syntax(_ cause: String) -> JSONFault { JSONFault(.syntax, cause, at: position) }

    private func encoding(_ cause: String) -> JSONFault { JSONFault(.encoding, cause, at: position) }
}
