/* store_evidence — keeps with each letter what lets a third party check the sender's promise.
 *
 * What many letters have in common, the sender's chain, the seal and CRLs, are papers: see store_paper.h.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/record.h"
#include "ims/store/store_private.h"
#include "ims/store/store_share.h"

#define VERSION_1 1
#define VERSION_2 2 /* with CRLs */
#define VERSION_3 3 /* the seal is a paper; ends with what its sender is charged */

#define CHARGE_BYTES 4

/* -- evidence ------------------------------------------------------------------------------------ */

static bool
read_papers(struct reader *r, struct ims_papers *out)
{
	uint8_t version = read_u8(r);

	*out = (struct ims_papers) { .has_seal = version >= VERSION_3 };
	if (version == VERSION_1)
		out->n = 1;
	else if (version == VERSION_2)
		out->n = 1 + (size_t)read_u8(r);
	else if (version == VERSION_3)
		out->n = read_u8(r);
	if (out->n > IMS_PAPERS_MAX)
		out->n = 0;
	for (size_t i = 0; i < out->n; i++)
		read_bytes(r, out->paper[i].digest, DIGEST_BYTES);
	return out->n > (size_t)out->has_seal && !r->bad;
}

/* The papers that the record under k cites (none: there is no record).  Returns what was charged for it. */
static uint64_t
papers_of(struct db_txn *t, const struct db_key *k, struct ims_papers *out)
{
	struct span value;
	struct reader r;

	out->n = 0;
	if (!db_get(t, EVIDENCE, db_key_span(k), &value))
		return 0;
	r = reader_of(value);
	if (!read_papers(&r, out))
		out->n = 0;
	if (out->n == 0 || !out->has_seal || value.n < CHARGE_BYTES)
		return 0;
	r = reader_of(span_sub(value, value.n - CHARGE_BYTES, CHARGE_BYTES));
	return read_u32(&r);
}

/* Returns what the record takes; it ends with that. */
static uint32_t
evidence_write(struct buf *value, const struct ims_evidence_record *e)
{
	uint64_t takes;

	put_u8(value, VERSION_3);
	put_u8(value, (uint8_t)e->papers.n);
	for (size_t i = 0; i < e->papers.n; i++)
		put_bytes(value, e->papers.paper[i].digest, DIGEST_BYTES);
	put_span(value, e->statement);
	put_span(value, e->alg);
	put_span(value, e->signature);
	put_span(value, e->host);
	put_span(value, e->spf);
	put_u64(value, (uint64_t)e->received_s);
	takes = ims_takes(IMS_EVIDENCE_KEY, value->len + CHARGE_BYTES) +
	    ims_papers_rows(e->papers.n) + IMS_EVIDENCE_LETTER;
	put_u32(value, (uint32_t)takes);
	return (uint32_t)takes;
}

uint64_t
ims_evidence_put(struct db_txn *t, const struct db_key *k, struct span domain,
    const struct ims_evidence_record *e)
{
	struct db_key share = ims_key_share(domain);
	struct buf value = BUF_INIT;
	struct ims_papers before;
	uint64_t charged = papers_of(t, k, &before), takes;

	takes = evidence_write(&value, e);
	db_put(t, EVIDENCE, db_key_span(k), buf_span(&value));
	buf_clear(&value);
	ims_papers_exchange(t, k, domain, &before, &e->papers);
	ims_share_change(t, &share, (int64_t)takes - (int64_t)charged, 0);
	return takes;
}

uint64_t
ims_evidence_takes(struct db_txn *t, const struct db_key *k)
{
	struct ims_papers papers;

	return papers_of(t, k, &papers);
}

bool
ims_evidence_read(struct span value, struct ims_evidence_record *r, struct err *e)
{
	struct reader in = reader_of(value);
	bool good;

	*r = (struct ims_evidence_record) { .received_s = 0 };
	good = read_papers(&in, &r->papers);
	r->statement = read_span(&in);
	if (!r->papers.has_seal)
		r->seal = read_span(&in);
	r->alg = read_span(&in);
	r->signature = read_span(&in);
	r->host = read_span(&in);
	r->spf = read_span(&in);
	r->received_s = (int64_t)read_u64(&in);
	if (r->papers.has_seal)
		read_u32(&in); /* its charge */
	return (good && reader_done(&in)) || db_damaged(e);
}

/* There is one record for each of our domains and each statement. */
void
ims_evidence_del(struct db_txn *t, const struct db_key *letter, struct span domain)
{
	struct db_key share = ims_key_share(domain);
	struct span prefix = db_key_span(letter);
	struct ims_papers papers, none = { .n = 0 };

	for (;;) {
		struct db_key k = { .n = 0 };

		db_each(t, EVIDENCE, prefix, prefix, db_key_take_first, &k);
		if (k.n == 0)
			return;
		ims_share_change(t, &share, -(int64_t)papers_of(t, &k, &papers), 0);
		ims_papers_exchange(t, &k, domain, &papers, &none);
		db_del(t, EVIDENCE, db_key_span(&k));
	}
}

/* -- evidence of before version 3 ------------------------------------------------------------------- */

/* Moves the seal out of the record into a paper. */
static bool
upgrade_one(struct db_txn *t, const struct db_key *k, struct span domain, struct span value,
    struct err *e)
{
	struct ims_evidence_record r;
	struct buf copy = BUF_INIT;
	struct ims_papers old;
	bool good;

