/*
 * The floor: what the kernel alone asks for a launch. A container with the walls and the files of our default sandbox,
 * made by the same system calls in the same order, without a record, a plan, a log, an image store or a check of
 * anything: whatever is seen from inside is there, and nothing of what only its keeper needs. Docs/Decisions/0159.
 *
 *   floor LAYER SCRATCH N    makes N containers over LAYER that run /bin/true, one after the other; prints the
 *                            microseconds of each, from the first call to the known end with everything removed
 *   floor LAYER SCRATCH N pooled   the same, the user and the network namespace of each made before its time begins
 *   floor LAYER SCRATCH N together HANDS   N containers, HANDS at a time; prints the microseconds of all
 *
 * SCRATCH is a directory of its own on LAYER's file system. Needs root and Linux 6.15 (layers that are attached nowhere).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { base = 0x10000000, files = 3, trees = 4 + files, socket_number = 3, filter_length = 200 };
enum { empty_path = 0x1000, clone_tree = 1, recursive = 0x8000, set_string = 1, set_fd = 5, create = 6 };
struct attributes { uint64_t set, clear, propagation, user_namespace; };
struct how { uint64_t flags, mode, resolve; };

static const char *const sealed[] = { "bus", "dynamic_debug", "fs", "irq", "sys", "sysrq-trigger" };
static const char *const masked[] = {
    "proc/acpi", "proc/asound", "proc/config.gz", "proc/diskstats", "proc/interrupts", "proc/iomem", "proc/ioports",
    "proc/kallsyms", "proc/kcore", "proc/key-users", "proc/keys", "proc/kmsg", "proc/kpagecgroup", "proc/kpagecount",
    "proc/kpageflags", "proc/latency_stats", "proc/mdstat", "proc/modules", "proc/pagetypeinfo", "proc/sched_debug",
    "proc/scsi", "proc/slabinfo", "proc/softirqs", "proc/swaps", "proc/timer_list", "proc/timer_stats",
    "proc/vmallocinfo", "proc/zoneinfo", "sys/block", "sys/bus", "sys/class/block", "sys/dev/block",
    "sys/devices/virtual/dmi", "sys/devices/virtual/powercap", "sys/devices/virtual/thermal", "sys/firmware",
    "sys/fs/selinux", "sys/hypervisor", "sys/kernel", "sys/module", "sys/power",
};
static const struct { const char *name, *text; } file[files] = {
    { "hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n" }, { "hostname", "container\n" },
    { "resolv.conf", "\n" },
};

static void must(long result, const char *what) {
    if (result >= 0) return;
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    _exit(1);
}
static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}
static int open_tree_at(int directory, const char *path, unsigned flags) {
    int result = (int)syscall(SYS_open_tree, directory, path, clone_tree | O_CLOEXEC | flags);
    must(result, "open_tree");
    return result;
}
static void set_attributes(int tree, uint64_t set, int user_namespace) {
    struct attributes attributes = { set | (user_namespace >= 0 ? 0x100000 : 0), 0, 0,
                                     user_namespace >= 0 ? (uint64_t)user_namespace : 0 };
    must(syscall(SYS_mount_setattr, tree, "", empty_path, &attributes, sizeof attributes), "mount_setattr");
}
static void move(int tree, int to, const char *path) {
    must(syscall(SYS_move_mount, tree, "", to, path, 4 | (*path ? 0 : 0x40)), "move_mount");
}
static int context(const char *type) {
    int result = (int)syscall(SYS_fsopen, type, 1);
    must(result, type);
    return result;
}
static void option(int context, const char *key, const char *value) {
    must(syscall(SYS_fsconfig, context, set_string, key, value, 0), key);
}
static int finish(int context, unsigned attributes) {
    must(syscall(SYS_fsconfig, context, create, NULL, NULL, 0), "fsconfig(create)");
    int result = (int)syscall(SYS_fsmount, context, 1, attributes);
    must(result, "fsmount");
    close(context);
    return result;
}
static int in_root(int root, const char *path) {
    struct how how = { O_PATH | O_CLOEXEC, 0, 0x10 | 0x02 };
    return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

/* --- inside ------------------------------------------------------------------------------------------------- */

static void filter(void) {
    static struct sock_filter program[filter_length];
    for (int i = 0; i < filter_length - 1; i++) /* never jumps out: each call walks some of it, as a tree would */
        program[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    for (int i = 8; i < filter_length - 1; i += 8)
        program[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0);
    program[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, filter_length - 20, 0, 0);
    program[filter_length - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog loaded = { filter_length, program };
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded), "seccomp");
}

