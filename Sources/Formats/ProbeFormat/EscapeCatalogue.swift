import AuditFormat

/// What the probe's answers mean. An area has a rule for all its checks; those that differ are named below it.
public enum EscapeCatalogue {
    /// Nothing else speaks for walls when these do not work.
    public static let needs = "needs"

    /// The meaning of a check, or nil for an area nobody here knows.
    public static func check(_ name: String, in area: String) -> EscapeCheck? {
        guard let usual = areas[area] else { return nil }
        let group = exceptions[name] ?? usual
        return EscapeCheck(
            name: name, area: area, severity: group.severity, blockers: group.blockers, wall: group.wall,
            opensInControl: ControlExpectations.names.contains(name))
    }

    /// ENOSYS: the kernel has no such call at all.
    private static let refused: Set = ["EPERM", "ENOSYS"]
    private static let hidden: Set = ["EACCES", "EPERM", "EROFS", "ENOENT", "ENODATA"]
    private static let foreign: Set = ["SIGNAL 31"]

    private static let areas: [String: EscapeGroup] = [
        "namespaces": EscapeGroup("", refused.union(["EACCES"]), .capability, .high),
        // ENODEV: the kernel has no such file system.
        "mounts": EscapeGroup("", refused.union(["ENODEV"]), .capability, .critical),
        "files": EscapeGroup("", hidden, .permission, .high),
        "cgroups": EscapeGroup("", hidden, .permission, .critical),
        "devices": EscapeGroup("", hidden, .devicePolicy, .critical),
        "privileges": EscapeGroup("", ["EPERM", "EACCES", "ENODATA", "EOPNOTSUPP"], .capability, .high),
        "kernel": EscapeGroup("", refused, .capability, .high),
        "filters": EscapeGroup("", refused, .seccomp, .high),
        "sockets": EscapeGroup("", ["EAFNOSUPPORT", "EPROTONOSUPPORT", "EPERM", "EACCES"], .capability, .medium),
        "network": EscapeGroup(
            "", ["ENETUNREACH", "EHOSTUNREACH", "ETIMEDOUT", "ENODATA", "ENOENT", "EACCES"], .network, .high),
        "processes": EscapeGroup("", ["EPERM", "EACCES", "ESRCH", "ENOENT"], .permission, .high),
        "terminals": EscapeGroup("", ["EPERM"], .seccomp, .high),
        "descriptors": EscapeGroup(
            "", ["EBADF", "ENODATA", "EXDEV", "ENOENT", "EACCES", "EPERM"], .namespace, .critical),
        "exhaustion": EscapeGroup(
            "", ["EAGAIN", "EMFILE", "ENOMEM", "ENOSPC", "EPERM", "EACCES", "EROFS", "EINVAL"], .limit, .medium),
        needs: EscapeGroup("", [], .absent, .medium),
    ]

    private static let exceptions: [String: EscapeGroup] = {
        var table: [String: EscapeGroup] = [:]
        for group in groups { for name in group.names { table[name] = group } }
        return table
    }()

    private static let groups = namespaces + files + privileges + filters + reach

    private static let namespaces = [
        EscapeGroup(
            "unshare-user unshare-user-mount unshare-user-network clone-user clone-all", refused, .seccomp, .critical),
        EscapeGroup("clone3", ["ENOSYS"], .seccomp, .critical),
        EscapeGroup("mapped-to-host-root mapped-to-host-root-group", ["EXDEV"], .userNamespace, .critical),
        EscapeGroup("parent-namespace parent-pid-namespace", ["EPERM"], .userNamespace, .medium),
        EscapeGroup("next-mount-namespace previous-mount-namespace", ["EPERM", "ENOTTY"], .userNamespace, .medium),
        EscapeGroup("projid-map", ["EPERM", "EACCES"], .userNamespace, .low),
        EscapeGroup("chroot-out", ["EXDEV", "EPERM"], .root, .critical),
        EscapeGroup("mounts-propagate", ["ENODATA"], .namespace, .high),
        EscapeGroup("root-honours-setuid", ["EPERM"], .noNewPrivileges, .medium),
        EscapeGroup("root-honours-devices", ["EPERM"], .noDeviceMount, .high),
        EscapeGroup("host-mounts", ["ENOENT", "EPERM", "ENOSYS"], .namespace, .medium),
    ]

    private static let files = [
        EscapeGroup(
            """
            mknod-mem mknod-null mknod-kmsg mknod-fuse mknod-tun mknod-kvm mknod-loop-control mknod-console mknod-disk
            mknod-virtual-disk mknod-loop-disk mknod-in-dev mknod-in-memory
            """, hidden, .capability, .critical),
        EscapeGroup(
            "init-ns init-ns-user init-ns-network init-ns-pid init-ns-ipc init-ns-uts init-ns-cgroup init-ns-time",
            hidden,
            .permission, .high),
        EscapeGroup(
            """
            read-kallsyms read-keys read-key-users read-timer-list read-sched-debug read-interrupts read-softirqs
            read-slabinfo read-vmallocinfo read-iomem read-ioports read-modules read-config read-kpagecount
            read-pagetypeinfo read-diskstats read-notes read-vmcoreinfo read-kpageflags read-kpagecgroup read-zoneinfo
            read-swaps read-mdstat read-latency-stats read-timer-stats read-lockdep read-dmi-serial read-dmi-uuid
            read-dmi-board read-kernel-heap-randomness read-btf read-tracing-events read-ima read-rapl-energy
            read-thermal read-throttle read-module-sections list-acpi list-firmware list-kernel list-modules list-debug
            list-powercap list-security list-tracing list-bpffs list-fuse list-selinux list-efivars list-hypervisor
            list-block list-class-block list-device-numbers list-bus list-asound list-scsi
            """, hidden, .mask, .low),
        EscapeGroup(
            "read-kcore read-kmsg write-core-pattern write-modprobe write-hotplug write-poweroff-cmd "
                + "write-usermodehelper write-binfmt write-sysrq write-uevent-helper", hidden, .permission, .critical),
        EscapeGroup(
            "write-kernel-shmmax write-kernel-msgmax write-kernel-sem write-mqueue-limit write-ns-last-pid "
                + "write-hostname write-kernel-domainname", hidden, .readOnlyMount, .low),
        EscapeGroup("cgroup-path", ["ENODATA"], .namespace, .low),
    ]

