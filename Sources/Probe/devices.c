/* Device nodes: those that must not be there, making them, and those that came with the image. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { blocking_never = O_RDWR | O_NOCTTY | O_NONBLOCK };
#define DEVICE(name, path) { "dev-" name, "/dev/" path, blocking_never, 0 }

static const struct path_attempt paths[] = {
    DEVICE("mem", "mem"), DEVICE("port", "port"), DEVICE("kmsg", "kmsg"), DEVICE("fuse", "fuse"),
    DEVICE("cuse", "cuse"),
    DEVICE("kvm", "kvm"), DEVICE("tun", "net/tun"), DEVICE("loop-control", "loop-control"), DEVICE("loop", "loop0"),
    DEVICE("userfaultfd", "userfaultfd"), DEVICE("console", "console"), DEVICE("sda", "sda"), DEVICE("vda", "vda"),
    DEVICE("nvme", "nvme0n1"), DEVICE("root", "root"), DEVICE("device-mapper", "mapper/control"),
    DEVICE("btrfs", "btrfs-control"), DEVICE("vsock", "vsock"), DEVICE("vhost-vsock", "vhost-vsock"),
    DEVICE("vhost-net", "vhost-net"), DEVICE("vfio", "vfio/vfio"), DEVICE("uinput", "uinput"),
    DEVICE("input", "input/event0"), DEVICE("rtc", "rtc0"), DEVICE("watchdog", "watchdog"), DEVICE("ppp", "ppp"),
    DEVICE("hpet", "hpet"), DEVICE("msr", "cpu/0/msr"), DEVICE("microcode", "cpu/microcode"), DEVICE("tty0", "tty0"),
    DEVICE("tty1", "tty1"), DEVICE("serial", "ttyS0"), DEVICE("framebuffer", "fb0"), DEVICE("graphics", "dri/card0"),
    DEVICE("hardware-random", "hwrng"), DEVICE("tpm", "tpm0"), DEVICE("sgx", "sgx_enclave"), DEVICE("mei", "mei0"),
    DEVICE("ipmi", "ipmi0"), DEVICE("scsi", "sg0"), DEVICE("raw", "raw/rawctl"), DEVICE("autofs", "autofs"),
    DEVICE("memory-low", "nvram"), DEVICE("snapshot", "snapshot"), DEVICE("dma-heap", "dma_heap/system"),
    DEVICE("log", "log"), DEVICE("init", "initctl"),
    { NULL, NULL, 0, 0 },
};

static int make_and_open(mode_t type, unsigned major_, unsigned minor_) {
    const char *path = "/tmp/probe-device";
    (void)unlink(path);
    if (call4(SYS_mknodat, AT_FDCWD, path, type | 0666, makedev(major_, minor_)) < 0) return errno;
    int result = answer(open_noting(path, O_RDONLY | O_NONBLOCK));
    (void)unlink(path);
    return result;
}
static int mknod_mem(void) { return make_and_open(S_IFCHR, 1, 1); }
static int mknod_null(void) { return make_and_open(S_IFCHR, 1, 3); }
static int mknod_kmsg(void) { return make_and_open(S_IFCHR, 1, 11); }
static int mknod_fuse(void) { return make_and_open(S_IFCHR, 10, 229); }
static int mknod_tun(void) { return make_and_open(S_IFCHR, 10, 200); }
static int mknod_kvm(void) { return make_and_open(S_IFCHR, 10, 232); }
static int mknod_loop(void) { return make_and_open(S_IFCHR, 10, 237); }
static int mknod_console(void) { return make_and_open(S_IFCHR, 5, 1); }
static int mknod_disk(void) { return make_and_open(S_IFBLK, 8, 0); }
static int mknod_virtual_disk(void) { return make_and_open(S_IFBLK, 254, 0); }
static int mknod_loop_disk(void) { return make_and_open(S_IFBLK, 7, 0); }
static int mknod_in_dev(void) {
    long made = call4(SYS_mknodat, AT_FDCWD, "/dev/probe-kmsg", S_IFCHR | 0666, makedev(1, 11));
    int result = answer(made);
    if (result == 0) (void)unlink("/dev/probe-kmsg");
    return result;
}
static int mknod_in_memory(void) {
    long made = call4(SYS_mknodat, AT_FDCWD, "/dev/shm/probe-mem", S_IFCHR | 0666, makedev(1, 1));
    int result = answer(made);
    if (result == 0) (void)unlink("/dev/shm/probe-mem");
    return result;
}

/* A device node that came with the image's layer; ENOENT where the image has none. */
static int smuggled_device(void) { return answer(open_noting("/smuggled/null", O_RDWR)); }
static int smuggled_kmsg(void) { return answer(open_noting("/smuggled/kmsg", O_RDONLY | O_NONBLOCK)); }

static const struct attempt attempts[] = {
    { "mknod-mem", "make a node for the machine's memory and open it", mknod_mem },
    { "mknod-null", "make a node for /dev/null and open it", mknod_null },
    { "mknod-kmsg", "make a node for the kernel's log and open it", mknod_kmsg },
    { "mknod-fuse", "make a node for fuse and open it", mknod_fuse },
    { "mknod-tun", "make a node for tunnels and open it", mknod_tun },
    { "mknod-kvm", "make a node for virtual machines and open it", mknod_kvm },
    { "mknod-loop-control", "make a node that makes loop devices and open it", mknod_loop },
    { "mknod-console", "make a node for the console and open it", mknod_console },
    { "mknod-disk", "make a node for the first SCSI disk and open it", mknod_disk },
    { "mknod-virtual-disk", "make a node for the first virtual disk and open it", mknod_virtual_disk },
    { "mknod-loop-disk", "make a node for the first loop device and open it", mknod_loop_disk },
    { "mknod-in-dev", "make a node in /dev", mknod_in_dev },
    { "mknod-in-memory", "make a node in /dev/shm", mknod_in_memory },
    { "smuggled-null", "open a device node that came with the image", smuggled_device },
    { "smuggled-kmsg", "open a kernel log node that came with the image", smuggled_kmsg },
    { NULL, NULL, NULL },
};

const struct area device_area = { "devices", NULL, NULL, paths, attempts };
