/// The filter of the container's init (Sources/Launcher/init.c), which copies bytes that hostile tasks write.
///
/// What it does not name answers ENOSYS instead of killing: init dying would take the task with it and lose the exit
/// record, and a C library that tries a newer call first must be able to fall back. What an attacker inside init would
/// need next (`NeverNeeded`, and here opening anything or making processes) does kill.
public enum InitFilter {
    public static let groups = [
        CallGroup(
            "What init does",
            why: "Copying output, reaping, passing signals on, writing the log and the exit record.",
            allowed: [
                "read", "write", "pwrite64", "pwritev", "sendto", "recvmsg", "ppoll", "wait4", "kill", "ftruncate",
                "fallocate",
                "clock_gettime", "close", "exit_group", "exit", "restart_syscall", "rt_sigreturn",
            ]),
        NeverNeeded.group,
        CallGroup(
            "Never needed by init", why: "None is allowed.",
            decisions: ["open", "openat", "openat2", "creat", "fork", "vfork", "clone", "clone3", "mprotect", "mmap"]
                .map { .fatal($0, because: "Init opens nothing, starts nothing and maps nothing once it is set up.") }),
    ]

    public static let filter = OwnFilter.resolved(named: "init", groups)
}

/// Filters of our own processes do not depend on capabilities or the kernel.
enum OwnFilter {
    static func resolved(named name: String, _ groups: [CallGroup]) -> ResolvedFilter {
        let profile = SeccompProfile(
            name: name, defaultAction: .refuse(.noSuchCall), rules: groups.flatMap(\.rules))
        return profile.resolve(for: [], kernel: KernelRelease(major: 5, minor: 0))
    }
}

/// Calls that none of our confined processes makes and that only somebody who took one over would: they kill it, so
/// that the attempt is seen.
enum NeverNeeded {
    static let group = CallGroup(
        "Never needed", why: "None is allowed.", decisions: calls.map { .fatal($0, because: reason) })

    private static let reason = "Only somebody who took the process over would call it."

    private static let calls = [
        "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "socket",
        "socketpair", "connect", "bind", "listen", "accept", "accept4", "mount", "umount2", "pivot_root", "chroot",
        "fsopen", "fsconfig", "fsmount", "fspick", "open_tree", "open_tree_attr", "move_mount", "mount_setattr",
        "unshare", "setns", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
        "io_uring_register", "open_by_handle_at", "init_module", "finit_module", "delete_module", "kexec_load",
        "kexec_file_load", "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd", "add_key", "request_key",
        "keyctl", "iopl", "ioperm", "modify_ldt", "personality", "settimeofday", "clock_settime", "sethostname",
        "setdomainname", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid",
        "setfsgid", "capset", "memfd_create", "fanotify_init", "syslog",
    ]
}

extension CallDecision {
    static func fatal(_ call: String, because reason: String) -> CallDecision {
        CallDecision(call: call, answers: [], otherwise: .killProcess, openedBy: [], reason: reason)
    }
}
