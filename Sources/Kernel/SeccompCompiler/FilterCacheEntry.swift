import SeccompFormat

/// A file of the cache: magic, then key, name, notes and program, each with its length, the flags, and a checksum over
/// everything before it. Numbers are little-endian.
enum FilterCacheEntry {
    /// A profile of the largest size and the longest program fit.
    static let bytesMax = SeccompProfile.documentBytesMax + (1 << 20)

    private static let magic = Array("BLKFLT01".utf8)

    static func encode(_ filter: CompiledFilter, key: [UInt8]) -> [UInt8] {
        var bytes = magic
        for block in [key, Array(filter.name.utf8), Array(filter.notes.joined(separator: "\n").utf8), filter.bytes] {
            bytes += number(UInt64(block.count)) + block
        }
        bytes += number(UInt64(filter.flags.rawValue))
        return bytes + number(checksum(bytes))
    }

    /// The filter, or nil when the bytes are not a whole entry for `key`.
    static func decode(_ bytes: [UInt8], key: [UInt8]) -> CompiledFilter? {
        guard bytes.count > magic.count + 8, bytes.starts(with: magic) else { return nil }
        var rest = bytes[magic.count..<(bytes.count - 8)]
        guard number(bytes.suffix(8)) == checksum(bytes.dropLast(8)) else { return nil }
        guard let foundKey = block(&rest), foundKey == key[...] else { return nil }
        guard let name = block(&rest), let notes = block(&rest), let program = block(&rest) else { return nil }
        guard rest.count == 8, let flags = UInt32(exactly: number(rest)) else { return nil }
        if !program.isEmpty, !refusesForeignCalls(Array(program)) { return nil }
        return CompiledFilter(
            name: String(decoding: name, as: UTF8.self), bytes: Array(program), flags: FilterFlags(rawValue: flags),
            notes: String(decoding: notes, as: UTF8.self).cut(at: "\n").map(String.init))
    }

    /// What is true of every filter of ours, whatever its profile: an ABI that does not exist kills the process.
    private static func refusesForeignCalls(_ program: [UInt8]) -> Bool {
        do {
            return try FilterEvaluator.evaluate(program, .init(architecture: 0, number: 0)) == .killProcess
        } catch {
            return false
        }
    }

    private static func block(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard rest.count >= 8 else { return nil }
        let count = number(rest.prefix(8))
        rest = rest.dropFirst(8)
        guard count <= UInt64(rest.count) else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    private static func number(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func number(_ bytes: some Sequence<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// FNV-1a, 64 bits: against torn files and for names, not against attackers, who cannot write here. Equal names of
    /// different keys are told apart by the key itself.
    static func checksum(_ bytes: [UInt8]) -> UInt64 { checksum(bytes[...]) }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.withUnsafeBufferPointer { bytes in
            var sum: UInt64 = 0xcbf2_9ce4_8422_2325
            for byte in bytes { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01b3 }
            return sum
        }
    }
}
