/* The machine, the kernel's large interfaces, keys, and calls of the past: refused before they look at arguments. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

enum {
    call_io_uring_setup = 425, call_io_uring_enter, call_io_uring_register, call_pidfd_getfd = 438,
    call_process_madvise = 440, call_quotactl_fd = 443, call_memory_home = 450, call_lsm_self = 459, call_lsm_set,
    call_lsm_list, call_file_getattr = 468, call_file_setattr = 469,
};
#define TEXT(string) ((long)(string))
/* keyctl(2) */
enum { keyring_id = 0, join_session = 1, describe = 6, persistent = 22, process_keyring = -2, session_keyring = -3,
       user_keyring = -4 };
enum { at_cwd = -100, init = 1, read_implies_exec = 0x400000, no_randomise = 0x40000, mmap_page_zero = 0x100000 };
static const char block[256];
#define BLOCK ((long)block)
/* union bpf_attr: an array of one number; a program that returns. struct perf_event_attr: a software clock. */
static const uint32_t map[16] = { 2, 4, 4, 1 };
static const uint32_t clock_event[32] = { 1, 128, 0, 0 };
static const uint32_t tracepoint_event[32] = { 2, 128, 1, 0 };

static const struct call_attempt calls[] = {
    { "reboot", "stop the machine (with an order that does not exist)", SYS_reboot, { 0xfee1dead, 672274793, 0, 0 } },
    { "kexec-load", "replace the kernel, kexec_load (with nothing)", SYS_kexec_load, { 0, 17, 0, 0 } },
    { "init-module", "load a kernel module (of zeros), init_module", SYS_init_module, { BLOCK, 64, TEXT("") } },
    { "finit-module", "load a kernel module from a file, finit_module", SYS_finit_module, { -1, TEXT(""), 0 } },
    { "delete-module", "unload a kernel module that is not there",
      SYS_delete_module, { TEXT("no-such-module"), O_NONBLOCK } },
    { "acct", "record every process of the host, acct", SYS_acct, { TEXT("/tmp/no-such-file") } },
    { "swapon", "add swap", SYS_swapon, { TEXT("/no-such-file"), 0 } },
    { "swapoff", "take swap away", SYS_swapoff, { TEXT("/no-such-file") } },
    { "quotactl", "synchronise quotas, quotactl", SYS_quotactl, { 0x80000700, 0, 0, 0 } },
    { "quotactl-fd", "synchronise quotas, quotactl_fd", call_quotactl_fd, { 0, 0x80000700, 0, 0 } },
    { "sethostname", "change the host name", SYS_sethostname, { TEXT("taken"), 5 } },
    { "setdomainname", "change the domain name", SYS_setdomainname, { TEXT("taken"), 5 } },
    { "syslog", "ask for the kernel log's size", SYS_syslog, { 10, 0, 0 } },
    { "syslog-read", "read the kernel log", SYS_syslog, { 3, BLOCK, 0 } },
    { "vhangup", "hang up the terminal", SYS_vhangup, { 0 } },
    { "perf-event-open", "measure the processor", SYS_perf_event_open, { BLOCK, 0, -1, -1, 0 } },
    { "perf-software-clock", "open a software event on ourselves",
      SYS_perf_event_open, { (long)clock_event, 0, -1, -1, 0 } },
    { "perf-tracepoint", "open a kernel tracepoint on a whole processor", SYS_perf_event_open,
      { (long)tracepoint_event, -1, 0, -1, 0 } },
    { "bpf", "make a map in the kernel, bpf", SYS_bpf, { 0, BLOCK, 64 } },
    { "bpf-array", "make an array in the kernel, bpf", SYS_bpf, { 0, (long)map, 64 } },
    { "bpf-program", "load a program into the kernel, bpf", SYS_bpf, { 5, BLOCK, 64 } },
    { "bpf-next-program", "list programs in the kernel, bpf", SYS_bpf, { 11, BLOCK, 64 } },
    { "io-uring-setup", "make an io_uring", call_io_uring_setup, { 8, BLOCK } },
    { "io-uring-enter", "enter an io_uring", call_io_uring_enter, { 0, 0, 0, 0, 0, 0 } },
    { "io-uring-register", "register with an io_uring", call_io_uring_register, { 0, 0, 0, 0 } },
    { "userfaultfd", "stop the kernel in the middle of a copy, userfaultfd", SYS_userfaultfd, { 0 } },
    { "userfaultfd-user-mode", "handle faults of user mode, userfaultfd", SYS_userfaultfd, { 1 } },
    { "fanotify-init", "watch whole file systems, fanotify", SYS_fanotify_init, { 0, 0 } },
    { "fanotify-permission", "hold back other processes' opens, fanotify", SYS_fanotify_init, { 4, 0 } },
    { "keyctl-session", "find the session key ring", SYS_keyctl, { keyring_id, session_keyring, 1 } },
    { "keyctl-user", "find the user's key ring", SYS_keyctl, { keyring_id, user_keyring, 1 } },
    { "keyctl-join", "join a named session key ring (CVE-2016-0728)", SYS_keyctl, { join_session, TEXT("probe") } },
    { "keyctl-persistent", "find the user's lasting key ring", SYS_keyctl, { persistent, -1, process_keyring } },
    { "keyctl-describe", "describe a key ring", SYS_keyctl, { describe, session_keyring, 0, 0 } },
    { "add-key", "add a key", SYS_add_key, { TEXT("user"), TEXT("probe"), BLOCK, 4, process_keyring } },
    { "request-key", "make the host start a helper for a key", SYS_request_key,
      { TEXT("user"), TEXT("probe"), 0, process_keyring } },
    { "open-by-handle-at", "open a file by its number (shocker)", SYS_open_by_handle_at, { at_cwd, BLOCK, O_RDONLY } },
    { "lsm-get-self-attr", "read security labels", call_lsm_self, { 100, 0, BLOCK, 0 } },
    { "lsm-set-self-attr", "set security labels", call_lsm_set, { 100, BLOCK, 32, 0 } },
    { "lsm-list-modules", "list security modules", call_lsm_list, { BLOCK, BLOCK, 0 } },
    { "file-getattr", "read inode flags and project ids, file_getattr",
      call_file_getattr, { at_cwd, TEXT("/"), BLOCK, 24, 0 } },
    { "file-setattr", "set inode flags and project ids, file_setattr",
      call_file_setattr, { at_cwd, TEXT("/tmp"), BLOCK, 24, 0 } },
    { "mbind", "place memory, mbind", SYS_mbind, { 0, 0, 0, 0, 0, 0 } },
    { "set-mempolicy", "place memory, set_mempolicy", SYS_set_mempolicy, { 0, 0, 0 } },
    { "get-mempolicy", "ask where memory is, get_mempolicy", SYS_get_mempolicy, { 0, 0, 0, 0, 0 } },
    { "memory-home", "place memory, set_mempolicy_home_node", call_memory_home, { 0, 0, 0, 0 } },
    { "move-pages", "ask where pages lie, move_pages", SYS_move_pages, { 0, 0, 0, 0, 0, 0 } },
    { "migrate-pages", "move memory between nodes, migrate_pages", SYS_migrate_pages, { 0, 0, 0, 0 } },
    { "personality-no-randomise", "switch address randomisation off", SYS_personality, { no_randomise } },
    { "personality-exec-memory", "make all memory executable", SYS_personality, { read_implies_exec } },
    { "personality-page-zero", "map page zero", SYS_personality, { mmap_page_zero } },
    { "process-madvise", "drop another process's memory", call_process_madvise, { -1, BLOCK, 1, 21, 0 } },
    { "pidfd-getfd", "take a descriptor of another process", call_pidfd_getfd, { -1, 0, 0 } },
    { "process-vm-readv", "read init's memory, process_vm_readv",
      SYS_process_vm_readv, { init, BLOCK, 1, BLOCK, 1, 0 } },
    { "process-vm-writev", "write init's memory, process_vm_writev",
      SYS_process_vm_writev, { init, BLOCK, 1, BLOCK, 1, 0 } },
    { "kcmp", "compare kernel objects", SYS_kcmp, { init, init, 0, 0, 0 } },
#ifdef __x86_64__
    { "iopl", "reach the machine's ports, iopl", SYS_iopl, { 3 } },
    { "ioperm", "reach the machine's ports, ioperm", SYS_ioperm, { 0x80, 1, 1 } },
    { "kexec-file-load", "replace the kernel, kexec_file_load", SYS_kexec_file_load, { -1, -1, 0, 0, 0 } },
    { "modify-ldt", "read the table of 16-bit segments, modify_ldt", SYS_modify_ldt, { 0, BLOCK, 0 } },
    { "modify-ldt-write", "write the table of 16-bit segments, modify_ldt", SYS_modify_ldt, { 0x11, BLOCK, 16 } },
    { "uselib", "load a library of the a.out days", SYS_uselib, { TEXT("/no-such-file") } },
    { "lookup-dcookie", "path of any file, lookup_dcookie", SYS_lookup_dcookie, { 0, BLOCK, 0 } },
    { "ustat", "file systems by device number, ustat", SYS_ustat, { 1, BLOCK } },
    { "sysfs", "count file system types, sysfs", SYS_sysfs, { 3 } },
    { "sysctl", "binary kernel settings, _sysctl", 156, { BLOCK } },
    { "create-module", "load a module as Linux 2.4 did", 174, { TEXT("probe"), 64 } },
    { "get-kernel-syms", "kernel addresses for Linux 2.4's modules", 177, { 0 } },
    { "query-module", "query modules as Linux 2.4 did", 178, { 0, 0, 0, 0, 0 } },
    { "nfsservctl", "control the NFS server as Linux 2.4 did", 180, { 0, 0, 0 } },
    { "getpmsg", "STREAMS, getpmsg", 181, { 0 } },
    { "putpmsg", "STREAMS, putpmsg", 182, { 0 } },
    { "afs-syscall", "AFS's call", 183, { 0 } },
    { "tuxcall", "the TUX web server's call", 184, { 0 } },
    { "security", "the call reserved for security modules", 185, { 0 } },
    { "vserver", "the call reserved for vserver", 236, { 0 } },
    { "uprobe", "the kernel's own trampoline call", 336, { 0 } },
#endif
    { NULL, NULL, 0, { 0 } },
};

