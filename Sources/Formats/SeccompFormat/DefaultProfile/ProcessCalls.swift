/// Calls about processes, threads, users, memory, signals, time and talking to each other.
enum ProcessCalls {
    static let groups = [processes, users, scheduling, memory, signals, time, sharedMemory, sandboxes, system]

    /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
    ///
    /// CLONE_NEWTIME (0x80) is not among them: the low eight bits of clone(2)'s flags are the signal sent at the
    /// child's end, the kernel cuts them off before it looks at flags, and time namespaces are made by clone3(2) and
    /// unshare(2) only, which are both refused. Testing the bit would refuse nothing but unusual signals.
    static let namespaceFlags: UInt64 = 0x7e02_0000

    static let processes = CallGroup(
        "Processes and threads",
        why: "Starting, ending and waiting for processes of the container; pids.max bounds their number and the pid "
            + "namespace whom they can see.",
        allowed: [
            "fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "getpid", "getppid",
            "gettid", "getpgid", "getpgrp", "getsid", "setpgid", "setsid", "set_tid_address", "set_robust_list",
            "get_robust_list", "futex", "futex_waitv", "futex_wake", "futex_wait", "futex_requeue", "rseq",
            "membarrier", "prctl", "arch_prctl", "pidfd_open", "process_mrelease", "ptrace", "restart_syscall",
        ],
        decisions: [
            .judged(
                "clone", [.allowed(ArgumentCondition(index: 0, .masked(namespaceFlags, equal: 0)))],
                otherwise: .refuse(.notPermitted), openedBy: [.sysAdmin],
                because: "Threads and processes, but no new namespaces: a nested user namespace is where most kernel "
                    + "escapes of recent years begin."),
            .refused(
                "clone3", .noSuchCall, openedBy: [.sysAdmin],
                because: "Its flags are in memory, where no filter can see them. C libraries fall back to clone "
                    + "when the call does not exist."),
            .judged(
                "personality",
                [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff].map { .allowed(.int(0, is: $0)) },
                otherwise: .refuse(.notPermitted),
                because: "Only asking, plain Linux and its 32-bit and old-release views; the others switch off "
                    + "address randomisation or make memory executable."),
        ])

    static let users = CallGroup(
        "Users and capabilities",
        why: "Changing user and dropping capabilities stays inside the container's user namespace, and "
            + "no_new_privs keeps what was dropped from coming back.",
        allowed: [
            "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "setuid", "setgid",
            "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "capget", "capset",
        ])

    static let scheduling = CallGroup(
        "Scheduling and resource limits",
        why: "A task may arrange its own priorities below its limits; raising them takes capabilities it has not, and "
            + "the cgroup bounds the sum.",
        allowed: [
            "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_setparam",
            "sched_getscheduler", "sched_setscheduler", "sched_getattr", "sched_setattr", "sched_get_priority_min",
            "sched_get_priority_max", "sched_rr_get_interval", "getpriority", "setpriority", "ioprio_get",
            "ioprio_set", "getcpu", "getrlimit", "setrlimit", "getrusage", "times",
        ],
        decisions: [
            .judged(
                "prlimit64", [.allowed(.int(0, is: 0)), .allowed(ArgumentCondition(index: 2, .equal(0)))],
                otherwise: .refuse(.notPermitted), openedBy: [.sysResource],
                because: "Its own limits, and reading others'. Root inside has init's user id, and could forbid init "
                    + "to write what the container says and how it ends."),
            .refused("mbind", openedBy: [.sysNice], because: memoryPolicy),
            .refused("get_mempolicy", openedBy: [.sysNice], because: memoryPolicy),
            .refused("set_mempolicy", openedBy: [.sysNice], because: memoryPolicy),
            .refused("set_mempolicy_home_node", openedBy: [.sysNice], because: memoryPolicy),
            .refused("migrate_pages", because: "Moves another process's memory between nodes."),
            .refused("move_pages", because: "Moves another process's memory and tells where its pages lie."),
        ])

    private static let memoryPolicy =
        "Placing memory on nodes is the host's business (cpuset), and its code had many holes (CVE-2017-7616)."

    static let memory = CallGroup(
        "Memory",
        why: "A process arranges its own address space; memory.max bounds it.",
        allowed: [
            "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mincore", "msync", "mlock", "mlock2", "mlockall",
            "munlock", "munlockall", "remap_file_pages", "mseal", "map_shadow_stack", "pkey_alloc", "pkey_free",
            "pkey_mprotect", "memfd_create", "memfd_secret",
        ],
        decisions: [
            .refused(
                "userfaultfd",
                because: "Lets a program stop the kernel in the middle of a copy, which turns rare races into "
                    + "reliable exploits."),
            .refused(
                "modify_ldt",
                because: "Segments for 16-bit programs; rarely tested kernel code (CVE-2017-17053) that "
                    + "64-bit programs never use."),
        ])

    static let signals = CallGroup(
        "Signals",
        why: "Signals reach processes of the same pid namespace only.",
        allowed: [
            "kill", "tkill", "tgkill", "pidfd_send_signal", "pause", "rt_sigaction", "rt_sigpending",
            "rt_sigprocmask", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
            "rt_sigtimedwait", "sigaltstack", "signalfd", "signalfd4",
        ])

    static let time = CallGroup(
        "Time",
        why: "Reading clocks, sleeping and timers of one's own. adjtimex and clock_adjtime read the clock's state; "
            + "changing it takes CAP_SYS_TIME in the host's user namespace.",
        allowed: [
            "time", "gettimeofday", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "adjtimex",
            "clock_adjtime", "alarm", "getitimer", "setitimer", "timer_create", "timer_delete", "timer_getoverrun",
            "timer_gettime", "timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime",
        ],
        decisions: [
            .refused("settimeofday", openedBy: [.sysTime], because: "The clock belongs to the whole host."),
            .refused("clock_settime", openedBy: [.sysTime], because: "The clock belongs to the whole host."),
        ])

    static let sharedMemory = CallGroup(
        "System V and POSIX message passing",
        why: "The ipc namespace keeps queues, semaphores and segments inside the container.",
        allowed: [
            "msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat", "shmctl",
            "shmdt", "shmget", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink",
        ])

    static let sandboxes = CallGroup(
        "Sandboxes inside the sandbox",
        why: "Programs that confine themselves further should be able to; both only ever take rights away.",
        allowed: ["seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"])

    static let system = CallGroup(
        "Facts about the system",
        why: "Names, random bytes and totals that every libc asks for; the kernel's own return trampoline is here too.",
        allowed: ["uname", "sysinfo", "getrandom", "uretprobe"])
}
