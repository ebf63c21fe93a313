/*
 * Starting the launcher, and making namespaces ahead of it. This is the only place where a child of ours exists before
 * exec, so everything here is async-signal-safe, touches no memory but its own stack and `request`, and does nothing a
 * plan could do later.
 */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

enum { first_descriptor = 3, stack_size = 64 * 1024, placeholder_stack_size = 8 * 1024, close_range_unshare = 2,
       held_up_milliseconds = 100 };

struct child {
    const struct bh_spawn *request;
    volatile int error;
    const char *volatile call;
    void (*main)(struct child *);
    struct clone_args *arguments; /* of the second clone, when another container's namespaces are joined first */
    volatile long process;
    pid_t parent; /* of one that only waits */
};

static int failed(struct child *child, const char *call) {
    child->error = errno;
    child->call = call;
    return -1;
}

/* A thread of the Swift runtime may block or handle signals; the launcher must start with neither. */
static int reset_signals(struct child *child) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < 65; number++)
        if (number != SIGKILL && number != SIGSTOP && number != 32 && number != 33)
            (void)sigaction(number, &action, NULL); /* 32 and 33 belong to libc; they have no handler in the child */
    sigset_t none;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? failed(child, "sigprocmask") : 0;
}

/*
 * The child begins with our table of descriptors itself (CLONE_FILES), which may be long: an agent holds some for each
 * container that runs. What it takes as its own is a copy of the part up to the last one it needs, close_range(2).
 * Until then it must not open, close or duplicate anything.
 */
static int own_descriptors(struct child *child) {
    const struct bh_spawn *request = child->request;
    int last = request->launcher;
    for (unsigned i = 0; i < request->descriptor_count; i++)
        if (request->descriptors[i] > last) last = request->descriptors[i];
    return bh_close_range((unsigned)last + 1, ~0u, close_range_unshare) < 0 ? failed(child, "close_range") : 0;
}

/* Two passes, so that no descriptor is overwritten before it has been moved: first above everything, then down. */
static int place_descriptors(struct child *child) {
    const struct bh_spawn *request = child->request;
    int count = (int)request->descriptor_count, above = first_descriptor + count + 1;
    int parked[BH_SPAWN_DESCRIPTORS_MAX];
    for (int i = 0; i < count; i++) {
        parked[i] = request->descriptors[i];
        if (parked[i] >= 0 && (parked[i] = fcntl(parked[i], F_DUPFD, above)) < 0)
            return failed(child, "fcntl(F_DUPFD)");
    }
    int launcher = fcntl(request->launcher, F_DUPFD, above);
    if (launcher < 0) return failed(child, "fcntl(F_DUPFD)");
    for (int i = 0; i < count; i++) {
        if (parked[i] < 0) (void)close(first_descriptor + i);
        else if (dup2(parked[i], first_descriptor + i) < 0) return failed(child, "dup2");
    }
    if (dup3(launcher, first_descriptor + count, O_CLOEXEC) < 0) return failed(child, "dup3");
    if (bh_close_range((unsigned)above, ~0u, 0) < 0) return failed(child, "close_range");
    return first_descriptor + count;
}

/*
 * In a new user namespace no id is mapped yet, so exec would drop every capability. Ambient ones survive it; the
 * launcher drops them again as soon as it has become root inside.
 */
static int keep_capabilities(struct child *child) {
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0) return failed(child, "capget");
    for (int i = 0; i < 2; i++) data[i].inheritable = data[i].permitted;
    if (syscall(SYS_capset, &header, data) < 0) return failed(child, "capset");
    for (unsigned long capability = 0; capability < 64; capability++) {
        if (!(data[capability / 32].permitted & (1u << (capability % 32)))) continue;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
            return failed(child, "prctl(PR_CAP_AMBIENT_RAISE)");
    }
    return 0;
}

/*
 * time_namespaces(7): offsets can be set only before the first process is in. Before Linux 6.3 a clone is in at once, so
 * this is made without. Since then exec puts us in; before, whoever made the namespace has to join it by its file.
 */
static int set_time_offsets(struct child *child) {
    const char *text = child->request->time_offsets;
    if (syscall(SYS_unshare, CLONE_NEWTIME) < 0) return failed(child, "unshare(CLONE_NEWTIME)");
    int file = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
    if (file < 0) return failed(child, "open(/proc/self/timens_offsets)");
    if (write(file, text, strlen(text)) < 0) return failed(child, "write(/proc/self/timens_offsets)");
    return close(file);
}

static int enters_user_namespace(const struct bh_spawn *request) {
    if ((request->flags | (uint64_t)request->joined_types) & CLONE_NEWUSER) return 1;
    for (unsigned i = 0; i < request->join_count; i++)
        if (request->joins[i].type == CLONE_NEWUSER) return 1;
    return 0;
}

