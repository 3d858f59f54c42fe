/* store_paper — keeps each paper once and charges it once; see store_paper.h. */
#include "ims/store/store_paper.h"

#include <string.h>

#include "common/base/record.h"
#include "ims/store/store_private.h"
#include "ims/store/store_share.h"

#define VERSION_1      1
#define CITED_BYTES    (DIGEST_BYTES + 40) /* with a key of EVIDENCE */
#define FIRST_CRL      2                   /* among the papers of a letter */
#define CANDIDATES_MAX 8 /* kept CRLs of one scope and in force that are looked at */

/* -- keys and records ----------------------------------------------------------------------------- */

static struct db_key
key_cited(const unsigned char digest[DIGEST_BYTES], const struct db_key *evidence)
{
	struct db_key k = { .n = 0 };

	db_key_add(&k, digest, DIGEST_BYTES);
	db_key_add(&k, evidence->b, evidence->n);
	return k;
}

static struct db_key
key_payer(const unsigned char digest[DIGEST_BYTES])
{
	struct db_key k = { .n = 0 };

	db_key_add(&k, "p", 1);
	db_key_add(&k, digest, DIGEST_BYTES);
	return k;
}

/* Prefix of the kept CRLs of this scope. */
static struct db_key
key_scope(struct span scope)
{
	struct db_key k = { .n = 0 };

	db_key_add(&k, "s", 1);
	db_key_add(&k, scope.p, scope.n);
	return k;
}

static struct db_key
key_kept(struct span scope, int64_t next_s, const unsigned char digest[DIGEST_BYTES])
{
	struct db_key k = key_scope(scope);

	db_key_add_u64(&k, (uint64_t)next_s);
	db_key_add(&k, digest, DIGEST_BYTES);
	return k;
}

struct payer {
	struct span domain, scope; /* borrowed from the record */
	uint64_t octets;
	int64_t next_s;
};

static bool
payer_get(struct db_txn *t, const unsigned char digest[DIGEST_BYTES], struct payer *p)
{
	struct db_key k = key_payer(digest);
	struct span value;
	struct reader r;
	bool good;

	if (!ims_get_spared(t, KEPT, &k, &value))
		return false;
	r = reader_of(value);
	good = read_u8(&r) == VERSION_1;
	p->domain = read_span(&r);
	p->octets = read_u64(&r);
	p->scope = read_span(&r);
	p->next_s = (int64_t)read_u64(&r);
	return good && reader_done(&r);
}

static struct span
scope_of(const struct crl_octets *crl)
{
	return crl != NULL && crl->shared ? span_of(crl->scope, sizeof crl->scope)
					  : (struct span) { 0 };
}

/* -- who pays -------------------------------------------------------------------------------------- */

static uint64_t
paper_takes(size_t octets)
{
	return ims_takes(DIGEST_BYTES, octets) + ims_takes(1 + DIGEST_BYTES, 72) +
	    ims_takes(1 + 2 * DIGEST_BYTES + 8, 8);
}

uint64_t
ims_papers_rows(size_t n)
{
	return n * ims_takes(CITED_BYTES, 0);
}

static void
charge(struct db_txn *t, struct span domain, const struct ims_paper *p, size_t octets)
{
	struct db_key k = key_payer(p->digest), share = ims_key_share(domain);
	struct span scope = scope_of(p->crl);
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_span(&value, domain);
	put_u64(&value, paper_takes(octets));
	put_span(&value, scope);
	put_u64(&value, scope.n > 0 ? (uint64_t)p->crl->next_s : 0);
	db_put(t, KEPT, db_key_span(&k), buf_span(&value));
	if (scope.n > 0) {
		k = key_kept(scope, p->crl->next_s, p->digest);
		buf_reset(&value);
		put_u64(&value, (uint64_t)p->crl->this_s);
		db_put(t, KEPT, db_key_span(&k), buf_span(&value));
	}
	buf_clear(&value);
	ims_share_change(t, &share, (int64_t)paper_takes(octets), 0);
}

static void
give_back(struct db_txn *t, const unsigned char digest[DIGEST_BYTES])
{
	struct db_key k = key_payer(digest), share, scope = { .n = 0 };
	struct payer p;

	if (!payer_get(t, digest, &p))
		return;
	share = ims_key_share(p.domain);
	if (p.scope.n > 0)
		scope = key_kept(p.scope, p.next_s, digest);
	ims_share_change(t, &share, -(int64_t)p.octets, 0);
	if (scope.n > 0)
		db_del(t, KEPT, db_key_span(&scope));
	db_del(t, KEPT, db_key_span(&k));
}

void
ims_papers_charge(struct db_txn *t, struct span domain, const struct ims_papers *papers)
{
	for (size_t i = 0; i < papers->n; i++) {
		struct ims_paper p = { .octets = { 0 } };
		struct payer payer;
		struct span octets;

		memcpy(p.digest, papers->paper[i].digest, DIGEST_BYTES);
		if (!payer_get(t, p.digest, &payer) &&
		    db_get(t, PAPER, span_of(p.digest, DIGEST_BYTES), &octets))
			charge(t, domain, &p, octets.n);
	}
}

/* -- citing ----------------------------------------------------------------------------------------- */

static bool
note_one(void *arg, struct span key, struct span value)
{
	(void)key;
	(void)value;
	*(bool *)arg = true;
	return false;
}

/* Does not read the paper, which may be long: that would compute its checksum. */
static bool
is_cited(struct db_txn *t, struct span digest)
{
	bool any = false;

	db_each(t, CITED, digest, digest, note_one, &any);
	return any;
}

