/*
 * The launch plan as the launcher reads it, and the messages it answers with. The Swift side of this contract is
 * Formats/LaunchPlanning (PlanEncoder, LauncherReport); a test compares every number in this file with it.
 *
 * A plan is one block of memory, little-endian, every item aligned to 4 bytes:
 *
 *     header   u32 magic, u32 version, u32 size of the whole plan in bytes, u32 number of steps
 *     step     u32 operation, u32 size of its payload in bytes (a multiple of 4), payload
 *
 * A payload is the fields named beside the operation below, in that order, nothing before, between or after:
 *
 *     u32, u64, i32   integers
 *     fd              u32: a descriptor number of the launcher, or BH_NO_DESCRIPTOR
 *     text            u32 length, that many bytes without any NUL, one NUL, zero bytes up to a multiple of 4
 *     list            u32 count, then so many texts
 *     bytes           u32 length, that many bytes, zero bytes up to a multiple of 4
 *
 * "In the root" means: resolved beneath the container's root with openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS),
 * never by name again afterwards; the root is what BH_ATTACH_ROOT attached, and "/" before that and after
 * BH_ENTER_ROOT.
 * Anything not understood refuses the whole plan before its first step runs.
 */
#ifndef BULKHEAD_PLAN_H
#define BULKHEAD_PLAN_H

#include <stddef.h>
#include <stdint.h>

#define BH_PLAN_MAGIC 0x50484c42u /* "BLHP" */
#define BH_PLAN_VERSION 1u
#define BH_NO_DESCRIPTOR 0xffffffffu

/* Limits, checked by the decoder. A filter has at most 4096 instructions. */
#define BH_PLAN_BYTES_MAX (4u << 20)
#define BH_PLAN_STEPS_MAX 4096u
#define BH_LIST_COUNT_MAX 65536u
#define BH_GROUPS_MAX 65536u
#define BH_FILTER_BYTES_MAX (4096u * 8u)
#define BH_LOG_BYTES_MIN 4096u

/* Descriptors every launcher starts with. The plan's own arrive with the release (their mounts are mapped through the
 * user namespace the launcher itself was born in, so they cannot exist before it) and are numbered from
 * BH_FIRST_PLAN_DESCRIPTOR on, which holds because nothing else is open. */
#define BH_PLAN_DESCRIPTOR 3    /* the encoded plan, a sealed memory file */
#define BH_REPORT_DESCRIPTOR 4  /* SOCK_SEQPACKET: the release comes in, reports go out; closed by a successful exec */
#define BH_FIRST_PLAN_DESCRIPTOR 5

