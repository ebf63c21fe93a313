/*
 * Paths. Everything that is named inside the container's root is resolved once, by the kernel, beneath a descriptor of
 * that root, and used only as a descriptor afterwards. Nothing here ever looks at a name and then uses the name.
 */
#include "launcher.h"

#include <sys/statfs.h>

enum { name_max = 255, path_max = 4096, retries = 64, links_max = 8, proc_magic = 0x9fa0 };

struct how { uint64_t flags, mode, resolve; };

int close_after(int result, int descriptor) {
    int error = errno;
    if (descriptor >= 0) (void)close(descriptor);
    errno = error;
    return result;
}

/* Out of the way of the descriptors that come with the release. */
int park_descriptor(int descriptor) {
    if (descriptor < 0) return -1;
    int above = fcntl(descriptor, F_DUPFD_CLOEXEC, BH_FIRST_PLAN_DESCRIPTOR + (int)BH_PLAN_DESCRIPTORS_MAX);
    return close_after(above, descriptor);
}

int root_descriptor(struct launch *launch) {
    if (launch->root < 0) launch->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return launch->root;
}

/* EAGAIN: a rename or mount elsewhere disturbed the walk; openat2(2) asks to try again. */
int open_beneath(int directory, const char *path, uint64_t flags, uint64_t resolve) {
    struct how how = { flags | O_CLOEXEC, 0, resolve | resolve_no_magiclinks };
    int descriptor, tries = 0;
    do descriptor = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
    while (descriptor < 0 && (errno == EINTR || (errno == EAGAIN && ++tries < retries)));
    return descriptor;
}

int open_in_root(struct launch *launch, const char *path, uint32_t rules, uint64_t flags) {
    int root = root_descriptor(launch);
    if (root < 0) return -1;
    return open_beneath(root, path, flags, resolve_in_root | (rules & BH_TARGET_NO_LINKS ? resolve_no_symlinks : 0));
}

/* Makes `name` with exactly `mode` and opens it. A directory somebody else made first will do, nothing else will. */
static int make_entry(int parent, const char *name, uint32_t kind, uint32_t mode) {
    mode_t mask = umask(0);
    int made;
    if (kind == BH_KIND_DIRECTORY) made = mkdirat(parent, name, mode);
    else if ((made = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, mode)) >= 0)
        made = close(made);
    (void)umask(mask);
    if (made < 0 && (errno != EEXIST || kind == BH_KIND_FILE)) return -1;
    uint64_t flags = O_PATH | O_NOFOLLOW | (kind == BH_KIND_DIRECTORY ? O_DIRECTORY : 0);
    return open_beneath(parent, name, flags, resolve_beneath | resolve_no_symlinks);
}

/*
 * Puts into `path` where its link `name`, which ends at `end` and leads to nothing yet, points; what follows the link
 * stays behind it. The result is looked up in the root again, so whatever the link says, it cannot leave.
 */
static int go_through_link(int parent, char path[], const char *name, size_t end) {
    char link[path_max], rest[path_max];
    ssize_t length = readlinkat(parent, name, link, sizeof link);
    if (length < 0) return -1;
    size_t base = link[0] == '/' ? 0 : end - strlen(name), tail = strlen(path + end) + 1;
    if (base + 1 + (size_t)length + tail > path_max) { errno = ENAMETOOLONG; return -1; }
    memcpy(rest, path + end, tail);
    path[base++] = '/';
    memcpy(path + base, link, (size_t)length);
    memcpy(path + base + length, rest, tail);
    return 0;
}

/*
 * Opens `wanted`, making what is missing. Existing components are resolved in the root, links included; from the first
 * missing one on everything is new and made beneath the descriptor of its parent. A link to nothing is gone through.
 */
static int create_in_root(struct launch *launch, const char *wanted, uint32_t rules, uint32_t kind, uint32_t mode) {
    char path[path_max], prefix[path_max], name[name_max + 1];
    int links = 0, fresh = 0, root = root_descriptor(launch), parent = root < 0 ? -1 : fcntl(root, F_DUPFD_CLOEXEC, 0);
    size_t at = strlen(wanted);
    if (at >= path_max) { errno = ENAMETOOLONG; return close_after(-1, parent); }
    memcpy(path, wanted, at + 1);
    at = 0;
    while (parent >= 0) {
        at += strspn(path + at, "/");
        size_t length = strcspn(path + at, "/"), end = at + length;
        if (length == 0) return parent;
        if (length > name_max) { errno = ENAMETOOLONG; break; }
        memcpy(name, path + at, length); name[length] = 0;
        memcpy(prefix, path, end); prefix[end] = 0;
        int last = path[end + strspn(path + end, "/")] == 0, next = -1;
        if (!fresh) next = open_in_root(launch, prefix, rules, O_PATH);
        if (next < 0 && !fresh && errno != ENOENT) break;
        if (next < 0) {
            if (!strcmp(name, ".") || !strcmp(name, "..")) { errno = EINVAL; break; }
            next = make_entry(parent, name, last ? kind : BH_KIND_DIRECTORY, last ? mode : 0755);
            if (next < 0) {
                int error = errno, may_follow = !fresh && !(rules & BH_TARGET_NO_LINKS) && links++ < links_max;
                if (may_follow && go_through_link(parent, path, name, end) == 0) {
                    next = fcntl(root, F_DUPFD_CLOEXEC, 0);
                    end = 0;
                } else errno = error;
            } else fresh = 1;
            if (next < 0) break;
        }
        at = end;
        (void)close(parent);
        parent = next;
    }
    return close_after(-1, parent);
}

