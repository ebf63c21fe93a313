/* Making namespaces, entering them, and seeing those of others. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { call_pidfd_open = 434, call_clone3 = 435, call_listns = 470, new_time = 0x80 };
static const char block[256];
#define BLOCK ((long)block)

static const struct call_attempt calls[] = {
    { "unshare-user", "make a user namespace with unshare", SYS_unshare, { CLONE_NEWUSER } },
    { "unshare-mount", "make a mount namespace with unshare", SYS_unshare, { CLONE_NEWNS } },
    { "unshare-network", "make a network namespace with unshare", SYS_unshare, { CLONE_NEWNET } },
    { "unshare-pid", "make a pid namespace with unshare", SYS_unshare, { CLONE_NEWPID } },
    { "unshare-ipc", "make an ipc namespace with unshare", SYS_unshare, { CLONE_NEWIPC } },
    { "unshare-uts", "make a uts namespace with unshare", SYS_unshare, { CLONE_NEWUTS } },
    { "unshare-cgroup", "make a cgroup namespace with unshare", SYS_unshare, { CLONE_NEWCGROUP } },
    { "unshare-time", "make a time namespace with unshare", SYS_unshare, { new_time } },
    { "unshare-user-mount", "make a user and a mount namespace with one unshare", SYS_unshare,
      { CLONE_NEWUSER | CLONE_NEWNS } },
    { "unshare-user-network", "make a user and a network namespace with one unshare", SYS_unshare,
      { CLONE_NEWUSER | CLONE_NEWNET } },
    { "clone3", "hide namespace flags in memory with clone3", call_clone3, { BLOCK, 64 } },
    { "listns", "list the host's namespaces with listns", call_listns, { BLOCK, BLOCK, 1, 0 } },
#ifdef __x86_64__
    { "clone-user", "make a user namespace with clone", SYS_clone, { CLONE_NEWUSER | SIGCHLD } },
    { "clone-mount", "make a mount namespace with clone", SYS_clone, { CLONE_NEWNS | SIGCHLD } },
    { "clone-network", "make a network namespace with clone", SYS_clone, { CLONE_NEWNET | SIGCHLD } },
    { "clone-pid", "make a pid namespace with clone", SYS_clone, { CLONE_NEWPID | SIGCHLD } },
    { "clone-ipc", "make an ipc namespace with clone", SYS_clone, { CLONE_NEWIPC | SIGCHLD } },
    { "clone-uts", "make a uts namespace with clone", SYS_clone, { CLONE_NEWUTS | SIGCHLD } },
    { "clone-cgroup", "make a cgroup namespace with clone", SYS_clone, { CLONE_NEWCGROUP | SIGCHLD } },
    { "clone-all", "make every namespace with one clone", SYS_clone, { 0x7e020000 | SIGCHLD } },
#endif
    { NULL, NULL, 0, { 0 } },
};

static int enter(const char *path, int kind) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    return file < 0 ? unprepared() : answer(call2(SYS_setns, file, kind));
}
static int join_own(void) { return enter("/proc/self/ns/uts", 0); }
static int join_own_user(void) { return enter("/proc/self/ns/user", CLONE_NEWUSER); }
static int join_own_mount(void) { return enter("/proc/self/ns/mnt", CLONE_NEWNS); }
static int join_init(void) {
    int process = (int)syscall(call_pidfd_open, 1, 0);
    return process < 0 ? unprepared() : answer(call2(SYS_setns, process, CLONE_NEWNS | CLONE_NEWNET));
}

static int ask(const char *path, unsigned long request) {
    uint64_t room[16] = { 0 };
    int file = open(path, O_RDONLY | O_CLOEXEC);
    return file < 0 ? unprepared() : answer(call3(SYS_ioctl, file, request, room));
}
/* ioctl_ns(2): NS_GET_PARENT, and the walk over mount namespaces since Linux 6.12. */
static int parent_user(void) { return ask("/proc/self/ns/user", _IO(0xb7, 2)); }
static int parent_process(void) { return ask("/proc/self/ns/pid", _IO(0xb7, 2)); }
static int next_mounts(void) { return ask("/proc/self/ns/mnt", _IOR(0xb7, 11, char[16])); }
static int previous_mounts(void) { return ask("/proc/self/ns/mnt", _IOR(0xb7, 12, char[16])); }

static int write_file(const char *path, const char *text) {
    int file = open_noting(path, O_WRONLY);
    return file < 0 ? errno : answer(call3(SYS_write, file, text, strlen(text)));
}
static int map_users(void) { return write_file("/proc/self/uid_map", "0 0 1"); }
static int map_groups(void) { return write_file("/proc/self/gid_map", "0 0 1"); }
static int map_projects(void) { return write_file("/proc/self/projid_map", "0 0 1"); }
static int shift_time(void) { return write_file("/proc/self/timens_offsets", "monotonic 100 0"); }

/* A line is: first id inside, first id outside, count. */
static int is_hosts_root(const char *path) {
    char text[256];
    unsigned inside, outside, count;
    if (text_of(path, text, sizeof text) <= 0) return unprepared();
    facts->path = path;
    for (char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
        if (sscanf(line, "%u %u %u", &inside, &outside, &count) == 3 && outside == 0) return 0;
    return EXDEV;
}
static int hosts_user(void) { return is_hosts_root("/proc/self/uid_map"); }
static int hosts_group(void) { return is_hosts_root("/proc/self/gid_map"); }

static const struct path_attempt paths[] = {
    { "init-ns", "/proc/1/ns/mnt", O_RDONLY, 0 },
    { "init-ns-user", "/proc/1/ns/user", O_RDONLY, 0 },
    { "init-ns-network", "/proc/1/ns/net", O_RDONLY, 0 },
    { "init-ns-pid", "/proc/1/ns/pid", O_RDONLY, 0 },
    { "init-ns-ipc", "/proc/1/ns/ipc", O_RDONLY, 0 },
    { "init-ns-uts", "/proc/1/ns/uts", O_RDONLY, 0 },
    { "init-ns-cgroup", "/proc/1/ns/cgroup", O_RDONLY, 0 },
    { "init-ns-time", "/proc/1/ns/time", O_RDONLY, 0 },
    { NULL, NULL, 0, 0 },
};

static const struct attempt attempts[] = {
    { "setns-own", "enter a uts namespace through its file", join_own },
    { "setns-own-user", "enter a user namespace again, for its capabilities", join_own_user },
    { "setns-own-mount", "enter a mount namespace through its file", join_own_mount },
    { "setns-init", "enter init's namespaces through its pidfd", join_init },
    { "parent-namespace", "get the user namespace above, NS_GET_PARENT", parent_user },
    { "parent-pid-namespace", "get the pid namespace above, NS_GET_PARENT", parent_process },
    { "next-mount-namespace", "walk to the host's next mount namespace, NS_MNT_GET_NEXT", next_mounts },
    { "previous-mount-namespace", "walk to the host's previous mount namespace, NS_MNT_GET_PREV", previous_mounts },
    { "uid-map", "map user ids again", map_users },
    { "gid-map", "map group ids again", map_groups },
    { "projid-map", "map project ids, and so escape quotas", map_projects },
    { "time-offsets", "move the time namespace's clock", shift_time },
    { "mapped-to-host-root", "be the host's root: is the host's user 0 mapped?", hosts_user },
    { "mapped-to-host-root-group", "be in the host's root group: is the host's group 0 mapped?", hosts_group },
    { NULL, NULL, NULL },
};

const struct area namespace_area = { "namespaces", calls, NULL, paths, attempts };
