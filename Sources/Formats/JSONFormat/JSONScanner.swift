/// Goes through a document once and notes where each value is. Its recursion ends at the limits' depth.
struct JSONScanner {
    /// An object of more members has its names kept, for each to be looked up among.
    private static let namesComparedMax = 16

    private let text: UnsafeBufferPointer<UInt8>
    private let limits: JSONLimits
    private var position = 0
    private var values = 0
    private var entries: [JSONTape.Entry] = []

    /// `text` is valid UTF-8.
    static func entries(
        of text: UnsafeBufferPointer<UInt8>, limits: JSONLimits
    ) throws(JSONFault) -> [JSONTape.Entry] {
        var scanner = JSONScanner(text, limits)
        try scanner.value(depth: 0)
        scanner.skipSpace()
        guard scanner.position == text.count else { throw scanner.syntax("something follows the document") }
        return scanner.entries
    }

    private init(_ text: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits) {
        self.text = text
        self.limits = limits
        // About as many as there are, in all but the longest.
        entries.reserveCapacity(min(text.count / 8, 4_096) + 1)
    }
}

// MARK: - Values

extension JSONScanner {
    private mutating func value(depth: Int) throws(JSONFault) {
        values += 1
        guard values <= limits.values else {
            throw JSONFault(.tooManyValues, "there are too many values", at: position)
        }
        skipSpace()
        switch peek() {
        case nil: throw syntax("it ends too early")
        case UInt8(ascii: "{"): try object(depth: depth + 1)
        case UInt8(ascii: "["): try array(depth: depth + 1)
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "t"): try word("true", .yes)
        case UInt8(ascii: "f"): try word("false", .no)
        case UInt8(ascii: "n"): try word("null", .null)
        default: try number()
        }
    }

    private mutating func object(depth: Int) throws(JSONFault) {
        let own = try begin(.object, depth)
        if !take(UInt8(ascii: "}")) {
            var count = 0
            var known: Set<String> = []
            repeat {
                skipSpace()
                guard peek() == UInt8(ascii: "\"") else { throw syntax("a member name is missing") }
                let name = entries.count
                try string()
                do throws(JSONFault) {
                    guard isNew(name, in: own, count, &known) else {
                        throw JSONFault(duplicate: string(name), at: position)
                    }
                    guard take(UInt8(ascii: ":")) else { throw syntax("a colon is missing") }
                    try value(depth: depth)
                } catch {
                    throw error.inside(string(name))
                }
                count += 1
            } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "}")) else { throw syntax("an object does not end") }
        }
        end(own)
    }

    /// Whether the object at `own`, which has `count` members so far, has none of that name. `known` are the names of a
    /// large one.
    private func isNew(_ name: Int, in own: Int, _ count: Int, _ known: inout Set<String>) -> Bool {
        if count > JSONScanner.namesComparedMax { return known.insert(string(name)).inserted }
        let keeps = count == JSONScanner.namesComparedMax
        var earlier = own + 1
        while earlier < name {
            if JSONText.are(entries[earlier], entries[name], sameIn: text) { return false }
            if keeps { known.insert(string(earlier)) }
            earlier = Int(entries[earlier + 1].next)
        }
        if keeps { known.insert(string(name)) }
        return true
    }

    private mutating func array(depth: Int) throws(JSONFault) {
        let own = try begin(.array, depth)
        if !take(UInt8(ascii: "]")) {
            var count = 0
            repeat {
                do throws(JSONFault) {
                    try value(depth: depth)
                } catch {
                    throw error.inside("[\(count)]")
                }
                count += 1
            } while take(UInt8(ascii: ","))
            guard take(UInt8(ascii: "]")) else { throw syntax("an array does not end") }
        }
        end(own)
    }

    private mutating func begin(_ kind: JSONTape.Kind, _ depth: Int) throws(JSONFault) -> Int {
        guard depth <= limits.depth else { throw JSONFault(.tooDeep, "it is nested too deeply", at: position) }
        note(kind, from: position, to: position)
        position += 1
        return entries.count - 1
    }

    private mutating func end(_ own: Int) {
        entries[own].end = UInt32(position)
        entries[own].next = UInt32(entries.count)
    }

    private mutating func note(_ kind: JSONTape.Kind, from start: Int, to end: Int, isPlain: Bool = true) {
        entries.append(
            JSONTape.Entry(
                start: UInt32(start), end: UInt32(end), next: UInt32(entries.count + 1), kind: kind, isPlain: isPlain))
    }

    private mutating func word(_ word: StaticString, _ kind: JSONTape.Kind) throws(JSONFault) {
        guard starts(with: word) else { throw syntax("there is no such value") }
        note(kind, from: position, to: position + word.utf8CodeUnitCount)
        position += word.utf8CodeUnitCount
    }

    private func starts(with word: StaticString) -> Bool {
        word.withUTF8Buffer { text[position...].starts(with: $0) }
    }
}

// MARK: - Numbers

extension JSONScanner {
    private mutating func number() throws(JSONFault) {
        let start = position
        if peek() == UInt8(ascii: "-") { position += 1 }
        if limits.allowsInfinity, starts(with: "Infinity") {
            position += 8
        } else {
            try numeral()
            guard position - start <= limits.numberBytes else { throw syntax("a number has too many digits") }
        }
        note(.number, from: start, to: position)
    }

    private mutating func numeral() throws(JSONFault) {
        let whole = digits()
        guard whole > 0, whole == 1 || text[position - whole] != UInt8(ascii: "0") else {
            throw syntax("there is no such value")
        }
        if peek() == UInt8(ascii: ".") {
            position += 1
            guard digits() > 0 else { throw syntax("a number is cut short") }
        }
        if let sign = peek(), sign | 0x20 == UInt8(ascii: "e") {
            position += 1
            if peek() == UInt8(ascii: "+") || peek() == UInt8(ascii: "-") { position += 1 }
            guard digits() > 0 else { throw syntax("a number is cut short") }
        }
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }
}

// MARK: - Texts

extension JSONScanner {
    private mutating func string() throws(JSONFault) {
        position += 1
        let start = position
        var isPlain = true
        while true {
            // Nearly all of nearly every string: ASCII that stands for itself.
            var end = position
            while end < text.count, Self.isOrdinary(text[end]) { end += 1 }
            position = end
            guard let byte = peek() else { throw syntax("a string does not end") }
            switch byte {
            case UInt8(ascii: "\""):
                note(.string, from: start, to: position, isPlain: isPlain)
                position += 1
                return
            case UInt8(ascii: "\\"):
                isPlain = false
                position += 1
                _ = try JSONText.escaped(in: text, at: &position)
            case 0..<0x20: throw syntax("a string holds a bare control character")
            case 0x80...:
                isPlain = false
                position += 1
            default: position += 1
            }
        }
    }

    @inline(__always) private static func isOrdinary(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private func string(_ entry: Int) -> String { JSONText.string(of: entries[entry], in: text) }
}

// MARK: - Places

extension JSONScanner {
    @inline(__always) private func peek() -> UInt8? { position < text.count ? text[position] : nil }

    /// Skips space, and takes `character` when it comes next.
    private mutating func take(_ character: UInt8) -> Bool {
        skipSpace()
        guard peek() == character else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func syntax(_ cause: String) -> JSONFault { JSONFault(.syntax, cause, at: position) }
}
