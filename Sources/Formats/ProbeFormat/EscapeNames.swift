/// The names of all checks, by area, as `bulkhead-probe` has them: a test compares. A name is never given to another
/// check, so that `BH-PRB-` and the name says the same in every version.
enum EscapeNames {
    static let byArea: [(area: String, names: String)] = [
        (
            "namespaces",
            """
            unshare-user unshare-mount unshare-network unshare-pid unshare-ipc unshare-uts unshare-cgroup unshare-time
            unshare-user-mount unshare-user-network clone3 listns clone-user clone-mount clone-network clone-pid
            clone-ipc clone-uts clone-cgroup clone-all init-ns init-ns-user init-ns-network init-ns-pid init-ns-ipc
            init-ns-uts init-ns-cgroup init-ns-time setns-own setns-own-user setns-own-mount setns-init parent-namespace
            parent-pid-namespace next-mount-namespace previous-mount-namespace uid-map gid-map projid-map time-offsets
            mapped-to-host-root mapped-to-host-root-group
            """
        ),
        (
            "mounts",
            """
            mount-tmpfs mount-proc mount-cgroup mount-cgroup-1 mount-overlay mount-bind mount-bind-exec mount-move
            mount-shared mount-dependent remount-root remount-proc-sys remount-sys remount-group umount-mask umount-proc
            umount-proc-sys umount-sys umount-dev umount-root pivot-root open-tree open-tree-proc open-tree-attr
            move-mount fsopen fsopen-proc fsopen-ext4 fsopen-cgroup fsconfig fsmount fspick mount-setattr
            mount-setattr-writable mount-setattr-devices mount-setattr-idmap mount-type-sysfs mount-type-devtmpfs
            mount-type-devpts mount-type-mqueue mount-type-ramfs mount-type-debugfs mount-type-tracefs
            mount-type-securityfs mount-type-configfs mount-type-bpf mount-type-hugetlbfs mount-type-binfmt_misc
            mount-type-efivarfs mount-type-pstore mount-type-selinuxfs mount-type-fusectl mount-type-fuse
            mount-type-ext4 mount-type-xfs mount-type-btrfs mount-type-f2fs mount-type-vfat mount-type-ntfs3
            mount-type-iso9660 mount-type-udf mount-type-squashfs mount-type-erofs mount-type-nfs mount-type-nfs4
            mount-type-cifs mount-type-ceph mount-type-9p mount-type-virtiofs mount-type-ecryptfs mount-type-rpc_pipefs
            mount-type-resctrl mount-type-cpuset chroot-out mounts-propagate root-honours-setuid root-honours-devices
            host-mounts
            """
        ),
        (
            "files",
            """
            write-core-pattern write-modprobe write-hotplug write-poweroff-cmd write-usermodehelper write-panic
            write-randomize write-overcommit write-drop-caches write-binfmt write-ip-forward write-hostname
            write-max-user-namespaces write-ns-last-pid write-sysrq write-irq write-uevent-helper write-kernel-mm
            write-device-uevent write-power-state write-loopback-mtu read-kcore read-kallsyms read-kmsg read-keys
            read-key-users read-timer-list read-sched-debug read-interrupts read-softirqs read-slabinfo read-vmallocinfo
            read-iomem read-ioports read-modules read-config read-kpagecount read-pagetypeinfo read-diskstats list-acpi
            list-firmware list-kernel list-modules list-debug read-notes read-vmcoreinfo list-powercap
            write-kernel-kptr-restrict write-kernel-dmesg-restrict write-kernel-perf-event-paranoid
            write-kernel-unprivileged-bpf-disabled write-kernel-sysrq write-kernel-printk write-kernel-threads-max
            write-kernel-pid-max write-kernel-cad-pid write-kernel-kexec-load-disabled write-kernel-modules-disabled
            write-kernel-panic-on-oops write-kernel-domainname write-kernel-shmmax write-kernel-msgmax write-kernel-sem
            write-kernel-io-uring-disabled write-kernel-apparmor-restrict-unprivileged-userns write-ptrace-scope
            write-key-quota write-fs-file-max write-fs-suid-dumpable write-fs-protected-symlinks
            write-fs-protected-hardlinks write-fs-nr-open write-fs-pipe-max-size write-fs-mount-max write-mqueue-limit
            write-vm-mmap-min-addr write-vm-panic-on-oom write-vm-nr-hugepages write-vm-swappiness
            write-vm-compact-memory write-vm-unprivileged-userfaultfd write-vm-max-map-count write-vm-overcommit-ratio
            write-net-somaxconn write-net-bpf-jit write-net-forwarding write-net-route-localnet write-net6-forwarding
            write-net-conntrack write-max-mount-namespaces write-mtrr write-dynamic-debug write-pci write-nfsd
            write-acpi-wakeup write-scsi write-sys-pci-rescan write-sys-processor-online write-sys-memory-probe
            write-sys-block-scheduler write-sys-kernel-profiling write-sys-module-parameter write-sys-firmware-loading
            write-sys-wake-lock write-sys-turbo write-sys-smt write-sys-slab write-sys-ksm read-kpageflags
            read-kpagecgroup read-zoneinfo read-swaps read-mdstat read-latency-stats read-timer-stats read-lockdep
            read-dmi-serial read-dmi-uuid read-dmi-board read-kernel-heap-randomness read-btf read-tracing-events
            read-ima read-rapl-energy read-thermal read-throttle read-module-sections list-security list-tracing
            list-bpffs list-fuse list-selinux list-efivars list-hypervisor list-block list-class-block
            list-device-numbers list-bus list-asound list-scsi oom-score oom-adj oom-score-init inject-faults
            """
        ),
        (
            "cgroups",
            """
            write-cgroup-procs write-cgroup-threads write-cgroup-kill write-cgroup-freeze write-cgroup-type
            write-cgroup-control write-cgroup-descendants write-memory-max write-memory-swap write-memory-reclaim
            write-memory-group write-pids-max write-cpu-max write-io-max write-cpuset write-pressure write-release-agent
            write-release-agent-rdma write-notify-on-release write-devices-allow write-system-slice mkdir-cgroup
            cgroup-path cgroup-above
            """
        ),
        (
            "devices",
            """
            dev-mem dev-port dev-kmsg dev-fuse dev-cuse dev-kvm dev-tun dev-loop-control dev-loop dev-userfaultfd
            dev-console dev-sda dev-vda dev-nvme dev-root dev-device-mapper dev-btrfs dev-vsock dev-vhost-vsock
            dev-vhost-net dev-vfio dev-uinput dev-input dev-rtc dev-watchdog dev-ppp dev-hpet dev-msr dev-microcode
            dev-tty0 dev-tty1 dev-serial dev-framebuffer dev-graphics dev-hardware-random dev-tpm dev-sgx dev-mei
            dev-ipmi dev-scsi dev-raw dev-autofs dev-memory-low dev-snapshot dev-dma-heap dev-log dev-init mknod-mem
            mknod-null mknod-kmsg mknod-fuse mknod-tun mknod-kvm mknod-loop-control mknod-console mknod-disk
            mknod-virtual-disk mknod-loop-disk mknod-in-dev mknod-in-memory smuggled-null smuggled-kmsg
            """
        ),
        (
            "privileges",
            """
            capset-sys-admin capset-sys-module capset-sys-rawio capset-sys-ptrace capset-sys-boot capset-sys-time
            capset-net-admin capset-net-raw capset-dac-read-search capset-mknod capset-mac-admin capset-syslog
            capset-bpf capset-inheritable ambient-sys-admin bounding-sys-admin bounding-sys-module bounding-sys-ptrace
            bounding-dac-read-search bounding-net-admin inherited-capability clear-no-new-privs no-privilege-bar
            prctl-set-mm prctl-exe-file setuid-unmapped setgid-unmapped setgroups-unmapped setuid-root setuid-program
            limit-init rlimit-nofile rlimit-core rlimit-memlock rlimit-msgqueue rlimit-sigpending rlimit-nice
            rlimit-rtprio priority real-time round-robin deadline real-time-disk trusted-xattr measured-xattr
            file-capability immutable-file append-only-file project-number freeze-filesystem
            """
        ),
        (
            "kernel",
            """
            reboot kexec-load init-module finit-module delete-module acct swapon swapoff quotactl quotactl-fd
            sethostname setdomainname syslog syslog-read vhangup perf-event-open perf-software-clock perf-tracepoint bpf
            bpf-array bpf-program bpf-next-program io-uring-setup io-uring-enter io-uring-register userfaultfd
            userfaultfd-user-mode fanotify-init fanotify-permission keyctl-session keyctl-user keyctl-join
            keyctl-persistent keyctl-describe add-key request-key open-by-handle-at lsm-get-self-attr lsm-set-self-attr
            lsm-list-modules file-getattr file-setattr mbind set-mempolicy get-mempolicy memory-home move-pages
            migrate-pages personality-no-randomise personality-exec-memory personality-page-zero process-madvise
            pidfd-getfd process-vm-readv process-vm-writev kcmp iopl ioperm kexec-file-load modify-ldt modify-ldt-write
            uselib lookup-dcookie ustat sysfs sysctl create-module get-kernel-syms query-module nfsservctl getpmsg
            putpmsg afs-syscall tuxcall security vserver uprobe clock-settime settimeofday adjtimex clock-adjtime
            wake-alarm
            """
        ),
        (
            "filters",
            """
            unknown-call unknown-call-large unknown-call-negative socket-alg-high-bits socket-packet-high-bits
            netlink-high-bits personality-high-bits unshare-high-bits clone-high-bits number-high-bits x32-getpid
            x32-unshare x32-socket x32-ptrace x32-io-setup no-filter lift-filter filter-over-filter suspend-filter
            read-filter tracer-changes-number i386-getpid i386-unshare i386-socket i386-socketcall i386-keyctl
            i386-mount i386-ptrace i386-bpf i386-module i386-clone i386-vm86 i386-io-uring i386-unknown
            """
        ),
        (
            "sockets",
            """
            socket-ax25 socket-x25 socket-rose socket-key socket-packet socket-rds socket-pppox socket-can socket-tipc
            socket-bluetooth socket-iucv socket-rxrpc socket-phonet socket-ieee802154 socket-caif socket-alg socket-nfc
            socket-vsock socket-kcm socket-qipcrtr socket-smc socket-xdp socket-mctp netlink-usersock netlink-sock-diag
            netlink-xfrm netlink-audit netlink-fib netlink-connector netlink-netfilter netlink-uevent netlink-generic
            netlink-crypto raw-icmp raw-icmp6 raw-ip socket-ipx socket-appletalk socket-netrom socket-atm socket-decnet
            socket-security socket-econet socket-atm-switched socket-irda socket-llc socket-infiniband socket-mpls
            socket-isdn socket-beyond netlink-iscsi netlink-selinux netlink-scsi netlink-rdma netlink-smc raw-tcp
            raw-udp6 packet-of-inet socketpair-tipc socketpair-netlink interface-down interface-size interface-name
            packet-mark force-buffer socket-debug transparent repair-connection packet-filter packet-filter6
            new-interface new-route new-queue
            """
        ),
        (
            "network",
            """
            metadata metadata-ecs metadata-alibaba metadata-azure metadata6 cluster-api docker-bridge gateway-ssh
            gateway-docker gateway-agent gateway-kubelet docker-socket docker-socket-run containerd-socket crio-socket
            podman-socket bus-socket systemd-socket udev-socket bulkhead-state abstract-names abstract-connect listeners
            listeners6 packet-sockets hypervisor
            """
        ),
        (
            "processes",
            """
            init-mem init-mem-read init-environ init-maps init-auxv init-stack init-exe init-exe-write init-root
            init-cwd init-io init-smaps init-pagemap init-personality init-syscall init-task-mem init-root-etc
            init-root-dev init-fds init-fds-write init-map-files init-uid-map init-setgroups init-label
            ptrace-attach-init ptrace-seize-init pidfd-getfd-init release-init share-core kernel-threads host-init
            outer-pid-namespace signal-outside signal-by-descriptor forged-signal
            """
        ),
        (
            "terminals",
            """
            tiocsti tiocsti-high-bits tioclinux tioclinux-high-bits tiocsetd tiocsetd-slip tiocsetd-gsm tiocsetd-hdlc
            tiocsetd-high-bits tioccons tiocvhangup tiocslcktrmios steal-terminal other-terminals
            """
        ),
        (
            "descriptors",
            """
            leaked-descriptor standard-directory standard-disk standard-file unreachable-directory above-root
            above-own-root above-thread-root above-init-root above-directory above-descriptor above-openat
            runtime-program runtime-program-path runtime-program-cut runtime-library link-to-host layer-paths
            host-device host-device-file host-shadow host-rootfs own-store docker-store crash-dumps boot-files
            """
        ),
        (
            "exhaustion",
            """
            processes-without-end descriptors-without-end locked-memory locked-memory-future queues-without-end
            shared-memory-without-end fill-dev shared-memory-files device-directory-files terminals-without-end
            watchers-without-end pipe-size signals-without-end asynchronous-without-end core-dumps huge-pages
            """
        ),
    ]
}
