/* The cgroup tree: limits, the freezer, and the agent that cgroup v1 runs on the host. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct path_attempt paths[] = {
    { "write-cgroup-procs", "/sys/fs/cgroup/cgroup.procs", O_WRONLY, 0 },
    { "write-cgroup-threads", "/sys/fs/cgroup/cgroup.threads", O_WRONLY, 0 },
    { "write-cgroup-kill", "/sys/fs/cgroup/cgroup.kill", O_WRONLY, 0 },
    { "write-cgroup-freeze", "/sys/fs/cgroup/cgroup.freeze", O_WRONLY, 0 },
    { "write-cgroup-type", "/sys/fs/cgroup/cgroup.type", O_WRONLY, 0 },
    { "write-cgroup-control", "/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY, 0 },
    { "write-cgroup-descendants", "/sys/fs/cgroup/cgroup.max.descendants", O_WRONLY, 0 },
    { "write-memory-max", "/sys/fs/cgroup/memory.max", O_WRONLY, 0 },
    { "write-memory-swap", "/sys/fs/cgroup/memory.swap.max", O_WRONLY, 0 },
    { "write-memory-reclaim", "/sys/fs/cgroup/memory.reclaim", O_WRONLY, 0 },
    { "write-memory-group", "/sys/fs/cgroup/memory.oom.group", O_WRONLY, 0 },
    { "write-pids-max", "/sys/fs/cgroup/pids.max", O_WRONLY, 0 },
    { "write-cpu-max", "/sys/fs/cgroup/cpu.max", O_WRONLY, 0 },
    { "write-io-max", "/sys/fs/cgroup/io.max", O_WRONLY, 0 },
    { "write-cpuset", "/sys/fs/cgroup/cpuset.cpus", O_WRONLY, 0 },
    { "write-pressure", "/sys/fs/cgroup/memory.pressure", O_RDWR, 0 },
    { "write-release-agent", "/sys/fs/cgroup/release_agent", O_WRONLY, 0 },
    { "write-release-agent-rdma", "/sys/fs/cgroup/rdma/release_agent", O_WRONLY, 0 },
    { "write-notify-on-release", "/sys/fs/cgroup/notify_on_release", O_WRONLY, 0 },
    { "write-devices-allow", "/sys/fs/cgroup/devices/devices.allow", O_WRONLY, 0 },
    { "write-system-slice", "/sys/fs/cgroup/system.slice/cgroup.procs", O_WRONLY, 0 },
    { NULL, NULL, 0, 0 },
};

static int make_group(void) {
    long made = call3(SYS_mkdirat, AT_FDCWD, "/sys/fs/cgroup/taken", 0755);
    int result = answer(made);
    if (result == 0) (void)rmdir("/sys/fs/cgroup/taken");
    return result;
}
/* In a cgroup namespace our own group is the root: a longer path tells where in the host's tree we are. */
static int path_in_tree(void) {
    char text[4096], *line;
    if (text_of("/proc/self/cgroup", text, sizeof text) <= 0) return unprepared();
    facts->path = "/proc/self/cgroup";
    for (line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        char *path = strstr(line, ":/");
        if (path && path[2] != '\n' && path[2] != 0) return 0;
    }
    return ENODATA;
}
static int groups_above(void) {
    struct stat tree, above;
    if (stat("/sys/fs/cgroup", &tree) < 0) return errno;
    if (stat("/sys/fs/cgroup/../../fs/cgroup/..", &above) < 0) return errno;
    return open_noting("/sys/fs/cgroup/../cgroup.procs", O_WRONLY) < 0 ? errno : 0;
}

static const struct attempt attempts[] = {
    { "mkdir-cgroup", "make a cgroup", make_group },
    { "cgroup-path", "see where in the host's cgroup tree we are", path_in_tree },
    { "cgroup-above", "write to the cgroup above ours", groups_above },
    { NULL, NULL, NULL },
};

const struct area group_area = { "cgroups", NULL, NULL, paths, attempts };
