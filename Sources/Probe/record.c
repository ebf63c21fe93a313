/*
 * Writes down which system calls a program and all it starts make, by tracing them:
 * `bulkhead-probe record FILE DIRECTORY COMMAND`. It runs inside the container it records, so it sees what the
 * container's filter is asked, refused or not.
 *
 * Lines: {"recording":1} first; {"table":T,"call":N,"arguments":[...]} for each call, once, or once for each set of
 * arguments where arguments matter; {"done":COUNT,"status":N} last. Tables: native, foreign (32-bit), x32.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    numbers_max = 1024, sets_max = 4096, tables = 3, seize = 0x4206, interrupt = 0x4207, listen_ = 0x4208,
    get_call_info = 0x420e, call_entry = 1, event_stop = 128, event_exec = 4, cannot_record = 125,
};
/* Calls told apart from others (0x01), and fork, vfork, clone, exec followed (0x02 to 0x10); all end with us. */
enum { options = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x100000 };
enum { x32_bit = 0x40000000 };

/* struct ptrace_syscall_info of ptrace(2), as far as an entry fills it. */
struct call_info {
    uint8_t operation, padding[3];
    uint32_t architecture;
    uint64_t instruction, stack, number, arguments[6];
    uint64_t spare[4];
};

static const char *const table_names[tables] = { "native", "foreign", "x32" };
static unsigned char seen[tables][numbers_max];
static struct { int table; long number; uint64_t arguments[6]; } sets[sets_max];
static int set_count, line_count, is_overfull;
static FILE *output;
static pid_t task;

/* A bit for each argument that decides something; 0 where none does. */
static unsigned interesting(int table, long number) {
    if (table != 0) return 0;
    switch (number) {
    case SYS_socket: return 1 | 4;
    case SYS_socketpair: case SYS_personality: case SYS_prctl: case SYS_clone: return 1;
    case SYS_ioctl: return 2;
    default: return 0;
    }
}

static void write_down(int table, long number, const uint64_t *arguments) {
    (void)fprintf(output, "{\"table\":\"%s\",\"call\":%ld,\"arguments\":[", table_names[table], number);
    for (int i = 0; i < 6; i++)
        (void)fprintf(output, "%s\"%llx\"", i ? "," : "", (unsigned long long)(arguments ? arguments[i] : 0));
    (void)fputs("]}\n", output);
    line_count++;
}

static void note(const struct call_info *info) {
    long number = (long)(int)info->number;
    int table = 0;
#ifdef __x86_64__
    if (info->architecture == 0x40000003) table = 1;
    else if (number & x32_bit) table = 2, number &= ~x32_bit;
#else
    if (info->architecture == 0x40000028) table = 1;
#endif
    if (number < 0 || number >= numbers_max) return;
    unsigned which = interesting(table, number);
    if (!which) {
        if (!seen[table][number]) write_down(table, number, NULL);
        seen[table][number] = 1;
        return;
    }
    uint64_t kept[6] = { 0 };
    for (int i = 0; i < 6; i++)
        if (which & 1u << i) kept[i] = info->arguments[i] & 0xffffffff;
    for (int i = 0; i < set_count; i++)
        if (sets[i].number == number && !memcmp(sets[i].arguments, kept, sizeof kept)) return;
    if (set_count == sets_max) {
        is_overfull = 1;
        return;
    }
    sets[set_count].number = number;
    memcpy(sets[set_count++].arguments, kept, sizeof kept);
    write_down(table, number, kept);
}

static void pass_on(int signal_) {
    if (task > 0) (void)kill(task, signal_);
}

/* One stop of one thread: written down where it is a call, and sent on its way. */
static void resume(pid_t thread, int status, int *is_counting) {
    int signal_ = WSTOPSIG(status), event = status >> 16;
    if (event == event_exec && thread == task) *is_counting = 1;
    if (event == event_stop && (signal_ == SIGSTOP || signal_ == SIGTSTP || signal_ == SIGTTIN || signal_ == SIGTTOU)) {
        (void)ptrace(listen_, thread, 0, 0); /* stopped by job control: it stays so until it is told to go on */
        return;
    }
    if (signal_ == (SIGTRAP | 0x80)) {
        struct call_info info = { 0 };
        if (*is_counting && ptrace(get_call_info, thread, sizeof info, &info) > 0 && info.operation == call_entry)
            note(&info);
        signal_ = 0;
    } else if (event) signal_ = 0;
    (void)ptrace(PTRACE_SYSCALL, thread, 0, signal_);
}

static int follow(void) {
    int status = 0, is_counting = 0, end = cannot_record;
    for (;;) {
        pid_t thread = waitpid(-1, &status, 0x40000000 /* __WALL */);
        if (thread < 0 && errno == EINTR) continue;
        if (thread < 0) return end;
        if (WIFSTOPPED(status)) resume(thread, status, &is_counting);
        else if (thread == task) end = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

static int fail(const char *what) {
    (void)fprintf(stderr, "bulkhead-probe: cannot record: %s: %s\n", what, strerror(errno));
    return cannot_record;
}

int run_record(int count, char **arguments) {
    int gate[2], status = 0;
    char byte = 0;
    if (count < 3) return errno = EINVAL, fail("FILE, DIRECTORY and COMMAND are needed");
    if (!(output = fopen(arguments[0], "we"))) return fail(arguments[0]);
    if (pipe2(gate, O_CLOEXEC) < 0) return fail("pipe");
    task = fork();
    if (task < 0) return fail("fork");
    if (task == 0) {
        (void)close(gate[1]);
        while (read(gate[0], &byte, 1) < 0 && errno == EINTR) continue;
        if (chdir(arguments[1]) < 0) _exit(126);
        (void)execvp(arguments[2], arguments + 2);
        _exit(errno == ENOENT ? 127 : 126);
    }
    (void)close(gate[0]);
    if (ptrace(seize, task, 0, options) < 0 || ptrace(interrupt, task, 0, 0) < 0) {
        int error = errno;
        (void)kill(task, SIGKILL);
        errno = error;
        return fail("trace (is ptrace refused by the profile or by kernel.yama.ptrace_scope?)");
    }
    if (waitpid(task, &status, 0) < 0 || ptrace(PTRACE_SYSCALL, task, 0, 0) < 0) return fail("wait");
    static const int passed[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) (void)signal(passed[i], pass_on);
    (void)fputs("{\"recording\":1}\n", output);
    (void)close(gate[1]);
    status = follow();
    if (is_overfull) return errno = E2BIG, fail("more than 4096 sets of arguments");
    (void)fprintf(output, "{\"done\":%d,\"status\":%d}\n", line_count, status);
    return fclose(output) == 0 ? status : fail("write");
}
