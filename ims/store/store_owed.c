/* store_owed — the IMS's mailboxes: which of our domains were told of a letter, and what is to be
 * said to its sender's OMS until that answers.
 *
 * Each of our domains that has a notice of a letter is told of once (TOLD), with how many of its
 * notices still want the letter.  Owed are DONE, to each such domain's account, from the moment the
 * letter is here; and DECLINE, once somebody declined and nobody there wants it any more.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/loop/loop.h"
#include "ims/store/store_private.h"

#define VERSION_1 1

struct told {
	char own[DOMAIN_BYTES];
	uint32_t wants; /* notices neither declined nor dropped */
	bool declined;  /* somebody did */
};

/* -- records ------------------------------------------------------------------------------------ */

static bool
told_read(struct span value, struct told *r)
{
	struct reader in = reader_of(value);
	bool good = read_u8(&in) == VERSION_1;

	read_str(&in, r->own, sizeof r->own);
	r->wants = read_u32(&in);
	r->declined = read_u8(&in) != 0;
	return good && reader_done(&in);
}

static bool
told_get(struct db_txn *t, const struct db_key *k, struct told *r)
{
	struct span value;

	*r = (struct told) { .wants = 0 };
	return db_get(t, TOLD, db_key_span(k), &value) && told_read(value, r);
}

static void
told_put(struct db_txn *t, const struct db_key *k, const struct told *r)
{
	struct buf value = BUF_INIT;

	put_u8(&value, VERSION_1);
	put_span(&value, span_str(r->own));
	put_u32(&value, r->wants);
	put_u8(&value, r->declined);
	db_put(t, TOLD, db_key_span(k), buf_span(&value));
	buf_clear(&value);
}

static bool
owed_read(struct span value, struct ims_owed *o)
{
	struct reader in = reader_of(value);
	bool good = read_u8(&in) == VERSION_1;

	*o = (struct ims_owed) { .times = 0 };
	read_bytes(&in, o->id.b, ULID_BYTES);
	read_str(&in, o->from_domain, sizeof o->from_domain);
	read_str(&in, o->own_domain, sizeof o->own_domain);
	o->declined = read_u8(&in) != 0;
	o->times = read_u64(&in);
	o->until_s = (int64_t)read_u64(&in);
	return good && reader_done(&in);
}

static struct db_key
owed_key(const struct ims_owed *o)
{
	struct db_key letter = ims_key_letter(&o->id, span_str(o->from_domain));

	return ims_key_told(&letter, span_str(o->own_domain));
}

