import LinuxKernel

/// Files of an image, found in its layers as an overlay of them would show them. Nothing of the image is run, and its
/// links lead only within it, because each step is taken from directories of its layers.
struct LayeredFiles {
    private static let linksMax = 40
    private static let stepsMax = 512
    /// A directory as the layers have it together, the topmost first.
    private typealias Merged = [OwnedDescriptor]
    private let root: Merged

    /// `layers` are of the store, directories or EROFS images, lowest first.
    init(layers: [String]) throws(KernelError) {
        var root: Merged = []
        for layer in layers.reversed() {
            root.append(try LayerRoot.open(layer))
        }
        self.root = root
    }

    private enum Entry {
        case directory(Merged)
        case link(RawPath)
        case file(RawPath, in: OwnedDescriptor)
    }

    /// The content of a regular file; nil when there is none of this name.
    func read(_ path: String, limit: Int) throws(KernelError) -> [UInt8]? {
        try read(Self.words(RawPath(path)), path, limit: limit)
    }

    /// The same of a name that `names` gave, which need not be UTF-8.
    func read(_ name: RawPath, in directory: String, limit: Int) throws(KernelError) -> [UInt8]? {
        try read(Self.words(RawPath(directory)) + [name], "\(directory)/\(name)", limit: limit)
    }

    private func read(_ words: [RawPath], _ path: String, limit: Int) throws(KernelError) -> [UInt8]? {
        // After links its name is another than the last word of `path`.
        guard case .file(let name, let directory)? = try find(words, path) else { return nil }
        return try Self.open(name, in: directory, limit: limit)
    }

    /// Names in a directory, in order; empty when there is none.
    func names(in path: String, limit: Int) throws(KernelError) -> [RawPath] {
        guard case .directory(let merged)? = try find(Self.words(RawPath(path)), path) else { return [] }
        var seen: Set<RawPath> = []
        var hidden: Set<RawPath> = []
        for directory in merged {
            for entry in try directory.entries() {
                let name = entry.name
                if seen.contains(name) || hidden.contains(name) { continue }
                let status = try directory.status(of: entry.name)
                if Self.isWhiteout(status) { hidden.insert(name) } else { seen.insert(name) }
                guard seen.count <= limit else {
                    throw KernelError(call: "too many files: list", on: path, errno: Errno.fileTooBig)
                }
            }
        }
        return seen.sorted { $0.precedes($1) }
    }

    private static func open(
        _ name: RawPath, in directory: OwnedDescriptor, limit: Int
    ) throws(KernelError) -> [UInt8] {
        try directory.open(name, [.readOnly, .noFollow, .nonBlocking, .noControllingTerminal]).readAll(limit: limit)
    }

    private func find(_ words: [RawPath], _ path: String) throws(KernelError) -> Entry? {
        var pending = words
        var trail = [root]
        var links = 0
        var steps = 0
        while let word = pending.first {
            pending.removeFirst()
            steps += 1
            guard steps <= Self.stepsMax else { throw KernelError(call: "open", on: path, errno: Errno.tooManyLinks) }
            if word == ".." {
                if trail.count > 1 { trail.removeLast() }
                continue
            }
            guard let entry = try Self.look(word, in: trail[trail.count - 1]) else { return nil }
            switch entry {
            case .directory(let merged): trail.append(merged)
            case .file: return pending.isEmpty ? entry : nil
            case .link(let target):
                links += 1
                guard links <= Self.linksMax else {
                    throw KernelError(call: "open", on: path, errno: Errno.tooManyLinks)
                }
                if target.bytes.first == UInt8(ascii: "/") { trail = [root] }
                pending = Self.words(target) + pending
            }
        }
        return .directory(trail[trail.count - 1])
    }

    private static func words(_ path: RawPath) -> [RawPath] {
        path.bytes.split(separator: UInt8(ascii: "/")).map { RawPath(bytes: $0) }.filter { $0 != "." }
    }

    /// What the layers have under this name: the topmost that has anything decides, and a directory goes on into lower
    /// ones until one hides what is below it.
    private static func look(_ name: RawPath, in merged: Merged) throws(KernelError) -> Entry? {
        var directories: Merged = []
        for layer in merged {
            let status: FileStatus
            do throws(KernelError) { status = try layer.status(of: name) } catch {
                if error.errno == Errno.noEntry { continue }
                throw error
            }
            if isWhiteout(status) { break }
            guard status.kind == .directory else {
                if !directories.isEmpty { break }
                if status.kind == .link { return .link(try layer.linkTarget(name)) }
                return status.kind == .regular ? .file(name, in: layer) : nil
            }
            let directory = try layer.open(name, [.directory, .noFollow])
            directories.append(directory)
            if try isOpaque(directory) { break }
        }
        return directories.isEmpty ? nil : .directory(directories)
    }

    private static func isWhiteout(_ status: FileStatus) -> Bool {
        status.kind == .character && (status.deviceMajor, status.deviceMinor) == (0, 0)
    }

    private static func isOpaque(_ directory: OwnedDescriptor) throws(KernelError) -> Bool {
        try directory.attribute("trusted.overlay.opaque", is: UInt8(ascii: "y"))
    }
}
