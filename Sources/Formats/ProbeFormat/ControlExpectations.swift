/// What the deliberately weak control gets through: every capability over its own namespaces, no filter, no masks, new
/// privileges allowed. Only what does not depend on how the kernel was configured.
enum ControlExpectations {
    static let names = Set(
        (namespaces + mounts + privileges + kernel + files + network + processes).split(whereSeparator: \.isWhitespace)
            .map(String.init))

    private static let namespaces = """
        unshare-user unshare-mount unshare-network unshare-pid unshare-ipc unshare-uts unshare-cgroup
        unshare-user-mount unshare-user-network clone-user clone-mount clone-network clone-pid clone-ipc clone-uts
        clone-cgroup clone-all setns-own setns-own-mount init-ns init-ns-user init-ns-network init-ns-pid init-ns-ipc
        init-ns-uts init-ns-cgroup\u{20}
        """
    private static let mounts = """
        mount-tmpfs mount-bind mount-move mount-shared mount-dependent remount-root umount-proc umount-sys umount-dev
        open-tree open-tree-proc move-mount fsopen fspick mount-setattr mount-setattr-devices\u{20}
        """
    private static let privileges = """
        capset-sys-admin capset-sys-module capset-sys-rawio capset-sys-ptrace capset-sys-boot capset-sys-time
        capset-net-admin capset-net-raw capset-dac-read-search capset-mknod capset-mac-admin capset-syslog
        capset-inheritable bounding-sys-admin bounding-sys-module bounding-sys-ptrace bounding-dac-read-search
        bounding-net-admin no-privilege-bar file-capability limit-init\u{20}
        """
    private static let kernel = """
        sethostname setdomainname keyctl-session keyctl-user keyctl-join add-key personality-no-randomise
        personality-exec-memory process-vm-readv process-vm-writev process-madvise pidfd-getfd reboot
        no-filter filter-over-filter tracer-changes-number personality-high-bits clone-high-bits number-high-bits\u{20}
        """
    private static let files = """
        write-kernel-shmmax write-kernel-msgmax write-kernel-sem write-net-forwarding
        list-kernel list-modules read-kallsyms read-interrupts read-softirqs read-zoneinfo\u{20}
        """
    private static let network = """
        socket-packet netlink-audit netlink-uevent netlink-generic raw-icmp raw-ip raw-tcp interface-down
        interface-size packet-mark transparent new-route\u{20}
        """
    private static let processes = """
        init-mem-read init-environ init-maps init-root init-cwd ptrace-attach-init ptrace-seize-init tiocsti
        """
}
