/* The listener of a seccomp filter, seccomp_unotify(2). There is no way here to let a call go on: a process may change
 * what its pointers lead to after we have looked. */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

int bh_call_receive(int listener, struct bh_call *call) {
    struct seccomp_notif notification;
    memset(&notification, 0, sizeof notification);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0) return -1;
    call->id = notification.id;
    call->thread = (int32_t)notification.pid;
    call->number = (uint32_t)notification.data.nr;
    call->architecture = notification.data.arch;
    memcpy(call->arguments, notification.data.args, sizeof call->arguments);
    return 0;
}

int bh_call_is_valid(int listener, uint64_t id) { return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id); }

int bh_call_answer(int listener, uint64_t id, int64_t value, int32_t error) {
    struct seccomp_notif_resp answer;
    memset(&answer, 0, sizeof answer);
    answer.id = id;
    answer.val = value;
    answer.error = -error;
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

int bh_poll_many(const int32_t *descriptors, int16_t *events, uint32_t count) {
    struct pollfd entries[BH_POLL_MAX];
    if (count > BH_POLL_MAX) { errno = EINVAL; return -1; }
    for (uint32_t i = 0; i < count; i++) entries[i] = (struct pollfd){ descriptors[i], POLLIN, 0 };
    int result = poll(entries, count, -1);
    for (uint32_t i = 0; i < count && result >= 0; i++) events[i] = entries[i].revents;
    return result;
}
