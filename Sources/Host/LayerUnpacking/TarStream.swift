import Diagnostics
import LinuxKernel
import OCIFormat

/// The second half's end of the pipeline: gives the decompressed bytes to the tar decoder and digests them, if wanted.
/// Of a stream that is not compressed the other half has the digest already.
final class TarStream {
    private let ring: ChunkRing
    private var digest = StreamDigest()
    private let digests: Bool
    /// Called with the count of decompressed bytes after each chunk; an error stops everything.
    private let onProgress: (UInt64) throws(Failure) -> Void
    private(set) var bytes: UInt64 = 0
    /// Why the last `next` gave nothing, when that was not the end.
    private(set) var failure: Failure?

    init(ring: ChunkRing, digests: Bool, onProgress: @escaping (UInt64) throws(Failure) -> Void) {
        self.ring = ring
        self.digests = digests
        self.onProgress = onProgress
    }

    /// The next bytes, valid until the next call; nil at the end, and after a failure, which is kept.
    func next() -> UnsafeRawBufferPointer? {
        guard failure == nil else { return nil }
        do throws(Failure) {
            guard let chunk = try ring.nextChunk() else { return nil }
            if digests, !chunk.isPlain { digest.update(chunk.bytes) }
            bytes += UInt64(chunk.bytes.count)
            try onProgress(bytes)
            return chunk.bytes
        } catch {
            failure = error
            return nil
        }
    }

    /// Reads what follows the archive's end, for the digest, and gives both digests' facts; without a digest when none
    /// was wanted.
    func finish() throws(Failure) -> (stream: DecodedStream, diffID: String?) {
        while next() != nil {}
        if let failure { throw failure }
        guard let stream = ring.completed() else { preconditionFailure("the ring ended without a result") }
        guard digests else { return (stream, nil) }
        return (stream, stream.compression == .none ? stream.digest : digest.text)
    }
}
