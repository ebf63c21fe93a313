import LinuxKernel

/// A file system in a sparse file: for containers with a disk limit on file systems that have no project quotas.
enum FilesystemImage {
    /// Smaller ones have no room for anything but their own tables.
    static let bytesMin: UInt64 = 4 << 20
    private static let tools = ["/usr/sbin/mke2fs", "/sbin/mke2fs"]

    static var tool: String? { tools.first(where: HostFacts.exists) }

    /// The tables of a large one are written when it is used: far more than there is to do on a busy machine.
    static let secondsMax = 120.0

    /// Makes it at `path`, `bytes` large, unless it is there and whole. A crash half-way leaves a file of another name,
    /// and so does a `tool` that is killed as it takes longer than `seconds`: ETIMEDOUT.
    static func make(
        at path: String, bytes: UInt64, inodes: UInt64?, tool: String? = FilesystemImage.tool,
        within seconds: Double = FilesystemImage.secondsMax
    ) throws(KernelError) {
        if HostFacts.exists(path) { return }
        guard let tool else { throw KernelError(call: "find", on: "mke2fs", errno: Errno.noEntry) }
        let unfinished = path + ".new"
        let file = try OwnedDescriptor.open(
            RawPath(unfinished), [.readWrite, .create, .truncate, .noFollow], mode: 0o600)
        try file.truncate(to: Int64(clamping: bytes))
        // No journal: the container does not outlive a crash of the host. No reserve for a root that is not there.
        var arguments = [
            "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-O", "^has_journal,^resize_inode",
            "-E", "nodiscard,lazy_itable_init=1,root_owner=0:0",
        ]
        // Those the file system uses itself are not the container's.
        if let inodes { arguments += ["-N", "\(inodes + ownInodes)"] }
        let process = try ToolProcess.start(
            tool, arguments + [unfinished], environment: ["MKE2FS_SYNC=0", "LC_ALL=C"], descriptors: [nil, nil, nil])
        let end: ProcessEnd
        do throws(KernelError) { end = try process.reap(within: seconds) } catch {
            throw KernelError(call: "mke2fs: \(error.call)", on: unfinished, errno: error.errno)
        }
        guard end == .exited(0) else {
            throw KernelError(call: "mke2fs ended with \(end)", on: unfinished, errno: Errno.inputOutput)
        }
        let folder = try OwnedDescriptor.open(RawPath(String(path[..<(path.lastPosition(of: "/") ?? path.endIndex)])))
        func name(_ path: String) -> RawPath { RawPath(String(path.cut(at: "/").last ?? "")) }
        try folder.rename(name(unfinished), to: name(path))
    }

    /// The first eleven, lost+found, upper and work with overlay's own directory in it.
    private static let ownInodes: UInt64 = 14
}