	buf_add(&copy, value.p, value.n);
	if ((good = ims_evidence_read(buf_span(&copy), &r, e)) && !r.papers.has_seal &&
	    r.papers.n < IMS_PAPERS_MAX) {
		old = r.papers;
		ims_papers_charge(t, domain, &old);
		r.papers.has_seal = true;
		r.papers.paper[1] = (struct ims_paper) { .octets = r.seal };
		digest_sha256(r.seal, r.papers.paper[1].digest);
		for (size_t i = 1; i < old.n; i++)
			r.papers.paper[i + 1] = old.paper[i];
		r.papers.n = old.n + 1;
		ims_evidence_put(t, k, domain, &r);
	}
	buf_clear(&copy);
	return good;
}

struct keys {
	struct db_key *key;
	size_t n, cap;
};

static bool
take_key(void *arg, struct span key, struct span value)
{
	struct keys *all = arg;

	(void)value;
	if (all->n == all->cap) {
		struct db_key *more = memory_array(all->cap * 2 + 4, sizeof *more);

		if (all->n > 0)
			memcpy(more, all->key, all->n * sizeof *more);
		free(all->key);
		all->key = more;
		all->cap = all->cap * 2 + 4;
	}
	db_key_copy(&all->key[all->n++], key);
	return true;
}

bool
ims_evidence_upgrade(struct db_txn *t, const struct db_key *letter, struct span domain,
    const struct db_key *k, uint64_t *takes, struct err *e)
{
	struct span prefix = db_key_span(letter), value;
	struct keys all = { .n = 0 };
	struct ims_papers papers;
	bool good = true;

	db_each(t, EVIDENCE, prefix, prefix, take_key, &all);
	for (size_t i = 0; i < all.n && good; i++)
		if (db_get(t, EVIDENCE, db_key_span(&all.key[i]), &value))
			good = upgrade_one(t, &all.key[i], domain, value, e);
	free(all.key);
	*takes = good ? papers_of(t, k, &papers) : 0;
	return good && !db_fault(t, e);
}

/* -- for people ---------------------------------------------------------------------------------- */

static void
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
			    err_set(e, REFUSAL_storage, "certificates, seal or CRLs are missing");
		}
		if (i == 0)
			copy(&out->chain, der);
		else
			copy(i == 1 && r->papers.has_seal ? &out->seal : &out->crls, der);
	}
	return true;
}

struct of_evidence {
	struct ims_question question;
	char user[IMS_STORE_USER_BYTES];
	uint64_t number; /* 0: by id */
	struct ulid id;
	struct ims_kept kept;
	ims_store_evidence_found *done;
	void *arg;
};

static bool
find_by_number(struct db_txn *t, const struct of_evidence *q, struct span *value, struct err *e)
{
	struct ims_notice_record n;
	struct db_key letter, k;

	if (!ims_notice_get(t, q->user, q->number, &n, e))
		return false;
	letter = ims_key_letter(&n.id, address_domain(span_str(n.from)));
	k = ims_key_statement(&letter, address_domain(span_str(n.to)), n.statement);
	return db_get(t, EVIDENCE, db_key_span(&k), value) ||
	    (!db_fault(t, e) && err_set(e, REFUSAL_storage, "its evidence is missing"));
}

static bool
find_by_id(struct db_txn *t, const struct of_evidence *q, struct span *value, struct err *e)
{
	struct span prefix = span_of(q->id.b, ULID_BYTES);
	struct db_key k = { .n = 0 };

	db_each(t, EVIDENCE, prefix, prefix, db_key_take_first, &k);
	return (k.n > 0 && db_get(t, EVIDENCE, db_key_span(&k), value)) ||
	    (!db_fault(t, e) &&
		err_set(e, REFUSAL_no_such_number, "no evidence is kept under this id"));
}

static bool
look_for_evidence(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct of_evidence *q = (struct of_evidence *)question;
	struct ims_evidence_record r;
	struct span value = { 0 };

	return (q->number != 0 ? find_by_number : find_by_id)(t, q, &value, e) &&
	    ims_evidence_read(value, &r, e) && fill_kept(t, &r, &q->kept, e);
}

static void
tell_evidence(struct ims_question *question, const struct err *e)
{
	struct of_evidence *q = (struct of_evidence *)question;

	q->done(q->arg, e == NULL ? &q->kept : NULL, e);
}

static void
clear_evidence(struct ims_question *question)
{
	ims_kept_clear(&((struct of_evidence *)question)->kept);
}

static struct ims_question *
ask_for_evidence(struct ims_store *s, const struct of_evidence *what, struct loop *l)
{
	struct of_evidence *q = memory_new(sizeof *q);

	*q = *what;
	q->question.look = look_for_evidence;
	q->question.tell = tell_evidence;
	q->question.clear = clear_evidence;
	return ims_ask(&q->question, s, l);
}

struct ims_question *
ims_store_evidence(struct ims_store *s, const char *user, uint64_t number, struct loop *l,
    ims_store_evidence_found *done, void *arg)
{
	struct of_evidence q = { .number = number, .done = done, .arg = arg };

	span_copy(span_str(user), q.user, sizeof q.user);
	return ask_for_evidence(s, &q, l);
}

struct ims_question *
ims_store_evidence_of(struct ims_store *s, const struct ulid *id, struct loop *l,
    ims_store_evidence_found *done, void *arg)
{
	struct of_evidence q = { .id = *id, .done = done, .arg = arg };

	return ask_for_evidence(s, &q, l);
}
