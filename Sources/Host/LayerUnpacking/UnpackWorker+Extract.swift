import Diagnostics
import LinuxKernel
import OCIFormat

extension UnpackWorker {
    /// Writes the archive on standard input below the target directory, as the owner asked for.
    func extract() throws(Failure) {
        guard let target else { preconditionFailure("an archive without a target directory") }
        let reader = try ArchiveReader(source, single: order.name != nil)
        var writer = FileWriter(root: target, owner: order.owner, limits: order.limits)
        while var entry = try reader.next() {
            if let name = order.name {
                entry.name = Array(name.utf8)
                entry.kind = .regular
                entry.mode = 0o644
            }
            try checkPeer()
            do {
                try writer.add(entry, content: reader)
            } catch let error as KernelError {
                throw Refusal.kernel(error, at: entry.name)
            } catch let failure as Failure {
                throw failure
            } catch {
                preconditionFailure("an error of no known kind: \(error)")
            }
        }
        try tell(.ingested(members: writer.entries, bytes: writer.bytes))
    }

    private func checkPeer() throws(Failure) {
        do throws(KernelError) {
            if try results.peerIsGone() {
                throw KernelError(call: "poll: nobody reads the results any more", errno: Errno.brokenPipe)
            }
        } catch {
            throw Refusal.kernel(error, at: nil)
        }
    }
}

/// Writes a fetched archive's entries below a directory that a task will own. No link is ever followed, nothing outside
/// is ever named, and no entry gets more than permission bits.
private struct FileWriter {
    let root: OwnedDescriptor
    let owner: (uid: UInt32, gid: UInt32)
    let limits: ImageLimits
    private(set) var entries: UInt64 = 0
    private let budget: UnpackBudget

    var bytes: UInt64 { budget.bytes }

    init(root: OwnedDescriptor, owner: (uid: UInt32, gid: UInt32), limits: ImageLimits) {
        self.root = root
        self.owner = owner
        self.limits = limits
        budget = UnpackBudget(limits)
    }

    mutating func add(_ entry: ArchiveReader.Entry, content: ArchiveReader) throws {
        entries += 1
        try budget.takeFile(for: entry.name)
        let name = try EntryName(parsing: entry.name, field: "path", of: entry.name, limits: limits)
        guard let leaf = name.components.last else { return }
        switch entry.kind {
        case .special: return
        // It counts as an entry already.
        case .directory: _ = try enter(leaf, of: try directory(name.parent, for: entry.name), for: entry.name)
        case .regular: try addFile(entry, leaf, in: try directory(name.parent, for: entry.name), content)
        case .link(let target): try addLink(leaf, to: target, in: try directory(name.parent, for: entry.name), entry)
        case .hardLink(let target):
            try addHardLink(leaf, to: target, in: try directory(name.parent, for: entry.name), entry)
        }
    }

    /// The directory `names` lead to; missing ones are made.
    private func directory(_ names: ArraySlice<RawPath>, for entry: [UInt8]) throws -> OwnedDescriptor {
        var here = root
        for name in names {
            let (next, isNew) = try enter(name, of: here, for: entry)
            if isNew { try budget.takeFile(for: entry) }
            here = next
        }
        return here
    }

    /// The directory `name` of `parent`, and whether it was made now.
    private func enter(
        _ name: RawPath, of parent: OwnedDescriptor, for entry: [UInt8]
    ) throws -> (directory: OwnedDescriptor, isNew: Bool) {
        var isNew = true
        do throws(KernelError) {
            try parent.makeDirectory(name, mode: 0o755)
            try parent.changeOwner(of: name, uid: owner.uid, gid: owner.gid)
        } catch {
            if error.errno != Errno.exists { throw error }
            isNew = false
        }
        do throws(KernelError) {
            return (try parent.open(name, [.directory, .noFollow], rules: [.beneath, .noLinks]), isNew)
        } catch {
            guard error.errno == Errno.notDirectory || error.errno == Errno.tooManyLinks else { throw error }
            throw Refusal.entry(entry, field: "path", "\(name) on its way is not a directory")
        }
    }

    private func addFile(
        _ entry: ArchiveReader.Entry, _ leaf: RawPath, in parent: OwnedDescriptor, _ content: ArchiveReader
    ) throws {
        let modified = try RawNumbers.time(entry.modifiedSeconds, of: entry.name)
        try clear(leaf, in: parent, entry)
        let file = try parent.open(leaf, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
        var end: Int64 = 0
        while let block = try content.nextBlock() {
            let (blockEnd, overflow) = block.offset.addingReportingOverflow(Int64(block.bytes.count))
            guard block.offset >= end, !overflow else {
                throw Refusal.entry(entry.name, field: "size", "its content is not in order")
            }
            try account(UInt64(blockEnd - end), entry, content)
            try file.write(block.bytes, at: block.offset)
            end = blockEnd
        }
        try file.changeOwner(uid: owner.uid, gid: owner.gid)
        try file.changeMode(entry.mode)
        if modified.seconds > 0 { try file.setModified(seconds: modified.seconds, nanoseconds: 0) }
    }

    private func account(
        _ more: UInt64, _ entry: ArchiveReader.Entry, _ content: ArchiveReader
    ) throws(Failure) {
        try budget.take(bytes: more, for: entry.name)
        if bytes > limits.ratioFreeBytes, bytes / limits.expansionRatio > content.bytesRead {
            throw Refusal.limit(
                "unpack the archive", on: entry.name, field: "size",
                "expansion ratio \(limits.expansionRatio):1 after \(limits.ratioFreeBytes) bytes")
        }
    }

    private func addLink(
        _ leaf: RawPath, to target: [UInt8], in parent: OwnedDescriptor, _ entry: ArchiveReader.Entry
    ) throws {
        guard !target.isEmpty, target.count < limits.pathBytes, !target.contains(0) else {
            throw Refusal.entry(entry.name, field: "target", "the link's target is no path")
        }
        try clear(leaf, in: parent, entry)
        try parent.makeLink(leaf, to: RawPath(bytes: target))
        try parent.changeOwner(of: leaf, uid: owner.uid, gid: owner.gid)
    }

    private func addHardLink(
        _ leaf: RawPath, to target: [UInt8], in parent: OwnedDescriptor, _ entry: ArchiveReader.Entry
    ) throws {
        let name = try EntryName(parsing: target, field: "target", of: entry.name, limits: limits)
        guard let source = name.components.last else {
            throw Refusal.entry(entry.name, field: "target", "the link's target is the directory itself")
        }
        let from = try directory(name.parent, for: entry.name)
        try clear(leaf, in: parent, entry)
        try parent.makeHardLink(leaf, to: source, in: from)
    }

    /// A file that is there already goes, and a link with it; a directory stays and is the entry's fault.
    private func clear(_ leaf: RawPath, in parent: OwnedDescriptor, _ entry: ArchiveReader.Entry) throws {
        do throws(KernelError) { try parent.unlink(leaf) } catch {
            if error.errno == Errno.noEntry { return }
            guard error.errno == Errno.isDirectory else { throw error }
            throw Refusal.entry(entry.name, field: "path", "a directory of that name is there already")
        }
    }
}
