import LinuxKernel

/// Removing a directory another entry takes the place of, with everything in it: by descriptors, two of them open at a
/// time, without recursion, and with memory that does not depend on how many entries a directory has.
enum ReplacedTree {
    /// Entries taken from a directory at a time.
    private static let batch = 64

    private struct Level {
        var name: RawPath
        /// Subdirectories of the last batch still to remove.
        var directories: [RawPath] = []
    }

    static func remove(_ name: RawPath, from parent: OwnedDescriptor) throws(KernelError) {
        var here = try parent.open(name, [.directory, .noFollow])
        var levels = [Level(name: name)]
        while var level = levels.popLast() {
            if level.directories.isEmpty { level.directories = try unlinkBatch(in: here) }
            if let below = level.directories.popLast() {
                here = try here.open(below, [.directory, .noFollow])
                levels += [level, Level(name: below)]
                continue
            }
            // Nobody else changes the tree, and above its top `..` is never asked for.
            here = levels.isEmpty ? parent : try here.open("..", [.directory])
            try here.removeDirectory(level.name)
        }
    }

    /// Unlinks what is no directory, batch after batch, until one has directories or nothing is left.
    private static func unlinkBatch(in directory: OwnedDescriptor) throws(KernelError) -> [RawPath] {
        while true {
            let entries = try directory.firstEntries(batch)
            var directories: [RawPath] = []
            for entry in entries {
                if try isDirectory(entry, in: directory) {
                    directories.append(entry.name)
                } else {
                    try directory.unlink(entry.name)
                }
            }
            if !directories.isEmpty || entries.isEmpty { return directories }
        }
    }

    private static func isDirectory(
        _ entry: DirectoryEntry, in directory: OwnedDescriptor
    ) throws(KernelError) -> Bool {
        if let kind = entry.kind { return kind == .directory }
        return try directory.status(of: entry.name).kind == .directory
    }
}
