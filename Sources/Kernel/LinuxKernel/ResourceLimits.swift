import CLinux
import Glibc

extension ProcessHandle {
    /// Lets the process run on these processors, a bit each, as far as its cgroup has them. EINVAL: it has none of
    /// them. See sched_setaffinity(2).
    public func run(on processors: [UInt64]) throws(KernelError) {
        try checked("sched_setaffinity", on: "process \(id)") {
            bh_set_processors_of(id, processors, processors.count * MemoryLayout<UInt64>.size)
        }
    }

    /// Lets the process run wherever its cgroup lets it: what its parent was held to was not meant for it.
    public func runAnywhere() throws(KernelError) { try run(on: [UInt64](repeating: .max, count: 128)) }

    /// Raises the hard limit of `resource` to `hard` where it is lower; the soft limit stays as it is.
    ///
    /// Only the host's own CAP_SYS_RESOURCE raises a hard limit: root of a user namespace never can, whatever its
    /// capabilities there. So it is done to a process from outside, before it needs it. The process is a child that has
    /// our own limits still, which are asked for instead: without CAP_SYS_RESOURCE another user's may not be. See
    /// prlimit(2).
    public func raiseHardLimit(of resource: UInt32, to hard: UInt64) throws(KernelError) {
        var soft: UInt64 = 0
        var ceiling: UInt64 = 0
        try checked("prlimit") { bh_get_limits_of(0, resource, &soft, &ceiling) }
        guard ceiling < hard else { return }
        try checked("prlimit", on: "process \(id)") { bh_set_limits_of(id, resource, soft, hard) }
    }
}

extension CurrentProcess {
    /// Lets this process have `wanted` descriptors open where it may have fewer, or as many as its hard limit allows.
    /// Answers how many that are now. What it starts from then on may have as many. See prlimit(2).
    public static func allowDescriptors(_ wanted: UInt64) throws(KernelError) -> UInt64 {
        let descriptors: UInt32 = 7
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        try checked("prlimit") { bh_get_limits_of(0, descriptors, &soft, &hard) }
        let raised = min(wanted, hard)
        guard raised > soft else { return soft }
        try checked("prlimit") { bh_set_limits_of(0, descriptors, raised, hard) }
        return raised
    }
}
