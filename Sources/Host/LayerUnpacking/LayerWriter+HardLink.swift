import Diagnostics
import LinuxKernel

extension LayerWriter {
    /// A second name for a file of the merged view. A file that only lower layers have is copied into this layer first,
    /// as an overlay mount does when it is linked. A body the entry may carry repeats the content and is skipped.
    func addHardLink(_ entry: TarEntry, _ leaf: RawPath, to target: [UInt8], in parent: LayerView.Place) throws {
        let directory = parent.directory
        let name = try EntryName(parsing: target, field: "linkname", of: entry.name, limits: limits)
        guard let targetLeaf = name.components.last else {
            throw Refusal.entry(entry.name, field: "linkname", "a hard link to the root of the layer is not possible")
        }
        let source = try view.directory(name.parent, for: entry.name).directory
        let status = try linkable(targetLeaf, in: source, entry)
        if let existing = try directory.upper.statusIfExists(of: leaf) {
            // Removing the file to make way for a link to itself would lose it.
            if existing.isSameFile(as: status) { return }
        }
        try replacing(leaf, in: parent) { () throws(KernelError) in
            try directory.upper.makeHardLink(leaf, to: targetLeaf, in: source.upper)
        }
    }

    /// The status of the link's target, which is in this layer when this returns.
    private func linkable(_ name: RawPath, in source: LayerDirectory, _ entry: TarEntry) throws -> FileStatus {
        if let status = try source.upper.statusIfExists(of: name) {
            if status.isWhiteout { throw missing(entry) }
            guard status.kind != .directory else { throw directoryTarget(entry) }
            return status
        }
        guard let lower = try source.lowerStatus(of: name) else { throw missing(entry) }
        try copyUp(name, lower.status, from: lower.directory, to: source.upper, entry)
        return try source.upper.status(of: name)
    }

    private func copyUp(
        _ name: RawPath, _ status: FileStatus, from lower: OwnedDescriptor, to upper: OwnedDescriptor, _ entry: TarEntry
    ) throws {
        try budget.takeFile(for: entry.name)
        switch status.kind {
        case .regular:
            try budget.take(bytes: UInt64(status.size), for: entry.name)
            let model = try lower.open(name, [.readOnly, .noFollow, .nonBlocking])
            let copy = try upper.open(name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
            try content.begin(copy, inode: try copy.status().inode, size: status.size)
            try copyContent(from: model)
            try content.end()
            let attributes = try copy.take(status, attributesFrom: model, for: entry.name, within: budget)
            if !attributes.isEmpty { content.noteAttributes() }
            try copy.setModified(seconds: status.modifiedSeconds, nanoseconds: status.modifiedNanoseconds)
            return
        case .link: try upper.makeLink(name, to: try lower.linkTarget(name))
        case .fifo:
            try upper.makeNode(name, kind: .fifo, mode: 0o600)
        default: throw directoryTarget(entry)
        }
        try upper.changeOwner(of: name, uid: status.uid, gid: status.gid)
        if status.kind == .fifo { try upper.changeMode(of: name, status.mode) }
        try upper.setModified(of: name, seconds: status.modifiedSeconds, nanoseconds: status.modifiedNanoseconds)
    }

    private func copyContent(from model: OwnedDescriptor) throws(KernelError) {
        var offset: Int64 = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 64)
        defer { buffer.deallocate() }
        while true {
            let count = try model.read(into: buffer)
            if count == 0 { return }
            try content.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset)
            offset += Int64(count)
        }
    }

    private func missing(_ entry: TarEntry) -> Failure {
        Refusal.entry(entry.name, field: "linkname", "the file it links to is not in the image")
    }

    private func directoryTarget(_ entry: TarEntry) -> Failure {
        Refusal.entry(entry.name, field: "linkname", "it links to a directory or a device")
    }
}
