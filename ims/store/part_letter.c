/* part_letter — a letter: its record, body and evidence, and the papers that this cites; see part.h. */
#include <string.h>

#include "ims/store/part_letter_private.h"

/* -- keys ---------------------------------------------------------------------------------------------------------- */

struct kv_key
ims_letter_key_of(unsigned what, struct span from_domain)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, what);
	kv_key_add_hash(&k, from_domain, PART_SHORT);
	return k;
}

struct kv_key
ims_letter_key_by_hash(unsigned what, struct span domain_hash)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, what);
	kv_key_add(&k, domain_hash);
	return k;
}

struct kv_key
ims_letter_key_of_own(unsigned what, struct span from_domain, struct span own)
{
	struct kv_key k = ims_letter_key_of(what, from_domain);

	kv_key_add_hash(&k, own, PART_SHORT);
	return k;
}

struct kv_key
ims_letter_key_of_evidence(struct span from_domain, struct span own, const unsigned char *statement)
{
	static const unsigned char zeros[IMS_STATEMENT_BYTES];
	struct kv_key k = ims_letter_key_of_own('e', from_domain, own);

	kv_key_add(&k, span_of(statement != NULL ? statement : zeros, (size_t)IMS_STATEMENT_BYTES));
	return k;
}

/* -- the record ---------------------------------------------------------------------------------------------------- */

bool
ims_letter_is(struct kv_txn *t, struct span from_domain, uint64_t run, int64_t now_s,
    struct ims_letter_record *r, struct err *e)
{
	struct kv_key k = ims_letter_key_of('l', from_domain);
	struct span value;

	if (!kv_get(t, kv_key_span(&k), &value))
		return kv_fault(t, e) ? false : err_word(e, REFUSAL_no_such_number);
	if (!ims_letter_read(value, r, e))
		return false;
	ims_letter_look(&r->facts, &r->lease, run, kv_is_alone(t), now_s);
	return true;
}

bool
ims_letter_get(struct kv_txn *t, struct span from_domain, struct ims_letter_record *r,
    struct err *e)
{
	struct kv_key k = ims_letter_key_of('l', from_domain);
	struct span value;

	r->refs = 0;
	if (!kv_get(t, kv_key_span(&k), &value))
		return !kv_fault(t, e);
	return ims_letter_read(value, r, e);
}

