/* Mounting, moving, uncovering; most escapes begin here. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What musl's headers may be too old to know. The numbers are those every architecture shares since Linux 5.1. */
enum {
    call_open_tree = 428, call_move_mount, call_fsopen, call_fsconfig, call_fsmount, call_fspick,
    call_mount_setattr = 442, call_statmount = 457, call_open_tree_attr = 467,
};
#define TEXT(string) ((long)(string))
enum { at_cwd = -100, detach = 2, clone_tree = 1 };
static const char block[256];
#define BLOCK ((long)block)
/* struct mount_attr: set, clear, propagation, userns_fd. MOUNT_ATTR_IDMAP with descriptor 0, and clearing read-only. */
static const uint64_t idmap[4] = { 0x100000, 0, 0, 0 }, writable[4] = { 0, 1, 0, 0 };
static const uint64_t with_devices[4] = { 0, 4 | 2, 0, 0 };

#define OF_TYPE(type) { "mount-type-" type, "mount a file system of type " type, SYS_mount, \
                        { TEXT("none"), TEXT("/tmp"), TEXT(type), 0, 0 } }

static const struct call_attempt calls[] = {
    { "mount-tmpfs", "mount a tmpfs", SYS_mount, { TEXT("none"), TEXT("/tmp"), TEXT("tmpfs"), 0, 0 } },
    { "mount-proc", "mount procfs again, without masks",
      SYS_mount, { TEXT("none"), TEXT("/tmp"), TEXT("proc"), 0, 0 } },
    { "mount-cgroup", "mount the cgroup tree writable",
      SYS_mount, { TEXT("none"), TEXT("/tmp"), TEXT("cgroup2"), 0, 0 } },
    { "mount-cgroup-1", "mount a cgroup v1 hierarchy for its release_agent", SYS_mount,
      { TEXT("none"), TEXT("/tmp"), TEXT("cgroup"), 0, TEXT("rdma") } },
    { "mount-overlay", "mount an overlay over our own directories", SYS_mount,
      { TEXT("none"), TEXT("/tmp"), TEXT("overlay"), 0, TEXT("lowerdir=/proc:/sys") } },
    { "mount-bind", "bind one directory over another", SYS_mount, { TEXT("/proc"), TEXT("/tmp"), 0, MS_BIND, 0 } },
    { "mount-bind-exec", "bind a directory over /bin", SYS_mount, { TEXT("/tmp"), TEXT("/"), 0, MS_BIND | MS_REC, 0 } },
    { "mount-move", "move a mount", SYS_mount, { TEXT("/dev/shm"), TEXT("/tmp"), 0, MS_MOVE, 0 } },
    { "mount-shared", "make mounts propagate", SYS_mount, { 0, TEXT("/"), 0, MS_SHARED | MS_REC, 0 } },
    { "mount-dependent", "make mounts follow their source", SYS_mount, { 0, TEXT("/"), 0, MS_SLAVE | MS_REC, 0 } },
    { "remount-root", "remount the root with devices and setuid programs", SYS_mount,
      { 0, TEXT("/"), 0, MS_REMOUNT | MS_BIND, 0 } },
    { "remount-proc-sys", "remount /proc/sys writable",
      SYS_mount, { 0, TEXT("/proc/sys"), 0, MS_REMOUNT | MS_BIND, 0 } },
    { "remount-sys", "remount /sys writable", SYS_mount, { 0, TEXT("/sys"), 0, MS_REMOUNT | MS_BIND, 0 } },
    { "remount-group", "remount the cgroup tree writable", SYS_mount,
      { 0, TEXT("/sys/fs/cgroup"), 0, MS_REMOUNT | MS_BIND, 0 } },
    { "umount-mask", "take the mask off /proc/kcore", SYS_umount2, { TEXT("/proc/kcore"), detach } },
    { "umount-proc", "take /proc away", SYS_umount2, { TEXT("/proc"), detach } },
    { "umount-proc-sys", "uncover /proc/sys", SYS_umount2, { TEXT("/proc/sys"), detach } },
    { "umount-sys", "uncover what is below /sys", SYS_umount2, { TEXT("/sys"), detach } },
    { "umount-dev", "take /dev away", SYS_umount2, { TEXT("/dev"), detach } },
    { "umount-root", "take the root away", SYS_umount2, { TEXT("/"), detach } },
    { "pivot-root", "change the root with pivot_root", SYS_pivot_root, { TEXT("/tmp"), TEXT("/tmp") } },
    { "open-tree", "copy a mount without what covers it, open_tree",
      call_open_tree, { at_cwd, TEXT("/"), clone_tree } },
    { "open-tree-proc", "copy /proc without its masks, open_tree",
      call_open_tree, { at_cwd, TEXT("/proc"), clone_tree } },
    { "open-tree-attr", "copy a mount and map its ids, open_tree_attr", call_open_tree_attr,
      { at_cwd, TEXT("/"), clone_tree, (long)idmap, 32 } },
    { "move-mount", "move a mount, move_mount",
      call_move_mount, { at_cwd, TEXT("/dev/shm"), at_cwd, TEXT("/tmp"), 0 } },
    { "fsopen", "open a tmpfs, fsopen", call_fsopen, { TEXT("tmpfs"), 0 } },
    { "fsopen-proc", "open a procfs, fsopen", call_fsopen, { TEXT("proc"), 0 } },
    { "fsopen-ext4", "open the parser of ext4's options, fsopen", call_fsopen, { TEXT("ext4"), 0 } },
    { "fsopen-cgroup", "open the parser of cgroup v1's options, fsopen", call_fsopen, { TEXT("cgroup"), 0 } },
    { "fsconfig", "configure a file system, fsconfig (CVE-2022-0185)", call_fsconfig, { 0, 6, 0, 0, 0 } },
    { "fsmount", "mount a configured file system, fsmount", call_fsmount, { 0, 0, 0 } },
    { "fspick", "reconfigure the root, fspick", call_fspick, { at_cwd, TEXT("/"), 0 } },
    { "mount-setattr", "change a mount's attributes, mount_setattr", call_mount_setattr,
      { at_cwd, TEXT("/proc/sys"), 0, BLOCK, 32 } },
    { "mount-setattr-writable", "make /proc/sys writable, mount_setattr", call_mount_setattr,
      { at_cwd, TEXT("/proc/sys"), 0, (long)writable, 32 } },
    { "mount-setattr-devices", "make devices and setuid work on the root, mount_setattr", call_mount_setattr,
      { at_cwd, TEXT("/"), 0, (long)with_devices, 32 } },
    { "mount-setattr-idmap", "map a mount's ids, mount_setattr", call_mount_setattr,
      { at_cwd, TEXT("/dev/shm"), 0, (long)idmap, 32 } },
    OF_TYPE("sysfs"), OF_TYPE("devtmpfs"), OF_TYPE("devpts"), OF_TYPE("mqueue"), OF_TYPE("ramfs"), OF_TYPE("debugfs"),
    OF_TYPE("tracefs"), OF_TYPE("securityfs"), OF_TYPE("configfs"), OF_TYPE("bpf"), OF_TYPE("hugetlbfs"),
    OF_TYPE("binfmt_misc"), OF_TYPE("efivarfs"), OF_TYPE("pstore"), OF_TYPE("selinuxfs"), OF_TYPE("fusectl"),
    OF_TYPE("fuse"), OF_TYPE("ext4"), OF_TYPE("xfs"), OF_TYPE("btrfs"), OF_TYPE("f2fs"), OF_TYPE("vfat"),
    OF_TYPE("ntfs3"), OF_TYPE("iso9660"), OF_TYPE("udf"), OF_TYPE("squashfs"), OF_TYPE("erofs"), OF_TYPE("nfs"),
    OF_TYPE("nfs4"), OF_TYPE("cifs"), OF_TYPE("ceph"), OF_TYPE("9p"), OF_TYPE("virtiofs"), OF_TYPE("ecryptfs"),
    OF_TYPE("rpc_pipefs"), OF_TYPE("resctrl"), OF_TYPE("cpuset"),
    { NULL, NULL, 0, { 0 } },
};

