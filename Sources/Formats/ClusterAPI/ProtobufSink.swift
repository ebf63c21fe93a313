/// Protobuf, written as the document is said, without a tree in between. What it writes means the same as what
/// `ProtobufWriter` makes of the tree; fields stand in the order of their names instead of their numbers.
///
/// Taken away piece by piece, what is open at the end of a piece is closed there and opened again in the next: a
/// message that is there twice is one message of all that is in both, as protobuf asks of readers.
struct ProtobufSink: DocumentSink {
    private enum Shape {
        /// Outside of the document.
        case outside
        case message
        case list
        /// Of what the message does not have, nothing is written.
        case skipped
    }

    private struct Frame {
        var shape: Shape
        /// Of a message: which.
        var message = 0
        /// As which it is in the message around it; of a list, what its elements are. Nil: the document itself.
        var field: ProtobufOutline.Field?
        /// Where its key begins, and behind one byte for its length, what is in it.
        var keyStart = 0
        var start = 0
        /// An earlier piece has its beginning, so nothing is left of it when nothing is in it.
        var isReopened = false
    }
    private let outline = ProtobufOutline.standard
    private let root: Int
    private let memory: GrowingMemory
    private var begin: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0
    private var top = Frame(shape: .outside)
    private var outer: [Frame] = []
    /// What was named last, and is to have a value.
    private var named: ProtobufOutline.Field?
    /// A map is collected first: its entries have no names of their own.
    private var map: (tree: TreeSink, depth: Int, field: ProtobufOutline.Field)?

    /// A document of that message of the schema.
    init(_ message: String, capacity: Int = 1_024) {
        root = outline.schema.messages.firstIndex { $0.name == message } ?? 0
        precondition(outline.schema.messages[root].name == message, "the protocol has no message \(message)")
        memory = GrowingMemory(capacity: max(16, capacity))
        begin = memory.begin
        self.capacity = memory.capacity
    }

    // MARK: - Memory

    @inline(__always) private mutating func ensure(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    @inline(never) private mutating func grow(_ more: Int) {
        memory.grow(to: max(2 * capacity, count + more), keeping: count)
        begin = memory.begin
        capacity = memory.capacity
    }

    private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        ensure(bytes.count)
        (begin + count).update(from: start, count: bytes.count)
        count += bytes.count
    }

    @inline(__always) private mutating func varint(_ value: UInt64) {
        ensure(10)
        var rest = value
        while rest > 0x7F {
            begin[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count += 1
            rest >>= 7
        }
        begin[count] = UInt8(rest)
        count += 1
    }

    @inline(__always) private mutating func key(_ number: Int, _ type: UInt64) { varint(UInt64(number) << 3 | type) }

    private mutating func content(_ bytes: UnsafeBufferPointer<UInt8>, _ number: Int) {
        key(number, 2)
        varint(UInt64(bytes.count))
        put(bytes)
    }

    // MARK: - What is open

    private mutating func push(_ frame: Frame) {
        outer.append(top)
        top = frame
        named = nil
    }

    private mutating func pop() {
        top = outer.removeLast()
        named = nil
    }

    /// What the next value is; nil: it is left out.
    @inline(__always) private mutating func take() -> ProtobufOutline.Field? {
        switch top.shape {
        case .message:
            defer { named = nil }
            return named
        case .list: return top.field
        case .outside, .skipped: return nil
        }
    }

    private mutating func opened(_ frame: Frame) -> Frame {
        var frame = frame
        frame.keyStart = count
        if let field = frame.field {
            key(field.number, 2)
            ensure(1)
            count += 1
        }
        frame.start = count
        return frame
    }

    /// Says how long it is, now that this is known.
    private mutating func close(_ frame: Frame) {
        guard frame.shape == .message, frame.field != nil else { return }
        let length = count - frame.start
        if length == 0, frame.isReopened {
            count = frame.keyStart
            return
        }
        var (rest, more) = (length >> 7, 0)
        while rest > 0 { (rest, more) = (rest >> 7, more + 1) }
        if more > 0 {
            ensure(more)
            let start = begin + frame.start
            (start + more).update(from: start, count: length)
        }
        // In front of the content, where there is room now; `varint` would make more and keep only what is before.
        var (place, left) = (frame.start - 1, length)
        while left > 0x7F {
            begin[place] = UInt8(truncatingIfNeeded: left) | 0x80
            (place, left) = (place + 1, left >> 7)
        }
        begin[place] = UInt8(left)
        count += more
    }

    mutating func takeBytes() -> [UInt8] {
        for frame in [top] + outer.reversed() { close(frame) }
        let bytes = [UInt8](UnsafeBufferPointer(start: begin, count: count))
        count = 0
        outer = outer.map { reopened($0) }
        top = reopened(top)
        return bytes
    }

    private mutating func reopened(_ frame: Frame) -> Frame {
        guard frame.shape == .message else { return frame }
        var frame = frame
        frame.isReopened = true
        return opened(frame)
    }
}

// MARK: - Document

extension ProtobufSink {
    mutating func beginObject() {
        if map != nil { return collect(1) { $0.beginObject() } }
        if top.shape == .outside { return push(Frame(shape: .message, message: root)) }
        guard let field = take() else { return push(Frame(shape: .skipped)) }
        if field.cardinality == .map {
            map = (TreeSink(), 0, field)
            return collect(1) { $0.beginObject() }
        }
        guard case .message(let message) = field.kind else {
            assertionFailure("an object does not fit field \(field.number)")
            return push(Frame(shape: .skipped))
        }
        push(opened(Frame(shape: .message, message: message, field: field)))
    }