void
ims_letter_put(struct kv_txn *t, const struct ims_letter_record *r)
{
	struct kv_key k = ims_letter_key_of('l', domain_span(&r->facts.from_domain));
	struct buf value = BUF_INIT;

	ims_letter_write(&value, r);
	kv_put(t, kv_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

bool
ims_letter_body(struct kv_txn *t, struct span from_domain, struct span *octets, struct err *e)
{
	struct kv_key k = ims_letter_key_of('b', from_domain);

	return kv_get(t, kv_key_span(&k), octets) ||
	    (!kv_fault(t, e) && err_set(e, REFUSAL_storage, "a body is missing"));
}

bool
ims_letter_op_names(struct kv_txn *t, void *naming, struct err *e)
{
	struct ims_naming *n = naming;
	struct kv_key k = { .n = 0 };
	struct ims_letter_record r;
	struct span value;

	kv_key_add_u8(&k, 'l');
	kv_key_add(&k, span_of(n->domain_hash, sizeof n->domain_hash));
	if (kv_get(t, kv_key_span(&k), &value))
		n->named = !ims_letter_read(value, &r, e) || strcmp(r.file, n->file) == 0;
	else
		n->named = kv_fault(t, e);
	kv_pardon(t);
	return true;
}

/* -- evidence ------------------------------------------------------------------------------------------------------ */

bool
ims_letter_evidence(struct kv_txn *t, struct span from_domain, struct span own_domain,
    const unsigned char *statement, struct span *value, struct err *e)
{
	struct kv_key k = ims_letter_key_of_evidence(from_domain, own_domain, statement);

	return kv_get(t, kv_key_span(&k), value) ||
	    (!kv_fault(t, e) && err_set(e, REFUSAL_storage, "its evidence is missing"));
}

static bool
take_value(void *arg, struct span key, struct span value)
{
	(void)key;
	*(struct span *)arg = value;
	return false;
}

bool
ims_letter_any_evidence(struct kv_txn *t, struct span *value, struct err *e)
{
	*value = (struct span) { 0 };
	kv_each(t, SPAN_LIT("e"), SPAN_LIT("e"), take_value, value);
	return value->n > 0 ||
	    (!kv_fault(t, e) &&
		err_set(e, REFUSAL_no_such_number, "no evidence is kept under this id"));
}

struct papers {
	struct buf *digests;
	size_t left; /* rows of a page */
	struct kv_key *next;
	bool more;
};

static void
add_paper(struct buf *out, const unsigned char digest[DIGEST_BYTES])
{
	for (size_t at = 0; at < out->len; at += DIGEST_BYTES)
		if (memcmp(out->data + at, digest, DIGEST_BYTES) == 0)
			return;
	buf_add(out, digest, DIGEST_BYTES);
}

static bool
add_papers(void *arg, struct span key, struct span value)
{
	struct papers *x = arg;
	struct ims_evidence_record r;
	struct err e;

	if ((x->more = x->left == 0)) {
		x->next->n = 0;
		kv_key_add(x->next, key);
		return false;
	}
	x->left--;
	if (!ims_evidence_read(value, &r, &e))
		return true;
	for (size_t i = 0; i < r.n_papers; i++)
		add_paper(x->digests, r.paper[i]);
	return true;
}

bool
ims_letter_papers(struct kv_txn *t, const unsigned char domain_hash[PART_SHORT],
    const struct kv_key *from, struct kv_key *next, struct buf *out)
{
	struct kv_key k = ims_letter_key_by_hash('e', span_of(domain_hash, (size_t)PART_SHORT));
	struct papers x = { .digests = out, .left = EVIDENCE_PAGE, .next = next };

	buf_reset(out);
	kv_each(t, from->n > 0 ? kv_key_span(from) : kv_key_span(&k), kv_key_span(&k), add_papers,
	    &x);
	return x.more;
}

/* -- renewal ------------------------------------------------------------------------------------------------------- */

/* When the papers are renewed; the caller puts the letter. */
static void
renew_at(struct kv_txn *t, struct ims_letter_record *r, struct span domain_hash, int64_t at_s)
{
	ims_look_at(t, domain_hash, r->renew_s, at_s);
	r->renew_s = at_s;
}

void
ims_letter_renew_at(struct kv_txn *t, struct ims_letter_record *r, int64_t at_s)
{
	struct kv_key hash = { .n = 0 };

	kv_key_add_hash(&hash, domain_span(&r->facts.from_domain), PART_SHORT);
	renew_at(t, r, kv_key_span(&hash), at_s);
}

/* A record that cannot be read says nothing of itself; its evidence is renewed all the same. */
bool
ims_letter_renewed(struct kv_txn *t, void *renewing, struct err *e)
{
	struct ims_renewing *x = renewing;
	struct span hash = span_of(x->domain_hash, sizeof x->domain_hash), value;
	struct kv_key k = { .n = 0 };
	struct ims_letter_record r = { .refs = 0 };
	bool found;

	kv_key_add_u8(&k, 'l');
	kv_key_add(&k, hash);
	x->damaged = false;
	found = kv_get(t, kv_key_span(&k), &value);
	if (!found && !kv_fault(t, e))
		return true; /* it is gone */
	kv_pardon(t);
	x->damaged = !found || !ims_letter_read(value, &r, e);
	renew_at(t, &r, hash, x->now_s + PAPER_RENEW_S - ims_spread_s(kv_here(t), PAPER_SLACK_S));
	if (!x->damaged)
		ims_letter_put(t, &r);
	return true;
}
