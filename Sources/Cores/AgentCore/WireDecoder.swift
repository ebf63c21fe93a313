import ClusterAPI

/// Reads any `Decodable` value from the protocol's JSON value: what `WireCoding.value` wrote.
struct WireDecoder: Decoder {
    let value: WireValue
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw mismatch("an object") }
        return KeyedDecodingContainer(KeyedReader<Key>(members: members, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw mismatch("an array") }
        return ListReader(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer {
        SingleReader(value: value, codingPath: codingPath)
    }

    func mismatch(_ expected: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: codingPath, debugDescription: "it is not \(expected)"))
    }
}

private func read<Value: Decodable>(
    _ type: Value.Type, _ value: WireValue, _ path: [any CodingKey]
) throws -> Value {
    let decoder = WireDecoder(value: value, codingPath: path)
    if let plain = try plain(type, value, decoder) as? Value { return plain }
    return try Value(from: decoder)
}

/// Nil for a type that reads itself.
private func plain(_ type: any Decodable.Type, _ value: WireValue, _ decoder: WireDecoder) throws -> Any? {
    if type == String.self {
        guard case .string(let text) = value else { throw decoder.mismatch("a string") }
        return text
    }
    if type == Bool.self {
        guard case .bool(let flag) = value else { throw decoder.mismatch("a boolean") }
        return flag
    }
    if let integer = type as? any FixedWidthInteger.Type {
        guard case .number(let text) = value, let number = whole(integer, text) else {
            throw decoder.mismatch("a whole number")
        }
        return number
    }
    if type == Double.self {
        switch value {
        case .number(let text), .string(let text):
            if let number = Double(text) { return number }
        default: break
        }
        throw decoder.mismatch("a number")
    }
    return nil
}

private func whole<Number: FixedWidthInteger>(_ type: Number.Type, _ text: String) -> Number? { Number(text) }

private struct KeyedReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: [String: WireValue]
    let codingPath: [any CodingKey]

    var allKeys: [Key] { members.keys.sorted().compactMap(Key.init(stringValue:)) }
    func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }
    func decodeNil(forKey key: Key) -> Bool { members[key.stringValue] == .null }

    private func value(_ key: Key) throws -> WireValue {
        guard let value = members[key.stringValue] else {
            throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "it is missing"))
        }
        return value
    }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try read(type, value(key), codingPath + [key])
    }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try WireDecoder(value: value(key), codingPath: codingPath + [key]).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try WireDecoder(value: value(key), codingPath: codingPath + [key]).unkeyedContainer()
    }
    func superDecoder() throws -> any Decoder {
        WireDecoder(value: members["super"] ?? .null, codingPath: codingPath)
    }
    func superDecoder(forKey key: Key) throws -> any Decoder {
        WireDecoder(value: try value(key), codingPath: codingPath + [key])
    }
}

private struct ListReader: UnkeyedDecodingContainer {
    let elements: [WireValue]
    let codingPath: [any CodingKey]
    var currentIndex = 0

    init(elements: [WireValue], codingPath: [any CodingKey]) {
        self.elements = elements
        self.codingPath = codingPath
    }

    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private mutating func next() throws -> WireValue {
        guard !isAtEnd else {
            throw DecodingError.dataCorrupted(.init(codingPath: codingPath, debugDescription: "too few elements"))
        }
        defer { currentIndex += 1 }
        return elements[currentIndex]
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, elements[currentIndex] == .null else { return false }
        currentIndex += 1
        return true
    }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try read(type, next(), codingPath)
    }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        try WireDecoder(value: next(), codingPath: codingPath).container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try WireDecoder(value: next(), codingPath: codingPath).unkeyedContainer()
    }
    mutating func superDecoder() throws -> any Decoder { WireDecoder(value: try next(), codingPath: codingPath) }
}

private struct SingleReader: SingleValueDecodingContainer {
    let value: WireValue
    let codingPath: [any CodingKey]

    func decodeNil() -> Bool { value == .null }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try read(type, value, codingPath) }
}
