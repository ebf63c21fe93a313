import CSeccomp
public import Diagnostics
import LinuxKernel
public import SeccompFormat

/// Puts filters on this process.
public enum FilterInstallation {
    /// Gives every thread of this process no_new_privs and `filter`, for ever. Nothing of either can be undone, and an
    /// empty filter changes nothing. See seccomp(2), SECCOMP_FILTER_FLAG_TSYNC.
    ///
    /// - Throws: `Failure` `seccomp.install-failed`; then no thread has the filter.
    public static func install(_ filter: CompiledFilter) throws(Failure) {
        try install(filter, flags: filter.flags.union(.allThreads))
    }

    /// Gives the calling thread and all it will start no_new_privs and `filter`, for ever; threads that exist already
    /// stay as they are, so this is no wall for a process that has any.
    ///
    /// - Throws: `Failure` `seccomp.install-failed`; then the thread has no filter.
    public static func installOnThisThread(_ filter: CompiledFilter) throws(Failure) {
        try install(filter, flags: filter.flags.subtracting(.allThreads))
    }

    private static func install(_ filter: CompiledFilter, flags: FilterFlags) throws(Failure) {
        if filter.bytes.isEmpty { return }
        let result = bh_set_filter(flags.rawValue, filter.bytes, UInt32(filter.instructionCount))
        if result == 0 { return }
        let cause =
            result > 0
            ? "thread \(result) has a filter that this one does not extend"
            : KernelError(call: "seccomp", errno: Int32(-result)).description
        throw Failure(
            "seccomp.install-failed", doing: "install the seccomp filter", on: filter.name, cause: cause,
            remedy: "use a kernel with CONFIG_SECCOMP_FILTER")
    }
}
