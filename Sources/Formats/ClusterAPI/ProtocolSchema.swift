import SwiftProtobuf

/// The protocol's messages as our .proto files describe them: what protobuf bytes mean, and what a message must have.
struct ProtocolSchema: Sendable {
    /// The kinds of values the protocol uses; protobuf has more, for others.
    enum Kind: Hashable, Sendable {
        case double, int32, int64, uint32, uint64, bool, string, bytes
        /// Index in `enumerations` and in `messages`.
        case enumeration(Int)
        case message(Int)
    }

    enum Cardinality: Sendable {
        case optional, required, repeated
        /// A repeated field of entries, seen as one object.
        case map
    }

    struct Field: Sendable {
        let number: Int
        let name: String
        /// Of a map, the kind of its values.
        let kind: Kind
        let cardinality: Cardinality
        /// As a protobuf parser would read it from an unset field; nil unless the protocol writes it out in JSON.
        let emittedDefault: String?
        /// The fields that it takes the place of when it is set: the others of its oneof.
        var alternatives: [String] = []
    }

    struct Message: Sendable {
        let name: String
        /// By number, ascending: the order in which they are written.
        let fields: [Field]
        /// Index in `fields` plus one, at the field's number; zero where there is none.
        private let positions: [UInt8]
        /// Whether anything in it, at any depth, is required: what need not be looked through is not.
        var requiresMembers = true

        init(name: String, fields: [Field]) {
            self.name = name
            self.fields = fields.sorted { $0.number < $1.number }
            var positions = [UInt8](repeating: 0, count: (self.fields.last?.number ?? 0) + 1)
            for (index, field) in self.fields.enumerated() { positions[field.number] = UInt8(index + 1) }
            self.positions = positions
        }

        func position(of number: UInt64) -> Int? {
            guard number < positions.count, positions[Int(number)] > 0 else { return nil }
            return Int(positions[Int(number)]) - 1
        }
    }

    struct Enumeration: Sendable {
        let names: [Int64: String]
        let numbers: [String: Int64]
    }

    private(set) var messages: [Message] = []
    private(set) var enumerations: [Enumeration] = []
    private var messageIndices: [String: Int] = [:]
    private var enumerationIndices: [String: Int] = [:]

    /// Read from what is compiled in, at the first use.
    static let standard = ProtocolSchema(descriptors: [ProtocolDescriptors.shared, ProtocolDescriptors.services])

    /// Nil for a name the protocol does not have.
    func message(named name: String) -> Message? { messageIndices[name].map { messages[$0] } }

    var names: [String] { messages.map(\.name) }

    /// Whether `message` says by a `type` what it is, and `name` is one that it has.
    func hasType(_ name: String, _ message: String) -> Bool {
        guard let field = self.message(named: message)?.fields.first(where: { $0.name == "type" }),
            case .enumeration(let index) = field.kind
        else { return false }
        return enumerations[index].numbers[name] != nil
    }

    func message(_ kind: Kind) -> Message? {
        if case .message(let index) = kind { return messages[index] }
        return nil
    }
}

// MARK: - Loading

extension ProtocolSchema {
    private typealias Descriptor = Google_Protobuf_DescriptorProto

    private init(descriptors: [StaticString]) {
        do {
            // Two sets one after the other are one set.
            try self.init(compiled: descriptors.flatMap(ProtocolSchema.bytes))
        } catch {
            preconditionFailure("the compiled-in descriptors of the protocol are broken: \(error)")
        }
    }

    /// From a `google.protobuf.FileDescriptorSet`, as protoc writes it.
    init(compiled descriptors: [UInt8]) throws {
        self.init(try Google_Protobuf_FileDescriptorSet(serializedBytes: descriptors).file)
    }

    private static func bytes(_ text: StaticString) -> [UInt8] {
        let digits = text.withUTF8Buffer { $0.filter { $0 != UInt8(ascii: "\n") } }
        return Base64.bytes(String(decoding: digits, as: UTF8.self)) ?? []
    }

