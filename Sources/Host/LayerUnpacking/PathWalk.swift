import LinuxKernel

/// The walk from the layer's root to a directory, one component at a time, as a value: which name to look up next is
/// decided here, what is there is told by the caller. Links lead on inside the root, never out of it.
struct PathWalk {
    enum Next: Equatable {
        /// Look `name` up in the directory `resolved`, then answer `entered` or `follow`.
        case lookUp(RawPath)
        case arrived
    }

    enum Problem: Error, Equatable {
        case tooManyLinks, tooDeep, tooLong
    }

    /// As many as the kernel and other runtimes follow.
    static let linksMax = 40

    /// Directories, not links, from the root to where the walk is.
    private(set) var resolved: [RawPath] = []
    private var resolvedBytes = 0
    /// What is still to walk, next one last.
    private var pending: [RawPath]
    private var links = 0
    private let depthMax: Int
    private let bytesMax: Int

    init(_ components: some BidirectionalCollection<RawPath>, depthMax: Int, bytesMax: Int) {
        pending = components.reversed()
        self.depthMax = depthMax
        self.bytesMax = bytesMax
    }

    mutating func next() -> Next {
        while let name = pending.last {
            if name == "." {
                pending.removeLast()
            } else if name == ".." {
                pending.removeLast()
                // Above the root is the root, as for any process in the container.
                if let left = resolved.popLast() { resolvedBytes -= left.count + 1 }
            } else {
                return .lookUp(name)
            }
        }
        return .arrived
    }

    /// The name looked up is a directory, or was made one.
    mutating func entered() throws(Problem) {
        guard let name = pending.popLast() else { preconditionFailure("entered without a component to enter") }
        resolved.append(name)
        resolvedBytes += name.count + 1
        if resolved.count > depthMax { throw .tooDeep }
        if resolvedBytes >= bytesMax { throw .tooLong }
    }

    /// The name looked up is a link to `target`.
    mutating func follow(_ target: RawPath) throws(Problem) {
        pending.removeLast()
        links += 1
        if links > Self.linksMax { throw .tooManyLinks }
        let bytes = target.bytes
        if bytes.first == UInt8(ascii: "/") {
            resolved = []
            resolvedBytes = 0
        }
        pending += bytes.split(separator: UInt8(ascii: "/")).map { RawPath(bytes: $0) }.reversed()
        // Forty links of a whole PATH_MAX each would be the most; the walk itself ends each path within its bounds.
        if pending.count > depthMax + bytesMax { throw .tooLong }
    }
}
