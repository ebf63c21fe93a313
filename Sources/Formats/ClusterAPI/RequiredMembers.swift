import Diagnostics

/// Finds what a message must have and has not, at any depth, in the order of the fields.
struct RequiredMembers {
    private let schema: ProtocolSchema
    private var missing: [String] = []

    /// More names help nobody.
    private static let namesMax = 16

    private init(schema: ProtocolSchema) { self.schema = schema }

    /// - Throws: `Failure` `api.member-missing` that names the members, the first of them as the field. A name that an
    ///   enumeration does not have counts as missing. Members of another type than the message's are left to whoever
    ///   reads them.
    static func check(
        _ value: WireValue, _ message: ProtocolSchema.Message, in schema: ProtocolSchema
    ) throws(Failure) {
        guard message.requiresMembers, case .object(let members) = value else { return }
        var search = RequiredMembers(schema: schema)
        search.visit(members, message, at: "")
        guard let first = search.missing.first else { return }
        throw Failure(
            "api.member-missing", doing: "read \(message.name)",
            cause: "Missing required fields: \(search.missing.joined(separator: ", "))", remedy: "set them",
            field: first)
    }

    private mutating func visit(_ members: [String: WireValue], _ message: ProtocolSchema.Message, at place: String) {
        for field in message.fields where missing.count < RequiredMembers.namesMax {
            let value = members[field.name]
            if field.cardinality == .required, !isSet(value, field) {
                missing.append(place + field.name)
            } else if let value, let inner = schema.message(field.kind), inner.requiresMembers {
                visit(value, field, inner, at: place + field.name)
            }
        }
    }

    private mutating func visit(
        _ value: WireValue, _ field: ProtocolSchema.Field, _ message: ProtocolSchema.Message, at place: String
    ) {
        switch (value, field.cardinality) {
        case (.array(let elements), .repeated):
            for (index, element) in elements.enumerated() {
                if case .object(let members) = element { visit(members, message, at: "\(place)[\(index)].") }
            }
        case (.object(let entries), .map):
            for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
                if case .object(let members) = value { visit(members, message, at: "\(place).\(key).") }
            }
        case (.object(let members), _): visit(members, message, at: "\(place).")
        default: break
        }
    }

    private func isSet(_ value: WireValue?, _ field: ProtocolSchema.Field) -> Bool {
        guard let value, value != .null else { return false }
        if case .enumeration(let index) = field.kind, case .string(let name) = value {
            return schema.enumerations[index].numbers[name] != nil
        }
        return true
    }
}
