public import JSONFormat
public import OrderedCollections

/// A JSON document of the runtime specification, members in their own order.
public indirect enum SpecValue: Equatable, Sendable, JSONTree {
    case null
    case bool(Bool)
    /// The number's text, as it stands in the document.
    case number(String)
    case string(String)
    case array([SpecValue])
    case object(OrderedDictionary<String, SpecValue>)

    public static var noMembers: OrderedDictionary<String, SpecValue> { [:] }

    public static func add(
        _ value: SpecValue, as name: String, to members: inout OrderedDictionary<String, SpecValue>
    ) -> Bool {
        guard members[name] == nil else { return false }
        members[name] = value
        return true
    }

    public static func contains(_ name: String, in members: OrderedDictionary<String, SpecValue>) -> Bool {
        members[name] != nil
    }

    public static func number(_ value: some BinaryInteger) -> SpecValue { .number(String(value)) }
    public static func strings(_ values: [String]) -> SpecValue { .array(values.map { .string($0) }) }

    public var kind: String {
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
    public var text: String {
        var result = ""
        write(to: &result, indent: nil, depth: 0)
        return result
    }

    /// The document with one member a line, each level indented by `indent`.
    public func pretty(indent: String = "\t") -> String {
        var result = ""
        write(to: &result, indent: indent, depth: 0)
        return result
    }

    private func write(to result: inout String, indent: String?, depth: Int) {
        switch self {
        case .null: result += "null"
        case .bool(let value): result += value ? "true" : "false"
        case .number(let text): result += text
        case .string(let text): SpecValue.quote(text, to: &result)
        case .array(let values):
            list(values.map { (nil, $0) }, ("[", "]"), to: &result, indent: indent, depth: depth)
        case .object(let members):
            list(members.elements.map { ($0.key, $0.value) }, ("{", "}"), to: &result, indent: indent, depth: depth)
        }
    }

    private func list(
        _ entries: [(String?, SpecValue)], _ brackets: (String, String), to result: inout String, indent: String?,
        depth: Int
    ) {
        result += brackets.0
        func line(_ depth: Int) {
            if let indent, !entries.isEmpty { result += "\n" + String(repeating: indent, count: depth) }
        }
        for (index, entry) in entries.enumerated() {
            if index > 0 { result += "," }
            line(depth + 1)
            if let name = entry.0 {
                SpecValue.quote(name, to: &result)
                result += indent == nil ? ":" : ": "
            }
            entry.1.write(to: &result, indent: indent, depth: depth + 1)
        }
        line(depth)
        result += brackets.1
    }

    private static func quote(_ text: String, to result: inout String) {
        result += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        result += "\""
    }
}
