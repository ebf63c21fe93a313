/* Around the filter: other call tables, high bits it must not trust, filters and tracers of our own. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* linux/filter.h and linux/seccomp.h, which not every C library brings. */
struct instruction { uint16_t code; uint8_t yes, no; uint32_t operand; };
struct program { unsigned short length; struct instruction *instructions; };
enum { return_constant = 6, mode_filter = 2 };
static const uint32_t allow_all = 0x7fff0000;

static const char block[256];
#define BLOCK ((long)block)
#define HIGH 0x100000000l

static const struct call_attempt calls[] = {
    { "unknown-call", "make a call nobody knows, number 999", 999, { 0 } },
    { "unknown-call-large", "make a call nobody knows, number 65535", 65535, { 0 } },
    { "unknown-call-negative", "make a call of number -2", -2, { 0 } },
    { "socket-alg-high-bits", "open AF_ALG with high bits in the family",
      SYS_socket, { HIGH | 38, SOCK_SEQPACKET, 0 } },
    { "socket-packet-high-bits", "open AF_PACKET with high bits in the family",
      SYS_socket, { HIGH | 17, SOCK_RAW, 0 } },
    { "netlink-high-bits", "open netlink's netfilter with high bits in the protocol", SYS_socket,
      { 16, SOCK_RAW, HIGH | 12 } },
    { "personality-high-bits", "switch address randomisation off with high bits", SYS_personality, { HIGH | 0x40000 } },
    { "unshare-high-bits", "make a uts namespace with high bits in the flags", SYS_unshare, { HIGH | CLONE_NEWUTS } },
#ifdef __x86_64__
    { "clone-high-bits", "make a uts namespace with clone and high bits",
      SYS_clone, { HIGH | CLONE_NEWUTS | SIGCHLD } },
    { "number-high-bits", "unshare with high bits in the call's number", HIGH | SYS_unshare, { CLONE_NEWUTS } },
    { "x32-getpid", "make a call of the x32 table", 0x40000000 | SYS_getpid, { 0 } },
    { "x32-unshare", "unshare by the x32 table", 0x40000000 | SYS_unshare, { CLONE_NEWUTS } },
    { "x32-socket", "open AF_ALG by the x32 table", 0x40000000 | SYS_socket, { 38, SOCK_SEQPACKET, 0 } },
    { "x32-ptrace", "trace by the x32 table's own number", 0x40000000 | 521, { 0 } },
    { "x32-io-setup", "set up asynchronous I/O by the x32 table", 0x40000000 | 543, { 1, BLOCK } },
#endif
    { NULL, NULL, 0, { 0 } },
};

#ifdef __x86_64__
/* The 32-bit call table from a 64-bit program: int $0x80 needs no 32-bit binary. */
static int call32(int number, int a, int b, int c) {
    int result;
    facts->has_call = facts->is_foreign = 1;
    facts->number = number;
    facts->arguments[0] = a, facts->arguments[1] = b, facts->arguments[2] = c;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c)
                     : "memory", "r8", "r9", "r10", "r11");
    return result < 0 && result > -4096 ? -result : 0;
}
static int i386_getpid(void) { return call32(20, 0, 0, 0); }
static int i386_unshare(void) { return call32(310, CLONE_NEWUTS, 0, 0); }
static int i386_socket(void) { return call32(359, 38, SOCK_SEQPACKET, 0); }
static int i386_socketcall(void) { return call32(102, 1, 0, 0); }
static int i386_keyctl(void) { return call32(288, 0, -3, 1); }
static int i386_mount(void) { return call32(21, 0, 0, 0); }
static int i386_ptrace(void) { return call32(26, 0, 0, 0); }
static int i386_bpf(void) { return call32(357, 0, 0, 0); }
static int i386_module(void) { return call32(128, 0, 0, 0); }
static int i386_clone(void) { return call32(120, CLONE_NEWUTS, 0, 0); }
static int i386_vm86(void) { return call32(113, 0, 0, 0); }
static int i386_io_uring(void) { return call32(425, 1, 0, 0); }
static int i386_unknown(void) { return call32(999, 0, 0, 0); }
#endif

/* The strictest answer of all filters counts: one that allows all must not open what another refuses. */
static int filter_over_filter(void) {
    struct instruction allow = { return_constant, 0, 0, allow_all };
    struct program program = { 1, &allow };
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, mode_filter, &program) < 0) return unprepared();
    return answer(call1(SYS_unshare, CLONE_NEWUTS));
}
/* Seccomp mode 0 would be none. */
static int lift_filter(void) { return answer(call2(SYS_prctl, PR_SET_SECCOMP, 0)); }
static int has_no_filter(void) {
    int mode = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
    return mode < 0 ? errno : mode == 2 ? EPERM : 0;
}

