/* store_renew_private — letters and papers whose time has come, many at once; for ims/store alone. */
#ifndef IMS_STORE_STORE_RENEW_PRIVATE_H
#define IMS_STORE_STORE_RENEW_PRIVATE_H

#include "ims/store/store_private.h"

#define IMS_THINGS 64 /* that are looked at together */

/* What is to be looked at: a mailbox, a paper, or a letter. */
struct ims_thing {
	struct kv_part part;
	unsigned char domain_hash[PART_SHORT]; /* of a letter among those of its id */
};

/* Things of the hour that begins at hour_s: deletes those of the papers whose time has passed, and renews the papers of
 * the letters; mailboxes are left alone.  What cannot be read is passed over.  e: closing, too_many_outstanding,
 * system_full, storage. */
void ims_renew(struct ims_store *s, const struct ims_thing *things, size_t n, int64_t hour_s,
    int64_t now_s, struct loop *l, ims_store_done *done, void *arg);

/* An apply that tells damage of a record apart from a disk that fails. */
bool ims_apply_past_damage(struct kv_txn *t,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), void *arg, bool *damaged,
    struct err *e);
/* The operation would be refused each time for the same reason. */
bool ims_is_beyond_repair(const struct err *e, bool damaged);

#endif
