/* Hooks that run in the container's namespaces: a program, the container's state as its input, an end to wait for. */
#include "launcher.h"

#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

__attribute__((noreturn)) static void become_hook(const char *program, const char **arguments,
                                                  const char **environment, int state, int root) {
    static char nothing[] = "";
    static char *no_arguments[] = { nothing, NULL };
    /* Before the root is entered a hook finds it as its working directory. */
    if (root >= 0 && fchdir(root) < 0) _exit(BH_EXIT_NOT_EXECUTABLE);
    if (lseek(state, 0, SEEK_SET) < 0 || dup2(state, 0) < 0) _exit(BH_EXIT_NOT_EXECUTABLE);
    if (syscall(SYS_close_range, 3u, ~0u, close_range_cloexec) < 0) _exit(BH_EXIT_NOT_EXECUTABLE);
    char *const *list = arguments[0] ? (char *const *)arguments : no_arguments;
    (void)execve(program, list, (char *const *)environment);
    _exit(errno == ENOENT ? BH_EXIT_NOT_FOUND : BH_EXIT_NOT_EXECUTABLE);
}

static int wait_for_hook(pid_t process, int handle, uint32_t milliseconds) {
    struct pollfd poll_handle = { .fd = handle, .events = POLLIN };
    int status = 0, timed_out = 0, ready;
    do ready = poll(&poll_handle, 1, milliseconds ? (int)milliseconds : -1);
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return -1;
    if (ready == 0) {
        timed_out = 1;
        (void)kill(process, SIGKILL);
    }
    while (waitpid(process, &status, 0) < 0)
        if (errno != EINTR) return -1;
    if (!timed_out) return status;
    errno = ETIMEDOUT;
    return -1;
}

int step_run_hook(struct launch *launch, struct cursor *payload) {
    const char *program = take_path(payload), **arguments, **environment, *path;
    int handle = -1;
    read_program(payload, &arguments, &environment, &path);
    int state = take_descriptor(payload);
    uint32_t milliseconds = take_number(payload);
    launch->part = BH_PART_CREATE;
    pid_t process = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_PIDFD, 0, &handle, 0, 0);
    if (process < 0) return -1;
    if (process == 0) 
        become_hook(program, arguments, environment, state, launch->attached ? launch->root : -1);
    launch->part = BH_PART_WHOLE;
    int status = close_after(wait_for_hook(process, handle, milliseconds), handle);
    if (status <= 0) return status;
    launch->part = BH_PART_STATUS;
    errno = status;
    return -1;
}
