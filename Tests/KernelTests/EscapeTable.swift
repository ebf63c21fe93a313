import Testing

/// Attempts that have one thing in common, what each must be answered with inside a container, and which of them a
/// process without a container gets further with, so that it is the container's walls that the test sees.
struct Attempts: Sendable, CustomTestStringConvertible {
    var title: String
    var names: [String]
    var answers: Set<String>
    var reachKernel: [String]

    init(_ title: String, _ names: String, answers: Set<String>, outside: String = "") {
        self.title = title
        self.names = names.split(whereSeparator: \.isWhitespace).map(String.init)
        self.answers = answers
        reachKernel = outside == "all" ? self.names : outside.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    var testDescription: String { title }
}

enum EscapeTable {
    static let all = mounts + machine + surface + sockets + files + processes

    /// Security facts 1.4: mounts and namespaces are where most escapes begin.
    static let mounts: [Attempts] = [
        Attempts(
            "mount something (CVE-2022-0185, CVE-2023-0386)",
            """
            mount-tmpfs mount-proc mount-cgroup mount-bind mount-move mount-shared remount-proc-sys remount-sys
            pivot-root open-tree open-tree-attr move-mount fsopen fsconfig fsmount fspick mount-setattr
            """, answers: ["EPERM"],
            outside: "mount-tmpfs mount-proc mount-bind mount-move mount-shared open-tree fsopen fspick mount-setattr"),
        Attempts(
            "take a mask away", "umount-mask umount-proc umount-dev", answers: ["EPERM"],
            outside: "umount-proc umount-dev"),
        Attempts(
            "make or enter a namespace (CVE-2024-1086, CVE-2022-25636)",
            """
            unshare-user unshare-mount unshare-network unshare-pid unshare-ipc unshare-uts unshare-cgroup unshare-time
            unshare-user-mount clone-user clone-mount clone-network clone-pid setns-own
            """, answers: ["EPERM"], outside: "all"),
        Attempts("hide flags in memory from the filter", "clone3", answers: ["ENOSYS"], outside: "all"),
        Attempts("see the user namespace above", "parent-namespace", answers: ["EPERM"]),
        Attempts("leave a changed root by an older descriptor", "chroot-out", answers: ["EXDEV", "EPERM"]),
    ]

    static let machine: [Attempts] = [
        Attempts(
            "change the machine",
            """
            reboot kexec-load kexec-file-load init-module finit-module delete-module acct swapon swapoff quotactl
            quotactl-fd sethostname setdomainname syslog iopl ioperm vhangup settimeofday clock-settime
            """, answers: ["EPERM"], outside: "sethostname setdomainname syslog")
    ]

    static let surface: [Attempts] = [
        Attempts(
            "reach the kernel's large interfaces (CVE-2022-23222, CVE-2022-29582)",
            """
            bpf perf-event-open io-uring-setup io-uring-enter io-uring-register userfaultfd userfaultfd-user-mode
            fanotify-init lsm-get-self-attr lsm-list-modules
            """, answers: ["EPERM"], outside: "bpf perf-event-open userfaultfd fanotify-init"),
        Attempts(
            "use key rings (CVE-2016-0728)", "keyctl-session keyctl-user add-key request-key", answers: ["EPERM"],
            outside: "all"),
        Attempts("open a file by its number (shocker)", "open-by-handle-at", answers: ["EPERM"], outside: "all"),
        Attempts(
            "place or move memory", "mbind set-mempolicy move-pages migrate-pages", answers: ["EPERM"],
            outside: "set-mempolicy"),
        Attempts(
            "switch protections off", "personality-no-randomise personality-exec-memory", answers: ["EPERM"],
            outside: "all"),
        Attempts("call a number nobody knows", "unknown-call", answers: ["ENOSYS"]),
        Attempts(
            "use calls of the past", "modify-ldt uselib lookup-dcookie ustat sysfs", answers: ["EPERM"],
            outside: "modify-ldt"),
        Attempts(
            "use another call table (Docker's socketcall hole)",
            "x32-getpid i386-getpid i386-unshare i386-socket i386-keyctl", answers: ["SIGNAL 31"]),
        Attempts(
            "type into a terminal (CVE-2017-5226, CVE-2019-10063)", "tiocsti tiocsti-high-bits tioclinux tiocsetd",
            answers: ["EPERM"]),
    ]

