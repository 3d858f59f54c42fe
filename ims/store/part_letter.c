/* part_letter — the letters of one id: state, body, evidence, and which acknowledgement is due; see part.h. */
#include <string.h>

#include "common/base/record.h"
#include "ims/store/part.h"

#define VERSION_1 1

/* -- keys ------------------------------------------------------------------------------------------------ */

static struct kv_key
key_of(unsigned what, struct span from_domain)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, what);
	ims_key_add_hash(&k, from_domain, PART_SHORT);
	return k;
}

static struct kv_key
key_of_own(unsigned what, struct span from_domain, struct span own)
{
	struct kv_key k = key_of(what, from_domain);

	ims_key_add_hash(&k, own, PART_SHORT);
	return k;
}

/* statement NULL: the newest that only prolonged the promise. */
static struct kv_key
key_of_evidence(struct span from_domain, struct span own, const unsigned char *statement)
{
	static const unsigned char zeros[IMS_STATEMENT_BYTES];
	struct kv_key k = key_of_own('e', from_domain, own);

	kv_key_add(&k, span_of(statement != NULL ? statement : zeros, (size_t)IMS_STATEMENT_BYTES));
	return k;
}

/* -- the letter's record ---------------------------------------------------------------------------------- */

bool
ims_letter_is(struct kv_txn *t, struct span from_domain, uint64_t run, int64_t now_s,
    struct ims_letter_record *r, struct err *e)
{
	struct kv_key k = key_of('l', from_domain);
	struct span value;

	if (!kv_get(t, kv_key_span(&k), &value))
		return kv_fault(t, e) ? false : err_word(e, REFUSAL_no_such_number);
	if (!ims_letter_read(value, r, e))
		return false;
	ims_letter_look(&r->facts, &r->lease, run, kv_is_alone(t), now_s);
	return true;
}

