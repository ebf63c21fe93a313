/* Mounts, all by descriptor: a mount is made detached, its target is resolved, the one is moved onto the other. */
#include "launcher.h"

#include <sys/mount.h>

struct attributes { uint64_t set, clear, propagation, user_namespace; };

int move_tree(int tree, int target) {
    return (int)syscall(SYS_move_mount, tree, "", target, "", move_from_empty | move_to_empty);
}

static int clone_tree(int source, unsigned recursive) {
    return (int)syscall(SYS_open_tree, source, "", tree_clone | tree_cloexec | at_empty | recursive);
}

/* mount_setattr(2) wants the old access-time mode cleared whenever a new one is set. */
int set_mount(int tree, uint64_t set, uint64_t clear, uint64_t propagation, int recursive) {
    struct attributes attributes = { set, clear | (set & MOUNT_TIMES ? MOUNT_TIMES : 0), propagation, 0 };
    return (int)syscall(SYS_mount_setattr, tree, "", at_empty | (recursive ? at_recursive : 0), &attributes,
                        sizeof attributes);
}

static int set_attributes(int tree, uint64_t set, uint64_t clear, int recursive) {
    return set_mount(tree, set, clear, 0, recursive);
}

/*
 * Attaches a copy of a detached mount. Before Linux 6.15 a mount outside our mount namespace cannot be cloned, so the
 * original goes to the first target and later copies are made from there.
 */
static int attach_copy(struct original *original, int target) {
    if (!original->placed) {
        if (move_tree(original->tree, target) < 0) return -1;
        original->placed = 1;
        return 0;
    }
    int copy = clone_tree(original->tree, 0);
    return copy < 0 ? -1 : close_after(move_tree(copy, target), copy);
}

static int configure(int context, struct list options) {
    for (uint32_t i = 0; i < options.count; i++) {
        struct text option = take_text(&options.texts);
        const char *value = memchr(option.bytes, '=', option.length);
        char key[256];
        size_t length = value ? (size_t)(value - option.bytes) : option.length;
        if (length >= sizeof key) { errno = EINVAL; return -1; }
        memcpy(key, option.bytes, length);
        key[length] = 0;
        if (syscall(SYS_fsconfig, context, value ? set_string : set_flag, key, value ? value + 1 : NULL, 0) < 0)
            return -1;
    }
    return (int)syscall(SYS_fsconfig, context, command_create, NULL, NULL, 0);
}

/* `mode` is the option of that name, or -1 for none. */
static int set_mode(int context, int mode) {
    char digits[] = "0000";
    if (mode < 0) return 0;
    for (int i = 3; i >= 0; i--, mode >>= 3) digits[i] = (char)('0' + (mode & 7));
    return (int)syscall(SYS_fsconfig, context, set_string, "mode", digits, 0);
}

static int make_mount(struct launch *launch, const char *type, struct list options, uint32_t attributes, int mode) {
    launch->part = BH_PART_OPEN;
    int context = (int)syscall(SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */), tree = -1;
    if (context < 0) return -1;
    launch->part = BH_PART_CONFIGURE;
    if (set_mode(context, mode) == 0 && configure(context, options) == 0) {
        launch->part = BH_PART_ATTRIBUTES;
        tree = (int)syscall(SYS_fsmount, context, 1 /* FSMOUNT_CLOEXEC */, attributes);
    }
    return close_after(tree, context);
}

/* A copy, or a mode, is taken from what the root has there, so such a one waits for it; one whose place may be missing,
 * too. */
void prepare_mount(struct launch *launch, uint32_t step, struct cursor *payload) {
    const char *type = take_path(payload);
    (void)take_path(payload);
    uint32_t attributes = (uint32_t)take_wide(payload), rules = take_number(payload);
    if (rules & (BH_TARGET_COPY | BH_TARGET_MODE | BH_TARGET_OPTIONAL)) return;
    if (launch->prepared_count == prepared_max) return;
    int tree = park_descriptor(make_mount(launch, type, take_list(payload), attributes, -1));
    if (tree >= 0) launch->prepared[launch->prepared_count++] = (struct prepared){ step, tree };
}

static int take_prepared(struct launch *launch) {
    for (uint32_t i = 0; i < launch->prepared_count; i++) {
        struct prepared *prepared = &launch->prepared[i];
        if (prepared->step != launch->step || prepared->tree < 0) continue;
        int tree = prepared->tree;
        prepared->tree = -1;
        return tree;
    }
    return -1;
}

int step_propagation(struct launch *launch, struct cursor *payload) {
    (void)launch;
    return mount(NULL, "/", NULL, MS_REC | (unsigned long)take_wide(payload), NULL);
}

