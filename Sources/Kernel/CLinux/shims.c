#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <string.h>
#include <signal.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <sched.h>
#include <unistd.h>
#include <sys/mman.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

struct how { uint64_t flags, mode, resolve; };
struct attributes { uint64_t set, clear, propagation, user_namespace; };

int bh_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct how how = { flags, mode, resolve };
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}
int bh_openat(int directory, const char *path, int flags, unsigned mode) {
    return openat(directory, path, flags, mode);
}
int bh_mknodat(int directory, const char *path, unsigned mode, unsigned major, unsigned minor) {
    return mknodat(directory, path, mode, makedev(major, minor));
}
int bh_renameat2(int from, const char *old_path, int to, const char *new_path, unsigned flags) {
    return (int)syscall(SYS_renameat2, from, old_path, to, new_path, flags);
}

int bh_kcmp(int one, int other, int kind) { return (int)syscall(SYS_kcmp, one, other, kind, 0ul, 0ul); }

int bh_fsopen(const char *type) { return (int)syscall(SYS_fsopen, type, 1u /* FSOPEN_CLOEXEC */); }
int bh_fsconfig(int context, unsigned command, const char *key, const void *value, int auxiliary) {
    return (int)syscall(SYS_fsconfig, context, command, key, value, auxiliary);
}
int bh_fsmount(int context, unsigned attributes) {
    return (int)syscall(SYS_fsmount, context, 1u /* FSMOUNT_CLOEXEC */, attributes);
}
int bh_open_tree(int directory, const char *path, unsigned flags) {
    return (int)syscall(SYS_open_tree, directory, path, flags);
}
int bh_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags) {
    return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}
int bh_mount_setattr(int directory, const char *path, unsigned flags, uint64_t set, uint64_t clear,
                     uint64_t propagation, int user_namespace) {
    struct attributes attributes = { set, clear, propagation, user_namespace < 0 ? 0 : (uint64_t)user_namespace };
    return (int)syscall(SYS_mount_setattr, directory, path, flags, &attributes, sizeof attributes);
}
int bh_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return mount(source, target, type, flags, data);
}
int bh_umount2(const char *target, int flags) { return umount2(target, flags); }
int bh_unshare(uint64_t flags) { return unshare((int)flags); }
int bh_setns(int descriptor, int types) { return setns(descriptor, types); }

int bh_pidfd_open(pid_t process, unsigned flags) { return (int)syscall(SYS_pidfd_open, process, flags); }
int bh_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0u);
}
int bh_pidfd_queue_signal(int pidfd, int signal, int value) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = signal;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = value;
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, &info, 0u);
}
int bh_pidfd_wait(int pidfd, int options, int *status) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    int result;
    do result = (int)syscall(SYS_waitid, 3 /* P_PIDFD */, pidfd, &info, options | WEXITED, NULL);
    while (result < 0 && errno == EINTR);
    if (result < 0) return -1;
    if (info.si_pid == 0) return 0;
    if (info.si_code == CLD_EXITED) *status = (info.si_status & 0xff) << 8;
    else *status = (info.si_status & 0x7f) | (info.si_code == CLD_DUMPED ? 0x80 : 0);
    return 1;
}
int bh_pidfd_is_stopped(int pidfd) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (syscall(SYS_waitid, 3 /* P_PIDFD */, pidfd, &info, WSTOPPED | WNOHANG | WNOWAIT, NULL) < 0) return -1;
    return info.si_pid != 0;
}
int bh_close_range(unsigned first, unsigned last, unsigned flags) {
    return (int)syscall(SYS_close_range, first, last, flags);
}

int bh_memfd_create(const char *name, int executable) {
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    if (executable) {
        int descriptor = (int)syscall(SYS_memfd_create, name, flags | MFD_EXEC);
        if (descriptor >= 0 || errno != EINVAL) return descriptor; /* EINVAL: before Linux 6.3 */
    }
    return (int)syscall(SYS_memfd_create, name, flags);
}
void bh_grow_heap(int bytes) {
    /* Either may be refused, and then the heap is as it was. */
    (void)mallopt(M_TOP_PAD, bytes);
    (void)mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

void bh_bound_heap(int large, int arenas) {
    /* Any may be refused, and then the heap is as it was. A fixed threshold is not raised by what is freed. */
    (void)mallopt(M_MMAP_THRESHOLD, large);
    (void)mallopt(M_TRIM_THRESHOLD, large);
    (void)mallopt(M_ARENA_MAX, arenas);
}

int bh_seal(int descriptor) {
    return fcntl(descriptor, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
}

ssize_t bh_flistxattr(int descriptor, char *list, size_t size) { return flistxattr(descriptor, list, size); }
ssize_t bh_fgetxattr(int descriptor, const char *name, void *value, size_t size) {
    return fgetxattr(descriptor, name, value, size);
}
int bh_fsetxattr(int descriptor, const char *name, const void *value, size_t size) {
    return fsetxattr(descriptor, name, value, size, 0);
}
int bh_lsetxattr(const char *path, const char *name, const void *value, size_t size) {
    return lsetxattr(path, name, value, size, 0);
}

long bh_filesystem_type(int descriptor) {
    struct statfs answer;
    return fstatfs(descriptor, &answer) < 0 ? -1 : (long)answer.f_type;
}
long bh_filesystem_type_at(const char *path) {
    struct statfs answer;
    return statfs(path, &answer) < 0 ? -1 : (long)answer.f_type;
}
unsigned bh_major(dev_t device) { return major(device); }
unsigned bh_minor(dev_t device) { return minor(device); }
int bh_syncfs(int descriptor) { return syncfs(descriptor); }
int bh_fallocate(int descriptor, int mode, int64_t offset, int64_t count) {
    return fallocate(descriptor, mode, offset, count);
}
int bh_flock(int descriptor, int operation) { return flock(descriptor, operation); }
int bh_ioctl_int(int descriptor, unsigned long request, long argument) { return ioctl(descriptor, request, argument); }
int bh_ioctl_pointer(int descriptor, unsigned long request, void *argument) {
    return ioctl(descriptor, request, argument);
}

long bh_bpf(int command, void *attributes, unsigned size) { return syscall(SYS_bpf, command, attributes, size); }
int bh_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return prctl(option, a, b, c, d);
}

int bh_socketpair_seqpacket(int pair[2]) { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair); }
ssize_t bh_receive_descriptor(int socket, void *buffer, size_t size, int *descriptor) {
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
    struct iovec vector = { buffer, size };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1,
                              .msg_control = &control, .msg_controllen = sizeof control };
    *descriptor = -1;
    ssize_t length;
    do length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (length < 0 && errno == EINTR);
    if (length < 0) return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(descriptor, CMSG_DATA(header), sizeof(int));
    return length;
}
int bh_pipe(int pair[2]) { return pipe2(pair, O_CLOEXEC); }
int bh_spawn_actions_finish(posix_spawn_file_actions_t *actions, int first) {
    int problem = posix_spawn_file_actions_addclosefrom_np(actions, first);
    return problem ? problem : posix_spawn_file_actions_addchdir_np(actions, "/");
}
int bh_getrlimit(int resource, struct rlimit *limit) { return getrlimit(resource, limit); }
int bh_effective_capabilities(uint64_t *set) {
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct words[2];
    if (syscall(SYS_capget, &header, words) < 0) return -1;
    *set = words[0].effective | (uint64_t)words[1].effective << 32;
    return 0;
}