static void
put_letter(struct kv_txn *t, const struct ims_letter_record *r)
{
	struct kv_key k = key_of('l', domain_span(&r->facts.from_domain));
	struct buf value = BUF_INIT;

	ims_letter_write(&value, r);
	kv_put(t, kv_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

bool
ims_letter_body(struct kv_txn *t, struct span from_domain, struct span *octets, struct err *e)
{
	struct kv_key k = key_of('b', from_domain);

	return kv_get(t, kv_key_span(&k), octets) ||
	    (!kv_fault(t, e) && err_set(e, REFUSAL_storage, "a body is missing"));
}

bool
ims_letter_evidence(struct kv_txn *t, struct span from_domain, struct span own_domain,
    const unsigned char *statement, struct span *value, struct err *e)
{
	struct kv_key k = key_of_evidence(from_domain, own_domain, statement);

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

/* A lease is looked at when it matters; here its state is as it was written. */
static bool
get_letter(struct kv_txn *t, struct span from_domain, struct ims_letter_record *r, struct err *e)
{
	struct kv_key k = key_of('l', from_domain);
	struct span value;

	r->refs = 0;
	if (!kv_get(t, kv_key_span(&k), &value))
		return !kv_fault(t, e);
	return ims_letter_read(value, r, e);
}

/* -- our domains -------------------------------------------------------------------------------------------- */

struct own {
	struct domain domain;
	struct ims_own has;
};

static bool
own_read(struct span value, struct own *o)
{
	struct reader in = reader_of(value);
	bool good = read_u8(&in) == VERSION_1;

	*o = (struct own) { .has = { .round = 0 } };
	read_str(&in, o->domain.text, sizeof o->domain.text);
	return ims_own_read(&in, &o->has) && good && reader_done(&in);
}

static bool
row_get(struct kv_txn *t, struct span from_domain, struct span own, struct own *o)
{
	struct kv_key k = key_of_own('o', from_domain, own);
	struct span value;

	*o = (struct own) { .has = { .round = 0 } };
	domain_copy_span(&o->domain, own);
	if (kv_get(t, kv_key_span(&k), &value) && own_read(value, o))
		return true;
	kv_pardon(t);
	return false;
}

static void
row_put_at(struct kv_txn *t, struct span key, const struct own *o)
{
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_span(&value, domain_span(&o->domain));
	ims_own_write(&value, &o->has);
	kv_put(t, key, buf_span(&value));
	buf_clear(&value);
}

static void
row_put(struct kv_txn *t, struct span from_domain, const struct own *o)
{
	struct kv_key k = key_of_own('o', from_domain, domain_span(&o->domain));

	row_put_at(t, kv_key_span(&k), o);
}

/* The record of the letter has what its first domain wants; of the others, and where the letter is gone, rows do. */
static bool
is_first(const struct ims_letter_record *r, struct span own)
{
	return r->refs > 0 && domain_eq(&r->facts.own_domain, own);
}

static bool
own_get(struct kv_txn *t, const struct ims_letter_record *r, struct span own, struct own *o)
{
	if (!is_first(r, own))
		return row_get(t, domain_span(&r->facts.from_domain), own, o);
	o->domain = r->facts.own_domain;
	o->has = r->own;
	return true;
}

/* That of the first domain is put with the letter, by the caller. */
static void
own_put(struct kv_txn *t, struct ims_letter_record *r, const struct own *o)
{
	if (is_first(r, domain_span(&o->domain)))
		r->own = o->has;
	else
		row_put(t, domain_span(&r->facts.from_domain), o);
}

/* Each statement of what is due has a round of its own, so an answer to an older one ends nothing. */
static void
state_due(struct kv_txn *t, const struct ims_letter *l, struct own *own, enum ims_due due)
{
	struct kv_part to = ims_part_acks(domain_span(&l->from_domain));
	struct ims_own *o = &own->has;
	struct kv_key name;
	struct buf value = BUF_INIT;
	struct ims_ack a = { .id = l->id,
		.from_domain = l->from_domain,
		.own_domain = own->domain,
		.declined = due == IMS_DUE_DECLINE,
		.until_s = l->hold_until_s };
	struct kv_fact f = { .what = FACT_ACK, .gone = due == IMS_DUE_NOTHING };

	if (due == IMS_DUE_NOTHING && o->due == IMS_DUE_NOTHING)
		return;
	o->due = due;
	o->round = kv_stamp(t);
	a.round = f.version.n = o->round;
	name = ims_ack_name(&a);
	ims_ack_write(&value, &a);
	f.name = kv_key_span(&name);
	f.value = f.gone ? (struct span) { 0 } : buf_span(&value);
	kv_emit(t, &to, &f);
	buf_clear(&value);
}

static void
change_due(struct kv_txn *t, const struct ims_letter *l, struct own *o, enum ims_ack_due what)
{
	switch (what) {
	case IMS_ACK_SAME:
		break;
	case IMS_ACK_VOID:
		state_due(t, l, o, IMS_DUE_NOTHING);
		break;
	case IMS_ACK_DONE:
		state_due(t, l, o, IMS_DUE_DONE);
		break;
	case IMS_ACK_DECLINE:
		state_due(t, l, o, IMS_DUE_DECLINE);
		break;
	case IMS_ACK_DECLINE_IF_NONE:
		if (o->has.due == IMS_DUE_NOTHING)
			state_due(t, l, o, IMS_DUE_DECLINE);
		break;
	}
}

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
	struct own o;

	if (span_eq(key, kv_key_span(&x->last)))
		return true; /* of the page before */
	if ((x->more = x->left == 0))
		return false;
	x->left--;
	x->last.n = 0;
	kv_key_add(&x->last, key);
	if (own_read(value, &o)) {
		state_due(x->t, x->letter, &o, IMS_DUE_DONE);
		row_put(x->t, domain_span(&x->letter->from_domain), &o);
	}
	return true;
}

static void
first_of_deleted(struct kv_txn *t, const struct ims_letter_record *r)
{
	struct own o = { r->facts.own_domain, r->own };

	o.has.is = (struct ims_wants) { .wants = 0 };
	if (o.has.due != IMS_DUE_NOTHING)
		row_put(t, domain_span(&r->facts.from_domain), &o);
}

/* A deletion left what was due in a row; the record takes it over. */
static void
take_first(struct kv_txn *t, struct ims_letter_record *r)
{
	struct span from = domain_span(&r->facts.from_domain),
		    own = domain_span(&r->facts.own_domain);
	struct kv_key k = key_of_own('o', from, own);
	struct own o;

	if (!row_get(t, from, own, &o))
		return;
	r->own = o.has;
	kv_del(t, kv_key_span(&k));
}

/* -- the facts of notices ------------------------------------------------------------------------------------- */

static struct ulid
id_here(struct kv_txn *t)
{
	struct ulid id;

	memcpy(id.b, kv_here(t)->name, ULID_BYTES);
	return id;
}

static void
state_papers(struct kv_txn *t, struct span domain, struct span papers, int64_t now_s)
{
	struct kv_key name = { .n = 0 };

	kv_key_add(&name, span_of(kv_here(t)->name, kv_here(t)->n));
	ims_key_add_hash(&name, domain, PART_SHORT);
	ims_state_citing(t, kv_key_span(&name), papers, domain, now_s, kv_stamp(t));
}

/* Keeps the evidence of each statement that made a notice once.  A letter that is new has none. */
static void
put_evidence(struct kv_txn *t, struct ims_letter_record *r, const struct ims_notice_fact *f,
    struct span notice, bool is_new)
{
	struct kv_key k = key_of_evidence(f->from_domain, f->own_domain, f->statement);
	struct span value;
	int64_t takes = 0;

	if (f->evidence.n > 0 && (is_new || !kv_get(t, kv_key_span(&k), &value))) {
		kv_put(t, kv_key_span(&k), f->evidence);
		takes = (int64_t)ims_evidence_takes(f->evidence);
	}
	ims_pays_change(t, r, notice, takes - f->pays);
}

/* When the papers are renewed; the caller puts the letter. */
static void
renew_at(struct kv_txn *t, struct ims_letter_record *r, struct span domain_hash, int64_t at_s)
{
	ims_look_at(t, domain_hash, r->renew_s, at_s);
	r->renew_s = at_s;
}

static void
renew_letter_at(struct kv_txn *t, struct ims_letter_record *r, int64_t at_s)
{
	struct kv_key hash = { .n = 0 };

	ims_key_add_hash(&hash, domain_span(&r->facts.from_domain), PART_SHORT);
	renew_at(t, r, kv_key_span(&hash), at_s);
}

static bool
is_being_deleted(struct kv_txn *t, struct span from_domain)
{
	struct kv_key rest = key_of('z', from_domain);
	struct span value;

	return kv_get(t, kv_key_span(&rest), &value);
}

static bool
announce(struct kv_txn *t, const struct ims_notice_fact *f, struct span notice, struct err *e)
{
	struct ims_letter_record r;
	struct own o;
	enum ims_beside beside = IMS_LETTER_NONE;
	bool known, is_new;

	if (!get_letter(t, f->from_domain, &r, e))
		return false;
	is_new = r.refs == 0;
	if (is_new && is_being_deleted(t, f->from_domain))
		return err_word(e, REFUSAL_too_many_outstanding);
	if (!is_new)
		beside = ims_letter_is_same(&r.facts, &f->letter) ? IMS_LETTER_SAME
								  : IMS_LETTER_OTHER;
	if (!ims_repeat_judge(IMS_SEEN_NOT, beside, &known, e))
		return false;
	if (is_new) {
		r = (struct ims_letter_record) { .facts = f->letter };
		r.facts.id = id_here(t);
		r.facts.state = MAILBOX_HELD;
		r.lease.by = kv_stamp(t);
		take_first(t, &r);
		renew_letter_at(t, &r, f->now_s + PAPER_RENEW_S);
	}
	ims_letter_announced(&r.facts, f->letter.hold_until_s);
	r.refs++;
	put_evidence(t, &r, f, notice, is_new);
	own_get(t, &r, f->own_domain, &o);
	change_due(t, &r.facts, &o, ims_wants_more(&o.has.is, r.facts.state));
	own_put(t, &r, &o);
	put_letter(t, &r);
	return true;
}

/* The caller puts the letter. */
static void
want_less(struct kv_txn *t, struct ims_letter_record *r, const struct ims_notice_fact *was,
    bool declined)
{
	struct own o;

	if (was->state != IMS_NOTICE_OPEN || !own_get(t, r, was->own_domain, &o))
		return;
	change_due(t, &r->facts, &o, ims_wants_less(&o.has.is, r->facts.state, declined));
	own_put(t, r, &o);
}

/* -- what one operation cannot do to the end: the letter tells itself to go on ----------------------------------- */

static struct kv_key
key_by_hash(unsigned what, struct span domain_hash)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, what);
	kv_key_add(&k, domain_hash);
	return k;
}

