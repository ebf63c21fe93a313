/// A value to protobuf bytes, by the schema: fields by number, lists unpacked, maps by key, so that equal values give
/// equal bytes. Members that the message does not have, and names that its enumerations do not have, are left out.
struct ProtobufWriter {
    private let schema: ProtocolSchema
    private(set) var bytes: [UInt8] = []

    init(schema: ProtocolSchema) { self.schema = schema }

    private enum WireType: UInt64 {
        case varint = 0
        case fixed64 = 1
        case bytes = 2
    }

    mutating func write(_ members: [String: WireValue], of message: ProtocolSchema.Message) {
        for field in message.fields {
            guard let value = members[field.name], value != .null else { continue }
            write(member: value, field)
        }
    }

    /// All of one member.
    mutating func write(member value: WireValue, _ field: ProtocolSchema.Field) {
        switch field.cardinality {
        case .optional, .required: write(value, field)
        case .repeated:
            guard case .array(let elements) = value else { return write(value, field) }
            for element in elements { write(element, field) }
        case .map:
            guard case .object(let entries) = value else { return misfit(field, value) }
            for (key, value) in entries.sorted(by: { $0.key < $1.key }) { writeEntry(key, value, field) }
        }
    }

    private mutating func writeEntry(_ key: String, _ value: WireValue, _ field: ProtocolSchema.Field) {
        var entry = ProtobufWriter(schema: schema)
        entry.write(text: key, 1)
        entry.write(
            value,
            ProtocolSchema.Field(
                number: 2, name: field.name, kind: field.kind, cardinality: .optional, emittedDefault: nil))
        write(content: entry.bytes, field.number)
    }

    private mutating func write(_ value: WireValue, _ field: ProtocolSchema.Field) {
        switch field.kind {
        case .double:
            guard let number = WireObject.numeral(value).flatMap(WireObject.double) else { return misfit(field, value) }
            key(field.number, .fixed64)
            withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes += $0 }
        case .int32: write(value, field, as: Int32.self) { UInt64(bitPattern: Int64($0)) }
        case .int64: write(value, field, as: Int64.self) { UInt64(bitPattern: $0) }
        case .uint32: write(value, field, as: UInt32.self) { UInt64($0) }
        case .uint64: write(value, field, as: UInt64.self) { $0 }
        case .bool:
            guard let flag = WireObject.flag(value) else { return misfit(field, value) }
            key(field.number, .varint)
            varint(flag ? 1 : 0)
        case .enumeration(let index):
            guard case .string(let name) = value else { return misfit(field, value) }
            guard let number = schema.enumerations[index].numbers[name] else { return }
            key(field.number, .varint)
            varint(UInt64(bitPattern: number))
        case .string:
            guard case .string(let text) = value else { return misfit(field, value) }
            write(text: text, field.number)
        case .bytes:
            guard case .string(let text) = value, let content = Base64.bytes(text) else { return misfit(field, value) }
            write(content: content, field.number)
        case .message(let index):
            guard case .object(let members) = value else { return misfit(field, value) }
            var inner = ProtobufWriter(schema: schema)
            inner.write(members, of: schema.messages[index])
            write(content: inner.bytes, field.number)
        }
    }

    private mutating func write<Integer: FixedWidthInteger>(
        _ value: WireValue, _ field: ProtocolSchema.Field, as type: Integer.Type, _ bits: (Integer) -> UInt64
    ) {
        guard let number = WireObject.whole(value, as: type) else { return misfit(field, value) }
        key(field.number, .varint)
        varint(bits(number))
    }

    /// What our own encoders never make: seen in tests, left out in operation.
    private func misfit(_ field: ProtocolSchema.Field, _ value: WireValue) {
        assertionFailure("\(value.kind) does not fit field \(field.name)")
    }

    private mutating func write(text: String, _ number: Int) {
        key(number, .bytes)
        varint(UInt64(text.utf8.count))
        bytes += text.utf8
    }

    private mutating func write(content: [UInt8], _ number: Int) {
        key(number, .bytes)
        varint(UInt64(content.count))
        bytes += content
    }

    private mutating func key(_ number: Int, _ type: WireType) { varint(UInt64(number) << 3 | type.rawValue) }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
