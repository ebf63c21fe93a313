/* Races against a runtime that is at work in, or below, the same tree. Each runs until it is killed or told to stop. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int run_race(int count, char **arguments);

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

/* After its own execve the joined process is the container's, and has the name of its program. */
static int is_launcher(const char *process, const char *program) {
    char path[320], name[32];
    (void)snprintf(path, sizeof path, "/proc/%s/comm", process);
    int comm = open(path, O_RDONLY | O_CLOEXEC);
    if (comm < 0) return 0;
    ssize_t length = read(comm, name, sizeof name - 1);
    (void)close(comm);
    name[length > 0 ? length - 1 : 0] = 0;
    return length > 1 && strcmp(name, program) != 0;
}

static void attack(const char *process, const char *program) {
    static const struct { const char *name; int flags; } files[] = {
        { "mem", O_RDWR }, { "environ", O_RDONLY }, { "exe", O_RDONLY }, { "exe", O_RDWR }, { "root", O_RDONLY },
        { "cwd", O_RDONLY }, { "fd", O_RDONLY | O_DIRECTORY }, { "ns/mnt", O_RDONLY }, { "auxv", O_RDONLY },
    };
    char path[320];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        (void)snprintf(path, sizeof path, "/proc/%s/%s", process, files[i].name);
        int file = open(path, files[i].flags | O_CLOEXEC);
        if (file < 0) continue;
        if (is_launcher(process, program)) hit(process, files[i].name);
        (void)close(file);
    }
    if (is_launcher(process, program) && ptrace(PTRACE_SEIZE, atoi(process), 0, 0) == 0) {
        if (is_launcher(process, program)) hit(process, "ptrace");
        (void)ptrace(PTRACE_DETACH, atoi(process), 0, 0);
    }
}

/* Attacks every process that appears and is not `program` yet. Says `ready` once, then every hit. */
static int attack_new_processes(const char *program) {
    int self = getpid();
    (void)puts("ready");
    (void)fflush(stdout);
    for (;;) {
        DIR *processes = opendir("/proc");
        if (!processes) return 1;
        for (struct dirent *entry; (entry = readdir(processes));) {
            int number = atoi(entry->d_name);
            if (number > 1 && number != self) attack(entry->d_name, program);
        }
        (void)closedir(processes);
    }
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
    if (count == 2 && !strcmp(arguments[0], "daemons")) return daemons(atoi(arguments[1]));
    return 2;
}
