/*
 * The decoder. The whole plan is walked once before its first step runs, with the functions the steps use later, so
 * that a step never meets a payload it cannot read.
 */
#include "launcher.h"

enum { descriptor_end = BH_FIRST_PLAN_DESCRIPTOR + BH_PLAN_DESCRIPTORS_MAX };

/* The fields of every operation: 4 u32 or i32, 8 u64, d fd, D fd that must be there, t text, l list, b bytes, g u32
 * groups. */
static const char *const fields_of[] = {
    [BH_JOIN] = "D4", [BH_UNSHARE] = "4", [BH_BECOME_ROOT] = "", [BH_BEGIN_SESSION] = "4", [BH_SET_UMASK] = "4",
    [BH_PROPAGATION] = "8", [BH_ATTACH_ROOT] = "Dt", [BH_MOUNT] = "tt84l", [BH_ATTACH] = "Dt44",
    [BH_SEAL_PATH] = "t84", [BH_MASK] = "tD", [BH_MAKE_DIRECTORY] = "t444", [BH_ROOT_ATTRIBUTES] = "884",
    [BH_ENTER_ROOT] = "", [BH_SET_HOSTNAME] = "t", [BH_SET_DOMAINNAME] = "t", [BH_SYSCTL] = "tt", [BH_LIMIT] = "488",
    [BH_LOOPBACK_UP] = "", [BH_NEW_KEYRING] = "", [BH_DIVIDE] = "4ddd8dd88b",
    [BH_TERMINAL] = "4444", [BH_STANDARD_STREAMS] = "ddd", [BH_CREDENTIALS] = "44g88888",
    [BH_NO_NEW_PRIVILEGES] = "", [BH_WORKING_DIRECTORY] = "t", [BH_CLOSE_DESCRIPTORS] = "4g",
    [BH_INSTALL_FILTER] = "4b", [BH_EXECUTE] = "ll", [BH_SET_PROPAGATION] = "t84", [BH_SET_ATTRIBUTES] = "t884",
    [BH_MAKE_NODE] = "t44444", [BH_MAKE_LINK] = "tt", [BH_RUN_HOOK] = "tllD4", [BH_AWAIT_START] = "D",
    [BH_BIND_CONSOLE] = "", [BH_SCHEDULE] = "4844888", [BH_IO_PRIORITY] = "4", [BH_PERSONALITY] = "8",
    [BH_FIND_PROGRAM] = "ll", [BH_CHANGE_ROOT] = "", [BH_OWN_STREAMS] = "44", [BH_LISTENING_FILTER] = "4b",
    [BH_SET_LABEL] = "tt", [BH_CONFINE_WRITES] = "l", [BH_PLACE_DEVICE] = "DDtD44g8",
    [BH_ENTER_DIRECTORY] = "t", [BH_MEMORY_POLICY] = "4b", [BH_DETACH] = "t",
    [BH_TAKE_ROOT] = "d",
};
enum { operation_count = sizeof fields_of / sizeof *fields_of };

static const uint8_t *take(struct cursor *cursor, uint32_t size) {
    const uint8_t *at = cursor->at;
    if (cursor->bad || (size_t)(cursor->end - at) < size) {
        cursor->bad = 1;
        return NULL;
    }
    cursor->at += size;
    return at;
}

uint32_t take_number(struct cursor *cursor) {
    const uint8_t *at = take(cursor, 4);
    uint32_t value = 0;
    if (at) memcpy(&value, at, sizeof value);
    return value;
}

uint64_t take_wide(struct cursor *cursor) {
    uint64_t low = take_number(cursor), high = take_number(cursor);
    return low | high << 32;
}

/* Whatever fills up to a multiple of 4 must be zero: every plan has exactly one encoding. */
static const uint8_t *take_padded(struct cursor *cursor, uint32_t length, uint32_t zeros) {
    if (length > BH_PLAN_BYTES_MAX) cursor->bad = 1;
    uint32_t size = cursor->bad ? 0 : (length + zeros + 3) & ~3u;
    const uint8_t *at = take(cursor, size);
    for (uint32_t i = length; at && i < size; i++)
        if (at[i]) cursor->bad = 1;
    return cursor->bad ? NULL : at;
}

struct text take_text(struct cursor *cursor) {
    uint32_t length = take_number(cursor);
    const char *bytes = (const char *)take_padded(cursor, length, 1);
    if (bytes && memchr(bytes, 0, length)) cursor->bad = 1;
    return cursor->bad ? (struct text){ "", 0 } : (struct text){ bytes, length };
}

