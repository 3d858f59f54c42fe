/* store_change — the IMS's mailboxes: what users do to notices, and what time does; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/record.h"
#include "common/loop/loop.h"
#include "ims/store/store_private.h"

#define SWEEP_MAX 500 /* entries a write */

struct change {
	struct db_write write;
	struct ims_store *store; /* until it is applied */
	struct spool *spool;     /* until done, which may come after the store's end */
	char user[IMS_STORE_USER_BYTES];
	uint64_t number;
	unsigned set, cleared;       /* mark */
	bool declined;               /* drop */
	char file[SPOOL_NAME_BYTES]; /* to be removed */
	int64_t now_s;               /* sweep, and what follows */
	struct loop *loop;
	size_t swept; /* by the last write */
	struct err why;
	ims_store_done *done;
	void *arg;
};

static void
refused(void *arg)
{
	struct change *c = arg;

	c->write.done(c, &c->write.why);
}

static void
changed(void *arg, const struct err *e)
{
	struct change *c = arg;

	if (e == NULL)
		spool_remove(c->spool, c->file);
	spool_free(&c->spool);
	c->done(c->arg, e);
	free(c);
}

static void
submit(struct ims_store *s, const struct change *what,
    bool (*apply)(struct db_txn *t, void *arg, struct err *e), bool frees, struct loop *loop)
{
	struct change *c = memory_new(sizeof *c);

	*c = *what;
	c->store = s;
	c->spool = spool_ref(s->spool);
	c->write = (struct db_write) {
		.apply = apply,
		.done = changed,
		.arg = c,
		.home = loop,
		.octets = 1024,
		.frees = frees,
	};
	if (!db_write_take(s->db, &c->write, &c->write.why))
		loop_post(loop, refused, c);
}

/* -- mark -------------------------------------------------------------------------------------------- */

static bool
apply_mark(struct db_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct ims_notice_record n;
	struct ims_mailbox_record m;

	if (!ims_notice_get(t, c->user, c->number, &n, e) || !ims_mailbox_get(t, c->user, &m, e))
		return false;
	n.flags = (n.flags | c->set) & ~c->cleared;
	ims_change_put(t, c->user, &m, c->number, &n.change);
	ims_notice_put(t, c->user, c->number, &n);
	ims_mailbox_put(t, c->user, &m);
	return !db_fault(t, e);
}

void
ims_store_mark(struct ims_store *s, const char *user, uint64_t number, unsigned set,
    unsigned cleared, struct loop *loop, ims_store_done *done, void *arg)
{
	struct change c = {
		.number = number,
		.set = set,
		.cleared = cleared,
		.done = done,
		.arg = arg,
	};

	span_copy(span_str(user), c.user, sizeof c.user);
	submit(s, &c, apply_mark, false, loop);
}

/* -- drop, decline -------------------------------------------------------------------------------------- */

/* One notice of it less; its body's file, where that was the last, goes into `file`. */
static void
unref_letter(struct db_txn *t, const struct ims_key *k, struct ims_letter_record *l,
    char file[SPOOL_NAME_BYTES])
{
	if (l->refs == 0)
		return;
	if (l->refs > 1) {
		l->refs--;
		ims_letter_put(t, k, l);
		return;
	}
	memcpy(file, l->file, SPOOL_NAME_BYTES);
	db_del(t, LETTER, ims_key_span(k));
	db_del(t, BODY, ims_key_span(k));
	ims_evidence_del(t, k);
	ims_told_del(t, k);
}

static void
drop_notice(struct db_txn *t, const struct change *c, const struct ims_notice_record *n,
    struct ims_mailbox_record *m)
{
	struct ims_key k = ims_key_numbered(c->user, c->number);

	db_del(t, NOTICE, ims_key_span(&k));
	m->notices -= m->notices > 0;
	ims_change_del(t, c->user, m, n->change);
}

