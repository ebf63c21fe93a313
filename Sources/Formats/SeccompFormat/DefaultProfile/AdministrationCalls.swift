/// Calls that administer the host or look into other processes: refused, each with its reason.
enum AdministrationCalls {
    static let groups = [mounts, namespaces, machine, otherProcesses, kernelSurface, keys, obsolete]

    static let mounts = CallGroup(
        "Mounts",
        why: "None is allowed: the launcher has put every mount in place, and masks and read-only paths hold only as "
            + "long as nobody mounts.",
        decisions: [
            .refused("mount", openedBy: [.sysAdmin], because: "Would cover or uncover masked and read-only paths."),
            .refused("umount2", openedBy: [.sysAdmin], because: "Would take masks away."),
            .refused("pivot_root", because: "Would bring a root without masks."),
            .refused("open_tree", openedBy: [.sysAdmin], because: "Copies a mount without what covers it."),
            .refused("open_tree_attr", openedBy: [.sysAdmin], because: "Copies a mount and changes its attributes."),
            .refused("move_mount", openedBy: [.sysAdmin], because: "Attaches a mount somewhere else."),
            .refused(
                "fsopen", openedBy: [.sysAdmin],
                because: "Starts a new file system: the parser of mount options is kernel attack surface."),
            .refused("fsconfig", openedBy: [.sysAdmin], because: "Heap overflow in its legacy options: CVE-2022-0185."),
            .refused("fsmount", openedBy: [.sysAdmin], because: "Turns a configured file system into a mount."),
            .refused("fspick", openedBy: [.sysAdmin], because: "Reconfigures a mounted file system."),
            .refused("mount_setattr", openedBy: [.sysAdmin], because: "Would make read-only mounts writable."),
        ])

    static let namespaces = CallGroup(
        "Namespaces",
        why: "None is allowed: the container's namespaces are its walls.",
        decisions: [
            .refused(
                "unshare", openedBy: [.sysAdmin],
                because: "A new user namespace gives every capability over new mounts, sockets and filters."),
            .refused("setns", openedBy: [.sysAdmin], because: "Enters another namespace through its descriptor."),
            .refused("listns", because: "Lists namespaces of the host; programs can do without it."),
        ])

    static let machine = CallGroup(
        "The machine",
        why: "None is allowed: these change the one kernel that all containers share.",
        decisions: [
            .refused("reboot", openedBy: [.sysBoot], because: "Stops the host, or the pid namespace's init."),
            .refused("kexec_load", because: "Replaces the running kernel."),
            .refused("kexec_file_load", because: "Replaces the running kernel."),
            .refused("init_module", openedBy: [.sysModule], because: "Loads code into the kernel."),
            .refused("finit_module", openedBy: [.sysModule], because: "Loads code into the kernel."),
            .refused("delete_module", openedBy: [.sysModule], because: "Takes code out of the kernel."),
            .refused("acct", openedBy: [.sysPacct], because: "Records every process of the host."),
            .refused("swapon", because: "Swap belongs to the host."),
            .refused("swapoff", because: "Swap belongs to the host."),
            .refused("quotactl", openedBy: [.sysAdmin], because: "Quotas are how storage limits are kept."),
            .refused("quotactl_fd", openedBy: [.sysAdmin], because: "Quotas are how storage limits are kept."),
            .refused("sethostname", openedBy: [.sysAdmin], because: "The host name was set at the launch."),
            .refused("setdomainname", openedBy: [.sysAdmin], because: "The domain name was set at the launch."),
            .refused("syslog", openedBy: [.sysAdmin, .syslog], because: "The kernel's log tells the host's secrets."),
            .refused("iopl", openedBy: [.sysRawIO], because: "Direct access to the machine's ports."),
            .refused("ioperm", openedBy: [.sysRawIO], because: "Direct access to the machine's ports."),
            .refused("vhangup", openedBy: [.sysTTYConfig], because: "Hangs up the terminal for all its users."),
        ])

