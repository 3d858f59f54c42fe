/* store_kv — the IMS's mailboxes on the kv of any engine; ims_store_open is for that of LMDB, which has a folder. */
#ifndef IMS_STORE_STORE_KV_H
#define IMS_STORE_STORE_KV_H

#include "common/store/kv.h"
#include "ims/store/store.h"

extern const struct kv_schema ims_schema;

/* kv: opened with ims_schema; the store owns it, also if this fails.  size: of the files in `bodies`, and what shares
 * are parts of. */
bool ims_store_open_on(struct kv *kv, const char *bodies, uint64_t size, struct offload *o,
    struct ims_store **out, struct err *e);

#endif