static void place(int root, const char *path, int tree) {
    int target = in_root(root, path);
    must(target, path);
    move(tree, target, "");
    close(target);
    close(tree);
}

static void kernel_filesystems(int root, int group, int devices) {
    place(root, "proc", finish(context("proc"), 0xe));
    place(root, "sys", finish(context("sysfs"), 0xf));
    place(root, "sys/fs/cgroup", group);
    place(root, "dev", devices);
    int pts = context("devpts"), shm = context("tmpfs");
    option(pts, "ptmxmode", "0666");
    option(pts, "mode", "0620");
    place(root, "dev/pts", finish(pts, 0xa));
    option(shm, "mode", "1777");
    option(shm, "size", "67108864");
    place(root, "dev/shm", finish(shm, 0xe));
    place(root, "dev/mqueue", finish(context("mqueue"), 0xe));
}

static void cover(int root, int null) {
    char path[64];
    int empty = -1, placed = 0;
    for (unsigned i = 0; i < sizeof sealed / sizeof *sealed; i++) {
        snprintf(path, sizeof path, "proc/%s", sealed[i]);
        int target = in_root(root, path);
        if (target < 0) continue;
        int copy = open_tree_at(target, "", empty_path | recursive);
        set_attributes(copy, 0xf, -1);
        move(copy, target, "");
        close(copy);
        close(target);
    }
    for (unsigned i = 0; i < sizeof masked / sizeof *masked; i++) {
        struct stat status;
        int target = in_root(root, masked[i]);
        if (target < 0) continue;
        must(fstat(target, &status), masked[i]);
        int fresh = S_ISDIR(status.st_mode) && empty < 0;
        if (fresh) empty = finish(context("tmpfs"), 0xf);
        int is_directory = S_ISDIR(status.st_mode), first = is_directory ? fresh : !placed;
        int copy = is_directory ? empty : null;
        if (!first) copy = open_tree_at(copy, "", empty_path);
        move(copy, target, "");
        if (!first) close(copy);
        close(target);
        if (!is_directory) placed = 1;
    }
}

static void loopback(void) {
    struct ifreq request = { .ifr_name = "lo" };
    int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(ioctl(socket_, SIOCGIFFLAGS, &request), "SIOCGIFFLAGS");
    request.ifr_flags |= IFF_UP;
    must(ioctl(socket_, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
    close(socket_);
}

static void capabilities(uint64_t kept) {
    struct { uint32_t version; int process; } header = { 0x20080522, 0 };
    uint32_t words[6] = { (uint32_t)kept, (uint32_t)kept, 0, (uint32_t)(kept >> 32), (uint32_t)(kept >> 32), 0 };
    for (int i = 0; i < 41; i++)
        if (!(kept >> i & 1)) prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    must(syscall(SYS_capset, &header, words), "capset");
}

static void receive(int tree[trees]) {
    char byte, control[CMSG_SPACE(trees * sizeof(int))];
    struct iovec vector = { &byte, 1 };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control,
                              .msg_controllen = sizeof control };
    if (recvmsg(socket_number, &message, MSG_CMSG_CLOEXEC) <= 0) _exit(1);
    memcpy(tree, CMSG_DATA(CMSG_FIRSTHDR(&message)), trees * sizeof(int));
    fcntl(socket_number, F_SETFD, FD_CLOEXEC);
}

static void inside(void) {
    int tree[trees], status;
    receive(tree);
    must(syscall(SYS_setresgid, 0, 0, 0), "setresgid");
    must(syscall(SYS_setresuid, 0, 0, 0), "setresuid");
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    setsid();
    umask(022);
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
    move(tree[0], AT_FDCWD, "/");
    kernel_filesystems(tree[0], tree[1], tree[2]);
    for (int i = 0; i < files; i++) {
        char path[64];
        snprintf(path, sizeof path, "etc/%s", file[i].name);
        place(tree[0], path, tree[4 + i]);
    }
    cover(tree[0], tree[3]);
    must(fchdir(tree[0]), "fchdir");
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "umount2");
    must(chdir("/"), "chdir");
    must(sethostname("container", 9), "sethostname");
    (void)syscall(SYS_keyctl, 1, NULL);
    loopback();
    pid_t task = fork();
    must(task, "fork");
    if (task > 0) {
        close(socket_number);
        capabilities(1u << 5);
        filter();
        waitpid(task, &status, 0);
        _exit(WEXITSTATUS(status));
    }
    static const struct { int resource; struct rlimit value; } limit[] = {
        { RLIMIT_NOFILE, { 1024, 65536 } }, { RLIMIT_CORE, { 0, 0 } }, { RLIMIT_MEMLOCK, { 65536, 65536 } },
        { RLIMIT_MSGQUEUE, { 819200, 819200 } }, { RLIMIT_SIGPENDING, { 8192, 8192 } }, { RLIMIT_NICE, { 0, 0 } },
        { RLIMIT_RTPRIO, { 0, 0 } },
    };
    for (unsigned i = 0; i < sizeof limit / sizeof *limit; i++) setrlimit((unsigned)limit[i].resource, &limit[i].value);
    int null = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; i++) dup2(null, i);
    must(syscall(SYS_setgroups, 0, NULL), "setgroups");
    capabilities(0x405fb);
    must(syscall(SYS_close_range, 3, ~0u, 4), "close_range");
    filter();
    execl("/bin/true", "true", NULL);
    _exit(127);
}

