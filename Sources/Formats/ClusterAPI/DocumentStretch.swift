/// A stretch of a document with many elements, so that it can be written a piece at a time.
struct DocumentStretch<Sink: WireSink>: Sendable {
    var open: @Sendable (inout Sink) -> Void
    var count = 0
    var element: @Sendable (inout Sink, Int) -> Void = { _, _ in }
    var close: @Sendable (inout Sink) -> Void

    /// `"name": [{…}, …]`; nothing without elements.
    static func objects<Element: Sendable>(
        _ name: StaticString, _ elements: [Element], _ content: @escaping @Sendable (inout Sink, Element) -> Void
    ) -> DocumentStretch {
        if elements.isEmpty { return DocumentStretch(open: { _ in }, close: { _ in }) }
        return DocumentStretch(
            open: { sink in
                sink.name(name)
                sink.beginArray()
            }, count: elements.count,
            element: { sink, index in
                sink.beginObject()
                content(&sink, elements[index])
                sink.endObject()
            }, close: { $0.endArray() })
    }

    /// The same for tasks.
    static func objects(
        _ name: StaticString, _ tasks: TaskListing, _ content: @escaping @Sendable (inout Sink, TaskView) -> Void
    ) -> DocumentStretch {
        if tasks.isEmpty { return DocumentStretch(open: { _ in }, close: { _ in }) }
        return .array(name, tasks, content)
    }

    /// A list that is there even when it is empty.
    static func array(
        _ name: StaticString, _ tasks: TaskListing, _ content: @escaping @Sendable (inout Sink, TaskView) -> Void
    ) -> DocumentStretch {
        DocumentStretch(
            open: { sink in
                sink.name(name)
                sink.beginArray()
            }, count: tasks.count,
            element: { sink, place in
                guard let task = tasks[place] else { return }
                sink.beginObject()
                content(&sink, task)
                sink.endObject()
            }, close: { $0.endArray() })
    }

    static func piece(_ write: @escaping @Sendable (inout Sink) -> Void) -> DocumentStretch {
        DocumentStretch(open: write, close: { _ in })
    }

    static func begin(_ name: StaticString) -> DocumentStretch {
        piece { sink in
            sink.name(name)
            sink.beginObject()
        }
    }

    static var begin: DocumentStretch { piece { $0.beginObject() } }
    static var end: DocumentStretch { piece { $0.endObject() } }
}

extension [DocumentStretch<TreeSink>] {
    var value: WireValue { TreeSink.value { sink in write(to: &sink) } }
}

extension Array {
    func write<Sink>(to sink: inout Sink) where Element == DocumentStretch<Sink> {
        for stretch in self {
            stretch.open(&sink)
            for index in 0..<stretch.count { stretch.element(&sink, index) }
            stretch.close(&sink)
        }
    }
}

/// A document that is only read by people and old clients, so only written as JSON.
public struct JSONDocument: Sendable {
    let stretches: [DocumentStretch<JSONSink>]

    /// All of it.
    public var bytes: [UInt8] {
        var sink = JSONSink()
        stretches.write(to: &sink)
        return sink.takeBytes()
    }

    /// The same, a piece at a time.
    public func pieces(bytes pieceBytes: Int = 1 << 18) -> DocumentPieces {
        DocumentPieces(stretches, pieceBytes: pieceBytes)
    }
}

/// A document a piece at a time: what is large need never be in memory as a whole. A pass over it costs nothing but the
/// pieces handed out.
public struct DocumentPieces: Sequence, IteratorProtocol, Sendable {
    fileprivate enum Form: Sendable {
        case json([DocumentStretch<JSONSink>])
        /// Of that message of the protocol.
        case protobuf([DocumentStretch<ProtobufSink>], message: String)

        var stretches: Int {
            switch self {
            case .json(let stretches): stretches.count
            case .protobuf(let stretches, _): stretches.count
            }
        }
    }
    fileprivate let form: Form
    /// Pieces are about as long as this, in bytes.
    private let pieceBytes: Int
    private var place = DocumentPlace()
    private var needsComma = false

    init(_ stretches: [DocumentStretch<JSONSink>], pieceBytes: Int = 1 << 18) {
        form = .json(stretches)
        self.pieceBytes = Swift.max(1, pieceBytes)
    }

    init(_ stretches: [DocumentStretch<ProtobufSink>], of message: String, pieceBytes: Int = 1 << 18) {
        form = .protobuf(stretches, message: message)
        self.pieceBytes = Swift.max(1, pieceBytes)
    }

