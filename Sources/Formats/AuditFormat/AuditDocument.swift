import Diagnostics
public import JSONFormat

/// A JSON document in which only what canonical JSON can say without doubt exists: no fractions.
public indirect enum AuditDocument: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A number that is no integer, by its text; canonical JSON refuses it, renderers write it as it is.
    case decimal(String)
    case string(String)
    case array([AuditDocument])
    case object([String: AuditDocument])
}

extension AuditDocument: JSONTree {
    public static func number(_ text: String) -> AuditDocument { Int64(text).map(integer) ?? decimal(text) }
    public static var noMembers: [String: AuditDocument] { [:] }
    public static func add(_ value: AuditDocument, as name: String, to members: inout [String: AuditDocument]) -> Bool {
        members.updateValue(value, forKey: name) == nil
    }
}

extension AuditDocument: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: AuditDocument...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, AuditDocument)...) {
        self = .object(Dictionary(elements) { _, last in last })
    }

    public subscript(name: String) -> AuditDocument? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }
    public var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }
    public var integerValue: Int64? {
        guard case .integer(let value) = self else { return nil }
        return value
    }
    public var elements: [AuditDocument] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }
}

extension AuditDocument {
    /// Of one document: a bundle of many containers with their findings.
    public static let limits = JSONLimits(bytes: 256 << 20, depth: 64, values: 4_000_000)

    /// - Throws: `JSONFault`.
    public static func read(_ bytes: [UInt8]) throws(JSONFault) -> AuditDocument {
        try JSONReader.read(bytes, limits: limits, as: AuditDocument.self)
    }

    /// The one text RFC 8785 gives this document: members by their UTF-16 code units, no space, the shortest escapes.
    /// A fraction is shown as it was read: what is signed holds none.
    public var canonical: String {
        var text = ""
        write(to: &text, indent: nil)
        return text
    }

    /// The same over several lines, for people.
    public var pretty: String {
        var text = ""
        write(to: &text, indent: 0)
        return text + "\n"
    }

    private func write(to text: inout String, indent: Int?) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .integer(let value): text += "\(value)"
        case .decimal(let number): text += number
        case .string(let value): Self.quote(value, to: &text)
        case .array(let elements):
            Self.list(elements, "[", "]", to: &text, indent) { $0.write(to: &$1, indent: $2) }
        case .object(let members):
            let sorted = members.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }
            Self.list(sorted, "{", "}", to: &text, indent) {
                Self.quote($0.key, to: &$1)
                $1 += $2 == nil ? ":" : ": "
                $0.value.write(to: &$1, indent: $2)
            }
        }
    }

    private static func list<Element>(
        _ elements: [Element], _ open: String, _ close: String, to text: inout String, _ indent: Int?,
        _ body: (Element, inout String, Int?) -> Void
    ) {
        text += open
        for (index, element) in elements.enumerated() {
            if index > 0 { text += "," }
            if let indent { text += "\n" + String(repeating: "  ", count: indent + 1) }
            body(element, &text, indent.map { $0 + 1 })
        }
        if let indent, !elements.isEmpty { text += "\n" + String(repeating: "  ", count: indent) }
        text += close
    }

    private static let escapes: [UInt32: String] = [
        8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 0x22: "\\\"", 0x5c: "\\\\",
    ]

    private static func quote(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            if let escape = escapes[scalar.value] {
                text += escape
            } else if scalar.value < 0x20 {
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
