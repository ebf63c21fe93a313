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

/// JSON a piece at a time: what is large need never be in memory as a whole. A pass over it costs nothing but the
/// pieces handed out.
public struct DocumentPieces: Sequence, IteratorProtocol, Sendable {
    private let stretches: [DocumentStretch<JSONSink>]
    /// Pieces are about as long as this, in bytes.
    private let pieceBytes: Int
    private var sink = JSONSink()
    private var stretch = 0
    /// The next element of the stretch; -1: it has not been opened.
    private var element = -1

    init(_ stretches: [DocumentStretch<JSONSink>], pieceBytes: Int = 1 << 18) {
        self.stretches = stretches
        self.pieceBytes = Swift.max(1, pieceBytes)
    }

    public mutating func next() -> [UInt8]? {
        while stretch < stretches.count, sink.count < pieceBytes { step() }
        return sink.count == 0 ? nil : sink.takeBytes()
    }

    private mutating func step() {
        let current = stretches[stretch]
        if element < 0 {
            current.open(&sink)
            element = 0
        } else if element < current.count {
            current.element(&sink, element)
            element += 1
        } else {
            current.close(&sink)
            stretch += 1
            element = -1
        }
    }
}
