/*
 * libnftables(3), loaded when it is first needed: who starts a container without a bridge must not pay for it.
 */
#ifndef BULKHEAD_CNFTABLES_H
#define BULKHEAD_CNFTABLES_H

#include <stddef.h>

struct bh_nft; /* one libnftables context; not for several threads at once */

/* NULL and `problem` (what dlopen said, static or until the next call) when the library cannot be had. */
struct bh_nft *bh_nft_new(const char **problem);
void bh_nft_free(struct bh_nft *session);
/*
 * Runs commands, text or JSON, as one transaction. 0, or not; `output` and `error` are the session's, valid until the
 * next call, never NULL.
 */
int bh_nft_run(struct bh_nft *session, const char *commands, const char **output, const char **error);

#endif