const char *take_path(struct cursor *cursor) { return take_text(cursor).bytes; }

struct block take_block(struct cursor *cursor) {
    uint32_t length = take_number(cursor);
    const uint8_t *bytes = take_padded(cursor, length, 0);
    return cursor->bad ? (struct block){ NULL, 0 } : (struct block){ bytes, length };
}

struct list take_list(struct cursor *cursor) {
    struct list list = { take_number(cursor), *cursor };
    if (list.count > BH_LIST_COUNT_MAX) cursor->bad = 1;
    for (uint32_t i = 0; i < list.count && !cursor->bad; i++) (void)take_text(cursor);
    if (cursor->bad) list.count = 0;
    return list;
}

struct block take_groups(struct cursor *cursor) {
    uint32_t count = take_number(cursor);
    if (count > BH_GROUPS_MAX) cursor->bad = 1;
    const uint8_t *bytes = cursor->bad ? NULL : take(cursor, count * 4);
    return bytes ? (struct block){ bytes, count * 4 } : (struct block){ NULL, 0 };
}

int take_descriptor(struct cursor *cursor) {
    uint32_t number = take_number(cursor);
    if (number == BH_NO_DESCRIPTOR) return -1;
    if (number < BH_FIRST_PLAN_DESCRIPTOR || number >= descriptor_end) cursor->bad = 1;
    return cursor->bad ? -1 : (int)number;
}

static struct bh_field take_field(struct cursor *cursor, char kind) {
    struct bh_field field = { .kind = kind };
    struct block block = { NULL, 0 };
    switch (kind) {
    case '4': field.number = take_number(cursor); break;
    case '8': field.number = take_wide(cursor); break;
    case 'd': case 'D': {
        int descriptor = take_descriptor(cursor);
        field.number = (uint32_t)descriptor;
        if (descriptor < 0 && kind == 'D') cursor->bad = 1;
        break;
    }
    case 't': {
        struct text text = take_text(cursor);
        block = (struct block){ (const uint8_t *)text.bytes, text.length };
        break;
    }
    case 'l': {
        struct list list = take_list(cursor);
        field.number = list.count;
        block = (struct block){ list.texts.at, (uint32_t)(cursor->at - list.texts.at) };
        break;
    }
    case 'b': block = take_block(cursor); break;
    default:
        block = take_groups(cursor);
        field.number = block.length / 4;
    }
    field.bytes = block.bytes;
    field.length = block.length;
    return field;
}

static int is_filter(uint32_t length) { return length % 8 == 0 && length <= BH_FILTER_BYTES_MAX; }

/* Rules about the values of one step; `field` holds what `fields_of` names. */
static int check_values(uint32_t operation, const struct bh_field field[]) {
    switch (operation) {
    case BH_MOUNT: return field[0].length && field[2].number <= UINT32_MAX && field[3].number <= BH_TARGET_RULES;
    case BH_ATTACH: return field[2].number <= BH_KIND_FILE && field[3].number <= BH_TARGET_RULES;
    case BH_SEAL_PATH: return field[2].number <= BH_TARGET_RULES;
    case BH_MAKE_DIRECTORY: return field[1].number <= 07777;
    case BH_SET_UMASK: return field[0].number <= 0777;
    case BH_BEGIN_SESSION: return field[0].number <= 64;
    case BH_ROOT_ATTRIBUTES: return field[2].number <= 1;
    case BH_DIVIDE:
        return field[0].number <= 15 && is_filter(field[9].length)
            && (field[2].number == BH_NO_DESCRIPTOR) == (field[3].number == BH_NO_DESCRIPTOR)
            && (field[2].number == BH_NO_DESCRIPTOR || field[4].number >= BH_LOG_BYTES_MIN);
    case BH_TERMINAL: return field[0].number <= UINT16_MAX && field[1].number <= UINT16_MAX;
    case BH_CLOSE_DESCRIPTORS: return field[0].number <= BH_PLAN_DESCRIPTORS_MAX;
    case BH_INSTALL_FILTER: case BH_LISTENING_FILTER: return field[1].length && is_filter(field[1].length);
    case BH_SET_PROPAGATION: return field[2].number <= 1;
    case BH_MEMORY_POLICY: return field[1].length % 8 == 0;
    case BH_SET_ATTRIBUTES: return field[3].number <= 1;
    case BH_RUN_HOOK: return field[0].length > 0;
    case BH_FIND_PROGRAM: case BH_EXECUTE:
        return field[0].number > 0 && memcmp(field[0].bytes, "\0\0\0\0", 4) != 0; /* a name */
    default: return 1;
    }
}