static void
owe(struct db_txn *t, const struct ims_letter *l, const char *own, bool declined)
{
	struct ims_owed o = { .times = 0 };
	struct db_key letter = ims_key_letter(&l->id, span_str(l->from_domain));
	struct db_key k = ims_key_told(&letter, span_str(own));
	struct span old;
	struct buf value = BUF_INIT;

	if (db_get(t, OWED, db_key_span(&k), &old))
		owed_read(old, &o);
	put_u8(&value, VERSION_1);
	put_bytes(&value, l->id.b, ULID_BYTES);
	put_span(&value, span_str(l->from_domain));
	put_span(&value, span_str(own));
	put_u8(&value, declined);
	put_u64(&value, o.times + 1);
	put_u64(&value, (uint64_t)l->hold_until_s);
	db_put(t, OWED, db_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

/* -- inside the writes of others -------------------------------------------------------------------- */

void
ims_told_add(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l,
    struct span own)
{
	struct db_key k = ims_key_told(letter, own);
	struct told r;

	told_get(t, &k, &r);
	span_copy(own, r.own, sizeof r.own);
	r.wants++;
	told_put(t, &k, &r);
	if (l->state == MAILBOX_HERE)
		owe(t, l, r.own, false);
	else
		db_del(t, OWED, db_key_span(&k));
}

void
ims_told_again(struct db_txn *t, const struct ims_letter *l, struct span own)
{
	char name[DOMAIN_BYTES];

	if (l->state == MAILBOX_HERE && span_copy(own, name, sizeof name))
		owe(t, l, name, false);
}

void
ims_told_less(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l,
    struct span own, bool declined)
{
	struct db_key k = ims_key_told(letter, own);
	struct told r;

	if (!told_get(t, &k, &r))
		return;
	r.wants -= r.wants > 0;
	r.declined = r.declined || declined;
	told_put(t, &k, &r);
	if (r.wants == 0 && r.declined && l->state != MAILBOX_HERE)
		owe(t, l, r.own, true);
}

/* The rows are read first: what walks a table may not put. */
static bool
take_told(void *arg, struct span key, struct span value)
{
	struct told r;

	(void)key;
	if (told_read(value, &r))
		buf_add(arg, &r, sizeof r);
	return true;
}

void
ims_told_here(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l)
{
	struct buf all = BUF_INIT;
	struct told r;

	db_each(t, TOLD, db_key_span(letter), db_key_span(letter), take_told, &all);
	for (size_t at = 0; at < all.len; at += sizeof r) {
		memcpy(&r, all.data + at, sizeof r);
		owe(t, l, r.own, false);
	}
	buf_clear(&all);
}

void
ims_told_del(struct db_txn *t, const struct db_key *letter)
{
	struct db_key k;

	do {
		k.n = 0;
		db_each(t, TOLD, db_key_span(letter), db_key_span(letter), db_key_take_first, &k);
		if (k.n > 0)
			db_del(t, TOLD, db_key_span(&k));
	} while (k.n > 0);
}

/* -- what is owed ---------------------------------------------------------------------------------- */

struct page {
	struct ims_owed *out;
	size_t n, max;
	struct span after;
};

static bool
take_owed(void *arg, struct span key, struct span value)
{
	struct page *p = arg;

	if (!span_eq(key, p->after) && owed_read(value, &p->out[p->n]))
		p->n++;
	return p->n < p->max;
}

bool
ims_store_owed(struct ims_store *s, const struct ims_owed *after, struct ims_owed *out, size_t max,
    size_t *n, struct err *e)
{
	struct db_key k = { .n = 0 };
	struct page p = { .out = out, .max = max };
	struct db_txn *t;
	bool fault;

	if (!db_read(s->db, &t, e))
		return false;
	if (after != NULL)
		k = owed_key(after);
	p.after = db_key_span(&k);
	db_each(t, OWED, p.after, (struct span) { 0 }, take_owed, &p);
	fault = db_fault(t, e);
	db_read_end(&t);
	*n = p.n;
	return !fault;
}

struct paying {
	struct db_write write;
	struct ims_owed owed;
	ims_store_done *done;
	void *arg;
};

static bool
apply_paid(struct db_txn *t, void *arg, struct err *e)
{
	struct paying *p = arg;
	struct db_key k = owed_key(&p->owed);
	struct ims_owed now;
	struct span value;

	if (!db_get(t, OWED, db_key_span(&k), &value))
		return !db_fault(t, e);
	if (!owed_read(value, &now))
		return db_damaged(e);
	if (now.times == p->owed.times && now.declined == p->owed.declined)
		db_del(t, OWED, db_key_span(&k));
	return !db_fault(t, e);
}

static void
paid(void *arg, const struct err *e)
{
	struct paying *p = arg;

	p->done(p->arg, e);
	free(p);
}

static void
refused(void *arg)
{
	struct paying *p = arg;

	paid(p, &p->write.why);
}

void
ims_store_paid(struct ims_store *s, const struct ims_owed *o, struct loop *loop,
    ims_store_done *done, void *arg)
{
	struct paying *p = memory_new(sizeof *p);

	p->owed = *o;
	p->done = done;
	p->arg = arg;
	p->write = (struct db_write) { .apply = apply_paid,
		.done = paid,
		.arg = p,
		.home = loop,
		.octets = 64,
		.frees = true };
	if (!db_write_take(s->db, &p->write, &p->write.why))
		loop_post(loop, refused, p);
}
