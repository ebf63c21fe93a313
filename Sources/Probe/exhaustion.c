/* Taking more than one's share. Each attempt stops a little beyond what a container should ever get. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    processes_max = 8192, descriptors_max = 1 << 17, queues_max = 1024, terminals_max = 768, watchers_max = 4096,
    files_max = 1 << 17, pipe_bytes = 4 << 20, locked_bytes = 1 << 20, signals_max = 1 << 16,
};

static long group_limit(const char *path) {
    char text[64];
    if (text_of(path, text, sizeof text) <= 0 || text[0] < '0' || text[0] > '9') return -1;
    return strtol(text, NULL, 10);
}

/* Without a limit in sight there is nothing to run into, and so it is not tried. */
static int processes(void) {
    struct rlimit own;
    long most = group_limit("/sys/fs/cgroup/pids.max");
    if (getrlimit(RLIMIT_NPROC, &own) == 0 && own.rlim_cur < processes_max && (most < 0 || (long)own.rlim_cur < most))
        most = (long)own.rlim_cur;
    if (most < 0 || most > processes_max) return 0;
    for (long made = 0; made <= most; made++) {
        pid_t child = (pid_t)call0(SYS_fork);
        if (child < 0) return errno;
        if (child == 0)
            for (;;) (void)pause();
    }
    return 0;
}
static int descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return unprepared();
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return unprepared();
    for (int made = 0; made < descriptors_max; made++)
        if (call1(SYS_dup, 2) < 0) return errno;
    return 0;
}
static int locked(void) {
    void *place = mmap(NULL, locked_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return place == MAP_FAILED ? unprepared() : answer(call2(SYS_mlock, place, locked_bytes));
}
static int locked_future(void) {
    if (call1(SYS_mlockall, 2 /* MCL_FUTURE */) < 0) return errno;
    void *place = mmap(NULL, locked_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return place == MAP_FAILED ? errno : 0;
}
static int queues(void) {
    char name[32];
    int result = 0, made = 0;
    for (; made < queues_max && result == 0; made++) {
        (void)snprintf(name, sizeof name, "/probe-%d", made);
        if (mq_open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600, NULL) < 0) result = errno;
    }
    while (made-- > 0) {
        (void)snprintf(name, sizeof name, "/probe-%d", made);
        (void)mq_unlink(name);
    }
    return result;
}
static int fill(const char *path, off_t bytes) {
    (void)unlink(path);
    int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) return errno;
    int result = answer(call4(SYS_fallocate, file, 0, 0, bytes));
    (void)ftruncate(file, 0);
    (void)unlink(path);
    return result;
}
static int shared_memory(void) { return fill("/dev/shm/probe-fill", (off_t)2 << 30); }
static int device_directory(void) { return fill("/dev/probe-fill", 64 << 20); }
/* Names take kernel memory that no size counts. */
static int empty_files(const char *directory) {
    char name[64];
    int result = 0, made = 0;
    if (mkdir(directory, 0700) < 0 && errno != EEXIST) return errno;
    for (; made < files_max && result == 0; made++) {
        (void)snprintf(name, sizeof name, "%s/%d", directory, made);
        int file = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (file < 0) result = errno;
        else (void)close(file);
    }
    while (made-- > 0) {
        (void)snprintf(name, sizeof name, "%s/%d", directory, made);
        (void)unlink(name);
    }
    (void)rmdir(directory);
    return result;
}
static int shared_memory_files(void) { return empty_files("/dev/shm/probe-files"); }
static int device_files(void) { return empty_files("/dev/probe-files"); }
static int terminals(void) {
    struct rlimit limit = { terminals_max + 64, terminals_max + 64 };
    struct rlimit had;
    if (getrlimit(RLIMIT_NOFILE, &had) < 0 || had.rlim_max < limit.rlim_max) return -EMFILE;
    limit.rlim_max = had.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return unprepared();
    for (int made = 0; made < terminals_max; made++)
        if (open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC) < 0) return errno;
    return 0;
}
static int watchers(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return unprepared();
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return unprepared();
    for (int made = 0; made < watchers_max; made++)
        if (inotify_init1(IN_CLOEXEC) < 0) return errno;
    return 0;
}
static int pipe_size(void) {
    int ends[2];
    if (pipe(ends) < 0) return unprepared();
    return answer(call3(SYS_fcntl, ends[0], F_SETPIPE_SZ, pipe_bytes));
}
static int signals(void) {
    sigset_t all;
    union sigval nothing = { 0 };
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    for (int made = 0; made < signals_max; made++)
        if (sigqueue(getpid(), SIGRTMIN, nothing) < 0) return errno;
    return 0;
}
static int aio(void) {
    unsigned long context = 0;
    return answer(call2(SYS_io_setup, 1 << 24, &context));
}
static int core_dump(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) < 0) return unprepared();
    return limit.rlim_cur == 0 && limit.rlim_max == 0 ? EPERM : 0;
}
static int huge_pages(void) {
    return mmap(NULL, 2 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | 0x40000 /* MAP_HUGETLB */, -1, 0) == MAP_FAILED
        ? errno : 0;
}

static const struct attempt attempts[] = {
    { "processes-without-end", "start processes without end", processes },
    { "descriptors-without-end", "open descriptors without end", descriptors },
    { "locked-memory", "lock memory beyond the limit", locked },
    { "locked-memory-future", "lock all memory to come", locked_future },
    { "queues-without-end", "make message queues without end", queues },
    { "shared-memory-without-end", "fill /dev/shm without end", shared_memory },
    { "fill-dev", "fill /dev without end", device_directory },
    { "shared-memory-files", "make empty files in /dev/shm without end", shared_memory_files },
    { "device-directory-files", "make empty files in /dev without end", device_files },
    { "terminals-without-end", "make terminals without end", terminals },
    { "watchers-without-end", "watch files without end", watchers },
    { "pipe-size", "make a pipe larger than the limit", pipe_size },
    { "signals-without-end", "queue signals without end", signals },
    { "asynchronous-without-end", "reserve asynchronous I/O without end", aio },
    { "core-dumps", "find core dumps possible, and so the host's helper for them", core_dump },
    { "huge-pages", "take huge pages from the host's pool", huge_pages },
    { NULL, NULL, NULL },
};

const struct area exhaustion_area = { "exhaustion", NULL, NULL, NULL, attempts };