static void
cite(struct db_txn *t, struct span domain, const struct ims_paper *p, const struct db_key *k)
{
	struct db_key cited = key_cited(p->digest, k);
	struct span digest = span_of(p->digest, DIGEST_BYTES);

	if (!is_cited(t, digest)) {
		db_put(t, PAPER, digest, p->octets);
		charge(t, domain, p, p->octets.n);
	}
	db_put(t, CITED, db_key_span(&cited), (struct span) { 0 });
}

static void
drop_paper(struct db_txn *t, const struct ims_paper *p, const struct db_key *k)
{
	struct db_key cited = key_cited(p->digest, k);
	struct span digest = span_of(p->digest, DIGEST_BYTES);

	db_del(t, CITED, db_key_span(&cited));
	if (is_cited(t, digest))
		return;
	db_del(t, PAPER, digest);
	give_back(t, p->digest);
}

static bool
is_among(const struct ims_papers *all, const struct ims_paper *p)
{
	for (size_t i = 0; i < all->n; i++)
		if (memcmp(all->paper[i].digest, p->digest, DIGEST_BYTES) == 0)
			return true;
	return false;
}

void
ims_papers_exchange(struct db_txn *t, const struct db_key *k, struct span domain,
    const struct ims_papers *before, const struct ims_papers *now)
{
	for (size_t i = 0; i < now->n; i++)
		if (!is_among(before, &now->paper[i]))
			cite(t, domain, &now->paper[i], k);
	for (size_t i = 0; i < before->n; i++)
		if (!is_among(now, &before->paper[i]))
			drop_paper(t, &before->paper[i], k);
}

/* -- a CRL that is kept already ------------------------------------------------------------------- */

struct candidates {
	int64_t received_s;
	size_t n;
	unsigned char digest[CANDIDATES_MAX][DIGEST_BYTES];
};

/* Keys are sorted by nextUpdate, from the time of receipt on. */
static bool
take_candidate(void *arg, struct span key, struct span value)
{
	struct candidates *c = arg;
	struct reader r = reader_of(value);
	int64_t this_s = (int64_t)read_u64(&r);
	struct span digest = span_sub(key, 1 + DIGEST_BYTES + 8, DIGEST_BYTES);

	if (reader_done(&r) && digest.n == DIGEST_BYTES && this_s <= c->received_s)
		memcpy(c->digest[c->n++], digest.p, DIGEST_BYTES);
	return c->n < CANDIDATES_MAX;
}

static void
find_candidates(struct db_txn *t, int64_t received_s, const struct ims_paper *p,
    struct candidates *c)
{
	struct db_key scope = key_scope(scope_of(p->crl)), from = scope;

	*c = (struct candidates) { .received_s = received_s };
	if (scope_of(p->crl).n == 0)
		return;
	db_key_add_u64(&from, (uint64_t)received_s);
	db_each(t, KEPT, db_key_span(&from), db_key_span(&scope), take_candidate, c);
}

/* True: the kept CRL does not contain the certificate's serial number.  An older CRL may list a certificate
 * that was on hold and no longer is, and would make the evidence fail.  Searches for the DER of the number;
 * any match, even a coincidence, makes us keep the new CRL.  Remembers the result, since reading a long
 * CRL takes milliseconds. */
static bool
is_silent(struct db_txn *t, struct ims_store *s, const unsigned char digest[DIGEST_BYTES],
    const struct crl_octets *crl)
{
	struct buf both = BUF_INIT;
	struct db_key paper = { .n = 0 };
	unsigned char name[DIGEST_BYTES];
	struct ims_silent *known;
	struct span octets;

	put_bytes(&both, digest, DIGEST_BYTES);
	put_bytes(&both, crl->serial, crl->serial_n);
	digest_sha256(buf_span(&both), name);
	buf_clear(&both);
	known = &s->silent[name[0] % IMS_SILENT_MAX];
	if (memcmp(known->name, name, sizeof name) == 0)
		return known->silent;
	db_key_add(&paper, digest, DIGEST_BYTES);
	if (!ims_get_spared(t, PAPER, &paper, &octets))
		return false;
	memcpy(known->name, name, sizeof name);
	known->silent = memmem(octets.p, octets.n, crl->serial, crl->serial_n) == NULL;
	return known->silent;
}

static void
choose_crl(struct db_txn *t, struct ims_store *s, int64_t received_s, struct ims_paper *p)
{
	struct candidates c;

	find_candidates(t, received_s, p, &c);
	for (size_t i = 0; i < c.n; i++)
		if (is_silent(t, s, c.digest[i], p->crl)) {
			memcpy(p->digest, c.digest[i], DIGEST_BYTES);
			p->octets = (struct span) { 0 };
			p->crl = NULL;
			return;
		}
}

uint64_t
ims_papers_choose(struct db_txn *t, struct ims_store *s, int64_t received_s, struct ims_papers *p)
{
	uint64_t takes = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct ims_paper *one = &p->paper[i];

		if (is_cited(t, span_of(one->digest, DIGEST_BYTES)))
			continue;
		if (i >= FIRST_CRL)
			choose_crl(t, s, received_s, one);
		if (one->octets.p != NULL)
			takes += paper_takes(one->octets.n);
	}
	return takes;
}

uint64_t
ims_papers_about(struct db_txn *t, int64_t received_s, const struct ims_papers *p)
{
	uint64_t takes = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct candidates c = { .n = 0 };

		if (is_cited(t, span_of(p->paper[i].digest, DIGEST_BYTES)))
			continue;
		if (i >= FIRST_CRL)
			find_candidates(t, received_s, &p->paper[i], &c);
		if (c.n == 0)
			takes += paper_takes(p->paper[i].octets.n);
	}
	return takes;
}
