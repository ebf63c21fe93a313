/*
 * bulkhead-launch: the container's first process. It carries out the plan behind descriptor 3, step by step, and
 * decides nothing; see include/plan.h.
 */
#include "launcher.h"

#include <sys/mman.h>
#include <sys/prctl.h>

/* Only a file that nobody can change any more is read in place. */
static int map_plan(struct launch *launch) {
    const int sealed = F_SEAL_WRITE | F_SEAL_SHRINK;
    struct stat status;
    int seals = fcntl(BH_PLAN_DESCRIPTOR, F_GET_SEALS);
    if (seals < 0 || fstat(BH_PLAN_DESCRIPTOR, &status) < 0) return errno;
    if ((seals & sealed) != sealed) return EPERM;
    if (status.st_size < 16 || status.st_size > (off_t)BH_PLAN_BYTES_MAX) return EMSGSIZE;
    void *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, BH_PLAN_DESCRIPTOR, 0);
    if (bytes == MAP_FAILED) return errno;
    launch->plan = (struct block){ bytes, (uint32_t)status.st_size };
    return 0;
}

/*
 * Until somebody says so nothing of the plan happens; whoever started us may still be writing our id maps. What can be
 * done with those alone may be asked for first. The plan's descriptors come with the release and must get the numbers
 * by which the plan calls them.
 */
static int wait_for_release(struct launch *launch, int *error) {
    static int descriptors[BH_PLAN_DESCRIPTORS_MAX];
    char byte = 0;
    size_t arrived;
    for (int prepared = 0;; prepared = 1) {
        ssize_t count;
        do count = receive_descriptors(BH_REPORT_DESCRIPTOR, &byte, descriptors, BH_PLAN_DESCRIPTORS_MAX, &arrived);
        while (count < 0 && errno == EINTR);
        if (count < 0) return errno;
        if (count == 0) _exit(BH_EXIT_NOT_EXECUTABLE);
        if (byte != BH_PREPARE || arrived || prepared) break;
        if (!*error && prepare_steps(launch) < 0) *error = errno;
    }
    for (size_t i = 0; i < arrived; i++)
        if (descriptors[i] != (int)(BH_FIRST_PLAN_DESCRIPTOR + i)) return EBADF;
    return byte == BH_RELEASE ? 0 : EPROTO;
}

int main(void) {
    static struct launch launch = {
        .report = BH_REPORT_DESCRIPTOR, .root = -1, .procfs = -1, .init = -1, .output = { -1, -1 },
        .empty = { -1, 0 }, .null = { -1, 0 },
    };
    uint32_t step = BH_STEP_DECODE, steps = 0, detail = 0;
    int error = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? errno : 0;
    for (int i = BH_PLAN_DESCRIPTOR; !error && i <= BH_REPORT_DESCRIPTOR; i++)
        if (fcntl(i, F_SETFD, FD_CLOEXEC) < 0) error = errno;
    if (!error) error = map_plan(&launch);
    if (!error) error = bh_plan_check(launch.plan.bytes, launch.plan.length, &steps, &detail);
    /* A refusal waits for the release too: a packet left unread would turn our report into ECONNRESET (unix(7)). */
    int decoded = !error, refused = wait_for_release(&launch, &error);
    if (!error && refused) {
        step = BH_STEP_RELEASE;
        error = refused;
    } else if (decoded) {
        if (!error && run_steps(&launch) < 0) error = abandon_root(&launch);
        step = launch.step;
        detail = launch.part;
    }
    report(&launch, step, error, detail);
    _exit(launch.missing ? BH_EXIT_NOT_FOUND : BH_EXIT_NOT_EXECUTABLE);
}
