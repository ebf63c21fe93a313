import ClusterModel

/// Where a document is written to, piece by piece: straight to JSON, or to a `WireValue` for the other encoding. What
/// writes to a sink names the members of an object in alphabetical order, so that both give the same bytes.
protocol WireSink: SendableMetatype {
    mutating func beginObject()
    mutating func endObject()
    mutating func beginArray()
    mutating func endArray()
    /// The name of the member whose value comes next.
    mutating func name(_ name: StaticString)
    mutating func name(_ name: String)
    mutating func text(_ text: String)
    mutating func integer(_ value: Int64)
    /// `units` of which there are ten to the power of `places` in one, with at least one place: 1500 of 3 is 1.5.
    mutating func decimal(_ units: Int64, places: Int)
    /// Base64.
    mutating func bytes(_ bytes: [UInt8])
    mutating func flag(_ value: Bool)
    mutating func value(_ value: WireValue)
}

extension WireSink {
    /// Nil is unset: nothing is written, here and below.
    mutating func member(_ name: StaticString, _ text: String?) {
        guard let text else { return }
        self.name(name)
        self.text(text)
    }

    mutating func member(_ name: StaticString, _ flag: Bool?) {
        guard let flag else { return }
        self.name(name)
        self.flag(flag)
    }

    mutating func member(_ name: StaticString, _ choice: (some RawRepresentable<String>)?) {
        member(name, choice?.rawValue)
    }

    mutating func member(_ name: StaticString, _ integer: (some FixedWidthInteger)?) {
        guard let integer else { return }
        self.name(name)
        if let small = Int64(exactly: integer) { self.integer(small) } else { value(.number(integer)) }
    }

    mutating func member(_ name: StaticString, _ number: Double?) {
        guard let number else { return }
        self.name(name)
        value(.number(number))
    }

    mutating func member(_ name: StaticString, _ value: WireValue?) {
        guard let value else { return }
        self.name(name)
        self.value(value)
    }

    /// Base64.
    mutating func member(_ name: StaticString, _ bytes: [UInt8]?) {
        guard let bytes else { return }
        self.name(name)
        self.bytes(bytes)
    }

    mutating func object(_ content: (inout Self) -> Void) {
        beginObject()
        content(&self)
        endObject()
    }

    mutating func object(_ name: StaticString, _ content: (inout Self) -> Void) {
        self.name(name)
        object(content)
    }

    mutating func object<Value>(_ name: StaticString, _ value: Value?, _ content: (inout Self, Value) -> Void) {
        guard let value else { return }
        self.name(name)
        beginObject()
        content(&self, value)
        endObject()
    }

    /// The objects of a repeated member; nothing without any.
    mutating func objects<Element>(
        _ name: StaticString, _ elements: [Element], _ content: (inout Self, Element) -> Void
    ) {
        if elements.isEmpty { return }
        self.name(name)
        beginArray()
        // In place: the loop over an array would copy each element, with all it refers to.
        elements.withUnsafeBufferPointer { elements in
            for index in elements.indices {
                beginObject()
                content(&self, elements[index])
                endObject()
            }
        }
        endArray()
    }

    mutating func texts(_ name: StaticString, _ elements: some Collection<String>) {
        if elements.isEmpty { return }
        self.name(name)
        beginArray()
        for element in elements { text(element) }
        endArray()
    }
}

/// A sink for documents that leave in pieces.
protocol DocumentSink: WireSink {
    /// Bytes that have not been taken.
    var count: Int { get }
    /// What has been written so far, to be sent on its way; the sink goes on with none.
    mutating func takeBytes() -> [UInt8]
}

// MARK: - Values of the cluster

extension WireSink {
    mutating func identifier<Kind: IdentifierKind>(_ name: StaticString, _ identifier: Identifier<Kind>?) {
        guard let identifier else { return }
        self.name(name)
        beginObject()
        member("value", identifier.text)
        endObject()
    }

    mutating func nanoseconds(_ name: StaticString, _ nanoseconds: Int64?) {
        guard let nanoseconds else { return }
        self.name(name)
        beginObject()
        member("nanoseconds", nanoseconds)
        endObject()
    }

    mutating func duration(_ name: StaticString, _ duration: Duration?) {
        nanoseconds(name, duration?.saturatingNanoseconds)
    }

    /// A duration as a number of seconds.
    mutating func seconds(_ name: StaticString, _ duration: Duration?) {
        guard let duration else { return }
        self.name(name)
        decimal(duration.saturatingNanoseconds, places: 9)
    }

    mutating func labels(_ name: StaticString, _ labels: [Label]) {
        if labels.isEmpty { return }
        object(name) { sink in
            sink.objects("labels", labels) { sink, label in
                sink.member("key", label.key)
                sink.member("value", label.value)
            }
        }
    }

    /// `"a": "b"` members, sorted.
    mutating func dictionary(_ name: StaticString, _ entries: [String: String]) {
        if entries.isEmpty { return }
        object(name) { sink in
            for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
                sink.name(key)
                sink.text(value)
            }
        }
    }

    mutating func amount(_ scalar: Scalar) {
        name("value")
        decimal(scalar.thousandths, places: 3)
    }
}

// MARK: - As a tree

/// A tree in memory.
struct TreeSink: WireSink {
    private enum Frame {
        case object([String: WireValue])
        case array([WireValue])
    }
    /// The outermost holds the document as its only element.
    private var frames: [Frame] = [.array([])]
    private var names: [String] = []

    /// What `write` wrote.
    static func value(_ write: (inout TreeSink) -> Void) -> WireValue {
        var sink = TreeSink()
        write(&sink)
        return sink.value
    }

    /// What has been written.
    var value: WireValue {
        guard case .array(let values)? = frames.first, let value = values.first else { return .null }
        return value
    }

    mutating func beginObject() { frames.append(.object([:])) }
    mutating func beginArray() { frames.append(.array([])) }
    mutating func endObject() { end() }
    mutating func endArray() { end() }

    private mutating func end() {
        switch frames.removeLast() {
        case .object(let members): value(.object(members))
        case .array(let elements): value(.array(elements))
        }
    }

    mutating func name(_ name: StaticString) { names.append("\(name)") }
    mutating func name(_ name: String) { names.append(name) }
    mutating func text(_ text: String) { value(.string(text)) }
    mutating func integer(_ value: Int64) { self.value(.number(value)) }
    mutating func bytes(_ bytes: [UInt8]) { value(.base64(bytes)) }

    mutating func decimal(_ units: Int64, places: Int) {
        let text = String(unsafeUninitializedCapacity: Decimal.bytesMax) { buffer in
            Decimal(units, places: places).write(to: buffer)
        }
        value(.number(text))
    }

    mutating func flag(_ value: Bool) { self.value(.bool(value)) }

    mutating func value(_ value: WireValue) {
        switch frames.removeLast() {
        case .object(var members):
            members[names.removeLast()] = value
            frames.append(.object(members))
        case .array(var elements):
            elements.append(value)
            frames.append(.array(elements))
        }
    }
}

extension WireValue {
    /// The object that `content` writes.
    static func written(_ content: (inout TreeSink) -> Void) -> WireValue {
        TreeSink.value { $0.object(content) }
    }

    /// What `write` puts under `name`.
    static func written(_ name: String, _ write: (inout TreeSink) -> Void) -> WireValue {
        guard case .object(let members) = written(write), let value = members[name] else { return .null }
        return value
    }
}
