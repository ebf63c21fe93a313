/* landlock(7): a process takes rights away from itself. Numbers of our own, as older headers have none. */
#define _GNU_SOURCE
#include "CLinux.h"

#include <sys/syscall.h>
#include <unistd.h>

enum { create_ruleset = 444, add_rule = 445, restrict_self = 446, path_beneath = 1, abi_flag = 1 };

int bh_landlock_version(void) { return (int)syscall(create_ruleset, NULL, 0, abi_flag); }

int bh_landlock_ruleset(uint64_t files, uint64_t network, uint64_t scopes) {
    struct { uint64_t files, network, scopes; } handled = { files, network, scopes };
    unsigned long size = scopes ? sizeof handled : network ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    return (int)syscall(create_ruleset, &handled, size, 0);
}

int bh_landlock_allow(int ruleset, int directory, uint64_t files) {
    struct { uint64_t allowed; int32_t parent; } __attribute__((packed)) rule = { files, directory };
    return (int)syscall(add_rule, ruleset, path_beneath, &rule, 0);
}

int bh_landlock_enter(int ruleset) { return (int)syscall(restrict_self, ruleset, 0); }
