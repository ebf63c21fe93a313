public import Diagnostics

/// Bodies and records to values and back, in either encoding. `message` is a message of the protocol by its full name,
/// `mesos.v1.scheduler.Call`. Why one codec serves both: Docs/Decisions/0040-one-codec-two-encodings.md.
public enum WireCodec {
    /// The value, with every member that the message requires, transitively.
    ///
    /// - Throws: `Failure` `api.body-too-large`, `-encoding`, `-syntax`, `-too-deep`, `-too-many-values` or
    ///   `-duplicate-member` with the byte at fault; `api.member-missing` with the names of what is missing.
    public static func decode(
        _ bytes: [UInt8], as message: String, _ format: WireFormat, bounds: WireBounds = .standard
    ) throws(Failure) -> WireValue {
        let schema = ProtocolSchema.standard
        let type = known(message, schema)
        let value: WireValue
        switch format {
        case .json: value = try bounds.value(parsing: bytes)
        case .protobuf:
            var reader = ProtobufReader(bytes, schema: schema, bounds: bounds)
            value = try reader.document(type)
        }
        try RequiredMembers.check(value, type, in: schema)
        return value
    }

    /// In protobuf, members that the message does not have are left out.
    public static func encode(_ value: WireValue, as message: String, _ format: WireFormat) -> [UInt8] {
        switch format {
        case .json: return value.bytes
        case .protobuf:
            let schema = ProtocolSchema.standard
            var writer = ProtobufWriter(schema: schema)
            if case .object(let members) = value { writer.write(members, of: known(message, schema)) }
            return writer.bytes
        }
    }

    private static func known(_ message: String, _ schema: ProtocolSchema) -> ProtocolSchema.Message {
        guard let type = schema.message(named: message) else {
            preconditionFailure("the protocol has no message \(message)")
        }
        return type
    }
}
