import CInflate
import Diagnostics
import OCIFormat

/// gzip (RFC 1952) through ISA-L: any number of members, then nothing or zero bytes, as tar's blocking leaves them.
final class GzipDecoder: StreamDecoder {
    private enum Position { case member, betweenMembers, padding }

    private let state: UnsafeMutablePointer<inflate_state>
    private var position = Position.member

    init() {
        state = .allocate(capacity: 1)
        isal_inflate_init(state)
        state.pointee.crc_flag = UInt32(ISAL_GZIP)
    }

    deinit { state.deallocate() }

    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> (consumed: Int, produced: Int) {
        switch position {
        case .member: try decodeMember(input, into: output)
        case .betweenMembers: try startNext(input, into: output)
        case .padding: try skipPadding(input)
        }
    }

    func finish() throws(Failure) {
        if position == .member { throw Compression.damaged("gzip", "it ends in the middle") }
    }

    private func decodeMember(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> (consumed: Int, produced: Int) {
        // ISA-L takes 32-bit counts and a pointer that is not const, but does not write through it.
        let offered = min(input.count, Int(Int32.max)), room = min(output.count, Int(Int32.max))
        let base = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        state.pointee.next_in = UnsafeMutablePointer(mutating: base)
        state.pointee.avail_in = UInt32(offered)
        state.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        state.pointee.avail_out = UInt32(room)
        let answer = isal_inflate(state)
        if answer < 0 { throw Compression.damaged("gzip", Self.meaning(of: answer)) }
        if state.pointee.block_state == ISAL_BLOCK_FINISH { position = .betweenMembers }
        return (offered - Int(state.pointee.avail_in), room - Int(state.pointee.avail_out))
    }

    private func startNext(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> (consumed: Int, produced: Int) {
        guard let first = input.first else { return (0, 0) }
        if first == 0 {
            position = .padding
            return try skipPadding(input)
        }
        guard first == 0x1f else { throw Compression.damaged("gzip", "other data follows its end") }
        isal_inflate_reset(state)
        state.pointee.crc_flag = UInt32(ISAL_GZIP)
        position = .member
        // The first byte is left in place: it belongs to the header the decoder reads next.
        return try decodeMember(input, into: output)
    }

    private func skipPadding(_ input: UnsafeRawBufferPointer) throws(Failure) -> (consumed: Int, produced: Int) {
        guard input.allSatisfy({ $0 == 0 }) else {
            throw Compression.damaged("gzip", "other data follows the zero bytes after its end")
        }
        return (input.count, 0)
    }

    private static func meaning(of answer: Int32) -> String {
        switch answer {
        case ISAL_INVALID_BLOCK: "a block has an impossible type or length"
        case ISAL_INVALID_SYMBOL: "a code stands for nothing"
        case ISAL_INVALID_LOOKBACK: "it refers to data before its start"
        case ISAL_INVALID_WRAPPER: "the gzip header is wrong"
        case ISAL_UNSUPPORTED_METHOD: "the compression method is not deflate"
        case ISAL_INCORRECT_CHECKSUM: "the checksum does not match"
        default: "the decoder answered \(answer)"
        }
    }
}
