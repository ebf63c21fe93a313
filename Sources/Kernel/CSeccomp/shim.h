#ifndef BULKHEAD_CSECCOMP_H
#define BULKHEAD_CSECCOMP_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * prctl(PR_SET_NO_NEW_PRIVS), then seccomp(SECCOMP_SET_MODE_FILTER). `instructions` is an array of struct sock_filter.
 * Returns 0, the id of a thread that could not take the filter (SECCOMP_FILTER_FLAG_TSYNC), or -errno.
 */
static inline long bh_set_filter(unsigned flags, const uint8_t *instructions, unsigned count) {
    struct sock_fprog program = {.len = (unsigned short)count, .filter = (struct sock_filter *)(uintptr_t)instructions};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -errno;
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    return result < 0 ? -errno : result;
}

#endif
