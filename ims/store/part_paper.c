/* part_paper — octets that the evidence of many letters cites; see part.h. */
#include "common/base/record.h"
#include "ims/store/part.h"

#define VERSION_1 1
#define VERSION_2 2 /* ends with the only statement that cites it */
#define NOT_CITED 2 /* instead of the version of a fact: the statement is taken back */

static const struct span record_key = { "r", 1 };
static const struct span bill_key = { "w", 1 };

struct paper {
	struct domain payer;
	uint64_t octets, charged;
	int64_t until_s;
	bool damaged;
	struct span scope; /* 32 octets, or none; borrowed from the record */
	int64_t next_s;
	struct ims_citer only; /* that cites it; version 0: others do, too */
	uint64_t stated;       /* version of what the operation states; not kept */
};

static struct kv_key
key_of_piece(size_t at)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, 'x');
	kv_key_add_u64(&k, at / PAPER_PIECE);
	return k;
}

/* What must be known of a paper whose record is damaged: what it has stated, to whom. */
static void
get_bill(struct kv_txn *t, struct paper *p)
{
	struct span value;
	struct reader r;
	bool good;

	*p = (struct paper) { .damaged = true };
	if (!kv_get(t, bill_key, &value)) {
		kv_pardon(t);
		return;
	}
	r = reader_of(value);
	good = read_u8(&r) == VERSION_1;
	read_str(&r, p->payer.text, sizeof p->payer.text);
	p->octets = read_u64(&r);
	p->scope = read_span(&r);
	p->next_s = (int64_t)read_u64(&r);
	if (!good || !reader_done(&r))
		*p = (struct paper) { .damaged = true };
}

static void
put_bill(struct kv_txn *t, const struct paper *p)
{
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_span(&value, domain_span(&p->payer));
	put_u64(&value, p->octets);
	put_span(&value, p->scope);
	put_u64(&value, (uint64_t)p->next_s);
	kv_put(t, bill_key, buf_span(&value));
	buf_clear(&value);
}

/* A damaged record counts as none: the paper is put anew. */
static bool
get(struct kv_txn *t, struct paper *p)
{
	struct span value;
	struct reader r;
	struct err e;
	uint8_t version;
	bool good;

	*p = (struct paper) { .octets = 0 };
	if (!kv_get(t, record_key, &value)) {
		if (kv_fault(t, &e)) {
			kv_pardon(t);
			get_bill(t, p);
		}
		return false;
	}
	r = reader_of(value);
	version = read_u8(&r);
	good = version == VERSION_1 || version == VERSION_2;
	read_str(&r, p->payer.text, sizeof p->payer.text);
	p->octets = read_u64(&r);
	p->charged = read_u64(&r);
	p->until_s = (int64_t)read_u64(&r);
	p->scope = read_span(&r);
	p->next_s = (int64_t)read_u64(&r);
	if (version == VERSION_2) {
		p->only.source = read_u64(&r);
		p->only.version = read_u64(&r);
	}
	if (good && reader_done(&r))
		return true;
	get_bill(t, p);
	return false;
}

static void
put(struct kv_txn *t, const struct paper *p)
{
	struct buf value = BUF_INIT;

	put_u8(&value, p->only.version != 0 ? VERSION_2 : VERSION_1);
	put_span(&value, domain_span(&p->payer));
	put_u64(&value, p->octets);
	put_u64(&value, p->charged);
	put_u64(&value, (uint64_t)p->until_s);
	put_span(&value, p->scope);
	put_u64(&value, (uint64_t)p->next_s);
	if (p->only.version != 0) {
		put_u64(&value, p->only.source);
		put_u64(&value, p->only.version);
	}
	kv_put(t, record_key, buf_span(&value));
	buf_clear(&value);
}

/* gone: nothing is charged any more. */
static void
state_charge(struct kv_txn *t, const struct paper *p, bool gone)
{
	struct kv_part to = ims_part_sender(domain_span(&p->payer));
	struct ims_share takes = { p->charged, 0 };
	struct kv_key name = { .n = 0 };
	struct kv_fact f = { .what = FACT_TAKES, .version.n = p->stated, .gone = gone };
	struct buf value = BUF_INIT;

	if (p->payer.text[0] == '\0') /* of an older version: nobody was charged */
		return;
	kv_key_add_u8(&name, 'p');
	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	put_span(&value, domain_span(&p->payer));
	ims_share_write(&value, &takes);
	f.name = kv_key_span(&name);
	f.value = gone ? (struct span) { 0 } : buf_span(&value);
	kv_emit(t, &to, &f);
	buf_clear(&value);
}

