/*
 * steps OUTPUT CMD...: runs a command one instruction after another, with all processes it makes until they execute
 * something else, and writes the addresses of code it was at, in the order in which it came there first, to OUTPUT: one a
 * line, in hexadecimal, one for each 16 bytes. For programs that are not position-independent, below 4 GiB. ptrace(2).
 *
 * Its status is the command's. Held to one processor (taskset) it is ten times as quick: the two never run at once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRAIN = 4, PROCESSES = 64 };

static uint8_t seen[(UINT64_C(1) << 32 >> GRAIN) / 8];
/* How many programs each process has executed: the first one's own begins with the first. */
static struct {
    pid_t process;
    int executed;
} known[PROCESSES];

static int *executed(pid_t process) {
    int index = 0;
    while (index < PROCESSES && known[index].process && known[index].process != process) index++;
    if (index == PROCESSES) {
        fprintf(stderr, "steps: more than %d processes\n", PROCESSES);
        exit(125);
    }
    if (!known[index].process) {
        known[index].process = process;
        known[index].executed = 1;
    }
    return &known[index].executed;
}

static void note(pid_t process, FILE *output) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, process, 0, &registers) || registers.rip >> 32) return;
    uint64_t place = registers.rip >> GRAIN;
    if (seen[place / 8] & 1 << place % 8) return;
    seen[place / 8] |= 1 << place % 8;
    fprintf(output, "%llx\n", (unsigned long long)registers.rip);
}

/* What a stopped process does next: nothing of ours once it has executed another program. */
static void go_on(pid_t process, int status, FILE *output) {
    int signal = WSTOPSIG(status), event = status >> 16;
    if (event == PTRACE_EVENT_EXEC && ++*executed(process) > 1) {
        ptrace(PTRACE_DETACH, process, 0, 0);
        return;
    }
    if (!event && signal == SIGTRAP) note(process, output);
    if (event || signal == SIGTRAP || signal == SIGSTOP) signal = 0;
    ptrace(*executed(process) ? PTRACE_SINGLESTEP : PTRACE_CONT, process, 0, signal);
}

static int follow(pid_t first, FILE *output) {
    for (;;) {
        int status;
        pid_t process = waitpid(-1, &status, __WALL);
        if (process < 0 && errno == EINTR) continue;
        if (process < 0) return 125;
        if (WIFSTOPPED(status))
            go_on(process, status, output);
        else if (process == first)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

int main(int count, char **words) {
    if (count < 3) {
        fprintf(stderr, "usage: steps OUTPUT CMD...\n");
        return 125;
    }
    FILE *output = fopen(words[1], "w");
    if (!output) {
        fprintf(stderr, "steps: cannot write %s: %s\n", words[1], strerror(errno));
        return 125;
    }
    pid_t first = fork();
    if (first == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        execvp(words[2], words + 2);
        fprintf(stderr, "steps: cannot execute %s: %s\n", words[2], strerror(errno));
        _exit(127);
    }
    int status;
    if (first < 0 || waitpid(first, &status, 0) != first) return 125;
    *executed(first) = 0;
    ptrace(
        PTRACE_SETOPTIONS, first, 0,
        PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC);
    ptrace(PTRACE_CONT, first, 0, 0);
    int result = follow(first, output);
    return fclose(output) ? 125 : result;
}
