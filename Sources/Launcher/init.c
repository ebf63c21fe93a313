/*
 * Init: the parent side of BH_DIVIDE. It outlives whoever started the container, reaps, passes signals on, copies the
 * task's output and at last writes down how the task ended.
 *
 * Once set up it calls nothing but: read write pwrite64 pwritev sendto recvmsg ppoll wait4 kill ftruncate fallocate
 * clock_gettime close exit_group. The filter in the plan is written for this list.
 */
#include "launcher.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

enum {
    chunk = 16384,
    sink_chunk = 4096,          /* PIPE_BUF: what a pipe that polls writable takes without blocking */
    drain_max = 4 << 20,        /* bytes of one stream still read after the task has ended */
    hangup_retry = 100,         /* milliseconds until a terminal nobody has open is read again */
    hole_unit = 4096,           /* the block size of most file systems: less of a file gives nothing back */
    capability_kill = 5, process_one = 1,
};

struct log {
    int file[2], current, fresh; /* fresh: the next file is known to be empty */
    uint64_t limit, offset, sequence, dropped, unreported;
};
struct source {
    int from, sink, sink_is_socket, sink_is_file, hung;
    uint64_t limit, offset, kept; /* of a sink that is a file: bytes to keep (0: all), its size, where they begin */
    uint32_t stream, start, end, drained;
    char bytes[chunk];          /* start..<end is read and logged but not in the sink yet */
};
static struct {
    pid_t task;
    int is_process_one, signals, terminal, exit_record, ended, status, start; /* start: hangs up at execve */
    struct log log;
    struct source source[2];    /* output or terminal, error */
} init;

static uint64_t now(void) {
    struct timespec time = { 0, 0 };
    (void)clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* --- the log ------------------------------------------------------------------------------------------------ */

static int switch_file(struct log *log) {
    int next = !log->current;
    struct bh_log_header header = { BH_LOG_MAGIC, 1, log->sequence + 1 };
    /* ext4 writes a file out at once when it is closed after a truncation to nothing, and that costs a millisecond. */
    if (!log->fresh && ftruncate(log->file[next], 0) < 0) return -1;
    log->fresh = 0;
    if (pwrite(log->file[next], &header, sizeof header, 0) != (ssize_t)sizeof header) return -1;
    log->current = next;
    log->sequence++;
    log->offset = sizeof header;
    return 0;
}

/* A record is there as a whole or not at all. */
static int put_record(struct log *log, uint32_t stream, const char *bytes, uint32_t length, uint32_t said) {
    struct bh_log_record record = { now(), said, stream };
    struct iovec vector[2] = { { &record, sizeof record }, { (void *)(uintptr_t)bytes, length } };
    if (log->offset + sizeof record + length > log->limit && switch_file(log) < 0) return -1;
    int file = log->file[log->current];
    if (pwritev(file, vector, 2, (off_t)log->offset) == (ssize_t)(sizeof record + length)) {
        log->offset += sizeof record + length;
        return 0;
    }
    if (ftruncate(file, (off_t)log->offset) < 0) log->offset = log->limit; /* leave the torn file for the other one */
    return -1;
}

/* A full disk costs lines, never the task: what could not be written is counted and said as soon as that works. */
static void append(struct log *log, uint32_t stream, const char *bytes, uint32_t length) {
    if (log->file[0] < 0) return;
    uint32_t most = log->limit < 2 * chunk ? (uint32_t)log->limit - 64 : chunk;
    while (length > 0) {
        uint32_t piece = length < most ? length : most;
        uint32_t lost = log->unreported < UINT32_MAX ? (uint32_t)log->unreported : UINT32_MAX;
        int written = -1;
        if (!lost || put_record(log, BH_STREAM_DROPPED, NULL, 0, lost) == 0) {
            log->unreported -= lost;
            written = put_record(log, stream, bytes, piece, piece);
        }
        if (written < 0) {
            log->dropped += piece;
            log->unreported += piece;
        }
        bytes += piece;
        length -= piece;
    }
}

/* --- copying ------------------------------------------------------------------------------------------------ */

static void drop_sink(struct source *source) {
    source->sink = -1;
    source->start = source->end = 0;
}

static void fill(struct source *source) {
    ssize_t count = read(source->from, source->bytes, sizeof source->bytes);
    if (count > 0) {
        append(&init.log, source->stream, source->bytes, (uint32_t)count);
        source->hung = 0;
        source->end = source->sink < 0 ? 0 : (uint32_t)count;
        if (init.ended) source->drained += (uint32_t)count;
    } else if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    } else if (count < 0 && errno == EIO && !init.ended) {
        source->hung = 1; /* no process has the terminal open just now; the task may open /dev/tty again */
    } else {
        (void)close(source->from);
        source->from = -1;
    }
}