/* key: of the row that says where it is.  more: else it is done. */
static void
go_on(struct kv_txn *t, const struct kv_key *key, bool more)
{
	struct kv_fact f = { .what = FACT_REST,
		.name = kv_key_span(key),
		.version.n = kv_stamp(t),
		.gone = !more };

	kv_emit(t, kv_here(t), &f);
}

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
	struct own o;

	if (!takes_row(x, key))
		return !x->more;
	if (kv_get(x->t, key, &value) && own_read(value, &o) && o.has.due != IMS_DUE_NOTHING) {
		o.has.is = (struct ims_wants) { .wants = 0 };
		row_put_at(x->t, key, &o);
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
	struct kv_key rest = key_by_hash('z', domain_hash), e = key_by_hash('e', domain_hash),
		      o = key_by_hash('o', domain_hash), from = o;
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
delete_letter(struct kv_txn *t, struct ims_letter_record *r)
{
	struct span domain = domain_span(&r->facts.from_domain);
	struct kv_key l = key_of('l', domain), b = key_of('b', domain), told = key_of('t', domain),
		      rest = key_of('z', domain);

	kv_del(t, kv_key_span(&told));
	kv_del(t, kv_key_span(&l));
	kv_del(t, kv_key_span(&b));
	if (delete_page(t, span_sub(kv_key_span(&rest), 1, PART_SHORT)))
		go_on(t, &rest, true);
	first_of_deleted(t, r);
	renew_letter_at(t, r, 0);
}

static void
first_is_here(struct kv_txn *t, struct ims_letter_record *r)
{
	struct own o = { r->facts.own_domain, r->own };

	state_due(t, &r->facts, &o, IMS_DUE_DONE);
	r->own = o.has;
}

/* States DONE for a page of our domains.  True: more are to come; a row has the last of them.  The caller puts the
 * letter. */
static bool
state_here(struct kv_txn *t, struct ims_letter_record *r)
{
	struct span domain = domain_span(&r->facts.from_domain), value;
	struct kv_key told = key_of('t', domain), prefix = key_of('o', domain), from = prefix;
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
	struct kv_key l = key_by_hash('l', domain_hash), told = key_by_hash('t', domain_hash);
	struct ims_letter_record r;
	struct span value;

	*more = false;
	if (!kv_get(t, kv_key_span(&told), &value))
		return !kv_fault(t, e); /* it is gone */
	if (!kv_get(t, kv_key_span(&l), &value))
		return !kv_fault(t, e) && ims_damaged(e);
	if (!ims_letter_read(value, &r, e))
		return false;
	*more = state_here(t, &r);
	return true;
}

/* A fact of the letter itself. */
static bool
receive_rest(struct kv_txn *t, const struct kv_fact *now, struct err *e)
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
	go_on(t, &key, more);
	return true;
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
		put_letter(t, &r);
	return true;
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
	struct kv_key k = key_by_hash('e', span_of(domain_hash, (size_t)PART_SHORT));
	struct papers x = { .digests = out, .left = EVIDENCE_PAGE, .next = next };

	buf_reset(out);
	kv_each(t, from->n > 0 ? kv_key_span(from) : kv_key_span(&k), kv_key_span(&k), add_papers,
	    &x);
	return x.more;
}