/* --- outside ------------------------------------------------------------------------------------------------ */

static char layer[4096], scratch[4096], targets[4200];
static int device_program = -1;

__attribute__((always_inline)) static inline long clone_here(struct clone_args *arguments) {
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall" : "=a"(result)
                     : "0"((long)SYS_clone3), "D"(arguments), "S"(sizeof *arguments) : "rcx", "r11", "memory");
    return result;
#else
    arguments->flags &= ~(uint64_t)CLONE_VM;
    return syscall(SYS_clone3, arguments, sizeof *arguments);
#endif
}

/*
 * As vfork(2): the child runs on our stack until it has exec'ed, so this must stay a frame of its own. With namespaces
 * made before, a child that enters them has the child for us.
 */
__attribute__((noinline)) static pid_t start(int group, int control, int self, int *pidfd, const int made[2]) {
    struct clone_args arguments = {
        .flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS
            | CLONE_NEWCGROUP | 0x80 /* CLONE_NEWTIME */,
        .pidfd = (uint64_t)(uintptr_t)pidfd, .exit_signal = SIGCHLD,
    };
    volatile long result = 0;
    if (made) {
        struct clone_args joiner = { .flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_INTO_CGROUP,
                                     .exit_signal = SIGCHLD, .cgroup = (uint64_t)group };
        int status;
        long entering = clone_here(&joiner);
        if (entering == 0) {
            if (setns(made[1], CLONE_NEWNET) < 0 || setns(made[0], CLONE_NEWUSER) < 0) _exit(1);
            arguments.flags |= CLONE_PARENT;
            arguments.exit_signal = 0; /* that of whoever clones is taken */
            result = clone_here(&arguments);
            if (result != 0) _exit(result < 0);
        } else {
            if (entering < 0) { errno = (int)-entering; return -1; }
            must(waitpid((pid_t)entering, &status, 0), "waitpid");
            if (status) { errno = EPERM; return -1; }
        }
    } else {
        arguments.flags |= CLONE_NEWUSER | CLONE_NEWNET | CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)group;
        result = clone_here(&arguments);
    }
    if (result == 0) {
        char *const words[] = { "floor", NULL }, *const nothing[] = { NULL };
        struct { uint32_t version; int process; } header = { 0x20080522, 0 };
        uint32_t caps[6];
        syscall(SYS_capget, &header, caps);
        caps[2] = caps[1], caps[5] = caps[4];
        syscall(SYS_capset, &header, caps);
        for (unsigned long i = 0; i < 41; i++) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
        dup2(control, socket_number);
        syscall(SYS_execveat, self, "", words, nothing, AT_EMPTY_PATH);
        _exit(126);
    }
    if (result < 0) { errno = (int)-result; return -1; }
    return (pid_t)result;
}

static void write_file(const char *path, const char *text) {
    int file = open(path, O_WRONLY | O_CLOEXEC);
    must(file, path);
    must(write(file, text, strlen(text)), path);
    close(file);
}

static int overlay(int user_namespace, const char *place) {
    char path[4200];
    const char *const lower[] = { layer, targets };
    int over = context("overlay"), tree[2]; /* each must stay open until the overlay has it */
    for (int i = 0; i < 2; i++) {
        tree[i] = open_tree_at(AT_FDCWD, lower[i], 0);
        set_attributes(tree[i], 0, user_namespace);
        must(syscall(SYS_fsconfig, over, set_fd, "lowerdir+", NULL, tree[i]), "lowerdir+");
    }
    snprintf(path, sizeof path, "%s/upper", place);
    option(over, "upperdir", path);
    snprintf(path, sizeof path, "%s/work", place);
    option(over, "workdir", path);
    must(syscall(SYS_fsconfig, over, 0, "volatile", NULL, 0), "volatile");
    int root = finish(over, 6);
    for (int i = 0; i < 2; i++) close(tree[i]);
    return root;
}