/* The oldest part of a long file becomes a hole, some of it at a time: what is kept stays where it is. */
static void trim(struct source *source) {
    if (!source->limit || source->offset - source->kept <= source->limit) return;
    uint64_t end = (source->offset - source->limit / 4 * 3) & ~(uint64_t)(hole_unit - 1);
    if (end <= source->kept) return;
    if (fallocate(source->sink, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)source->kept,
                  (off_t)(end - source->kept)) == 0)
        source->kept = end;
}

static void flush(struct source *source) {
    const char *bytes = source->bytes + source->start;
    size_t size = source->end - source->start;
    if (size > sink_chunk && !source->sink_is_file) size = sink_chunk;
    ssize_t count = source->sink_is_socket ? sendto(source->sink, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0)
                                           : write(source->sink, bytes, size);
    if (count >= 0) {
        source->start += (uint32_t)count;
        source->offset += (uint64_t)count;
        if (source->start == source->end) source->start = source->end = 0;
        trim(source);
    } else if (source->sink_is_file && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
        init.log.dropped += size; /* a full disk costs output, never the task, and there may be room later */
        source->start = source->end = 0;
    } else if (errno != EAGAIN && errno != EINTR) {
        drop_sink(source);
    }
}

/* --- the task ----------------------------------------------------------------------------------------------- */

static void write_exit_record(uint64_t ended_at) {
    struct bh_exit_record record = { BH_EXIT_MAGIC, init.status, ended_at, init.log.dropped, 0 };
    if (init.exit_record >= 0 && pwrite(init.exit_record, &record, sizeof record, 0) < 0)
        return; /* our own exit status still says it */
}

static void reap(void) {
    int status;
    pid_t process;
    while ((process = wait4(-1, &status, WNOHANG, NULL)) > 0) {
        if (process != init.task) continue;
        init.status = status;
        init.ended = 1;
    }
}

/* Whether init could be held up before its end by somebody who does not read. */
static int may_linger(void) {
    for (int i = 0; i < 2; i++)
        if (init.source[i].sink >= 0 && !init.source[i].sink_is_file) return 1;
    return 0;
}

/*
 * Nothing of the container survives the task. Killing again each time catches what was being forked meanwhile. Without
 * a child there is nobody but who joined from outside, and those end with init itself, pid_namespaces(7), which comes
 * next: to find them with kill(2) the kernel looks at every process of the host.
 */
static void end_everything(void) {
    int status;
    if (!init.is_process_one) return;
    if (!may_linger() && wait4(-1, &status, WNOHANG, NULL) < 0 && errno == ECHILD) return;
    do (void)kill(-1, SIGKILL);
    while (wait4(-1, &status, 0, NULL) > 0 || errno == EINTR);
}

static void take_signal(void) {
    struct signalfd_siginfo information;
    if (read(init.signals, &information, sizeof information) != (ssize_t)sizeof information) return;
    int number = (int)information.ssi_signo;
    /* Whoever is in the container may stop what joins it, and would hold up all that wait for the join. */
    if (number == SIGCHLD && information.ssi_code == CLD_STOPPED && init.start >= 0
        && ppoll(&(struct pollfd){ init.start, POLLIN, 0 }, 1, &(struct timespec){ 0, 0 }, NULL) == 0)
        (void)kill(init.task, SIGKILL);
    if (number == SIGCHLD) return reap();
    if (number == BH_ORDER_SIGNAL && information.ssi_code == SI_QUEUE) {
        /* Seen from process one, whoever is outside has no process id; the container cannot give orders. */
        if (init.is_process_one && information.ssi_pid != 0) return;
        number = information.ssi_int;
    }
    if (number < 1 || number > 64) return;
    if (!init.task) {
        init.status = number; /* nothing but this end was there to be held up */
        init.ended = information.ssi_signo == BH_ORDER_SIGNAL;
    } else if (!init.ended) {
        /* A kill, or the end of whoever held the line, means all of a joined process's group, if it leads one yet. */
        int all = !init.is_process_one && (number == SIGKILL || information.ssi_signo == SIGHUP);
        if (!all || kill(-init.task, number) < 0) (void)kill(init.task, number);
    } else for (int i = 0; i < 2; i++) drop_sink(&init.source[i]); /* someone is tired of waiting for a stuck sink */
}

