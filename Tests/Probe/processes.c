/* Attempts that take more than one call: tracing, terminals, capabilities, devices, other call tables. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { net_raw = 13, sys_admin = 21, capability_version = 0x20080522 };
struct capability_header { uint32_t version; int process; };
struct capability_words { uint32_t effective, permitted, inheritable; };

static int answer(long result) { return result < 0 ? errno : 0; }

static int ptrace_attach(void) { return answer(ptrace(PTRACE_ATTACH, 1, 0, 0)); }
static int ptrace_seize(void) { return answer(ptrace(PTRACE_SEIZE, 1, 0, 0)); }

static int own_terminal(void) {
    int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY), locked = 0;
    if (terminal < 0 || ioctl(terminal, TIOCSPTLCK, &locked) < 0) return -1;
    (void)setsid();
    int slave = ioctl(terminal, 0x5441 /* TIOCGPTPEER */, O_RDWR);
    return slave;
}
static int type_into_terminal(void) {
    char letter = 'x';
    return answer(ioctl(own_terminal(), TIOCSTI, &letter));
}
static int paste_into_terminal(void) {
    char subcode = 3;
    return answer(ioctl(own_terminal(), TIOCLINUX, &subcode));
}
/* The high half of the request is not looked at by the kernel and so must not be by the filter (CVE-2019-10063). */
static int type_with_high_bits(void) {
    char letter = 'x';
    return answer(syscall(SYS_ioctl, own_terminal(), 0x100000000l | TIOCSTI, &letter));
}
static int line_discipline(void) {
    int number = 3; /* slip and its like are modules the kernel would load */
    return answer(ioctl(own_terminal(), TIOCSETD, &number));
}

static int make_and_open(mode_t type, unsigned major_, unsigned minor_) {
    const char *path = "/tmp/probe-device";
    (void)unlink(path);
    if (mknod(path, type | 0666, makedev(major_, minor_)) < 0) return errno;
    int descriptor = open(path, O_RDWR);
    int result = answer(descriptor);
    (void)unlink(path);
    return result;
}
static int mknod_mem(void) { return make_and_open(S_IFCHR, 1, 1); }
static int mknod_null(void) { return make_and_open(S_IFCHR, 1, 3); }
static int mknod_fuse(void) { return make_and_open(S_IFCHR, 10, 229); }
static int mknod_disk(void) { return make_and_open(S_IFBLK, 8, 0); }

/* A device node that came with the image's layer. */
static int smuggled_device(void) { return answer(open("/smuggled/null", O_RDWR)); }
static int smuggled_kmsg(void) { return answer(open("/smuggled/kmsg", O_RDONLY | O_NONBLOCK)); }

static int raise_capabilities(uint32_t permitted, uint32_t inheritable) {
    struct capability_header header = { capability_version, 0 };
    struct capability_words data[2];
    if (syscall(SYS_capget, &header, data) < 0) return errno;
    data[0].permitted |= permitted;
    data[0].effective |= permitted;
    data[0].inheritable |= inheritable;
    return answer(syscall(SYS_capset, &header, data));
}
static int raise_administrator(void) { return raise_capabilities(1u << sys_admin, 0); }
static int raise_inheritable(void) { return raise_capabilities(0, 1u << net_raw); }
static int raise_ambient(void) { return answer(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, sys_admin, 0, 0)); }
static int lift_privilege_bar(void) { return answer(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0)); }
static int memory_map_fields(void) { return answer(prctl(PR_SET_MM, PR_SET_MM_BRK, 0x100000, 0, 0)); }
static int unmapped_user(void) { return answer(syscall(SYS_setresuid, 70000, 70000, 70000)); }
static int become_root(void) { return answer(syscall(SYS_setresuid, 0, 0, 0)); }

static int raise_limit(int resource) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) < 0) return errno;
    limit.rlim_max = limit.rlim_cur = limit.rlim_max + 1;
    return answer(setrlimit(resource, &limit));
}
static int raise_files(void) { return raise_limit(RLIMIT_NOFILE); }
static int raise_core(void) { return raise_limit(RLIMIT_CORE); }
static int raise_priority(void) { return answer(setpriority(PRIO_PROCESS, 0, -10)); }
static int real_time(void) {
    struct sched_param parameter = { .sched_priority = 10 };
    return answer(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &parameter));
}

static int write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    return file < 0 ? errno : answer(write(file, text, strlen(text)));
}
static int spare_from_memory_killer(void) { return write_file("/proc/self/oom_score_adj", "-900"); }
static int map_users(void) { return write_file("/proc/self/uid_map", "0 0 1"); }
static int shift_time(void) { return write_file("/proc/self/timens_offsets", "monotonic 100 0"); }
static int make_cgroup(void) { return answer(mkdir("/sys/fs/cgroup/taken", 0755)); }