/* A descriptor of what is at `path`, absent_target when that may be missing and is, or -1. */
int find_target(struct launch *launch, const char *path, uint32_t rules, uint32_t kind) {
    launch->part = BH_PART_RESOLVE;
    uint64_t itself = rules & BH_TARGET_LINK_ITSELF ? O_NOFOLLOW : 0;
    int target = open_in_root(launch, path, rules, O_PATH | itself);
    if (target < 0 && (errno == ENOENT || errno == ENOTDIR) && (rules & BH_TARGET_OPTIONAL)
        && !(rules & BH_TARGET_CREATE)) return absent_target;
    if (target < 0 && errno == ENOENT && (rules & BH_TARGET_CREATE)) {
        launch->part = BH_PART_CREATE;
        target = create_in_root(launch, path, rules, kind, kind == BH_KIND_DIRECTORY ? 0755 : 0644);
    }
    if (target < 0) return -1;
    launch->part = BH_PART_VERIFY;
    struct stat status;
    int error = fstat(target, &status) < 0 ? errno : 0;
    if (!error && kind == BH_KIND_DIRECTORY && !S_ISDIR(status.st_mode)) error = ENOTDIR;
    if (!error && kind == BH_KIND_FILE && S_ISDIR(status.st_mode)) error = EISDIR;
    if (!error) return target;
    errno = error;
    return close_after(-1, target);
}

/*
 * Makes whatever directories lead to `path`, opens the last one as `parent` and gives the `name` in it. The name is
 * never "." or "..": those would be made beside what is wanted. A link on the way is refused: what an image has at /dev
 * must not lead our nodes elsewhere (CVE-2026-41579).
 */
int make_in_root(struct launch *launch, const char *path, char name[], int *parent) {
    char above[path_max];
    size_t end = strlen(path);
    launch->part = BH_PART_RESOLVE;
    while (end && path[end - 1] == '/') end--;
    size_t start = end;
    while (start && path[start - 1] != '/') start--;
    if (end - start > name_max || start + 2 > sizeof above) { errno = ENAMETOOLONG; return -1; }
    memcpy(name, path + start, end - start);
    name[end - start] = 0;
    if (!name[0] || !strcmp(name, ".") || !strcmp(name, "..")) { errno = EINVAL; return -1; }
    above[0] = '/';
    memcpy(above + 1, path, start);
    above[start + 1] = 0;
    *parent = find_target(launch, above, BH_TARGET_CREATE | BH_TARGET_NO_LINKS, BH_KIND_DIRECTORY);
    return *parent < 0 ? -1 : 0;
}

int make_directory(struct launch *launch, const char *path, uint32_t mode, uint32_t uid, uint32_t gid) {
    launch->part = BH_PART_RESOLVE;
    int directory = open_in_root(launch, path, 0, O_PATH | O_DIRECTORY);
    if (directory >= 0) return close(directory);
    if (errno != ENOENT) return -1;
    launch->part = BH_PART_CREATE;
    directory = create_in_root(launch, path, 0, BH_KIND_DIRECTORY, mode);
    return directory < 0 ? -1 : close_after(fchownat(directory, "", uid, gid, AT_EMPTY_PATH), directory);
}

/* A procfs nobody else can reach or mount over: what an image put at /proc cannot redirect a write (CVE-2019-16884). */
static int open_procfs(struct launch *launch) {
    if (launch->procfs >= 0) return launch->procfs;
    int context = (int)syscall(SYS_fsopen, "proc", 1 /* FSOPEN_CLOEXEC */);
    if (context < 0) return -1;
    if (syscall(SYS_fsconfig, context, command_create, NULL, NULL, 0) == 0)
        launch->procfs = (int)syscall(SYS_fsmount, context, 1 /* FSMOUNT_CLOEXEC */,
                                      MOUNT_NO_SETUID | MOUNT_NO_DEVICES | MOUNT_NO_EXECUTE);
    return close_after(launch->procfs, context);
}

void prepare_procfs(struct launch *launch) { launch->procfs = park_descriptor(open_procfs(launch)); }

int write_proc(struct launch *launch, const char *path, const char *value, size_t length) {
    launch->part = BH_PART_OPEN;
    int procfs = open_procfs(launch);
    if (procfs < 0) return -1;
    const uint64_t strictly = resolve_beneath | resolve_no_xdev | resolve_no_symlinks;
    int file = open_beneath(procfs, path, O_WRONLY | O_NOFOLLOW, strictly);
    if (file < 0) return -1;
    struct statfs system;
    ssize_t written = -1;
    launch->part = BH_PART_VERIFY;
    if (fstatfs(file, &system) == 0) {
        if (system.f_type != proc_magic) errno = EXDEV;
        else {
            launch->part = BH_PART_WRITE;
            written = write(file, value, length);
            if (written >= 0 && (size_t)written != length) errno = EIO;
        }
    }
    return close_after(written == (ssize_t)length ? 0 : -1, file);
}

ssize_t read_proc(struct launch *launch, const char *path, char *bytes, size_t size) {
    launch->part = BH_PART_VERIFY;
    int procfs = open_procfs(launch);
    if (procfs < 0) return -1;
    const uint64_t strictly = resolve_beneath | resolve_no_xdev | resolve_no_symlinks;
    int file = open_beneath(procfs, path, O_RDONLY | O_NOFOLLOW, strictly);
    if (file < 0) return -1;
    ssize_t count = read(file, bytes, size);
    (void)close_after(0, file);
    return count;
}

/* Whatever is used as the null device must be it: a container may have put something else in its place. */
int check_null_device(int descriptor) {
    struct stat status;
    if (fstat(descriptor, &status) < 0) return -1;
    if (S_ISCHR(status.st_mode) && status.st_rdev == 0x103) return 0; /* 1:3 */
    errno = ENODEV;
    return -1;
}
