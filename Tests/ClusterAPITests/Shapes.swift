@testable import ClusterAPI

/// Documents as texts and in a form in which equal meanings are equal values.
enum Shapes {
    static func text(_ value: WireValue) -> String { String(decoding: value.bytes, as: UTF8.self) }

    /// Only what the protocol's message has, with its defaults filled in and numbers as numbers.
    static func canonical(_ value: WireValue, as message: String) -> WireValue {
        guard let type = ProtocolSchema.standard.message(named: message) else { return value }
        return canonical(value, type)
    }

    private static func canonical(_ value: WireValue, _ type: ProtocolSchema.Message) -> WireValue {
        guard case .object(let members) = value else { return value }
        var result: [String: WireValue] = [:]
        for field in type.fields {
            guard let member = members[field.name] else { continue }
            result[field.name] = canonical(member, field)
        }
        return .object(result)
    }

    private static func canonical(_ value: WireValue, _ field: ProtocolSchema.Field) -> WireValue {
        if field.cardinality == .map, case .object(let entries) = value {
            return .object(
                entries.mapValues { entry in
                    ProtocolSchema.standard.message(field.kind).map { canonical(entry, $0) } ?? scalar(entry)
                })
        }
        if case .array(let elements) = value { return .array(elements.map { canonical($0, field) }) }
        if let inner = ProtocolSchema.standard.message(field.kind) { return canonical(value, inner) }
        return scalar(value)
    }

    /// Doubles lose digits beyond their sixteenth.
    private static func scalar(_ value: WireValue) -> WireValue {
        guard case .number(let text) = value, text.contains("."), let number = Double(text) else { return value }
        return .number(number)
    }
}
