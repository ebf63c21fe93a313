import Diagnostics
import LinuxKernel

extension UnpackWorker {
    /// Writes the layer on standard input below the target directory and verifies both of its digests.
    func unpackLayer() throws(Failure) {
        guard let target else { preconditionFailure("a layer without a target directory") }
        var image: LayerImage?
        if scratch != nil {
            do throws(KernelError) { image = try LayerImage(in: target) } catch { throw Refusal.kernel(error, at: nil) }
        }
        let writer = LayerWriter(
            root: scratch ?? target, lowers: lowers, limits: order.limits, content: image ?? FileContent())
        let (stream, uncompressed) = try withArchive(digests: true) { archive in
            try writer.prepareRoot()
            while let entry = try archive.next() {
                do {
                    try writer.add(entry, content: archive)
                } catch let error as KernelError {
                    throw Refusal.kernel(error, at: entry.name)
                }
            }
        }
        guard let digest = stream.digest, let diffID = uncompressed else {
            preconditionFailure("a layer's stream without its digests")
        }
        if let expected = order.digest, expected != digest {
            throw Refusal.digest("digest", expected: expected, found: digest)
        }
        if let expected = order.diffID, expected != diffID {
            throw Refusal.digest("diffID", expected: expected, found: diffID)
        }
        do throws(KernelError) {
            try writer.finish()
            if let image, let scratch {
                var metadata = try LayerImageMetadata(
                    of: scratch, contents: image, asksEach: writer.view.hasInheritedAccess)
                try metadata.write()
            }
        } catch {
            throw Refusal.kernel(error, at: nil)
        }
        try tell(
            .unpacked(
                UnpackedLayer(
                    digest: digest, diffID: diffID, entries: writer.entries, bytes: stream.bytes,
                    compressedBytes: stream.compressedBytes, skippedDevices: writer.skipped,
                    takenFiles: writer.budget.files, takenBytes: max(stream.bytes, writer.budget.bytes))))
    }
}
