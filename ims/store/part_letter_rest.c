/* part_letter_rest — deletes a letter, or states DONE for it, page by page; see part.h.
 *
 * What one operation cannot do to the end: the letter tells itself to go on.
 */
#include "ims/store/part_letter_private.h"

void
ims_letter_go_on(struct kv_txn *t, const struct kv_key *key, bool more)
{
	struct kv_fact f = { .what = FACT_REST,
		.name = kv_key_span(key),
		.version.n = kv_stamp(t),
		.gone = !more };

	kv_emit(t, kv_here(t), &f);
}

/* -- deletion ------------------------------------------------------------------------------------------------------ */

/* A page of rows. */
struct rest {
	struct kv_txn *t;
	size_t left;
	struct kv_key last;
	bool more;
};

/* False: it is full, or the row was in the page before. */
static bool
takes_row(struct rest *x, struct span key)
{
	if (span_eq(key, kv_key_span(&x->last)) || (x->more = x->left == 0))
		return false;
	x->left--;
	x->last.n = 0;
	kv_key_add(&x->last, key);
	return true;
}

static bool
del_of_deleted(void *arg, struct span key)
{
	struct rest *x = arg;

	if (takes_row(x, key))
		kv_del(x->t, key);
	return !x->more;
}

/* What is due outlives the letter, unless it is damaged. */
static bool
own_of_deleted(void *arg, struct span key)
{
	struct rest *x = arg;
	struct span value;
	struct ims_letter_own o;

	if (!takes_row(x, key))
		return !x->more;
	if (kv_get(x->t, key, &value) && ims_letter_read_own(value, &o) &&
	    o.has.due != IMS_DUE_NOTHING) {
		o.has.is = (struct ims_wants) { .wants = 0 };
		ims_letter_put_own_at(x->t, key, &o);
	} else {
		kv_pardon(x->t);
		kv_del(x->t, key);
	}
	return true;
}

/* Of evidence, then of our domains.  More: a row says where to go on, and no letter is put until it is gone. */
static bool
delete_page(struct kv_txn *t, struct span domain_hash)
{
	struct kv_key rest = ims_letter_key_by_hash('z', domain_hash),
		      e = ims_letter_key_by_hash('e', domain_hash),
		      o = ims_letter_key_by_hash('o', domain_hash), from = o;
	struct rest x = { .t = t, .left = DELETE_PAGE };
	struct span value;

	if (kv_get(t, kv_key_span(&rest), &value) && value.n > 0) {
		x.last.n = from.n = 0;
		kv_key_add(&from, value);
		x.last = from;
	}
	kv_each_key(t, kv_key_span(&e), kv_key_span(&e), del_of_deleted, &x);
	if (!x.more)
		kv_each_key(t, kv_key_span(&from), kv_key_span(&o), own_of_deleted, &x);
	if (!x.more)
		kv_del(t, kv_key_span(&rest));
	else if (x.last.b[0] == 'o')
		kv_put(t, kv_key_span(&rest), kv_key_span(&x.last));
	else
		kv_put(t, kv_key_span(&rest), (struct span) { 0 });
	return x.more;
}

static void
first_of_deleted(struct kv_txn *t, const struct ims_letter_record *r)
{
	struct ims_letter_own o = { r->facts.own_domain, r->own };

	o.has.is = (struct ims_wants) { .wants = 0 };
	if (o.has.due != IMS_DUE_NOTHING)
		ims_letter_put_own_row(t, domain_span(&r->facts.from_domain), &o);
}

void
ims_letter_delete(struct kv_txn *t, struct ims_letter_record *r)
{
	struct span domain = domain_span(&r->facts.from_domain);
	struct kv_key l = ims_letter_key_of('l', domain), b = ims_letter_key_of('b', domain),
		      told = ims_letter_key_of('t', domain), rest = ims_letter_key_of('z', domain);

	kv_del(t, kv_key_span(&told));
	kv_del(t, kv_key_span(&l));
	kv_del(t, kv_key_span(&b));
	if (r->facts.road == MAILBOX_SMTP)
		ims_letter_delete_given(t, domain);
	if (delete_page(t, span_sub(kv_key_span(&rest), 1, PART_SHORT)))
		ims_letter_go_on(t, &rest, true);
	first_of_deleted(t, r);
	ims_letter_renew_at(t, r, 0);
}