static void run_child(struct child *child) {
    static char *const arguments[] = { (char *)"bulkhead-launch", NULL };
    static char *const environment[] = { NULL };
    if (reset_signals(child) < 0 || own_descriptors(child) < 0) return;
    if (child->request->time_offsets && set_time_offsets(child) < 0) return;
    int launcher = place_descriptors(child);
    if (launcher < 0) return;
    if (enters_user_namespace(child->request) && keep_capabilities(child) < 0) return;
    (void)syscall(SYS_execveat, launcher, "", arguments, environment, BH_AT_EMPTY_PATH);
    (void)failed(child, "execveat");
}

__attribute__((noreturn, used)) static void child_main(struct child *child) {
    child->main(child);
    _exit(126);
}

static long clone_to_child(struct clone_args *arguments, struct child *child);

/*
 * New namespaces belong to the user namespace of whoever makes them, so a container that shares another's must be made
 * from inside it, and a thread of a larger process cannot enter one. This short-lived process can. It shares our
 * memory and descriptors, so that what it makes is ours: our child (CLONE_PARENT), held by our pidfd.
 *
 * Nothing in the other container can reach it, for it has no number in that pid namespace. Its child has one, and our
 * memory until it executes: that is closed to tracers from anywhere but the host's user namespace, whose it is, because
 * clone_joined has made it undumpable (ptrace(2)). Entering a user namespace does that by itself only where another
 * user has made it.
 */
static int join_files(struct child *child) {
    const struct bh_spawn *request = child->request;
    int joined[BH_SPAWN_JOINS_MAX] = { 0 };
    /* Those of the host can be entered only as we are, those of the user namespace only from within it. */
    for (int inside = 0; inside < 2; inside++) {
        for (unsigned i = 0; i < request->join_count; i++) {
            const struct bh_join *join = &request->joins[i];
            if (joined[i] || join->type == CLONE_NEWUSER) continue;
            joined[i] = bh_setns(join->descriptor, join->type) == 0;
            if (!joined[i] && (inside || errno != EPERM)) return failed(child, "setns");
        }
        for (unsigned i = 0; i < request->join_count && !inside; i++)
            if (request->joins[i].type == CLONE_NEWUSER) {
                if (bh_setns(request->joins[i].descriptor, CLONE_NEWUSER) < 0) return failed(child, "setns");
                joined[i] = 1;
            }
    }
    return 0;
}

static void run_joiner(struct child *child) {
    const struct bh_spawn *request = child->request;
    if (request->joined >= 0 && bh_setns(request->joined, request->joined_types) < 0) {
        (void)failed(child, "setns");
        return;
    }
    if (join_files(child) < 0) return;
    child->main = run_child;
    child->process = clone_to_child(child->arguments, child);
    if (child->process < 0) (void)failed(child, "clone3");
    _exit(0);
}

/*
 * clone3 whose child starts in child_main on a stack of its own. Assembly, because a child that shares our memory
 * must not return through, nor write to, a frame the parent will use again.
 */
static long clone_to_child(struct clone_args *arguments, struct child *child) {
    long result;
#if defined(__x86_64__)
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %[child], %%rdi\n\t"
        "call *%[main]\n\t"
        "hlt\n"
        "1:"
        : "=a"(result)
        : "0"((long)SYS_clone3), "D"(arguments), "S"(sizeof *arguments), [child] "r"(child), [main] "r"(child_main)
        : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long number __asm__("x8") = SYS_clone3;
    register long first __asm__("x0") = (long)arguments;
    register long second __asm__("x1") = (long)sizeof *arguments;
    __asm__ volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, xzr\n\t"
        "mov x0, %[child]\n\t"
        "blr %[main]\n"
        "1:"
        : "+r"(first)
        : "r"(second), "r"(number), [child] "r"(child), [main] "r"(child_main)
        : "memory", "cc");
    result = first;
#else
#error "spawn.c knows x86-64 and arm64; add the clone3 sequence of this machine"
#endif
    if (result < 0) { errno = (int)-result; return -1; }
    return result;
}

/* Ends this process, and says why: what it would go on with is not what it believes. */
static _Noreturn void give_up(const char *call) {
    char text[160];
    int length = snprintf(text, sizeof text, "bulkhead: %s failed with errno %d; this process ends itself\n", call,
                          errno);
    if (write(STDERR_FILENO, text, (size_t)length) < 0) { /* There is nobody to tell. */ }
    abort();
}

/*
 * Inotify instances, queued signals, message queues and the like are counted for the user who made a user namespace
 * (user_namespaces(7), /proc/sys/user). Made as root, every container would draw on the host root's own account, and
 * one of them could empty it. So this thread, and only it (a raw system call, credentials(7)), is the container's user
 * while it clones; its capabilities stay what they are.
 */
