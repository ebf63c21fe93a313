/* The hostile probe: a program that tries, from inside a container, to do what a container must not be able to do. */
#ifndef BULKHEAD_PROBE_H
#define BULKHEAD_PROBE_H

#include <stddef.h>

/* An attempt answers 0 when it succeeded, a wall is open, or the errno that stopped it. */
struct attempt {
    const char *name;
    int (*run)(void);
};

/* A system call with constant arguments; a result of -1 is a refusal. */
struct call_attempt {
    const char *name;
    long number;
    long arguments[6];
};

struct socket_attempt {
    const char *name;
    int family, type, protocol;
};

/* Opening a path with some flags; `reads` also wants at least one byte back, as an empty file tells nothing. */
struct path_attempt {
    const char *name, *path;
    int flags, reads;
};

extern const struct call_attempt call_attempts[];
extern const struct socket_attempt socket_attempts[];
extern const struct path_attempt path_attempts[];
extern const struct attempt process_attempts[];

int try_call(const struct call_attempt *attempt);
int try_socket(const struct socket_attempt *attempt);
int try_path(const struct path_attempt *attempt);

#endif
