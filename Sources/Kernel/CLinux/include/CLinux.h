/*
 * System calls and constants that the Glibc module lacks or imports badly. One line each: a name, the call, nothing
 * else. Every function returns what the system call returns: -1 and errno on failure.
 */
#ifndef BULKHEAD_CLINUX_H
#define BULKHEAD_CLINUX_H

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>

/* --- paths: openat2(2) ------------------------------------------------------------------------------------- */
#define BH_RESOLVE_NO_XDEV 0x01u
#define BH_RESOLVE_NO_MAGICLINKS 0x02u
#define BH_RESOLVE_NO_SYMLINKS 0x04u
#define BH_RESOLVE_BENEATH 0x08u
#define BH_RESOLVE_IN_ROOT 0x10u
#define BH_O_PATH 010000000
#define BH_O_TMPFILE 020200000

int bh_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int bh_openat(int directory, const char *path, int flags, unsigned mode);
int bh_mknodat(int directory, const char *path, unsigned mode, unsigned major, unsigned minor);
int bh_renameat2(int from, const char *old_path, int to, const char *new_path, unsigned flags);

/* --- mounts: fsopen(2), fsconfig(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2) ---------------- */
#define BH_FSCONFIG_SET_FLAG 0u
#define BH_FSCONFIG_SET_STRING 1u
#define BH_FSCONFIG_SET_PATH 3u
#define BH_FSCONFIG_SET_FD 5u
#define BH_FSCONFIG_CMD_CREATE 6u
#define BH_OPEN_TREE_CLONE 1u
#define BH_OPEN_TREE_CLOEXEC 02000000u
#define BH_AT_EMPTY_PATH 0x1000u
#define BH_AT_RECURSIVE 0x8000u
#define BH_AT_SYMLINK_NOFOLLOW 0x100u
#define BH_MOVE_MOUNT_F_EMPTY_PATH 0x04u
#define BH_MOVE_MOUNT_T_EMPTY_PATH 0x40u
#define BH_MOUNT_ATTR_RDONLY 0x01ull
#define BH_MOUNT_ATTR_NOSUID 0x02ull
#define BH_MOUNT_ATTR_NODEV 0x04ull
#define BH_MOUNT_ATTR_NOEXEC 0x08ull
#define BH_MOUNT_ATTR_NOATIME 0x10ull
#define BH_MOUNT_ATTR_NOSYMFOLLOW 0x200000ull
#define BH_MOUNT_ATTR_IDMAP 0x100000ull
#define BH_PROPAGATION_PRIVATE (1ull << 18)
#define BH_PROPAGATION_SLAVE (1ull << 19)

/* kcmp(2) of what has no index: 0 equal, 1 to 3 different */
int bh_kcmp(int one, int other, int kind);
int bh_fsopen(const char *type);
int bh_fsconfig(int context, unsigned command, const char *key, const void *value, int auxiliary);
int bh_fsmount(int context, unsigned attributes);
int bh_open_tree(int directory, const char *path, unsigned flags);
int bh_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags);
int bh_mount_setattr(int directory, const char *path, unsigned flags, uint64_t set, uint64_t clear,
                     uint64_t propagation, int user_namespace);
int bh_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int bh_umount2(const char *target, int flags);
int bh_unshare(uint64_t flags);
int bh_setns(int descriptor, int types);

/* --- processes: pidfd_open(2), pidfd_send_signal(2), waitid(2) ------------------------------------------------- */
int bh_pidfd_open(pid_t process, unsigned flags);
int bh_pidfd_send_signal(int pidfd, int signal);
/* Queues `signal` with si_code SI_QUEUE and `value`; what the container's init takes for an order from outside. */
int bh_pidfd_queue_signal(int pidfd, int signal, int value);
/* Waits for the child behind a pidfd. Returns 1 when it ended, 0 when it runs (only with WNOHANG), -1 and errno.
 * `status` is as wait4(2) gives it. */
int bh_pidfd_wait(int pidfd, int options, int *status);
/* Whether the child behind a pidfd is stopped: 1, 0, or -1 and errno. It stays to be waited for. */
int bh_pidfd_is_stopped(int pidfd);
int bh_pidfd_getfd(int pidfd, int number); /* a descriptor of that process, pidfd_getfd(2) */
int bh_close_range(unsigned first, unsigned last, unsigned flags);

/* Adds to a posix_spawn(3) what the Glibc module hides: close everything from `first` on, start in `/`. */
int bh_spawn_actions_finish(posix_spawn_file_actions_t *actions, int first);

/* --- memory files: memfd_create(2), fcntl(2) ---------------------------------------------------------------- */
int bh_memfd_create(const char *name, int executable);
/* Forbids every later change of the file: F_SEAL_SEAL | SHRINK | GROW | WRITE. */
int bh_seal(int descriptor);
void bh_grow_heap(int bytes);

