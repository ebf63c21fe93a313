/// Finding one value of a document that was read as a whole before, without reading it into anything again.
public struct JSONPlace {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    private init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// The bytes of the object that the members of `path`, each in the one before, lead to. Nil when there is none, and
    /// when a name on the way is written with an escape. It is nobody's proof that a document is well formed.
    public static func object(at path: [String], in content: [UInt8]) -> Range<Int>? {
        content.withUnsafeBufferPointer { bytes in
            var place = JSONPlace(bytes)
            for name in path where !place.enter(name) { return nil }
            guard place.peek() == UInt8(ascii: "{") else { return nil }
            let start = place.position
            return place.skipValue() ? start..<place.position : nil
        }
    }

    /// Goes on to the value of the member `name` of the object that begins here.
    private mutating func enter(_ name: String) -> Bool {
        guard take(UInt8(ascii: "{")) else { return false }
        repeat {
            skipSpace()
            guard let found = string(), take(UInt8(ascii: ":")) else { return false }
            skipSpace()
            if name.utf8.elementsEqual(bytes[found]) { return true }
            guard skipValue() else { return false }
        } while take(UInt8(ascii: ","))
        return false
    }

    private mutating func skipValue() -> Bool {
        var depth = 0
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""): if string() == nil { return false }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return true }
                depth -= 1
                position += 1
                if depth == 0 { return true }
            case UInt8(ascii: ",") where depth == 0: return true
            default: position += 1
            }
            if depth == 0, byte == UInt8(ascii: "\"") { return true }
        }
        return false
    }

    /// What stands between the quotes.
    private mutating func string() -> Range<Int>? {
        guard peek() == UInt8(ascii: "\"") else { return nil }
        let start = position + 1
        var end = start
        while end < bytes.count {
            let byte = bytes[end]
            if byte == UInt8(ascii: "\"") {
                position = end + 1
                return start..<end
            }
            end += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: UInt8) -> Bool {
        skipSpace()
        guard peek() == character else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }
}