static struct pollfd wanted(const struct source *source, int *pending, int *hung) {
    if (source->end > source->start) {
        *pending = 1;
        return (struct pollfd){ source->sink, POLLOUT, 0 };
    }
    if (source->hung) *hung = 1;
    if (source->drained >= drain_max) return (struct pollfd){ -1, 0, 0 };
    return (struct pollfd){ source->from, POLLIN, 0 };
}

/* One round of waiting and copying; 0 when the task has ended and nothing is left to copy. */
static int turn(int retrying) {
    int pending = 0, hung = 0;
    struct pollfd polls[4] = { { init.signals, POLLIN, 0 }, { init.terminal, POLLIN, 0 } };
    for (int i = 0; i < 2; i++) {
        polls[2 + i] = wanted(&init.source[i], &pending, &hung);
        if (init.source[i].hung && retrying && !init.ended) polls[2 + i].fd = -1;
    }
    struct timespec soon = { 0, init.ended ? 0 : hangup_retry * 1000000L };
    int count = ppoll(polls, 4, (init.ended && !pending) || (hung && retrying) ? &soon : NULL, NULL);
    if (count < 0) return 1;
    if (count == 0) return !(init.ended && !pending);
    if (polls[1].revents) {
        char byte;
        size_t arrived;
        if (receive_descriptors(init.terminal, &byte, &init.source[0].from, 1, &arrived) <= 0) arrived = 0;
        if (!arrived) init.source[0].from = -1; /* the child ended before it had a terminal */
        (void)close(init.terminal);
        init.terminal = -1;
    }
    for (int i = 0; i < 2; i++) {
        if (!polls[2 + i].revents) continue;
        if (polls[2 + i].events == POLLOUT) flush(&init.source[i]);
        else fill(&init.source[i]);
    }
    if (polls[0].revents) take_signal();
    return 1;
}

__attribute__((noreturn)) static void run_init(void) {
    int ended = 0, retrying = 0;
    uint64_t ended_at = 0;
    while (turn(retrying)) {
        retrying = !retrying && (init.source[0].hung || init.source[1].hung);
        if (ended || !init.ended) continue;
        ended = 1;
        ended_at = now();
        end_everything();
        write_exit_record(ended_at); /* before the last copying: a kill during that loses nothing */
    }
    if (init.log.dropped) write_exit_record(ended_at);
    _exit(WIFSIGNALED(init.status) ? 128 + WTERMSIG(init.status) : WEXITSTATUS(init.status));
}

/* --- becoming init ------------------------------------------------------------------------------------------ */

static void close_all_but(const int kept[], int count) {
    for (unsigned from = 0;;) {
        unsigned next = ~0u;
        for (int i = 0; i < count; i++)
            if (kept[i] >= 0 && (unsigned)kept[i] >= from && (unsigned)kept[i] < next) next = (unsigned)kept[i];
        if (next > from) (void)syscall(SYS_close_range, from, next - 1, 0);
        if (next == ~0u) return;
        from = next + 1;
    }
}

