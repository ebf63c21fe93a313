/* libnftables by dlopen(3). The header is the library's own, so that the compiler checks every call. */
#include "CNftables.h"

#include <dlfcn.h>
#include <nftables/libnftables.h>
#include <pthread.h>
#include <stdlib.h>

#define LIBRARY "libnftables.so.1"

struct bh_nft {
    struct nft_ctx *context;
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
    struct bh_nft *session = malloc(sizeof *session);
    struct nft_ctx *context = session ? library.nft_ctx_new(NFT_CTX_DEFAULT) : NULL;
    if (!context || library.nft_ctx_buffer_output(context) || library.nft_ctx_buffer_error(context)) {
        if (context) library.nft_ctx_free(context);
        free(session);
        *problem = "no memory or no netlink socket for a context";
        return NULL;
    }
    library.nft_ctx_output_set_flags(context, NFT_CTX_OUTPUT_JSON);
    session->context = context;
    return session;
}

void bh_nft_free(struct bh_nft *session) {
    library.nft_ctx_free(session->context);
    free(session);
}

int bh_nft_run(struct bh_nft *session, const char *commands, const char **output, const char **error) {
    int result = library.nft_run_cmd_from_buffer(session->context, commands);
    *output = library.nft_ctx_get_output_buffer(session->context);
    *error = library.nft_ctx_get_error_buffer(session->context);
    if (!*output) *output = "";
    if (!*error) *error = "";
    return result;
}