enum bh_operation {
    BH_JOIN = 1,           /* fd, u32 types: setns(2); types 0 takes what the descriptor is */
    BH_UNSHARE = 2,        /* u32 flags: unshare(2) */
    BH_BECOME_ROOT = 3,    /* setgroups(0), setresgid(0), setresuid(0), ambient capabilities cleared */
    BH_BEGIN_SESSION = 4,  /* u32 parent-death signal or 0: setsid, non-dumpable, prctl(PR_SET_PDEATHSIG) */
    BH_SET_UMASK = 5,      /* u32 mask */
    BH_PROPAGATION = 6,    /* u64 MS_PRIVATE or MS_SLAVE ...: mount(2) with it and MS_REC on "/" */
    BH_ATTACH_ROOT = 7,    /* fd tree, text anchor: attach the detached tree at the host directory `anchor`; it is now
                              the root */
    BH_MOUNT = 8,          /* text type, text target, u64 attributes, u32 resolve, list options ("key" or "key=value"):
                              fsopen, fsconfig, fsmount, move_mount onto a directory in the root */
    BH_ATTACH = 9,         /* fd tree, text target, u32 kind, u32 resolve: attach a detached tree in the root; BH_KIND_*
                              must be what the target is */
    BH_SEAL_PATH = 10,     /* text path, u64 attributes, u32 resolve: clone what is mounted at the path, set the
                              attributes on the clone recursively, attach it over itself. An absent path is skipped */
    BH_MASK = 11,          /* text path, fd detached mount of the null device: cover a file with the null device, a
                              directory with one empty read-only directory. An absent path is skipped. (A descriptor
                              opened by name will not do: a mount of another mount namespace cannot be cloned) */
    BH_MAKE_DIRECTORY = 12,/* text path, u32 mode, u32 uid, u32 gid: with missing parents (0755), in the root; existing
                              is fine */
    BH_ROOT_ATTRIBUTES = 13,/* u64 set, u64 clear, u32 recursive: mount_setattr(2) on the root mount */
    BH_ENTER_ROOT = 14,    /* pivot_root(2) and detach the old root */
    BH_SET_HOSTNAME = 15,  /* text */
    BH_SET_DOMAINNAME = 16,/* text */
    BH_SYSCTL = 17,        /* text name with slashes, text value: through a procfs of our own, never the container's */
    BH_LIMIT = 18,         /* u32 RLIMIT_*, u64 soft, u64 hard: prlimit(2), then read back */
    /* 19 was the OOM score, which nobody without dumpable files can write for itself. */
    BH_LOOPBACK_UP = 20,   /* bring "lo" up in the current network namespace */
    BH_NEW_KEYRING = 21,   /* an empty session keyring: keyctl(2) KEYCTL_JOIN_SESSION_KEYRING */
    BH_DIVIDE = 22,        /* u32 flags, fd exit record, fd log a, fd log b, u64 log bytes, fd output sink, fd error
                              sink, u64 output bytes, u64 error bytes, bytes filter: fork(2). The child goes on with
                              the next step; the parent becomes init (init.c) and never returns. A sink that is a
                              regular file keeps so many of its newest bytes (0: all), the rest becomes a hole */
    BH_TERMINAL = 23,      /* u32 rows, u32 columns, u32 uid, u32 gid or -1 (the group stays): a fresh pair from the
                              container's /dev/pts, its slave becomes the controlling terminal and descriptors 0 to 2,
                              its master goes to init and to the report socket */
    BH_STANDARD_STREAMS = 24,/* fd in, fd out, fd err: dup2 to 0, 1, 2. BH_NO_DESCRIPTOR: for `in` /dev/null of the
                              root; for `out` and `err` init's pipe when BH_DIVIDE_PUMP was set, else /dev/null */
    BH_CREDENTIALS = 25,   /* u32 uid, u32 gid, u32 number of groups, so many u32, then u64 bounding, effective,
                              permitted, inheritable, ambient: everything is read back and compared */
    BH_NO_NEW_PRIVILEGES = 26,/* prctl(PR_SET_NO_NEW_PRIVS), read back */
    BH_WORKING_DIRECTORY = 27,/* text: chdir(2), then getcwd(2) must give a path inside the root (CVE-2024-21626) */
    BH_CLOSE_DESCRIPTORS = 28,/* u32 keep, u32 number of gaps, so many u32: the plan's first `keep` descriptors become
                              3, 4, ..., the gaps among these are closed again; every other one is marked
                              close-on-exec */
    BH_INSTALL_FILTER = 29,/* u32 seccomp(2) flags, bytes array of struct sock_filter */
    BH_EXECUTE = 30,       /* list arguments, list environment: execve(2); a name without a slash is searched in the
                              environment's PATH. Always the last step */

