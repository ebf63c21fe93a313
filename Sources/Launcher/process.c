/* Steps about the process itself and what it sees: namespaces, session, names, limits, the filter, the program. */
#include "launcher.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum { keyctl_join_session = 1, seccomp_set_filter = 1, path_max = 4096, decimal_max = 12 };

/* What was opened in other namespaces says nothing about the new ones. */
static void forget_places(struct launch *launch) {
    launch->moved = 1;
    if (launch->procfs >= 0) (void)close(launch->procfs);
    launch->procfs = -1;
    if (launch->attached) return;
    if (launch->root >= 0) (void)close(launch->root);
    launch->root = -1;
}

int step_join(struct launch *launch, struct cursor *payload) {
    int namespace = take_descriptor(payload);
    if (setns(namespace, (int)take_number(payload)) < 0) return -1;
    forget_places(launch);
    return 0;
}

int step_unshare(struct launch *launch, struct cursor *payload) {
    if (unshare((int)take_number(payload)) < 0) return -1;
    forget_places(launch);
    return 0;
}

/* The ambient capabilities are what brought us through exec as an unmapped user (spawn.c); root needs none. */
int step_become_root(struct launch *launch, struct cursor *payload) {
    (void)launch, (void)payload;
    if (syscall(SYS_setgroups, 0, NULL) < 0) return -1;
    if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0) return -1;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

int lead_session(void) {
    if (getsid(0) == getpid()) return 0;
    return setsid() < 0 ? -1 : 0;
}

int step_begin_session(struct launch *launch, struct cursor *payload) {
    (void)launch;
    unsigned long signal = take_number(payload);
    if (lead_session() < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -1;
    return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0);
}

int step_set_umask(struct launch *launch, struct cursor *payload) {
    (void)launch;
    (void)umask(take_number(payload));
    return 0;
}

int step_set_hostname(struct launch *launch, struct cursor *payload) {
    (void)launch;
    struct text name = take_text(payload);
    return sethostname(name.bytes, name.length);
}

int step_set_domainname(struct launch *launch, struct cursor *payload) {
    (void)launch;
    struct text name = take_text(payload);
    return setdomainname(name.bytes, name.length);
}

int step_sysctl(struct launch *launch, struct cursor *payload) {
    static const char directory[] = "sys/";
    char path[path_max];
    struct text name = take_text(payload), value = take_text(payload);
    if (name.length + sizeof directory > sizeof path) { errno = ENAMETOOLONG; return -1; }
    memcpy(path, directory, sizeof directory - 1);
    memcpy(path + sizeof directory - 1, name.bytes, name.length + 1);
    return write_proc(launch, path, value.bytes, value.length);
}

int step_limit(struct launch *launch, struct cursor *payload) {
    uint32_t resource = take_number(payload);
    struct { uint64_t soft, hard; } wanted = { take_wide(payload), 0 }, found = { 0, 0 };
    wanted.hard = take_wide(payload);
    if (syscall(SYS_prlimit64, 0, resource, &wanted, NULL) < 0) return -1;
    launch->part = BH_PART_VERIFY;
    if (syscall(SYS_prlimit64, 0, resource, NULL, &found) < 0) return -1;
    if (found.soft == wanted.soft && found.hard == wanted.hard) return 0;
    errno = EPERM;
    return -1;
}

/* Writes `value` before `end` and returns where it begins. */
static char *decimal(char *end, int64_t value) {
    uint64_t rest = value < 0 ? (uint64_t)-value : (uint64_t)value;
    do *--end = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0) *--end = '-';
    return end;
}

/* The label counts for the program that is executed next. */
int step_set_label(struct launch *launch, struct cursor *payload) {
    char path[path_max], number[decimal_max];
    struct text file = take_text(payload), value = take_text(payload);
    const char *process = decimal(number + sizeof number, getpid());
    size_t length = (size_t)(number + sizeof number - process);
    if (length + 1 + file.length >= sizeof path) { errno = ENAMETOOLONG; return -1; }
    memcpy(path, process, length);
    path[length] = '/';
    memcpy(path + length + 1, file.bytes, file.length + 1);
    if (write_proc(launch, path, value.bytes, value.length) < 0) return -1;
    return check_label(launch, path, value);
}

int step_loopback_up(struct launch *launch, struct cursor *payload) {
    (void)payload;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    memcpy(request.ifr_name, "lo", 3);
    launch->part = BH_PART_OPEN;
    int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return -1;
    launch->part = BH_PART_CONFIGURE;
    int result = ioctl(socket_, SIOCGIFFLAGS, &request);
    if (result == 0) {
        request.ifr_flags |= IFF_UP;
        result = ioctl(socket_, SIOCSIFFLAGS, &request);
    }
    return close_after(result, socket_);
}