int bh_signal_descriptor(const int32_t *signals, uint32_t count) {
    sigset_t set;
    sigemptyset(&set);
    for (uint32_t i = 0; i < count; i++) sigaddset(&set, signals[i]);
    int problem = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (problem) { errno = problem; return -1; }
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int bh_next_signal(int descriptor) {
    struct signalfd_siginfo info;
    ssize_t count = read(descriptor, &info, sizeof info);
    if (count == sizeof info) return (int)info.ssi_signo;
    if (count >= 0) errno = EIO;
    return -1;
}

int bh_set_processors_of(pid_t process, const void *mask, size_t size) {
    return (int)syscall(SYS_sched_setaffinity, process, size, mask);
}
int bh_place_thread(pthread_t thread, int away) {
    cpu_set_t allowed;
    int here = sched_getcpu();
    if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed) < 0) return -1;
    if (away) CPU_CLR(here, &allowed);
    if (CPU_COUNT(&allowed) == 0) return -1;
    return pthread_setaffinity_np(thread, sizeof allowed, &allowed) == 0 ? 0 : -1;
}

int bh_set_limits_of(pid_t process, unsigned resource, uint64_t soft, uint64_t hard) {
    uint64_t wanted[2] = { soft, hard };
    return (int)syscall(SYS_prlimit64, process, resource, wanted, NULL);
}
int bh_get_limits_of(pid_t process, unsigned resource, uint64_t *soft, uint64_t *hard) {
    uint64_t found[2];
    if (syscall(SYS_prlimit64, process, resource, NULL, found) < 0) return -1;
    *soft = found[0];
    *hard = found[1];
    return 0;
}

int bh_load_device_program(const void *instructions, unsigned count) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insns = (uint64_t)(uintptr_t)instructions;
    attributes.insn_cnt = count;
    attributes.license = (uint64_t)(uintptr_t)"Apache-2.0";
    strcpy(attributes.prog_name, "bulkhead_dev");
    return (int)bh_bpf(BPF_PROG_LOAD, &attributes, sizeof attributes);
}
int bh_attach_device_program(int program, int group) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.target_fd = (uint32_t)group;
    attributes.attach_bpf_fd = (uint32_t)program;
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    return (int)bh_bpf(BPF_PROG_ATTACH, &attributes, sizeof attributes);
}

int bh_attached_device_programs(int group, uint32_t *identifiers, unsigned most) {
    union bpf_attr query;
    memset(&query, 0, sizeof query);
    query.query.target_fd = (uint32_t)group;
    query.query.attach_type = BPF_CGROUP_DEVICE;
    query.query.prog_ids = (uint64_t)(uintptr_t)identifiers;
    query.query.prog_cnt = most;
    if (bh_bpf(BPF_PROG_QUERY, &query, sizeof query) < 0) return -1;
    return (int)query.query.prog_cnt;
}

int bh_detach_device_program(uint32_t identifier, int group) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_id = identifier;
    int program = (int)bh_bpf(BPF_PROG_GET_FD_BY_ID, &attributes, sizeof attributes);
    if (program < 0) return -1;
    memset(&attributes, 0, sizeof attributes);
    attributes.target_fd = (uint32_t)group;
    attributes.attach_bpf_fd = (uint32_t)program;
    attributes.attach_type = BPF_CGROUP_DEVICE;
    long result = bh_bpf(BPF_PROG_DETACH, &attributes, sizeof attributes);
    int number = errno;
    close(program);
    errno = number;
    return (int)result;
}

ssize_t bh_send_descriptors(int socket, const void *bytes, size_t size, const int *descriptors, unsigned count) {
    union { struct cmsghdr header; char space[CMSG_SPACE(250 * sizeof(int))]; } control;
    struct iovec vector = { (void *)bytes, size };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
    if (count > 250) { errno = EMFILE; return -1; }
    if (count) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

int bh_pidfd_getfd(int pidfd, int number) {
    return (int)syscall(SYS_pidfd_getfd, pidfd, number, 0u);
}

int bh_malloc_trim(void) {
    return malloc_trim(0);
}
