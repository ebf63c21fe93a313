/* Other processes: init above all, and whoever is outside the pid namespace. */
#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    call_pidfd_send_signal = 424, call_pidfd_open = 434, call_pidfd_getfd = 438, call_mrelease = 448,
    core_scheduling = 62,
};

static const struct path_attempt paths[] = {
    { "init-mem", "/proc/1/mem", O_RDWR, 0 },
    { "init-mem-read", "/proc/1/mem", O_RDONLY, 0 },
    { "init-environ", "/proc/1/environ", O_RDONLY, 0 },
    { "init-maps", "/proc/1/maps", O_RDONLY, reads },
    { "init-auxv", "/proc/1/auxv", O_RDONLY, 0 },
    { "init-stack", "/proc/1/stack", O_RDONLY, reads },
    { "init-exe", "/proc/1/exe", O_RDONLY, 0 },
    { "init-exe-write", "/proc/1/exe", O_RDWR, 0 },
    { "init-root", "/proc/1/root", O_RDONLY, 0 },
    { "init-cwd", "/proc/1/cwd", O_RDONLY, 0 },
    { "init-io", "/proc/1/io", O_RDONLY, reads },
    { "init-smaps", "/proc/1/smaps", O_RDONLY, reads },
    { "init-pagemap", "/proc/1/pagemap", O_RDONLY, reads },
    { "init-personality", "/proc/1/personality", O_RDONLY, reads },
    { "init-syscall", "/proc/1/syscall", O_RDONLY, reads },
    { "init-task-mem", "/proc/1/task/1/mem", O_RDWR, 0 },
    { "init-root-etc", "/proc/1/root/etc/passwd", O_RDONLY, reads },
    { "init-root-dev", "/proc/1/root/dev/null", O_RDWR, 0 },
    { NULL, NULL, 0, 0 },
};

static int trace(int request) { return answer(call4(SYS_ptrace, request, 1, 0, 0)); }
/* An init that is traced stops; where nothing prevents it, it must go on. */
static int ptrace_attach(void) {
    int result = trace(PTRACE_ATTACH), status;
    if (result == 0) {
        (void)waitpid(1, &status, 0x40000000 /* __WALL */);
        (void)ptrace(PTRACE_DETACH, 1, 0, 0);
        (void)kill(1, SIGCONT);
    }
    return result;
}
static int ptrace_seize(void) { return trace(PTRACE_SEIZE); }

static int take_descriptor(void) {
    int process = (int)syscall(call_pidfd_open, 1, 0);
    return process < 0 ? unprepared() : answer(call3(call_pidfd_getfd, process, 0, 0));
}
static int release_memory(void) {
    int process = (int)syscall(call_pidfd_open, 1, 0);
    return process < 0 ? unprepared() : answer(call2(call_mrelease, process, 0));
}
/* The cookie of a core-scheduling group, prctl(2) PR_SCHED_CORE: sharing init's would undo it. */
static int share_core(void) { return answer(call5(SYS_prctl, core_scheduling, 2, 1, 0, 0)); }

/* Root inside may list init's descriptors and mappings; none of them may be opened. */
static int open_any(const char *directory, int flags) {
    int last = ENOENT;
    DIR *entries = opendir(directory);
    facts->path = directory;
    if (!entries) return errno;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_name[0] == '.') continue;
        if (call4(SYS_openat, dirfd(entries), entry->d_name, flags | O_NONBLOCK | O_CLOEXEC, 0) >= 0) return 0;
        last = errno;
    }
    return last;
}
static int init_descriptors(void) { return open_any("/proc/1/fd", O_RDONLY); }
static int init_descriptors_write(void) { return open_any("/proc/1/fd", O_WRONLY); }
static int init_mapped_files(void) { return open_any("/proc/1/map_files", O_RDONLY); }
static int write_file(const char *path, const char *text) {
    int file = open_noting(path, O_WRONLY);
    return file < 0 ? errno : answer(call3(SYS_write, file, text, strlen(text)));
}
static int map_init(void) { return write_file("/proc/1/uid_map", "0 0 1"); }
static int groups_of_init(void) { return write_file("/proc/1/setgroups", "allow"); }
static int label_init(void) { return write_file("/proc/1/attr/current", "unconfined"); }

