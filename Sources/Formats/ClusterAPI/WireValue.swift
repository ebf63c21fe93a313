/// A JSON value of the cluster's protocol. Numbers keep their text, so that 64-bit integers stay exact; infinity is a
/// number here, though JSON has no word for it.
///
/// Apart from `JSONValue` of images on purpose: an image's document is read strictly, a client's call leniently.
public enum WireValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([WireValue])
    case object([String: WireValue])

    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension WireValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }

    public static func number(_ value: some BinaryInteger) -> WireValue { .number(String(value)) }

    /// Infinity as the quoted word that every client reads; what is no number, which no client reads, as zero.
    public static func number(_ value: Double) -> WireValue {
        if value.isNaN { return .number("0.0") }
        if value.isInfinite { return .string(value < 0 ? "-Infinity" : "Infinity") }
        return .number("\(value)")
    }

    /// An object of the members that are set. The protocol leaves out what is unset, and lists without elements.
    public static func members(_ members: KeyValuePairs<String, WireValue?>) -> WireValue {
        var present: [String: WireValue] = [:]
        for (name, value) in members {
            if let value, value != .array([]) { present[name] = value }
        }
        return .object(present)
    }
}

// MARK: - Text

extension WireValue {
    /// Compact JSON in one line of ASCII, members sorted by name: equal values give equal bytes, and a client may cut
    /// it by characters where it should by bytes.
    public var bytes: [UInt8] {
        var result: [UInt8] = []
        write(to: &result)
        return result
    }

    /// How many bytes `bytes` has, without writing any.
    public var bytesCount: Int {
        switch self {
        case .null: 4
        case .bool(let value): value ? 4 : 5
        case .number(let text): text.ends(with: "Infinity") ? WireValue.quotedCount(text) : text.utf8.count
        case .string(let text): WireValue.quotedCount(text)
        case .array(let values): values.reduce(2 + max(0, values.count - 1)) { $0 + $1.bytesCount }
        case .object(let members):
            members.reduce(2 + max(0, members.count - 1)) { count, member in
                count + WireValue.quotedCount(member.key) + 1 + member.value.bytesCount
            }
        }
    }

    /// How many bytes `text` takes with its quotes: up to six for one.
    public static func quotedCount(_ text: String) -> Int {
        var count = 2
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C, 0x0A, 0x0D, 0x09: count += 2
            case 0..<0x20, 0x7F: count += 6
            // A character's first byte counts for all of it.
            case 0x80..<0xC0: break
            case 0xC0..<0xF0: count += 6
            case 0xF0...0xFF: count += 12
            default: count += 1
            }
        }
        return count
    }

    func write(to result: inout [UInt8]) {
        switch self {
        case .null: result += "null".utf8
        case .bool(let value): result += (value ? "true" : "false").utf8
        case .number(let text):
            if text.ends(with: "Infinity") { WireValue.quote(text, to: &result) } else { result += text.utf8 }
        case .string(let text): WireValue.quote(text, to: &result)
        case .array(let values):
            result.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { result.append(UInt8(ascii: ",")) }
                value.write(to: &result)
            }
            result.append(UInt8(ascii: "]"))
        case .object(let members):
            result.append(UInt8(ascii: "{"))
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { result.append(UInt8(ascii: ",")) }
                WireValue.quote(member.key, to: &result)
                result.append(UInt8(ascii: ":"))
                member.value.write(to: &result)
            }
            result.append(UInt8(ascii: "}"))
        }
    }

    static func quote(_ text: String, to result: inout [UInt8]) {
        result.append(UInt8(ascii: "\""))
        // Nearly all text is plain and goes over in one piece.
        let isPlain = text.utf8.withContiguousStorageIfAvailable { bytes in
            if needsEscape(bytes) { return false }
            result.append(contentsOf: bytes)
            return true
        }
        if isPlain != true { escape(text, to: &result) }
        result.append(UInt8(ascii: "\""))
    }

    static func needsEscape(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        // Without an early end, so that many bytes are looked at together.
        var needs = false
        for byte in text { needs = needs || byte < 0x20 || byte >= 0x7F || byte == 0x22 || byte == 0x5C }
        return needs
    }

    private static func escape(_ text: String, to result: inout [UInt8]) {
        for unit in text.utf16 {
            switch unit {
            case 0x22, 0x5C: result += [0x5C, UInt8(unit)]
            case 0x20..<0x7F: result.append(UInt8(unit))
            case 0x0A: result += "\\n".utf8
            case 0x0D: result += "\\r".utf8
            case 0x09: result += "\\t".utf8
            default:
                let digits = String(unit, radix: 16)
                result += "\\u".utf8
                result += String(repeating: "0", count: 4 - digits.count).utf8
                result += digits.utf8
            }
        }
    }
}