    static let otherProcesses = CallGroup(
        "Other processes",
        why: "None is allowed: looking into another process is a debugger's work. ptrace is allowed above because "
            + "debuggers, sanitizers and strace need it and it reaches no further than the pid namespace.",
        decisions: [
            .refused("process_vm_readv", openedBy: [.sysPtrace], because: "Reads another process's memory."),
            .refused("process_vm_writev", openedBy: [.sysPtrace], because: "Writes another process's memory."),
            .refused("process_madvise", openedBy: [.sysPtrace], because: "Drops another process's memory."),
            .refused("pidfd_getfd", openedBy: [.sysPtrace], because: "Takes another process's descriptors."),
            .refused("kcmp", openedBy: [.sysPtrace], because: "Compares kernel objects and so tells their addresses."),
            .refused(
                "perf_event_open", openedBy: [.sysAdmin, .perfmon],
                because: "Measures the processor and kernel finely enough to leak secrets; many holes of its own."),
        ])

    static let kernelSurface = CallGroup(
        "Large kernel interfaces",
        why: "None is allowed: each is a machine inside the kernel with a history of holes.",
        decisions: [
            .refused("bpf", openedBy: [.sysAdmin, .bpf], because: "Programs in the kernel (CVE-2022-23222)."),
            .refused("io_uring_setup", because: ring),
            .refused("io_uring_enter", because: ring),
            .refused("io_uring_register", because: ring),
            .refused("lsm_get_self_attr", openedBy: [.sysAdmin], because: labels),
            .refused("lsm_set_self_attr", openedBy: [.sysAdmin], because: labels),
            .refused("lsm_list_modules", openedBy: [.sysAdmin], because: labels),
            .refused(
                "uprobe", because: "Only the kernel's own trampoline may call it, and the kernel lets that pass."),
        ])

    private static let ring =
        "Makes calls that no filter sees, and more exploited holes since 2021 than any other interface."
    private static let labels = "Security labels were set at the launch."

    static let keys = CallGroup(
        "Key rings",
        why: "None is allowed: key rings belong to user numbers, not to containers, and had holes of "
            + "their own (CVE-2016-0728).",
        decisions: [
            .refused("add_key", because: "Puts keys where other containers find them."),
            .refused("request_key", because: "Asks for keys, and makes the host start a helper program."),
            .refused("keyctl", because: "Reads and changes keys of whoever has the same user number."),
        ])

    static let obsolete = CallGroup(
        "Calls of the past",
        why: "None is allowed: current kernels have most of them no more, and nothing current needs the others.",
        decisions: [
            .refused("uselib", because: "Loads a library of the a.out days (CVE-2004-1235)."),
            .refused("ustat", because: "Replaced by statfs; tells about file systems by device number."),
            .refused("sysfs", because: "Lists file system types; replaced by /proc/filesystems."),
            .refused("_sysctl", because: "Binary kernel settings, removed in Linux 5.5."),
            .refused("lookup_dcookie", because: "Path of any file for a profiler, removed in Linux 6.8."),
            .refused("create_module", because: "Module loading of Linux 2.4."),
            .refused("get_kernel_syms", because: "Kernel addresses for Linux 2.4's module loader."),
            .refused("query_module", because: "Module queries of Linux 2.4."),
            .refused("nfsservctl", because: "The NFS server's old control call, removed in Linux 3.1."),
            .refused("getpmsg", because: "STREAMS, never part of Linux."),
            .refused("putpmsg", because: "STREAMS, never part of Linux."),
            .refused("afs_syscall", because: "Reserved for AFS, never part of Linux."),
            .refused("tuxcall", because: "The TUX web server, never part of Linux."),
            .refused("security", because: "Reserved for security modules, never used."),
            .refused("vserver", because: "Reserved for vserver, never part of Linux."),
            .refused("get_thread_area", .noSuchCall, because: "32-bit segments; 64-bit kernels have it not."),
            .refused("set_thread_area", .noSuchCall, because: "32-bit segments; 64-bit kernels have it not."),
        ])
}
