import Diagnostics

/// Protobuf bytes to a value, by the schema. Fields nobody knows are skipped, and so are those whose wire type is not
/// theirs, as protobuf asks. What is claimed to be long is believed only when it is there.
struct ProtobufReader {
    private let schema: ProtocolSchema
    private let bounds: WireBounds
    private let content: [UInt8]
    private var position = 0
    private var values = 0

    init(_ content: [UInt8], schema: ProtocolSchema, bounds: WireBounds) {
        self.content = content
        self.schema = schema
        self.bounds = bounds
    }

    private enum WireType: UInt64 {
        case varint = 0
        case fixed64 = 1
        case bytes = 2
        case fixed32 = 5
    }

    /// - Throws: `Failure` `api.body-too-large`, `-syntax`, `-encoding`, `-too-deep` or `-too-many-values`, with the
    ///   byte at fault.
    mutating func document(_ message: ProtocolSchema.Message) throws(Failure) -> WireValue {
        guard content.count <= bounds.bytes else {
            throw refusal("api.body-too-large", "there is more than that", limit: "body bytes \(bounds.bytes)")
        }
        var members: [String: WireValue] = [:]
        try read(message, into: &members, until: content.count, depth: 1)
        return .object(members)
    }

    /// `members` may hold what an earlier piece of the same message brought.
    private mutating func read(
        _ message: ProtocolSchema.Message, into members: inout [String: WireValue], until end: Int, depth: Int
    ) throws(Failure) {
        guard depth <= bounds.depth else {
            throw refusal("api.body-too-deep", "it is nested too deeply", limit: "depth \(bounds.depth)")
        }
        // Lists leave the members while they grow: growing them inside would copy them each time.
        var lists: [Int: [WireValue]] = [:]
        while position < end {
            let key = try varint(until: end)
            guard let type = WireType(rawValue: key & 7), key >> 3 > 0 else {
                throw syntax("a field has no wire type that is read")
            }
            guard let index = message.position(of: key >> 3) else {
                try skip(type, until: end)
                continue
            }
            let field = message.fields[index]
            switch field.cardinality {
            case .map: try readEntry(field, type, until: end, depth: depth, into: &members)
            case .repeated:
                if lists[index] == nil, case .array(let earlier) = members.removeValue(forKey: field.name) {
                    lists[index] = earlier
                }
                try readElements(field, type, until: end, depth: depth, into: &lists[index, default: []])
            case .optional, .required: try read(field, type, until: end, depth: depth, into: &members)
            }
        }
        for (index, list) in lists where !list.isEmpty { members[message.fields[index].name] = .array(list) }
    }

    /// A field that is there once: the last one counts, of a oneof too, and messages of the same field become one.
    private mutating func read(
        _ field: ProtocolSchema.Field, _ type: WireType, until end: Int, depth: Int,
        into members: inout [String: WireValue]
    ) throws(Failure) {
        if let message = schema.message(field.kind), type == .bytes {
            let inner = try length(until: end)
            try count()
            var content: [String: WireValue] = [:]
            if case .object(let earlier) = members.removeValue(forKey: field.name) { content = earlier }
            try read(message, into: &content, until: inner, depth: depth + 1)
            members[field.name] = .object(content)
        } else if let value = try value(field.kind, type, until: end, depth: depth) {
            members[field.name] = value
        } else {
            return
        }
        for other in field.alternatives { members[other] = nil }
    }

    private mutating func readElements(
        _ field: ProtocolSchema.Field, _ type: WireType, until end: Int, depth: Int, into list: inout [WireValue]
    ) throws(Failure) {
        guard type == .bytes, let packed = ProtobufReader.packedType(field.kind) else {
            if let value = try value(field.kind, type, until: end, depth: depth) { list.append(value) }
            return
        }
        let inner = try length(until: end)
        while position < inner {
            if let value = try value(field.kind, packed, until: inner, depth: depth) { list.append(value) }
        }
    }

    /// One entry of a map: a message with the key in its first and the value in its second field.
    private mutating func readEntry(
        _ field: ProtocolSchema.Field, _ type: WireType, until end: Int, depth: Int,
        into members: inout [String: WireValue]
    ) throws(Failure) {
        guard type == .bytes else { return try skip(type, until: end) }
        let inner = try length(until: end)
        var key = ""
        var entry: WireValue?
        while position < inner {
            let tag = try varint(until: inner)
            guard let type = WireType(rawValue: tag & 7) else {
                throw syntax("a field has no wire type that is read")
            }
            switch tag >> 3 {
            case 1 where type == .bytes: key = try text(until: inner)
            case 2: entry = try value(field.kind, type, until: inner, depth: depth + 1)
            default: try skip(type, until: inner)
            }
        }
        var map: [String: WireValue] = [:]
        if case .object(let earlier) = members.removeValue(forKey: field.name) { map = earlier }
        map[key] = entry ?? (schema.message(field.kind) == nil ? .string("") : .object([:]))
        members[field.name] = .object(map)
    }