static void
state_crl(struct kv_txn *t, const struct paper *p, int64_t this_s, bool gone)
{
	struct kv_key name = { .n = 0 };
	struct kv_fact f = { .what = FACT_CRL, .version.n = p->stated, .gone = gone };
	struct buf value = BUF_INIT;
	struct kv_part to;

	if (p->scope.n != DIGEST_BYTES)
		return;
	to = kv_part_of(PART_SCOPE, p->scope);
	kv_key_add_u64(&name, (uint64_t)p->next_s);
	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	put_u64(&value, (uint64_t)this_s);
	f.name = kv_key_span(&name);
	f.value = gone ? (struct span) { 0 } : buf_span(&value);
	kv_emit(t, &to, &f);
	buf_clear(&value);
}

static void
state_listed(struct kv_txn *t, const struct paper *p, bool gone)
{
	struct span name = span_of(kv_here(t)->name, kv_here(t)->n);
	struct kv_part to = kv_dir_part(PART_PAPERS, name);
	struct kv_fact f = { .what = FACT_LISTED,
		.name = name,
		.version.n = p->stated,
		.gone = gone };

	kv_emit(t, &to, &f);
}

static void
put_pieces(struct kv_txn *t, struct span octets)
{
	for (size_t at = 0; at < octets.n; at += PAPER_PIECE) {
		struct kv_key k = key_of_piece(at);

		kv_put(t, kv_key_span(&k), span_sub(octets, at, PAPER_PIECE));
	}
}

static bool
is_citer(const struct ims_citer *a, const struct ims_citer *b)
{
	return a->source == b->source && a->version == b->version;
}

bool
ims_paper_keep(struct kv_txn *t, void *keeping, struct err *e)
{
	const struct ims_keeping *k = keeping;
	struct paper p;
	bool kept = get(t, &p), shared = k->crl != NULL && k->crl->shared;
	int64_t was_s = p.until_s;
	struct paper damaged = p;

	(void)e;
	if (kept && p.only.version != 0 && !is_citer(&p.only, &k->by)) {
		p.only.version = 0;
		put(t, &p);
	}
	if (kept ? p.until_s >= k->until_s : k->octets.n == 0)
		return true;
	p.until_s = k->until_s + PAPER_SLACK_S;
	p.stated = kv_stamp(t);
	if (!kept) {
		damaged.stated = p.stated;
		if (!domain_eq(&damaged.payer, k->domain))
			state_charge(t, &damaged, true); /* who paid, if anybody did */
		p = (struct paper) { .until_s = p.until_s, .stated = p.stated };
		domain_copy_span(&p.payer, k->domain);
		p.octets = k->octets.n;
		p.only = k->by;
		p.charged = ims_takes(DIGEST_BYTES, k->octets.n);
		if (shared) {
			p.scope = span_of(k->crl->scope, sizeof k->crl->scope);
			p.next_s = k->crl->next_s;
		}
		put_pieces(t, k->octets);
		put_bill(t, &p);
		state_charge(t, &p, false);
		state_listed(t, &p, false);
		if (shared)
			state_crl(t, &p, k->crl->this_s, false);
	}
	ims_look_at(t, (struct span) { 0 }, kept ? was_s : 0, p.until_s);
	put(t, &p);
	return true;
}

/* Rows by their keys: a damaged one goes, too. */
static void
end(struct kv_txn *t, struct paper *p)
{
	p->stated = kv_stamp(t);
	state_charge(t, p, true);
	state_listed(t, p, true);
	state_crl(t, p, 0, true);
	ims_look_at(t, (struct span) { 0 }, p->until_s, 0);
	for (size_t at = 0; at < p->octets; at += PAPER_PIECE) {
		struct kv_key k = key_of_piece(at);

		kv_del(t, kv_key_span(&k));
	}
	kv_del(t, bill_key);
	kv_del(t, record_key);
}

/* -- citing ------------------------------------------------------------------------------------------------- */

void
ims_citing_add(struct buf *out, const unsigned char digest[DIGEST_BYTES], struct span octets,
    int64_t until_s)
{
	put_bytes(out, digest, DIGEST_BYTES);
	put_u64(out, (uint64_t)until_s);
	put_span(out, octets);
}

