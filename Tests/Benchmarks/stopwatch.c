/*
 * stopwatch CMD...: runs one command and says what it cost, as one line of JSON on standard output: microseconds of
 * wall time, seconds of processor time of it and everything it waited for, and the largest resident size in KiB.
 * The command has /dev/null as its input and output; what it complains goes where ours goes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
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
    pid_t child;
    int status;
    if (count < 2) return 2;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    double before = now();
    if (posix_spawnp(&child, words[1], &files, NULL, words + 1, environ)) { perror(words[1]); return 1; }
    if (wait4(child, &status, 0, &usage) < 0) { perror("wait4"); return 1; }
    printf("{\"microseconds\": %.0f, \"user\": %.4f, \"system\": %.4f, \"resident\": %ld, \"status\": %d}\n", now() - before,
           seconds(usage.ru_utime), seconds(usage.ru_stime), usage.ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
