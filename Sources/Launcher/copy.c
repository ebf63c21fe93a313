/*
 * Copying what an image has at a place into the empty file system that is about to cover it. Everything is opened
 * beneath descriptors, links are copied and never followed, and what is neither file, directory nor link is left out.
 */
#include "launcher.h"

#include <sys/sendfile.h>

enum { depth_max = 64, entries_bytes = 4096, copy_chunk = 1 << 20, link_max = 4096 };

struct entry { uint64_t inode; int64_t offset; unsigned short length; unsigned char type; char name[]; };

static int copy_owner(int to, const char *name, const struct stat *status) {
    if (fchownat(to, name, status->st_uid, status->st_gid, AT_SYMLINK_NOFOLLOW) < 0) return -1;
    if (S_ISLNK(status->st_mode)) return 0;
    return fchmodat(to, name, status->st_mode & 07777, 0);
}

static int copy_file(int from, int to, const char *name, const struct stat *status) {
    int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (source < 0) return -1;
    int target = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    ssize_t count = target < 0 ? -1 : 1;
    while (count > 0) count = sendfile(target, source, NULL, copy_chunk);
    int result = count < 0 ? -1 : copy_owner(to, name, status);
    return close_after(close_after(result, target), source);
}

static int copy_link(int from, int to, const char *name, const struct stat *status) {
    char destination[link_max];
    ssize_t length = readlinkat(from, name, destination, sizeof destination - 1);
    if (length < 0) return -1;
    destination[length] = 0;
    return symlinkat(destination, to, name) < 0 ? -1 : copy_owner(to, name, status);
}

static int copy_entries(int from, int to, int depth);

static int copy_directory(int from, int to, const char *name, const struct stat *status, int depth) {
    if (depth >= depth_max) { errno = ELOOP; return -1; }
    int source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (source < 0) return -1;
    if (mkdirat(to, name, 0700) < 0) return close_after(-1, source);
    int target = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int result = target < 0 ? -1 : copy_entries(source, target, depth + 1);
    if (result == 0) result = copy_owner(to, name, status);
    return close_after(close_after(result, target), source);
}

static int copy_entry(int from, int to, const char *name, int depth) {
    struct stat status;
    if (!strcmp(name, ".") || !strcmp(name, "..")) return 0;
    if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return -1;
    switch (status.st_mode & S_IFMT) {
    case S_IFREG: return copy_file(from, to, name, &status);
    case S_IFLNK: return copy_link(from, to, name, &status);
    case S_IFDIR: return copy_directory(from, to, name, &status, depth);
    default: return 0;
    }
}

static int copy_entries(int from, int to, int depth) {
    _Alignas(8) char bytes[entries_bytes];
    for (;;) {
        long count = syscall(SYS_getdents64, from, bytes, sizeof bytes);
        if (count <= 0) return (int)count;
        for (long at = 0; at < count;) {
            const struct entry *entry = (const struct entry *)(const void *)(bytes + at);
            if (copy_entry(from, to, entry->name, depth) < 0) return -1;
            at += entry->length;
        }
    }
}

/* `from` may be opened with O_PATH; `to` is a detached mount. The root's own owner and mode are copied as well. */
int copy_tree(int from, int to) {
    struct stat status;
    int source = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (source < 0) return -1;
    int target = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = target < 0 ? -1 : copy_entries(source, target, 0);
    if (result == 0 && (fstat(source, &status) < 0 || fchown(target, status.st_uid, status.st_gid) < 0
                        || fchmod(target, status.st_mode & 07777) < 0)) result = -1;
    return close_after(close_after(result, target), source);
}
