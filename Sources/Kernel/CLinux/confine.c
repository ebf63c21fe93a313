/* What a process of ours does to itself before it reads untrusted input. */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

int bh_pivot_root(const char *new_root, const char *put_old) {
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}

int bh_setrlimit(int resource, uint64_t value) {
    struct rlimit limit = { value, value };
    return setrlimit((__rlimit_resource_t)resource, &limit);
}

int bh_keep_capabilities(uint64_t kept) {
    for (unsigned long capability = 0; capability < 64; capability++) {
        if (kept & (1ull << capability)) continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
            if (errno == EINVAL) break; /* past the last capability this kernel has */
            return -1;
        }
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 2; i++) {
        data[i].effective = data[i].permitted = (uint32_t)(kept >> (32 * i));
        data[i].inheritable = 0;
    }
    return (int)syscall(SYS_capset, &header, data);
}

int bh_fremovexattr(int descriptor, const char *name) { return fremovexattr(descriptor, name); }

static char *words;
static int words_descriptor;

static void say_words(void) {
    if (words && write(words_descriptor, words, strlen(words)) < 0) return; /* nobody listens any more */
}

int bh_last_words(int descriptor, const char *text) {
    static int registered;
    free(words);
    words = text ? strdup(text) : NULL;
    words_descriptor = descriptor;
    if (text && !words) return -1;
    if (!registered && atexit(say_words) != 0) return -1;
    registered = 1;
    return 0;
}