    private static let privileges = [
        EscapeGroup("clear-no-new-privs", ["EINVAL"], .noNewPrivileges, .high),
        EscapeGroup("no-privilege-bar", ["EPERM"], .noNewPrivileges, .medium),
        EscapeGroup("setuid-unmapped setgid-unmapped", ["EINVAL"], .userNamespace, .high),
        EscapeGroup("setgroups-unmapped", ["EINVAL", "EPERM"], .userNamespace, .high),
        EscapeGroup("setuid-root", ["EPERM", "EALREADY"], .capability, .high),
        EscapeGroup("setuid-program", ["EPERM"], .noNewPrivileges, .high),
        EscapeGroup("project-number", ["EPERM", "EACCES", "EINVAL", "ENOTTY", "EOPNOTSUPP"], .userNamespace, .medium),
        // Already without limit, so it cannot be raised; EOVERFLOW arrives as unknown and is judged so.
        EscapeGroup(
            "rlimit-nofile rlimit-core rlimit-memlock rlimit-msgqueue rlimit-sigpending rlimit-nice rlimit-rtprio",
            ["EPERM"], .capability, .medium),
        EscapeGroup(
            "priority real-time round-robin deadline real-time-disk", ["EPERM", "EACCES"], .capability, .medium),
        EscapeGroup("uprobe", ["EPERM", "ENOSYS", "ENXIO", "SIGNAL 4", "SIGNAL 31"], .seccomp, .low),
        // ENOTSUPP's name outside the kernel: there is no clock that could wake this machine.
        EscapeGroup("wake-alarm", ["EPERM", "EOPNOTSUPP"], .capability, .low),
        EscapeGroup(
            "reboot kexec-load kexec-file-load init-module finit-module delete-module bpf bpf-array bpf-program "
                + "open-by-handle-at iopl ioperm", refused, .capability, .critical),
    ]

    private static let filters = [
        EscapeGroup("unknown-call unknown-call-large", ["ENOSYS"], .seccomp, .low),
        EscapeGroup("unknown-call-negative", ["ENOSYS", "SIGNAL 31"], .seccomp, .low),
        EscapeGroup("socket-alg-high-bits socket-packet-high-bits", ["EAFNOSUPPORT"], .seccomp, .high),
        EscapeGroup("netlink-high-bits", ["EPROTONOSUPPORT"], .seccomp, .medium),
        EscapeGroup("lift-filter", ["EINVAL", "EPERM"], .seccomp, .high),
        EscapeGroup("read-filter suspend-filter", ["EPERM", "EACCES"], .capability, .medium),
        // ENOSYS: the kernel was built without that table.
        EscapeGroup(
            """
            x32-getpid x32-unshare x32-socket x32-ptrace x32-io-setup i386-getpid i386-unshare i386-socket
            i386-socketcall i386-keyctl i386-mount i386-ptrace i386-bpf i386-module i386-clone i386-vm86 i386-io-uring
            i386-unknown
            """, ["SIGNAL 31", "SIGNAL 11", "ENOSYS"], .seccomp, .high),
    ]

    private static let reach = [
        EscapeGroup("hypervisor", ["EAFNOSUPPORT", "EPERM"], .seccomp, .high),
        EscapeGroup("abstract-connect", ["ECONNREFUSED", "EPERM", "EACCES"], .namespace, .high),
        EscapeGroup(
            "docker-socket docker-socket-run containerd-socket crio-socket podman-socket bus-socket "
                + "systemd-socket udev-socket bulkhead-state", ["ENOENT", "EACCES", "ENOTDIR"], .absent, .critical),
        EscapeGroup("listeners listeners6 abstract-names packet-sockets", ["ENODATA", "ENOENT"], .namespace, .low),
        EscapeGroup("socket-debug", ["EPERM", "EACCES"], .capability, .low),
        // ENOPROTOOPT: the kernel has no such packet filter.
        EscapeGroup("packet-filter packet-filter6", ["EPERM", "ENOPROTOOPT"], .capability, .medium),
        EscapeGroup(
            "init-personality init-syscall init-io init-fdinfo", ["EPERM", "EACCES", "ENOENT"], .permission, .low),
        EscapeGroup("release-init share-core", ["EPERM", "EACCES", "EINVAL", "ENOSYS", "ESRCH"], .permission, .medium),
        EscapeGroup("forged-signal", ["EPERM"], .permission, .low),
        EscapeGroup(
            "kernel-threads host-init outer-pid-namespace signal-outside signal-by-descriptor",
            ["ESRCH", "ENOENT", "EPERM"], .namespace, .critical),
        EscapeGroup("steal-terminal", ["ENXIO", "EPERM", "ENOENT", "EIO"], .namespace, .high),
        EscapeGroup("other-terminals", ["ENOENT", "EPERM", "EACCES", "EIO"], .namespace, .high),
        EscapeGroup(
            "above-root above-own-root above-thread-root above-init-root above-directory above-descriptor "
                + "above-openat host-device", ["EXDEV", "EACCES", "EPERM"], .root, .critical),
        EscapeGroup("layer-paths link-to-host", ["ENODATA"], .namespace, .low),
    ]
}
