/* Capabilities, users, limits and priorities: what was given up must not come back. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    dac_read_search = 2, linux_immutable = 9, net_admin = 12, net_raw = 13, sys_module = 16, sys_rawio = 17,
    sys_ptrace = 19, sys_admin = 21, sys_boot = 22, sys_time = 25, mknod_capability = 27, mac_admin = 33, syslog_ = 34,
    bpf = 39, capability_last = 40, capability_version = 0x20080522,
};
struct capability_header { uint32_t version; int process; };
struct capability_words { uint32_t effective, permitted, inheritable; };

static int words(struct capability_words *data) {
    struct capability_header header = { capability_version, 0 };
    return (int)syscall(SYS_capget, &header, data);
}
static int raise_(int capability, int inheritable_only) {
    struct capability_header header = { capability_version, 0 };
    struct capability_words data[2];
    if (words(data) < 0) return unprepared();
    struct capability_words *word = &data[capability / 32];
    uint32_t bit = 1u << (capability % 32);
    if (inheritable_only) word->inheritable |= bit;
    else {
        word->permitted |= bit;
        word->effective |= bit;
    }
    return answer(call2(SYS_capset, &header, data));
}
static int raise_administrator(void) { return raise_(sys_admin, 0); }
static int raise_module(void) { return raise_(sys_module, 0); }
static int raise_rawio(void) { return raise_(sys_rawio, 0); }
static int raise_ptrace(void) { return raise_(sys_ptrace, 0); }
static int raise_boot(void) { return raise_(sys_boot, 0); }
static int raise_time(void) { return raise_(sys_time, 0); }
static int raise_network(void) { return raise_(net_admin, 0); }
static int raise_raw_sockets(void) { return raise_(net_raw, 0); }
static int raise_read_search(void) { return raise_(dac_read_search, 0); }
static int raise_mknod(void) { return raise_(mknod_capability, 0); }
static int raise_mac(void) { return raise_(mac_admin, 0); }
static int raise_syslog(void) { return raise_(syslog_, 0); }
static int raise_bpf(void) { return raise_(bpf, 0); }
static int raise_inheritable(void) { return raise_(net_raw, 1); }
static int raise_ambient(void) { return answer(call3(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, sys_admin)); }

/* What the bounding set still holds, a program with file capabilities could bring back. */
static int bounding_holds(int capability) {
    long held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
    return held < 0 ? errno : held ? 0 : EPERM;
}
static int bounding_administrator(void) { return bounding_holds(sys_admin); }
static int bounding_module(void) { return bounding_holds(sys_module); }
static int bounding_ptrace(void) { return bounding_holds(sys_ptrace); }
static int bounding_read_search(void) { return bounding_holds(dac_read_search); }
static int bounding_network(void) { return bounding_holds(net_admin); }
static int inherited_capability(void) {
    struct capability_words data[2];
    if (words(data) < 0) return unprepared();
    if (data[0].inheritable || data[1].inheritable) return 0;
    for (int i = 0; i <= capability_last; i++)
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1) return 0;
    return EPERM;
}

static int lift_privilege_bar(void) { return answer(call2(SYS_prctl, PR_SET_NO_NEW_PRIVS, 0)); }
static int has_no_privilege_bar(void) {
    int barred = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    return barred < 0 ? errno : barred ? EPERM : 0;
}
static int memory_map_fields(void) { return answer(call4(SYS_prctl, PR_SET_MM, PR_SET_MM_BRK, 0x100000, 0)); }
static int own_executable(void) {
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return file < 0 ? unprepared() : answer(call4(SYS_prctl, PR_SET_MM, PR_SET_MM_EXE_FILE, file, 0));
}

static int unmapped_user(void) { return answer(call3(SYS_setresuid, 70000, 70000, 70000)); }
static int unmapped_group(void) { return answer(call3(SYS_setresgid, 70000, 70000, 70000)); }
static int unmapped_groups(void) {
    const gid_t group = 70000;
    return answer(call2(SYS_setgroups, 1, &group));
}
/* Root inside is that already, and gains nothing. */
static int become_root(void) { return getuid() == 0 ? EALREADY : answer(call3(SYS_setresuid, 0, 0, 0)); }