static int check_step(uint32_t operation, struct cursor payload) {
    struct bh_field field[10];
    if (operation == 0 || operation >= operation_count || !fields_of[operation]) return 0;
    for (unsigned i = 0; fields_of[operation][i]; i++) field[i] = take_field(&payload, fields_of[operation][i]);
    return !payload.bad && payload.at == payload.end && check_values(operation, field);
}

static uint32_t take_step(struct cursor *cursor, struct cursor *payload) {
    uint32_t operation = take_number(cursor), size = take_number(cursor);
    const uint8_t *at = size % 4 ? NULL : take(cursor, size);
    if (!at) cursor->bad = 1;
    *payload = (struct cursor){ at, at ? at + size : at, !at };
    return operation;
}

/* Rules about the order: what must not happen twice, what needs something before it, what must be last. */
static int check_order(uint32_t operation, uint64_t *seen, int last) {
    uint64_t bit = 1ull << operation;
    const uint64_t once = 1ull << BH_ATTACH_ROOT | 1ull << BH_ENTER_ROOT | 1ull << BH_DIVIDE | 1ull << BH_TERMINAL
        | 1ull << BH_CREDENTIALS | 1ull << BH_CLOSE_DESCRIPTORS | 1ull << BH_CHANGE_ROOT | 1ull << BH_AWAIT_START
        | 1ull << BH_LISTENING_FILTER | 1ull << BH_TAKE_ROOT;
    if ((*seen & bit & once) || (operation == BH_EXECUTE || operation == BH_PLACE_DEVICE) != last) return 0;
    const uint64_t filters = 1ull << BH_INSTALL_FILTER | 1ull << BH_LISTENING_FILTER;
    if ((operation == BH_ENTER_ROOT || operation == BH_CHANGE_ROOT) && !(*seen & 1ull << BH_ATTACH_ROOT)) return 0;
    if (operation == BH_CREDENTIALS && (*seen & filters)) return 0;
    *seen |= bit;
    return 1;
}

static struct cursor plan_steps(const void *bytes, size_t size, uint32_t *count) {
    struct cursor cursor = { bytes, (const uint8_t *)bytes + size, size % 4 || size > BH_PLAN_BYTES_MAX };
    if (take_number(&cursor) != BH_PLAN_MAGIC || take_number(&cursor) != BH_PLAN_VERSION) cursor.bad = 1;
    if (take_number(&cursor) != size) cursor.bad = 1;
    *count = take_number(&cursor);
    if (*count == 0 || *count > BH_PLAN_STEPS_MAX) cursor.bad = 1;
    return cursor;
}

int bh_plan_check(const void *bytes, size_t size, uint32_t *steps, uint32_t *faulty) {
    uint64_t seen = 0;
    struct cursor cursor = plan_steps(bytes, size, steps), payload;
    *faulty = 0;
    if (cursor.bad) return EPROTO;
    for (uint32_t i = 0; i < *steps; i++) {
        *faulty = i;
        uint32_t operation = take_step(&cursor, &payload);
        if (cursor.bad || !check_step(operation, payload)) return EBADMSG;
        if (!check_order(operation, &seen, i + 1 == *steps)) return EINVAL;
    }
    return cursor.at == cursor.end ? 0 : EBADMSG;
}

uint32_t bh_plan_field(const void *bytes, size_t size, uint32_t step, uint32_t field, struct bh_field *answer) {
    uint32_t count, operation = 0;
    struct cursor cursor = plan_steps(bytes, size, &count), payload = cursor;
    if (step >= count) return 0;
    for (uint32_t i = 0; i <= step; i++) operation = take_step(&cursor, &payload);
    if (cursor.bad || operation == 0 || operation >= operation_count || !fields_of[operation]) return 0;
    for (uint32_t i = 0; fields_of[operation][i]; i++) {
        *answer = take_field(&payload, fields_of[operation][i]);
        if (i == field) return payload.bad ? 0 : operation;
    }
    return 0;
}