int step_new_keyring(struct launch *launch, struct cursor *payload) {
    (void)launch, (void)payload;
    return syscall(SYS_keyctl, keyctl_join_session, NULL) < 0 ? -1 : 0;
}

/* A task may be given a directory that its own user could not enter: shells begin in homes that are closed to them. */
int step_enter_directory(struct launch *launch, struct cursor *payload) {
    launch->entered = chdir(take_path(payload)) == 0;
    return 0;
}

/* A directory outside the root reads as "(unreachable)/...": a descriptor leaked to here (CVE-2024-21626). */
int step_working_directory(struct launch *launch, struct cursor *payload) {
    char path[path_max];
    launch->part = BH_PART_OPEN;
    const char *wanted = take_path(payload);
    if (!launch->entered && chdir(wanted) < 0) return -1;
    launch->part = BH_PART_VERIFY;
    if (syscall(SYS_getcwd, path, sizeof path) < 0) return -1;
    if (path[0] == '/') return 0;
    errno = EXDEV;
    return -1;
}

int install_filter(uint32_t flags, struct block program) {
    struct { unsigned short count; const void *instructions; } filter = {
        (unsigned short)(program.length / 8), program.bytes };
    return (int)syscall(SYS_seccomp, seccomp_set_filter, flags, &filter);
}

int step_install_filter(struct launch *launch, struct cursor *payload) {
    (void)launch;
    uint32_t flags = take_number(payload);
    return install_filter(flags, take_block(payload));
}

/* What execve(2) would take. A directory may be "executed" as well, which is to search it. */
static int is_program(const char *file) {
    struct stat status;
    if (faccessat(AT_FDCWD, file, X_OK, AT_EACCESS) || stat(file, &status)) return 0;
    errno = EACCES;
    return S_ISREG(status.st_mode);
}

/* Where execvpe(3) would look: the directories of PATH in turn; the most telling error of all of them is kept. */
static int find_program(const char *name, const char *path) {
    char file[path_max];
    size_t name_length = strlen(name);
    int error = ENOENT;
    if (strchr(name, '/')) return is_program(name) ? 0 : -1;
    while (*path) {
        size_t length = strcspn(path, ":");
        if (length && length + name_length + 2 <= sizeof file) {
            memcpy(file, path, length);
            file[length] = '/';
            memcpy(file + length + 1, name, name_length + 1);
            if (is_program(file)) return 0;
            if (errno == EACCES) error = EACCES;
        }
        path += length + (path[length] == ':');
    }
    errno = error;
    return -1;
}

/* execvpe(3) without its shell: the directories of PATH in turn; the most telling error of all of them is kept. */
static int execute_in_path(const char *path, const char *name, char *const arguments[], char *const environment[]) {
    char file[path_max];
    size_t name_length = strlen(name);
    int error = ENOENT;
    while (*path) {
        size_t length = strcspn(path, ":");
        if (length && length + name_length + 2 <= sizeof file) {
            memcpy(file, path, length);
            file[length] = '/';
            memcpy(file + length + 1, name, name_length + 1);
            (void)execve(file, arguments, environment);
            if (errno == EACCES) error = EACCES;
            else if (errno != ENOENT && errno != ENOTDIR) return -1;
        }
        path += length + (path[length] == ':');
    }
    errno = error;
    return -1;
}

/* Two lists as execve(2) wants them, and the PATH in the second. They last until the next ones are read. */
void read_program(struct cursor *payload, const char ***arguments, const char ***environment, const char **path) {
    static const char *held[2][BH_LIST_COUNT_MAX + 1];
    *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (int which = 0; which < 2; which++) {
        struct list list = take_list(payload);
        for (uint32_t i = 0; i < list.count; i++) {
            held[which][i] = take_path(&list.texts);
            if (which && !strncmp(held[which][i], "PATH=", 5)) *path = held[which][i] + 5;
        }
        held[which][list.count] = NULL;
    }
    *arguments = held[0];
    *environment = held[1];
}

int step_find_program(struct launch *launch, struct cursor *payload) {
    const char **arguments, **environment, *path;
    read_program(payload, &arguments, &environment, &path);
    if (find_program(arguments[0], path) == 0) return 0;
    launch->missing = errno == ENOENT;
    return -1;
}

int step_execute(struct launch *launch, struct cursor *payload) {
    const char **arguments, **environment, *path;
    read_program(payload, &arguments, &environment, &path);
    if (strchr(arguments[0], '/')) (void)execve(arguments[0], (char *const *)arguments, (char *const *)environment);
    else (void)execute_in_path(path, arguments[0], (char *const *)arguments, (char *const *)environment);
    launch->missing = errno == ENOENT;
    return -1;
}
