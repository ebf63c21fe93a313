import CLinux
import Glibc

extension ProcessHandle {
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
