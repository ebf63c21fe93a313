public import OrderedCollections

/// A JSON document of the runtime specification, members in their own order.
public enum SpecValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// The number's text, as it stands in the document.
    case number(String)
    case string(String)
    case array([SpecValue])
    case object(OrderedDictionary<String, SpecValue>)

    public typealias Members = OrderedDictionary<String, SpecValue>
    public static var noMembers: Members { [:] }

    public static func number(_ value: some BinaryInteger) -> SpecValue { .number(String(value)) }
    public static func strings(_ values: [String]) -> SpecValue { .array(values.map { .string($0) }) }
}

extension SpecValue: ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int64) { self = .number(String(value)) }
    public init(arrayLiteral elements: SpecValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, SpecValue)...) {
        self = .object(OrderedDictionary(uniqueKeysWithValues: elements))
    }
}

extension SpecValue {
    /// The document on one line.
    public var text: String { String(decoding: utf8, as: UTF8.self) }

    /// The same, for those who want bytes.
    public var utf8: [UInt8] {
        var result: [UInt8] = []
        write(to: &result, indent: nil, depth: 0)
        return result
    }

    /// The document with one member a line, each level indented by `indent`.
    public func pretty(indent: String = "\t") -> String {
        var result: [UInt8] = []
        write(to: &result, indent: indent, depth: 0)
        return String(decoding: result, as: UTF8.self)
    }

    private func write(to result: inout [UInt8], indent: String?, depth: Int) {
        switch self {
        case .null: result += "null".utf8
        case .bool(let value): result += (value ? "true" : "false").utf8
        case .number(let text): result += text.utf8
        case .string(let text): Self.quote(text, to: &result)
        case .array(let values):
            result.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                Self.beginEntry(index, to: &result, indent: indent, depth: depth)
                value.write(to: &result, indent: indent, depth: depth + 1)
            }
            Self.endEntries(values.count, UInt8(ascii: "]"), to: &result, indent: indent, depth: depth)
        case .object(let members):
            result.append(UInt8(ascii: "{"))
            for (index, member) in members.elements.enumerated() {
                Self.beginEntry(index, to: &result, indent: indent, depth: depth)
                Self.quote(member.key, to: &result)
                result += (indent == nil ? ":" : ": ").utf8
                member.value.write(to: &result, indent: indent, depth: depth + 1)
            }
            Self.endEntries(members.count, UInt8(ascii: "}"), to: &result, indent: indent, depth: depth)
        }
    }

    private static func beginEntry(_ index: Int, to result: inout [UInt8], indent: String?, depth: Int) {
        if index > 0 { result.append(UInt8(ascii: ",")) }
        beginLine(to: &result, indent: indent, depth: depth + 1)
    }

    private static func endEntries(
        _ count: Int, _ bracket: UInt8, to result: inout [UInt8], indent: String?, depth: Int
    ) {
        if count > 0 { beginLine(to: &result, indent: indent, depth: depth) }
        result.append(bracket)
    }

    private static func beginLine(to result: inout [UInt8], indent: String?, depth: Int) {
        guard let indent else { return }
        result.append(UInt8(ascii: "\n"))
        for _ in 0..<depth { result += indent.utf8 }
    }

    private static func quote(_ text: String, to result: inout [UInt8]) {
        result.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { bytes in
            let isPlain = bytes.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
            if isPlain { result.append(contentsOf: bytes) } else { for byte in bytes { escape(byte, to: &result) } }
        }
        result.append(UInt8(ascii: "\""))
    }

    private static func escape(_ byte: UInt8, to result: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""): result += "\\\"".utf8
        case UInt8(ascii: "\\"): result += "\\\\".utf8
        case UInt8(ascii: "\n"): result += "\\n".utf8
        case UInt8(ascii: "\r"): result += "\\r".utf8
        case UInt8(ascii: "\t"): result += "\\t".utf8
        case 0..<0x20: result += "\\u00\(byte < 0x10 ? "0" : "")\(String(byte, radix: 16))".utf8
        default: result.append(byte)
        }
    }
}
