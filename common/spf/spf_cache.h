/* spf_cache — SPF verdicts, until they expire.
 *
 * Pure.  Keys are octet strings.  At most SPF_CACHE_MAX entries; the oldest is evicted first.
 */
#ifndef COMMON_SPF_SPF_CACHE_H
#define COMMON_SPF_SPF_CACHE_H

#include "common/base/buf.h"
#include "common/spf/spf.h"

/* The result of an evaluation, as a copy. */
struct spf_outcome {
	enum spf_result result;
	uint32_t ttl_s;
	bool depends_on_local_part, depends_on_helo;
	unsigned lookups;
	struct buf why; /* with its NUL */
	struct buf record;
};

struct spf_cache;

void spf_outcome_clear(struct spf_outcome *o);
void spf_outcome_copy(struct spf_outcome *to, const struct spf_outcome *from);

void spf_cache_new(struct spf_cache **c);
void spf_cache_free(struct spf_cache **c);

/* Borrowed until the next call; NULL: none, or expired.  *left_s: until it expires. */
const struct spf_outcome *spf_cache_find(struct spf_cache *c, struct span key, int64_t now_ms,
    uint32_t *left_s);
/* Copies; replaces an entry of the same key.  ttl_s 0: only removes it. */
void spf_cache_put(struct spf_cache *c, struct span key, const struct spf_outcome *o,
    int64_t now_ms);

#endif