static bool
notice_gone(struct kv_txn *t, const struct ims_notice_fact *was, struct span notice, struct err *e)
{
	struct ims_letter_record r;

	if (!get_letter(t, was->from_domain, &r, e))
		return false;
	if (r.refs == 0)
		return true;
	want_less(t, &r, was, false);
	r.refs--;
	ims_pays_without(t, &r, notice, was->pays);
	if (r.refs == 0)
		delete_letter(t, &r);
	else
		put_letter(t, &r);
	return true;
}

static bool
notice_declined(struct kv_txn *t, const struct ims_notice_fact *was, struct err *e)
{
	struct ims_letter_record r;

	if (!get_letter(t, was->from_domain, &r, e))
		return false;
	if (r.refs == 0)
		return true;
	want_less(t, &r, was, true);
	put_letter(t, &r);
	return true;
}

bool
ims_letter_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct ims_notice_fact before, after;

	(void)from;
	(void)arg;
	if (now->what == FACT_REST)
		return receive_rest(t, now, e);
	if ((was != NULL && !ims_notice_fact_read(was->value, &before, e)) ||
	    (!now->gone && !ims_notice_fact_read(now->value, &after, e)))
		return false;
	if (now->gone)
		return was == NULL || notice_gone(t, &before, now->name, e);
	if (was != NULL)
		after.pays = before.pays;
	ims_notice_fact_keep(t, &after);
	if (was == NULL && !announce(t, &after, now->name, e))
		return false;
	if (was == NULL)
		before = after, before.state = IMS_NOTICE_OPEN;
	return after.state != IMS_NOTICE_DECLINED || before.state == IMS_NOTICE_DECLINED ||
	    notice_declined(t, &before, e);
}

