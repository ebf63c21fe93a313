/// The filter of the process that unpacks layers, the one that parses what strangers wrote. It is installed before the
/// first byte is read. It reads one stream, writes beneath the directories it was given by descriptor, has threads, and
/// does nothing else.
public enum UnpackerFilter {
    private static let protectExecute: UInt64 = 0x4
    /// CLONE_VM and CLONE_THREAD.
    private static let threadFlags: UInt64 = 0x1_0100

    public static let groups = [
        CallGroup(
            "The archive and the tree",
            why: "Reading the stream, and making and changing entries relative to descriptors.",
            allowed: [
                "read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "lseek", "close",
                "close_range", "fcntl", "dup", "dup3", "open", "openat", "openat2", "mkdirat", "linkat", "symlinkat",
                "mknodat", "unlinkat", "renameat", "renameat2", "readlinkat", "fchown", "fchownat", "fchmod",
                "fchmodat", "fchmodat2", "utimensat", "umask", "ftruncate", "fallocate", "fadvise64",
                "copy_file_range", "fsync", "fdatasync", "syncfs", "sync_file_range", "getdents64", "fchdir", "chdir",
                "getcwd",
            ]),
        CallGroup(
            "Attributes", why: "Reading attributes, and setting extended ones.",
            allowed: [
                "stat", "fstat", "lstat", "newfstatat", "statx", "fstatfs", "statfs", "access", "faccessat",
                "faccessat2", "readlink", "getxattr", "lgetxattr", "fgetxattr", "setxattr", "lsetxattr", "fsetxattr",
                "listxattr", "llistxattr", "flistxattr", "removexattr", "lremovexattr", "fremovexattr",
            ]),
        CallGroup(
            "Threads and memory",
            why: "The decoder runs beside the writer; memory is data, never new code.",
            allowed: [
                "munmap", "mremap", "madvise", "brk", "futex", "futex_wake", "futex_wait", "futex_requeue",
                "futex_waitv", "set_robust_list", "rseq", "set_tid_address", "sched_yield", "sched_getaffinity",
                "membarrier", "getrandom",
            ],
            decisions: [
                .judged(
                    "mmap", [.allowed(ArgumentCondition(index: 2, .masked(protectExecute, equal: 0)))],
                    otherwise: .refuse(.notPermitted), because: "Memory, but none that can be executed."),
                .judged(
                    "mprotect", [.allowed(ArgumentCondition(index: 2, .masked(protectExecute, equal: 0)))],
                    otherwise: .refuse(.notPermitted), because: "Memory, but none that can be executed."),
                .judged(
                    "clone",
                    [
                        .allowed(
                            ArgumentCondition(
                                index: 0,
                                .masked(ProcessCalls.namespaceFlags | threadFlags, equal: threadFlags)))
                    ],
                    otherwise: .killProcess, because: "Threads of this process and nothing else."),
                .judged(
                    "prctl", [.allowed(.int(0, is: 15)), .allowed(.int(0, is: 0x5356_4d41))],
                    otherwise: .refuse(.notPermitted),
                    because: "PR_SET_NAME for threads and PR_SET_VMA by malloc; nothing about privileges."),
                .judged(
                    "prlimit64", [.allowed(.int(0, is: 0), ArgumentCondition(index: 2, .equal(0)))],
                    otherwise: .refuse(.notPermitted),
                    because: "Reading its own limits, for the size of a thread's stack."),
                .judged(
                    "kill", [], otherwise: .refuse(.notPermitted), because: "It signals nobody."),
            ]),
        CallGroup(
            "Signals, time, the end", why: "What every C library needs to wait, abort and exit.",
            allowed: [
                "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "tgkill", "getpid",
                "gettid", "getuid", "geteuid", "getgid", "getegid", "clock_gettime", "clock_getres",
                "clock_nanosleep", "nanosleep", "gettimeofday", "time", "getrusage", "getrlimit", "uname", "sysinfo",
                "poll", "ppoll", "eventfd2", "pipe2", "restart_syscall", "exit", "exit_group",
            ],
            decisions: [
                .judged(
                    "ioctl", [], otherwise: .refuse(ErrorNumber(rawValue: 25)),
                    because: "isatty and the like are told that there is no terminal (ENOTTY).")
            ]),
        NeverNeeded.group,
        CallGroup(
            "Never needed by the unpacker", why: "None is allowed.",
            decisions: ["fork", "vfork"].map { .fatal($0, because: "It starts no process.") }),
    ]

    public static let filter = OwnFilter.resolved(named: "unpacker", groups)
}