/* --- extended attributes on descriptors opened with O_PATH are reached through /proc/self/fd: fsetxattr(2) ------ */
ssize_t bh_flistxattr(int descriptor, char *list, size_t size);
ssize_t bh_fgetxattr(int descriptor, const char *name, void *value, size_t size);
int bh_fsetxattr(int descriptor, const char *name, const void *value, size_t size);
int bh_fremovexattr(int descriptor, const char *name);
int bh_lsetxattr(const char *path, const char *name, const void *value, size_t size);

/* --- files -------------------------------------------------------------------------------------------------- */
long bh_filesystem_type(int descriptor);               /* fstatfs(2) f_type, or -1 */
long bh_filesystem_type_at(const char *path);          /* statfs(2) f_type, or -1 */
unsigned bh_major(dev_t device);
unsigned bh_minor(dev_t device);
int bh_flock(int descriptor, int operation);
int bh_syncfs(int descriptor);
int bh_fallocate(int descriptor, int mode, int64_t offset, int64_t count);
int bh_ioctl_int(int descriptor, unsigned long request, long argument);
int bh_ioctl_pointer(int descriptor, unsigned long request, void *argument);

int bh_getrlimit(int resource, struct rlimit *limit);
int bh_effective_capabilities(uint64_t *set); /* capget(2) of this process */
/* Blocks the signals for this thread and those it starts, and gives a descriptor to read them from: signalfd(2). */
int bh_signal_descriptor(const int32_t *signals, uint32_t count);
int bh_next_signal(int descriptor); /* its number */
int bh_set_processors_of(pid_t process, const void *mask, size_t size); /* sched_setaffinity(2) */
/* Where a thread of this process may run: wherever the caller may, but not on its processor when it is to be away.
 * 0, or -1 and nothing changes: there is no such processor. */
int bh_place_thread(pthread_t thread, int away);
/* Tells the processor that a loop waits. */
static inline void bh_processor_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
int bh_set_limits_of(pid_t process, unsigned resource, uint64_t soft, uint64_t hard); /* prlimit(2) */
int bh_get_limits_of(pid_t process, unsigned resource, uint64_t *soft, uint64_t *hard);

/* --- bpf(2), seccomp(2), capabilities(7) --------------------------------------------------------------------- */
long bh_bpf(int command, void *attributes, unsigned size);
int bh_load_device_program(const void *instructions, unsigned count); /* program descriptor */
int bh_attach_device_program(int program, int group);
/* Of the group itself, in the order in which they were attached; how many there are. */
int bh_attached_device_programs(int group, uint32_t *identifiers, unsigned most);
int bh_detach_device_program(uint32_t identifier, int group);
int bh_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);

/* --- sockets: one message with at most one descriptor, unix(7) ------------------------------------------------- */
int bh_socketpair_seqpacket(int pair[2]);
int bh_pipe(int pair[2]); /* pipe2(2), close-on-exec */
/* Receives one message and at most one descriptor (-1 when there was none). Returns its length, 0 at the end. */
ssize_t bh_receive_descriptor(int socket, void *buffer, size_t size, int *descriptor);
/* Sends one message with up to 250 descriptors. */
ssize_t bh_send_descriptors(int socket, const void *bytes, size_t size, const int *descriptors, unsigned count);

/* --- sockets and waiting: epoll(7), ip(7), ipv6(7); `address` is numeric ------------------------------------------ */
int bh_epoll_create(void);
int bh_epoll_add(int epoll, int descriptor, int writing, uint64_t key); /* one event, then never again */
int bh_epoll_remove(int epoll, int descriptor);
int bh_epoll_wait(int epoll, uint64_t *keys, int most);                 /* how many keys; waits for ever */
int bh_stream_socket(int family);                                       /* close-on-exec, non-blocking */
int bh_accept(int socket);                                              /* close-on-exec */
int bh_bind(int socket, const char *address, uint16_t port);
int bh_connect(int socket, const char *address, uint16_t port);
int bh_socket_error(int socket);                                        /* SO_ERROR */
int bh_unix_connect(int socket, const char *path);
int bh_packet_listen(const char *path);                                 /* SOCK_SEQPACKET, close-on-exec */
int bh_packet_connect(const char *path);

/* --- confine.c: what a process of ours does to itself before it reads untrusted input ----------------------------- */
int bh_pivot_root(const char *new_root, const char *put_old);
int bh_setrlimit(int resource, uint64_t value);         /* soft and hard */
/* What is written to `descriptor` when exit(3) is called, by whomever; NULL takes it back. */
int bh_last_words(int descriptor, const char *text);
int bh_keep_capabilities(uint64_t kept);                /* bounding, permitted, effective; nothing inheritable */

