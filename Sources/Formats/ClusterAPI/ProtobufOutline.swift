/// The schema as `ProtobufSink` needs it: fields and words of enumerations by the bytes of their names, in memory that
/// is made once, stays, and is looked at without counting references.
final class ProtobufOutline: Sendable {
    /// Where the schema has a field: its message and its index there.
    struct Field: Sendable {
        let message: Int
        let index: Int
        let number: Int
        let kind: ProtocolSchema.Kind
        let cardinality: ProtocolSchema.Cardinality
    }

    /// What names stand for, found by their bytes.
    struct Names<Value> {
        private struct Slot {
            let name: UnsafeBufferPointer<UInt8>
            let value: Value
        }
        /// A power of two, at least half of them empty.
        private let slots: UnsafeMutableBufferPointer<Slot?>

        /// Never given back: there is one outline, for as long as the process lives.
        fileprivate init(_ entries: [(name: String, value: Value)]) {
            var size = 2
            while size < 2 * entries.count + 2 { size *= 2 }
            slots = .allocate(capacity: size)
            slots.initialize(repeating: nil)
            for (name, value) in entries {
                let text = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: name.utf8.count)
                _ = text.initialize(from: name.utf8)
                var place = Names.hash(UnsafeBufferPointer(text)) & (size - 1)
                while slots[place] != nil { place = (place + 1) & (size - 1) }
                slots[place] = Slot(name: UnsafeBufferPointer(text), value: value)
            }
        }

        @inline(__always) private static func hash(_ name: UnsafeBufferPointer<UInt8>) -> Int {
            guard let first = name.first, let last = name.last else { return 0 }
            return ((name.count &* 31 &+ Int(first)) &* 31 &+ Int(last)) &* 31 &+ Int(name[name.count / 2])
        }

        subscript(name: UnsafeBufferPointer<UInt8>) -> Value? {
            var place = Names.hash(name) & (slots.count - 1)
            while let slot = slots[place] {
                if slot.name.count == name.count, slot.name.elementsEqual(name) { return slot.value }
                place = (place + 1) & (slots.count - 1)
            }
            return nil
        }
    }
    let schema: ProtocolSchema
    // Written once, before anybody else sees it.
    nonisolated(unsafe) let fields: UnsafeBufferPointer<Names<Field>>
    nonisolated(unsafe) let words: UnsafeBufferPointer<Names<Int64>>

    static let standard = ProtobufOutline(.standard)

    private init(_ schema: ProtocolSchema) {
        self.schema = schema
        fields = ProtobufOutline.kept(
            schema.messages.enumerated().map { message, type in
                Names(
                    type.fields.enumerated().map { index, field in
                        (
                            field.name,
                            Field(
                                message: message, index: index, number: field.number, kind: field.kind,
                                cardinality: field.cardinality)
                        )
                    })
            })
        words = ProtobufOutline.kept(
            schema.enumerations.map { Names($0.numbers.map { (name: $0.key, value: $0.value) }) })
    }

    private static func kept<Element>(_ elements: [Element]) -> UnsafeBufferPointer<Element> {
        let memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        _ = memory.initialize(from: elements)
        return UnsafeBufferPointer(memory)
    }
}
