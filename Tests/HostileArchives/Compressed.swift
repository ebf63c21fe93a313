import CInflate
import CZstandard

/// Compression for the archives of the tests.
public enum Compressed {
    /// One gzip member.
    public static func gzip(_ content: [UInt8]) -> [UInt8] {
        var stream = isal_zstream()
        isal_deflate_stateless_init(&stream)
        var input = content
        var output = [UInt8](repeating: 0, count: content.count + content.count / 8 + 4_096)
        let capacity = output.count
        let answer = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.gzip_flag = UInt16(IGZIP_GZIP)
                stream.end_of_stream = 1
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                return isal_deflate_stateless(&stream)
            }
        }
        precondition(answer == COMP_OK, "the compressor answered \(answer)")
        return Array(output[..<(capacity - Int(stream.avail_out))])
    }

    /// One zstd frame.
    public static func zstd(_ content: [UInt8], level: Int32 = 3, windowLog: Int32? = nil) -> [UInt8] {
        let context = ZSTD_createCCtx()
        defer { ZSTD_freeCCtx(context) }
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
        ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, windowLog == nil ? 1 : 0)
        if let windowLog { ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, windowLog) }
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(content.count))
        var input = ZSTD_inBuffer(src: nil, size: content.count, pos: 0)
        let count = content.withUnsafeBytes { source in
            output.withUnsafeMutableBytes { space in
                var target = ZSTD_outBuffer(dst: space.baseAddress, size: space.count, pos: 0)
                input.src = source.baseAddress
                // Flushed before the end, so that the frame does not say how long it is and the window counts.
                if windowLog != nil { ZSTD_compressStream2(context, &target, &input, ZSTD_e_flush) }
                ZSTD_compressStream2(context, &target, &input, ZSTD_e_end)
                return target.pos
            }
        }
        return Array(output[..<count])
    }

    /// `mebibytes` (a multiple of 16) of zero bytes in gzip members of 16 MiB, as small as deflate can make them.
    public static func zeros(mebibytes: Int) -> [UInt8] {
        let member = zeroMember(literals: (16 << 20) % 258, matches: (16 << 20) / 258)
        return Array(repeatElement(member, count: mebibytes / 16).joined())
    }

    /// A member of `literals` zero bytes and then `matches` times 258 of them. Two bits stand for 258 bytes, the most
    /// deflate can do; no compressor finds the codes, so the block is written by hand (RFC 1951, 3.2.7).
    private static func zeroMember(literals: Int, matches: Int) -> [UInt8] {
        var bits = BitWriter()
        bits.put(1, 1)  // the last block
        bits.put(2, 2)  // with its own codes
        bits.put(29, 5)  // 286 literal and length codes
        bits.put(0, 5)  // 1 distance code
        bits.put(14, 4)  // 18 lengths of code-length codes, in the order RFC 1951 gives
        // Used are 18 (a run of zeros), 1 and 2: lengths 1, 2 and 2.
        for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
            bits.put(symbol == 18 ? 1 : symbol == 1 || symbol == 2 ? 2 : 0, 3)
        }
        let (zeros, one, two) = ((0b0, 1), (0b01, 2), (0b11, 2))  // codes, their first bit lowest
        bits.put(two)  // literal 0: two bits
        for run in [138, 117] {
            bits.put(zeros)
            bits.put(run - 11, 7)
        }
        bits.put(two)  // end of block, 256: two bits
        bits.put(zeros)
        bits.put(28 - 11, 7)
        bits.put(one)  // length 258, 285: one bit
        bits.put(one)  // distance 1: one bit
        let (length258, literalZero, end) = ((0b0, 1), (0b01, 2), (0b11, 2))
        for _ in 0..<literals { bits.put(literalZero) }
        for _ in 0..<matches {
            bits.put(length258)
            bits.put(0, 1)
        }
        bits.put(end)
        let count = literals + matches * 258
        var check = ~UInt32(0)
        for _ in 0..<count {
            for _ in 0..<8 { check = check >> 1 ^ (check & 1 == 1 ? 0xedb8_8320 : 0) }
        }
        let trailer = [~check, UInt32(count)].flatMap { word in
            [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
        }
        return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] + bits.bytes + trailer
    }

    private struct BitWriter {
        var bytes: [UInt8] = []
        private var used = 8

        mutating func put(_ code: (value: Int, width: Int)) { put(code.value, code.width) }

        /// The lowest `width` bits of `value`, lowest first.
        mutating func put(_ value: Int, _ width: Int) {
            for index in 0..<width {
                if used == 8 {
                    bytes.append(0)
                    used = 0
                }
                if value >> index & 1 == 1 { bytes[bytes.count - 1] |= UInt8(1 << used) }
                used += 1
            }
        }
    }
}
