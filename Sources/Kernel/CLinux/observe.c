/*
 * What an audit asks of other processes and of cgroups: ptrace(2), waitpid(2), bpf(2). All of it must be called by one
 * thread, the tracer; nothing that is asked is changed.
 */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define BH_SECCOMP_GET_FILTER 0x420c

int bh_trace_begin(pid_t thread) {
    if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) != 0) return -1;
    if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) == 0) return 0;
    int number = errno;
    ptrace(PTRACE_DETACH, thread, NULL, NULL);
    errno = number;
    return -1;
}

int bh_trace_stopped(pid_t thread) {
    int status;
    pid_t changed = waitpid(thread, &status, __WALL | WNOHANG);
    if (changed <= 0) return (int)changed;
    return WIFSTOPPED(status) ? 1 : 2;
}

long bh_trace_filter(pid_t thread, unsigned long index, void *program) {
    return ptrace((enum __ptrace_request)BH_SECCOMP_GET_FILTER, thread, (void *)index, program);
}

int bh_trace_end(pid_t thread) { return (int)ptrace(PTRACE_DETACH, thread, NULL, NULL); }

int bh_device_programs(int group, uint32_t *identifiers, unsigned most) {
    union bpf_attr query;
    memset(&query, 0, sizeof query);
    query.query.target_fd = (uint32_t)group;
    query.query.attach_type = BPF_CGROUP_DEVICE;
    query.query.query_flags = BPF_F_QUERY_EFFECTIVE;
    query.query.prog_ids = (uint64_t)(uintptr_t)identifiers;
    query.query.prog_cnt = most;
    if (bh_bpf(BPF_PROG_QUERY, &query, sizeof query) < 0) return -1;
    return (int)query.query.prog_cnt;
}

int bh_program_bytes(uint32_t identifier, void *bytes, unsigned size) {
    union bpf_attr request;
    memset(&request, 0, sizeof request);
    request.prog_id = identifier;
    int program = (int)bh_bpf(BPF_PROG_GET_FD_BY_ID, &request, sizeof request);
    if (program < 0) return -1;
    struct bpf_prog_info info;
    memset(&info, 0, sizeof info);
    info.xlated_prog_insns = (uint64_t)(uintptr_t)bytes;
    info.xlated_prog_len = size;
    memset(&request, 0, sizeof request);
    request.info.bpf_fd = (uint32_t)program;
    request.info.info_len = sizeof info;
    request.info.info = (uint64_t)(uintptr_t)&info;
    long result = bh_bpf(BPF_OBJ_GET_INFO_BY_FD, &request, sizeof request);
    int number = errno;
    close(program);
    errno = number;
    return result < 0 ? -1 : (int)info.xlated_prog_len;
}
