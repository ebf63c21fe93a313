import Diagnostics
import LinuxKernel
import OCIFormat

/// The first half of the pipeline, on its own thread: read, digest, decompress, hand over.
final class BlobReader: @unchecked Sendable {
    // @unchecked: after `start` only the worker thread touches anything but `ring`, until `join` returned.
    private let source: OwnedDescriptor
    private let limits: ImageLimits
    private let declared: Compression?
    private let ring: ChunkRing
    private let digests: Bool
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
    private var digest = StreamDigest()
    private var compressedBytes: UInt64 = 0
    private var bytes: UInt64 = 0
    private var thread: WorkerThread?

    /// - Parameters:
    ///   - declared: what the image says the compression is; nil when it says nothing.
    ///   - digests: whether the stream's digest is wanted.
    init(source: OwnedDescriptor, declared: Compression?, limits: ImageLimits, ring: ChunkRing, digests: Bool) {
        self.source = source
        self.digests = digests
        self.declared = declared
        self.limits = limits
        self.ring = ring
    }

    deinit { input.deallocate() }

    func start() throws(KernelError) {
        thread = try WorkerThread { [self] in
            do throws(Failure) {
                if let stream = try run() { ring.end(stream) }
            } catch {
                ring.fail(error)
            }
        }
    }

    /// Stops the thread, finished or not.
    func stop() {
        ring.abandon()
        thread?.join()
        thread = nil
    }

    /// Nil when the consumer gave up.
    private func run() throws(Failure) -> DecodedStream? {
        let held = try read(atLeast: Compression.prefixBytes)
        let found = try Compression.detected(in: UnsafeRawBufferPointer(rebasing: input[..<held]))
        try compare(found)
        ring.begin(found)
        return found == .none ? try pass(held) : try decode(held, found)
    }

    /// No compression: after the first bytes, which were looked at, the stream is read to where it is used.
    private func pass(_ held: Int) throws(Failure) -> DecodedStream? {
        guard var output = ring.emptyBuffer() else { return nil }
        output.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[..<held]))
        try account(held)
        var filled = held
        while true {
            if filled == output.count {
                ring.deliver(filled)
                guard let next = ring.emptyBuffer() else { return nil }
                (output, filled) = (next, 0)
            }
            let count = try receive(into: UnsafeMutableRawBufferPointer(rebasing: output[filled...]))
            if count == 0 { break }
            try account(count)
            filled += count
        }
        if filled > 0 { ring.deliver(filled) }
        return stream(.none)
    }

    private func decode(_ first: Int, _ found: Compression) throws(Failure) -> DecodedStream? {
        let decoder = try found.makeDecoder()
        var held = first
        var start = 0
        guard var output = ring.emptyBuffer() else { return nil }
        var filled = 0
        while true {
            let pending = UnsafeRawBufferPointer(rebasing: input[start..<held])
            let step = try decoder.decode(pending, into: UnsafeMutableRawBufferPointer(rebasing: output[filled...]))
            start += step.consumed
            filled += step.produced
            try account(step.produced)
            if filled == output.count {
                ring.deliver(filled)
                guard let next = ring.emptyBuffer() else { return nil }
                (output, filled) = (next, 0)
            } else if step.consumed == 0 && step.produced == 0 {
                // The decoder keeps what it could not use yet, so nothing may be left over here.
                guard start == held else { throw Compression.damaged(found.rawValue, "the decoder makes no progress") }
                (start, held) = (0, try read(atLeast: 1))
                if held == 0 { break }
            }
        }
        try decoder.finish()
        if filled > 0 { ring.deliver(filled) }
        return stream(found)
    }

    private func stream(_ found: Compression) -> DecodedStream {
        DecodedStream(
            digest: digests ? digest.text : nil, compressedBytes: compressedBytes, bytes: bytes, compression: found)
    }

    private func compare(_ found: Compression) throws(Failure) {
        guard let declared, declared != found else { return }
        throw Failure(
            "layer.compression", doing: "decompress the stream",
            cause: "the image says its compression is \(declared.rawValue), its first bytes say \(found.rawValue)",
            remedy: "export or download the image again", field: "mediaType")
    }

    /// Fills the input buffer from its start; fewer bytes than asked for mean the end.
    private func read(atLeast wanted: Int) throws(Failure) -> Int {
        var held = 0
        while held < wanted {
            let count = try receive(into: UnsafeMutableRawBufferPointer(rebasing: input[held...]))
            if count == 0 { break }
            held += count
        }
        return held
    }

    /// The next bytes of the stream, digested and counted; 0 at its end.
    private func receive(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
        let count: Int
        do throws(KernelError) { count = try source.read(into: buffer) } catch {
            throw error.failure("layer.read", doing: "read the archive", retry: .later)
        }
        if digests { digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
        compressedBytes += UInt64(count)
        if compressedBytes > limits.blobBytes {
            throw Refusal.limit("read the archive", field: "size", "compressed bytes \(limits.blobBytes)")
        }
        return count
    }

    private func account(_ produced: Int) throws(Failure) {
        bytes += UInt64(produced)
        if bytes > limits.expandedBytes {
            throw Refusal.limit("decompress the stream", field: "size", "expanded bytes \(limits.expandedBytes)")
        }
        // What was read ahead but not decoded yet counts as compressed: an error of one buffer in the image's favour.
        if bytes > limits.ratioFreeBytes, bytes / limits.expansionRatio > compressedBytes {
            throw Refusal.limit(
                "decompress the stream", field: "size",
                "expansion ratio \(limits.expansionRatio):1 after \(limits.ratioFreeBytes) bytes")
        }
    }
}
