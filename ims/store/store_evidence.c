/* store_evidence — the IMS's mailboxes: what is kept beside a letter so that a stranger can check it.
 *
 * Papers, a sender's chain and each CRL that spoke of it, stand once, however many letters came under
 * them; the last one takes them along.
 */
#include <string.h>

#include "common/base/record.h"
#include "ims/store/store_private.h"

#define VERSION_1 1
#define VERSION_2 2 /* with CRLs */

/* -- papers ------------------------------------------------------------------------------------- */

static struct ims_key
key_cited(const unsigned char digest[DIGEST_BYTES], const struct ims_key *evidence)
{
	struct ims_key k = { .n = 0 };

	ims_key_add(&k, digest, DIGEST_BYTES);
	ims_key_add(&k, evidence->b, evidence->n);
	return k;
}

static bool
note_one(void *arg, struct span key, struct span value)
{
	(void)key;
	(void)value;
	*(bool *)arg = true;
	return false;
}

/* A paper may be long, and to look at it costs its checksum. */
static bool
is_cited(struct db_txn *t, struct span digest)
{
	bool any = false;

	db_each(t, CITED, digest, digest, note_one, &any);
	return any;
}

static void
cite(struct db_txn *t, const struct ims_paper *p, const struct ims_key *k)
{
	struct ims_key cited = key_cited(p->digest, k);
	struct span digest = span_of(p->digest, DIGEST_BYTES);

	if (!is_cited(t, digest))
		db_put(t, PAPER, digest, p->der);
	db_put(t, CITED, ims_key_span(&cited), (struct span) { 0 });
}

static void
drop_paper(struct db_txn *t, const struct ims_paper *p, const struct ims_key *k)
{
	struct ims_key cited = key_cited(p->digest, k);
	struct span digest = span_of(p->digest, DIGEST_BYTES);

	db_del(t, CITED, ims_key_span(&cited));
	if (!is_cited(t, digest))
		db_del(t, PAPER, digest);
}

static bool
is_among(const struct ims_papers *all, const struct ims_paper *p)
{
	for (size_t i = 0; i < all->n; i++)
		if (memcmp(all->paper[i].digest, p->digest, DIGEST_BYTES) == 0)
			return true;
	return false;
}

static void
exchange(struct db_txn *t, const struct ims_key *k, const struct ims_papers *before,
    const struct ims_papers *now)
{
	for (size_t i = 0; i < now->n; i++)
		if (!is_among(before, &now->paper[i]))
			cite(t, &now->paper[i], k);
	for (size_t i = 0; i < before->n; i++)
		if (!is_among(now, &before->paper[i]))
			drop_paper(t, &before->paper[i], k);
}

/* -- evidence ------------------------------------------------------------------------------------ */

static bool
read_papers(struct reader *r, struct ims_papers *out)
{
	uint8_t version = read_u8(r);

	out->n = 1 + (version == VERSION_2 ? read_u8(r) : (size_t)0);
	if ((version != VERSION_1 && version != VERSION_2) || out->n > IMS_PAPERS_MAX)
		out->n = 0;
	for (size_t i = 0; i < out->n; i++)
		read_bytes(r, out->paper[i].digest, DIGEST_BYTES);
	return out->n > 0 && !r->bad;
}

/* Which the record under k names; none where there is no record. */
static void
papers_of(struct db_txn *t, const struct ims_key *k, struct ims_papers *out)
{
	struct span value;
	struct reader r;

	out->n = 0;
	if (!db_get(t, EVIDENCE, ims_key_span(k), &value))
		return;
	r = reader_of(value);
	if (!read_papers(&r, out))
		out->n = 0;
}

void
ims_evidence_put(struct db_txn *t, const struct ims_key *k, const struct ims_evidence_record *e)
{
	struct buf value = BUF_INIT;
	struct ims_papers before;

	papers_of(t, k, &before);
	put_u8(&value, VERSION_2);
	put_u8(&value, (uint8_t)(e->papers.n - 1));
	for (size_t i = 0; i < e->papers.n; i++)
		put_bytes(&value, e->papers.paper[i].digest, DIGEST_BYTES);
	put_span(&value, e->statement);
	put_span(&value, e->seal);
	put_span(&value, e->alg);
	put_span(&value, e->signature);
	put_span(&value, e->host);
	put_span(&value, e->spf);
	put_u64(&value, (uint64_t)e->received_s);
	db_put(t, EVIDENCE, ims_key_span(k), buf_span(&value));
	buf_clear(&value);
	exchange(t, k, &before, &e->papers);
}

bool
ims_evidence_read(struct span value, struct ims_evidence_record *r, struct err *e)
{
	struct reader in = reader_of(value);
	bool good;

	*r = (struct ims_evidence_record) { .received_s = 0 };
	good = read_papers(&in, &r->papers);
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

/* One of each of our domains that was told of the letter. */
void
ims_evidence_del(struct db_txn *t, const struct ims_key *letter)
{
	struct span prefix = ims_key_span(letter);
	struct ims_papers papers, none = { .n = 0 };

	for (;;) {
		struct ims_key k = { .n = 0 };

		db_each(t, EVIDENCE, prefix, prefix, ims_key_take_first, &k);
		if (k.n == 0)
			return;
		papers_of(t, &k, &papers);
		exchange(t, &k, &papers, &none);
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
	buf_clear(&k->crls);
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
	struct span der;

	*out = (struct ims_kept) { .received_s = r->received_s };
	copy(&out->statement, r->statement);
	copy(&out->seal, r->seal);
	copy(&out->signature, r->signature);
	copy(&out->spf, r->spf);
	span_copy(r->alg, out->alg, sizeof out->alg);
	span_copy(r->host, out->host, sizeof out->host);
	for (size_t i = 0; i < r->papers.n; i++) {
		if (!db_get(t, PAPER, span_of(r->papers.paper[i].digest, DIGEST_BYTES), &der)) {
			ims_kept_clear(out);
			return !db_fault(t, e) &&
			    err_set(e, REFUSAL_storage, "the sender's certificates are missing");
		}
		copy(i == 0 ? &out->chain : &out->crls, der);
	}
	return true;
}

bool
ims_store_evidence(struct ims_store *s, const char *user, uint64_t number, struct ims_kept *out,
    struct err *e)
{
	struct ims_notice_record n;
	struct ims_evidence_record r;
	struct ims_key letter, k;
	struct span value, from, to;
	struct db_txn *t;
	bool good;

	if (!db_read(s->db, &t, e))
		return false;
	if ((good = ims_notice_get(t, user, number, &n, e))) {
		from = address_domain(span_str(n.from));
		to = address_domain(span_str(n.to));
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

bool
ims_store_evidence_of(struct ims_store *s, const struct ulid *id, struct ims_kept *out,
    struct err *e)
{
	struct span prefix = span_of(id->b, ULID_BYTES), value;
	struct ims_key k = { .n = 0 };
	struct ims_evidence_record r;
	struct db_txn *t;
	bool good;

	if (!db_read(s->db, &t, e))
		return false;
	db_each(t, EVIDENCE, prefix, prefix, ims_key_take_first, &k);
	if (k.n > 0 && db_get(t, EVIDENCE, ims_key_span(&k), &value))
		good = ims_evidence_read(value, &r, e) && fill_kept(t, &r, out, e);
	else
		good = !db_fault(t, e) &&
		    err_set(e, REFUSAL_no_such_number, "no evidence is kept under this id");
	db_read_end(&t);
	return good;
}
