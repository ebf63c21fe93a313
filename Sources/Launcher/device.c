/*
 * mknod(2) of a harmless device on behalf of a process of the container (Docs/Decisions/0117): with its root, its
 * working directory and its credentials, in the container's own namespaces, where nothing of the host has a name.
 */
#include "launcher.h"

#include <sys/fsuid.h>

enum { path_max = 4096, name_max = 255 };

/* What capabilities(7) lets somebody do about files; no other one bears on making a file. */
static const uint64_t file_capabilities = 0x1f; /* CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID */
static const uint64_t held_capabilities = 0x1f | 1u << 6 | 1u << 7 | 1u << 21; /* and SETGID SETUID SYS_ADMIN */

struct caller { uint32_t uid, gid; struct block groups; uint64_t capabilities; };

/* Only the ids and capabilities that the kernel asks for files, so that what comes after can be done as root again. */
static int look_like(const struct caller *caller) {
    if (syscall(SYS_setgroups, caller->groups.length / 4, caller->groups.bytes) < 0) return -1;
    (void)setfsgid(caller->gid);
    (void)setfsuid(caller->uid);
    if ((uint32_t)setfsgid((gid_t)-1) == caller->gid && (uint32_t)setfsuid((uid_t)-1) == caller->uid)
        return set_capabilities(caller->capabilities & file_capabilities, held_capabilities, 0);
    errno = EPERM;
    return -1;
}

/* The last name of `path` and the directory it is in, as mknod(2) takes them; the kernel resolves the rest. */
static int open_parent(const char *path, char name[]) {
    char above[path_max];
    size_t end = strlen(path), start = end;
    if (end == 0) { errno = ENOENT; return -1; }
    if (end >= sizeof above) { errno = ENAMETOOLONG; return -1; }
    while (start && path[start - 1] != '/') start--;
    if (end - start > name_max) { errno = ENAMETOOLONG; return -1; }
    memcpy(name, path + start, end - start + 1);
    memcpy(above, path, start);
    above[start] = 0;
    int parent = open_beneath(AT_FDCWD, start ? above : ".", O_PATH | O_DIRECTORY, 0);
    if (parent < 0) return -1;
    if (name[0] && strcmp(name, ".") && strcmp(name, "..")) return parent;
    errno = name[0] ? EEXIST : ENOENT; /* a slash at the end would have to be a directory's */
    return close_after(-1, parent);
}

/*
 * The file is made by its name and from then on is a descriptor: whatever the container puts in its place meanwhile,
 * the device covers the file that was made. What is left after a failure is removed by the caller's own right to do so.
 */
static int place(struct launch *launch, const char *path, int tree, const struct caller *caller) {
    char name[name_max + 1];
    launch->part = BH_PART_CONFIGURE;
    if (look_like(caller) < 0) return -1;
    launch->part = BH_PART_RESOLVE;
    int parent = open_parent(path, name);
    if (parent < 0) return -1;
    launch->part = BH_PART_CREATE;
    int file = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0);
    if (file < 0) return close_after(-1, parent);
    launch->part = BH_PART_ATTACH;
    int result = set_capabilities(held_capabilities, held_capabilities, 0);
    if (result == 0) result = move_tree(tree, file);
    if (result < 0) {
        int error = errno;
        if (look_like(caller) == 0) (void)unlinkat(parent, name, 0);
        errno = error;
    }
    return close_after(close_after(result, file), parent);
}

int step_place_device(struct launch *launch, struct cursor *payload) {
    int root = take_descriptor(payload), directory = take_descriptor(payload);
    const char *path = take_path(payload);
    int tree = take_descriptor(payload);
    struct caller caller = { .uid = take_number(payload), .gid = 0 };
    caller.gid = take_number(payload);
    caller.groups = take_groups(payload);
    caller.capabilities = take_wide(payload);
    launch->part = BH_PART_OPEN;
    if (fchdir(root) < 0 || chroot(".") < 0 || fchdir(directory) < 0) return -1;
    if (place(launch, path, tree, &caller) < 0) return -1;
    _exit(0);
}