static int become(uid_t user, unsigned long bits) {
    enum { no_setuid_fixup = 1 << 2 };
    if (prctl(PR_SET_SECUREBITS, bits | no_setuid_fixup, 0, 0, 0) < 0) return -1;
    if (syscall(SYS_setresuid, user, user, user) < 0) {
        int error = errno;
        (void)prctl(PR_SET_SECUREBITS, bits, 0, 0, 0);
        errno = error;
        return -1;
    }
    return user == 0 ? prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) : 0;
}

static long clone_as_owner(struct clone_args *arguments, struct child *child, const char **failed_call) {
    uid_t owner = child->request->owner;
    *failed_call = "clone3";
    if (owner == 0 || !(arguments->flags & CLONE_NEWUSER)) return clone_to_child(arguments, child);
    int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
    if (bits < 0 || geteuid() != 0 || become(owner, (unsigned long)bits) < 0) {
        *failed_call = "setresuid to the container's user";
        return -1;
    }
    long process = clone_to_child(arguments, child);
    int error = errno;
    /* Going on as somebody else would be worse than not going on. */
    if (become(0, (unsigned long)bits) < 0) give_up("setresuid from the container's user back to 0");
    errno = error;
    return process;
}

/*
 * The memory killer ends a container as a whole (memory.oom.group), and with a process whoever shares its memory. Our
 * child does until it executes: one born in a cgroup where others use memory would take us along. So it is born
 * untouchable, which only this short-lived process makes itself, outside of that cgroup and as a vfork child for itself
 * alone, proc_pid_oom_score_adj(5). Without CAP_SYS_RESOURCE it cannot, and nothing is different.
 */
static void run_sparer(struct child *child) {
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        if (write(file, "-1000", 5) < 0) { /* as it was */ }
        (void)close(file);
    }
    child->main = run_child;
    child->process = clone_to_child(child->arguments, child);
    if (child->process < 0) (void)failed(child, "clone3");
    _exit(0);
}

/*
 * Waits for whoever has the child. Those who are in a container that it joins may stop the child before it executes, and
 * whoever waits for that (CLONE_VFORK) with it: a child that was stopped is killed. The other has our errno, which only a
 * call that fails may touch.
 */
static void wait_for_clone(int first, const int *child) {
    struct pollfd end = { first, POLLIN, 0 };
    int status;
    while (poll(&end, 1, held_up_milliseconds) == 0)
        if (*child >= 0 && bh_pidfd_is_stopped(*child) > 0) (void)bh_pidfd_send_signal(*child, SIGKILL);
    (void)bh_pidfd_wait(first, 0, &status);
}

/*
 * `first` is carried out by a process that has the child for us, and takes the flags that are `its`. The one stack serves
 * both: it waits (CLONE_VFORK) while its child has the other half.
 */
static long clone_through(void (*first)(struct child *), uint64_t its, struct clone_args *arguments,
                          struct child *child, const char **failed_call) {
    struct clone_args before = *arguments;
    int descriptor = -1;
    const int *made = (const int *)(uintptr_t)arguments->pidfd;
    arguments->flags = (arguments->flags & ~its) | CLONE_PARENT;
    if (its & CLONE_INTO_CGROUP) arguments->cgroup = 0;
    else before.cgroup = 0;
    arguments->exit_signal = 0; /* the kernel takes that of whoever clones */
    arguments->stack_size /= 2;
    /* A sparer must be one, see there; who joins must not hold us up. */
    uint64_t waited = its ? 0 : CLONE_VFORK;
    before.flags = (before.flags & (CLONE_VM | CLONE_FILES | its)) | waited | CLONE_PIDFD;
    before.pidfd = (uint64_t)(uintptr_t)&descriptor;
    before.stack += arguments->stack_size;
    before.stack_size = arguments->stack_size;
    child->main = first;
    child->arguments = arguments;
    *failed_call = "clone3";
    if (clone_to_child(&before, child) < 0) return -1;
    wait_for_clone(descriptor, made);
    (void)close(descriptor);
    if (child->process >= 0) return child->process;
    if (child->call) *failed_call = child->call;
    errno = child->error;
    return -1;
}

/* Born in the cgroup is the joiner; its child inherits that. */
static long clone_joined(struct clone_args *arguments, struct child *child, const char **failed_call) {
    *failed_call = "prctl(PR_SET_DUMPABLE)";
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -1;
    return clone_through(run_joiner, CLONE_INTO_CGROUP, arguments, child, failed_call);
}

/*
 * Waits to be killed, in namespaces that somebody else is taking hold of. It shares our memory and this thread's errno,
 * so it does nothing that could fail, and runs no handler: every signal is blocked. It must not outlive us.
 */
static void run_placeholder(struct child *child) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    while (getppid() == child->parent) (void)syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}

