/* part_letter — the letters of one id: state, body, evidence, and which acknowledgement is due; see part.h. */
#include <string.h>

#include "common/base/record.h"
#include "ims/store/part.h"

#define VERSION_1 1
#define SHORT_1   129 /* of a fact as the letter keeps it */

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
	ims_letter_look(&r->facts, &r->lease, run, now_s);
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

enum due { DUE_NOTHING, DUE_DONE, DUE_DECLINE };

struct own {
	struct domain domain;
	struct ims_wants is;
	uint64_t round;
	enum due due;
};

static bool
own_read(struct span value, struct own *o)
{
	struct reader in = reader_of(value);
	bool good = read_u8(&in) == VERSION_1;

	*o = (struct own) { .round = 0 };
	read_str(&in, o->domain.text, sizeof o->domain.text);
	o->is.wants = read_u32(&in);
	o->is.declined = read_u8(&in) != 0;
	o->round = read_u64(&in);
	o->due = (enum due)read_u8(&in);
	return good && o->due <= DUE_DECLINE && reader_done(&in);
}

static bool
own_get(struct kv_txn *t, struct span from_domain, struct span own, struct own *o)
{
	struct kv_key k = key_of_own('o', from_domain, own);
	struct span value;

	*o = (struct own) { .round = 0 };
	domain_copy_span(&o->domain, own);
	if (kv_get(t, kv_key_span(&k), &value) && own_read(value, o))
		return true;
	kv_pardon(t);
	return false;
}

