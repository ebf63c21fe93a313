/*
 * stopwatch [--many COUNT HANDS] CMD...: runs a command and says what it cost, as one line of JSON on standard output:
 * microseconds of wall time, seconds of processor time of it and everything it waited for, and the largest resident size
 * in KiB. With --many it runs COUNT of them, HANDS at a time, each with its number at the end of its last word; the status
 * is then the worst.
 *
 * The command's input is empty and its output is dropped: files in memory, not /dev/null, because some OCI runtimes give
 * their standard streams to the container's user for good. What it complains goes where ours goes.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double seconds(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

int main(int count, char **words) {
    posix_spawn_file_actions_t files;
    struct rusage usage;
    int many = count > 4 && strcmp(words[1], "--many") == 0, status, worst = 0, started = 0, ended = 0;
    int total = many ? atoi(words[2]) : 1, hands = many ? atoi(words[3]) : 1;
    char **command = words + (many ? 4 : 1), **last = words + count - 1, *prefix = *last, name[256];
    pid_t child;
    if (count < 2) return 2;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, memfd_create("input", MFD_CLOEXEC), 0);
    posix_spawn_file_actions_adddup2(&files, memfd_create("output", MFD_CLOEXEC), 1);
    double before = now();
    while (ended < total) {
        while (started < total && started - ended < hands) {
            if (many) { snprintf(name, sizeof name, "%s%d", prefix, started); *last = name; }
            if (posix_spawnp(&child, *command, &files, NULL, command, environ)) { perror(*command); return 1; }
            started++;
        }
        if (wait4(-1, &status, 0, NULL) < 0) { perror("wait4"); return 1; }
        status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (status > worst) worst = status;
        ended++;
    }
    double after = now();
    getrusage(RUSAGE_CHILDREN, &usage);
    printf("{\"microseconds\": %.0f, \"user\": %.4f, \"system\": %.4f, \"resident\": %ld, \"status\": %d}\n", after - before,
           seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss, worst);
    return 0;
}
