/* Calls that must not work, with arguments by which a kernel that lets them through does something or says EINVAL. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What musl's headers may be too old to know. The numbers are those every architecture shares since Linux 5.1. */
enum {
    call_open_tree = 428, call_move_mount, call_fsopen, call_fsconfig, call_fsmount, call_fspick, call_pidfd_open,
    call_clone3, call_pidfd_getfd = 438, call_process_madvise = 440, call_mount_setattr = 442, call_quotactl_fd,
    call_memory_home = 450, call_lsm_self = 459, call_lsm_list = 461, call_open_tree_attr = 467,
    call_io_uring_setup = 425, call_io_uring_enter, call_io_uring_register, call_nothing = 999,
};

#define TEXT(string) ((long)(string))
/* keyctl(2) */
enum { keyring_id = 0, process_keyring = -2, session_keyring = -3, user_keyring = -4 };
enum { at_cwd = -100, init = 1, read_implies_exec = 0x400000, no_randomise = 0x40000, detach = 2 };
static const char block[256];
#define BLOCK ((long)block)

const struct call_attempt call_attempts[] = {
    { "mount-tmpfs", SYS_mount, { TEXT("none"), TEXT("/tmp"), TEXT("tmpfs"), 0, 0 } },
    { "mount-proc", SYS_mount, { TEXT("none"), TEXT("/tmp"), TEXT("proc"), 0, 0 } },
    { "mount-cgroup", SYS_mount, { TEXT("none"), TEXT("/tmp"), TEXT("cgroup2"), 0, 0 } },
    { "mount-bind", SYS_mount, { TEXT("/proc"), TEXT("/tmp"), 0, MS_BIND, 0 } },
    { "mount-move", SYS_mount, { TEXT("/dev/shm"), TEXT("/tmp"), 0, MS_MOVE, 0 } },
    { "mount-shared", SYS_mount, { 0, TEXT("/"), 0, MS_SHARED | MS_REC, 0 } },
    { "remount-proc-sys", SYS_mount, { 0, TEXT("/proc/sys"), 0, MS_REMOUNT | MS_BIND, 0 } },
    { "remount-sys", SYS_mount, { 0, TEXT("/sys"), 0, MS_REMOUNT | MS_BIND, 0 } },
    { "umount-mask", SYS_umount2, { TEXT("/proc/kcore"), detach } },
    { "umount-proc", SYS_umount2, { TEXT("/proc"), detach } },
    { "umount-dev", SYS_umount2, { TEXT("/dev"), detach } },
    { "pivot-root", SYS_pivot_root, { TEXT("/tmp"), TEXT("/tmp") } },
    { "open-tree", call_open_tree, { at_cwd, TEXT("/"), 1 } },
    { "open-tree-attr", call_open_tree_attr, { at_cwd, TEXT("/"), 1, BLOCK, 32 } },
    { "move-mount", call_move_mount, { at_cwd, TEXT("/dev/shm"), at_cwd, TEXT("/tmp"), 0 } },
    { "fsopen", call_fsopen, { TEXT("tmpfs"), 0 } },
    { "fsconfig", call_fsconfig, { 0, 6, 0, 0, 0 } },
    { "fsmount", call_fsmount, { 0, 0, 0 } },
    { "fspick", call_fspick, { at_cwd, TEXT("/"), 0 } },
    { "mount-setattr", call_mount_setattr, { at_cwd, TEXT("/proc/sys"), 0, BLOCK, 32 } },
    { "unshare-user", SYS_unshare, { CLONE_NEWUSER } },
    { "unshare-mount", SYS_unshare, { CLONE_NEWNS } },
    { "unshare-network", SYS_unshare, { CLONE_NEWNET } },
    { "unshare-pid", SYS_unshare, { CLONE_NEWPID } },
    { "unshare-ipc", SYS_unshare, { CLONE_NEWIPC } },
    { "unshare-uts", SYS_unshare, { CLONE_NEWUTS } },
    { "unshare-cgroup", SYS_unshare, { CLONE_NEWCGROUP } },
    { "unshare-time", SYS_unshare, { 0x80 } },
    { "unshare-user-mount", SYS_unshare, { CLONE_NEWUSER | CLONE_NEWNS } },
    { "clone3", call_clone3, { BLOCK, 64 } },
    { "reboot", SYS_reboot, { 0xfee1dead, 672274793, 0, 0 } },
    { "kexec-load", SYS_kexec_load, { 0, 0, 0, 0 } },
    { "init-module", SYS_init_module, { BLOCK, 64, TEXT("") } },
    { "finit-module", SYS_finit_module, { 0, TEXT(""), 0 } },
    { "delete-module", SYS_delete_module, { TEXT("no-such-module"), O_NONBLOCK } },
    { "acct", SYS_acct, { TEXT("/tmp/no-such-file") } },
    { "swapon", SYS_swapon, { TEXT("/bin"), 0 } },
    { "swapoff", SYS_swapoff, { TEXT("/no-such-file") } },
    { "quotactl", SYS_quotactl, { 0x80000700, 0, 0, 0 } },
    { "quotactl-fd", call_quotactl_fd, { 0, 0x80000700, 0, 0 } },
    { "sethostname", SYS_sethostname, { TEXT("taken"), 5 } },
    { "setdomainname", SYS_setdomainname, { TEXT("taken"), 5 } },
    { "syslog", SYS_syslog, { 10, 0, 0 } },
    { "vhangup", SYS_vhangup, { 0 } },
    { "settimeofday", SYS_settimeofday, { 0, BLOCK } },
    { "clock-settime", SYS_clock_settime, { 0, BLOCK } },
    { "process-vm-readv", SYS_process_vm_readv, { init, BLOCK, 1, BLOCK, 1, 0 } },
    { "process-vm-writev", SYS_process_vm_writev, { init, BLOCK, 1, BLOCK, 1, 0 } },
    { "process-madvise", call_process_madvise, { -1, BLOCK, 1, 21, 0 } },
    { "pidfd-getfd", call_pidfd_getfd, { -1, 0, 0 } },
    { "kcmp", SYS_kcmp, { init, init, 0, 0, 0 } },
    { "perf-event-open", SYS_perf_event_open, { BLOCK, 0, -1, -1, 0 } },
    { "bpf", SYS_bpf, { 0, BLOCK, 64 } },
    { "io-uring-setup", call_io_uring_setup, { 8, BLOCK } },
    { "io-uring-enter", call_io_uring_enter, { 0, 0, 0, 0, 0, 0 } },
    { "io-uring-register", call_io_uring_register, { 0, 0, 0, 0 } },
    { "userfaultfd", SYS_userfaultfd, { 0 } },
    { "userfaultfd-user-mode", SYS_userfaultfd, { 1 } },
    { "fanotify-init", SYS_fanotify_init, { 0, 0 } },
    { "keyctl-session", SYS_keyctl, { keyring_id, session_keyring, 1 } },
    { "keyctl-user", SYS_keyctl, { keyring_id, user_keyring, 1 } },
    { "add-key", SYS_add_key, { TEXT("user"), TEXT("probe"), BLOCK, 4, process_keyring } },
    { "request-key", SYS_request_key, { TEXT("user"), TEXT("probe"), 0, process_keyring } },
    { "open-by-handle-at", SYS_open_by_handle_at, { at_cwd, BLOCK, O_RDONLY } },
    { "lsm-get-self-attr", call_lsm_self, { 100, 0, BLOCK, 0 } },
    { "lsm-list-modules", call_lsm_list, { BLOCK, BLOCK, 0 } },
    { "mbind", SYS_mbind, { 0, 0, 0, 0, 0, 0 } },
    { "set-mempolicy", SYS_set_mempolicy, { 0, 0, 0 } },
    { "move-pages", SYS_move_pages, { 0, 0, 0, 0, 0, 0 } },
    { "migrate-pages", SYS_migrate_pages, { 0, 0, 0, 0 } },
    { "personality-no-randomise", SYS_personality, { no_randomise } },
    { "personality-exec-memory", SYS_personality, { read_implies_exec } },
    { "unknown-call", call_nothing, { 0 } },
#ifdef __x86_64__
    { "clone-user", SYS_clone, { CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0 } },
    { "clone-mount", SYS_clone, { CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0 } },
    { "clone-network", SYS_clone, { CLONE_NEWNET | SIGCHLD, 0, 0, 0, 0 } },
    { "clone-pid", SYS_clone, { CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0 } },
    { "iopl", SYS_iopl, { 3 } },
    { "ioperm", SYS_ioperm, { 0x80, 1, 1 } },
    { "kexec-file-load", SYS_kexec_file_load, { -1, -1, 0, 0, 0 } },
    { "modify-ldt", SYS_modify_ldt, { 0, BLOCK, 0 } },
    { "uselib", SYS_uselib, { TEXT("/bin/sh") } },
    { "lookup-dcookie", SYS_lookup_dcookie, { 0, BLOCK, 0 } },
    { "ustat", SYS_ustat, { 1, BLOCK } },
    { "sysfs", SYS_sysfs, { 3 } },
    { "x32-getpid", 0x40000000 | SYS_getpid, { 0 } },
#endif
    { NULL, 0, { 0 } },
};

int try_call(const struct call_attempt *attempt) {
    const long *a = attempt->arguments;
    long result = syscall(attempt->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (result == 0 && (attempt->number == SYS_clone || attempt->number == call_clone3)) _exit(0); /* the new child */
    return result < 0 ? errno : 0;
}