    /* What only a bundle of the OCI runtime specification asks for. */
    BH_SET_PROPAGATION = 31,/* text path, u64 MS_PRIVATE or MS_SLAVE ..., u32 recursive: of the mount at the path */
    BH_SET_ATTRIBUTES = 32,/* text path, u64 set, u64 clear, u32 recursive: mount_setattr(2) on the mount at the path */
    BH_MAKE_NODE = 33,     /* text path, u32 mode with its S_IF, u32 major, u32 minor, u32 uid, u32 gid: mknod(2) in the
                              root, parents made; one that is there already must be the same */
    BH_MAKE_LINK = 34,     /* text path, text destination: symlink(2) in the root; whatever is there already is left */
    BH_RUN_HOOK = 35,      /* text program, list arguments, list environment, fd state, u32 milliseconds or 0: fork(2),
                              the state as its input, wait. The program is found as the process sees its root then */
    BH_AWAIT_START = 36,   /* fd listening socket: BH_REPORT_CREATED, then wait for one connection, which from then on
                              is the socket to report to */
    BH_BIND_CONSOLE = 37,  /* the controlling terminal, descriptor 0, is attached at /dev/console of the root */
    BH_SCHEDULE = 38,      /* u32 policy, u64 flags, i32 nice, u32 priority, u64 runtime, u64 deadline, u64 period:
                              sched_setattr(2) */
    BH_IO_PRIORITY = 39,   /* u32: ioprio_set(2) */
    BH_PERSONALITY = 40,   /* u64: personality(2) */
    BH_FIND_PROGRAM = 41,  /* list arguments, list environment: fails as BH_EXECUTE would without such a program */
    BH_CHANGE_ROOT = 42,   /* instead of BH_ENTER_ROOT, where "/" is the initial ramdisk: MS_MOVE and chroot(2) */
    BH_OWN_STREAMS = 43,   /* u32 uid, u32 gid: fchown(2) of descriptors 0 to 2 that are ours to give */
    BH_LISTENING_FILTER = 44,/* u32 seccomp(2) flags, bytes array of struct sock_filter: BH_REPORT_LISTENER, then the
                              filter with a listener, then no system call until it has been taken */
    BH_SET_LABEL = 45,     /* text file below /proc/PID such as attr/exec, text value, through a procfs of our own: the
                              label that the program is executed with; read back */
    BH_CONFINE_WRITES = 46,/* list paths in the root: from here on nothing but what is below them, and devices below
                              /dev, can be written, made or removed: landlock(7) */
    BH_PLACE_DEVICE = 47,  /* fd root, fd directory, text path, fd tree, u32 uid, u32 gid, u32 number of groups, so many
                              u32, u64 capabilities: the path is looked up as a process with this root, working
                              directory and these credentials would; an empty file is made there and the device attached
                              over it. Instead of BH_EXECUTE: the launcher then ends with 0 */
    BH_ENTER_DIRECTORY = 48,/* text: chdir(2) while the launcher still may go anywhere. One it cannot enter either is
                              left to BH_WORKING_DIRECTORY, which otherwise only looks where we are */
    BH_MEMORY_POLICY = 49, /* u32 mode and flags, bytes nodes as words of 8 bytes: set_mempolicy(2) */
    BH_DETACH = 50,        /* text: a mount of the host's, by its name before the root is entered, is taken away, or
                              covered with an empty directory where it is locked. An absent one is skipped */
    BH_TAKE_ROOT = 51,     /* fd directory or BH_NO_DESCRIPTOR for the attached root: chroot(2) to it. Instead of
                              BH_ENTER_ROOT in a mount namespace that others live in */
};

/* u32 resolve */
#define BH_TARGET_CREATE 1u      /* create a missing target (and its parents): directory 0755, file 0644 */
#define BH_TARGET_NO_LINKS 2u    /* refuse when any component is a symbolic link */
#define BH_TARGET_OPTIONAL 4u    /* an absent target is skipped */
#define BH_TARGET_COPY 8u        /* of BH_MOUNT: what is in the target is copied into the new file system first */
#define BH_TARGET_LINK_ITSELF 16u/* of BH_ATTACH: a symbolic link at the end is the target, not what it leads to */
#define BH_TARGET_MODE 32u       /* of BH_MOUNT: the new file system has the permissions of the directory it covers, as
                                    its option "mode"; one that was missing gives none */
#define BH_TARGET_RULES 63u

/* u32 kind */
#define BH_KIND_DIRECTORY 0u
#define BH_KIND_FILE 1u

/* u32 flags of BH_DIVIDE */
#define BH_DIVIDE_INIT 1u      /* we are process 1 of the container: reap everything, kill what is left at the end */
#define BH_DIVIDE_PUMP 2u      /* give the task pipes (or a terminal), copy its output to the log and the sinks */
#define BH_DIVIDE_TERMINAL 4u  /* a BH_TERMINAL step follows */
#define BH_DIVIDE_HOLD 8u      /* no fork and no task: init only holds the namespaces, until it gets an order. The steps
                                  that follow are not carried out */

/* What the launcher sends. One packet each; BH_REPORT_TERMINAL carries the master as SCM_RIGHTS. End of file without
 * BH_REPORT_FAILED means that exec succeeded. */
