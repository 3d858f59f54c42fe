/* store_ack — the IMS's mailboxes: acknowledgements that the senders' OMS must get; see store.h.
 *
 * For each of our domains that was notified of a letter there is a row in NOTIFIED, with the number of
 * its notices that still want the letter.  ims/policy/ack.h says what is due when.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/loop/loop.h"
#include "ims/store/store_private.h"
#include "ims/store/store_seen.h"

#define VERSION_1 1

struct notified {
	char own[DOMAIN_BYTES];
	struct ims_wants is;
};

/* -- records ------------------------------------------------------------------------------------ */

static bool
notified_read(struct span value, struct notified *r)
{
	struct reader in = reader_of(value);
	bool good = read_u8(&in) == VERSION_1;

	read_str(&in, r->own, sizeof r->own);
	r->is.wants = read_u32(&in);
	r->is.declined = read_u8(&in) != 0;
	return good && reader_done(&in);
}

static bool
notified_get(struct db_txn *t, const struct db_key *k, struct notified *r)
{
	struct span value;

	*r = (struct notified) { .is = { .wants = 0 } };
	return db_get(t, NOTIFIED, db_key_span(k), &value) && notified_read(value, r);
}

static void
notified_put(struct db_txn *t, const struct db_key *k, const struct notified *r)
{
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_span(&value, span_str(r->own));
	put_u32(&value, r->is.wants);
	put_u8(&value, r->is.declined);
	db_put(t, NOTIFIED, db_key_span(k), buf_span(&value));
	buf_clear(&value);
}

static bool
ack_read(struct span value, struct ims_ack *o)
{
	struct reader in = reader_of(value);
	bool good = read_u8(&in) == VERSION_1;

	*o = (struct ims_ack) { .round = 0 };
	read_bytes(&in, o->id.b, ULID_BYTES);
	read_str(&in, o->from_domain.text, sizeof o->from_domain.text);
	read_str(&in, o->own_domain.text, sizeof o->own_domain.text);
	o->declined = read_u8(&in) != 0;
	o->round = read_u64(&in);
	o->until_s = (int64_t)read_u64(&in);
	return good && reader_done(&in);
}

static struct db_key
ack_key(const struct ims_ack *o)
{
	struct db_key letter = ims_key_letter(&o->id, domain_span(&o->from_domain));

	return ims_key_notified(&letter, domain_span(&o->own_domain));
}

