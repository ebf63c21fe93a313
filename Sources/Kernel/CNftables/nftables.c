/* libnftables by dlopen(3). The header is the library's own, so that the compiler checks every call. */
#define _GNU_SOURCE
#include "CNftables.h"

#include <dlfcn.h>
#include <nftables/libnftables.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libnftables.so.1"

struct bh_nft {
    char *output, *error;
};

#define FUNCTIONS(F) \
    F(nft_ctx_new) F(nft_ctx_free) F(nft_ctx_output_set_flags) F(nft_ctx_buffer_output) F(nft_ctx_buffer_error) \
    F(nft_ctx_get_output_buffer) F(nft_ctx_get_error_buffer) F(nft_run_cmd_from_buffer)

static struct {
#define DECLARE(name) __typeof__(&name) name;
    FUNCTIONS(DECLARE)
} library;
static const char *library_problem;
static char problem_text[256];
static pthread_once_t loaded = PTHREAD_ONCE_INIT;

static void keep_problem(void) {
    const char *text = dlerror();
    size_t i = 0;
    for (; text && text[i] && i < sizeof problem_text - 1; i++) problem_text[i] = text[i];
    problem_text[i] = 0;
    library_problem = problem_text;
}

static void load(void) {
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!handle) { keep_problem(); return; }
#define FIND(name) if (!(library.name = (__typeof__(&name))dlsym(handle, #name))) { keep_problem(); return; }
    FUNCTIONS(FIND)
}

struct bh_nft *bh_nft_new(const char **problem) {
    pthread_once(&loaded, load);
    *problem = library_problem;
    if (library_problem) return NULL;
    struct bh_nft *session = calloc(1, sizeof *session);
    if (!session) *problem = "no memory";
    return session;
}

static void forget(struct bh_nft *session) {
    free(session->output);
    free(session->error);
    session->output = session->error = NULL;
}

void bh_nft_free(struct bh_nft *session) {
    forget(session);
    free(session);
}

struct order {
    struct bh_nft *session;
    const char *commands;
    int result;
};

/* The library keeps one list of interfaces for the whole process, and frees it after each command: two threads in it at
 * once read what is freed, or take one namespace's interfaces for the other's. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static char *copied(const char *text) { return strdup(text ? text : ""); }

/* The library waits with select(2), which knows no descriptor above 1,023 and ends the process that has one. So it
 * works with its own table of descriptors, empty but for the standard streams. A new thread is in its maker's
 * namespaces. */
static void *carry_out(void *argument) {
    struct order *order = argument;
    if (unshare(CLONE_FILES)) {
        order->session->error = copied("unshare(CLONE_FILES) failed");
        return NULL;
    }
    close_range(3, ~0U, 0);
    pthread_mutex_lock(&turn);
    struct nft_ctx *context = library.nft_ctx_new(NFT_CTX_DEFAULT);
    if (!context || library.nft_ctx_buffer_output(context) || library.nft_ctx_buffer_error(context)) {
        order->session->error = copied("no memory or no netlink socket for a context");
    } else {
        library.nft_ctx_output_set_flags(context, NFT_CTX_OUTPUT_JSON);
        order->result = library.nft_run_cmd_from_buffer(context, order->commands);
        order->session->output = copied(library.nft_ctx_get_output_buffer(context));
        order->session->error = copied(library.nft_ctx_get_error_buffer(context));
    }
    if (context) library.nft_ctx_free(context);
    pthread_mutex_unlock(&turn);
    return NULL;
}

int bh_nft_run(struct bh_nft *session, const char *commands, const char **output, const char **error) {
    struct order order = {session, commands, -1};
    pthread_t thread;
    forget(session);
    if (pthread_create(&thread, NULL, carry_out, &order)) session->error = copied("no thread");
    else pthread_join(thread, NULL);
    *output = session->output ? session->output : "";
    *error = session->error ? session->error : "no memory";
    return order.result;
}
