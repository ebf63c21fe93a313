/* What security modules put the task under: the label it is executed with, and Landlock, landlock(7). */
#include "launcher.h"

enum { label_max = 4096 };
enum { create_ruleset = 444, add_rule = 445, restrict_self = 446, path_beneath = 1, abi_flag = 1 };

/* LANDLOCK_ACCESS_FS_*: everything that changes something. */
enum {
    write_file = 1 << 1, remove_directory = 1 << 4, remove_file = 1 << 5, make_character = 1 << 6,
    make_directory_ = 1 << 7, make_regular = 1 << 8, make_socket = 1 << 9, make_fifo = 1 << 10, make_block = 1 << 11,
    make_link = 1 << 12, refer = 1 << 13, truncate_file = 1 << 14,
    writes_first = write_file | remove_directory | remove_file | make_character | make_directory_ | make_regular
        | make_socket | make_fifo | make_block | make_link,
};

/* The module answers with the label's name, and AppArmor with its mode behind it. */
static int is_same(const char *answer, size_t length, const char *wanted, size_t wanted_length) {
    if (length < wanted_length || memcmp(answer, wanted, wanted_length) != 0) return 0;
    return length == wanted_length || answer[wanted_length] == 0 || answer[wanted_length] == ' '
        || answer[wanted_length] == '\n';
}

/* Whether the module has taken the order: what was written to its file is read back. */
int check_label(struct launch *launch, const char *path, struct text value) {
    static const char order[] = "exec ";
    char answer[label_max];
    ssize_t length = read_proc(launch, path, answer, sizeof answer);
    if (length < 0) return -1;
    size_t skipped = value.length > sizeof order - 1 && !memcmp(value.bytes, order, sizeof order - 1)
        ? sizeof order - 1 : 0;
    if (is_same(answer, (size_t)length, value.bytes + skipped, value.length - skipped)) return 0;
    errno = EPERM;
    return -1;
}

static int allow_below(struct launch *launch, int ruleset, const char *path, uint64_t rights) {
    struct { uint64_t allowed; int32_t parent; } __attribute__((packed)) rule = { rights, -1 };
    launch->part = BH_PART_RESOLVE;
    rule.parent = open_in_root(launch, path, 0, O_PATH);
    if (rule.parent < 0) return errno == ENOENT ? 0 : -1;
    launch->part = BH_PART_CONFIGURE;
    struct stat status;
    if (fstat(rule.parent, &status) < 0) return close_after(-1, rule.parent);
    if (!S_ISDIR(status.st_mode)) rule.allowed &= write_file | truncate_file;
    return close_after((int)syscall(add_rule, ruleset, path_beneath, &rule, 0), rule.parent);
}

/* Rights that this kernel does not know it does not take away either; REFER (ABI 2) without which files cannot be moved
 * between directories at all is asked for. */
int step_confine_writes(struct launch *launch, struct cursor *payload) {
    struct list paths = take_list(payload);
    launch->part = BH_PART_OPEN;
    long abi = syscall(create_ruleset, NULL, 0, abi_flag);
    if (abi < 0) return -1;
    if (abi < 2) { errno = ENOSYS; return -1; }
    uint64_t rights = writes_first | refer | (abi >= 3 ? truncate_file : 0);
    int ruleset = (int)syscall(create_ruleset, &rights, sizeof rights, 0), result = ruleset < 0 ? -1 : 0;
    if (result == 0) result = allow_below(launch, ruleset, "/dev", write_file | (rights & truncate_file));
    for (uint32_t i = 0; i < paths.count && result == 0; i++)
        result = allow_below(launch, ruleset, take_path(&paths.texts), rights);
    if (result == 0) {
        launch->part = BH_PART_WHOLE;
        result = (int)syscall(restrict_self, ruleset, 0);
    }
    return close_after(result, ruleset);
}
