/* Races against a runtime that is at work in, or below, the same tree. Each runs until it is killed or told to stop. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

enum { rename_exchange = 2 };

/* Exchanges `first` and `second` at full speed: whoever looks at a name and then uses it gets the other one. */
static int exchange(const char *first, const char *second) {
    for (;;)
        if (syscall(SYS_renameat2, -100, first, -100, second, rename_exchange) < 0) return 1;
}

static void hit(const char *process, const char *what) {
    (void)printf("hit %s %s\n", process, what);
    (void)fflush(stdout);
}

/*
 * Whether the process runs a program whose path holds `word`. The launcher's holds "memfd"; after its own execve the
 * joined process is the container's, and may be looked at.
 */
static int runs(const char *process, const char *word) {
    char path[320], target[4096];
    (void)snprintf(path, sizeof path, "/proc/%s/exe", process);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = 0;
    return strstr(target, word) != NULL;
}

static void attack(const char *process, const char *word) {
    static const struct { const char *name; int flags; } files[] = {
        { "mem", O_RDWR }, { "environ", O_RDONLY }, { "exe", O_RDONLY }, { "exe", O_RDWR }, { "root", O_RDONLY },
        { "cwd", O_RDONLY }, { "fd", O_RDONLY | O_DIRECTORY }, { "ns/mnt", O_RDONLY }, { "auxv", O_RDONLY },
    };
    char path[320];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(path, sizeof path, "/proc/%s/%s", process, files[i].name);
        int file = open(path, files[i].flags | O_CLOEXEC);
        if (file < 0) continue;
        if (runs(process, word)) hit(process, files[i].name);
        (void)close(file);
    }
    int number = atoi(process), status;
    if (ptrace(PTRACE_SEIZE, number, 0, 0) < 0) return;
    if (runs(process, word)) hit(process, "ptrace");
    /* Let it go again, or nobody could wait for it. */
    if (ptrace(PTRACE_INTERRUPT, number, 0, 0) == 0 && waitpid(number, &status, __WALL) == number)
        (void)ptrace(PTRACE_DETACH, number, 0, 0);
}

/* Attacks every process that appears. Says `ready` once, then every hit on one that runs `word`. */
static int attack_new_processes(const char *word) {
    int self = getpid();
    (void)puts("ready");
    (void)fflush(stdout);
    for (;;) {
        DIR *processes = opendir("/proc");
        if (!processes) return 1;
        for (struct dirent *entry; (entry = readdir(processes));) {
            int number = atoi(entry->d_name);
            if (number > 1 && number != self) attack(entry->d_name, word);
        }
        (void)closedir(processes);
    }
}

/*
 * Seizes processes as they get their numbers, one after the other: the first instruction that one executes in this
 * namespace may be met. Says `ready` once, then every one it got hold of that runs `word`.
 */
static int seize_new_processes(const char *word) {
    enum { ahead = 8 };
    char text[32];
    int next = getpid() + 1, status;
    (void)puts("ready");
    (void)fflush(stdout);
    while (!ferror(stdout)) {
        for (int number = next; number < next + ahead; number++) {
            if (ptrace(PTRACE_SEIZE, number, 0, 0) < 0) {
                if (errno != ESRCH) next = number;
                continue;
            }
            (void)snprintf(text, sizeof text, "%d", number);
            if (runs(text, word)) hit(text, "seized");
            if (ptrace(PTRACE_INTERRUPT, number, 0, 0) == 0 && waitpid(number, &status, __WALL) == number)
                (void)ptrace(PTRACE_DETACH, number, 0, 0);
            next = number + 1;
        }
    }
    return 1;
}

/*
 * Stops whoever is not the container's own: what joins it does not say what it executes. All others may go on, and after
 * `seconds` everybody, so that a runtime that waits for a stopped one is late and does not hang. Says `ready` and `ended`.
 */
__attribute__((noreturn)) static void stop_new_processes(int seconds) {
    enum { ahead = 8 };
    char path[64], target[16];
    int next = getpid() + 1;
    time_t end = time(NULL) + seconds;
    (void)puts("ready");
    (void)fflush(stdout);
    for (; time(NULL) < end; ) {
        for (int number = next; number < next + ahead; number++) {
            if (kill(number, 0) < 0) continue;
            (void)snprintf(path, sizeof path, "/proc/%d/exe", number);
            int is_own = readlink(path, target, sizeof target) >= 0;
            (void)kill(number, is_own ? SIGCONT : SIGSTOP);
            if (is_own) next = number;
        }
    }
    (void)puts("ended");
    (void)fflush(stdout);
    for (;; (void)sleep(1)) (void)kill(-1, SIGCONT);
}

__attribute__((noreturn)) static void *wait_for_ever(void *nothing) {
    (void)nothing;
    for (;;) (void)pause();
}

/* A process whose first thread has ended and another has not: there, and without namespaces of its own. */
static int headless(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0) return 1;
    (void)puts("ready");
    (void)fflush(stdout);
    (void)syscall(SYS_exit, 0);
    return 1;
}

/* `count` daemons that left their session and ignore everything that can be ignored. */
static int daemons(int count) {
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (child < 0) return 1;
        if (child > 0) continue;
        (void)setsid();
        for (int number = 1; number < 32; number++) (void)signal(number, SIG_IGN);
        for (;;) (void)pause();
    }
    (void)printf("started %d\n", count);
    return 0;
}

int run_race(int count, char **arguments) {
    if (count == 3 && !strcmp(arguments[0], "exchange")) return exchange(arguments[1], arguments[2]);
    if (count == 2 && !strcmp(arguments[0], "attack")) return attack_new_processes(arguments[1]);
    if (count == 2 && !strcmp(arguments[0], "seize")) return seize_new_processes(arguments[1]);
    if (count == 2 && !strcmp(arguments[0], "stop")) stop_new_processes(atoi(arguments[1]));
    if (count == 1 && !strcmp(arguments[0], "headless")) return headless();
    if (count == 2 && !strcmp(arguments[0], "daemons")) return daemons(atoi(arguments[1]));
    return 2;
}
