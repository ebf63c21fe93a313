/* Descriptors and paths that lead outside: leaks of the runtime, links of procfs, the runtime's own program. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* CVE-2024-21626: a descriptor of the runtime that stayed open. */
static int leaked(void) { return inherited_count > 0 ? 0 : EBADF; }
static int standard_directories(void) {
    struct stat status;
    for (int descriptor = 0; descriptor < 3; descriptor++)
        if (fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode)) return 0;
    return EBADF;
}
/* A standard descriptor for a block device or a directory would lead to the host's disk. */
static int standard_disks(void) {
    struct stat status;
    for (int descriptor = 0; descriptor < 3; descriptor++)
        if (fstat(descriptor, &status) == 0 && S_ISBLK(status.st_mode)) return 0;
    return EBADF;
}
/* The log is not ours to go back in, nor to read. */
static int standard_files(void) {
    struct stat status;
    for (int descriptor = 1; descriptor < 3; descriptor++)
        if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) return 0;
    return EBADF;
}
static int unreachable_directory(void) {
    char place[4096];
    if (syscall(SYS_getcwd, place, sizeof place) < 0) return errno == ENOENT ? 0 : unprepared();
    facts->path = "/proc/self/cwd";
    return place[0] == '/' ? ENODATA : 0;
}

/* Whatever goes above the root must end at the root. */
static int above(const char *path) {
    struct stat root, found;
    if (stat("/", &root) < 0) return unprepared();
    facts->path = path;
    if (stat(path, &found) < 0) return errno;
    return root.st_dev == found.st_dev && root.st_ino == found.st_ino ? EXDEV : 0;
}
static int dots(void) { return above("/../../../../../../../.."); }
static int own_root(void) { return above("/proc/self/root/../../../.."); }
static int thread_root(void) { return above("/proc/thread-self/root/../.."); }
static int init_root(void) { return above("/proc/1/root/../.."); }
static int own_directory(void) {
    if (chdir("/") < 0) return unprepared();
    return above("/proc/self/cwd/../../..");
}
static int descriptor_root(void) {
    int directory = open("/", O_RDONLY | O_DIRECTORY);
    char path[64];
    if (directory < 0) return unprepared();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/../../..", directory);
    int result = above(path);
    facts->path = "/proc/self/fd/N/../../..";
    return result;
}
static int openat_root(void) {
    struct stat root, found;
    int directory = open("/", O_RDONLY | O_DIRECTORY);
    if (directory < 0 || fstat(directory, &root) < 0) return unprepared();
    for (int i = 0; i < 32; i++) {
        directory = (int)call4(SYS_openat, directory, "..", O_RDONLY | O_DIRECTORY, 0);
        if (directory < 0) return errno;
    }
    if (fstat(directory, &found) < 0) return unprepared();
    return root.st_dev == found.st_dev && root.st_ino == found.st_ino ? EXDEV : 0;
}