    mutating func endObject() {
        if map != nil { return collect(-1) { $0.endObject() } }
        close(top)
        pop()
    }

    mutating func beginArray() {
        if map != nil { return collect(1) { $0.beginArray() } }
        let field = take()
        push(Frame(shape: field == nil ? .skipped : .list, field: field))
    }

    mutating func endArray() {
        if map != nil { return collect(-1) { $0.endArray() } }
        pop()
    }

    mutating func name(_ name: StaticString) {
        if map != nil { return collect(0) { $0.name(name) } }
        guard top.shape == .message else { return }
        named = outline.fields[top.message][UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)]
    }

    mutating func name(_ name: String) {
        if map != nil { return collect(0) { $0.name(name) } }
        guard top.shape == .message else { return }
        var name = name
        named = name.withUTF8 { outline.fields[top.message][$0] }
    }

    /// Collects what belongs to a map, and writes the map at its end.
    private mutating func collect(_ change: Int, _ write: (inout TreeSink) -> Void) {
        guard var begun = map else { return }
        map = nil
        write(&begun.tree)
        begun.depth += change
        if begun.depth > 0 { map = begun } else { put(begun.tree.value, begun.field) }
    }

    /// Through the writer of trees: what is seldom, and what stands for something else, such as a number in quotes.
    private mutating func put(_ value: WireValue, _ field: ProtobufOutline.Field) {
        var writer = ProtobufWriter(schema: outline.schema)
        writer.write(member: value, outline.schema.messages[field.message].fields[field.index])
        writer.bytes.withUnsafeBufferPointer { put($0) }
    }
}

// MARK: - Values

extension ProtobufSink {
    mutating func text(_ text: String) {
        if map != nil { return collect(0) { $0.text(text) } }
        guard let field = take() else { return }
        var text = text
        switch field.kind {
        case .string: text.withUTF8 { content($0, field.number) }
        case .enumeration(let index):
            // A name that is not known is left out.
            guard let number = text.withUTF8({ outline.words[index][$0] }) else { return }
            key(field.number, 0)
            varint(UInt64(bitPattern: number))
        default: put(.string(text), field)
        }
    }

    mutating func integer(_ value: Int64) {
        if map != nil { return collect(0) { $0.integer(value) } }
        guard let field = take() else { return }
        switch field.kind {
        case .int64: number(UInt64(bitPattern: value), field)
        case .int32 where Int32(exactly: value) != nil: number(UInt64(bitPattern: value), field)
        case .uint64 where value >= 0: number(UInt64(value), field)
        case .uint32 where UInt32(exactly: value) != nil: number(UInt64(value), field)
        case .double: double(Double(value), field)
        default: put(.number(value), field)
        }
    }

    mutating func decimal(_ units: Int64, places: Int) {
        if map != nil { return collect(0) { $0.decimal(units, places: places) } }
        guard let field = take() else { return }
        if case .double = field.kind {
            double(Decimal.double(units, places: places), field)
        } else {
            put(TreeSink.value { $0.decimal(units, places: places) }, field)
        }
    }

    mutating func bytes(_ bytes: [UInt8]) {
        if map != nil { return collect(0) { $0.bytes(bytes) } }
        guard let field = take() else { return }
        if case .bytes = field.kind {
            bytes.withUnsafeBufferPointer { content($0, field.number) }
        } else {
            put(.base64(bytes), field)
        }
    }

    mutating func flag(_ value: Bool) {
        if map != nil { return collect(0) { $0.flag(value) } }
        guard let field = take() else { return }
        if case .bool = field.kind { number(value ? 1 : 0, field) } else { put(.bool(value), field) }
    }

    mutating func value(_ value: WireValue) {
        if map != nil { return collect(0) { $0.value(value) } }
        guard let field = take(), value != .null else { return }
        put(value, field)
    }

    private mutating func number(_ bits: UInt64, _ field: ProtobufOutline.Field) {
        key(field.number, 0)
        varint(bits)
    }

    private mutating func double(_ value: Double, _ field: ProtobufOutline.Field) {
        key(field.number, 1)
        ensure(8)
        UnsafeMutableRawPointer(begin + count).storeBytes(of: value.bitPattern.littleEndian, as: UInt64.self)
        count += 8
    }
}
