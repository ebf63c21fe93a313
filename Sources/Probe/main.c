/*
 * bulkhead-probe: tries every known way out, each in a process of its own, and says what came back: a line of JSON
 * each.
 *
 *   bulkhead-probe all              every attempt; only inside a user namespace
 *   bulkhead-probe NAME...          these attempts
 *   bulkhead-probe control NAME...  the same outside a container
 *   bulkhead-probe hold             waits until it is killed, so that others can be started beside it
 *   bulkhead-probe record FILE DIRECTORY COMMAND...  writes down which calls a command makes, see record.c
 *   bulkhead-probe race HOW...      works against a runtime in action until it is killed, see races.c
 *
 * Lines: {"probe":1,...} first, {"check":...} for each attempt, {"done":COUNT} last; without the last, it was cut off.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* For an attempt that waits for ever. Those that fill something up take seconds, and many where the machine is slow. */
enum { seconds_max = 100 };

struct facts *facts;
int inherited[16], inherited_count;

static const struct area *const areas[] = {
    &namespace_area, &mount_area, &file_area, &group_area, &device_area, &privilege_area, &kernel_area, &table_area,
    &socket_area, &network_area, &process_area, &terminal_area, &descriptor_area, &exhaustion_area,
    &need_area,
};
enum { area_count = sizeof areas / sizeof *areas };

long call(long number, long a, long b, long c, long d, long e, long f) {
    const long arguments[6] = { a, b, c, d, e, f };
    facts->has_call = 1;
    facts->number = number;
    memcpy(facts->arguments, arguments, sizeof arguments);
    return syscall(number, a, b, c, d, e, f);
}

int answer(long result) { return result < 0 ? errno : 0; }
int unprepared(void) { return errno ? -errno : -EINVAL; }

int open_noting(const char *path, int flags) {
    int descriptor = (int)call4(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0), saved = errno;
    struct statvfs mount;
    struct stat status;
    facts->path = path;
    if (lstat(path, &status) == 0 && statvfs(path, &mount) == 0) {
        facts->has_status = 1;
        facts->mount_flags = mount.f_flag;
        facts->owner = status.st_uid;
    }
    errno = saved;
    return descriptor;
}

ssize_t text_of(const char *path, char *text, size_t capacity) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    size_t length = 0;
    for (ssize_t count; length + 1 < capacity; length += (size_t)count) {
        count = read(file, text + length, capacity - 1 - length);
        if (count < 0) {
            (void)close(file);
            return -1;
        }
        if (count == 0) break;
    }
    (void)close(file);
    text[length] = 0;
    return (ssize_t)length;
}

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

static void say_text(const char *text) {
    (void)putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') (void)putchar('\\');
        (void)putchar(*text);
    }
    (void)putchar('"');
}

static void say(const char *area, const char *name, const char *tried, const char *result, int value) {
    (void)printf("{\"check\":\"%s\",\"area\":\"%s\",\"tried\":", name, area);
    say_text(tried);
    (void)printf(",\"result\":\"%s\",\"value\":%d", result, value);
    if (facts->has_call) {
        (void)printf(",\"call\":%ld,\"arguments\":[", facts->number);
        for (int i = 0; i < 6; i++) (void)printf("%s\"%lx\"", i ? "," : "", (unsigned long)facts->arguments[i]);
        (void)putchar(']');
    }
    if (facts->is_foreign) (void)fputs(",\"foreign\":true", stdout);
    if (facts->path) {
        (void)fputs(",\"path\":", stdout);
        say_text(facts->path);
    }
    if (facts->has_status) (void)printf(",\"mount\":%lu,\"owner\":%u", facts->mount_flags, facts->owner);
    (void)puts("}");
    (void)fflush(stdout);
}

