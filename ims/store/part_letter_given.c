/* part_letter_given — a letter that came by SMTP: it is here for all its recipients, or for none; see part.h. */
#include <string.h>

#include "common/base/record.h"
#include "ims/store/part_given.h"
#include "ims/store/part_letter_private.h"

#define VERSION_1 1
#define KEY       60 /* of a row, with its partition, about */

/* -- whom it was given to ------------------------------------------------------------------------------------------ */

/* The row "g". */
struct givings {
	uint64_t version; /* of what the letter stated */
	size_t n;
	struct span mailboxes; /* PART_HASH octets each */
};

static void
put_givings(struct kv_txn *t, const struct ims_given *g, uint64_t version)
{
	struct kv_key k = ims_letter_key_of('g', domain_span(&g->payer));
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_u64(&value, version);
	for (size_t i = 0; i < g->n_to; i++) {
		struct kv_part mailbox = ims_part_mailbox(g->to[i].user);

		put_bytes(&value, mailbox.name, mailbox.n);
	}
	kv_put(t, kv_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

static bool
get_givings(struct kv_txn *t, struct span payer_hash, struct givings *g, struct err *e)
{
	struct kv_key k = ims_letter_key_by_hash('g', payer_hash);
	struct reader in;
	struct span value;

	if (!kv_get(t, kv_key_span(&k), &value))
		return !kv_fault(t, e) && ims_damaged(e);
	in = reader_of(value);
	if (read_u8(&in) != VERSION_1)
		return ims_damaged(e);
	g->version = read_u64(&in);
	g->mailboxes = in.rest;
	g->n = in.rest.n / PART_HASH;
	return !in.bad || ims_damaged(e);
}

/* value: empty where it is gone. */
static void
state_given(struct kv_txn *t, const struct kv_part *mailbox, const struct ims_given_name *name,
    uint64_t version, struct span value)
{
	struct kv_key k = ims_given_fact_name(name);
	struct kv_fact f = { .what = FACT_GIVEN,
		.name = kv_key_span(&k),
		.version.n = version,
		.gone = value.n == 0,
		.value = value };

	if (f.gone)
		kv_emit(t, mailbox, &f);
	else
		kv_emit_awaited(t, mailbox, &f);
}

static struct ims_given_name
name_of(struct kv_txn *t, struct span payer_hash, size_t index)
{
	struct ims_given_name n = { .index = (uint32_t)index };

	memcpy(n.id.b, kv_here(t)->name, ULID_BYTES);
	memcpy(n.payer_hash, payer_hash.p, PART_SHORT);
	return n;
}

/* -- giving -------------------------------------------------------------------------------------------------------- */

/* Its rows but the evidence. */
static uint64_t
rows_take(const struct ims_giving *x)
{
	size_t givings = 16 + PART_HASH * x->given->n_to;

	return ims_takes(KEY, x->given->head.n) + ims_takes(KEY, givings) +
	    (x->file[0] == '\0' ? ims_takes(KEY, x->octets.n) : x->size);
}

static void
fill_fact(const struct ims_giving *x, size_t i, struct ims_given_fact *f)
{
	const struct ims_given *g = x->given;

	*f = (struct ims_given_fact) {
		.payer = domain_span(&g->payer),
		.user = span_str(g->to[i].user),
		.from = span_str(g->from),
		.to = span_str(g->to[i].address),
		.issuer = span_str(g->evidence->issuer),
		.marks = *g->marks,
		.received_s = g->evidence->received_s,
		.date_s = g->date_s,
		.takes = rows_take(x) + ims_evidence_takes(x->evidence),
		.pays = i == 0,
		.groups = x->groups,
		.mailbox_limit = g->evidence->mailbox_limit,
	};
}

uint64_t
ims_giving_takes(const struct ims_giving *x)
{
	static const struct ims_given_name any;
	struct ims_notice_record n;
	struct ims_given_fact f;
	uint64_t takes = 0;

	for (size_t i = 0; i < x->given->n_to; i++) {
		fill_fact(x, i, &f);
		ims_given_notice(&n, &any, &f);
		takes += ims_notice_takes(&n) + (f.pays ? f.takes : 0);
	}
	return takes;
}

static bool
has_share(struct kv_txn *t, const struct ims_giving *x, struct err *e)
{
	uint64_t limit = x->given->evidence->sender_limit;
	enum ims_fit fit;

	if (limit == 0)
		return true;
	fit = ims_share_fit(x->sender_has + ims_giving_takes(x), limit, x->store_size);
	if (RULE(sender_share) &&
	    (fit == IMS_FITS_NOT ||
		(fit == IMS_FITS_UNLESS_SCARCE &&
		    !kv_has_free(t, x->store_size / IMS_SHARE_SCARCE))))
		return err_word(e, REFUSAL_sender_share);
	return true;
}

static void
put_rows(struct kv_txn *t, const struct ims_giving *x)
{
	struct span payer = domain_span(&x->given->payer);
	struct kv_key h = ims_letter_key_of('h', payer), b = ims_letter_key_of('b', payer),
		      e = ims_letter_key_of_evidence(payer, (struct span) { 0 }, NULL);

	kv_put(t, kv_key_span(&h), x->given->head);
	kv_put(t, kv_key_span(&e), x->evidence);
	if (x->file[0] == '\0')
		kv_put(t, kv_key_span(&b), x->octets);
}

static void
fill_letter(struct ims_letter_record *r, const struct ims_giving *x, uint64_t lease_by)
{
	const struct ims_given *g = x->given;

	r->facts.id = g->id;
	r->facts.from_domain = g->payer;
	domain_copy_span(&r->facts.own_domain, address_domain(span_str(g->to[0].address)));
	r->facts.size = g->head.n + x->size;
	r->facts.summary_size = r->facts.size < BODY_HEAD_BYTES ? r->facts.size
								: (uint64_t)BODY_HEAD_BYTES;
	r->lease.by = lease_by;
	r->refs = (uint32_t)g->n_to;
	r->takes = rows_take(x);
	span_copy(span_str(x->file), r->file, sizeof r->file);
}

bool
ims_letter_op_give(struct kv_txn *t, void *giving, struct err *e)
{
	const struct ims_giving *x = giving;
	const struct ims_given *g = x->given;
	struct span payer = domain_span(&g->payer);
	struct kv_key hash = { .n = 0 };
	struct ims_letter_record r;
	struct ims_given_fact f;
	struct buf value = BUF_INIT;
	uint64_t version;
	bool is_new;

	if (!ims_letter_get(t, payer, &r, e))
		return false;
	is_new = r.refs == 0 && !ims_letter_is_being_deleted(t, payer);
	r = (struct ims_letter_record) { .refs = 0 };
	if (!ims_letter_given(&r.facts, is_new, e) || !has_share(t, x, e))
		return false;
	version = kv_stamp(t);
	fill_letter(&r, x, version);
	if (x->papers.n > 0)
		ims_letter_renew_at(t, &r, g->evidence->received_s + PAPER_RENEW_S);
	ims_letter_put(t, &r);
	put_rows(t, x);
	put_givings(t, g, version);
	ims_letter_state_papers(t, payer, x->papers, g->evidence->received_s, version);
	kv_key_add_hash(&hash, payer, PART_SHORT);
	for (size_t i = 0; i < g->n_to; i++) {
		struct kv_part mailbox = ims_part_mailbox(g->to[i].user);
		struct ims_given_name name = name_of(t, kv_key_span(&hash), i);

		fill_fact(x, i, &f);
		buf_reset(&value);
		ims_given_fact_write(&value, &f);
		state_given(t, &mailbox, &name, version, buf_span(&value));
	}
	buf_clear(&value);
	return true;
}

/* -- taking back --------------------------------------------------------------------------------------------------- */

void
ims_letter_delete_given(struct kv_txn *t, struct span payer)
{
	struct kv_key h = ims_letter_key_of('h', payer), g = ims_letter_key_of('g', payer);

	kv_del(t, kv_key_span(&h));
	kv_del(t, kv_key_span(&g));
}

void
ims_letter_given_gone(struct kv_txn *t, const struct kv_part *mailbox, struct span payer,
    uint32_t index)
{
	struct kv_key hash = { .n = 0 };
	struct ims_given_name name;

	kv_key_add_hash(&hash, payer, PART_SHORT);
	name = name_of(t, kv_key_span(&hash), index);
	state_given(t, mailbox, &name, kv_stamp(t), (struct span) { 0 });
}

/* Each paper knows whether this statement brought it. */
static void
take_back_papers(struct kv_txn *t, struct span payer, uint64_t version)
{
	struct kv_key name = { .n = 0 };
	const unsigned char *paper[IMS_PAPERS_MAX];
	struct ims_evidence_record r;
	struct span value;
	struct err none;

	if (!ims_letter_given_evidence(t, payer, &value, &none) ||
	    !ims_evidence_read(value, &r, &none)) {
		kv_pardon(t);
		return;
	}
	for (size_t i = 0; i < r.n_papers; i++)
		paper[i] = r.paper[i];
	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	kv_key_add_u64(&name, version);
	ims_state_not_citing(t, kv_key_span(&name), paper, r.n_papers, version);
}

static void
take_back(struct kv_txn *t, struct ims_letter_record *r, struct span payer_hash,
    const struct givings *g)
{
	uint64_t gone = kv_stamp(t);

	for (size_t i = 0; i < g->n; i++) {
		struct kv_part mailbox = kv_part_of(PART_MAILBOX,
		    span_sub(g->mailboxes, i * PART_HASH, PART_HASH));
		struct ims_given_name name = name_of(t, payer_hash, i);

		state_given(t, &mailbox, &name, gone, (struct span) { 0 });
	}
	take_back_papers(t, domain_span(&r->facts.from_domain), g->version);
	r->refs = 0;
	ims_pays_without(t, r, (struct span) { 0 }, 0);
	ims_letter_delete(t, r);
}

/* A mailbox has no room, or a paper finds no space.  Of another letter what was refused is an evidence's paper, and the
 * answer to its sender says so. */
bool
ims_letter_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e)
{
	struct span hash = span_sub(fact->name, ULID_BYTES, PART_SHORT), value;
	struct kv_key l = ims_letter_key_by_hash('l', hash);
	struct ims_letter_record r;
	struct givings g = { .n = 0 };

	(void)to;
	(void)why;
	(void)arg;
	if (!kv_get(t, kv_key_span(&l), &value))
		return !kv_fault(t, e); /* another mailbox has refused it before */
	if (!ims_letter_read(value, &r, e))
		return false;
	if (r.facts.road != MAILBOX_SMTP)
		return true;
	if (!get_givings(t, hash, &g, e))
		return false;
	if (g.version == fact->version.n)
		take_back(t, &r, hash, &g);
	return true;
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

bool
ims_letter_head(struct kv_txn *t, struct span payer, struct span *octets, struct err *e)
{
	struct kv_key k = ims_letter_key_of('h', payer);

	return kv_get(t, kv_key_span(&k), octets) ||
	    (!kv_fault(t, e) && err_set(e, REFUSAL_storage, "a header is missing"));
}

bool
ims_letter_given_evidence(struct kv_txn *t, struct span payer, struct span *value, struct err *e)
{
	struct kv_key k = ims_letter_key_of_evidence(payer, (struct span) { 0 }, NULL);

	return kv_get(t, kv_key_span(&k), value) ||
	    (!kv_fault(t, e) && err_set(e, REFUSAL_storage, "its evidence is missing"));
}