/* Init needs nothing but to signal tasks of other users, so that is all it can do. Their environment is not its. */
static int harden(struct launch *launch, struct block filter) {
    static uint8_t program[BH_FILTER_BYTES_MAX];
    struct sigaction ignore;
    memset(&ignore, 0, sizeof ignore);
    ignore.sa_handler = SIG_IGN;
    if (filter.length) memcpy(program, filter.bytes, filter.length);
    const int kept[] = { launch->report, init.signals, init.terminal, init.exit_record, init.log.file[0],
                         init.log.file[1], init.source[0].from, init.source[0].sink, init.source[1].from,
                         init.source[1].sink, init.start };
    close_all_but(kept, sizeof kept / sizeof *kept);
    if (sigaction(SIGPIPE, &ignore, NULL) < 0 || sigaction(SIGXFSZ, &ignore, NULL) < 0) return -1;
    if (munmap((void *)(uintptr_t)launch->plan.bytes, launch->plan.length) < 0 || chdir("/") < 0) return -1;
    if (prctl(PR_SET_NAME, "bulkhead-init", 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -1;
    const uint64_t kill_only = 1ull << capability_kill;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
    if (set_capabilities(kill_only, kill_only, 0) < 0 || set_no_new_privileges() < 0) return -1;
    return filter.length ? install_filter(0, (struct block){ program, filter.length }) : 0;
}

__attribute__((noreturn)) static void become_init(struct launch *launch, const sigset_t *signals, struct block filter) {
    init.signals = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (init.signals < 0 || harden(launch, filter) < 0) {
        int error = errno;
        if (init.task) (void)kill(init.task, SIGKILL);
        report(launch, launch->step, error, BH_PART_CONFIGURE);
        _exit(BH_EXIT_NOT_EXECUTABLE);
    }
    (void)close(launch->report);
    /* A fresh file begins with its first record: a task that says nothing leaves nothing to write or to take back. */
    if (init.log.file[0] >= 0 && !init.log.fresh) (void)switch_file(&init.log);
    run_init();
}

/* Pipes for output and error, or a socket over which the terminal's master will come. */
static int make_channels(struct launch *launch, uint32_t flags, const int sinks[2], const uint64_t limits[2]) {
    struct stat status;
    int pair[2] = { -1, -1 };
    init.terminal = -1;
    if (!init.is_process_one && pipe2(pair, O_CLOEXEC) < 0) return -1;
    init.start = pair[0];
    for (int i = 0; i < 2; i++) {
        struct source *source = &init.source[i];
        *source = (struct source){ .from = -1, .sink = sinks[i], .stream = i ? BH_STREAM_ERR : BH_STREAM_OUT };
        if (sinks[i] >= 0 && fstat(sinks[i], &status) < 0) return -1;
        source->sink_is_socket = sinks[i] >= 0 && S_ISSOCK(status.st_mode);
        source->sink_is_file = sinks[i] >= 0 && S_ISREG(status.st_mode);
        source->offset = source->sink_is_file ? (uint64_t)status.st_size : 0;
        source->limit = source->sink_is_file ? limits[i] : 0;
        if (!(flags & BH_DIVIDE_PUMP) || (flags & BH_DIVIDE_TERMINAL)) continue;
        if (pipe2(pair, O_CLOEXEC) < 0) return -1;
        source->from = pair[0];
        launch->output[i] = pair[1];
    }
    if (!(flags & BH_DIVIDE_PUMP) || !(flags & BH_DIVIDE_TERMINAL)) return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -1;
    init.terminal = pair[0];
    launch->init = pair[1];
    return 0;
}

int step_divide(struct launch *launch, struct cursor *payload) {
    uint32_t flags = take_number(payload);
    init.exit_record = take_descriptor(payload);
    init.log = (struct log){ .file = { take_descriptor(payload), -1 }, .current = 1 };
    init.log.file[1] = take_descriptor(payload);
    init.log.limit = init.log.offset = take_wide(payload);
    int sinks[2] = { take_descriptor(payload), -1 };
    sinks[1] = take_descriptor(payload);
    uint64_t limits[2] = { take_wide(payload), 0 };
    limits[1] = take_wide(payload);
    struct block filter = take_block(payload);
    init.is_process_one = (flags & BH_DIVIDE_INIT) != 0;
    launch->part = BH_PART_VERIFY; /* kill(-1) from anywhere else would be the end of the host */
    if (init.is_process_one && getpid() != process_one) { errno = EINVAL; return -1; }
    launch->part = BH_PART_OPEN;
    if (make_channels(launch, flags, sinks, limits) < 0) return -1;
    struct stat log;
    init.log.fresh = init.log.file[0] >= 0 && fstat(init.log.file[0], &log) == 0 && log.st_size == 0;

    sigset_t signals, before;
    (void)sigfillset(&signals);
    (void)sigdelset(&signals, SIGPIPE); /* our own writes raise these two */
    (void)sigdelset(&signals, SIGXFSZ);
    if (sigprocmask(SIG_SETMASK, &signals, &before) < 0) return -1;
    launch->part = BH_PART_CREATE;
    if (!(flags & BH_DIVIDE_HOLD)) init.task = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (init.task < 0) return -1;
    if (init.task > 0 || (flags & BH_DIVIDE_HOLD)) become_init(launch, &signals, filter);

    if (launch->moved) launch->procfs = close_after(-1, launch->procfs);
    for (int i = 0; i < 2; i++)
        if (init.source[i].from >= 0) (void)close(init.source[i].from);
    if (init.terminal >= 0) (void)close(init.terminal);
    if (sigprocmask(SIG_SETMASK, &before, NULL) < 0) return -1;
    return lead_session();
}
