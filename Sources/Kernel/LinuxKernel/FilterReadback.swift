import CLinux
import Glibc

/// The seccomp programs a thread runs under, as the kernel keeps them. See ptrace(2) PTRACE_SECCOMP_GET_FILTER.
public enum FilterReadback {
    private static let filtersMax = 64
    private static let instructionsMax = 4_096
    private static let patience = 2.0  // seconds

    /// The programs of `thread`, the newest first, 8 bytes an instruction; none when it has no filter.
    ///
    /// The thread is stopped for less than a millisecond; it gets no signal, and a call it waits in goes on. Needs
    /// CAP_SYS_ADMIN, and that this process has no filter itself (EACCES). EPERM: it is traced already. EMEDIUMTYPE: a
    /// filter is no classic program. ETIMEDOUT: it does not stop, as in a frozen cgroup.
    public static func programs(of thread: Int32) throws(KernelError) -> [[UInt8]] {
        try checked("ptrace(PTRACE_SEIZE)", on: "thread \(thread)") { bh_trace_begin(thread) }
        let deadline = Deadline(seconds: patience)
        while true {
            switch try checked("waitpid", on: "thread \(thread)", { bh_trace_stopped(thread) }) {
            case 1: return try detaching(thread)
            case 2: throw KernelError(call: "waitpid", on: "thread \(thread)", errno: ESRCH)
            default: try deadline.pause("thread \(thread) to stop")
            }
        }
    }

    private static func detaching(_ thread: Int32) throws(KernelError) -> [[UInt8]] {
        let programs: [[UInt8]]
        do throws(KernelError) { programs = try read(thread) } catch {
            // What failed first is what the caller must hear; when we end the thread goes on in any case.
            bh_trace_end(thread)
            throw error
        }
        try checked("ptrace(PTRACE_DETACH)", on: "thread \(thread)") { bh_trace_end(thread) }
        return programs
    }

    private static func read(_ thread: Int32) throws(KernelError) -> [[UInt8]] {
        var programs: [[UInt8]] = []
        while programs.count < filtersMax {
            var program = [UInt8](repeating: 0, count: instructionsMax * 8)
            do throws(KernelError) {
                let count = try checked("ptrace(PTRACE_SECCOMP_GET_FILTER)", on: "thread \(thread)") {
                    bh_trace_filter(thread, UInt(programs.count), &program)
                }
                programs.append(Array(program[..<(count * 8)]))
            } catch {
                // EINVAL: it has no filter at all; ENOENT: there are no more.
                if error.errno == ENOENT || error.errno == EINVAL { break }
                throw error
            }
        }
        return programs
    }
}