/* chroot(2) and a descriptor from before lead above the new root; they must not lead above the container's. */
static int chroot_and_out(void) {
    struct stat before, after;
    (void)mkdir("/tmp/probe-root", 0755);
    int above = open("/", O_RDONLY | O_DIRECTORY);
    if (above < 0 || fstat(above, &before) < 0) return unprepared();
    if (call1(SYS_chroot, "/tmp/probe-root") < 0 || fchdir(above) < 0) return errno;
    for (int i = 0; i < 64; i++)
        if (chdir("..") < 0) return errno;
    if (stat(".", &after) < 0) return errno;
    return after.st_dev == before.st_dev && after.st_ino == before.st_ino ? EXDEV : 0;
}

static int mounts_contain(const char *first, const char *second) {
    char text[32768];
    if (text_of("/proc/self/mountinfo", text, sizeof text) <= 0) return unprepared();
    facts->path = "/proc/self/mountinfo";
    return strstr(text, first) || (second && strstr(text, second)) ? 0 : ENODATA;
}
static int propagation(void) { return mounts_contain(" shared:", " master:"); }

static int root_lacks(const char *option) {
    char text[32768], *line;
    if (text_of("/proc/self/mountinfo", text, sizeof text) <= 0) return unprepared();
    facts->path = "/";
    for (line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        char *target = line;
        for (int field = 0; field < 4 && target; field++) target = strchr(target + (field > 0), ' ');
        if (!target || strncmp(target, " / ", 3)) continue;
        char *end = strchr(target, '-'), *found = strstr(target, option);
        return found && end && found < end ? EPERM : 0;
    }
    return -ENOENT;
}
static int root_honours_setuid(void) { return root_lacks("nosuid"); }
static int root_honours_devices(void) { return root_lacks("nodev"); }

/* Mounts of other namespaces have numbers too; the first of this boot are the host's. */
static int hosts_mounts(void) {
    struct { uint32_t size, spare; uint64_t mount, mask, space; } request = { 24, 0, 0, 1, 0 };
    char room[512];
    int last = ENOENT;
    /* Since Linux 6.8 unique numbers begin at 2^31. */
    for (uint64_t number = 0x80000001; number < 0x80000020; number++) {
        request.mount = number;
        if (call4(call_statmount, &request, room, sizeof room, 0) >= 0) return 0;
        if (errno != ENOENT) last = errno;
    }
    return last;
}

static const struct attempt attempts[] = {
    { "chroot-out", "leave a changed root by a descriptor from before", chroot_and_out },
    { "mounts-propagate", "find a mount that propagates from or to the host", propagation },
    { "root-honours-setuid", "find setuid programs honoured on the root file system", root_honours_setuid },
    { "root-honours-devices", "find device nodes honoured on the root file system", root_honours_devices },
    { "host-mounts", "look at the host's mounts by number, statmount", hosts_mounts },
    { NULL, NULL, NULL },
};

const struct area mount_area = { "mounts", calls, NULL, NULL, attempts };