static void
own_put(struct kv_txn *t, struct span from_domain, const struct own *o)
{
	struct kv_key k = key_of_own('o', from_domain, domain_span(&o->domain));
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_span(&value, domain_span(&o->domain));
	put_u32(&value, o->is.wants);
	put_u8(&value, o->is.declined);
	put_u64(&value, o->round);
	put_u8(&value, (uint8_t)o->due);
	kv_put(t, kv_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

/* Each statement of what is due has a round of its own, so an answer to an older one ends nothing.  A round begins
 * with the time, so that it is newer than all before it, also when the row of the domain was deleted since. */
static void
state_due(struct kv_txn *t, const struct ims_letter *l, struct own *o, enum due due, int64_t now_s)
{
	struct kv_part to = ims_part_acks(domain_span(&l->from_domain));
	struct kv_key name;
	struct buf value = BUF_INIT;
	struct ims_ack a = { .id = l->id,
		.from_domain = l->from_domain,
		.own_domain = o->domain,
		.declined = due == DUE_DECLINE,
		.until_s = l->hold_until_s };
	struct kv_fact f = { .what = FACT_ACK, .gone = due == DUE_NOTHING };

	if (due == DUE_NOTHING && o->due == DUE_NOTHING)
		return;
	o->due = due;
	o->round = o->round < (uint64_t)now_s * PART_ROUNDS ? (uint64_t)now_s * PART_ROUNDS
							    : o->round + 1;
	a.round = f.version.n = o->round;
	name = ims_ack_name(&a);
	ims_ack_write(&value, &a);
	f.name = kv_key_span(&name);
	f.value = f.gone ? (struct span) { 0 } : buf_span(&value);
	kv_emit(t, &to, &f);
	buf_clear(&value);
}

static void
change_due(struct kv_txn *t, const struct ims_letter *l, struct own *o, enum ims_ack_due what,
    int64_t now_s)
{
	switch (what) {
	case IMS_ACK_SAME:
		break;
	case IMS_ACK_VOID:
		state_due(t, l, o, DUE_NOTHING, now_s);
		break;
	case IMS_ACK_DONE:
		state_due(t, l, o, DUE_DONE, now_s);
		break;
	case IMS_ACK_DECLINE:
		state_due(t, l, o, DUE_DECLINE, now_s);
		break;
	case IMS_ACK_DECLINE_IF_NONE:
		if (o->due == DUE_NOTHING)
			state_due(t, l, o, DUE_DECLINE, now_s);
		break;
	}
}

struct owns {
	struct kv_txn *t;
	const struct ims_letter *letter;
	int64_t now_s;
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
		state_due(x->t, x->letter, &o, DUE_DONE, x->now_s);
		own_put(x->t, domain_span(&x->letter->from_domain), &o);
	}
	return true;
}

/* What is due outlives the letter. */
static bool
own_of_deleted(void *arg, struct span key, struct span value)
{
	struct owns *x = arg;
	struct own o;

	if (!own_read(value, &o) || o.due == DUE_NOTHING) {
		kv_del(x->t, key);
		return true;
	}
	o.is = (struct ims_wants) { .wants = 0 };
	own_put(x->t, domain_span(&x->letter->from_domain), &o);
	return true;
}

/* -- the facts of notices ------------------------------------------------------------------------------------- */

void
ims_notice_fact_write(struct buf *out, const struct ims_notice_fact *f)
{
	const struct ims_letter *l = &f->letter;

	put_u8(out, VERSION_1);
	put_u8(out, (uint8_t)f->state);
	put_span(out, f->from_domain);
	put_span(out, f->own_domain);
	put_bytes(out, f->statement, sizeof f->statement);
	put_span(out, f->evidence);
	put_u64(out, l->size);
	put_u64(out, l->summary_size);
	put_bytes(out, l->digest, sizeof l->digest);
	put_bytes(out, l->summary_digest, sizeof l->summary_digest);
	put_u64(out, (uint64_t)l->hold_until_s);
	put_u64(out, (uint64_t)f->now_s);
}

bool
ims_notice_fact_read(struct span value, struct ims_notice_fact *f, struct err *e)
{
	struct reader in = reader_of(value);
	uint8_t version = read_u8(&in);
	bool good = version == VERSION_1 || version == SHORT_1;
	struct ims_letter *l = &f->letter;

	*f = (struct ims_notice_fact) { .state = (enum ims_notice_is)read_u8(&in) };
	f->from_domain = read_span(&in);
	f->own_domain = read_span(&in);
	if (version == SHORT_1)
		return reader_done(&in) || ims_damaged(e);
	read_bytes(&in, f->statement, sizeof f->statement);
	f->evidence = read_span(&in);
	l->size = read_u64(&in);
	l->summary_size = read_u64(&in);
	read_bytes(&in, l->digest, sizeof l->digest);
	read_bytes(&in, l->summary_digest, sizeof l->summary_digest);
	l->hold_until_s = (int64_t)read_u64(&in);
	f->now_s = (int64_t)read_u64(&in);
	if (!good || !reader_done(&in) || !domain_copy_span(&l->from_domain, f->from_domain) ||
	    !domain_copy_span(&l->own_domain, f->own_domain))
		return ims_damaged(e);
	return true;
}

struct kv_key
ims_notice_fact_name(struct span from_domain, const struct kv_part *mailbox, uint64_t number)
{
	struct kv_key k = { .n = 0 };

	ims_key_add_hash(&k, from_domain, PART_SHORT);
	kv_key_add(&k, span_of(mailbox->name, mailbox->n));
	kv_key_add_u64(&k, number);
	return k;
}

static void
keep_short(struct kv_txn *t, const struct ims_notice_fact *f)
{
	struct buf value = BUF_INIT;

	put_u8(&value, SHORT_1);
	put_u8(&value, (uint8_t)f->state);
	put_span(&value, f->from_domain);
	put_span(&value, f->own_domain);
	kv_keep(t, buf_span(&value));
	buf_clear(&value);
}

static struct ulid
id_here(struct kv_txn *t)
{
	struct ulid id;

	memcpy(id.b, kv_here(t)->name, ULID_BYTES);
	return id;
}

/* Its papers are stated with a version of their own. */
static void
state_papers(struct kv_txn *t, struct span papers, struct span from_domain, int64_t now_s)
{
	uint64_t version = (uint64_t)now_s * PART_ROUNDS, before;
	struct buf b = BUF_INIT;
	struct span value;
	struct reader r;
	uint64_t at_s;

	if (kv_get(t, SPAN_LIT("k"), &value)) {
		r = reader_of(value);
		at_s = read_u64(&r);
		before = read_u64(&r);
		version = before >= version ? before + 1 : version;
		put_u64(&b, at_s);
		put_u64(&b, version + 1);
		kv_put(t, SPAN_LIT("k"), buf_span(&b));
	}
	ims_state_citing(t, span_of(kv_here(t)->name, kv_here(t)->n), papers, from_domain, now_s,
	    version);
	buf_clear(&b);
}

/* Keeps the evidence of each statement that made a notice once. */
static void
put_evidence(struct kv_txn *t, const struct ims_notice_fact *f)
{
	struct kv_key k = key_of_evidence(f->from_domain, f->own_domain, f->statement);
	struct span value;

	if (f->evidence.n > 0 && !kv_get(t, kv_key_span(&k), &value))
		kv_put(t, kv_key_span(&k), f->evidence);
}

/* When the papers are renewed: for all letters of this id. */
static void
renew_at(struct kv_txn *t, int64_t at_s, int64_t now_s)
{
	struct span value;
	struct reader r = reader_of((struct span) { 0 });
	struct buf b = BUF_INIT;
	uint64_t version = (uint64_t)now_s * PART_ROUNDS, before;
	int64_t was_s = 0;

	if (kv_get(t, SPAN_LIT("k"), &value)) {
		r = reader_of(value);
		was_s = (int64_t)read_u64(&r);
		before = read_u64(&r);
		version = before >= version ? before + 1 : version;
	}
	ims_look_at(t, was_s, at_s, version);
	put_u64(&b, (uint64_t)at_s);
	put_u64(&b, version);
	if (at_s == 0)
		kv_del(t, SPAN_LIT("k"));
	else
		kv_put(t, SPAN_LIT("k"), buf_span(&b));
	buf_clear(&b);
}

static bool
announce(struct kv_txn *t, const struct ims_notice_fact *f, struct err *e)
{
	struct ims_letter_record r;
	struct own o;
	enum ims_beside beside = IMS_LETTER_NONE;
	struct span value;
	bool known;

	if (!get_letter(t, f->from_domain, &r, e))
		return false;
	if (r.refs > 0)
		beside = ims_letter_is_same(&r.facts, &f->letter) ? IMS_LETTER_SAME
								  : IMS_LETTER_OTHER;
	if (!ims_repeat_judge(IMS_SEEN_NOT, beside, &known, e))
		return false;
	if (r.refs == 0) {
		r = (struct ims_letter_record) { .facts = f->letter };
		r.facts.id = id_here(t);
		r.facts.state = MAILBOX_HELD;
		if (!kv_get(t, SPAN_LIT("k"), &value))
			renew_at(t, f->now_s + PAPER_RENEW_S, f->now_s);
	}
	ims_letter_announced(&r.facts, f->letter.hold_until_s);
	r.refs++;
	put_letter(t, &r);
	put_evidence(t, f);
	own_get(t, f->from_domain, f->own_domain, &o);
	change_due(t, &r.facts, &o, ims_wants_more(&o.is, r.facts.state), f->now_s);
	own_put(t, f->from_domain, &o);
	return true;
}

static void
want_less(struct kv_txn *t, const struct ims_letter *l, const struct ims_notice_fact *was,
    bool declined, int64_t now_s)
{
	struct own o;

	if (was->state != IMS_NOTICE_OPEN || !own_get(t, was->from_domain, was->own_domain, &o))
		return;
	change_due(t, l, &o, ims_wants_less(&o.is, l->state, declined), now_s);
	own_put(t, was->from_domain, &o);
}

static bool
note_any(void *arg, struct span key, struct span value)
{
	(void)key;
	(void)value;
	*(bool *)arg = true;
	return false;
}

static bool
del_row(void *arg, struct span key, struct span value)
{
	(void)value;
	kv_del(arg, key);
	return true;
}

static void
delete_letter(struct kv_txn *t, const struct ims_letter_record *r, int64_t now_s)
{
	bool any = false;
	struct span domain = domain_span(&r->facts.from_domain);
	struct kv_key l = key_of('l', domain), b = key_of('b', domain), e = key_of('e', domain),
		      o = key_of('o', domain);
	struct kv_key told = key_of('t', domain);
	struct owns x = { .t = t, .letter = &r->facts };

	kv_del(t, kv_key_span(&told));
	kv_del(t, kv_key_span(&l));
	kv_del(t, kv_key_span(&b));
	kv_each(t, kv_key_span(&e), kv_key_span(&e), del_row, t);
	kv_each(t, kv_key_span(&o), kv_key_span(&o), own_of_deleted, &x);
	kv_each(t, SPAN_LIT("l"), SPAN_LIT("l"), note_any, &any);
	if (!any)
		renew_at(t, 0, now_s);
}

/* States DONE for a page of our domains.  True: more are to come; a row has the last of them. */
static bool
state_here(struct kv_txn *t, const struct ims_letter *l, int64_t now_s)
{
	struct span domain = domain_span(&l->from_domain), value;
	struct kv_key told = key_of('t', domain), prefix = key_of('o', domain), from = prefix;
	struct owns x = { .t = t, .letter = l, .now_s = now_s, .left = LETTER_PAGE };

	if (kv_get(t, kv_key_span(&told), &value)) {
		kv_key_add(&from, value);
		x.last = from;
	}
	kv_each(t, kv_key_span(&from), kv_key_span(&prefix), own_is_here, &x);
	if (x.more)
		kv_put(t, kv_key_span(&told), span_sub(kv_key_span(&x.last), prefix.n, PART_SHORT));
	else
		kv_del(t, kv_key_span(&told));
	return x.more;
}

static bool
take_hash(void *arg, struct span key, struct span value)
{
	struct kv_key *l = arg;

	(void)value;
	l->n = 0;
	kv_key_add_u8(l, 'l');
	kv_key_add(l, span_sub(key, 1, key.n));
	return false;
}

/* The first letter here that has not told all of our domains tells a page of them.  True: there are more. */
static bool
go_on_telling(struct kv_txn *t, int64_t now_s, struct err *e)
{
	struct kv_key k = { .n = 0 };
	struct ims_letter_record r;
	struct span value;

	kv_each(t, SPAN_LIT("t"), SPAN_LIT("t"), take_hash, &k);
	if (k.n == 0 || !kv_get(t, kv_key_span(&k), &value) || !ims_letter_read(value, &r, e))
		return false;
	state_here(t, &r.facts, now_s);
	k.n = 0;
	kv_each(t, SPAN_LIT("t"), SPAN_LIT("t"), take_hash, &k);
	return k.n > 0;
}

bool
ims_letter_renewed(struct kv_txn *t, void *now_s, struct err *e)
{
	int64_t now = *(int64_t *)now_s;
	bool any = false, more = go_on_telling(t, now, e);

	kv_each(t, SPAN_LIT("l"), SPAN_LIT("l"), note_any, &any);
	renew_at(t, !any ? 0 : more ? now : now + PAPER_RENEW_S, now);
	return true;
}

static bool
add_papers(void *arg, struct span key, struct span value)
{
	struct ims_evidence_record r;
	struct buf *out = arg;
	struct err e;
	size_t at;

	(void)key;
	if (!ims_evidence_read(value, &r, &e))
		return true;
	for (size_t i = 0; i < r.n_papers; i++) {
		for (at = 0; at < out->len; at += DIGEST_BYTES)
			if (memcmp(out->data + at, r.paper[i], DIGEST_BYTES) == 0)
				break;
		if (at == out->len)
			buf_add(out, r.paper[i], DIGEST_BYTES);
	}
	return true;
}

void
ims_letter_papers(struct kv_txn *t, struct buf *out)
{
	buf_reset(out);
	kv_each(t, SPAN_LIT("e"), SPAN_LIT("e"), add_papers, out);
}

static bool
notice_gone(struct kv_txn *t, const struct ims_notice_fact *was, uint64_t version, struct err *e)
{
	struct ims_letter_record r;

	if (!get_letter(t, was->from_domain, &r, e))
		return false;
	if (r.refs == 0)
		return true;
	want_less(t, &r.facts, was, false, (int64_t)(version / PART_ROUNDS));
	if (--r.refs == 0)
		delete_letter(t, &r, (int64_t)(version / PART_ROUNDS));
	else
		put_letter(t, &r);
	return true;
}

static bool
notice_declined(struct kv_txn *t, const struct ims_notice_fact *was, int64_t now_s, struct err *e)
{
	struct ims_letter_record r;

	if (!get_letter(t, was->from_domain, &r, e))
		return false;
	if (r.refs > 0)
		want_less(t, &r.facts, was, true, now_s);
	return true;
}

bool
ims_letter_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct ims_notice_fact before, after;

	(void)from;
	(void)arg;
	if ((was != NULL && !ims_notice_fact_read(was->value, &before, e)) ||
	    (!now->gone && !ims_notice_fact_read(now->value, &after, e)))
		return false;
	if (now->gone)
		return was == NULL || notice_gone(t, &before, now->version.n, e);
	keep_short(t, &after);
	if (was == NULL && !announce(t, &after, e))
		return false;
	if (was == NULL)
		before = after, before.state = IMS_NOTICE_OPEN;
	return after.state != IMS_NOTICE_DECLINED || before.state == IMS_NOTICE_DECLINED ||
	    notice_declined(t, &before, after.now_s, e);
}