static int devices(void) {
    static const struct { const char *name; int major, minor; } node[] = {
        { "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
    };
    static const char *const link[][2] = {
        { "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
        { "stderr", "/proc/self/fd/2" }, { "ptmx", "pts/ptmx" },
    };
    static const char *const directory[] = { "pts", "shm", "mqueue", "." };
    int context_ = context("tmpfs");
    option(context_, "mode", "755");
    option(context_, "size", "1048576");
    int tree = finish(context_, 0xa);
    for (int i = 0; i < 6; i++) {
        mknodat(tree, node[i].name, S_IFCHR | 0666, makedev(node[i].major, node[i].minor));
        fchmodat(tree, node[i].name, 0666, 0);
        fchownat(tree, node[i].name, base, base, 0);
    }
    for (int i = 0; i < 5; i++) symlinkat(link[i][1], tree, link[i][0]);
    for (int i = 0; i < 4; i++) {
        mkdirat(tree, directory[i], 0755);
        fchownat(tree, directory[i], base, base, 0);
    }
    return tree;
}

/* What covers masked files, and the files a name service wants, on a small file system of the container's own. */
static void small_files(int tree[trees]) {
    int memory = context("tmpfs");
    option(memory, "size", "1048576");
    option(memory, "nr_inodes", "32");
    memory = finish(memory, 0);
    must(mknodat(memory, "null", S_IFCHR | 0444, makedev(1, 3)), "mknodat");
    tree[3] = open_tree_at(memory, "null", 0);
    set_attributes(tree[3], 0xb, -1);
    for (int i = 0; i < files; i++) {
        int made = openat(memory, file[i].name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        must(made, file[i].name);
        must(write(made, file[i].text, strlen(file[i].text)), file[i].name);
        must(fchown(made, base, base), file[i].name);
        close(made);
        tree[4 + i] = open_tree_at(memory, file[i].name, 0);
        set_attributes(tree[4 + i], 0xe, -1);
    }
    close(memory);
}

/* One program for all containers, as it is the same for all. */
static void load_device_program(void) {
    static const struct bpf_insn program[] = {
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 }, { .code = BPF_JMP | BPF_EXIT },
    };
    union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE, .insns = (uint64_t)(uintptr_t)program,
                            .insn_cnt = 2, .license = (uint64_t)(uintptr_t)"" };
    must(device_program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load), "BPF_PROG_LOAD");
}
static void confine_devices(int group) {
    union bpf_attr attach = { .target_fd = (uint32_t)group, .attach_bpf_fd = (uint32_t)device_program,
                              .attach_type = BPF_CGROUP_DEVICE, .attach_flags = BPF_F_ALLOW_MULTI };
    must(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach), "BPF_PROG_ATTACH");
}

static void release(int control, const int tree[trees]) {
    char control_bytes[CMSG_SPACE(trees * sizeof(int))] = { 0 };
    struct iovec vector = { "R", 1 };
    struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control_bytes,
                              .msg_controllen = sizeof control_bytes };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){ CMSG_LEN(trees * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
    memcpy(CMSG_DATA(header), tree, trees * sizeof(int));
    must(sendmsg(control, &message, 0), "sendmsg");
}

/* overlayfs makes a directory of its own in its work directory. */
#define INNER "work" "/work"

static void remove_all(const char *place, const char *group) {
    static const char *const part[] = { INNER "/incompat/volatile/dirty", INNER "/incompat/volatile",
                                        INNER "/incompat", INNER, "work", "upper", "" };
    char path[4300];
    for (unsigned i = 0; i < sizeof part / sizeof *part; i++) {
        snprintf(path, sizeof path, "%s/%s", place, part[i]);
        (void)remove(path);
    }
    must(rmdir(group), group);
}

/* All three kinds of ids: whoever is inside may write a map that is not there yet. */
static void map_ids(pid_t child) {
    static const char *const kind[] = { "uid", "gid", "projid" };
    char path[64];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/proc/%d/%s_map", (int)child, kind[i]);
        write_file(path, "0 268435456 65536\n");
    }
}