static void
ack_put(struct db_txn *t, const struct ims_letter *l, const char *own, bool declined)
{
	struct ims_ack o = { .round = 0 };
	struct db_key letter = ims_key_letter(&l->id, domain_span(&l->from_domain));
	struct db_key k = ims_key_notified(&letter, span_str(own));
	struct span old;
	struct buf value = BUF_INIT;

	if (db_get(t, PENDING_ACK, db_key_span(&k), &old))
		ack_read(old, &o);
	put_u8(&value, VERSION_1);
	put_bytes(&value, l->id.b, ULID_BYTES);
	put_span(&value, domain_span(&l->from_domain));
	put_span(&value, span_str(own));
	put_u8(&value, declined);
	put_u64(&value, o.round + 1);
	put_u64(&value, (uint64_t)l->hold_until_s);
	db_put(t, PENDING_ACK, db_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

/* -- for the other parts' writes -------------------------------------------------------------------- */

/* What policy says is due now. */
static void
ack_change(struct db_txn *t, const struct db_key *k, const struct ims_letter *l, const char *own,
    enum ims_ack_due due)
{
	struct span pending;

	switch (due) {
	case IMS_ACK_SAME:
		break;
	case IMS_ACK_VOID:
		db_del(t, PENDING_ACK, db_key_span(k));
		break;
	case IMS_ACK_DONE:
	case IMS_ACK_DECLINE:
		ack_put(t, l, own, due == IMS_ACK_DECLINE);
		break;
	case IMS_ACK_DECLINE_IF_NONE:
		if (!db_get(t, PENDING_ACK, db_key_span(k), &pending))
			ack_put(t, l, own, true);
		break;
	}
}

void
ims_notified_add(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l,
    struct span own)
{
	struct db_key k = ims_key_notified(letter, own);
	struct notified r;
	enum ims_ack_due due;

	notified_get(t, &k, &r);
	span_copy(own, r.own, sizeof r.own);
	due = ims_wants_more(&r.is, l->state);
	notified_put(t, &k, &r);
	ack_change(t, &k, l, r.own, due);
}

void
ims_notified_again(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l,
    struct span own, enum ims_answered answered)
{
	struct db_key k = ims_key_notified(letter, own);
	char name[DOMAIN_BYTES];
	struct notified r;

	if (!span_copy(own, name, sizeof name))
		return;
	notified_get(t, &k, &r);
	ack_change(t, &k, l, name, ims_wants_again(&r.is, l->state, answered));
}

void
ims_notified_less(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l,
    struct span own, bool declined)
{
	struct db_key k = ims_key_notified(letter, own);
	struct notified r;
	enum ims_ack_due due;

	if (!notified_get(t, &k, &r))
		return;
	due = ims_wants_less(&r.is, l->state, declined);
	notified_put(t, &k, &r);
	ack_change(t, &k, l, r.own, due);
}

/* Reads all rows before any put: the table must not change during db_each. */
static bool
take_notified(void *arg, struct span key, struct span value)
{
	struct notified r;

	(void)key;
	if (notified_read(value, &r))
		buf_add(arg, &r, sizeof r);
	return true;
}

void
ims_notified_here(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l)
{
	struct buf all = BUF_INIT;
	struct notified r;

	db_each(t, NOTIFIED, db_key_span(letter), db_key_span(letter), take_notified, &all);
	for (size_t at = 0; at < all.len; at += sizeof r) {
		memcpy(&r, all.data + at, sizeof r);
		ack_put(t, l, r.own, false);
	}
	buf_clear(&all);
}

void
ims_notified_del(struct db_txn *t, const struct db_key *letter)
{
	struct db_key k;

	do {
		k.n = 0;
		db_each(t, NOTIFIED, db_key_span(letter), db_key_span(letter), db_key_take_first,
		    &k);
		if (k.n > 0)
			db_del(t, NOTIFIED, db_key_span(&k));
	} while (k.n > 0);
}

/* -- pending acknowledgements ---------------------------------------------------------------------------------- */

struct of_acks {
	struct ims_question question;
	struct db_key after;
	struct ims_ack *rows;
	size_t n, max;
	bool more;
	ims_store_acks_done *done;
	void *arg;
};

static bool
take_ack(void *arg, struct span key, struct span value)
{
	struct of_acks *q = arg;
	struct ims_ack row;

	if (span_eq(key, db_key_span(&q->after)) || !ack_read(value, &row))
		return true;
	if (q->n == q->max) {
		q->more = true;
		return false;
	}
	q->rows[q->n++] = row;
	return true;
}

static bool
look_for_acks(struct db_txn *t, struct ims_question *question, struct err *e)
{
	struct of_acks *q = (struct of_acks *)question;

	(void)e;
	q->rows = memory_array(q->max, sizeof *q->rows);
	db_each(t, PENDING_ACK, db_key_span(&q->after), (struct span) { 0 }, take_ack, q);
	return true;
}

static void
tell_acks(struct ims_question *question, const struct err *e)
{
	struct of_acks *q = (struct of_acks *)question;

	q->done(q->arg, q->rows, e == NULL ? q->n : 0, e == NULL && q->more, e);
}

static void
clear_acks(struct ims_question *question)
{
	free(((struct of_acks *)question)->rows);
}

struct ims_question *
ims_store_pending_acks(struct ims_store *s, const struct ims_ack *after, size_t max, struct loop *l,
    ims_store_acks_done *done, void *arg)
{
	struct of_acks *q = memory_new(sizeof *q);

	q->question.look = look_for_acks;
	q->question.tell = tell_acks;
	q->question.clear = clear_acks;
	if (after != NULL)
		q->after = ack_key(after);
	q->max = max;
	q->done = done;
	q->arg = arg;
	return ims_ask(&q->question, s, l);
}

struct acking {
	struct db_write write;
	struct ims_ack ack;
	ims_store_done *done;
	void *arg;
};

static bool
apply_acked(struct db_txn *t, void *arg, struct err *e)
{
	struct acking *p = arg;
	struct db_key k = ack_key(&p->ack);
	struct ims_ack now;
	struct span value;

	if (!db_get(t, PENDING_ACK, db_key_span(&k), &value))
		return !db_fault(t, e);
	if (!ack_read(value, &now))
		return db_damaged(e);
	if (now.round == p->ack.round && now.declined == p->ack.declined)
		db_del(t, PENDING_ACK, db_key_span(&k));
	return !db_fault(t, e);
}

static void
acked(void *arg, const struct err *e)
{
	struct acking *p = arg;

	p->done(p->arg, e);
	free(p);
}

static void
refused(void *arg)
{
	struct acking *p = arg;

	acked(p, &p->write.why);
}

void
ims_store_acked(struct ims_store *s, const struct ims_ack *o, struct loop *loop,
    ims_store_done *done, void *arg)
{
	struct acking *p = memory_new(sizeof *p);

	p->ack = *o;
	p->done = done;
	p->arg = arg;
	p->write = (struct db_write) { .apply = apply_acked,
		.done = acked,
		.arg = p,
		.home = loop,
		.octets = 64,
		.frees = true };
	if (!db_write_take(s->db, &p->write, &p->write.why))
		loop_post(loop, refused, p);
}