/* -- operations ------------------------------------------------------------------------------------------------ */

bool
ims_letter_op_lease(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct ims_letter_record r;
	bool taken;

	if (!ims_letter_is(t, domain_span(&o->from_domain), o->run, o->now_s, &r, e) ||
	    !ims_letter_lease(&r.facts, &r.lease, o->run, o->now_s, &taken, e))
		return false;
	if (taken)
		put_letter(t, &r);
	o->letter = r.facts;
	o->letter.own_domain = o->own_domain;
	return true;
}

bool
ims_letter_op_keep(struct kv_txn *t, void *op, struct err *e)
{
	struct ims_letter_op *o = op;
	struct span domain = domain_span(&o->from_domain);
	struct kv_key body = key_of('b', domain);
	struct ims_letter_record r;
	struct own of;

	if (!ims_letter_is(t, domain, o->run, o->now_s, &r, e) ||
	    !ims_letter_keep(&r.facts, o->fence, e))
		return false;
	span_copy(span_str(o->file), r.file, sizeof r.file);
	if (r.file[0] == '\0')
		kv_put(t, kv_key_span(&body), o->octets);
	put_letter(t, &r);
	if (state_here(t, &r.facts, o->now_s))
		renew_at(t, o->now_s, o->now_s);
	own_get(t, domain, domain_span(&o->own_domain), &of);
	o->round = of.due == DUE_DONE ? of.round : 0;
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

	if (!ims_letter_is(t, domain_span(&o->from_domain), o->run, o->now_s, &r, e) ||
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
		state_papers(t, buf_span(&papers), domain, o->now_s);
	}
	kv_pardon(t);
	buf_clear(&papers);
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
	if (moved || (r.refs > 0 && r.facts.state == MAILBOX_GONE)) {
		ims_letter_announced(&r.facts, o->letter.hold_until_s);
		put_letter(t, &r);
	}
	if (moved) {
		kv_put(t, kv_key_span(&k), o->evidence);
		state_papers(t, o->papers, domain, o->now_s);
	}
	await_papers(t, o);
	own_get(t, domain, own, &of);
	change_due(t, &r.facts, &of, ims_wants_again(&of.is, r.facts.state, o->answered), o->now_s);
	if (r.refs > 0 || of.due != DUE_NOTHING)
		own_put(t, domain, &of);
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
	if (!own_get(t, domain, own, &of) || of.round != o->round ||
	    of.due != (o->declined ? DUE_DECLINE : DUE_DONE))
		return true;
	if (r.refs == 0)
		r.facts = (struct ims_letter) { .id = o->id, .from_domain = o->from_domain };
	state_due(t, &r.facts, &of, DUE_NOTHING, o->now_s);
	if (r.refs > 0)
		own_put(t, domain, &of);
	else
		kv_del(t, kv_key_span(&k));
	return true;
}

