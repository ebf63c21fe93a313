import Diagnostics
import LinuxKernel
import OCIFormat

/// The whole life of the unpacker's process: take over the descriptors it was started with, confine itself, do the one
/// thing it was asked, report.
public struct UnpackWorker {
    let order: UnpackOrder
    let source: OwnedDescriptor
    /// The directory written to; nil for `digest`.
    let target: OwnedDescriptor?
    /// Where the tree of an image is made before it is written: a file system in memory.
    let scratch: OwnedDescriptor?
    /// Roots of lower layers, topmost first; nil when not known.
    let lowers: [OwnedDescriptor]?
    let results: OwnedDescriptor

    private static let firstDirectory: Int32 = 3
    private static let resultsNumber: Int32 = 4
    private static let firstLower: Int32 = 5

    /// Does what `arguments` ask with the descriptors of this process. Reports on descriptor 4, `digest` on standard
    /// output. Never returns an archive's problem as an error: it is reported, and the answer is the exit status.
    public static func run(_ arguments: [String]) -> Int32 {
        let printsDigest = arguments.first == UnpackOrder.Task.digest.rawValue
        let results = OwnedDescriptor(owning: printsDigest ? 1 : resultsNumber)
        var status: Int32 = 0
        do throws(Failure) {
            try prepareLastWords(on: results)
            try UnpackWorker(try UnpackOrder(arguments), results: results).perform()
        } catch {
            status = report(error, on: results)
        }
        do throws(KernelError) { try OwnProcess.lastWords(nil, on: results) } catch { return 2 }
        return status
    }

    /// libarchive calls exit(3) when memory runs out, which its limits and ours make possible.
    private static func prepareLastWords(on results: OwnedDescriptor) throws(Failure) {
        do throws(KernelError) {
            try OwnProcess.lastWords(ResultLine.failure(Refusal.memory()).text, on: results)
        } catch {
            throw Confinement.failure(error)
        }
    }

    private static func report(_ failure: Failure, on results: OwnedDescriptor) -> Int32 {
        do throws(KernelError) {
            try results.write(ResultLine.failure(failure).text)
            return 1
        } catch {
            // Nobody listens any more; the exit status is all that is left to say.
            return 2
        }
    }

    private init(_ order: UnpackOrder, results: OwnedDescriptor) throws(Failure) {
        self.order = order
        self.results = results
        let lowerCount = order.task == .layer ? Int32(order.lowers ?? 0) : 0
        var directories: [OwnedDescriptor] = []
        if order.task != .digest { directories.append(OwnedDescriptor(owning: Self.firstDirectory)) }
        directories += (0..<lowerCount).map { OwnedDescriptor(owning: Self.firstLower + $0) }
        source = OwnedDescriptor(owning: 0)
        do throws(KernelError) {
            let unused = order.task == .digest ? Self.firstDirectory : Self.firstLower + lowerCount
            try OwnProcess.closeDescriptors(from: unused)
        } catch {
            throw Confinement.failure(error)
        }
        let enclosed = try Confinement.enclose(
            directories, limits: order.limits, dataBytes: Confinement.dataBytes(for: order.task),
            withScratch: order.asImage)
        target = enclosed.directories.first
        scratch = enclosed.scratch
        lowers = order.task == .layer && order.lowers != nil ? Array(enclosed.directories.dropFirst()) : nil
    }

    private func perform() throws(Failure) {
        switch order.task {
        case .digest: try printDigest()
        case .ingest: try ingest()
        case .layer: try unpackLayer()
        case .extract: try extract()
        }
    }

    /// The pipeline both archives go through. `body` reads entries; what remains is read afterwards. The digests of the
    /// stream as it came and of what it unpacks to are computed if `digests` says so.
    func withArchive(
        digests: Bool, _ body: (TarReader) throws -> Void
    ) throws(Failure) -> (stream: DecodedStream, diffID: String?) {
        let ring = ChunkRing()
        let reader = BlobReader(
            source: source, declared: order.compression, limits: order.limits, ring: ring, digests: digests)
        do throws(KernelError) { try reader.start() } catch { throw Refusal.kernel(error, at: nil) }
        defer { reader.stop() }
        let stream = TarStream(ring: ring, digests: digests) { bytes throws(Failure) in try pulse(bytes) }
        do {
            try body(try TarReader(stream, limits: order.limits))
        } catch let failure as Failure {
            throw failure
        } catch let error as KernelError {
            throw Refusal.kernel(error, at: nil)
        } catch {
            preconditionFailure("an error of no known kind: \(error)")
        }
        return try stream.finish()
    }

    /// Stops when whoever started this is gone: nobody would clean up after it.
    private func pulse(_ bytes: UInt64) throws(Failure) {
        do throws(KernelError) {
            if try results.peerIsGone() {
                throw KernelError(call: "poll: nobody reads the results any more", errno: Errno.brokenPipe)
            }
            if order.task == .ingest, bytes % Self.progressBytes < UInt64(ChunkRing.slotBytes) {
                try results.write(ResultLine.progress(bytes: bytes).text)
            }
        } catch {
            throw Refusal.kernel(error, at: nil)
        }
    }

    private static let progressBytes: UInt64 = 4 << 20

    func tell(_ line: ResultLine) throws(Failure) {
        do throws(KernelError) { try results.write(line.text) } catch { throw Refusal.kernel(error, at: nil) }
    }

    private func printDigest() throws(Failure) {
        var digest = StreamDigest()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
        defer { buffer.deallocate() }
        do throws(KernelError) {
            while true {
                let count = try source.read(into: buffer)
                if count == 0 { break }
                digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            try results.write(digest.text + "\n")
        } catch {
            throw error.failure("layer.read", doing: "digest the stream", retry: .later)
        }
    }
}