    public mutating func next() -> [UInt8]? {
        switch form {
        case .json(let stretches):
            var sink = JSONSink(needsComma: needsComma)
            place.fill(&sink, pieceBytes, from: stretches)
            needsComma = sink.needsComma
            return sink.count == 0 ? nil : sink.takeBytes()
        case .protobuf(let stretches, let message):
            var sink = ProtobufSink(message)
            place.resume(stretches, in: &sink)
            place.fill(&sink, pieceBytes, from: stretches)
            let bytes = sink.takeBytes()
            return bytes.isEmpty ? nil : bytes
        }
    }

    /// The next part of so many elements, which is still to be written: several may be at the same time, by anyone.
    /// `join` then puts them together in order.
    public mutating func nextPart(elements: Int = 256) -> DocumentPart? {
        guard place.stretch < form.stretches else { return nil }
        let begin = place
        switch form {
        case .json(let stretches): place.skip(Swift.max(1, elements), in: stretches)
        case .protobuf(let stretches, _): place.skip(Swift.max(1, elements), in: stretches)
        }
        return DocumentPart(form: form, begin: begin, end: place)
    }

    /// The bytes of the next part, with a comma before it where there has to be one. In the order of the parts.
    public mutating func join(_ written: DocumentPart.Written) -> [UInt8] {
        guard case .json = form else { return written.bytes }
        var bytes = written.bytes
        if bytes.first == UInt8(ascii: ","), !needsComma { bytes.removeFirst() }
        if !bytes.isEmpty { needsComma = written.needsComma }
        return bytes
    }
}

/// Part of a document, in the middle of it.
public struct DocumentPart: Sendable {
    fileprivate let form: DocumentPieces.Form
    fileprivate let begin: DocumentPlace
    fileprivate let end: DocumentPlace

    /// What came of a part.
    public struct Written: Sendable {
        fileprivate let bytes: [UInt8]
        fileprivate var needsComma = false
    }

    public func write() -> Written {
        var place = begin
        switch form {
        case .json(let stretches):
            // Whether something was written at this depth before is known when the parts are put together.
            var sink = JSONSink(capacity: 1 << 18, needsComma: begin.needsComma)
            while place != end { place.step(in: stretches, to: &sink) }
            return Written(bytes: sink.takeBytes(), needsComma: sink.needsComma)
        case .protobuf(let stretches, let message):
            var sink = ProtobufSink(message, capacity: 1 << 18)
            place.resume(stretches, in: &sink)
            while place != end { place.step(in: stretches, to: &sink) }
            return Written(bytes: sink.takeBytes())
        }
    }
}

/// How far a document has been written.
private struct DocumentPlace: Hashable, Sendable {
    var stretch = 0
    /// The next element of the stretch; -1: it has not been opened.
    var element = -1

    /// Whether anything may have been written before it.
    var needsComma: Bool { stretch > 0 || element >= 0 }

    mutating func step<Sink>(in stretches: [DocumentStretch<Sink>], to sink: inout Sink) {
        if element < 0 {
            stretches[stretch].open(&sink)
            element = 0
        } else if element < stretches[stretch].count {
            stretches[stretch].element(&sink, element)
            element += 1
        } else {
            stretches[stretch].close(&sink)
            stretch += 1
            element = -1
        }
    }

    /// Goes on until there are so many bytes more.
    mutating func fill<Sink: DocumentSink>(
        _ sink: inout Sink, _ bytes: Int, from stretches: [DocumentStretch<Sink>]
    ) {
        let enough = sink.count + bytes
        while stretch < stretches.count, sink.count < enough { step(in: stretches, to: &sink) }
    }

    /// Has a new sink know what is open here. What that wrote is in earlier pieces.
    func resume<Sink: DocumentSink>(_ stretches: [DocumentStretch<Sink>], in sink: inout Sink) {
        for earlier in stretches.prefix(stretch) {
            earlier.open(&sink)
            earlier.close(&sink)
        }
        if element >= 0 { stretches[stretch].open(&sink) }
        if needsComma { _ = sink.takeBytes() }
    }

    /// Goes on by so many elements, and what is around them.
    mutating func skip<Sink>(_ elements: Int, in stretches: [DocumentStretch<Sink>]) {
        var left = elements
        while stretch < stretches.count {
            let taken = Swift.min(left, stretches[stretch].count - Swift.max(0, element))
            element = Swift.max(0, element) + taken
            left -= taken
            if element < stretches[stretch].count { return }
            stretch += 1
            element = -1
        }
    }
}
