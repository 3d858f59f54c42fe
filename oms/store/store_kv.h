/* store_kv — the OMS's spool on the kv of any engine; oms_store_open is for that of LMDB, which has a folder. */
#ifndef OMS_STORE_STORE_KV_H
#define OMS_STORE_STORE_KV_H

#include "common/store/kv.h"
#include "oms/store/store.h"

extern const struct kv_schema oms_schema;

/* How many letters one partition may have where any number could come: a shard of the queue of a destination, which has
 * two rows of each, and a shard of the letters that end in one minute, which has one.  The rest of KV_ROWS is for letters
 * that nobody may refuse any more: those that wait there again. */
#define OMS_QUEUE_LETTERS  48000
#define OMS_EXPIRY_LETTERS 96000
/* The `arg` of a schema.  NULL: these. */
struct oms_bounds {
	uint64_t queue, expiry;
};

/* kv: opened with oms_schema; the store owns it, also if this fails.  size: of the files in `bodies`. */
bool oms_store_open_on(struct kv *kv, const char *bodies, uint64_t size, struct offload *o,
    struct oms_store **out, struct err *e);
/* How long a count of many users is kept. */
void oms_store_set_keep_ms(struct oms_store *s, int64_t keep_ms);

#endif