static int write_map(long process, const char *file, const char *text, const char **failed_call) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/%s", process, file);
    *failed_call = "write the id maps";
    int map = open(path, O_WRONLY | O_CLOEXEC);
    if (map < 0) return -1;
    ssize_t written = write(map, text, strlen(text));
    int error = errno;
    (void)close(map);
    errno = error;
    return written < 0 ? -1 : 0;
}

static const char *namespace_name(int type) {
    switch (type) {
    case CLONE_NEWUSER: return "user";
    case CLONE_NEWNET: return "net";
    case CLONE_NEWIPC: return "ipc";
    case CLONE_NEWUTS: return "uts";
    default: return "none";
    }
}

static int hold_namespaces(long process, const char *map, struct bh_join *made, unsigned count,
                           const char **failed_call) {
    static const char *const maps[] = { "uid_map", "gid_map", "projid_map" };
    char path[64];
    for (unsigned i = 0; i < sizeof maps / sizeof *maps; i++)
        if (write_map(process, maps[i], map, failed_call) < 0) return -1;
    *failed_call = "open a new namespace";
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "/proc/%ld/ns/%s", process, namespace_name(made[i].type));
        if ((made[i].descriptor = open(path, O_RDONLY | O_CLOEXEC)) < 0) return -1;
    }
    return 0;
}

int bh_make_namespaces(uid_t owner, const char *map, struct bh_join *made, unsigned count, const char **failed_call) {
    _Alignas(16) char stack[placeholder_stack_size];
    struct bh_spawn request = { .owner = owner };
    struct child child = { &request, 0, NULL, run_placeholder, NULL, -1, getpid() };
    struct clone_args arguments;
    int descriptor = -1, status, error = 0;
    memset(&arguments, 0, sizeof arguments);
    arguments.flags = CLONE_VM | CLONE_FILES | CLONE_PIDFD;
    arguments.pidfd = (uint64_t)(uintptr_t)&descriptor;
    arguments.exit_signal = SIGCHLD;
    arguments.stack = (uint64_t)(uintptr_t)stack;
    arguments.stack_size = sizeof stack;
    for (unsigned i = 0; i < count; i++) {
        made[i].descriptor = -1;
        arguments.flags |= (uint64_t)made[i].type;
    }

    sigset_t all, before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    long process = clone_as_owner(&arguments, &child, failed_call);
    if (process < 0) error = errno;
    if (!error && hold_namespaces(process, map, made, count, failed_call) < 0) error = errno;
    if (process >= 0) {
        /* It runs on our stack, so nobody may go on here before it has ended. ECHILD: somebody ignores SIGCHLD. */
        if (bh_pidfd_send_signal(descriptor, SIGKILL) < 0 && errno != ESRCH)
            give_up("pidfd_send_signal to a placeholder");
        if (bh_pidfd_wait(descriptor, 0, &status) < 0 && errno != ECHILD) give_up("waitid for a placeholder");
        (void)close(descriptor);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);

    for (unsigned i = 0; error && i < count; i++)
        if (made[i].descriptor >= 0) (void)close(made[i].descriptor);
    errno = error;
    return error ? -1 : 0;
}

pid_t bh_start_launcher(const struct bh_spawn *request, int *pidfd, const char **failed_call) {
    _Alignas(16) char stack[stack_size];
    struct child child = { request, 0, NULL, run_child, NULL, -1, 0 };
    int descriptor = -1;
    struct clone_args arguments;
    memset(&arguments, 0, sizeof arguments);
    if (request->descriptor_count > BH_SPAWN_DESCRIPTORS_MAX || request->join_count > BH_SPAWN_JOINS_MAX) {
        *failed_call = "spawn: too many descriptors";
        errno = EMFILE;
        return -1;
    }
    arguments.flags = request->flags | CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD;
    if (request->time_offsets) arguments.flags &= ~(uint64_t)CLONE_NEWTIME;
    arguments.pidfd = (uint64_t)(uintptr_t)&descriptor;
    arguments.exit_signal = SIGCHLD;
    arguments.stack = (uint64_t)(uintptr_t)stack;
    arguments.stack_size = stack_size;
    if (request->cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)request->cgroup;
    }

    /* No signal may run a handler of ours in the child while it shares our memory. */
    sigset_t all, before;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const char *call = NULL;
    long process = request->joined >= 0 || request->join_count ? clone_joined(&arguments, &child, &call)
                   : request->spared ? clone_through(run_sparer, 0, &arguments, &child, &call)
                                     : clone_as_owner(&arguments, &child, &call);
    int clone_error = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);

    if (process < 0) {
        *failed_call = call;
        errno = clone_error;
        return -1;
    }
    if (child.call) {
        int status;
        (void)bh_pidfd_wait(descriptor, 0, &status);
        (void)close(descriptor);
        *failed_call = child.call;
        errno = child.error;
        return -1;
    }
    *pidfd = descriptor;
    return (pid_t)process;
}
