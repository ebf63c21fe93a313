/* Steps that only a bundle of the OCI runtime specification asks for: free-form mounts, nodes, scheduling, streams. */
#include "launcher.h"

#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/sysmacros.h>

enum { name_max = 255, path_max = 4096, ioprio_who_process = 1, memory_nodes_max = 1024 };

static int mount_at(struct launch *launch, const char *path) {
    launch->part = BH_PART_RESOLVE;
    return open_in_root(launch, path, 0, O_PATH);
}

int step_set_propagation(struct launch *launch, struct cursor *payload) {
    int target = mount_at(launch, take_path(payload));
    if (target < 0) return -1;
    uint64_t kind = take_wide(payload);
    launch->part = BH_PART_ATTRIBUTES;
    return close_after(set_mount(target, 0, 0, kind, (int)take_number(payload)), target);
}

int step_set_attributes(struct launch *launch, struct cursor *payload) {
    int target = mount_at(launch, take_path(payload));
    if (target < 0) return -1;
    uint64_t set = take_wide(payload), clear = take_wide(payload);
    launch->part = BH_PART_ATTRIBUTES;
    return close_after(set_mount(target, set, clear, 0, (int)take_number(payload)), target);
}

/* A node that is there already will do when it is the same; anything else is not what the task was promised. */
static int same_node(int parent, const char *name, mode_t mode, dev_t device) {
    struct stat status;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return -1;
    if ((status.st_mode & S_IFMT) == (mode & S_IFMT) && (S_ISFIFO(mode) || status.st_rdev == device)) return 0;
    errno = EEXIST;
    return -1;
}

int step_make_node(struct launch *launch, struct cursor *payload) {
    char name[name_max + 1];
    const char *path = take_path(payload);
    mode_t mode = take_number(payload);
    uint32_t major_number = take_number(payload), minor_number = take_number(payload);
    uint32_t uid = take_number(payload), gid = take_number(payload);
    dev_t device = makedev(major_number, minor_number);
    int parent;
    if (make_in_root(launch, path, name, &parent) < 0) return -1;
    launch->part = BH_PART_CREATE;
    mode_t mask = umask(0);
    int result = mknodat(parent, name, mode, S_ISFIFO(mode) ? 0 : device);
    int made = result == 0;
    (void)umask(mask);
    if (!made && errno == EEXIST) result = same_node(parent, name, mode, device);
    launch->part = BH_PART_ATTRIBUTES;
    if (made) result = fchownat(parent, name, uid, gid, AT_SYMLINK_NOFOLLOW);
    return close_after(result, parent);
}

int step_make_link(struct launch *launch, struct cursor *payload) {
    char name[name_max + 1];
    const char *path = take_path(payload), *destination = take_path(payload);
    int parent;
    if (make_in_root(launch, path, name, &parent) < 0) return -1;
    launch->part = BH_PART_CREATE;
    int result = symlinkat(destination, parent, name);
    return close_after(result < 0 && errno != EEXIST ? -1 : 0, parent);
}

/* For an initial ramdisk, pivot_root(2), and another's mount namespace. chroot(2) without the move has a way out. */
int step_change_root(struct launch *launch, struct cursor *payload) {
    (void)payload;
    launch->part = BH_PART_OPEN;
    if (!launch->attached || fchdir(launch->root) < 0) return -1;
    launch->part = BH_PART_ATTACH;
    if (mount(".", "/", NULL, MS_MOVE, NULL) < 0) return -1;
    if (chroot(".") < 0 || chdir("/") < 0) return -1;
    (void)close(launch->root);
    launch->root = -1;
    launch->attached = 0;
    return root_descriptor(launch) < 0 ? -1 : 0;
}

