import LinuxKernel

/// One layer below those of every image: empty directories and files where the runtime mounts something.
///
/// Images rarely have all of them, /etc/hostname for one. Without this layer each container would make them anew in its
/// writable layer, /etc itself copied up before, only to have them covered and, at the end, removed: half a millisecond
/// on ext4. What an image has of the same name hides what is here.
enum MountTargets {
    private static let directories = ["dev", "etc", "proc", "sys"]
    /// The last one made says that all are there.
    private static let files = ["etc/hosts", "etc/hostname", "etc/resolv.conf"]

    /// Makes the layer at `path` unless it is there. Idempotent, also while another process does the same.
    static func prepare(at path: String) throws(KernelError) {
        if HostFacts.exists("\(path)/\(files[files.count - 1])") { return }
        try Directories.makeAll(path, mode: 0o755)
        let layer = try OwnedDescriptor.open(RawPath(path), [.directory, .noFollow])
        try layer.changeMode(0o755)
        for name in directories.map({ RawPath($0) }) {
            do throws(KernelError) { try layer.makeDirectory(name, mode: 0o755) } catch {
                if error.errno != Errno.exists { throw error }
            }
            try layer.changeMode(of: name, 0o755)
        }
        for name in files {
            try layer.open(RawPath(name), [.writeOnly, .create, .noFollow], mode: 0o644).changeMode(0o644)
        }
    }
}
