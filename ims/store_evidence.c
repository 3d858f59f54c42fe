/* store_evidence — the IMS's mailboxes: what is kept beside a letter so that a stranger can check it.
 *
 * One sender's chain stands once, however many letters came under it; the last one takes it along.
 */
#include <string.h>

#include "common/base/record.h"
#include "ims/store_record.h"

#define VERSION_1	1

/* -- chains ------------------------------------------------------------------------------------- */

static struct ims_key
key_chained(const unsigned char chain[DIGEST_BYTES], const struct ims_key *evidence)
{
	struct ims_key	 k = { .n = 0 };

	ims_key_add(&k, chain, DIGEST_BYTES);
	ims_key_add(&k, evidence->b, evidence->n);
	return k;
}

static void
hold_chain(struct db_txn *t, const struct ims_evidence_record *r, const struct ims_key *k)
{
	struct ims_key	 chained = key_chained(r->chain, k);
	struct span	 digest = span_of(r->chain, DIGEST_BYTES), old;

	if (!db_get(t, CHAIN, digest, &old))
		db_put(t, CHAIN, digest, r->chain_der);
	db_put(t, CHAINED, ims_key_span(&chained), (struct span){ 0 });
}

static bool
note_one(void *arg, struct span key, struct span value)
{
	(void)key;
	(void)value;
	*(bool *)arg = true;
	return false;
}

static void
drop_chain(struct db_txn *t, const unsigned char chain[DIGEST_BYTES], const struct ims_key *k)
{
	struct ims_key	 chained = key_chained(chain, k);
	struct span	 digest = span_of(chain, DIGEST_BYTES);
	bool		 more = false;

	db_del(t, CHAINED, ims_key_span(&chained));
	db_each(t, CHAINED, digest, digest, note_one, &more);
	if (!more)
		db_del(t, CHAIN, digest);
}

/* -- evidence ------------------------------------------------------------------------------------ */

/* Which chain the record under k names; false: there is no record. */
static bool
chain_of(struct db_txn *t, const struct ims_key *k, unsigned char chain[DIGEST_BYTES])
{
	struct span	 value;
	struct reader	 r;

	if (!db_get(t, EVIDENCE, ims_key_span(k), &value))
		return false;
	r = reader_of(value);
	if (read_u8(&r) != VERSION_1)
		return false;
	read_bytes(&r, chain, DIGEST_BYTES);
	return !r.bad;
}

void
ims_evidence_put(struct db_txn *t, const struct ims_key *k, const struct ims_evidence_record *e)
{
	struct buf	 value = BUF_INIT;
	unsigned char	 before[DIGEST_BYTES];
	bool		 was = chain_of(t, k, before);

	put_u8(&value, VERSION_1);
	put_bytes(&value, e->chain, DIGEST_BYTES);
	put_span(&value, e->statement);
	put_span(&value, e->seal);
	put_span(&value, e->alg);
	put_span(&value, e->signature);
	put_span(&value, e->host);
	put_span(&value, e->spf);
	put_u64(&value, (uint64_t)e->received_s);
	db_put(t, EVIDENCE, ims_key_span(k), buf_span(&value));
	buf_clear(&value);
	if (was && memcmp(before, e->chain, DIGEST_BYTES) == 0)
		return;
	hold_chain(t, e, k);
	if (was)
		drop_chain(t, before, k);
}

static bool
take_key(void *arg, struct span key, struct span value)
{
	struct ims_key	*k = arg;

	(void)value;
	k->n = 0;
	ims_key_add(k, key.p, key.n);
	return false;
}

/* One of each of our domains that was told of the letter. */
void
ims_evidence_del(struct db_txn *t, const struct ims_key *letter)
{
	struct span	 prefix = ims_key_span(letter);
	unsigned char	 chain[DIGEST_BYTES];

	for (;;) {
		struct ims_key	 k = { .n = 0 };

		db_each(t, EVIDENCE, prefix, prefix, take_key, &k);
		if (k.n == 0)
			return;
		if (chain_of(t, &k, chain))
			drop_chain(t, chain, &k);
		db_del(t, EVIDENCE, ims_key_span(&k));
	}
}
