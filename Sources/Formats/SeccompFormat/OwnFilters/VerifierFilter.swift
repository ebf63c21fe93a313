/// The filter of the process that verifies signatures, which parses OpenPGP messages that strangers wrote. It is
/// installed before the first byte is read. It reads one document, computes, and writes one: it opens nothing.
public enum VerifierFilter {
    private static let protectExecute: UInt64 = 0x4

    public static let groups = [
        CallGroup(
            "The order and the answer", why: "Reading one descriptor and writing another, both open already.",
            allowed: ["read", "write", "close", "fstat", "lseek"]),
        CallGroup(
            "Memory of the verifier", why: "Memory is data, never new code.",
            allowed: ["munmap", "mremap", "madvise", "brk", "futex", "set_robust_list", "getrandom", "mlock"],
            decisions: ["mmap", "mprotect"].map { call in
                .judged(
                    call, [.allowed(ArgumentCondition(index: 2, .masked(protectExecute, equal: 0)))],
                    otherwise: .refuse(.notPermitted), because: "Memory, but none that can be executed.")
            }),
        CallGroup(
            "Signals, time, the end of the verifier", why: "What every C library needs to abort and exit.",
            allowed: [
                "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getpid", "gettid", "tgkill",
                "clock_gettime", "clock_getres", "gettimeofday", "time", "getrusage", "sched_yield",
                "sched_getaffinity", "sysinfo", "uname", "restart_syscall", "exit", "exit_group",
            ]),
        NeverNeeded.group,
        CallGroup(
            "Never needed by the verifier", why: "None is allowed.",
            decisions: ["creat", "openat2", "fork", "vfork", "clone", "clone3", "kill", "unlink", "unlinkat", "rename"]
                .map { .fatal($0, because: "It changes nothing, starts nothing and signals nobody.") }),
    ]

    public static let filter = OwnFilter.resolved(named: "verifier", groups)
}
