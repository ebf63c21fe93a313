/// Records by key, kept in many small dictionaries, for tables that grow large while somebody reads a copy.
///
/// Swift copies a dictionary as a whole at the first change after it was shared, and again whenever it outgrows its
/// storage. With hundreds of thousands of records either holds up every event for a good part of a second. Here a
/// change copies or moves only the part its key is in. No order can be relied on.
public struct RecordTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// Parts, a power of two: a thousand records each where there are half a million.
    static var partCount: Int { 512 }

    /// A key with its hash: worked out once for each look, however often the dictionaries want it. Names are long, and
    /// a part that grows hashes all that is in it.
    fileprivate struct Place: Hashable, Sendable {
        let key: Key
        private let sum: Int

        init(_ key: Key) {
            self.key = key
            sum = key.hashValue
        }

        var part: Int { sum & (partCount - 1) }

        static func == (left: Place, right: Place) -> Bool { left.sum == right.sum && left.key == right.key }
        func hash(into hasher: inout Hasher) { hasher.combine(sum) }
    }
    private var parts = [[Place: Value]](repeating: [:], count: partCount)
    public private(set) var count = 0

    public init() {}

    public var isEmpty: Bool { count == 0 }

    public subscript(key: Key) -> Value? {
        get {
            let place = Place(key)
            return parts[place.part][place]
        }
        _modify {
            let place = Place(key)
            let before = parts[place.part].count
            defer { count += parts[place.part].count - before }
            yield &parts[place.part][place]
        }
    }

    /// Puts a record where it belongs, whether or not there is one: looked for once, and not taken out to be put back.
    mutating func put(_ value: Value, for key: Key) {
        let place = Place(key)
        if parts[place.part].updateValue(value, forKey: place) == nil { count += 1 }
    }

    /// Changes a record where it is; nil without one. `table[key]?.change()` takes it out and copies it instead.
    @discardableResult
    mutating func change<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
        let place = Place(key)
        return parts[place.part].change(place, body)
    }

    @discardableResult
    public mutating func removeValue(forKey key: Key) -> Value? {
        let place = Place(key)
        let removed = parts[place.part].removeValue(forKey: place)
        if removed != nil { count -= 1 }
        return removed
    }

    public var keys: Column<Key> { Column(elements: makeIterator()) { $0.key } }
    public var values: Column<Value> { Column(elements: makeIterator()) { $0.value } }

    /// The keys or the values alone.
    public struct Column<Element>: Sequence {
        fileprivate let elements: RecordTable.Iterator
        fileprivate let of: (RecordTable.Element) -> Element

        fileprivate init(elements: RecordTable.Iterator, of: @escaping (RecordTable.Element) -> Element) {
            self.elements = elements
            self.of = of
        }

        /// Any of them.
        public var first: Element? { makeIterator().next() }

        public func makeIterator() -> AnyIterator<Element> {
            var elements = elements
            return AnyIterator { elements.next().map(of) }
        }
    }
}

extension RecordTable: Sequence {
    public typealias Element = (key: Key, value: Value)

    public struct Iterator: IteratorProtocol {
        private let parts: [[Place: Value]]
        private var part = 0
        private var current: Dictionary<Place, Value>.Iterator

        fileprivate init(_ parts: [[Place: Value]]) {
            self.parts = parts
            current = [:].makeIterator()
        }

        public mutating func next() -> (key: Key, value: Value)? {
            while true {
                if let (place, value) = current.next() { return (place.key, value) }
                guard part < parts.count else { return nil }
                current = parts[part].makeIterator()
                part += 1
            }
        }
    }

    public func makeIterator() -> Iterator { Iterator(parts) }
    public var underestimatedCount: Int { count }
}

extension Dictionary {
    /// Changes a value where it is; nil without one. `dictionary[key]?.change()` takes it out and copies it instead.
    @discardableResult
    mutating func change<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
        guard let index = index(forKey: key) else { return nil }
        return body(&values[index])
    }
}
