import Diagnostics
import LinuxKernel

/// The second half's end of the pipeline: gives the decompressed bytes to the tar decoder and digests them.
final class TarStream {
    private let ring: ChunkRing
    private var digest = StreamDigest()
    /// Called with the count of decompressed bytes after each chunk; an error stops everything.
    private let onProgress: (UInt64) throws(Failure) -> Void
    private(set) var bytes: UInt64 = 0
    /// Why the last `next` gave nothing, when that was not the end.
    private(set) var failure: Failure?

    init(ring: ChunkRing, onProgress: @escaping (UInt64) throws(Failure) -> Void) {
        self.ring = ring
        self.onProgress = onProgress
    }

    /// The next bytes, valid until the next call; nil at the end, and after a failure, which is kept.
    func next() -> UnsafeRawBufferPointer? {
        guard failure == nil else { return nil }
        do throws(Failure) {
            guard let chunk = try ring.nextChunk() else { return nil }
            digest.update(chunk)
            bytes += UInt64(chunk.count)
            try onProgress(bytes)
            return chunk
        } catch {
            failure = error
            return nil
        }
    }

    /// Reads what follows the archive's end, for the digest, and gives both digests' facts.
    func finish() throws(Failure) -> (stream: DecodedStream, diffID: String) {
        while next() != nil {}
        if let failure { throw failure }
        guard let stream = ring.completed() else { preconditionFailure("the ring ended without a result") }
        return (stream, digest.text)
    }
}