/* -- operations ------------------------------------------------------------------------------------------------ */

bool
ims_letter_op_lease(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct ims_letter_record r;
	bool taken;

	if (!ims_letter_is(t, domain_span(&o->from_domain), o->run, o->now_s, &r, e) ||
	    !ims_letter_lease(&r.facts, &r.lease, o->run, kv_stamp(t), o->now_s, &taken, e))
		return false;
	if (taken)
		put_letter(t, &r);
	o->letter = r.facts;
	o->letter.own_domain = o->own_domain;
	return true;
}

static bool
leased_letter(struct kv_txn *t, const struct ims_letter_op *o, struct ims_letter_record *r,
    struct err *e)
{
	if (!ims_letter_is(t, domain_span(&o->from_domain), o->run, o->now_s, r, e))
		return false;
	if (o->in_memory && r->lease.by == o->lease_of)
		ims_letter_leased(&r->facts, o->fence);
	return true;
}

bool
ims_letter_op_keep(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct span domain = domain_span(&o->from_domain);
	struct kv_key body = key_of('b', domain), told;
	struct ims_letter_record r;
	struct own of;

	if (!leased_letter(t, o, &r, e) || !ims_letter_keep(&r.facts, o->fence, e))
		return false;
	span_copy(span_str(o->file), r.file, sizeof r.file);
	if (r.file[0] == '\0')
		kv_put(t, kv_key_span(&body), o->octets);
	if (state_here(t, &r)) {
		told = key_of('t', domain);
		go_on(t, &told, true);
	}
	put_letter(t, &r);
	own_get(t, &r, domain_span(&o->own_domain), &of);
	o->round = of.has.due == IMS_DUE_DONE ? of.has.round : 0;
	return true;
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

bool
ims_letter_op_release(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct ims_letter_record r;

	if (!leased_letter(t, o, &r, e) ||
	    !ims_letter_release(&r.facts, o->fence, o->state, o->why, e))
		return false;
	put_letter(t, &r);
	return true;
}

/* What the first cites may not be decided yet. */
static void
await_papers(struct kv_txn *t, const struct ims_letter_op *o)
{
	struct span domain = domain_span(&o->from_domain), own = domain_span(&o->own_domain), value;
	struct kv_key k = key_of_evidence(domain, own, o->first);
	struct ims_evidence_record r;
	struct buf papers = BUF_INIT;
	struct err none;

	if (o->first == NULL)
		return;
	if (kv_get(t, kv_key_span(&k), &value) && ims_evidence_read(value, &r, &none)) {
		for (size_t i = 0; i < r.n_papers; i++)
			ims_citing_add(&papers, r.paper[i], (struct span) { 0 }, 0);
		state_papers(t, domain, buf_span(&papers), o->now_s);
	}
	kv_pardon(t);
	buf_clear(&papers);
}

/* In place of what prolonged the promise before. */
static void
put_newer(struct kv_txn *t, struct ims_letter_record *r, const struct kv_key *k,
    struct span evidence)
{
	uint64_t takes = ims_evidence_takes(evidence), before = 0;
	struct span value;

	if (kv_get(t, kv_key_span(k), &value))
		before = ims_evidence_takes(value);
	kv_pardon(t);
	kv_put(t, kv_key_span(k), evidence);
	ims_pays_change(t, r, (struct span) { 0 }, (int64_t)takes - (int64_t)before);
}

/* The same notification came again, perhaps with a later Hold-Until.  It may be a letter that is gone: then its sender
 * hears again what it was told. */
bool
ims_letter_op_repeat(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct span domain = domain_span(&o->from_domain), own = domain_span(&o->own_domain);
	struct kv_key k = key_of_evidence(domain, own, NULL);
	struct ims_letter_record r;
	struct own of;
	bool moved;

	if (!get_letter(t, domain, &r, e))
		return false;
	if (r.refs == 0)
		r.facts = o->letter;
	moved = r.refs > 0 && r.facts.hold_until_s < o->letter.hold_until_s;
	if (moved || (r.refs > 0 && r.facts.state == MAILBOX_GONE))
		ims_letter_announced(&r.facts, o->letter.hold_until_s);
	if (moved) {
		put_newer(t, &r, &k, o->evidence);
		state_papers(t, domain, o->papers, o->now_s);
	}
	await_papers(t, o);
	own_get(t, &r, own, &of);
	change_due(t, &r.facts, &of, ims_wants_again(&of.has.is, r.facts.state, o->answered));
	if (r.refs > 0 || of.has.due != IMS_DUE_NOTHING)
		own_put(t, &r, &of);
	if (r.refs > 0)
		put_letter(t, &r);
	return true;
}

bool
ims_letter_op_acked(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct span domain = domain_span(&o->from_domain), own = domain_span(&o->own_domain);
	struct kv_key k = key_of_own('o', domain, own);
	struct ims_letter_record r;
	struct own of;

	if (!get_letter(t, domain, &r, e))
		return false;
	if (r.refs == 0)
		r.facts = (struct ims_letter) { .id = o->id, .from_domain = o->from_domain };
	if (!own_get(t, &r, own, &of) || of.has.round != o->round ||
	    of.has.due != (o->declined ? IMS_DUE_DECLINE : IMS_DUE_DONE))
		return true;
	state_due(t, &r.facts, &of, IMS_DUE_NOTHING);
	if (r.refs == 0) {
		kv_del(t, kv_key_span(&k));
		return true;
	}
	own_put(t, &r, &of);
	if (is_first(&r, own))
		put_letter(t, &r);
	return true;
}

/* -- what an older version kept --------------------------------------------------------------------------------- */

/* What is pending begins a new round: it is said again, whatever the answer to the old one was.  What the notices made
 * pending is not. */
static void
import_own(struct kv_txn *t, struct ims_letter_record *r, const struct ims_old_own *old)
{
	struct ims_letter_record of = *r;
	struct own o;

	if (old->pending) {
		of.facts.id = old->ack.id;
		of.facts.from_domain = old->ack.from_domain;
		of.facts.hold_until_s = old->ack.until_s;
	}
	own_get(t, &of, domain_span(&old->domain), &o);
	state_due(t, &of.facts, &o,
	    !old->pending           ? IMS_DUE_NOTHING
		: old->ack.declined ? IMS_DUE_DECLINE
				    : IMS_DUE_DONE);
	if (old->has_wants)
		o.has.is = old->is;
	own_put(t, &of, &o);
	r->own = of.own;
}

static void
import_rows(struct kv_txn *t, const struct ims_old_letter *o)
{
	struct kv_key b = key_by_hash('b', o->domain_hash);

	if (o->body.n > 0)
		kv_put(t, kv_key_span(&b), o->body);
	for (size_t i = 0; i < o->n_evidence; i++) {
		struct kv_key k = key_by_hash('e', o->domain_hash);

		kv_key_add(&k, o->evidence[i].key);
		kv_put(t, kv_key_span(&k), o->evidence[i].value);
	}
}

bool
ims_letter_import(struct kv_txn *t, void *old_letter, struct err *e)
{
	struct ims_old_letter *o = old_letter;
	struct kv_key l = key_by_hash('l', o->domain_hash);
	struct ims_letter_record r = { .refs = 0 }, *now = &o->letter;
	uint64_t takes = 0;
	struct span value;

	if (kv_get(t, kv_key_span(&l), &value) && !ims_letter_read(value, &r, e))
		return false;
	now->refs = o->has_record ? r.refs : 0;
	now->renew_s = r.renew_s;
	now->own = r.own;
	now->pays = r.pays;
	now->facts.own_domain = r.facts.own_domain;
	for (size_t i = 0; i < o->n_own; i++)
		if (now->refs > 0 || o->own[i].pending)
			import_own(t, now, &o->own[i]);
	if (now->refs == 0)
		return true;
	for (size_t i = 0; i < o->n_evidence; i++)
		takes += ims_evidence_takes(o->evidence[i].value);
	ims_pays_change(t, now, (struct span) { 0 }, (int64_t)takes);
	put_letter(t, now);
	import_rows(t, o);
	return true;
}
