@testable import ClusterAPI

/// Holds what the typed codecs write against the protocol: members it does not have, values of another kind, and
/// defaults that the original writes out and we do not.
struct Conformance {
    /// Ours, on top of the protocol; in JSON only.
    private static let additions = [
        "mesos.v1.ResourceStatistics": ["bulkhead_pressure"], "mesos.v1.Task": ["check", "max_completion_time"],
        "mesos.v1.master.Response.GetFrameworks.Framework": ["suppressed_roles"],
    ]
    /// Whether these were said at all makes a difference to us.
    private static let unsaid = ["share_cgroups", "network"]

    private let schema = ProtocolSchema.standard
    private(set) var faults: [String] = []

    static func faults(_ value: WireValue, _ name: String) -> [String] {
        var conformance = Conformance()
        guard let message = conformance.schema.message(named: name) else { return ["there is no message \(name)"] }
        conformance.visit(value, message, name)
        return conformance.faults
    }

    private mutating func visit(_ value: WireValue, _ message: ProtocolSchema.Message, _ place: String) {
        guard case .object(let members) = value else { return faults.append("\(place) is \(value.kind)") }
        let known = Set(message.fields.map(\.name))
        for name in members.keys.sorted() where !known.contains(name) {
            let isAddition = Conformance.additions[message.name]?.contains(name) ?? false
            if !isAddition { faults.append("\(place).\(name) is not there") }
        }
        for field in message.fields {
            let inside = "\(place).\(field.name)"
            guard let value = members[field.name] else {
                let isMissed = field.emittedDefault != nil && !Conformance.unsaid.contains(field.name)
                if isMissed { faults.append("\(inside) has a default and is not written") }
                continue
            }
            switch (field.cardinality, value) {
            case (.repeated, .array(let elements)): for element in elements { visit(element, field, inside) }
            case (.repeated, _): faults.append("\(inside) is no list")
            case (.map, .object(let entries)): for entry in entries.values { visit(entry, field, inside) }
            default: visit(value, field, inside)
            }
        }
    }

    private mutating func visit(_ value: WireValue, _ field: ProtocolSchema.Field, _ place: String) {
        let fits =
            switch field.kind {
            case .double: WireObject.numeral(value).flatMap(WireObject.double) != nil
            case .int32: number(value, Int32.self)
            case .int64: number(value, Int64.self)
            case .uint32: number(value, UInt32.self)
            case .uint64: number(value, UInt64.self)
            case .bool: value == .bool(true) || value == .bool(false)
            case .string: text(value) != nil
            case .bytes: text(value).flatMap(Base64.bytes) != nil
            case .enumeration(let index):
                text(value).map { schema.enumerations[index].numbers[$0] != nil } ?? false
            case .message: true
            }
        if !fits { faults.append("\(place) does not fit: \(value)") }
        if let message = schema.message(field.kind) { visit(value, message, place) }
    }

    private func number<Integer: FixedWidthInteger>(_ value: WireValue, _ type: Integer.Type) -> Bool {
        if case .number(let text) = value { return Integer(text) != nil }
        return false
    }

    private func text(_ value: WireValue) -> String? {
        if case .string(let text) = value { return text }
        return nil
    }
}
