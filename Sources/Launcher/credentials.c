/*
 * Who the task is. Every value is set and then read back: what the kernel did not take makes the launch fail. Raw
 * calls, because libc's wrappers speak to threads we do not have.
 */
#include "launcher.h"

#include <sys/prctl.h>

enum { capability_version = 0x20080522, capability_max = 64 };

struct wanted {
    uint32_t uid, gid;
    struct block groups;
    uint64_t bounding, effective, permitted, inheritable, ambient;
};
struct capability_header { uint32_t version; int process; };
struct capability_words { uint32_t effective, permitted, inheritable; };

int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct capability_header header = { capability_version, 0 };
    struct capability_words words[2];
    for (int i = 0; i < 2; i++)
        words[i] = (struct capability_words){ (uint32_t)(effective >> 32 * i), (uint32_t)(permitted >> 32 * i),
                                              (uint32_t)(inheritable >> 32 * i) };
    return (int)syscall(SYS_capset, &header, words);
}

int set_no_new_privileges(void) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return 0;
    errno = EPERM;
    return -1;
}

int step_no_new_privileges(struct launch *launch, struct cursor *payload) {
    (void)launch, (void)payload;
    return set_no_new_privileges();
}

/* The kernel says EINVAL for the first capability it does not know. */
static int drop_bounding(uint64_t keep) {
    for (int i = 0; i < capability_max; i++) {
        int held = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
        if (held < 0) return errno == EINVAL ? 0 : -1;
        if (held && !(keep >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) return -1;
    }
    return 0;
}

static int raise_ambient(uint64_t ambient) {
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
    for (int i = 0; i < capability_max; i++)
        if (ambient >> i & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0) return -1;
    return 0;
}

static int apply(const struct wanted *wanted) {
    if (drop_bounding(wanted->bounding) < 0) return -1;
    if (syscall(SYS_setgroups, wanted->groups.length / 4, wanted->groups.bytes) < 0) return -1;
    if (syscall(SYS_setresgid, wanted->gid, wanted->gid, wanted->gid) < 0) return -1;
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -1;
    if (syscall(SYS_setresuid, wanted->uid, wanted->uid, wanted->uid) < 0) return -1;
    if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0) return -1;
    if (set_capabilities(wanted->effective, wanted->permitted, wanted->inheritable) < 0) return -1;
    return raise_ambient(wanted->ambient);
}

static int same_ids(const struct wanted *wanted) {
    uint32_t real, effective, saved;
    if (syscall(SYS_getresuid, &real, &effective, &saved) < 0) return 0;
    if (real != wanted->uid || effective != wanted->uid || saved != wanted->uid) return 0;
    if (syscall(SYS_getresgid, &real, &effective, &saved) < 0) return 0;
    return real == wanted->gid && effective == wanted->gid && saved == wanted->gid;
}

/* The kernel sorts the groups: as many as wanted, and each wanted one among them. */
static int same_groups(const struct wanted *wanted) {
    static uint32_t held[BH_GROUPS_MAX];
    long count = syscall(SYS_getgroups, BH_GROUPS_MAX, held);
    if (count < 0 || (uint32_t)count != wanted->groups.length / 4) return 0;
    for (long i = 0; i < count; i++) {
        uint32_t group;
        long found = 0;
        memcpy(&group, wanted->groups.bytes + 4 * i, sizeof group);
        for (long at = 0; at < count && !found; at++) found = held[at] == group;
        if (!found) return 0;
    }
    return 1;
}

static int same_capabilities(const struct wanted *wanted) {
    struct capability_header header = { capability_version, 0 };
    struct capability_words words[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
    if (syscall(SYS_capget, &header, words) < 0) return 0;
    uint64_t bounding = 0, ambient = 0;
    for (int i = 0; i < capability_max; i++) {
        if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1) bounding |= 1ull << i;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1) ambient |= 1ull << i;
    }
    return (words[0].effective | (uint64_t)words[1].effective << 32) == wanted->effective
        && (words[0].permitted | (uint64_t)words[1].permitted << 32) == wanted->permitted
        && (words[0].inheritable | (uint64_t)words[1].inheritable << 32) == wanted->inheritable
        && bounding == wanted->bounding && ambient == wanted->ambient;
}

int step_credentials(struct launch *launch, struct cursor *payload) {
    struct wanted wanted = { .uid = take_number(payload), .gid = 0 };
    wanted.gid = take_number(payload);
    wanted.groups = take_groups(payload);
    wanted.bounding = take_wide(payload);
    wanted.effective = take_wide(payload);
    wanted.permitted = take_wide(payload);
    wanted.inheritable = take_wide(payload);
    wanted.ambient = take_wide(payload);
    /* The task may open /dev/stdout again by name, which asks for the owner of init's pipe. */
    for (int stream = 1; stream < 3; stream++)
        if (launch->pumped[stream] && fchown(stream, wanted.uid, wanted.gid) < 0) return -1;
    launch->part = BH_PART_CONFIGURE;
    if (apply(&wanted) < 0) return -1;
    launch->part = BH_PART_VERIFY;
    if (same_ids(&wanted) && same_groups(&wanted) && same_capabilities(&wanted)) return 0;
    errno = EPERM;
    return -1;
}