static int copy_of_ourselves(const char *path, mode_t mode) {
    char room[8192];
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    if (from < 0 || to < 0) return -1;
    for (ssize_t count; (count = read(from, room, sizeof room)) != 0;)
        if (count < 0 || write(to, room, (size_t)count) != count) return -1;
    (void)close(from);
    if (fchmod(to, mode) < 0) return -1;
    return close(to);
}
/* Root inside leaves a setuid program behind; another user runs it. */
static int setuid_program(void) {
    static const char path[] = "/tmp/probe-setuid";
    char *const arguments[] = { (char *)path, (char *)"is-root", NULL };
    if (getuid() != 0) return EPERM;
    if (copy_of_ourselves(path, 06755) < 0) return unprepared();
    pid_t child = fork();
    int status = 0;
    if (child < 0) return unprepared();
    if (child == 0) {
        if (syscall(SYS_setresgid, 1000, 1000, 1000) < 0 || syscall(SYS_setresuid, 1000, 1000, 1000) < 0) _exit(2);
        (void)execve(path, arguments, NULL);
        _exit(2);
    }
    if (waitpid(child, &status, 0) < 0) return unprepared();
    (void)unlink(path);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 2) return -EACCES;
    return WEXITSTATUS(status) == 0 ? 0 : EPERM;
}

static int raise_limit(int resource) {
    struct rlimit limit;
    if (getrlimit(resource, &limit) < 0) return unprepared();
    if (limit.rlim_max == RLIM_INFINITY) return -EOVERFLOW;
    limit.rlim_max = limit.rlim_cur = limit.rlim_max + 1;
    return answer(call4(SYS_prlimit64, 0, resource, &limit, 0));
}
/* The limits it has, given to it again: harmless, and the right that is asked for is the right to lower them. */
static int limit_init(void) {
    struct rlimit64 limit = { RLIM_INFINITY, RLIM_INFINITY };
    (void)syscall(SYS_prlimit64, 1, RLIMIT_FSIZE, NULL, &limit); /* another user may not even read it */
    return answer(call4(SYS_prlimit64, 1, RLIMIT_FSIZE, &limit, 0));
}
static int raise_files(void) { return raise_limit(RLIMIT_NOFILE); }
static int raise_core(void) { return raise_limit(RLIMIT_CORE); }
static int raise_locked(void) { return raise_limit(RLIMIT_MEMLOCK); }
static int raise_queues(void) { return raise_limit(RLIMIT_MSGQUEUE); }
static int raise_signals(void) { return raise_limit(RLIMIT_SIGPENDING); }
static int raise_nice(void) { return raise_limit(RLIMIT_NICE); }
static int raise_real_time(void) { return raise_limit(RLIMIT_RTPRIO); }
static int raise_priority(void) { return answer(call3(SYS_setpriority, PRIO_PROCESS, 0, -10)); }
static int real_time(void) {
    const int priority = 10;
    return answer(call3(SYS_sched_setscheduler, 0, 1 /* SCHED_FIFO */, &priority));
}
static int round_robin(void) {
    const int priority = 99;
    return answer(call3(SYS_sched_setscheduler, 0, 2 /* SCHED_RR */, &priority));
}
static int deadline(void) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } order = { 48, 6, 0, 0, 0, 10000000, 30000000, 30000000 };
    return answer(call3(SYS_sched_setattr, 0, &order, 0));
}
static int real_time_disk(void) { return answer(call3(SYS_ioprio_set, 1, 0, (1 << 13) | 0)); }

static int attribute(const char *path, const char *name, const void *value, size_t size) {
    int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0700);
    return file < 0 ? unprepared() : answer(call5(SYS_fsetxattr, file, name, value, size, 0));
}
static int trusted_attribute(void) { return attribute("/tmp/probe-attribute", "trusted.overlay.opaque", "y", 1); }
static int measured_attribute(void) { return attribute("/tmp/probe-measured", "security.ima", "\1", 1); }
static int file_capability(void) {
    static const uint32_t capability[5] = { 0x02000001, 1u << net_raw, 0, 0, 0 };
    return attribute("/tmp/probe-capability", "security.capability", capability, sizeof capability);
}
static int order(const char *path, int flags, unsigned long request, void *argument) {
    int file = open(path, flags | O_CLOEXEC, 0600);
    return file < 0 ? unprepared() : answer(call3(SYS_ioctl, file, request, argument));
}
static int immutable_file(void) {
    int flags = 0x10;
    return order("/tmp/probe-immutable", O_CREAT | O_RDWR, _IOW('f', 2, long), &flags);
}
static int append_only_file(void) {
    int flags = 0x20;
    return order("/tmp/probe-append", O_CREAT | O_RDWR, _IOW('f', 2, long), &flags);
}
/* A project number of one's own would escape a quota. */
static int project_number(void) {
    struct { uint32_t flags, extent, extents, project, cow; unsigned char spare[8]; } state = { 0 };
    int file = open("/tmp/probe-project", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) return unprepared();
    if (ioctl(file, _IOR('X', 31, char[28]), &state) < 0) return errno;
    state.project += 7;
    return answer(call3(SYS_ioctl, file, _IOW('X', 32, char[28]), &state));
}
/* Thawing what is not frozen is refused, after the caller's rights have been looked at. */
static int thaw_filesystem(void) {
    int unused = 0;
    return order("/", O_RDONLY | O_DIRECTORY, _IOWR('X', 120, int), &unused);
}