/* -- what an older version kept --------------------------------------------------------------------------------- */

static struct kv_key
key_by_hash(unsigned what, struct span domain_hash)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, what);
	kv_key_add(&k, domain_hash);
	return k;
}

/* What is pending begins a new round: it is said again, whatever the answer to the old one was. */
static void
import_own(struct kv_txn *t, const struct ims_letter *l, struct ims_old_own *old, int64_t now_s)
{
	struct own o = { .domain = old->domain, .is = old->is };
	struct ims_letter of = *l;

	if (old->pending) {
		of.id = old->ack.id;
		of.from_domain = old->ack.from_domain;
		of.hold_until_s = old->ack.until_s;
		state_due(t, &of, &o, old->ack.declined ? DUE_DECLINE : DUE_DONE, now_s);
	}
	own_put(t, domain_span(&of.from_domain), &o);
}

static bool
forget_due(void *arg, struct span key, struct span value)
{
	struct owns *x = arg;
	struct own o;

	(void)key;
	if (own_read(value, &o) && o.due != DUE_NOTHING)
		state_due(x->t, x->letter, &o, DUE_NOTHING, x->now_s);
	return true;
}

bool
ims_letter_import(struct kv_txn *t, void *old_letter, struct err *e)
{
	struct ims_old_letter *o = old_letter;
	struct kv_key l = key_by_hash('l', o->domain_hash), b = key_by_hash('b', o->domain_hash),
		      own = key_by_hash('o', o->domain_hash);
	struct ims_letter_record r = { .refs = 0 };
	struct owns x = { .t = t, .letter = &o->letter.facts, .now_s = o->now_s };
	struct span value;

	if (kv_get(t, kv_key_span(&l), &value) && !ims_letter_read(value, &r, e))
		return false;
	kv_each(t, kv_key_span(&own), kv_key_span(&own), forget_due, &x);
	kv_each(t, kv_key_span(&own), kv_key_span(&own), del_row, t);
	if (o->has_record && r.refs > 0) {
		o->letter.refs = r.refs;
		put_letter(t, &o->letter);
		if (o->body.n > 0)
			kv_put(t, kv_key_span(&b), o->body);
		for (size_t i = 0; i < o->n_evidence; i++) {
			struct kv_key k = key_by_hash('e', o->domain_hash);

			kv_key_add(&k, o->evidence[i].key);
			kv_put(t, kv_key_span(&k), o->evidence[i].value);
		}
	}
	for (size_t i = 0; i < o->n_own; i++)
		if (r.refs > 0 || o->own[i].pending)
			import_own(t, &o->letter.facts, &o->own[i], o->now_s);
	return true;
}
