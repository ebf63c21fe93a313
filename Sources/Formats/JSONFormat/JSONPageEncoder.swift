/// What a value's `encode(to:)` is given: one place of the page.
struct JSONPageEncoder: Encoder {
    let page: JSONPage
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(JSONPageObject(page: page, depth: page.beginObject(), codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONPageArray(page: page, depth: page.beginArray(), codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        JSONPageValue(page: page, codingPath: codingPath)
    }
}

/// An object of the page. Each member is written at once.
private struct JSONPageObject<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let page: JSONPage
    let depth: Int
    let codingPath: [any CodingKey]

    private func member(_ key: Key) -> JSONPage {
        page.member(key.stringValue, in: depth)
        return page
    }

    func encodeNil(forKey key: Key) { member(key).write(literal: "null") }
    func encode(_ value: Bool, forKey key: Key) { member(key).write(value) }
    func encode(_ value: String, forKey key: Key) { member(key).write(value) }
    func encode(_ value: Double, forKey key: Key) throws { try member(key).write(value, at: codingPath + [key]) }
    func encode(_ value: Float, forKey key: Key) throws { try encode(Double(value), forKey: key) }
    func encode(_ value: Int, forKey key: Key) { member(key).write(value) }
    func encode(_ value: Int8, forKey key: Key) { member(key).write(value) }
    func encode(_ value: Int16, forKey key: Key) { member(key).write(value) }
    func encode(_ value: Int32, forKey key: Key) { member(key).write(value) }
    func encode(_ value: Int64, forKey key: Key) { member(key).write(value) }
    func encode(_ value: UInt, forKey key: Key) { member(key).write(value) }
    func encode(_ value: UInt8, forKey key: Key) { member(key).write(value) }
    func encode(_ value: UInt16, forKey key: Key) { member(key).write(value) }
    func encode(_ value: UInt32, forKey key: Key) { member(key).write(value) }
    func encode(_ value: UInt64, forKey key: Key) { member(key).write(value) }

    func encode(_ value: some Encodable, forKey key: Key) throws {
        try member(key).write(value, at: codingPath + [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        JSONPageEncoder(page: member(key), codingPath: codingPath + [key]).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        JSONPageEncoder(page: member(key), codingPath: codingPath + [key]).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { preconditionFailure("JSONWriter writes no superclasses") }
    func superEncoder(forKey key: Key) -> any Encoder { superEncoder() }
}

/// An array of the page.
private struct JSONPageArray: UnkeyedEncodingContainer {
    let page: JSONPage
    let depth: Int
    let codingPath: [any CodingKey]
    private(set) var count = 0

    init(page: JSONPage, depth: Int, codingPath: [any CodingKey]) {
        self.page = page
        self.depth = depth
        self.codingPath = codingPath
    }

    private mutating func element() -> JSONPage {
        page.element(in: depth)
        count += 1
        return page
    }

    mutating func encodeNil() { element().write(literal: "null") }

    mutating func encode(_ value: some Encodable) throws { try element().write(value, at: codingPath) }

    mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        JSONPageEncoder(page: element(), codingPath: codingPath).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        JSONPageEncoder(page: element(), codingPath: codingPath).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { preconditionFailure("JSONWriter writes no superclasses") }
}

/// A value that is no object and no array.
private struct JSONPageValue: SingleValueEncodingContainer {
    let page: JSONPage
    let codingPath: [any CodingKey]

    func encodeNil() { page.write(literal: "null") }
    func encode(_ value: Bool) { page.write(value) }
    func encode(_ value: String) { page.write(value) }
    func encode(_ value: Double) throws { try page.write(value, at: codingPath) }
    func encode(_ value: Float) throws { try page.write(Double(value), at: codingPath) }
    func encode(_ value: Int) { page.write(value) }
    func encode(_ value: Int8) { page.write(value) }
    func encode(_ value: Int16) { page.write(value) }
    func encode(_ value: Int32) { page.write(value) }
    func encode(_ value: Int64) { page.write(value) }
    func encode(_ value: UInt) { page.write(value) }
    func encode(_ value: UInt8) { page.write(value) }
    func encode(_ value: UInt16) { page.write(value) }
    func encode(_ value: UInt32) { page.write(value) }
    func encode(_ value: UInt64) { page.write(value) }
    func encode(_ value: some Encodable) throws { try page.write(value, at: codingPath) }
}