/* Kernel threads are children of the host's process 2: seeing one is seeing the host. */
static int kernel_threads(void) {
    char path[64], text[512];
    for (int process = 1; process < 256; process++) {
        (void)snprintf(path, sizeof path, "/proc/%d/stat", process);
        if (text_of(path, text, sizeof text) <= 0) continue;
        char *rest = strrchr(text, ')');
        unsigned long flags = 0;
        if (rest && sscanf(rest, ") %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 && flags & 0x200000 /* PF_KTHREAD */)
            return 0;
    }
    return ESRCH;
}
static int hosts_init(void) {
    char text[64];
    if (text_of("/proc/1/comm", text, sizeof text) <= 0) return unprepared();
    facts->path = "/proc/1/comm";
    return !strncmp(text, "systemd", 7) || !strncmp(text, "init\n", 5) ? 0 : ESRCH;
}
/* A parent outside our pid namespace has the number 0. */
static int outside_parent(void) {
    char text[2048];
    if (text_of("/proc/1/status", text, sizeof text) <= 0) return unprepared();
    char *line = strstr(text, "NSpid:");
    int first = 0, second = 0;
    /* Several numbers: we look from a pid namespace above init's. */
    return line && sscanf(line, "NSpid: %d %d", &first, &second) == 2 ? 0 : ESRCH;
}
/* Numbers no process of a small namespace has. */
static int signal_outside(void) {
    char text[32];
    long number = 0;
    int last = ESRCH;
    for (int process = 2; process < 40; process++) {
        (void)snprintf(text, sizeof text, "/proc/%d", process);
        if (access(text, F_OK) == 0) continue;
        number = call2(SYS_kill, process, 0);
        if (number == 0) return 0;
        last = errno;
    }
    return last;
}
static int signal_by_descriptor(void) {
    int process = open("/proc/2", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (process < 0) return errno;
    char text[512];
    if (text_of("/proc/2/stat", text, sizeof text) > 0 && !strstr(text, "(kthreadd)")) return ESRCH;
    return answer(call4(call_pidfd_send_signal, process, 0, 0, 0));
}
static int kill_init(void) {
    /* Signal 0 asks for the right only; a forged one of a thread has no such form and must name its own sender. */
    siginfo_t forged;
    memset(&forged, 0, sizeof forged);
    forged.si_code = SI_USER;
    return answer(call3(SYS_rt_sigqueueinfo, 1, SIGWINCH, &forged));
}

static const struct attempt attempts[] = {
    { "init-fds", "open any of init's descriptors", init_descriptors },
    { "init-fds-write", "open any of init's descriptors for writing", init_descriptors_write },
    { "init-map-files", "open any file that init has mapped", init_mapped_files },
    { "init-uid-map", "map init's users again", map_init },
    { "init-setgroups", "let init's namespace set groups", groups_of_init },
    { "init-label", "change init's security label", label_init },
    { "ptrace-attach-init", "trace init, PTRACE_ATTACH", ptrace_attach },
    { "ptrace-seize-init", "trace init, PTRACE_SEIZE", ptrace_seize },
    { "pidfd-getfd-init", "take init's descriptors", take_descriptor },
    { "release-init", "take init's memory away, process_mrelease", release_memory },
    { "share-core", "share init's core-scheduling group", share_core },
    { "kernel-threads", "see the kernel's threads", kernel_threads },
    { "host-init", "see the host's init", hosts_init },
    { "outer-pid-namespace", "see processes by the numbers of a namespace above", outside_parent },
    { "signal-outside", "signal processes we do not see", signal_outside },
    { "signal-by-descriptor", "signal the kernel's thread daemon by a descriptor", signal_by_descriptor },
    { "forged-signal", "send init a signal that looks like the kernel's", kill_init },
    { NULL, NULL, NULL },
};

const struct area process_area = { "processes", NULL, NULL, paths, attempts };
