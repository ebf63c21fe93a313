/// Compact JSON, one line of ASCII. Written straight into memory that copies of a sink would share, so a sink is handed
/// on as `inout` and never kept beside another.
struct JSONSink: DocumentSink {
    private let written: GrowingMemory
    /// Where the next byte goes, and where there is no room any more.
    private var end: UnsafeMutablePointer<UInt8>
    private var limit: UnsafeMutablePointer<UInt8>
    /// Something came before at this depth.
    private(set) var needsComma: Bool

    /// `capacity`: bytes it has room for at first. `needsComma`: it goes on where an element has been written.
    init(capacity: Int = 1_024, needsComma: Bool = false) {
        written = GrowingMemory(capacity: max(16, capacity))
        end = written.begin
        limit = written.begin + written.capacity
        self.needsComma = needsComma
    }

    var count: Int { end - written.begin }

    /// What has been written so far, to be sent on its way; the sink goes on with none.
    mutating func takeBytes() -> [UInt8] {
        let bytes = [UInt8](UnsafeBufferPointer(start: written.begin, count: count))
        end = written.begin
        return bytes
    }

    /// Room for `count` bytes at `end`.
    @inline(__always) private mutating func ensure(_ count: Int) {
        if limit - end < count { grow(count) }
    }

    @inline(never) private mutating func grow(_ more: Int) {
        let count = count
        written.grow(to: max(2 * written.capacity, count + more), keeping: count)
        end = written.begin + count
        limit = written.begin + written.capacity
    }

    @inline(__always) private mutating func put(_ byte: UInt8) {
        ensure(1)
        end.pointee = byte
        end += 1
    }

    @inline(__always) private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        ensure(bytes.count)
        end.update(from: start, count: bytes.count)
        end += bytes.count
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
        if needsComma {
            end.pointee = UInt8(ascii: ",")
            end += 1
        }
        end.pointee = UInt8(ascii: "\"")
        (end + 1).update(from: name.utf8Start, count: length)
        end += length + 1
        end.pointee = UInt8(ascii: "\"")
        (end + 1).pointee = UInt8(ascii: ":")
        end += 2
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
    @inline(__always) private mutating func putPlain(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard !WireValue.needsEscape(text) else { return false }
        ensure(text.count + 2)
        end.pointee = UInt8(ascii: "\"")
        end += 1
        put(text)
        end.pointee = UInt8(ascii: "\"")
        end += 1
        return true
    }

    private mutating func put(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { put($0) }
    }

    mutating func integer(_ value: Int64) { put(Decimal(value, places: 0)) }
    mutating func decimal(_ units: Int64, places: Int) { put(Decimal(units, places: places)) }

    private mutating func put(_ decimal: Decimal) {
        separate()
        ensure(Decimal.bytesMax)
        end += decimal.write(to: UnsafeMutableBufferPointer(start: end, count: Decimal.bytesMax))
    }

    mutating func flag(_ value: Bool) {
        separate()
        let word: StaticString = value ? "true" : "false"
        put(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    mutating func bytes(_ content: [UInt8]) {
        separate()
        put(UInt8(ascii: "\""))
        let length = Base64.length(of: content)
        ensure(length)
        Base64.write(content, to: UnsafeMutableBufferPointer(start: end, count: length))
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

    /// The nearest double: what its text would be read as.
    static func double(_ units: Int64, places: Int) -> Double {
        let divisor = powers[places]
        // Both are doubles, and a quotient of doubles is the nearest one.
        if units.magnitude <= 1 << 53 { return Double(units) / Double(divisor) }
        // 63 or 64 bits of the quotient; whether anything follows is put into the last, which no double has.
        let (zeros, bits) = (units.magnitude.leadingZeroBitCount, 63 - divisor.leadingZeroBitCount)
        let upper = units.magnitude << zeros
        let (quotient, rest) = divisor.dividingFullWidth((upper >> (64 - bits), upper << bits))
        let significand = Double(quotient | (rest == 0 ? 0 : 1))
        return Double(sign: units < 0 ? .minus : .plus, exponent: -(zeros + bits), significand: significand)
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