    /// Nil, with the bytes skipped, when the wire type is not the kind's or an enumeration's number has no name.
    private mutating func value(
        _ kind: ProtocolSchema.Kind, _ type: WireType, until end: Int, depth: Int
    ) throws(Failure) -> WireValue? {
        try count()
        switch (kind, type) {
        case (.double, .fixed64): return try double(until: end)
        case (.int32, .varint): return .number(Int32(truncatingIfNeeded: try varint(until: end)))
        case (.int64, .varint): return .number(Int64(bitPattern: try varint(until: end)))
        case (.uint32, .varint): return .number(UInt32(truncatingIfNeeded: try varint(until: end)))
        case (.uint64, .varint): return .number(try varint(until: end))
        case (.bool, .varint): return .bool(try varint(until: end) != 0)
        case (.enumeration(let index), .varint):
            let number = Int64(Int32(truncatingIfNeeded: try varint(until: end)))
            return schema.enumerations[index].names[number].map { .string($0) }
        case (.string, .bytes): return .string(try text(until: end))
        case (.bytes, .bytes):
            let inner = try length(until: end)
            defer { position = inner }
            return .base64(Array(content[position..<inner]))
        case (.message(let index), .bytes):
            let inner = try length(until: end)
            var members: [String: WireValue] = [:]
            try read(schema.messages[index], into: &members, until: inner, depth: depth + 1)
            return .object(members)
        default:
            try skip(type, until: end)
            return nil
        }
    }
}

// MARK: - Bytes

extension ProtobufReader {
    private static func packedType(_ kind: ProtocolSchema.Kind) -> WireType? {
        switch kind {
        case .double: .fixed64
        case .int32, .int64, .uint32, .uint64, .bool, .enumeration: .varint
        case .string, .bytes, .message: nil
        }
    }

    private mutating func varint(until end: Int) throws(Failure) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard position < end else { throw syntax("it ends inside a number") }
            let byte = content[position]
            position += 1
            if shift == 63, byte > 1 { break }
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw syntax("a number has more than 64 bits")
    }

    /// Where the content that a length announces ends.
    private mutating func length(until end: Int) throws(Failure) -> Int {
        let length = try varint(until: end)
        guard length <= UInt64(end - position) else { throw syntax("a length reaches beyond the end") }
        return position + Int(length)
    }

    private mutating func double(until end: Int) throws(Failure) -> WireValue {
        guard end - position >= 8 else { throw syntax("it ends inside a number") }
        var bits: UInt64 = 0
        for offset in (0..<8).reversed() { bits = bits << 8 | UInt64(content[position + offset]) }
        position += 8
        let number = Double(bitPattern: bits)
        guard !number.isNaN else { throw syntax("a number is none") }
        return .number(number)
    }

    /// NUL is refused as it is in JSON: the kernel would read less than was checked.
    private mutating func text(until end: Int) throws(Failure) -> String {
        let inner = try length(until: end)
        let bytes = content[position..<inner]
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw refusal("api.body-encoding", "a string is not valid UTF-8")
        }
        guard !bytes.contains(0) else { throw refusal("api.body-encoding", "a string holds NUL") }
        position = inner
        return text
    }

    private mutating func skip(_ type: WireType, until end: Int) throws(Failure) {
        switch type {
        case .varint: _ = try varint(until: end)
        case .bytes: position = try length(until: end)
        case .fixed64: try skip(8, until: end)
        case .fixed32: try skip(4, until: end)
        }
    }

    private mutating func skip(_ count: Int, until end: Int) throws(Failure) {
        guard end - position >= count else { throw syntax("it ends inside a number") }
        position += count
    }

    private mutating func count() throws(Failure) {
        values += 1
        guard values <= bounds.values else {
            throw refusal("api.body-too-many-values", "there are too many values", limit: "values \(bounds.values)")
        }
    }

    private func syntax(_ cause: String) -> Failure { refusal("api.body-syntax", cause) }

    private func refusal(_ code: Failure.Code, _ cause: String, limit: String? = nil) -> Failure {
        Failure(
            code, doing: "read the body", cause: "at byte \(position) \(cause)", remedy: "correct the protobuf message",
            limit: limit)
    }
}