    private init(_ files: [Google_Protobuf_FileDescriptorProto]) {
        var found: [(name: String, descriptor: Google_Protobuf_DescriptorProto)] = []
        for file in files {
            for type in file.enumType { add(type, in: file.package) }
            for type in file.messageType { collect(type, in: file.package, into: &found) }
        }
        for (index, message) in found.enumerated() { messageIndices[message.name] = index }
        let entries = Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.descriptor) })
        messages = found.map { message in
            Message(name: message.name, fields: fields(message.descriptor, entries))
        }
        settleRequirements()
    }

    private mutating func collect(
        _ type: Descriptor, in scope: String, into found: inout [(name: String, descriptor: Descriptor)]
    ) {
        let name = "\(scope).\(type.name)"
        found.append((name, type))
        for inner in type.enumType { add(inner, in: name) }
        for inner in type.nestedType { collect(inner, in: name, into: &found) }
    }

    private mutating func add(_ type: Google_Protobuf_EnumDescriptorProto, in scope: String) {
        let values = type.value.map { (Int64($0.number), $0.name) }
        enumerationIndices["\(scope).\(type.name)"] = enumerations.count
        enumerations.append(
            Enumeration(
                names: Dictionary(uniqueKeysWithValues: values),
                numbers: Dictionary(uniqueKeysWithValues: values.map { ($1, $0) })))
    }

    private func fields(_ type: Descriptor, _ types: [String: Descriptor]) -> [Field] {
        type.field.map { descriptor in
            var field = field(descriptor, types)
            if descriptor.hasOneofIndex {
                field.alternatives = type.field.compactMap { other in
                    let isAlternative = other.hasOneofIndex && other.oneofIndex == descriptor.oneofIndex
                    return isAlternative && other.number != descriptor.number ? other.name : nil
                }
            }
            return field
        }
    }

    private func field(
        _ field: Google_Protobuf_FieldDescriptorProto, _ types: [String: Descriptor]
    ) -> Field {
        let emitted = field.hasDefaultValue && !field.options.deprecated ? field.defaultValue : nil
        var kind = self.kind(field)
        var cardinality: Cardinality =
            switch field.label {
            case .required: .required
            case .repeated: .repeated
            case .optional: .optional
            }
        if let entry = types[String(field.typeName.dropFirst())], entry.options.mapEntry,
            let value = entry.field.first(where: { $0.number == 2 })
        {
            kind = self.kind(value)
            cardinality = .map
        }
        return Field(
            number: Int(field.number), name: field.name, kind: kind, cardinality: cardinality, emittedDefault: emitted)
    }

    private func kind(_ field: Google_Protobuf_FieldDescriptorProto) -> Kind {
        let type = String(field.typeName.dropFirst())
        switch field.type {
        case .double: return .double
        case .int32: return .int32
        case .int64: return .int64
        case .uint32: return .uint32
        case .uint64: return .uint64
        case .bool: return .bool
        case .string: return .string
        case .bytes: return .bytes
        case .enum: if let index = enumerationIndices[type] { return .enumeration(index) }
        case .message: if let index = messageIndices[type] { return .message(index) }
        case .float, .fixed32, .fixed64, .sfixed32, .sfixed64, .sint32, .sint64, .group: break
        }
        preconditionFailure("field \(field.name) has a type that the protocol does not use")
    }

    /// A message requires members when it has a required field, or holds a message that does.
    private mutating func settleRequirements() {
        for index in messages.indices {
            messages[index].requiresMembers = messages[index].fields.contains { $0.cardinality == .required }
        }
        var isSettled = false
        while !isSettled {
            isSettled = true
            for index in messages.indices where !messages[index].requiresMembers {
                let isAffected = messages[index].fields.contains { message($0.kind)?.requiresMembers ?? false }
                if isAffected {
                    messages[index].requiresMembers = true
                    isSettled = false
                }
            }
        }
    }
}
