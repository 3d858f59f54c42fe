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

bool
ims_evidence_read(struct span value, struct ims_evidence_record *r, struct err *e)
{
	struct reader	 in = reader_of(value);
	bool		 good = read_u8(&in) == VERSION_1;

	*r = (struct ims_evidence_record){ .received_s = 0 };
	read_bytes(&in, r->chain, DIGEST_BYTES);
	r->statement = read_span(&in);
	r->seal = read_span(&in);
	r->alg = read_span(&in);
	r->signature = read_span(&in);
	r->host = read_span(&in);
	r->spf = read_span(&in);
	r->received_s = (int64_t)read_u64(&in);
	return (good && reader_done(&in)) ||
	    err_set(e, REFUSAL_storage, "a stored record is damaged");
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

/* -- for people ---------------------------------------------------------------------------------- */

void
ims_kept_clear(struct ims_kept *k)
{
	buf_clear(&k->statement);
	buf_clear(&k->seal);
	buf_clear(&k->signature);
	buf_clear(&k->chain);
	buf_clear(&k->spf);
}

static void
copy(struct buf *to, struct span s)
{
	if (s.n > 0)
		buf_add(to, s.p, s.n);
}

static bool
fill_kept(struct db_txn *t, const struct ims_evidence_record *r, struct ims_kept *out,
    struct err *e)
{
	struct span	 der;

	*out = (struct ims_kept){ .received_s = r->received_s };
	copy(&out->statement, r->statement);
	copy(&out->seal, r->seal);
	copy(&out->signature, r->signature);
	copy(&out->spf, r->spf);
	span_copy(r->alg, out->alg, sizeof out->alg);
	span_copy(r->host, out->host, sizeof out->host);
	if (db_get(t, CHAIN, span_of(r->chain, DIGEST_BYTES), &der)) {
		copy(&out->chain, der);
		return true;
	}
	ims_kept_clear(out);
	return !db_fault(t, e) && err_set(e, REFUSAL_storage, "the sender's certificates are missing");
}

bool
ims_store_evidence(struct ims_store *s, const char *user, uint64_t number, struct ims_kept *out,
    struct err *e)
{
	struct ims_notice_record	 n;
	struct ims_evidence_record	 r;
	struct ims_key			 letter, k;
	struct span			 value, from, to;
	struct db_txn			*t;
	bool				 good;

	if (!db_read(s->db, &t, e))
		return false;
	if ((good = ims_notice_get(t, user, number, &n, e))) {
		from = span_str(n.from);
		to = span_str(n.to);
		span_cut(&from, '@');
		span_cut(&to, '@');
		letter = ims_key_letter(&n.id, from);
		k = ims_key_statement(&letter, to, n.statement);
		if (db_get(t, EVIDENCE, ims_key_span(&k), &value))
			good = ims_evidence_read(value, &r, e) && fill_kept(t, &r, out, e);
		else
			good = !db_fault(t, e) &&
			    err_set(e, REFUSAL_storage, "its evidence is missing");
	}
	db_read_end(&t);
	return good;
}