    static let sockets: [Attempts] = [
        Attempts(
            "open a socket of an exotic family (CVE-2026-31431, CVE-2020-14386)",
            """
            socket-ax25 socket-x25 socket-rose socket-key socket-packet socket-rds socket-pppox socket-can socket-tipc
            socket-bluetooth socket-iucv socket-rxrpc socket-phonet socket-ieee802154 socket-caif socket-alg socket-nfc
            socket-vsock socket-kcm socket-qipcrtr socket-smc socket-xdp socket-mctp socketpair-tipc
            """, answers: ["EAFNOSUPPORT"], outside: "socket-packet"),
        Attempts(
            "speak to the kernel over netlink (CVE-2026-43284)",
            """
            netlink-usersock netlink-sock-diag netlink-xfrm netlink-audit netlink-fib netlink-connector
            netlink-netfilter netlink-uevent netlink-generic netlink-crypto
            """, answers: ["EPROTONOSUPPORT"], outside: "netlink-audit netlink-uevent netlink-generic"),
        Attempts("send raw packets", "raw-icmp raw-icmp6 raw-ip", answers: ["EPERM"], outside: "raw-icmp raw-ip"),
        Attempts("change an interface", "interface-down", answers: ["EPERM"], outside: "all"),
    ]

    static let files: [Attempts] = [
        Attempts(
            "write a setting of the kernel (CVE-2025-31133)",
            """
            write-core-pattern write-modprobe write-hotplug write-poweroff-cmd write-usermodehelper write-panic
            write-randomize write-overcommit write-drop-caches write-binfmt write-ip-forward write-hostname
            write-max-user-namespaces write-ns-last-pid write-sysrq write-irq write-uevent-helper write-kernel-mm
            write-device-uevent write-power-state write-loopback-mtu
            """, answers: ["EACCES", "EROFS", "ENOENT", "EPERM"],
            outside: "write-core-pattern write-panic write-randomize write-overcommit write-loopback-mtu"),
        Attempts(
            "write to the cgroup tree (CVE-2022-0492)",
            """
            write-cgroup-procs write-cgroup-kill write-cgroup-freeze write-cgroup-control write-release-agent
            write-devices-allow mkdir-cgroup
            """, answers: ["EACCES", "EROFS", "ENOENT"]),
        Attempts(
            "read what tells about the host",
            """
            read-kcore read-kallsyms read-kmsg read-keys read-key-users read-timer-list read-sched-debug read-interrupts
            read-softirqs read-slabinfo read-vmallocinfo read-iomem read-ioports read-modules read-config
            read-kpagecount read-pagetypeinfo read-diskstats read-notes
            read-vmcoreinfo list-acpi list-firmware list-kernel list-modules
            list-debug list-powercap
            """, answers: ["ENOENT", "ENODATA", "EACCES"],
            outside: "read-kallsyms read-interrupts read-softirqs read-iomem list-kernel list-modules read-notes"),
        Attempts(
            "open a device that is not there",
            "dev-mem dev-kmsg dev-fuse dev-kvm dev-tun dev-loop-control dev-userfaultfd dev-console",
            answers: ["ENOENT"]),
        Attempts(
            "make a device", "mknod-mem mknod-null mknod-fuse mknod-disk", answers: ["EPERM"], outside: "mknod-null"),
        Attempts("open a device node of the image", "smuggled-null smuggled-kmsg", answers: ["EACCES"]),
    ]

    static let processes: [Attempts] = [
        Attempts(
            "look into init (CVE-2016-9962, CVE-2019-5736)",
            """
            init-mem init-mem-read init-environ init-maps init-auxv init-stack init-exe init-exe-write init-root
            init-cwd init-ns
            """, answers: ["EACCES", "EPERM"]),
        Attempts("trace init", "ptrace-attach-init ptrace-seize-init", answers: ["EPERM"]),
        Attempts(
            "reach into another process",
            "process-vm-readv process-vm-writev process-madvise pidfd-getfd kcmp", answers: ["EPERM"],
            outside: "process-vm-readv process-vm-writev process-madvise pidfd-getfd"),
        Attempts(
            "gain a capability (CVE-2022-24769)", "capset-sys-admin capset-inheritable ambient-sys-admin",
            answers: ["EPERM"], outside: "capset-inheritable"),
        Attempts("lift no_new_privs", "clear-no-new-privs", answers: ["EINVAL"]),
        Attempts("become a user that is not mapped", "setuid-unmapped", answers: ["EINVAL"], outside: "all"),
        Attempts(
            "raise a limit or a priority", "rlimit-nofile rlimit-core priority real-time oom-score",
            answers: ["EPERM", "EACCES"], outside: "priority real-time"),
        Attempts(
            "change what the launch fixed", "uid-map time-offsets prctl-set-mm", answers: ["EPERM", "EACCES"]),
        Attempts(
            "leave a mark only the host's root may leave",
            "trusted-xattr file-capability immutable-file freeze-filesystem", answers: ["EPERM"],
            outside: "trusted-xattr file-capability"),
    ]
}
