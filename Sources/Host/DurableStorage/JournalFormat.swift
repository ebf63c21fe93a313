/// The bytes of a journal file: a line that names the format, then records.
///
/// A record is a marker, the content's length, how much of the file was known durable before this record's batch was
/// written, a checksum of these and the content, and the content; numbers are little-endian. The second number is what
/// tells damage from a crash: a bad record that a later good one calls durable was acknowledged, so it is damage.
enum JournalFormat {
    static let title = Array("bulkhead journal 1\n".utf8)
    static let headerBytes = 20
    private static let marker: [UInt8] = [0xb1, 0x0c, 0x4e, 0xd5]

    static func encode(_ content: [UInt8], durable: UInt64) -> [UInt8] {
        var bytes = marker
        bytes.reserveCapacity(headerBytes + content.count)
        append(UInt64(content.count), bytes: 4, to: &bytes)
        append(durable, bytes: 8, to: &bytes)
        var checksum = Checksum()
        checksum.update(bytes[4...])
        checksum.update(content[...])
        append(UInt64(checksum.value), bytes: 4, to: &bytes)
        bytes += content
        return bytes
    }

    private static func append(_ number: UInt64, bytes count: Int, to bytes: inout [UInt8]) {
        for shift in 0..<count { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(shift)))) }
    }

    struct Record {
        var content: ArraySlice<UInt8>
        var durable: UInt64
        var end: Int
    }

    /// The record at `offset`, when there is a whole and undamaged one.
    static func record(in file: [UInt8], at offset: Int, bytesMax: Int) -> Record? {
        guard file.count - offset >= headerBytes, file[offset..<offset + 4].elementsEqual(marker) else { return nil }
        let length = Int(number(file[(offset + 4)..<(offset + 8)]))
        let end = offset + headerBytes + length
        guard length <= bytesMax, end <= file.count else { return nil }
        var checksum = Checksum()
        checksum.update(file[(offset + 4)..<(offset + 16)])
        checksum.update(file[(offset + headerBytes)..<end])
        guard UInt64(checksum.value) == number(file[(offset + 16)..<(offset + 20)]) else { return nil }
        return Record(
            content: file[(offset + headerBytes)..<end], durable: number(file[(offset + 8)..<(offset + 16)]), end: end)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// What a file holds: its records, and where the good part of it ends.
    struct Contents {
        var records: [[UInt8]] = []
        var end = JournalFormat.title.count
        /// A record before `end` of which a later one says that it was durable cannot be read any more.
        var isDamaged = false
    }

    /// Reads a whole file that begins with the title.
    static func read(_ file: [UInt8], bytesMax: Int) -> Contents {
        var contents = Contents()
        while let record = record(in: file, at: contents.end, bytesMax: bytesMax) {
            contents.records.append(Array(record.content))
            contents.end = record.end
        }
        // Whatever follows was being written when the power went, unless a record behind it knows better.
        var offset = contents.end + 1
        while offset + headerBytes <= file.count {
            if file[offset] == marker[0], let later = record(in: file, at: offset, bytesMax: bytesMax),
                later.durable > UInt64(contents.end)
            {
                contents.isDamaged = true
                break
            }
            offset += 1
        }
        return contents
    }
}

/// CRC-32C, RFC 3720 appendix B.4: finds every error of up to 31 bits in a row.
struct Checksum {
    private var state: UInt32 = ~0
    var value: UInt32 { ~state }

    mutating func update(_ bytes: ArraySlice<UInt8>) {
        var state = state
        bytes.withUnsafeBufferPointer { buffer in
            for byte in buffer { state = state >> 8 ^ Self.table[Int(UInt8(truncatingIfNeeded: state) ^ byte)] }
        }
        self.state = state
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { word, _ in word & 1 == 1 ? word >> 1 ^ 0x82f6_3b78 : word >> 1 }
    }
}
