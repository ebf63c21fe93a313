/* What every program needs: these must work, or the other answers say nothing about walls. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const struct socket_attempt sockets[] = {
    { "need-tcp", "open a TCP socket", AF_INET, SOCK_STREAM, 0 },
    { "need-udp", "open a UDP socket", AF_INET, SOCK_DGRAM, 0 },
    { "need-unix", "open a unix socket", AF_UNIX, SOCK_STREAM, 0 },
    { "need-route", "list addresses over netlink", AF_NETLINK, SOCK_RAW, 0 },
    { NULL, NULL, 0, 0, 0 },
};

static const struct path_attempt paths[] = {
    { "need-null", "/dev/null", O_RDWR, 0 },
    { "need-zero", "/dev/zero", O_RDONLY, reads },
    { "need-random", "/dev/urandom", O_RDONLY, reads },
    { "need-own-status", "/proc/self/status", O_RDONLY, reads },
    { "need-memory-facts", "/proc/meminfo", O_RDONLY, reads },
    { NULL, NULL, 0, 0 },
};

static int start_process(void) {
    int status = 0;
    pid_t child = fork();
    if (child < 0) return errno;
    if (child == 0) _exit(7);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : EPROTO;
}
static int map_memory(void) {
    char *place = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) return errno;
    place[0] = 1;
    return mprotect(place, 1 << 16, PROT_READ | PROT_EXEC) < 0 ? errno : 0;
}
static int write_temporary(void) {
    int file = open("/tmp/probe-need", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) return errno;
    int result = write(file, "x", 1) == 1 ? 0 : errno;
    (void)unlink("/tmp/probe-need");
    return result;
}
static int read_clock(void) {
    struct timespec now;
    return answer(clock_gettime(CLOCK_MONOTONIC, &now));
}

static const struct attempt attempts[] = {
    { "need-process", "start a process and learn how it ended", start_process },
    { "need-memory", "map memory and make it executable", map_memory },
    { "need-temporary", "write a file in /tmp", write_temporary },
    { "need-clock", "read a clock", read_clock },
    { NULL, NULL, NULL },
};

const struct area need_area = { "needs", NULL, sockets, paths, attempts };
