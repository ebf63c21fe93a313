/// Which namespaces are the host's, from what could be read. Pure.
///
/// Process 1's links say it. A system may keep them to itself, then the kernel's own threads say it, which are in the
/// namespaces the kernel began with, then the numbers the kernel always gives those. What none of them says stays
/// unknown: the auditor's own namespaces may be a container's.
struct HostNamespaces {
    /// Inodes by kind, of process 1; of a thread of the kernel; of this process. Empty where they cannot be read.
    var first: [String: UInt64]
    var kernelThread: [String: UInt64]
    var own: [String: UInt64]
    /// The mount namespace of a process that sees the very mounts process 1 sees.
    var mounts: UInt64?

    /// linux/nsfs.h. Those of mnt and net are fixed since Linux 6.17; before, they were given like any other.
    private static let initial: [String: UInt64] = [
        "ipc": 0xefff_ffff, "uts": 0xefff_fffe, "user": 0xefff_fffd, "pid": 0xefff_fffc, "cgroup": 0xefff_fffb,
        "time": 0xefff_fffa, "net": 0xefff_fff9, "mnt": 0xefff_fff8,
    ]

    var known: [String: UInt64] {
        var result = first
        for kind in ProcessTable.kinds where result[kind] == nil {
            // Process 1 may have left the first mount namespace; which mounts it sees can be read all the same.
            if kind == "mnt" {
                result[kind] = mounts
            } else if let inode = kernelThread[kind] {
                result[kind] = inode
            } else if own[kind] == Self.initial[kind] {
                result[kind] = own[kind]
            }
        }
        return result
    }
}
