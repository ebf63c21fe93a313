/*
 * What the files of the launcher share. Rules that hold in all of them: no heap, no stdio, no call that is not
 * async-signal-safe, no decision that is not in the plan. A step returns 0, or -1 with errno set and `part` set.
 */
#ifndef BULKHEAD_LAUNCHER_H
#define BULKHEAD_LAUNCHER_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plan.h"
#include "inspection.h"

/* plan.c: reading a payload. A cursor that ran over its end is `bad` for good and gives zeros. */
struct cursor { const uint8_t *at, *end; int bad; };
struct text { const char *bytes; uint32_t length; };
struct list { uint32_t count; struct cursor texts; };
struct block { const uint8_t *bytes; uint32_t length; };

uint32_t take_number(struct cursor *cursor);
uint64_t take_wide(struct cursor *cursor);
struct text take_text(struct cursor *cursor);
struct list take_list(struct cursor *cursor);
struct block take_block(struct cursor *cursor);
struct block take_groups(struct cursor *cursor);
const char *take_path(struct cursor *cursor);      /* a text, as C has it */
int take_descriptor(struct cursor *cursor);        /* -1 for BH_NO_DESCRIPTOR */

/* A detached mount of which one or more copies are attached; see attach_copy. */
struct original { int tree; int placed; };

/* A file system of the kernel's that was made before its step, attached nowhere; -1 when the step has it. */
struct prepared { uint32_t step; int tree; };
enum { prepared_max = 16 };

struct launch {
    struct block plan;         /* the mapped plan, unmapped by init */
    int report;                /* BH_REPORT_DESCRIPTOR, or -1 */
    uint32_t step;             /* index of the step that runs */
    uint32_t part;             /* BH_PART_* */
    int root;                  /* the container's root, or -1: "/" not opened yet */
    int attached;              /* `root` is not "/" yet */
    int procfs;                /* a procfs of our own, or -1 */
    int moved;                 /* a namespace was joined or left: the next child may be in another pid namespace */
    struct original empty;     /* an empty read-only directory */
    struct original null;      /* the null device */
    int output[2];             /* write ends of init's pipes for 1 and 2, or -1 */
    int init;                  /* our end of init's socket for the terminal's master, or -1 */
    int pumped[3];             /* whether stream 0, 1, 2 is a pipe of init's */
    int missing;               /* the program to execute was not found */
    int entered;               /* the working directory is entered already */
    struct prepared prepared[prepared_max];
    uint32_t prepared_count;
};

/* report.c */
void report(struct launch *launch, uint32_t step, int error, uint32_t detail);
int send_descriptor(int socket, const void *bytes, size_t size, int descriptor);
ssize_t receive_descriptors(int socket, char *byte, int descriptors[], size_t most, size_t *count);

/* paths.c */
enum { absent_target = -2 };
int close_after(int result, int descriptor);       /* `result`, with errno as it was */
int root_descriptor(struct launch *launch);
int open_beneath(int directory, const char *path, uint64_t flags, uint64_t resolve);
int open_in_root(struct launch *launch, const char *path, uint32_t rules, uint64_t flags);
int find_target(struct launch *launch, const char *path, uint32_t rules, uint32_t kind);
int make_directory(struct launch *launch, const char *path, uint32_t mode, uint32_t uid, uint32_t gid);
int write_proc(struct launch *launch, const char *path, const char *value, size_t length);
ssize_t read_proc(struct launch *launch, const char *path, char *bytes, size_t size);
int check_null_device(int descriptor);

/* One function per operation, in the file of its subject; plan.c has the table. */
typedef int step_function(struct launch *launch, struct cursor *payload);
/* process.c */
step_function step_join, step_unshare, step_become_root, step_begin_session, step_set_umask, step_set_hostname;
step_function step_set_domainname, step_sysctl, step_limit, step_loopback_up, step_new_keyring;
step_function step_enter_directory, step_working_directory, step_install_filter, step_execute;
/* security.c */
step_function step_confine_writes;
int check_label(struct launch *launch, const char *path, struct text value);
/* mounts.c */
step_function step_propagation, step_attach_root, step_mount, step_attach, step_seal_path, step_mask;
step_function step_make_directory, step_root_attributes, step_enter_root;
/* credentials.c, streams.c, init.c */
step_function step_credentials, step_no_new_privileges, step_terminal, step_standard_streams;
step_function step_close_descriptors, step_divide;
/* bundle.c, hook.c, held.c: what only bundles ask for */
step_function step_set_propagation, step_set_attributes, step_make_node, step_make_link, step_change_root;
step_function step_take_root;
step_function step_bind_console, step_schedule, step_io_priority, step_personality, step_own_streams, step_set_label;
step_function step_memory_policy, step_detach;
step_function step_run_hook, step_find_program, step_await_start, step_listening_filter;
/* device.c: an errand of the emulator */
step_function step_place_device;
/* copy.c */
int copy_tree(int from, int to);

int prepare_steps(struct launch *launch);
int run_steps(struct launch *launch);
int abandon_root(struct launch *launch);
void prepare_mount(struct launch *launch, uint32_t step, struct cursor *payload);
void prepare_procfs(struct launch *launch);
int park_descriptor(int descriptor);
int move_tree(int tree, int target);
int set_mount(int tree, uint64_t set, uint64_t clear, uint64_t propagation, int recursive);
int make_in_root(struct launch *launch, const char *path, char name[], int *parent);
void read_program(struct cursor *payload, const char ***arguments, const char ***environment, const char **path);
int lead_session(void);
int install_filter(uint32_t flags, struct block program);
int set_no_new_privileges(void);
int set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable);

/* Kernel values that musl's headers lack or name differently from version to version. */
enum {
    tree_clone = 1, tree_cloexec = 02000000, at_recursive = 0x8000, at_empty = 0x1000,
    move_from_empty = 4, move_to_empty = 0x40,
    set_flag = 0, set_string = 1, command_create = 6,
    resolve_no_xdev = 1, resolve_no_magiclinks = 2, resolve_no_symlinks = 4, resolve_beneath = 8, resolve_in_root = 16,
    close_range_cloexec = 4,
};
#define MOUNT_READ_ONLY 1u
#define MOUNT_NO_SETUID 2u
#define MOUNT_NO_DEVICES 4u
#define MOUNT_NO_EXECUTE 8u
#define MOUNT_TIMES 0x70u

#endif
