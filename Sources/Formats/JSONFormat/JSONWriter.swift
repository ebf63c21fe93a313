/// Writes values as JSON by their `Encodable`, straight into bytes: what is on the way of every launch must not build a
/// tree of the document first. Docs/Decisions/0163.
///
/// Members stand in the order in which they are encoded, nothing is between them, and what has no value is left out, as
/// the type's own `encode(to:)` has it. Strings are escaped where RFC 8259 asks for it and nowhere else.
public enum JSONWriter {
    /// - Throws: `EncodingError` for a number that JSON has not, and for what encodes nothing; what `value` throws.
    public static func bytes(of value: some Encodable) throws -> [UInt8] {
        let page = JSONPage()
        try page.write(value, at: [])
        return page.bytes
    }
}

/// The document as far as it is written: bytes, and what is still open. A container is its depth. Whatever writes to
/// one closes all that is deeper, so nothing has to tell when it has ended.
final class JSONPage {
    // One value is written at a time, by one thread; asking the runtime whether that is so was a tenth of the work.
    @exclusivity(unchecked) private(set) var bytes: [UInt8] = []
    /// Of each open object or array: what ends it, and how much it holds.
    @exclusivity(unchecked) private var open: [(close: UInt8, count: Int)] = []

    init() { bytes.reserveCapacity(4_096) }

    /// One value, where one is expected.
    func write<Value: Encodable>(_ value: Value, at path: @autoclosure () -> [any CodingKey]) throws {
        // What most elements and lists are, without an encoder, its container and their boxes.
        if Value.self == String.self, let text = value as? String { return write(text) }
        if Value.self == [String].self, let texts = value as? [String] { return write(texts) }
        let (path, depth, start) = (path(), open.count, bytes.count)
        try value.encode(to: JSONPageEncoder(page: self, codingPath: path))
        close(to: depth)
        guard bytes.count == start else { return }
        guard depth > 0 else {
            throw EncodingError.invalidValue(value, .init(codingPath: path, debugDescription: "it encodes nothing"))
        }
        // As FoundationEssentials has it.
        write(literal: "{}")
    }

    /// - Returns: its depth.
    func beginObject() -> Int {
        bytes.append(UInt8(ascii: "{"))
        open.append((UInt8(ascii: "}"), 0))
        return open.count
    }

    /// - Returns: its depth.
    func beginArray() -> Int {
        bytes.append(UInt8(ascii: "["))
        open.append((UInt8(ascii: "]"), 0))
        return open.count
    }

    private func close(to depth: Int) {
        while open.count > depth { bytes.append(open.removeLast().close) }
    }

    /// The place behind what the container of `depth` holds, for one more.
    private func next(in depth: Int) {
        precondition(open.count >= depth, "a container is written to that has ended")
        close(to: depth)
        if open[depth - 1].count > 0 { bytes.append(UInt8(ascii: ",")) }
        open[depth - 1].count += 1
    }

    func member(_ name: String, in depth: Int) {
        next(in: depth)
        write(name)
        bytes.append(UInt8(ascii: ":"))
    }

    func element(in depth: Int) { next(in: depth) }

    func write(literal: StaticString) {
        literal.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    func write(_ value: Bool) { write(literal: value ? "true" : "false") }

    func write(_ number: some BinaryInteger) { bytes.append(contentsOf: String(number).utf8) }

    func write(_ number: Double, at path: [any CodingKey]) throws {
        guard number.isFinite else {
            throw EncodingError.invalidValue(number, .init(codingPath: path, debugDescription: "JSON has no \(number)"))
        }
        bytes.append(contentsOf: number.description.utf8)
    }

    private func write(_ texts: [String]) {
        let depth = beginArray()
        for text in texts {
            element(in: depth)
            write(text)
        }
        close(to: depth - 1)
    }

    func write(_ text: String) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { utf8 in
            var from = 0
            for (index, byte) in utf8.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5C {
                bytes.append(contentsOf: utf8[from..<index])
                escape(byte)
                from = index + 1
            }
            bytes.append(contentsOf: utf8[from...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private func escape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x22, 0x5C: bytes.append(byte)
        default:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        }
    }
}
