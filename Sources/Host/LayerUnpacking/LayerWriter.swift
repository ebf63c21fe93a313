import Diagnostics
import LinuxKernel
import OCIFormat

/// Carries out the entries of one layer below its root directory, one after another. Nothing is reached by a path: a
/// directory is held open, and one name in it is made, replaced or removed.
final class LayerWriter {
    let view: LayerView
    let content: any LayerContent
    let limits: ImageLimits
    /// What the layer has taken of what it may take.
    let budget: UnpackBudget
    private let times: DirectoryTimes
    private(set) var entries: UInt64 = 0
    /// Device nodes and sockets, which are never made: the container's /dev is ours.
    private(set) var skipped: UInt64 = 0

    /// `root` is the layer's own directory; `lowers` are those below it, topmost first, nil when not known.
    init(
        root: OwnedDescriptor, lowers: [OwnedDescriptor]?, limits: ImageLimits,
        content: any LayerContent = FileContent()
    ) {
        self.limits = limits
        self.content = content
        budget = UnpackBudget(limits)
        times = DirectoryTimes(root: root)
        view = LayerView(root: root, lowers: lowers, limits: limits, times: times, budget: budget)
    }

    /// Gives the root what the layer below says of it, or what a root has when nobody says anything: the archive may
    /// have no entry for it. Call it first.
    func prepareRoot() throws {
        let root = view.root.upper
        guard let model = view.root.lowers.first else {
            try root.changeOwner(uid: 0, gid: 0)
            try root.changeMode(0o755)
            try times.record([], .untold)
            return
        }
        let status = try model.status()
        view.note(try root.take(status, attributesFrom: model, for: nil, within: budget))
        try times.record([], Timestamp(seconds: status.modifiedSeconds, nanoseconds: status.modifiedNanoseconds))
    }

    /// Carries out one entry. `content` gives its bytes piece by piece.
    func add(_ entry: TarEntry, content: TarReader) throws {
        entries += 1
        try budget.takeFile(for: entry.name)
        let name = try EntryName(parsing: entry.name, field: "path", of: entry.name, limits: limits)
        switch try EntryMeaning(name, of: entry.name) {
        case .bookkeeping: return
        case .whiteout(let hidden): try hide(hidden, in: try parent(of: name, entry))
        case .opaque: try hideEverything(in: try parent(of: name, entry))
        case .content: try addContent(entry, name, content)
        }
    }

    /// What can be done only when everything is there.
    func finish() throws(KernelError) { try times.apply() }

    private func parent(of name: EntryName, _ entry: TarEntry) throws -> LayerView.Place {
        try view.directory(name.parent, for: entry.name)
    }

    private func addContent(_ entry: TarEntry, _ name: EntryName, _ content: TarReader) throws {
        guard let leaf = name.components.last else { return try setRoot(entry) }
        switch entry.kind {
        case .device, .socket:
            skipped += 1
        case .regular:
            try addFile(entry, leaf, in: try parent(of: name, entry), content)
        case .directory:
            try addDirectory(entry, leaf, in: try parent(of: name, entry))
        case .fifo:
            try addFifo(entry, leaf, in: try parent(of: name, entry))
        case .link(let target):
            try addLink(entry, leaf, to: target, in: try parent(of: name, entry))
        case .hardLink(let target):
            try addHardLink(entry, leaf, to: target, in: try parent(of: name, entry))
        }
    }

    /// The layer's root itself: it is a directory and stays one, only its metadata may be given.
    private func setRoot(_ entry: TarEntry) throws {
        guard entry.isDirectory else {
            throw Refusal.entry(entry.name, field: "typeflag", "the root of the layer must be a directory")
        }
        try clearAttributes(of: view.root.upper)
        try setMetadata(of: view.root.upper, try view.root.upper.status(), entry)
        try times.record([], entry.modified)
    }

    // --- kinds of content ---

    private func addFile(
        _ entry: TarEntry, _ leaf: RawPath, in parent: LayerView.Place, _ content: TarReader
    ) throws {
        try budget.take(bytes: UInt64(entry.size), for: entry.name)
        let file = try replacing(leaf, in: parent) { () throws(KernelError) in
            try parent.directory.upper.open(
                leaf, [.writeOnly, .create, .exclusive, .noFollow], mode: Self.firstMode(of: entry))
        }
        let status = try file.status()
        try self.content.begin(file, inode: status.inode, size: entry.size)
        var end: Int64 = 0
        while let block = try content.nextBlock() {
            // The decoder keeps blocks within the size it announced, which the budget had; this holds it to it.
            guard block.offset >= end, Int64(block.bytes.count) <= entry.size - block.offset else {
                throw Refusal.entry(entry.name, field: "size", "its content is longer than its size \(entry.size)")
            }
            try self.content.write(block.bytes, at: block.offset)
            end = block.offset + Int64(block.bytes.count)
        }
        try self.content.end()
        try setMetadata(of: file, status, entry)
        if !entry.attributes.isEmpty { self.content.noteAttributes() }
        try file.setModified(seconds: entry.modified.seconds, nanoseconds: entry.modified.nanoseconds)
    }

