/* store_seen — the seen set: which notifications made a notice, so that a repeat makes no second one.
 *
 *	SEEN      letter, sha(recipient)(16)        version, user, number, what a repeat must bear, until,
 *	                                            From domain, charged, answered (since version 3)
 *	UNTIL     until_s(8), SEEN's key            -
 *	SEEN_BY   sha(From domain)(8), user NUL,    -
 *	          until_s(8), SEEN's key
 *
 * An entry outlives its notice, which its user may drop at once.  So it is charged to the sender's domain
 * until it goes, and makes room for the next entry of the same domain.  Dropping a sender's notices deletes
 * the entries that have no notice any more (store_purge.c).
 */
#ifndef IMS_STORE_STORE_SEEN_H
#define IMS_STORE_STORE_SEEN_H

#include "ims/store/store_record.h"

#define IMS_SEEN_KEY 40 /* octets of its key */

struct ims_seen_record {
	char user[IMS_STORE_USER_BYTES];
	uint64_t number;
	unsigned char facts[DIGEST_BYTES]; /* of Size, Digest, Date, Summary fields */
	int64_t until_s;
	struct domain domain; /* that pays; "": of an earlier version, and no longer known */
	uint32_t charged;     /* to its sum in the store */
	bool indexed;         /* has a row in SEEN_BY; false in version 1 */
	enum ims_answered answered;
};

struct db_key ims_key_seen(const struct db_key *letter, struct span recipient);
struct db_key ims_key_until(int64_t until_s, const struct db_key *seen);
/* The sum of a domain's entries for one mailbox.  letter: a key that begins with the letter's. */
struct db_key ims_key_share_seen(const char *user, struct span letter);

/* Prefix of SEEN_BY for a domain's entries.  user NULL: for any mailbox. */
struct db_key ims_key_seen_by(struct span from_domain, const char *user);
/* The key of SEEN at the end of a key of SEEN_BY or UNTIL; without octets where that is no such key. */
struct span ims_key_seen_in(struct span key);

void ims_seen_write(struct buf *out, const struct ims_seen_record *r);
bool ims_seen_read(struct span value, struct ims_seen_record *r, struct err *e);
/* What an entry takes, with its rows in UNTIL and SEEN_BY. */
uint64_t ims_seen_takes(struct span user, struct span domain);
/* Puts an entry that is new, or of version 1, with its rows, and charges r->domain. */
void ims_seen_add(struct db_txn *t, const struct db_key *seen, struct ims_seen_record *r);
/* Remembers it for repeats.  No such entry: fine. */
void ims_seen_answered(struct db_txn *t, const struct db_key *seen, enum ims_answered what);
/* Deletes an entry with its rows, and discharges its domain.  No such entry: fine. */
void ims_seen_del(struct db_txn *t, struct span seen);
/* Before the entry `seen` is added: deletes another where there are `most`, or too many of its domain for
 * its mailbox. */
void ims_seen_make_room(struct db_txn *t, uint64_t most, const struct db_key *seen,
    const char *user);

#endif
