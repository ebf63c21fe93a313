import ErofsFormat
import LinuxKernel

/// Goes through a layer's tree, always in the same order: a directory with what it has, then the directories in it, in
/// the order of the names' bytes. By descriptors, two of them open at a time, without recursion.
struct LayerTreeWalk {
    struct Child {
        var name: RawPath
        var status: FileStatus
    }

    /// A directory and its children, in the order of the names' bytes.
    struct Directory {
        var descriptor: OwnedDescriptor
        var status: FileStatus
        /// Inode number of the directory it is in; its own for the root.
        var parent: UInt64
        var children: [Child]
    }

    private struct Level {
        var inode: UInt64
        var parent: UInt64
        /// What is still to be entered, the next one last.
        var directories: [RawPath]
    }

    let root: OwnedDescriptor

    func run(_ directory: (Directory) throws(KernelError) -> Void) throws(KernelError) {
        var here = root
        var levels: [Level] = []
        var entered: OwnedDescriptor? = root
        while true {
            if let current = entered {
                here = current
                let status = try here.status()
                let parent = levels.last?.inode ?? status.inode
                let children = try children(of: here)
                try directory(Directory(descriptor: here, status: status, parent: parent, children: children))
                levels.append(
                    Level(
                        inode: status.inode, parent: parent,
                        directories: children.filter { $0.status.kind == .directory }.map(\.name).reversed()))
                entered = nil
            }
            guard let name = levels[levels.count - 1].directories.popLast() else {
                levels.removeLast()
                // Above the root `..` is never asked for.
                if levels.isEmpty { return }
                here = levels.count == 1 ? root : try here.open("..", [.directory])
                continue
            }
            entered = try here.open(name, [.directory, .noFollow])
        }
    }

    private func children(of directory: OwnedDescriptor) throws(KernelError) -> [Child] {
        var result: [Child] = []
        for entry in try directory.entries() {
            result.append(Child(name: entry.name, status: try directory.status(of: entry.name)))
        }
        return result.sorted { $0.name.precedes($1.name) }
    }
}

extension ErofsDirectory.Kind {
    init(_ kind: FileStatus.Kind) {
        self =
            switch kind {
            case .regular: .regular
            case .directory: .directory
            case .link: .link
            case .character: .character
            case .block: .block
            case .fifo: .fifo
            case .socket: .socket
            case .other: .unknown
            }
    }
}