    private func addDirectory(_ entry: TarEntry, _ leaf: RawPath, in parent: LayerView.Place) throws {
        // Links may lead deeper than the name is long, and its time is set by the path.
        guard parent.path.reduce(leaf.count, { $0 + $1.count + 1 }) < limits.pathBytes else {
            throw Refusal.limit("unpack the entry", on: entry.name, field: "path", "path bytes \(limits.pathBytes)")
        }
        let upper = parent.directory.upper
        var existed = false
        var replaced = false
        do throws(KernelError) {
            try upper.makeDirectory(leaf, mode: Self.firstMode(of: entry))
        } catch {
            guard error.errno == Errno.exists else { throw error }
            existed = true
            if try upper.status(of: leaf).kind != .directory {
                try clear(leaf, in: parent)
                try upper.makeDirectory(leaf, mode: Self.firstMode(of: entry))
                replaced = true
            }
        }
        let directory = try upper.open(leaf, [.directory, .noFollow])
        if existed { try clearAttributes(of: directory) }
        if replaced { try view.hideLowers(directory, of: parent.directory, leaf) }
        try setMetadata(of: directory, try directory.status(), entry)
        try times.record(parent.path + [leaf], entry.modified)
    }

    private func addFifo(_ entry: TarEntry, _ leaf: RawPath, in parent: LayerView.Place) throws {
        let upper = parent.directory.upper
        try replacing(leaf, in: parent) { () throws(KernelError) in
            try upper.makeNode(leaf, kind: .fifo, mode: 0o600)
        }
        try upper.changeOwner(of: leaf, uid: entry.uid, gid: entry.gid)
        try upper.changeMode(of: leaf, entry.mode)
        try upper.setModified(of: leaf, seconds: entry.modified.seconds, nanoseconds: entry.modified.nanoseconds)
    }

    private func addLink(_ entry: TarEntry, _ leaf: RawPath, to target: [UInt8], in parent: LayerView.Place) throws {
        guard !target.isEmpty, target.count < limits.pathBytes else {
            throw Refusal.limit("unpack the entry", on: entry.name, field: "linkname", "path bytes \(limits.pathBytes)")
        }
        let upper = parent.directory.upper
        try replacing(leaf, in: parent) { () throws(KernelError) in
            try upper.makeLink(leaf, to: RawPath(bytes: target))
        }
        try upper.changeOwner(of: leaf, uid: entry.uid, gid: entry.gid)
        try upper.setModified(of: leaf, seconds: entry.modified.seconds, nanoseconds: entry.modified.nanoseconds)
    }

    /// With what a file is made: its permissions, which most files then have already. Nobody can look at it yet.
    private static func firstMode(of entry: TarEntry) -> UInt32 { entry.mode & 0o777 }

    /// Owner before mode, because chown(2) clears set-user-ID; attributes after both, because it clears capabilities.
    /// What `status`, the file's own, says already is left: each change is one more of its inode.
    private func setMetadata(of file: OwnedDescriptor, _ status: FileStatus, _ entry: TarEntry) throws {
        let isOwned = status.uid == entry.uid && status.gid == entry.gid
        if !isOwned { try file.changeOwner(uid: entry.uid, gid: entry.gid) }
        if !isOwned || status.mode != entry.mode { try file.changeMode(entry.mode) }
        for attribute in entry.attributes where AttributeRule.isKept(attribute.name) {
            guard attribute.name.count <= AttributeRule.nameBytesMax else {
                throw Refusal.limit(
                    "unpack the entry", on: entry.name, field: "xattr",
                    "bytes of an attribute's name \(AttributeRule.nameBytesMax)")
            }
            do throws(KernelError) {
                let name = RawPath(bytes: attribute.name)
                try file.setAttribute(name, to: attribute.value)
                view.note([name])
            } catch {
                throw Refusal.attribute(attribute.name, of: entry.name, error)
            }
        }
    }

    /// A directory named again has what the last entry says, no more; the overlay's own marks stay.
    private func clearAttributes(of directory: OwnedDescriptor) throws(KernelError) {
        for name in try directory.attributeNames() where AttributeRule.isKept(name.bytes) {
            try directory.removeAttribute(name)
        }
    }
}