/* A user and a network namespace, held open; the process they were made with is gone. */
static void make_namespaces(int made[2]) {
    static const char *const name[] = { "user", "net" };
    char path[64];
    struct clone_args arguments = { .flags = CLONE_NEWUSER | CLONE_NEWNET, .exit_signal = SIGCHLD };
    pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    must(child, "clone3");
    if (child == 0)
        for (;;) pause();
    map_ids(child);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)child, name[i]);
        must(made[i] = open(path, O_RDONLY | O_CLOEXEC), path);
    }
    kill(child, SIGKILL);
    must(waitpid(child, NULL, 0), "waitpid");
}

static void launch(int self, int number, const int made[2]) {
    char place[4120], path[4200], group[64];
    int control[2], pidfd = -1, status;
    snprintf(place, sizeof place, "%s/%d", scratch, number);
    snprintf(group, sizeof group, "/sys/fs/cgroup/floor-%d-%d", (int)getpid(), number);
    must(mkdir(place, 0700), place);
    snprintf(path, sizeof path, "%s/upper", place);
    must(mkdir(path, 0755), path);
    must(chown(path, base, base), path);
    snprintf(path, sizeof path, "%s/work", place);
    must(mkdir(path, 0700), path);
    must(mkdir(group, 0755), group);
    int directory = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    confine_devices(directory);
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), "socketpair");
    pid_t child = start(directory, control[1], self, &pidfd, made);
    must(child, "clone3");
    close(control[1]);
    int user_namespace = made ? made[0] : -1;
    if (!made) {
        map_ids(child);
        snprintf(path, sizeof path, "/proc/%d/ns/user", (int)child);
        user_namespace = open(path, O_RDONLY | O_CLOEXEC);
    }
    int tree[trees] = { overlay(user_namespace, place), open_tree_at(AT_FDCWD, group, 0), devices() };
    set_attributes(tree[1], 0xf, -1);
    small_files(tree);
    release(control[0], tree);
    for (int i = 0; i < trees; i++) close(tree[i]);
    char byte;
    (void)recv(control[0], &byte, 1, 0); /* end of file: it has exec'ed */
    must(waitpid(child, &status, 0), "waitpid");
    if (status) { fprintf(stderr, "floor: the task failed: %x\n", (unsigned)status); _exit(1); }
    close(control[0]);
    close(pidfd);
    close(user_namespace);
    if (made) close(made[1]);
    close(directory);
    remove_all(place, group);
}

/* Where files are put that an image may lack: below all of its layers, the same for all containers. */
static void make_targets(void) {
    char path[4300];
    snprintf(targets, sizeof targets, "%s/targets", scratch);
    if (mkdir(targets, 0755) < 0 && errno != EEXIST) must(-1, targets);
    snprintf(path, sizeof path, "%s/etc", targets);
    if (mkdir(path, 0755) < 0 && errno != EEXIST) must(-1, path);
    for (int i = 0; i < files; i++) {
        snprintf(path, sizeof path, "%s/etc/%s", targets, file[i].name);
        int made = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        must(made, path);
        close(made);
    }
}

/* Each hand is a process and makes its share one after the other; what a process costs itself is a fork. */
static void launch_together(int self, int rounds, int hands) {
    int status;
    double before = now();
    for (int hand = 0; hand < hands; hand++) {
        pid_t child = fork();
        must(child, "fork");
        if (child) continue;
        for (int i = hand; i < rounds; i += hands) launch(self, i, NULL);
        _exit(0);
    }
    for (int hand = 0; hand < hands; hand++) {
        must(wait(&status), "wait");
        if (status) exit(1);
    }
    printf("%.0f\n", now() - before);
}

int main(int count, char **words) {
    if (count == 1) inside();
    int pooled = count == 5 && !strcmp(words[4], "pooled"), together = count == 6 && !strcmp(words[4], "together"), made[2];
    if (count != 4 + pooled + 2 * together || !realpath(words[1], layer) || !realpath(words[2], scratch)) return 2;
    int self = fcntl(open("/proc/self/exe", O_PATH | O_CLOEXEC), F_DUPFD_CLOEXEC, 16), rounds = atoi(words[3]);
    make_targets();
    load_device_program();
    if (together) {
        launch_together(self, rounds, atoi(words[5]));
        return 0;
    }
    for (int i = 0; i < rounds; i++) {
        if (pooled) make_namespaces(made);
        double before = now();
        launch(self, i, pooled ? made : NULL);
        printf("%.0f\n", now() - before);
    }
    return 0;
}