static int trusted_attribute(void) {
    int file = open("/tmp/probe-attribute", O_CREAT | O_RDWR, 0600);
    return file < 0 ? errno : answer(fsetxattr(file, "trusted.overlay.opaque", "y", 1, 0));
}
static int file_capability(void) {
    static const uint32_t capability[5] = { 0x02000001, 1u << net_raw, 0, 0, 0 };
    int file = open("/tmp/probe-capability", O_CREAT | O_RDWR, 0700);
    return file < 0 ? errno : answer(fsetxattr(file, "security.capability", capability, sizeof capability, 0));
}
static int immutable_file(void) {
    int file = open("/tmp/probe-immutable", O_CREAT | O_RDWR, 0600), flags = 0x10;
    return file < 0 ? errno : answer(ioctl(file, _IOW('f', 2, long), &flags));
}
static int freeze_filesystem(void) {
    int directory = open("/", O_RDONLY | O_DIRECTORY), unused = 0;
    return answer(ioctl(directory, _IOWR('X', 119, int), &unused));
}

static int interface_down(void) {
    struct ifreq request = { .ifr_name = "lo" };
    int socket_ = socket(AF_INET, SOCK_DGRAM, 0);
    if (ioctl(socket_, SIOCGIFFLAGS, &request) < 0) return errno;
    request.ifr_flags &= (short)~IFF_UP;
    return answer(ioctl(socket_, SIOCSIFFLAGS, &request));
}
static int pair_of_tipc(void) {
    int pair[2];
    return answer(socketpair(30, SOCK_RDM, 0, pair));
}

static int join_own_namespace(void) {
    int file = open("/proc/self/ns/uts", O_RDONLY);
    return file < 0 ? errno : answer(syscall(SYS_setns, file, 0));
}
/* Which user namespace is above ours: NS_GET_PARENT of ioctl_ns(2). */
static int parent_namespace(void) {
    int file = open("/proc/self/ns/user", O_RDONLY);
    return file < 0 ? errno : answer(ioctl(file, _IO(0xb7, 2)));
}

/* chroot(2) and a descriptor from before lead above the new root; they must not lead above the container's. */
static int chroot_and_out(void) {
    struct stat before, after;
    (void)mkdir("/tmp/probe-root", 0755);
    int above = open("/", O_RDONLY | O_DIRECTORY);
    if (above < 0 || fstat(above, &before) < 0 || chroot("/tmp/probe-root") < 0 || fchdir(above) < 0) return errno;
    for (int i = 0; i < 64; i++)
        if (chdir("..") < 0) return errno;
    if (stat(".", &after) < 0) return errno;
    return after.st_dev == before.st_dev && after.st_ino == before.st_ino ? EXDEV : 0;
}

#ifdef __x86_64__
/* The 32-bit call table from a 64-bit program: int $0x80 needs no 32-bit binary. */
static int call32(int number, int a, int b, int c) {
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c)
                     : "memory", "r8", "r9", "r10", "r11");
    return result < 0 && result > -4096 ? -result : 0;
}
static int i386_getpid(void) { return call32(20, 0, 0, 0); }
static int i386_unshare(void) { return call32(310, CLONE_NEWUTS, 0, 0); }
static int i386_socket(void) { return call32(359, 38, SOCK_SEQPACKET, 0); }
static int i386_keyctl(void) { return call32(288, 0, -3, 1); }
#endif

const struct attempt process_attempts[] = {
    { "ptrace-attach-init", ptrace_attach },
    { "ptrace-seize-init", ptrace_seize },
    { "tiocsti", type_into_terminal },
    { "tiocsti-high-bits", type_with_high_bits },
    { "tioclinux", paste_into_terminal },
    { "tiocsetd", line_discipline },
    { "mknod-mem", mknod_mem },
    { "mknod-null", mknod_null },
    { "mknod-fuse", mknod_fuse },
    { "mknod-disk", mknod_disk },
    { "smuggled-null", smuggled_device },
    { "smuggled-kmsg", smuggled_kmsg },
    { "capset-sys-admin", raise_administrator },
    { "capset-inheritable", raise_inheritable },
    { "ambient-sys-admin", raise_ambient },
    { "clear-no-new-privs", lift_privilege_bar },
    { "prctl-set-mm", memory_map_fields },
    { "setuid-unmapped", unmapped_user },
    { "setuid-root", become_root },
    { "rlimit-nofile", raise_files },
    { "rlimit-core", raise_core },
    { "priority", raise_priority },
    { "real-time", real_time },
    { "oom-score", spare_from_memory_killer },
    { "uid-map", map_users },
    { "time-offsets", shift_time },
    { "mkdir-cgroup", make_cgroup },
    { "trusted-xattr", trusted_attribute },
    { "file-capability", file_capability },
    { "immutable-file", immutable_file },
    { "freeze-filesystem", freeze_filesystem },
    { "interface-down", interface_down },
    { "socketpair-tipc", pair_of_tipc },
    { "setns-own", join_own_namespace },
    { "parent-namespace", parent_namespace },
    { "chroot-out", chroot_and_out },
#ifdef __x86_64__
    { "i386-getpid", i386_getpid },
    { "i386-unshare", i386_unshare },
    { "i386-socket", i386_socket },
    { "i386-keyctl", i386_keyctl },
#endif
    { NULL, NULL },
};