int step_attach_root(struct launch *launch, struct cursor *payload) {
    int tree = take_descriptor(payload);
    launch->part = BH_PART_OPEN;
    int anchor = open(take_path(payload), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (anchor < 0) return -1;
    launch->part = BH_PART_ATTACH;
    if (move_tree(tree, anchor) < 0) return close_after(-1, anchor);
    (void)close(anchor);
    if (launch->root >= 0) (void)close(launch->root);
    launch->root = tree; /* the descriptor follows the mount to where it is now */
    launch->attached = 1;
    return 0;
}

/* A mount namespace that was joined outlives us, and what was attached there would stay. Gives the error there was. */
int abandon_root(struct launch *launch) {
    int error = errno;
    if (launch->attached && fchdir(launch->root) == 0) (void)umount2(".", MNT_DETACH);
    return error;
}

/* The permissions of what is at `path`, or -1 when nothing is there yet. */
static int mode_in_root(struct launch *launch, const char *path, uint32_t rules) {
    struct stat status;
    int there = open_in_root(launch, path, rules, O_PATH);
    if (there < 0) return -1;
    int found = fstat(there, &status);
    return close_after(found < 0 ? -1 : (int)(status.st_mode & 07777), there);
}

int step_mount(struct launch *launch, struct cursor *payload) {
    const char *type = take_path(payload), *path = take_path(payload);
    uint32_t attributes = (uint32_t)take_wide(payload), rules = take_number(payload);
    int mode = rules & BH_TARGET_MODE ? mode_in_root(launch, path, rules) : -1;
    int target = find_target(launch, path, rules, BH_KIND_DIRECTORY);
    if (target < 0) return target == absent_target ? 0 : -1;
    /* A read-only file system takes a copy before it becomes one. */
    uint32_t later = rules & BH_TARGET_COPY ? attributes & MOUNT_READ_ONLY : 0;
    int tree = take_prepared(launch);
    if (tree < 0) tree = make_mount(launch, type, take_list(payload), attributes & ~later, mode);
    if (tree < 0) return close_after(-1, target);
    launch->part = BH_PART_COPY;
    if ((rules & BH_TARGET_COPY) && (copy_tree(target, tree) < 0 || (later && set_attributes(tree, later, 0, 0) < 0)))
        return close_after(close_after(-1, tree), target);
    launch->part = BH_PART_ATTACH;
    return close_after(close_after(move_tree(tree, target), tree), target);
}

int step_attach(struct launch *launch, struct cursor *payload) {
    int tree = take_descriptor(payload);
    const char *path = take_path(payload);
    uint32_t kind = take_number(payload), rules = take_number(payload);
    int target = find_target(launch, path, rules, kind);
    if (target < 0) return target == absent_target ? 0 : -1;
    launch->part = BH_PART_ATTACH;
    return close_after(close_after(move_tree(tree, target), tree), target);
}

int step_seal_path(struct launch *launch, struct cursor *payload) {
    const char *path = take_path(payload);
    uint64_t attributes = take_wide(payload);
    uint32_t rules = take_number(payload);
    launch->part = BH_PART_RESOLVE;
    int target = open_in_root(launch, path, rules, O_PATH);
    if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    launch->part = BH_PART_OPEN;
    int copy = clone_tree(target, at_recursive);
    if (copy < 0) return close_after(-1, target);
    launch->part = BH_PART_ATTRIBUTES;
    int result = set_attributes(copy, attributes, 0, 1);
    if (result == 0) {
        launch->part = BH_PART_ATTACH;
        result = move_tree(copy, target);
    }
    return close_after(close_after(result, copy), target);
}

int step_mask(struct launch *launch, struct cursor *payload) {
    const char *path = take_path(payload);
    int device = take_descriptor(payload);
    struct stat status;
    launch->part = BH_PART_RESOLVE;
    int target = open_in_root(launch, path, 0, O_PATH);
    if (target < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
    launch->part = BH_PART_VERIFY;
    if (fstat(target, &status) < 0) return close_after(-1, target);
    if (S_ISDIR(status.st_mode)) {
        struct list none = { 0 };
        if (launch->empty.tree < 0)
            launch->empty.tree = make_mount(launch, "tmpfs", none, MOUNT_READ_ONLY | MOUNT_NO_SETUID | MOUNT_NO_DEVICES
                                                                       | MOUNT_NO_EXECUTE, -1);
        if (launch->empty.tree < 0) return close_after(-1, target);
        launch->part = BH_PART_ATTACH;
        return close_after(attach_copy(&launch->empty, target), target);
    }
    if (launch->null.tree != device) launch->null = (struct original){ device, 0 };
    if (check_null_device(device) < 0) return close_after(-1, target);
    launch->part = BH_PART_ATTACH;
    return close_after(attach_copy(&launch->null, target), target);
}

int step_make_directory(struct launch *launch, struct cursor *payload) {
    const char *path = take_path(payload);
    uint32_t mode = take_number(payload), uid = take_number(payload), gid = take_number(payload);
    return make_directory(launch, path, mode, uid, gid);
}

int step_root_attributes(struct launch *launch, struct cursor *payload) {
    uint64_t set = take_wide(payload), clear = take_wide(payload);
    int root = root_descriptor(launch);
    return root < 0 ? -1 : set_attributes(root, set, clear, (int)take_number(payload));
}

/* pivot_root(2), NOTES: "." on "." stacks the old root on the new one, from where it is detached at once. */
int step_enter_root(struct launch *launch, struct cursor *payload) {
    (void)payload;
    launch->part = BH_PART_OPEN;
    if (!launch->attached || fchdir(launch->root) < 0) return -1;
    launch->part = BH_PART_ATTACH;
    if (syscall(SYS_pivot_root, ".", ".") < 0) return -1;
    launch->part = BH_PART_DETACH;
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) return -1;
    (void)close(launch->root);
    launch->root = -1;
    launch->attached = 0;
    return root_descriptor(launch) < 0 ? -1 : 0;
}
