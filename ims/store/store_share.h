/* store_share — durable sums of what each sender's domain takes of the store.
 *
 * A sum changes in the transaction that puts or deletes what it counts, so it survives any crash and needs
 * no scan.  It counts notices with their index rows, evidence, entries of the seen set, and the papers
 * (certificates, seals, CRLs) that the domain's letters brought.  It does not count bodies, which users
 * asked for.
 *
 *	SHARE   "d" From domain                   the domain's sum
 *	        "m" sha(From domain)(16) user     its sum in one mailbox: notices and their evidence
 *	        "s" sha(From domain)(8) user      its entries of the seen set for one mailbox
 *
 * Units: octets as the database takes them: overflow pages are counted whole.
 */
#ifndef IMS_STORE_STORE_SHARE_H
#define IMS_STORE_STORE_SHARE_H

#include "common/store/db_key.h"
#include "ims/store/store.h"

/* What a record takes, by the lengths of its key and value. */
uint64_t ims_takes(size_t key, size_t value);

struct db_key ims_key_share(struct span from_domain);
struct db_key ims_key_share_in(const char *user, struct span from_domain);
/* Zeros: there is no sum. */
void ims_share_get(struct db_txn *t, const struct db_key *k, struct ims_share *out);
/* Deletes a sum that becomes 0.  No sum falls below 0. */
void ims_share_change(struct db_txn *t, const struct db_key *k, int64_t octets, int64_t notices);
bool ims_share_read(struct span value, struct ims_share *out);

#endif