static step_function *const function_of[operation_count] = {
    [BH_JOIN] = step_join, [BH_UNSHARE] = step_unshare, [BH_BECOME_ROOT] = step_become_root,
    [BH_BEGIN_SESSION] = step_begin_session, [BH_SET_UMASK] = step_set_umask, [BH_PROPAGATION] = step_propagation,
    [BH_ATTACH_ROOT] = step_attach_root, [BH_MOUNT] = step_mount, [BH_ATTACH] = step_attach,
    [BH_SEAL_PATH] = step_seal_path, [BH_MASK] = step_mask, [BH_MAKE_DIRECTORY] = step_make_directory,
    [BH_ROOT_ATTRIBUTES] = step_root_attributes, [BH_ENTER_ROOT] = step_enter_root,
    [BH_SET_HOSTNAME] = step_set_hostname, [BH_SET_DOMAINNAME] = step_set_domainname, [BH_SYSCTL] = step_sysctl,
    [BH_LIMIT] = step_limit, [BH_LOOPBACK_UP] = step_loopback_up,
    [BH_NEW_KEYRING] = step_new_keyring, [BH_DIVIDE] = step_divide, [BH_TERMINAL] = step_terminal,
    [BH_STANDARD_STREAMS] = step_standard_streams, [BH_CREDENTIALS] = step_credentials,
    [BH_NO_NEW_PRIVILEGES] = step_no_new_privileges, [BH_WORKING_DIRECTORY] = step_working_directory,
    [BH_CLOSE_DESCRIPTORS] = step_close_descriptors, [BH_INSTALL_FILTER] = step_install_filter,
    [BH_EXECUTE] = step_execute, [BH_SET_PROPAGATION] = step_set_propagation,
    [BH_SET_ATTRIBUTES] = step_set_attributes, [BH_MAKE_NODE] = step_make_node, [BH_MAKE_LINK] = step_make_link,
    [BH_RUN_HOOK] = step_run_hook, [BH_AWAIT_START] = step_await_start, [BH_BIND_CONSOLE] = step_bind_console,
    [BH_SCHEDULE] = step_schedule, [BH_IO_PRIORITY] = step_io_priority, [BH_PERSONALITY] = step_personality,
    [BH_FIND_PROGRAM] = step_find_program, [BH_CHANGE_ROOT] = step_change_root, [BH_OWN_STREAMS] = step_own_streams,
    [BH_LISTENING_FILTER] = step_listening_filter, [BH_SET_LABEL] = step_set_label,
    [BH_CONFINE_WRITES] = step_confine_writes, [BH_PLACE_DEVICE] = step_place_device,
    [BH_ENTER_DIRECTORY] = step_enter_directory, [BH_MEMORY_POLICY] = step_memory_policy, [BH_DETACH] = step_detach,
    [BH_TAKE_ROOT] = step_take_root,
};

/* Steps of a container of its own that need neither a descriptor nor a place: they begin the plan. */
static int needs_release(uint32_t operation) {
    return operation != BH_BECOME_ROOT && operation != BH_BEGIN_SESSION && operation != BH_SET_UMASK
        && operation != BH_PROPAGATION;
}

/* From `launch->step` on, as far as one that needs the release unless that is here. */
static int run_on(struct launch *launch, int released) {
    uint32_t count;
    struct cursor cursor = plan_steps(launch->plan.bytes, launch->plan.length, &count), payload;
    for (uint32_t i = 0; i < launch->step; i++) (void)take_step(&cursor, &payload);
    for (; launch->step < count; launch->step++) {
        uint32_t operation = take_step(&cursor, &payload);
        if (!released && needs_release(operation)) return 0;
        launch->part = BH_PART_WHOLE;
        if (function_of[operation](launch, &payload) < 0) return -1;
    }
    return 0;
}

int run_steps(struct launch *launch) { return run_on(launch, 1); }

/*
 * What is made here ahead of its step is only made, the step attaches it; what fails here is made again by its step,
 * which says why. In namespaces that are entered later it would be the wrong one, so then nothing is.
 */
int prepare_steps(struct launch *launch) {
    uint32_t count, enters = 0, writes = 0;
    if (run_on(launch, 0) < 0) return -1;
    for (int making = 0; making < 2; making++) {
        struct cursor cursor = plan_steps(launch->plan.bytes, launch->plan.length, &count), payload;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t operation = take_step(&cursor, &payload);
            enters |= operation == BH_JOIN || operation == BH_UNSHARE;
            writes |= operation == BH_SYSCTL || operation == BH_SET_LABEL;
            if (making && operation == BH_MOUNT) prepare_mount(launch, i, &payload);
        }
        if (enters) return 0;
    }
    if (writes) prepare_procfs(launch);
    return 0;
}
