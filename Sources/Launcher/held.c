/*
 * Created is not started: the process waits with everything done but what only the program itself should meet, and
 * whoever lets it go on hears how that went.
 */
#include "launcher.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

enum { taken_seconds = 10, seccomp_set_filter = 1, new_listener = 8 };

/* As process 1 of a pid namespace we get only what we have a handler for; exec takes the handlers away again. */
static void end(int signal_number) { _exit(128 + signal_number); }

static int heed_signals(void) {
    static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM };
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = end;
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        if (sigaction(ending[i], &action, NULL) < 0) return -1;
    return 0;
}

int step_await_start(struct launch *launch, struct cursor *payload) {
    int listener = take_descriptor(payload), connection;
    /*
     * Nothing that was brought along stays open for as long as somebody takes to start us: the plan is mapped, the
     * masks are where they belong. Not earlier: what is opened next would get the plan's number.
     */
    (void)close(BH_PLAN_DESCRIPTOR);
    if (launch->empty.tree >= 0) (void)close(launch->empty.tree);
    if (launch->null.tree >= 0) (void)close(launch->null.tree);
    launch->empty.tree = launch->null.tree = -1;
    struct bh_report message = { BH_REPORT_CREATED, launch->step, 0, 0 };
    if (heed_signals() < 0) return -1;
    launch->part = BH_PART_WRITE;
    if (launch->report >= 0 && write(launch->report, &message, sizeof message) < 0) return -1;
    (void)close(launch->report);
    launch->report = -1;
    launch->part = BH_PART_WHOLE;
    do connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (connection < 0 && errno == EINTR);
    if (connection < 0) return -1;
    /* The number of the old one: what is kept for the task has the ones after it. */
    if (connection != BH_REPORT_DESCRIPTOR) {
        launch->report = dup3(connection, BH_REPORT_DESCRIPTOR, O_CLOEXEC);
        (void)close(connection);
    } else launch->report = connection;
    return launch->report < 0 ? -1 : close(listener);
}

/* Behind an init we are not the process that was started; only we ourselves can say which one has the listener. */
static int send_self(struct launch *launch) {
    struct bh_report message = { BH_REPORT_PROCESS, launch->step, 0, 0 };
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (self < 0) return -1;
    return close_after(send_descriptor(launch->report, &message, sizeof message, self), self);
}

/*
 * The filter may hand any system call to a listener that nobody listens at yet, so from the filter on there is none
 * until whoever reads our reports has taken it: a shared word says so; the clock is read without the kernel (vdso(7)).
 */
int step_listening_filter(struct launch *launch, struct cursor *payload) {
    uint32_t flags = take_number(payload);
    struct block program = take_block(payload);
    struct { unsigned short count; const void *instructions; } filter = {
        (unsigned short)(program.length / 8), program.bytes };
    struct timespec start, now;
    launch->part = BH_PART_OPEN;
    if (send_self(launch) < 0) return -1;
    launch->part = BH_PART_CREATE;
    int file = (int)syscall(SYS_memfd_create, "bulkhead-listener", 1u);
    if (file < 0 || ftruncate(file, 4096) < 0) return -1;
    volatile uint32_t *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (word == MAP_FAILED) return -1;
    int next = fcntl(launch->report, F_DUPFD_CLOEXEC, 0);
    if (next < 0) return -1;
    (void)close(next);
    launch->part = BH_PART_WRITE;
    struct bh_report message = { BH_REPORT_LISTENER, launch->step, 0, (uint32_t)next };
    if (send_descriptor(launch->report, &message, sizeof message, file) < 0) return -1;
    launch->part = BH_PART_WHOLE;
    if (clock_gettime(CLOCK_MONOTONIC, &start) < 0) return -1;
    int listener = (int)syscall(SYS_seccomp, seccomp_set_filter, flags | new_listener, &filter);
    if (listener < 0) {
        *word = BH_LISTENER_FAILED | (uint32_t)errno;
        return -1;
    }
    __atomic_store_n((uint32_t *)(uintptr_t)word, BH_LISTENER_READY, __ATOMIC_SEQ_CST);
    do (void)clock_gettime(CLOCK_MONOTONIC, &now);
    while (*word != BH_LISTENER_TAKEN && now.tv_sec - start.tv_sec < taken_seconds);
    if (*word == BH_LISTENER_TAKEN) return 0;
    errno = ETIMEDOUT;
    return -1;
}