/* The fact goes as soon as it was heard: what a paper keeps of it is its own. */
void
ims_state_citing(struct kv_txn *t, struct span name, struct span papers, struct span from_domain,
    int64_t now_s, uint64_t version)
{
	struct kv_fact f = { .what = FACT_CITES, .name = name };
	struct reader r = reader_of(papers);
	unsigned char digest[DIGEST_BYTES];
	struct buf value = BUF_INIT;
	uint64_t gone = kv_stamp(t);
	struct kv_part to;
	int64_t until_s;

	while (r.rest.n > 0 && !r.bad) {
		read_bytes(&r, digest, sizeof digest);
		until_s = (int64_t)read_u64(&r);
		buf_reset(&value);
		put_u8(&value, VERSION_1);
		put_span(&value, from_domain);
		put_u64(&value, (uint64_t)until_s);
		put_u64(&value, (uint64_t)now_s);
		put_span(&value, read_span(&r));
		to = ims_part_paper(digest);
		f.gone = false;
		f.version.n = version;
		f.value = buf_span(&value);
		kv_emit_awaited(t, &to, &f);
		f.gone = true;
		f.version.n = gone;
		f.value = (struct span) { 0 };
		kv_emit(t, &to, &f);
	}
	buf_clear(&value);
}

void
ims_state_not_citing(struct kv_txn *t, struct span name, const unsigned char *const *paper,
    size_t n, uint64_t cited)
{
	struct kv_fact f = { .what = FACT_CITES, .name = name };
	uint64_t version = kv_stamp(t), gone = kv_stamp(t);
	struct buf value = BUF_INIT;
	struct kv_part to;

	put_u8(&value, NOT_CITED);
	put_u64(&value, cited);
	for (size_t i = 0; i < n; i++) {
		to = ims_part_paper(paper[i]);
		f.gone = false;
		f.version.n = version;
		f.value = buf_span(&value);
		kv_emit(t, &to, &f);
		f.gone = true;
		f.version.n = gone;
		f.value = (struct span) { 0 };
		kv_emit(t, &to, &f);
	}
	buf_clear(&value);
}

static void
not_cited(struct kv_txn *t, const struct ims_citer *by)
{
	struct paper p;

	if (get(t, &p) && is_citer(&p.only, by))
		end(t, &p);
}

/* Whoever cites it by its digest alone believes that it is kept.  One that is damaged was. */
static bool
is_missing(struct kv_txn *t, const struct ims_keeping *k)
{
	struct paper p;

	return k->octets.n == 0 && !get(t, &p) && !p.damaged;
}

bool
ims_paper_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct reader r = reader_of(now->value);
	struct ims_keeping k = { .crl = NULL };
	uint8_t what;
	bool good;

	(void)was;
	(void)arg;
	if (now->gone)
		return true;
	/* The first octets of an id are its time, which many letters share. */
	k.by = (struct ims_citer) { kv_key_u64(span_of(from->name, from->n), from->n - 8U),
		now->version.n };
	what = read_u8(&r);
	if (what == NOT_CITED) {
		k.by.version = read_u64(&r);
		not_cited(t, &k.by);
		return reader_done(&r) || ims_damaged(e);
	}
	good = what == VERSION_1;
	k.domain = read_span(&r);
	k.until_s = (int64_t)read_u64(&r);
	k.now_s = (int64_t)read_u64(&r);
	k.octets = read_span(&r);
	if (!good || !reader_done(&r))
		return ims_damaged(e);
	if (is_missing(t, &k))
		return err_word(e, REFUSAL_too_many_outstanding);
	kv_keep(t, (struct span) { 0 });
	return ims_paper_keep(t, &k, e);
}

/* -- its end -------------------------------------------------------------------------------------------------- */

bool
ims_paper_expire(struct kv_txn *t, void *keeping, struct err *e)
{
	struct ims_keeping *k = keeping;
	struct paper p;

	(void)e;
	k->gone = false;
	if (get(t, &p)) {
		if (p.until_s >= k->now_s)
			return true;
	} else if (!p.damaged) {
		return true;
	} else {
		p.until_s = k->until_s;
	}
	k->gone = true;
	end(t, &p);
	return true;
}

bool
ims_paper_is(struct kv_txn *t, struct ims_paper_is *out)
{
	struct paper p;

	if (!get(t, &p))
		return false;
	*out = (struct ims_paper_is) { p.payer, p.octets, p.charged, p.until_s,
		p.only.version != 0 };
	return true;
}

static bool
add_piece(void *arg, struct span key, struct span value)
{
	(void)key;
	buf_add(arg, value.p, value.n);
	return true;
}

bool
ims_paper_read(struct kv_txn *t, struct buf *out, struct err *e)
{
	size_t before = out->len;
	struct paper p;

	if (get(t, &p))
		kv_each(t, SPAN_LIT("x"), SPAN_LIT("x"), add_piece, out);
	if (kv_fault(t, e))
		return false;
	return (p.octets > 0 && out->len - before == p.octets) ||
	    err_set(e, REFUSAL_storage, "certificates, seal or CRLs are missing");
}
