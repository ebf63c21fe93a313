import Diagnostics
import LinuxKernel
import OCIFormat

/// A few buffers that go round between the thread that decompresses and the thread that writes: what bounds memory
/// when one of them is faster.
final class ChunkRing: @unchecked Sendable {
    // @unchecked: the buffers' content is touched by the side that holds the buffer, as `State` says.
    private struct State {
        var filled: [Int: Int] = [:]  // count of bytes by slot
        var produced = 0
        var consumed = 0
        var isPlain = false
        var ended: Ending?
        var abandoned = false
    }

    private enum Ending {
        case complete(DecodedStream)
        case failed(Failure)
    }

    static let slotBytes = 256 << 10
    private static let slots = 4

    private let buffers: [UnsafeMutableRawBufferPointer]
    private let state = Monitor(State())

    init() {
        buffers = (0..<Self.slots).map { _ in .allocate(byteCount: Self.slotBytes, alignment: 64) }
    }

    deinit { buffers.forEach { $0.deallocate() } }

    // --- the producer's side ---

    /// Says what the stream is packed with, before the first buffer.
    func begin(_ compression: Compression) { state.withLock { $0.isPlain = compression == .none } }

    /// The next buffer to fill, or nil when nobody wants more. Waits while all are full.
    func emptyBuffer() -> UnsafeMutableRawBufferPointer? {
        state.waitFor { state -> UnsafeMutableRawBufferPointer?? in
            if state.abandoned { return .some(nil) }
            // The consumer keeps the buffer it took last, so one slot fewer can be filled.
            guard state.produced - state.consumed < Self.slots - 1 else { return nil }
            return .some(buffers[state.produced % Self.slots])
        }
    }

    /// Hands over the buffer `emptyBuffer` gave with `count` bytes in it.
    func deliver(_ count: Int) {
        state.withLock { state in
            state.filled[state.produced % Self.slots] = count
            state.produced += 1
        }
    }

    func end(_ stream: DecodedStream) { state.withLock { $0.ended = .complete(stream) } }
    func fail(_ failure: Failure) { state.withLock { $0.ended = .failed(failure) } }

    // --- the consumer's side ---

    struct Chunk {
        var bytes: UnsafeRawBufferPointer
        /// Whether they are the stream's own, not compressed there.
        var isPlain: Bool
    }

    /// The next bytes, valid until the next call, or nil at the end. Waits while there are none.
    func nextChunk() throws(Failure) -> Chunk? {
        let answer = state.waitFor { state -> Result<Chunk?, Failure>? in
            if state.consumed < state.produced {
                let slot = state.consumed % Self.slots
                state.consumed += 1
                let bytes = UnsafeRawBufferPointer(rebasing: buffers[slot][..<(state.filled[slot] ?? 0)])
                return .success(Chunk(bytes: bytes, isPlain: state.isPlain))
            }
            switch state.ended {
            case .complete: return .success(nil)
            case .failed(let failure): return .failure(failure)
            case nil: return nil
            }
        }
        return try answer.get()
    }

    /// What the producer found out about the whole stream; nil before its end.
    func completed() -> DecodedStream? {
        state.withLock { state in
            if case .complete(let stream) = state.ended { return stream }
            return nil
        }
    }

    /// Tells the producer to stop.
    func abandon() { state.withLock { $0.abandoned = true } }
}

/// Facts about a compressed stream, known when all of it was read.
struct DecodedStream: Equatable, Sendable {
    /// Of the stream as it came; nil when nobody wanted it.
    var digest: String?
    var compressedBytes: UInt64
    var bytes: UInt64
    var compression: Compression
}