/* --- observe.c: what an audit asks of other processes and of cgroups; nothing is changed --------------------------- */
/* PTRACE_SEIZE and PTRACE_INTERRUPT: the thread stops soon, without a signal. */
int bh_trace_begin(pid_t thread);
/* 1 when it has stopped, 2 when it has ended, 0 when neither yet. */
int bh_trace_stopped(pid_t thread);
/* PTRACE_SECCOMP_GET_FILTER: instructions of 8 bytes into `program` (NULL: only how many). Newest filter first. */
long bh_trace_filter(pid_t thread, unsigned long index, void *program);
int bh_trace_end(pid_t thread);
/* BPF_PROG_QUERY of the device programs in effect: how many there are; the identifiers of at most `most`. */
int bh_device_programs(int group, uint32_t *identifiers, unsigned most);
/* The instructions of a loaded program as the kernel keeps them; their length in bytes. */
int bh_program_bytes(uint32_t identifier, void *bytes, unsigned size);

/* --- storage.c: project quotas, quotactl(2); loop devices, loop(4) ------------------------------------------------ */
struct bh_quota { uint64_t bytes, inodes, bytes_max, inodes_max; }; /* a limit of 0: none */
int bh_project_read(int file, uint32_t *project, int *inherited);
/* Files made below a directory whose project is `inherited` get it too. */
int bh_project_write(int file, uint32_t project, int inherited);
int bh_quota_state(int file);                           /* 1: use is counted, 2: limits hold; both or neither; or -1 */
int bh_quota_read(int file, uint32_t project, struct bh_quota *answer); /* all zero when nobody knows the project */
int bh_quota_write(int file, uint32_t project, uint64_t bytes_max, uint64_t inodes_max);
int bh_loop_free(int control);                          /* the number of a free loop device */
int bh_loop_configure(int device, int file, unsigned block_size); /* let go of when nobody uses it any more */

/* --- landlock.c --------------------------------------------------------------------------------------------- */
int bh_landlock_version(void);                          /* -1 where there is none */
int bh_landlock_ruleset(uint64_t files, uint64_t network, uint64_t scopes); /* what it takes away */
int bh_landlock_allow(int ruleset, int directory, uint64_t files);
int bh_landlock_enter(int ruleset);

/* --- spawn.c ------------------------------------------------------------------------------------------------ */
#define BH_SPAWN_DESCRIPTORS_MAX 120
#define BH_SPAWN_JOINS_MAX 8
struct bh_join { int descriptor; int type; }; /* a namespace's file, and which CLONE_NEW* it is */
struct bh_spawn {
    uint64_t flags;                 /* CLONE_NEW*, CLONE_NEWTIME included */
    int cgroup;                     /* directory descriptor for CLONE_INTO_CGROUP, or -1 */
    int launcher;                   /* the sealed launcher */
    const int *descriptors;         /* what the child has as 3, 4, ... in this order; nothing else is inherited */
    unsigned descriptor_count;
    const char *time_offsets;       /* text for /proc/self/timens_offsets, or NULL */
    int joined;                     /* pidfd of a process whose namespaces `joined_types` the child is born in, or -1 */
    int joined_types;               /* CLONE_NEWUSER among them */
    const struct bh_join *joins;    /* namespaces by file that it is born in; not time namespaces, time_namespaces(7) */
    unsigned join_count;
    int spared;                     /* nobody else's memory in `cgroup` costs us ours; only without anything joined.
                                     * The child has oom_score_adj -1000 then, which whoever calls must undo */
    uid_t owner;                    /* host user who makes a new user namespace and is charged for what is in it */
};
/*
 * Starts the launcher in new namespaces. Returns the process id and fills `pidfd`, or -1 and errno; `failed_call`
 * then names the call that failed. The caller's memory is shared with the child until exec (CLONE_VM | CLONE_VFORK),
 * so the cost does not depend on the caller's size. Who joins anything is not dumpable from then on.
 */
pid_t bh_start_launcher(const struct bh_spawn *request, int *pidfd, const char **failed_call);

/*
 * Makes a user namespace and what belongs to it, the types of `made`, and fills their descriptors (close-on-exec).
 * They are made by the host user `owner`; `map` is the text of all three of its id maps. No process stays in them.
 * Returns 0, or -1 and errno; `failed_call` then says what failed, and nothing is left.
 */
int bh_make_namespaces(uid_t owner, const char *map, struct bh_join *made, unsigned count, const char **failed_call);

/* seccomp_unotify(2): a call that a filter handed over, by value. `error` is an errno, or 0 and `value` is the answer. */
struct bh_call { uint64_t id; int32_t thread; uint32_t number; uint32_t architecture; uint64_t arguments[6]; };
int bh_call_receive(int listener, struct bh_call *call);
int bh_call_is_valid(int listener, uint64_t id);
int bh_call_answer(int listener, uint64_t id, int64_t value, int32_t error);

/* poll(2) without end for reading, of at most BH_POLL_MAX; `events` are the answers. */
#define BH_POLL_MAX 256
int bh_poll_many(const int32_t *descriptors, int16_t *events, uint32_t count);

/* malloc_trim(3) of all that is free: 1 when something went back to the kernel. */
int bh_malloc_trim(void);
void bh_bound_heap(int large, int arenas);

#endif