static bool
apply_drop(struct db_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct ims_notice_record n;
	struct ims_mailbox_record m;
	struct ims_letter_record l;
	struct ims_key letter;

	c->file[0] = '\0';
	if (!ims_notice_get(t, c->user, c->number, &n, e) || !ims_mailbox_get(t, c->user, &m, e))
		return false;
	letter = ims_key_letter(&n.id, address_domain(span_str(n.from)));
	if (!ims_letter_get(t, c->store, &letter, &l, e)) {
		if (e->why != REFUSAL_no_such_number)
			return false;
		l.refs = 0; /* nothing is behind the notice */
	}
	if (l.refs > 0 && !n.declined)
		ims_told_less(t, &letter, &l.facts, address_domain(span_str(n.to)), c->declined);
	if (c->declined) {
		n.declined = true;
		ims_change_put(t, c->user, &m, c->number, &n.change);
		ims_notice_put(t, c->user, c->number, &n);
	} else {
		drop_notice(t, c, &n, &m);
		unref_letter(t, &letter, &l, c->file);
	}
	ims_mailbox_put(t, c->user, &m);
	return !db_fault(t, e);
}

void
ims_store_drop(struct ims_store *s, const char *user, uint64_t number, bool declined,
    struct loop *loop, ims_store_done *done, void *arg)
{
	struct change c = {
		.number = number,
		.declined = declined,
		.done = done,
		.arg = arg,
	};

	span_copy(span_str(user), c.user, sizeof c.user);
	submit(s, &c, apply_drop, !declined, loop);
}

/* -- what time does ---------------------------------------------------------------------------------------- */

struct due {
	struct ims_key key[SWEEP_MAX];
	size_t n;
	int64_t now_s;
};

static bool
take_due(void *arg, struct span key, struct span value)
{
	struct due *d = arg;
	struct reader r = reader_of(key);

	(void)value;
	if ((int64_t)read_u64(&r) >= d->now_s)
		return false;
	d->key[d->n].n = 0;
	ims_key_add(&d->key[d->n++], key.p, key.n);
	return d->n < SWEEP_MAX;
}

/* The notice stays: only the memory of what was seen goes, for a repeat of it is refused by now as
 * hold_expired. */
static bool
apply_sweep(struct db_txn *t, void *arg, struct err *e)
{
	struct change *c = arg;
	struct due *d = memory_new(sizeof *d);

	d->now_s = c->now_s;
	db_each(t, UNTIL, (struct span) { 0 }, (struct span) { 0 }, take_due, d);
	for (size_t i = 0; i < d->n; i++) {
		db_del(t, UNTIL, ims_key_span(&d->key[i]));
		db_del(t, SEEN, span_sub(ims_key_span(&d->key[i]), 8, DB_KEY_MAX));
	}
	c->swept = d->n;
	free(d);
	return !db_fault(t, e);
}

static void
sweep_ended(void *arg)
{
	struct change *c = arg;

	changed(c, c->why.why == REFUSAL_NONE ? NULL : &c->why);
}

/* On the writer's thread, so that the store is still there to go on with. */
static void
sweep_on(void *arg, const struct err *e)
{
	struct change *c = arg;

	if (e != NULL)
		c->why = *e;
	else if (c->swept == SWEEP_MAX && db_write_take(c->store->db, &c->write, &c->write.why))
		return;
	loop_post(c->loop, sweep_ended, c);
}

void
ims_store_sweep(struct ims_store *s, int64_t now_s, struct loop *loop, ims_store_done *done,
    void *arg)
{
	struct change *c = memory_new(sizeof *c);

	c->store = s;
	c->spool = spool_ref(s->spool);
	c->now_s = now_s;
	c->loop = loop;
	c->done = done;
	c->arg = arg;
	c->write = (struct db_write) { .apply = apply_sweep,
		.done = sweep_on,
		.arg = c,
		.octets = 1024,
		.frees = true };
	if (!db_write_take(s->db, &c->write, &c->why))
		loop_post(loop, sweep_ended, c);
}