static const struct attempt attempts[] = {
    { "capset-sys-admin", "raise CAP_SYS_ADMIN", raise_administrator },
    { "capset-sys-module", "raise CAP_SYS_MODULE", raise_module },
    { "capset-sys-rawio", "raise CAP_SYS_RAWIO", raise_rawio },
    { "capset-sys-ptrace", "raise CAP_SYS_PTRACE", raise_ptrace },
    { "capset-sys-boot", "raise CAP_SYS_BOOT", raise_boot },
    { "capset-sys-time", "raise CAP_SYS_TIME", raise_time },
    { "capset-net-admin", "raise CAP_NET_ADMIN", raise_network },
    { "capset-net-raw", "raise CAP_NET_RAW", raise_raw_sockets },
    { "capset-dac-read-search", "raise CAP_DAC_READ_SEARCH", raise_read_search },
    { "capset-mknod", "raise CAP_MKNOD", raise_mknod },
    { "capset-mac-admin", "raise CAP_MAC_ADMIN", raise_mac },
    { "capset-syslog", "raise CAP_SYSLOG", raise_syslog },
    { "capset-bpf", "raise CAP_BPF", raise_bpf },
    { "capset-inheritable", "make a capability inheritable (CVE-2022-24769)", raise_inheritable },
    { "ambient-sys-admin", "make CAP_SYS_ADMIN ambient", raise_ambient },
    { "bounding-sys-admin", "find CAP_SYS_ADMIN in the bounding set", bounding_administrator },
    { "bounding-sys-module", "find CAP_SYS_MODULE in the bounding set", bounding_module },
    { "bounding-sys-ptrace", "find CAP_SYS_PTRACE in the bounding set", bounding_ptrace },
    { "bounding-dac-read-search", "find CAP_DAC_READ_SEARCH in the bounding set", bounding_read_search },
    { "bounding-net-admin", "find CAP_NET_ADMIN in the bounding set", bounding_network },
    { "inherited-capability", "find an inheritable or ambient capability", inherited_capability },
    { "clear-no-new-privs", "lift no_new_privs", lift_privilege_bar },
    { "no-privilege-bar", "find ourselves without no_new_privs", has_no_privilege_bar },
    { "prctl-set-mm", "move our own heap, PR_SET_MM", memory_map_fields },
    { "prctl-exe-file", "change what /proc/self/exe shows, PR_SET_MM_EXE_FILE", own_executable },
    { "setuid-unmapped", "become a user that is not mapped", unmapped_user },
    { "setgid-unmapped", "take a group that is not mapped", unmapped_group },
    { "setgroups-unmapped", "join a group that is not mapped", unmapped_groups },
    { "setuid-root", "become root", become_root },
    { "setuid-program", "become root by a setuid program of our own", setuid_program },
    { "limit-init", "set a limit of init", limit_init },
    { "rlimit-nofile", "raise the limit of descriptors", raise_files },
    { "rlimit-core", "raise the limit of core dumps", raise_core },
    { "rlimit-memlock", "raise the limit of locked memory", raise_locked },
    { "rlimit-msgqueue", "raise the limit of message queues", raise_queues },
    { "rlimit-sigpending", "raise the limit of queued signals", raise_signals },
    { "rlimit-nice", "raise the limit of priorities", raise_nice },
    { "rlimit-rtprio", "raise the limit of real-time priorities", raise_real_time },
    { "priority", "raise our priority", raise_priority },
    { "real-time", "run before everybody else, SCHED_FIFO", real_time },
    { "round-robin", "run before everybody else, SCHED_RR", round_robin },
    { "deadline", "run before everybody else, SCHED_DEADLINE", deadline },
    { "real-time-disk", "have the disk before everybody else, ioprio_set", real_time_disk },
    { "trusted-xattr", "mark a directory opaque for the host's overlay", trusted_attribute },
    { "measured-xattr", "give a file a measurement", measured_attribute },
    { "file-capability", "give a file a capability", file_capability },
    { "immutable-file", "make a file immutable, so that nobody can clean it up", immutable_file },
    { "append-only-file", "make a file append-only", append_only_file },
    { "project-number", "move a file to another quota project", project_number },
    { "freeze-filesystem", "freeze the file system (by thawing it)", thaw_filesystem },
    { NULL, NULL, NULL },
};

const struct area privilege_area = { "privileges", NULL, NULL, NULL, attempts };
