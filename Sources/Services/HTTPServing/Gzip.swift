/// Writes gzip (RFC 1952) around DEFLATE (RFC 1951) with the fixed codes: one look-back per place, no second thoughts.
/// JSON shrinks about fivefold at some hundred megabytes a second, which is what answers need.
///
/// What is large is written a piece at a time: each piece is a block of its own that refers to no other, so that
/// nothing of what has left is kept.
struct Gzip {
    private var bits = BitWriter(output: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 4, 255])
    private var sum = UInt32.max
    private var length: UInt32 = 0

    static func compress(_ bytes: [UInt8]) -> [UInt8] {
        var gzip = Gzip()
        gzip.bits.reserve(bytes.count / 4 + 64)
        gzip.block(bytes, isLast: true)
        return gzip.bits.takeBytes() + gzip.trailer()
    }

    /// What `piece` comes to, up to the last whole byte.
    mutating func add(_ piece: [UInt8]) -> [UInt8] {
        block(piece, isLast: false)
        return bits.takeBytes()
    }

    /// What is left after the last piece.
    mutating func finish() -> [UInt8] {
        block([], isLast: true)
        return bits.takeBytes() + trailer()
    }

    private mutating func block(_ bytes: [UInt8], isLast: Bool) {
        bits.write(isLast ? 0b011 : 0b010, count: 3)  // fixed codes
        bytes.withUnsafeBufferPointer { Gzip.encode($0, into: &bits) }
        bits.code(256)
        if isLast { bits.fillByte() }
        sum = Gzip.checksum(bytes, from: sum)
        length &+= UInt32(truncatingIfNeeded: bytes.count)
    }

    private func trailer() -> [UInt8] {
        var output: [UInt8] = []
        Gzip.append(~sum, to: &output)
        Gzip.append(length, to: &output)
        return output
    }

    private static let hashBits: UInt32 = 15
    private static let lengthMax = 258
    private static let distanceMax = 32_768

    private static func encode(_ bytes: UnsafeBufferPointer<UInt8>, into bits: inout BitWriter) {
        var latest = [Int32](repeating: -1, count: 1 << hashBits)
        var position = 0
        while position < bytes.count {
            guard position + 4 <= bytes.count else {
                bits.code(Int(bytes[position]))
                position += 1
                continue
            }
            let slot = hash(bytes, at: position)
            let candidate = Int(latest[slot])
            latest[slot] = Int32(truncatingIfNeeded: position)
            let length = candidate >= 0 ? matchLength(bytes, candidate, position) : 0
            guard length >= 4 else {
                bits.code(Int(bytes[position]))
                position += 1
                continue
            }
            bits.length(length)
            bits.distance(position - candidate)
            position += length
        }
    }

    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>, at position: Int) -> Int {
        let word =
            UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8 | UInt32(bytes[position + 2]) << 16
            | UInt32(bytes[position + 3]) << 24
        return Int((word &* 0x9E37_79B1) >> (32 - hashBits))
    }

    private static func matchLength(_ bytes: UnsafeBufferPointer<UInt8>, _ earlier: Int, _ now: Int) -> Int {
        guard now - earlier <= distanceMax else { return 0 }
        let limit = min(lengthMax, bytes.count - now)
        var length = 0
        while length < limit, bytes[earlier + length] == bytes[now + length] { length += 1 }
        return length
    }

    private static func append(_ number: UInt32, to output: inout [UInt8]) {
        for shift in stride(from: 0, to: 32, by: 8) {
            output.append(UInt8(truncatingIfNeeded: number >> UInt32(shift)))
        }
    }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }

    private static func checksum(_ bytes: [UInt8], from start: UInt32) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            bytes.reduce(start) { sum, byte in
                table[Int((sum ^ UInt32(byte)) & 0xFF)] ^ (sum >> 8)
            }
        }
    }
}

/// Bits, lowest first, and the fixed codes of RFC 1951, section 3.2.6, whose own bits go highest first.
private struct BitWriter {
    private var output: [UInt8]
    private var held: UInt64 = 0
    private var count: UInt64 = 0

    init(output: [UInt8]) { self.output = output }

    mutating func write(_ bits: UInt32, count more: Int) {
        held |= UInt64(bits) << count
        count += UInt64(more)
        while count >= 8 {
            output.append(UInt8(truncatingIfNeeded: held))
            held >>= 8
            count -= 8
        }
    }

    mutating func fillByte() {
        if count > 0 { output.append(UInt8(truncatingIfNeeded: held)) }
        held = 0
        count = 0
    }

    mutating func reserve(_ bytes: Int) { output.reserveCapacity(output.count + bytes) }

    /// The whole bytes there are.
    mutating func takeBytes() -> [UInt8] {
        defer { output = [] }
        return output
    }

    /// A literal, the end of the block, or a length's symbol.
    mutating func code(_ symbol: Int) {
        let (bits, count) = BitWriter.codes[symbol]
        write(bits, count: Int(count))
    }

    mutating func length(_ length: Int) {
        let (symbol, base, extra) = BitWriter.lengths[length - 3]
        code(Int(symbol))
        write(UInt32(length) - UInt32(base), count: Int(extra))
    }

    mutating func distance(_ distance: Int) {
        var low = 0
        var high = BitWriter.distances.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if BitWriter.distances[middle].base <= distance { low = middle } else { high = middle - 1 }
        }
        write(BitWriter.reversed(UInt32(low), 5), count: 5)
        write(UInt32(distance - BitWriter.distances[low].base), count: BitWriter.distances[low].extra)
    }

    private static func reversed(_ value: UInt32, _ count: Int) -> UInt32 {
        (0..<count).reduce(0) { $0 << 1 | (value >> UInt32($1)) & 1 }
    }

    private static let codes: [(UInt32, UInt8)] = (0..<288).map { symbol in
        switch symbol {
        case 0..<144: (reversed(UInt32(0x30 + symbol), 8), 8)
        case 144..<256: (reversed(UInt32(0x190 + symbol - 144), 9), 9)
        case 256..<280: (reversed(UInt32(symbol - 256), 7), 7)
        default: (reversed(UInt32(0xC0 + symbol - 280), 8), 8)
        }
    }

    private static let distances: [(base: Int, extra: Int)] = {
        var result: [(base: Int, extra: Int)] = []
        var base = 1
        for symbol in 0..<30 {
            let extra = max(0, symbol / 2 - 1)
            result.append((base, extra))
            base += 1 << extra
        }
        return result
    }()

    /// By length less three: symbol, first length of the symbol, extra bits.
    private static let lengths: [(UInt16, UInt16, UInt8)] = {
        var result: [(UInt16, UInt16, UInt8)] = []
        var base = 3
        for symbol in 257..<285 {
            let extra = symbol < 265 ? 0 : (symbol - 261) / 4
            for _ in 0..<(1 << extra) { result.append((UInt16(symbol), UInt16(base), UInt8(extra))) }
            base += 1 << extra
        }
        result[255] = (285, 258, 0)
        return result
    }()
}