/* Whoever lives in the mount namespace keeps seeing what they saw; a root that is given was attached by others. */
int step_take_root(struct launch *launch, struct cursor *payload) {
    int given = take_descriptor(payload), root = given >= 0 ? given : launch->attached ? launch->root : -1;
    launch->part = BH_PART_OPEN;
    if (root < 0) errno = EINVAL;
    if (root < 0 || fchdir(root) < 0) return -1;
    launch->part = BH_PART_ATTACH;
    if (chroot(".") < 0 || chdir("/") < 0) return -1;
    if (launch->root >= 0) (void)close(launch->root);
    launch->root = -1;
    launch->attached = 0;
    return root_descriptor(launch) < 0 ? -1 : 0;
}

/* The terminal is taken by its descriptor: its name in /dev/pts may be anything by now (CVE-2025-52565). */
int step_bind_console(struct launch *launch, struct cursor *payload) {
    (void)payload;
    int target = find_target(launch, "/dev/console", BH_TARGET_CREATE | BH_TARGET_NO_LINKS, BH_KIND_FILE);
    if (target < 0) return -1;
    launch->part = BH_PART_OPEN;
    int tree = (int)syscall(SYS_open_tree, 0, "", tree_clone | tree_cloexec | at_empty);
    if (tree < 0) return close_after(-1, target);
    launch->part = BH_PART_ATTACH;
    return close_after(close_after(move_tree(tree, target), tree), target);
}

int step_schedule(struct launch *launch, struct cursor *payload) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } schedule = { .size = sizeof schedule };
    (void)launch;
    schedule.policy = take_number(payload);
    schedule.flags = take_wide(payload);
    schedule.nice = (int32_t)take_number(payload);
    schedule.priority = take_number(payload);
    schedule.runtime = take_wide(payload);
    schedule.deadline = take_wide(payload);
    schedule.period = take_wide(payload);
    return (int)syscall(SYS_sched_setattr, 0, &schedule, 0);
}

int step_io_priority(struct launch *launch, struct cursor *payload) {
    (void)launch;
    return (int)syscall(SYS_ioprio_set, ioprio_who_process, 0, take_number(payload));
}

int step_personality(struct launch *launch, struct cursor *payload) {
    (void)launch;
    return personality((unsigned long)take_wide(payload)) < 0 ? -1 : 0;
}

int step_memory_policy(struct launch *launch, struct cursor *payload) {
    (void)launch;
    uint32_t mode = take_number(payload);
    struct block nodes = take_block(payload);
    unsigned long mask[memory_nodes_max / 64] = { 0 };
    if (nodes.length > sizeof mask) { errno = EINVAL; return -1; }
    memcpy(mask, nodes.bytes, nodes.length);
    /* The kernel takes one node less than it is told of, set_mempolicy(2). */
    return (int)syscall(SYS_set_mempolicy, mode, nodes.length ? mask : NULL, nodes.length ? nodes.length * 8 + 1 : 0);
}

/*
 * Without pivot_root(2) the host's mounts stay below the container's, out of reach but there. While one of them shows
 * all of /proc or /sys, the kernel lets a user namespace inside mount another that does (mount_namespaces(7)).
 */
int step_detach(struct launch *launch, struct cursor *payload) {
    const char *path = take_path(payload);
    launch->part = BH_PART_DETACH;
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == ENOENT || errno == ENOTDIR) return 0;
    launch->part = BH_PART_ATTACH;
    return mount("tmpfs", path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=0");
}

/* So that the task can open /dev/stdout again by its name. The null device is everybody's; others may not be ours. */
int step_own_streams(struct launch *launch, struct cursor *payload) {
    struct stat status;
    uint32_t uid = take_number(payload), gid = take_number(payload);
    (void)launch;
    for (int stream = 0; stream < 3; stream++) {
        if (fstat(stream, &status) < 0) {
            if (errno == EBADF) continue;
            return -1;
        }
        if (status.st_uid == uid || (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3))) continue;
        if (fchown(stream, uid, gid) < 0 && errno != EPERM && errno != EINVAL && errno != EROFS) return -1;
    }
    return 0;
}
