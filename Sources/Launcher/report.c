/* What the launcher tells the process that started it, and descriptors sent over sockets. */
#include "launcher.h"

#include <sys/socket.h>

/* write(2) and nothing else: under the task's filter even sendmsg may be forbidden. */
void report(struct launch *launch, uint32_t step, int error, uint32_t detail) {
    struct bh_report message = { BH_REPORT_FAILED, step, error, detail };
    if (launch->report >= 0 && write(launch->report, &message, sizeof message) < 0)
        return; /* nobody listens any more; the exit status is all that is left */
}

int send_descriptor(int socket, const void *bytes, size_t size, int descriptor) {
    union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control;
    struct iovec vector = { (void *)(uintptr_t)bytes, size };
    struct msghdr message = { 0 };
    memset(&control, 0, sizeof control);
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/*
 * One byte and the descriptors that came with it, at most `most`. Returns what recvmsg(2) does; more descriptors than
 * that are EMSGSIZE.
 */
ssize_t receive_descriptors(int socket, char *byte, int descriptors[], size_t most, size_t *count) {
    static union { struct cmsghdr header; char space[CMSG_SPACE(BH_PLAN_DESCRIPTORS_MAX * sizeof(int))]; } control;
    struct iovec vector = { byte, 1 };
    struct msghdr message = { 0 };
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(most * sizeof(int));
    *count = 0;
    ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (size <= 0) return size;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        *count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    if ((message.msg_flags & MSG_CTRUNC) || *count > most) { errno = EMSGSIZE; return -1; }
    if (*count) memcpy(descriptors, CMSG_DATA(header), *count * sizeof(int));
    return size;
}
