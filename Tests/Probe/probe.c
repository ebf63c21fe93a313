/*
 * bulkhead-probe: tries every known way out, each in a process of its own, and says for each `NAME open` or
 * `NAME blocked ERRNO` (`blocked SIGNAL n` when the kernel killed it).
 *
 *   bulkhead-probe all          every attempt; only inside a user namespace, as some would harm a host
 *   bulkhead-probe NAME...      these attempts
 *   bulkhead-probe control NAME...  the same outside a container
 *   bulkhead-probe race HOW...      works against a runtime in action until it is killed, see races.c
 */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

int run_race(int count, char **arguments);

enum { seconds_max = 5 };

/*
 * The control: the same attempts where no container is, behind namespaces that only keep their effects from this host.
 * What is blocked there as well says nothing about a container's walls.
 */
static int is_control;
static int spare_host(void) {
    if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC) < 0) return -1;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return -1;
    return mount("none", "/tmp", "tmpfs", 0, NULL);
}

/* The answer comes through the exit status; errno values are below 134 (EHWPOISON). */
static void judge(const char *name, int (*run)(const void *), const void *attempt) {
    (void)fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        (void)printf("%s unknown %d\n", name, errno);
        return;
    }
    if (child == 0) {
        (void)alarm(seconds_max);
        if (is_control && spare_host() < 0) _exit(255);
        _exit(run(attempt));
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFSIGNALED(status)) (void)printf("%s blocked SIGNAL %d\n", name, WTERMSIG(status));
    else if (WEXITSTATUS(status) == 0) (void)printf("%s open\n", name);
    else (void)printf("%s blocked %d\n", name, WEXITSTATUS(status));
}

static int as_call(const void *attempt) { return try_call(attempt); }
static int as_socket(const void *attempt) { return try_socket(attempt); }
static int as_path(const void *attempt) { return try_path(attempt); }
static int as_attempt(const void *attempt) { return ((const struct attempt *)attempt)->run(); }

static int wanted(const char *name, int count, char **names) {
    if (count == 0) return 1;
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i], name)) return 1;
    return 0;
}

static void run_attempts(int count, char **names) {
    for (size_t i = 0; call_attempts[i].name; i++)
        if (wanted(call_attempts[i].name, count, names)) judge(call_attempts[i].name, as_call, &call_attempts[i]);
    for (size_t i = 0; socket_attempts[i].name; i++)
        if (wanted(socket_attempts[i].name, count, names))
            judge(socket_attempts[i].name, as_socket, &socket_attempts[i]);
    for (size_t i = 0; path_attempts[i].name; i++)
        if (wanted(path_attempts[i].name, count, names)) judge(path_attempts[i].name, as_path, &path_attempts[i]);
    for (size_t i = 0; process_attempts[i].name; i++)
        if (wanted(process_attempts[i].name, count, names))
            judge(process_attempts[i].name, as_attempt, &process_attempts[i]);
}

/* On a host every id is mapped to itself. */
static int is_host(void) {
    unsigned inside = 0, outside = 0;
    FILE *map = fopen("/proc/self/uid_map", "re");
    if (!map) return 0;
    int count = fscanf(map, "%u %u", &inside, &outside);
    (void)fclose(map);
    return count == 2 && outside == 0;
}

int main(int count, char **arguments) {
    if (count >= 2 && !strcmp(arguments[1], "all")) {
        if (is_host()) {
            (void)fputs("refused: 'all' is for containers\n", stderr);
            return 2;
        }
        run_attempts(0, NULL);
        return 0;
    }
    if (count >= 3 && !strcmp(arguments[1], "race")) return run_race(count - 2, arguments + 2);
    if (count >= 3 && !strcmp(arguments[1], "control")) {
        is_control = 1;
        run_attempts(count - 2, arguments + 2);
        return 0;
    }
    if (count < 2) {
        (void)fputs("usage: bulkhead-probe all | NAME... | control NAME... | race HOW PATH\n", stderr);
        return 2;
    }
    run_attempts(count - 1, arguments + 1);
    return 0;
}
