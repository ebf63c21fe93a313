/// Calls about files, directories and descriptors.
enum FileCalls {
    static let groups = [contents, names, attributes, descriptors, watching]

    static let contents = CallGroup(
        "File contents",
        why: "Reading and writing what is already open, or opening it beneath the container's own root, is what every "
            + "program does; which files it may touch is decided by the mounts, owners and modes.",
        allowed: [
            "open", "openat", "openat2", "creat", "close", "close_range", "read", "readv", "pread64", "preadv",
            "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2", "lseek", "truncate", "ftruncate",
            "fallocate", "fadvise64", "readahead", "cachestat", "copy_file_range", "sendfile", "splice", "tee",
            "vmsplice", "sync", "syncfs", "fsync", "fdatasync", "sync_file_range", "flock", "io_setup", "io_destroy",
            "io_submit", "io_cancel", "io_getevents", "io_pgetevents",
        ])

    static let names = CallGroup(
        "File names",
        why: "Making, renaming and removing names changes the container's own file system only; device nodes cannot be "
            + "made without CAP_MKNOD in the host's user namespace, and no mount of a container honours them.",
        allowed: [
            "access", "faccessat", "faccessat2", "chdir", "fchdir", "getcwd", "getdents", "getdents64", "link",
            "linkat", "symlink", "symlinkat", "readlink", "readlinkat", "mkdir", "mkdirat", "mknod", "mknodat",
            "rename", "renameat", "renameat2", "rmdir", "unlink", "unlinkat", "umask", "name_to_handle_at",
        ],
        decisions: [
            .refused(
                "chroot", openedBy: [.sysChroot],
                because: "Changing the root is harmless with the capability that guards it and pointless without."),
            .refused(
                "open_by_handle_at", openedBy: [.dacReadSearch],
                because: "Opens any file of a file system by its number, past every mount and directory: the way out "
                    + "that shocker took in 2014."),
        ])

    static let attributes = CallGroup(
        "File attributes",
        why: "Owners, modes, times and extended attributes of files the task may already change; the kernel asks for "
            + "ownership or a capability of the container's user namespace.",
        allowed: [
            "stat", "fstat", "lstat", "newfstatat", "statx", "statfs", "fstatfs", "statmount", "listmount", "chmod",
            "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "fchownat", "lchown", "utime", "utimes", "futimesat",
            "utimensat", "getxattr", "lgetxattr", "fgetxattr", "getxattrat", "setxattr", "lsetxattr", "fsetxattr",
            "setxattrat", "listxattr", "llistxattr", "flistxattr", "listxattrat", "removexattr", "lremovexattr",
            "fremovexattr", "removexattrat",
        ],
        decisions: [
            .refused(
                "file_getattr",
                because: "Inode flags and project quotas of any path; new code that programs can do without."),
            .refused(
                "file_setattr",
                because: "Sets inode flags and project quotas, which are how storage limits are kept."),
        ])

    static let descriptors = CallGroup(
        "Descriptors and pipes",
        why: "Copying descriptors, pipes and event counters reach nothing outside the task.",
        allowed: ["dup", "dup2", "dup3", "fcntl", "pipe", "pipe2", "eventfd", "eventfd2"],
        decisions: [
            .judged(
                "ioctl",
                [
                    .refused(.notPermitted, .int(1, is: 0x5412)), .refused(.notPermitted, .int(1, is: 0x541c)),
                    .refused(.notPermitted, .int(1, is: 0x5423)),
                ],
                otherwise: .allow,
                because: "TIOCSTI and TIOCLINUX type into the terminal the task was given (CVE-2017-5226); TIOCSETD "
                    + "loads line disciplines nobody uses in a container. The rest is checked by each driver. Only 32 "
                    + "bits are compared because the kernel looks at no more (CVE-2019-10063).")
        ])

    static let watching = CallGroup(
        "Waiting for descriptors and files",
        why: "Event loops; what can be watched is what is already open or readable.",
        allowed: [
            "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait",
            "epoll_pwait", "epoll_pwait2", "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
            "fanotify_mark",
        ],
        decisions: [
            .refused(
                "fanotify_init", openedBy: [.sysAdmin],
                because: "Watches whole file systems and can hold back other processes' opens."),
            .refused("epoll_ctl_old", .noSuchCall, because: "Never worked on any kernel; answered as kernels do."),
            .refused("epoll_wait_old", .noSuchCall, because: "Never worked on any kernel; answered as kernels do."),
        ])
}