/* CVE-2019-5736: the program that started us is process 1's, or what our own link showed while we were started. */
static int runtime_program(void) { return open_noting("/proc/1/exe", O_WRONLY) < 0 ? errno : 0; }
static int runtime_program_path(void) {
    int program = open("/proc/1/exe", O_PATH | O_CLOEXEC);
    char path[64];
    if (program < 0) return errno;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", program);
    return call4(SYS_openat, AT_FDCWD, path, O_WRONLY, 0) < 0 ? errno : 0;
}
static int runtime_program_cut(void) { return answer(call2(SYS_truncate, "/proc/1/exe", 1)); }
static int runtime_library(void) {
    /* Nothing is mapped from outside in a static program; a link of process 1's would say where. */
    char text[8192];
    if (text_of("/proc/1/maps", text, sizeof text) < 0) return errno;
    return strstr(text, " /") ? 0 : ENODATA;
}
static int own_links(void) {
    char target[4096];
    for (int descriptor = 0; descriptor < 3; descriptor++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
        ssize_t length = readlink(path, target, sizeof target - 1);
        if (length <= 0) continue;
        target[length] = 0;
        /* A path of the host's that does not exist here tells where its files are. */
        if (target[0] == '/' && access(target, F_OK) < 0 && errno == ENOENT && !strstr(target, "/dev/")) return 0;
    }
    return ENODATA;
}
/* Where the writable layer lies on the host: overlay says so in its options. */
static int layer_paths(void) {
    static char text[65536];
    if (text_of("/proc/self/mountinfo", text, sizeof text) <= 0) return unprepared();
    facts->path = "/proc/self/mountinfo";
    char *found = strstr(text, "upperdir=");
    return found && found[9] == '/' ? 0 : ENODATA;
}
static int hosts_root_device(void) {
    struct stat root;
    if (stat("/", &root) < 0) return unprepared();
    /* An overlay, an idmapped copy or a loop device has a device number of its own; major 0 is no disk's. */
    struct statfs kind;
    if (statfs("/", &kind) < 0) return unprepared();
    return kind.f_type == 0x794c7630 || kind.f_type == 0x01021994 ? EXDEV : (root.st_dev >> 8 & 0xfff) == 0 ? EXDEV : 0;
}
/* Locks and watches belong to a file, and so to everybody who has it (flock(2), inotify(7)). */
static int hosts_device_file(void) {
    static char mounts[1 << 17];
    if (text_of("/proc/self/mountinfo", mounts, sizeof mounts) <= 0) return unprepared();
    return strstr(mounts, " - devtmpfs ") ? 0 : ENOENT;
}
static int host_file(const char *path) { return open_noting(path, O_RDONLY) < 0 ? errno : 0; }
static int host_shadow(void) { return host_file("/host/etc/shadow"); }
static int host_root(void) { return host_file("/rootfs"); }
static int store(void) { return host_file("/var/lib/bulkhead"); }
static int docker_store(void) { return host_file("/var/lib/docker"); }
static int crash_dumps(void) { return host_file("/var/crash"); }
static int boot_files(void) { return host_file("/boot/vmlinuz"); }

static const struct attempt attempts[] = {
    { "leaked-descriptor", "find a descriptor of the runtime (CVE-2024-21626)", leaked },
    { "standard-directory", "find a directory among the standard descriptors", standard_directories },
    { "standard-disk", "find a disk among the standard descriptors", standard_disks },
    { "standard-file", "find a file of the host among the standard descriptors", standard_files },
    { "unreachable-directory", "find our working directory outside the root", unreachable_directory },
    { "above-root", "go above the root with dots", dots },
    { "above-own-root", "go above the root by /proc/self/root", own_root },
    { "above-thread-root", "go above the root by /proc/thread-self/root", thread_root },
    { "above-init-root", "go above the root by /proc/1/root", init_root },
    { "above-directory", "go above the root by /proc/self/cwd", own_directory },
    { "above-descriptor", "go above the root by /proc/self/fd", descriptor_root },
    { "above-openat", "go above the root one directory at a time", openat_root },
    { "runtime-program", "open the runtime's program for writing (CVE-2019-5736)", runtime_program },
    { "runtime-program-path", "open the runtime's program for writing by a path descriptor", runtime_program_path },
    { "runtime-program-cut", "cut the runtime's program off", runtime_program_cut },
    { "runtime-library", "find a file of the host mapped by init", runtime_library },
    { "link-to-host", "learn the host's paths from our descriptors", own_links },
    { "layer-paths", "learn where our layers lie on the host", layer_paths },
    { "host-device", "find the host's own disk behind our root", hosts_root_device },
    { "host-device-file", "find a file of the host's /dev, which every container could lock", hosts_device_file },
    { "host-shadow", "open the host's passwords where others mount them", host_shadow },
    { "host-rootfs", "open the host's root where others mount it", host_root },
    { "own-store", "open Bulkhead's store", store },
    { "docker-store", "open Docker's store", docker_store },
    { "crash-dumps", "open the host's crash dumps", crash_dumps },
    { "boot-files", "open the host's kernel", boot_files },
    { NULL, NULL, NULL },
};

const struct area descriptor_area = { "descriptors", NULL, NULL, NULL, attempts };