/* The clock is set to what it shows: a wall that is absent costs the host nothing. */
static int set_clock(void) {
    struct timespec now;
    if (syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) < 0) return unprepared();
    return answer(call2(SYS_clock_settime, CLOCK_REALTIME, &now));
}
static int set_time_of_day(void) {
    struct timespec now;
    if (syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) < 0) return unprepared();
    long pair[2] = { now.tv_sec, now.tv_nsec / 1000 };
    return answer(call2(SYS_settimeofday, pair, 0));
}
/* A tick of zero is refused, after the caller's rights have been looked at. */
static int adjust_clock(void) {
    struct timex order;
    memset(&order, 0, sizeof order);
    order.modes = ADJ_TICK;
    return answer(call1(SYS_adjtimex, &order));
}
static int adjust_named_clock(void) {
    struct timex order;
    memset(&order, 0, sizeof order);
    order.modes = ADJ_TICK;
    return answer(call2(SYS_clock_adjtime, CLOCK_REALTIME, &order));
}
static int wake_alarm(void) {
    int made = 0;
    return answer(call3(SYS_timer_create, 9 /* CLOCK_BOOTTIME_ALARM */, 0, &made));
}

static const struct attempt attempts[] = {
    { "clock-settime", "set the host's clock (to what it shows)", set_clock },
    { "settimeofday", "set the host's clock as of old (to what it shows)", set_time_of_day },
    { "adjtimex", "steer the host's clock, adjtimex", adjust_clock },
    { "clock-adjtime", "steer the host's clock, clock_adjtime", adjust_named_clock },
    { "wake-alarm", "wake the machine up with an alarm timer", wake_alarm },
    { NULL, NULL, NULL },
};

const struct area kernel_area = { "kernel", calls, NULL, NULL, attempts };
