/* kv_lmdb — the engine of kv in one LMDB file (common/store/db.h): an operation and its effects are one commit.
 *
 * Commit:  all that waits goes into one commit, each operation with its effects, transitively.  What exceeds
 *          the bounds of a commit goes into the next one; so does an operation that would not fit whole, but
 *          for effects that nobody awaits: those are stored and applied by the commits after.
 * Stored:  an effect that cannot be applied, because the receiver's record is damaged or because there is no
 *          space, is stored with its source.  It is tried again when the store opens, before a later effect of
 *          the same pair, and each `retry_ms`.  Until it is applied, later effects of its pair wait.
 * Gone:    effects come once and in order, so a fact that is gone leaves no row.
 * Reads:   in the same turn of the caller's loop.
 */
#ifndef COMMON_STORE_KV_LMDB_H
#define COMMON_STORE_KV_LMDB_H

#include "common/store/kv.h"

/* Makes the folder.  size: of the file and of what kv_share counts.  False: as db_open. */
bool kv_lmdb_open(const char *folder, uint64_t size, const struct kv_schema *schema,
    struct kv **out, struct err *e);

/* For how long an effect that cannot be applied waits; 10 s by default. */
void kv_lmdb_set_retry_ms(struct kv *k, int64_t retry_ms);

#endif
