/// Compact JSON, one line of ASCII.
struct JSONSink: WireSink {
    private static let bufferBytes = 4_096
    /// Written up to `end`; what comes before it in the document is in `finished`.
    private var buffer = [UInt8](repeating: 0, count: JSONSink.bufferBytes)
    private var end = 0
    private var finished: [UInt8] = []
    private var needsComma = false

    var count: Int { finished.count + end }

    /// What has been written so far, to be sent on its way; the sink goes on with none.
    mutating func takeBytes() -> [UInt8] {
        flush()
        var taken: [UInt8] = []
        taken.reserveCapacity(finished.count)
        swap(&taken, &finished)
        return taken
    }

    private mutating func flush() {
        finished += buffer[..<end]
        end = 0
    }

    /// Room for `count` bytes at `end`.
    @inline(__always) private mutating func ensure(_ count: Int) {
        if end + count > buffer.count { makeRoom(count) }
    }

    private mutating func makeRoom(_ count: Int) {
        flush()
        if count > buffer.count { buffer = [UInt8](repeating: 0, count: count) }
    }

    @inline(__always) private mutating func put(_ byte: UInt8) {
        ensure(1)
        buffer[end] = byte
        end += 1
    }

    /// A comma, when something came before at this depth.
    @inline(__always) private mutating func separate() {
        if needsComma { put(UInt8(ascii: ",")) }
        needsComma = true
    }

    mutating func beginObject() {
        separate()
        put(UInt8(ascii: "{"))
        needsComma = false
    }

    mutating func endObject() {
        put(UInt8(ascii: "}"))
        needsComma = true
    }

    mutating func beginArray() {
        separate()
        put(UInt8(ascii: "["))
        needsComma = false
    }

    mutating func endArray() {
        put(UInt8(ascii: "]"))
        needsComma = true
    }

    mutating func name(_ name: StaticString) {
        let length = name.utf8CodeUnitCount
        ensure(length + 4)
        let start = end
        let hasComma = needsComma
        end = buffer.withUnsafeMutableBufferPointer { buffer in
            var end = start
            if hasComma {
                buffer[end] = UInt8(ascii: ",")
                end += 1
            }
            buffer[end] = UInt8(ascii: "\"")
            end += 1
            for index in 0..<length { buffer[end + index] = name.utf8Start[index] }
            end += length
            buffer[end] = UInt8(ascii: "\"")
            buffer[end + 1] = UInt8(ascii: ":")
            return end + 2
        }
        needsComma = false
    }

    mutating func name(_ name: String) {
        text(name)
        put(UInt8(ascii: ":"))
        needsComma = false
    }

    mutating func text(_ text: String) {
        separate()
        if text.utf8.withContiguousStorageIfAvailable({ putPlain($0) }) == true { return }
        var quoted: [UInt8] = []
        WireValue.quote(text, to: &quoted)
        put(quoted)
    }

    /// Quoted; false, and nothing has been written, when something in it needs an escape.
    private mutating func putPlain(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard !WireValue.needsEscape(text) else { return false }
        let length = text.count
        ensure(length + 2)
        let start = end
        buffer.withUnsafeMutableBufferPointer { buffer in
            buffer[start] = UInt8(ascii: "\"")
            for index in 0..<length { buffer[start + 1 + index] = text[index] }
            buffer[start + 1 + length] = UInt8(ascii: "\"")
        }
        end = start + length + 2
        return true
    }

    private mutating func put(_ bytes: [UInt8]) {
        flush()
        finished += bytes
    }

    mutating func integer(_ value: Int64) { put(Decimal(value, places: 0)) }
    mutating func decimal(_ units: Int64, places: Int) { put(Decimal(units, places: places)) }

    private mutating func put(_ decimal: Decimal) {
        separate()
        ensure(Decimal.bytesMax)
        let start = end
        end += buffer.withUnsafeMutableBufferPointer {
            decimal.write(to: UnsafeMutableBufferPointer(rebasing: $0[start...]))
        }
    }

    mutating func flag(_ value: Bool) {
        separate()
        for byte in (value ? "true" : "false").utf8 { put(byte) }
    }

    mutating func bytes(_ content: [UInt8]) {
        separate()
        put(UInt8(ascii: "\""))
        let length = Base64.length(of: content)
        ensure(length)
        let start = end
        buffer.withUnsafeMutableBufferPointer { buffer in
            Base64.write(content, to: UnsafeMutableBufferPointer(rebasing: buffer[start..<(start + length)]))
        }
        end += length
        put(UInt8(ascii: "\""))
    }

    mutating func value(_ value: WireValue) {
        separate()
        put(value.bytes)
    }
}

/// A number of so many decimal places: at least one digit before the point and, where there are places, one after it.
struct Decimal {
    private let isNegative: Bool
    private let whole: UInt64
    private let part: UInt64
    private let places: Int

    /// A sign, twenty digits, the point, nine places.
    static let bytesMax = 31

    private static let powers: [UInt64] = [
        1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
    ]

    init(_ units: Int64, places: Int) {
        isNegative = units < 0
        var (rest, count) = (UInt64(0), places)
        (whole, rest) = units.magnitude.quotientAndRemainder(dividingBy: Decimal.powers[places])
        while count > 1, rest % 10 == 0 { (rest, count) = (rest / 10, count - 1) }
        (part, self.places) = (rest, count)
    }

    /// How many bytes it took; `buffer` has room for `bytesMax`.
    func write(to buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var end = 0
        if isNegative {
            buffer[0] = UInt8(ascii: "-")
            end = 1
        }
        end += Decimal.digits(whole, count: Decimal.digitCount(whole), to: buffer, at: end)
        guard places > 0 else { return end }
        buffer[end] = UInt8(ascii: ".")
        return end + 1 + Decimal.digits(part, count: places, to: buffer, at: end + 1)
    }

    private static func digitCount(_ value: UInt64) -> Int {
        var (rest, count) = (value / 10, 1)
        while rest > 0 { (rest, count) = (rest / 10, count + 1) }
        return count
    }

    private static func digits(
        _ value: UInt64, count: Int, to buffer: UnsafeMutableBufferPointer<UInt8>, at start: Int
    ) -> Int {
        var rest = value
        for index in stride(from: start + count - 1, through: start, by: -1) {
            buffer[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        return count
    }
}
