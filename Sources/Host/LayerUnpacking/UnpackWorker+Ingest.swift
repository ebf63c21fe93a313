import Diagnostics
import LinuxKernel
import OCIFormat

extension UnpackWorker {
    /// Stores every regular member of the archive on standard input as a numbered file and tells its name, size and
    /// digest. Names from the archive are only told, never used: no path is made of them. A member whose name is a
    /// digest is not digested: whoever uses it has to compare, and does so while reading it.
    func ingest() throws(Failure) {
        guard let target else { preconditionFailure("an archive without a staging directory") }
        var members: UInt64 = 0
        var stored: UInt64 = 0
        let (stream, _) = try withArchive(digests: false) { archive in
            while let entry = try archive.next() {
                members += 1
                if members > order.limits.archiveMembers {
                    throw Refusal.limit(
                        "read the archive", on: entry.name, field: "members",
                        "archive members \(order.limits.archiveMembers)")
                }
                do {
                    switch entry.kind {
                    case .regular:
                        try store(entry, as: "m\(stored)", in: target, archive)
                        stored += 1
                    case .link(let link), .hardLink(let link):
                        // Whoever started this keeps them in memory.
                        guard link.count < order.limits.pathBytes else {
                            throw Refusal.limit(
                                "read the archive", on: entry.name, field: "linkname",
                                "path bytes \(order.limits.pathBytes)")
                        }
                        try tell(.link(name: name(entry.name), target: name(link)))
                    case .directory, .fifo, .device, .socket: break
                    }
                } catch let error as KernelError {
                    throw Refusal.kernel(error, at: entry.name)
                }
            }
        }
        try tell(.ingested(members: members, bytes: stream.bytes))
    }

    private func store(_ entry: TarEntry, as file: String, in target: OwnedDescriptor, _ archive: TarReader) throws {
        guard entry.name.count < order.limits.pathBytes else {
            throw Refusal.limit(
                "read the archive", on: entry.name, field: "path", "path bytes \(order.limits.pathBytes)")
        }
        let stored = try target.open(RawPath(file), [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
        let name = name(entry.name)
        var digest: StreamDigest?
        if case .blob = ArchiveMember(name: name) {} else { digest = StreamDigest() }
        var end: Int64 = 0
        while let block = try archive.nextBlock() {
            // A sparse member would need its holes digested; no tool writes one, and blobs are compressed.
            guard block.offset == end else {
                throw Refusal.entry(entry.name, field: "size", "a sparse member cannot be part of an image")
            }
            digest?.update(block.bytes)
            try stored.write(block.bytes)
            end += Int64(block.bytes.count)
        }
        guard end == entry.size else {
            throw Refusal.entry(entry.name, field: "size", "it has \(end) bytes, its header says \(entry.size)")
        }
        try tell(.member(name: name, file: file, size: UInt64(end), digest: digest?.text))
    }

    /// Bytes that are no UTF-8 are replaced: such a name is none an image archive has.
    private func name(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
