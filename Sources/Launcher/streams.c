/* Descriptors 0, 1 and 2 of the task, its terminal, and the closing of everything else. */
#include "launcher.h"

#include <sys/ioctl.h>
#include <sys/statfs.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

enum { devpts_magic = 0x1cd1 };

/* The multiplexer of the container's own devpts; /dev/ptmx of the image may be anything. */
static int open_master(struct launch *launch) {
    struct statfs system;
    launch->part = BH_PART_OPEN;
    int master = open_in_root(launch, "dev/pts/ptmx", BH_TARGET_NO_LINKS, O_RDWR | O_NOCTTY | O_NOFOLLOW);
    if (master < 0) return -1;
    launch->part = BH_PART_VERIFY;
    if (fstatfs(master, &system) == 0 && system.f_type == devpts_magic) return master;
    errno = ENODEV;
    return close_after(-1, master);
}

/* The slave is opened through its master, never by its name, which a container could replace (CVE-2025-52565). */
static int open_slave(struct launch *launch, int master, const struct winsize *size) {
    int locked = 0;
    launch->part = BH_PART_CONFIGURE;
    if (ioctl(master, TIOCSPTLCK, &locked) < 0 || ioctl(master, TIOCSWINSZ, size) < 0) return -1;
    launch->part = BH_PART_OPEN;
    return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

int step_terminal(struct launch *launch, struct cursor *payload) {
    struct winsize size = { .ws_row = (unsigned short)take_number(payload) };
    size.ws_col = (unsigned short)take_number(payload);
    uint32_t uid = take_number(payload), gid = take_number(payload);
    struct bh_report message = { BH_REPORT_TERMINAL, launch->step, 0, 0 };
    int master = open_master(launch);
    if (master < 0) return -1;
    int slave = open_slave(launch, master, &size);
    if (slave < 0) return -1;
    launch->part = BH_PART_ATTRIBUTES;
    if (fchown(slave, uid, gid) < 0) return -1;
    launch->part = BH_PART_ATTACH;
    if (lead_session() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0) return -1;
    for (int stream = 0; stream < 3; stream++)
        if (dup2(slave, stream) < 0) return -1;
    launch->part = BH_PART_WRITE;
    if (launch->init >= 0 && send_descriptor(launch->init, "T", 1, master) < 0) return -1;
    if (send_descriptor(launch->report, &message, sizeof message, master) < 0) return -1;
    (void)close(slave);
    return close(master);
}

static int open_null(struct launch *launch) {
    launch->part = BH_PART_OPEN;
    /* What a container has put there may be one whose opening waits for somebody, fcntl(2) F_SETLEASE. */
    int null = open_in_root(launch, "dev/null", 0, O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (null < 0) return -1;
    launch->part = BH_PART_VERIFY;
    if (check_null_device(null) == 0 && fcntl(null, F_SETFL, 0) == 0) return null;
    return close_after(-1, null);
}

int step_standard_streams(struct launch *launch, struct cursor *payload) {
    int from[3], null = -1;
    for (int stream = 0; stream < 3; stream++) {
        from[stream] = take_descriptor(payload);
        if (from[stream] < 0 && stream > 0 && launch->output[stream - 1] >= 0) {
            from[stream] = launch->output[stream - 1];
            launch->pumped[stream] = 1;
        }
        if (from[stream] >= 0) continue;
        if (null < 0 && (null = open_null(launch)) < 0) return -1;
        from[stream] = null;
    }
    launch->part = BH_PART_ATTACH;
    for (int stream = 0; stream < 3; stream++)
        if (dup2(from[stream], stream) < 0) return -1;
    return null > 2 ? close(null) : 0;
}

/* The first `keep` descriptors of the plan become 3, 4, ...; the socket we report on moves out of their way. */
int step_close_descriptors(struct launch *launch, struct cursor *payload) {
    int keep = (int)take_number(payload);
    if (keep > 0) {
        int moved = fcntl(launch->report, F_DUPFD_CLOEXEC, BH_FIRST_PLAN_DESCRIPTOR + keep);
        if (moved < 0) return -1;
        (void)close(launch->report);
        launch->report = moved;
    }
    for (int i = 0; i < keep; i++)
        if (dup2(BH_FIRST_PLAN_DESCRIPTOR + i, BH_PLAN_DESCRIPTOR + i) < 0) return -1;
    for (uint32_t gaps = take_number(payload); gaps > 0; gaps--) (void)close((int)take_number(payload));
    return (int)syscall(SYS_close_range, BH_PLAN_DESCRIPTOR + keep, ~0u, close_range_cloexec);
}
