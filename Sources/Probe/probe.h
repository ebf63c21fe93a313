/*
 * The hostile probe: a program that tries, from inside a container, to do what a container must not be able to do.
 *
 * It says facts only: what came back from each attempt, and from which call. What that means, which wall it was and how
 * bad an open one is, is decided by whoever reads its lines (Sources/Formats/ProbeFormat).
 *
 * Every attempt is harmless even where no wall is: what would stop, change or fill a machine is asked for with
 * arguments that the kernel refuses after it has looked at the caller's rights, and what has none is bounded.
 */
#ifndef BULKHEAD_PROBE_H
#define BULKHEAD_PROBE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What an attempt did last; in memory that it shares with the process that reports. */
struct facts {
    int is_answered;
    /* 0: it worked. Positive: the errno that stopped it. Negative: -errno of a preparation, so nothing is known. */
    int answer;
    int has_call, is_foreign;
    long number, arguments[6];
    const char *path;
    int has_status;
    unsigned long mount_flags;
    unsigned owner;
};
extern struct facts *facts;

/* An attempt answers as `facts.answer`. `tried` is what a person reads. */
struct attempt {
    const char *name, *tried;
    int (*run)(void);
};

/* A system call with constant arguments; a result of -1 is a refusal. */
struct call_attempt {
    const char *name, *tried;
    long number;
    long arguments[6];
};

struct socket_attempt {
    const char *name, *tried;
    int family, type, protocol;
};

/* Opening a path; `reads` wants at least one byte back, `lists` one entry: an empty one tells nothing. */
enum { reads = 1, lists = 2 };
struct path_attempt {
    const char *name, *path;
    int flags, reads;
};

struct area {
    const char *name;
    const struct call_attempt *calls;
    const struct socket_attempt *sockets;
    const struct path_attempt *paths;
    const struct attempt *attempts;
};

/* A file an area. */
extern const struct area namespace_area, mount_area, file_area, group_area, device_area, privilege_area, kernel_area,
    table_area, socket_area, network_area, process_area, terminal_area, descriptor_area, exhaustion_area, need_area;

/* syscall(2), remembering what was asked for. */
long call(long number, long a, long b, long c, long d, long e, long f);
#define call0(number) call(number, 0, 0, 0, 0, 0, 0)
#define call1(number, a) call(number, (long)(a), 0, 0, 0, 0, 0)
#define call2(number, a, b) call(number, (long)(a), (long)(b), 0, 0, 0, 0)
#define call3(number, a, b, c) call(number, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define call4(number, a, b, c, d) call(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define call5(number, a, b, c, d, e) call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

/* 0, or errno: what an attempt answers when `result` is its last call's. */
int answer(long result);
/* What an attempt answers when its preparation failed. */
int unprepared(void);
/* Opens a path and remembers it, with the mount it is on and its owner. -1 and errno as open(2). */
int open_noting(const char *path, int flags);
/* The first bytes of a file, ended with a zero; its length, or -1 and errno. */
ssize_t text_of(const char *path, char *text, size_t capacity);

/* Descriptors that were open when the program began, beyond the three standard ones. */
extern int inherited[16], inherited_count;

int run_race(int count, char **arguments);
int run_record(int count, char **arguments);

#endif