bool
ims_letter_is_being_deleted(struct kv_txn *t, struct span from_domain)
{
	struct kv_key rest = ims_letter_key_of('z', from_domain);
	struct span value;

	return kv_get(t, kv_key_span(&rest), &value);
}

/* -- DONE ---------------------------------------------------------------------------------------------------------- */

struct owns {
	struct kv_txn *t;
	const struct ims_letter *letter;
	size_t left; /* of a page */
	struct kv_key last;
	bool more;
};

static bool
own_is_here(void *arg, struct span key, struct span value)
{
	struct owns *x = arg;
	struct ims_letter_own o;

	if (span_eq(key, kv_key_span(&x->last)))
		return true; /* of the page before */
	if ((x->more = x->left == 0))
		return false;
	x->left--;
	x->last.n = 0;
	kv_key_add(&x->last, key);
	if (ims_letter_read_own(value, &o)) {
		ims_letter_state_due(x->t, x->letter, &o, IMS_DUE_DONE);
		ims_letter_put_own_row(x->t, domain_span(&x->letter->from_domain), &o);
	}
	return true;
}

static void
first_is_here(struct kv_txn *t, struct ims_letter_record *r)
{
	struct ims_letter_own o = { r->facts.own_domain, r->own };

	ims_letter_state_due(t, &r->facts, &o, IMS_DUE_DONE);
	r->own = o.has;
}

bool
ims_letter_state_here(struct kv_txn *t, struct ims_letter_record *r)
{
	struct span domain = domain_span(&r->facts.from_domain), value;
	struct kv_key told = ims_letter_key_of('t', domain),
		      prefix = ims_letter_key_of('o', domain), from = prefix;
	struct owns x = { .t = t, .letter = &r->facts, .left = LETTER_PAGE };

	if (kv_get(t, kv_key_span(&told), &value)) {
		kv_key_add(&from, value);
		x.last = from;
	} else {
		first_is_here(t, r);
		x.left--;
	}
	kv_each(t, kv_key_span(&from), kv_key_span(&prefix), own_is_here, &x);
	if (x.more)
		kv_put(t, kv_key_span(&told), span_sub(kv_key_span(&x.last), prefix.n, PART_SHORT));
	else
		kv_del(t, kv_key_span(&told));
	return x.more;
}

/* A letter that is here tells a page more. */
static bool
tell_page(struct kv_txn *t, struct span domain_hash, bool *more, struct err *e)
{
	struct kv_key l = ims_letter_key_by_hash('l', domain_hash),
		      told = ims_letter_key_by_hash('t', domain_hash);
	struct ims_letter_record r;
	struct span value;

	*more = false;
	if (!kv_get(t, kv_key_span(&told), &value))
		return !kv_fault(t, e); /* it is gone */
	if (!kv_get(t, kv_key_span(&l), &value))
		return !kv_fault(t, e) && ims_damaged(e);
	if (!ims_letter_read(value, &r, e))
		return false;
	*more = ims_letter_state_here(t, &r);
	return true;
}

/* -- going on ------------------------------------------------------------------------------------------------------ */

bool
ims_letter_receive_rest(struct kv_txn *t, const struct kv_fact *now, struct err *e)
{
	struct kv_key key = { .n = 0 };
	struct span hash = span_sub(now->name, 1, PART_SHORT);
	bool more;

	if (now->gone)
		return true;
	if (now->name.n != 1 + PART_SHORT)
		return ims_damaged(e);
	kv_key_add(&key, now->name);
	if (key.b[0] == 'z')
		more = delete_page(t, hash);
	else if (!tell_page(t, hash, &more, e))
		return false;
	ims_letter_go_on(t, &key, more);
	return true;
}
