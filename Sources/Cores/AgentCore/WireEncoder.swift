import ClusterAPI
import Diagnostics

/// Writes any `Encodable` value as the protocol's JSON value, for the journal: containers' launches and exits describe
/// themselves that way.
enum WireCoding {
    static func value(_ encodable: some Encodable) throws(Failure) -> WireValue {
        do {
            let box = Box()
            try encodable.encode(to: WireEncoder(box: box, codingPath: []))
            return box.value
        } catch {
            throw Failure("journal.encode", doing: "write a record", cause: "\(error)")
        }
    }

    static func decoded<Value: Decodable>(_ type: Value.Type, from value: WireValue) throws(Failure) -> Value {
        do {
            return try Value(from: WireDecoder(value: value, codingPath: []))
        } catch {
            throw Failure("journal.decode", doing: "read a record", cause: "\(error)")
        }
    }

    /// A place a value is put into; objects and arrays are filled while their containers live.
    final class Box {
        private enum Content {
            case single(WireValue)
            case object([String: Box])
            case array([Box])
        }
        private var content = Content.single(.null)

        var value: WireValue {
            switch content {
            case .single(let value): value
            case .object(let members): .object(members.mapValues(\.value))
            case .array(let elements): .array(elements.map(\.value))
            }
        }

        func set(_ value: WireValue) { content = .single(value) }

        func beginObject() {
            if case .object = content { return }
            content = .object([:])
        }

        func beginArray() {
            if case .array = content { return }
            content = .array([])
        }

        func member(_ name: String) -> Box {
            guard case .object(var members) = content else { return Box() }
            // Held once, it is changed in its place: a long list would be copied for each of its elements.
            content = .single(.null)
            let box = Box()
            members[name] = box
            content = .object(members)
            return box
        }

        func element() -> Box {
            guard case .array(var elements) = content else { return Box() }
            content = .single(.null)
            let box = Box()
            elements.append(box)
            content = .array(elements)
            return box
        }

        var count: Int {
            guard case .array(let elements) = content else { return 0 }
            return elements.count
        }
    }
}

struct WireKey: CodingKey {
    var stringValue: String
    var intValue: Int?
    init(stringValue: String) { self.stringValue = stringValue }
    init(intValue: Int) {
        stringValue = "\(intValue)"
        self.intValue = intValue
    }
}

private struct WireEncoder: Encoder {
    let box: WireCoding.Box
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        box.beginObject()
        return KeyedEncodingContainer(KeyedWriter<Key>(box: box, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        box.beginArray()
        return ListWriter(box: box, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { SingleWriter(box: box, codingPath: codingPath) }
}

/// What a plain value is in JSON; nil for one that describes itself.
private func plain(_ value: some Encodable) -> WireValue? {
    switch value {
    case let text as String: .string(text)
    case let flag as Bool: .bool(flag)
    case let number as any BinaryInteger: .number("\(number)")
    case let number as Double: .number(number)
    case let number as Float: .number(Double(number))
    default: nil
    }
}

private func write(_ value: some Encodable, to box: WireCoding.Box, _ path: [any CodingKey]) throws {
    if let plain = plain(value) {
        box.set(plain)
    } else {
        try value.encode(to: WireEncoder(box: box, codingPath: path))
    }
}

private struct KeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let box: WireCoding.Box
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) { box.member(key.stringValue).set(.null) }
    func encode(_ value: some Encodable, forKey key: Key) throws {
        try write(value, to: box.member(key.stringValue), codingPath + [key])
    }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        WireEncoder(box: box.member(key.stringValue), codingPath: codingPath + [key]).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        WireEncoder(box: box.member(key.stringValue), codingPath: codingPath + [key]).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { WireEncoder(box: box.member("super"), codingPath: codingPath) }
    func superEncoder(forKey key: Key) -> any Encoder {
        WireEncoder(box: box.member(key.stringValue), codingPath: codingPath + [key])
    }
}

private struct ListWriter: UnkeyedEncodingContainer {
    let box: WireCoding.Box
    let codingPath: [any CodingKey]
    var count: Int { box.count }

    func encodeNil() { box.element().set(.null) }
    func encode(_ value: some Encodable) throws { try write(value, to: box.element(), codingPath) }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        WireEncoder(box: box.element(), codingPath: codingPath).container(keyedBy: type)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        WireEncoder(box: box.element(), codingPath: codingPath).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { WireEncoder(box: box.element(), codingPath: codingPath) }
}

private struct SingleWriter: SingleValueEncodingContainer {
    let box: WireCoding.Box
    let codingPath: [any CodingKey]

    func encodeNil() { box.set(.null) }
    func encode(_ value: some Encodable) throws { try write(value, to: box, codingPath) }
}
