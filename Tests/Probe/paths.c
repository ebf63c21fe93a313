/* Files of the kernel and of process 1 that must not be readable or writable. */
#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { reads = 1, lists = 2 };

const struct path_attempt path_attempts[] = {
    { "write-core-pattern", "/proc/sys/kernel/core_pattern", O_WRONLY, 0 },
    { "write-modprobe", "/proc/sys/kernel/modprobe", O_WRONLY, 0 },
    { "write-hotplug", "/proc/sys/kernel/hotplug", O_WRONLY, 0 },
    { "write-poweroff-cmd", "/proc/sys/kernel/poweroff_cmd", O_WRONLY, 0 },
    { "write-usermodehelper", "/proc/sys/kernel/usermodehelper/bset", O_WRONLY, 0 },
    { "write-panic", "/proc/sys/kernel/panic", O_WRONLY, 0 },
    { "write-randomize", "/proc/sys/kernel/randomize_va_space", O_WRONLY, 0 },
    { "write-overcommit", "/proc/sys/vm/overcommit_memory", O_WRONLY, 0 },
    { "write-drop-caches", "/proc/sys/vm/drop_caches", O_WRONLY, 0 },
    { "write-binfmt", "/proc/sys/fs/binfmt_misc/register", O_WRONLY, 0 },
    { "write-ip-forward", "/proc/sys/net/ipv4/ip_forward", O_WRONLY, 0 },
    { "write-hostname", "/proc/sys/kernel/hostname", O_WRONLY, 0 },
    { "write-max-user-namespaces", "/proc/sys/user/max_user_namespaces", O_WRONLY, 0 },
    { "write-ns-last-pid", "/proc/sys/kernel/ns_last_pid", O_WRONLY, 0 },
    { "write-sysrq", "/proc/sysrq-trigger", O_WRONLY, 0 },
    { "write-irq", "/proc/irq/default_smp_affinity", O_WRONLY, 0 },
    { "write-uevent-helper", "/sys/kernel/uevent_helper", O_WRONLY, 0 },
    { "write-kernel-mm", "/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY, 0 },
    { "write-device-uevent", "/sys/devices/virtual/mem/null/uevent", O_WRONLY, 0 },
    { "write-power-state", "/sys/power/state", O_WRONLY, 0 },
    { "write-loopback-mtu", "/sys/class/net/lo/mtu", O_WRONLY, 0 },
    { "write-cgroup-procs", "/sys/fs/cgroup/cgroup.procs", O_WRONLY, 0 },
    { "write-cgroup-kill", "/sys/fs/cgroup/cgroup.kill", O_WRONLY, 0 },
    { "write-cgroup-freeze", "/sys/fs/cgroup/cgroup.freeze", O_WRONLY, 0 },
    { "write-cgroup-control", "/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY, 0 },
    { "write-release-agent", "/sys/fs/cgroup/release_agent", O_WRONLY, 0 },
    { "write-devices-allow", "/sys/fs/cgroup/devices/devices.allow", O_WRONLY, 0 },
    { "read-kcore", "/proc/kcore", O_RDONLY, reads },
    { "read-kallsyms", "/proc/kallsyms", O_RDONLY, reads },
    { "read-kmsg", "/proc/kmsg", O_RDONLY | O_NONBLOCK, reads },
    { "read-keys", "/proc/keys", O_RDONLY, reads },
    { "read-key-users", "/proc/key-users", O_RDONLY, reads },
    { "read-timer-list", "/proc/timer_list", O_RDONLY, reads },
    { "read-sched-debug", "/proc/sched_debug", O_RDONLY, reads },
    { "read-interrupts", "/proc/interrupts", O_RDONLY, reads },
    { "read-softirqs", "/proc/softirqs", O_RDONLY, reads },
    { "read-slabinfo", "/proc/slabinfo", O_RDONLY, reads },
    { "read-vmallocinfo", "/proc/vmallocinfo", O_RDONLY, reads },
    { "read-iomem", "/proc/iomem", O_RDONLY, reads },
    { "read-ioports", "/proc/ioports", O_RDONLY, reads },
    { "read-modules", "/proc/modules", O_RDONLY, reads },
    { "read-config", "/proc/config.gz", O_RDONLY, reads },
    { "read-kpagecount", "/proc/kpagecount", O_RDONLY, reads },
    { "read-pagetypeinfo", "/proc/pagetypeinfo", O_RDONLY, reads },
    { "read-diskstats", "/proc/diskstats", O_RDONLY, reads },
    { "list-acpi", "/proc/acpi", O_RDONLY | O_DIRECTORY, lists },
    { "list-firmware", "/sys/firmware", O_RDONLY | O_DIRECTORY, lists },
    { "list-kernel", "/sys/kernel", O_RDONLY | O_DIRECTORY, lists },
    { "list-modules", "/sys/module", O_RDONLY | O_DIRECTORY, lists },
    { "list-debug", "/sys/kernel/debug", O_RDONLY | O_DIRECTORY, lists },
    { "read-notes", "/sys/kernel/notes", O_RDONLY, reads },
    { "read-vmcoreinfo", "/sys/kernel/vmcoreinfo", O_RDONLY, reads },
    { "list-powercap", "/sys/devices/virtual/powercap", O_RDONLY | O_DIRECTORY, lists },
    { "init-mem", "/proc/1/mem", O_RDWR, 0 },
    { "init-mem-read", "/proc/1/mem", O_RDONLY, 0 },
    { "init-environ", "/proc/1/environ", O_RDONLY, 0 },
    { "init-maps", "/proc/1/maps", O_RDONLY, reads },
    { "init-auxv", "/proc/1/auxv", O_RDONLY, 0 },
    { "init-stack", "/proc/1/stack", O_RDONLY, reads },
    { "init-exe", "/proc/1/exe", O_RDONLY, 0 },
    { "init-exe-write", "/proc/1/exe", O_RDWR, 0 },
    { "init-root", "/proc/1/root", O_RDONLY, 0 },
    { "init-cwd", "/proc/1/cwd", O_RDONLY, 0 },
    { "init-fds", "/proc/1/fd", O_RDONLY | O_DIRECTORY, 0 },
    { "init-fd-3", "/proc/1/fd/3", O_RDWR, 0 },
    { "init-ns", "/proc/1/ns/mnt", O_RDONLY, 0 },
    { "init-map-files", "/proc/1/map_files", O_RDONLY | O_DIRECTORY, 0 },
    { "dev-mem", "/dev/mem", O_RDWR, 0 },
    { "dev-kmsg", "/dev/kmsg", O_RDWR, 0 },
    { "dev-fuse", "/dev/fuse", O_RDWR, 0 },
    { "dev-kvm", "/dev/kvm", O_RDWR, 0 },
    { "dev-tun", "/dev/net/tun", O_RDWR, 0 },
    { "dev-loop-control", "/dev/loop-control", O_RDWR, 0 },
    { "dev-userfaultfd", "/dev/userfaultfd", O_RDWR, 0 },
    { "dev-console", "/dev/console", O_RDWR | O_NOCTTY, 0 },
    { "dev-null", "/dev/null", O_RDWR, 0 },
    { NULL, NULL, 0, 0 },
};

static int has_entries(int directory) {
    DIR *stream = fdopendir(directory);
    int count = 0;
    if (!stream) return 0;
    for (struct dirent *entry; (entry = readdir(stream));) count += entry->d_name[0] != '.';
    (void)closedir(stream);
    return count > 0;
}

/* An empty file or directory is a mask: nothing was learnt, which is ENODATA here. */
int try_path(const struct path_attempt *attempt) {
    char byte;
    int descriptor = open(attempt->path, attempt->flags | O_CLOEXEC);
    if (descriptor < 0) return errno;
    if (attempt->reads == lists) return has_entries(descriptor) ? 0 : ENODATA;
    if (attempt->reads != reads) return 0;
    ssize_t count = read(descriptor, &byte, 1);
    return count < 0 ? errno : count == 0 ? ENODATA : 0;
}