/* In a session of its own, so that what it starts can be ended with it. */
static void judge(
    const char *area, const char *name, const char *tried, int (*run)(const void *), const void *attempt) {
    memset(facts, 0, sizeof *facts);
    (void)fflush(stdout);
    pid_t child = fork();
    if (child < 0) {
        say(area, name, tried, "unknown", errno);
        return;
    }
    if (child == 0) {
        (void)setsid();
        (void)alarm(seconds_max);
        if (is_control && spare_host() < 0) _exit(255);
        /* Where no wall is, what one attempt unmounts must not be missing in the next. */
        if (unshare(CLONE_NEWNS) == 0) (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
        errno = 0;
        facts->answer = run(attempt);
        facts->is_answered = 1;
        _exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    (void)kill(-child, SIGKILL);
    if (!facts->is_answered && WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM)
        say(area, name, tried, "signal", WTERMSIG(status));
    else if (!facts->is_answered) say(area, name, tried, "unknown", ETIMEDOUT);
    else if (facts->answer < 0) say(area, name, tried, "unknown", -facts->answer);
    else say(area, name, tried, facts->answer ? "errno" : "open", facts->answer);
}

static int as_call(const void *attempt) {
    const struct call_attempt *row = attempt;
    const long *a = row->arguments;
    long result = call(row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result == 0 && (row->number == SYS_clone || row->number == 435)) _exit(0); /* the new child */
    return answer(result);
}

static int as_socket(const void *attempt) {
    const struct socket_attempt *row = attempt;
    return answer(call3(SYS_socket, row->family, row->type, row->protocol));
}

static int has_entries(int directory) {
    char buffer[2048];
    long length = syscall(SYS_getdents64, directory, buffer, sizeof buffer);
    /* `.` and `..` take 24 bytes each; a link or a file beside them takes more. */
    return length > 48;
}

/* An empty file or directory is a mask: nothing was learnt, which is ENODATA here. */
static int as_path(const void *attempt) {
    const struct path_attempt *row = attempt;
    char byte;
    int descriptor = open_noting(row->path, row->flags);
    if (descriptor < 0) return errno;
    if (row->reads == lists) return has_entries(descriptor) ? 0 : ENODATA;
    if (row->reads != reads) return 0;
    ssize_t count = read(descriptor, &byte, 1);
    return count < 0 ? errno : count == 0 ? ENODATA : 0;
}

static int as_attempt(const void *attempt) { return ((const struct attempt *)attempt)->run(); }

static int wanted(const char *name, int count, char **names) {
    if (count == 0) return 1;
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i], name)) return 1;
    return 0;
}

static void describe(const struct path_attempt *row, char *text, size_t capacity) {
    const char *verb = row->reads == lists             ? "list"
                       : row->reads == reads           ? "read"
                       : row->flags & (O_WRONLY | O_RDWR) ? "open for writing"
                                                       : "open";
    (void)snprintf(text, capacity, "%s %s", verb, row->path);
}

static int run_area(const struct area *area, int count, char **names) {
    int done = 0;
    char text[256];
    for (const struct call_attempt *row = area->calls; row && row->name; row++)
        if (wanted(row->name, count, names)) done++, judge(area->name, row->name, row->tried, as_call, row);
    for (const struct socket_attempt *row = area->sockets; row && row->name; row++)
        if (wanted(row->name, count, names)) done++, judge(area->name, row->name, row->tried, as_socket, row);
    for (const struct path_attempt *row = area->paths; row && row->name; row++)
        if (wanted(row->name, count, names)) {
            describe(row, text, sizeof text);
            done++, judge(area->name, row->name, text, as_path, row);
        }
    for (const struct attempt *row = area->attempts; row && row->name; row++)
        if (wanted(row->name, count, names)) done++, judge(area->name, row->name, row->tried, as_attempt, row);
    return done;
}

static int run_attempts(int count, char **names) {
    int done = 0;
    (void)printf("{\"probe\":1,\"user\":%u,\"processor\":\"%s\"}\n", (unsigned)getuid(),
#ifdef __x86_64__
                 "x86_64"
#else
                 "aarch64"
#endif
    );
    for (int i = 0; i < area_count; i++) done += run_area(areas[i], count, names);
    (void)printf("{\"done\":%d}\n", done);
    return fflush(stdout) == 0 ? 0 : 1;
}

/* On a host every id is mapped to itself. */
static int is_host(void) {
    unsigned inside = 0, outside = 0;
    char text[128];
    if (text_of("/proc/self/uid_map", text, sizeof text) < 0) return 0;
    return sscanf(text, "%u %u", &inside, &outside) == 2 && outside == 0;
}

static void note_descriptors(void) {
    for (int descriptor = 3; descriptor < 4096 && inherited_count < 16; descriptor++)
        if (fcntl(descriptor, F_GETFD) >= 0) inherited[inherited_count++] = descriptor;
}

int main(int count, char **arguments) {
    note_descriptors();
    if (count >= 2 && !strcmp(arguments[1], "is-root")) return geteuid() == 0 ? 0 : 1;
    if (count >= 2 && !strcmp(arguments[1], "hold"))
        for (;;) (void)pause();
    if (count >= 3 && !strcmp(arguments[1], "record")) return run_record(count - 2, arguments + 2);
    if (count >= 3 && !strcmp(arguments[1], "race")) return run_race(count - 2, arguments + 2);
    facts = mmap(NULL, sizeof *facts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (facts == MAP_FAILED) {
        (void)fputs("bulkhead-probe: no memory to share with attempts\n", stderr);
        return 1;
    }
    if (count >= 2 && !strcmp(arguments[1], "all")) {
        if (is_host()) {
            (void)fputs("refused: 'all' is for containers\n", stderr);
            return 2;
        }
        return run_attempts(0, NULL);
    }
    if (count >= 3 && !strcmp(arguments[1], "control")) {
        is_control = 1;
        return run_attempts(count - 2, arguments + 2);
    }
    if (count < 2) {
        (void)fputs("usage: bulkhead-probe all | NAME... | control NAME... | hold | record ... | race ...\n", stderr);
        return 2;
    }
    return run_attempts(count - 1, arguments + 1);
}