enum bh_report_kind {
    BH_REPORT_FAILED = 1, BH_REPORT_TERMINAL = 2,
    BH_REPORT_CREATED = 3,  /* everything up to BH_AWAIT_START is done */
    BH_REPORT_LISTENER = 4, /* `detail` is the number the listener will have; carries a memory file of one u32: 0, then
                               BH_LISTENER_READY or an errno with BH_LISTENER_FAILED set; BH_LISTENER_TAKEN is the
                               answer */
    BH_REPORT_PROCESS = 5,  /* carries a pidfd of the process that BH_REPORT_LISTENER, which follows, is about */
};
#define BH_LISTENER_READY 1u
#define BH_LISTENER_TAKEN 2u
#define BH_LISTENER_FAILED 0x80000000u
struct bh_report {
    uint32_t kind;
    uint32_t step;      /* index of the step, or BH_STEP_DECODE / BH_STEP_RELEASE */
    int32_t error;      /* errno */
    uint32_t detail;    /* BH_PART_*; of BH_STEP_DECODE: the index of the step at fault */
};
#define BH_STEP_DECODE 0xfffffffeu
#define BH_STEP_RELEASE 0xfffffffdu
/* Parts: where inside a step the kernel refused. */
enum bh_part {
    BH_PART_WHOLE = 0, BH_PART_RESOLVE = 1, BH_PART_CREATE = 2, BH_PART_OPEN = 3, BH_PART_CONFIGURE = 4,
    BH_PART_ATTRIBUTES = 5, BH_PART_ATTACH = 6, BH_PART_VERIFY = 7, BH_PART_DETACH = 8, BH_PART_WRITE = 9,
    BH_PART_STATUS = 10, /* of BH_RUN_HOOK: `error` is the wait status */
    BH_PART_COPY = 11,
};
/* What the launcher waits for before its first step and any report: one packet holding this byte and, as
 * SCM_RIGHTS, every descriptor of the plan in order (none when the plan has none). End of file ends the launcher. */
#define BH_RELEASE 'R'
/* May come once before the release and brings nothing: the id maps are written. The launcher carries out the steps that
 * only need those (plan.c) and makes the plan's kernel file systems, attached nowhere, while the rest is made ready. */
#define BH_PREPARE 'P'
#define BH_PLAN_DESCRIPTORS_MAX 250u /* unix(7): SCM_MAX_FD is 253 */

/* Exit status of the launcher when the task could not be started. */
#define BH_EXIT_NOT_EXECUTABLE 126
#define BH_EXIT_NOT_FOUND 127

/* The exit record init writes with one pwrite(2) at offset 0 when the task has ended. */
#define BH_EXIT_MAGIC 0x54584542u /* "BEXT" */
struct bh_exit_record {
    uint32_t magic;
    int32_t wait_status;     /* as wait4(2) gives it */
    uint64_t ended_at;       /* CLOCK_REALTIME, nanoseconds */
    uint64_t log_dropped;    /* bytes that could not be written to the log */
    uint64_t reserved;
};

/* The log: two files used in turn. Each starts with a file header; records follow. When one is full, init truncates
 * the other and goes on there with the next sequence number. */
#define BH_LOG_MAGIC 0x474f4c42u /* "BLOG" */
struct bh_log_header { uint32_t magic; uint32_t version; uint64_t sequence; };
struct bh_log_record { uint64_t at; uint32_t length; uint32_t stream; }; /* CLOCK_REALTIME ns; bytes follow, unpadded */
#define BH_STREAM_OUT 1u
#define BH_STREAM_ERR 2u
#define BH_STREAM_DROPPED 3u  /* no bytes follow; length says how many were lost (saturating) */

/* An order to init from outside: this real-time signal, queued with a signal number as its value, delivers that signal
 * to the task (SIGKILL included). Of process 1 only processes outside the container's pid namespace can order. Other
 * signals to init are forwarded as they are, except SIGCHLD, SIGPIPE and SIGXFSZ. When the task has ended already and
 * its last output waits for a sink, any signal makes init give the sinks up. */
#define BH_ORDER_SIGNAL 63

#endif