#ifdef __x86_64__
/* The child stops on its way into getpid; we turn that into unshare, which the filter must still see (Linux 4.8). */
static int tracer_changes_number(void) {
    int status = 0;
    pid_t child = fork();
    if (child < 0) return unprepared();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0) _exit(255);
        (void)raise(SIGSTOP);
        errno = 0;
        /* Called as getpid; answers as unshare. */
        _exit(syscall(SYS_getpid, 0) == 0 ? 0 : 1);
    }
    if (waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status)) return -EPERM;
    for (int stops = 0; stops < 16; stops++) {
        struct user_regs_struct registers;
        if (ptrace(PTRACE_SYSCALL, child, 0, 0) < 0 || waitpid(child, &status, 0) < 0) return unprepared();
        if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? 0 : EPERM;
        if (!WIFSTOPPED(status) || ptrace(PTRACE_GETREGS, child, 0, &registers) < 0) return unprepared();
        if (registers.orig_rax != SYS_getpid || (long)registers.rax != -ENOSYS) continue;
        registers.orig_rax = SYS_unshare;
        registers.rdi = CLONE_NEWUTS;
        if (ptrace(PTRACE_SETREGS, child, 0, &registers) < 0) return unprepared();
        if (ptrace(PTRACE_SYSCALL, child, 0, 0) < 0 || waitpid(child, &status, 0) < 0) return unprepared();
        if (ptrace(PTRACE_GETREGS, child, 0, &registers) < 0) return unprepared();
        int result = (int)-(long)registers.rax;
        facts->has_call = 1, facts->number = SYS_unshare, facts->arguments[0] = CLONE_NEWUTS;
        (void)kill(child, SIGKILL);
        return result < 0 ? 0 : result;
    }
    return -ETIMEDOUT;
}
#endif

static pid_t stopped_child(void) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, 0, 0);
        (void)raise(SIGSTOP);
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFSTOPPED(status) ? child : -1;
}
static int suspend_filter(void) {
    pid_t child = stopped_child();
    if (child < 0) return -EPERM;
    return answer(call4(SYS_ptrace, PTRACE_SETOPTIONS, child, 0, 1 << 21 /* PTRACE_O_SUSPEND_SECCOMP */));
}
static int read_filter(void) {
    char room[4096 * 8];
    pid_t child = stopped_child();
    if (child < 0) return -EPERM;
    return answer(call4(SYS_ptrace, 0x420c /* PTRACE_SECCOMP_GET_FILTER */, child, 0, room));
}

static const struct attempt attempts[] = {
    { "no-filter", "find ourselves without a system call filter", has_no_filter },
    { "lift-filter", "take the system call filter off", lift_filter },
    { "filter-over-filter", "open a call by a filter of our own that allows all", filter_over_filter },
    { "suspend-filter", "suspend a child's filter as its tracer", suspend_filter },
    { "read-filter", "read the filter back, to look for its holes", read_filter },
#ifdef __x86_64__
    { "tracer-changes-number", "turn getpid into unshare as a tracer, behind the filter's back",
      tracer_changes_number },
    { "i386-getpid", "make a call of the 32-bit table", i386_getpid },
    { "i386-unshare", "unshare by the 32-bit table", i386_unshare },
    { "i386-socket", "open AF_ALG by the 32-bit table", i386_socket },
    { "i386-socketcall", "open a socket by the 32-bit socketcall", i386_socketcall },
    { "i386-keyctl", "use key rings by the 32-bit table", i386_keyctl },
    { "i386-mount", "mount by the 32-bit table", i386_mount },
    { "i386-ptrace", "trace by the 32-bit table", i386_ptrace },
    { "i386-bpf", "load into the kernel by the 32-bit table", i386_bpf },
    { "i386-module", "load a module by the 32-bit table", i386_module },
    { "i386-clone", "make a namespace by the 32-bit table", i386_clone },
    { "i386-vm86", "enter virtual 8086 mode", i386_vm86 },
    { "i386-io-uring", "make an io_uring by the 32-bit table", i386_io_uring },
    { "i386-unknown", "make a 32-bit call nobody knows", i386_unknown },
#endif
    { NULL, NULL, NULL },
};

const struct area table_area = { "filters", calls, NULL, NULL, attempts };
