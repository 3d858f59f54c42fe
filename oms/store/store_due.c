/* store_due — the OMS's spool: due notifications and their results; see store.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "oms/store/store_private.h"

/* -- pairs -------------------------------------------------------------------------------------- */

struct first {
	struct domain own, peer;
	struct ulid id;
	int64_t next_ms;
	struct db_key pair;
	bool read;  /* there is an entry */
	bool found; /* it is whole */
};

static bool
take_first(void *arg, struct span key, struct span value)
{
	struct first *f = arg;
	struct span peer = value, own = span_cut(&peer, '\0');

	f->found = key.n == 40 && domain_copy_span(&f->own, own) &&
	    domain_copy_span(&f->peer, peer);
	f->read = key.n >= 16;
	if (f->read) {
		memcpy(f->pair.b, key.p, 16);
		f->pair.n = 16;
	}
	if (f->found) {
		f->next_ms = oms_key_time(key, 16);
		memcpy(f->id.b, key.p + 24, ULID_BYTES);
	}
	return false;
}

/* The first key after those of the pair: its 16 octets plus one.  False: there is none. */
static bool
next_pair(struct db_key *pair)
{
	for (size_t i = pair->n; i-- > 0;)
		if (++pair->b[i] != 0)
			return true;
	return false;
}

/* A damaged delivery counts as one that was never tried; oms_store_due drops it. */
static uint64_t
tries_of(struct db_txn *t, const struct first *f)
{
	struct oms_delivery d;
	struct err e;
	uint64_t tries = 0;

	if (oms_delivery_get(t, &f->id, f->peer.text, &d, &e)) {
		tries = d.tries;
		oms_delivery_clear(&d);
	} else {
		db_pardon(t);
	}
	return tries;
}

static void
fill_pair(struct db_txn *t, const struct first *f, struct oms_pair *out)
{
	*out = (struct oms_pair) { .first_ms = f->next_ms, .tries = tries_of(t, f) };
	out->own = f->own;
	out->peer = f->peer;
}

struct walk {
	struct oms_question question;
	struct oms_pair_cursor from, next;
	struct oms_pair *page;
	size_t n, max;
	oms_store_pairs_done *done;
	void *arg;
};

static bool
look_pairs(struct db_txn *t, struct oms_question *q, struct err *e)
{
	struct walk *w = (struct walk *)q;
	struct first f = { .pair = { .n = w->from.begun ? sizeof w->from.next : 0 } };

	(void)e;
	memcpy(f.pair.b, w->from.next, sizeof w->from.next);
	w->next = (struct oms_pair_cursor) { .begun = true };
	for (w->n = 0; w->n < w->max && !w->next.ended;) {
		f.found = f.read = false;
		db_each(t, DUE, db_key_span(&f.pair), (struct span) { 0 }, take_first, &f);
		if (f.found)
			fill_pair(t, &f, &w->page[w->n++]);
		w->next.ended = !f.read || !next_pair(&f.pair);
	}
	memcpy(w->next.next, f.pair.b, sizeof w->next.next);
	return true;
}

static void
tell_pairs(struct oms_question *q, const struct err *e)
{
	struct walk *w = (struct walk *)q;

	w->done(w->arg, w->page, e == NULL ? w->n : 0, &w->next, e);
}

static void
clear_pairs(struct oms_question *q)
{
	free(((struct walk *)q)->page);
}

struct oms_question *
oms_store_pairs(struct oms_store *s, const struct oms_pair_cursor *at, size_t max, struct loop *l,
    oms_store_pairs_done *done, void *arg)
{
	struct walk *w = memory_new(sizeof *w);

	w->question = (struct oms_question) {
		.look = look_pairs,
		.tell = tell_pairs,
		.clear = clear_pairs,
	};
	w->from = *at;
	w->max = max < OMS_STORE_PAIRS_PAGE ? max : OMS_STORE_PAIRS_PAGE;
	w->page = memory_array(w->max + 1, sizeof *w->page);
	w->done = done;
	w->arg = arg;
	return oms_ask(&w->question, s, l);
}

/* -- what is due ------------------------------------------------------------------------------------ */

struct entry {
	struct ulid id;
	int64_t at_ms;
};

struct due {
	struct oms_question question;
	struct domain own, peer;
	int64_t now_ms, latest_ms;
	struct ulid *under_way;
	size_t n_under_way, max;
	/* as it was read */
	struct entry entry[OMS_STORE_DUE_PAGE];
	size_t n;
	bool any; /* there is an entry */
	struct entry stale[OMS_STORE_DUE_PAGE];
	size_t n_stale;
	struct oms_due answer;
	oms_store_due_done *done;
	void *arg;
};

static bool
is_under_way(const struct due *d, const struct ulid *id)
{
	for (size_t i = 0; i < d->n_under_way; i++)
		if (ulid_eq(&d->under_way[i], id))
			return true;
	return false;
}

static bool
take_due(void *arg, struct span key, struct span value)
{
	struct due *d = arg;
	struct entry x;

	(void)value;
	if (key.n != 40)
		return true;
	x.at_ms = oms_key_time(key, 16);
	memcpy(x.id.b, key.p + 24, ULID_BYTES);
	if (!d->any) {
		d->any = true;
		d->answer.first_ms = x.at_ms;
		d->entry[0] = x;
		if (x.at_ms > d->latest_ms && x.at_ms > d->now_ms)
			d->now_ms = x.at_ms;
	}
	if (d->n == d->max || x.at_ms > d->now_ms)
		return false;
	if (!is_under_way(d, &x.id))
		d->entry[d->n++] = x;
	return d->n < d->max;
}

static void
clear_answer(struct due *d)
{
	for (size_t i = 0; i < d->answer.n; i++)
		oms_delivery_clear(&d->answer.deliveries[i]);
	d->answer.n = 0;
}

/* A delivery that is gone or damaged is stale.  A damaged one counts as never tried. */
static bool
read_deliveries(struct db_txn *t, struct due *d, struct err *e)
{
	struct oms_delivery first;
	struct err why;

	if (d->any && d->max == 0 &&
	    oms_delivery_get(t, &d->entry[0].id, d->peer.text, &first, &why)) {
		d->answer.tries = first.tries;
		oms_delivery_clear(&first);
	}
	for (size_t i = 0; i < d->n; i++) {
		if (oms_delivery_get(t, &d->entry[i].id, d->peer.text,
			&d->answer.deliveries[d->answer.n], &why))
			d->answer.n++;
		else if (db_fault(t, e))
			return false;
		else
			d->stale[d->n_stale++] = d->entry[i];
	}
	db_pardon(t);
	return true;
}

static bool
look_due(struct db_txn *t, struct oms_question *q, struct err *e)
{
	struct due *d = (struct due *)q;
	struct db_key pair = oms_key_pair(d->own.text, d->peer.text);

	clear_answer(d);
	d->answer.first_ms = 0;
	d->answer.tries = 0;
	d->any = false;
	d->n = d->n_stale = 0;
	db_each(t, DUE, db_key_span(&pair), db_key_span(&pair), take_due, d);
	return !db_fault(t, e) && read_deliveries(t, d, e);
}

struct stale {
	struct db_write write;
	struct db_key key;
};

static bool
apply_stale(struct db_txn *t, void *arg, struct err *e)
{
	db_del(t, DUE, db_key_span(&((struct stale *)arg)->key));
	return !db_fault(t, e);
}

static void
stale_done(void *arg, const struct err *e)
{
	(void)e;
	free(arg);
}

/* A delivery that is damaged or gone must not stay due for ever.  db has logged the damage. */
static void
drop_due(struct oms_store *s, const struct db_key *pair, const struct entry *d)
{
	struct stale *w = memory_new(sizeof *w);
	struct err e;

	w->key = oms_key_due_of(pair, d->at_ms, &d->id);
	w->write = (struct db_write) { .apply = apply_stale,
		.done = stale_done,
		.arg = w,
		.octets = 64,
		.frees = true };
	if (!oms_write_take(s, &w->write, &e))
		free(w);
}

static void
tell_due(struct oms_question *q, const struct err *e)
{
	struct due *d = (struct due *)q;
	struct db_key pair = oms_key_pair(d->own.text, d->peer.text);

	for (size_t i = 0; i < d->n_stale; i++)
		drop_due(q->store, &pair, &d->stale[i]);
	if (e != NULL)
		clear_answer(d);
	d->done(d->arg, &d->answer, e);
}

static void
clear_due(struct oms_question *q)
{
	struct due *d = (struct due *)q;

	clear_answer(d);
	free(d->answer.deliveries);
	free(d->under_way);
}

struct oms_question *
oms_store_due(struct oms_store *s, const struct oms_due_query *q, struct loop *l,
    oms_store_due_done *done, void *arg)
{
	struct due *d = memory_new(sizeof *d);

	d->question = (struct oms_question) {
		.look = look_due,
		.tell = tell_due,
		.clear = clear_due,
	};
	d->own = domain_copy(q->own);
	d->peer = domain_copy(q->peer);
	d->now_ms = q->now_ms;
	d->latest_ms = q->latest_ms;
	d->under_way = memory_array(q->n_under_way + 1, sizeof *d->under_way);
	if (q->n_under_way > 0)
		memcpy(d->under_way, q->under_way, q->n_under_way * sizeof *d->under_way);
	d->n_under_way = q->n_under_way;
	d->max = q->max < OMS_STORE_DUE_PAGE ? q->max : OMS_STORE_DUE_PAGE;
	d->answer.deliveries = memory_array(d->max + 1, sizeof *d->answer.deliveries);
	d->done = done;
	d->arg = arg;
	return oms_ask(&d->question, s, l);
}

/* -- results of attempts --------------------------------------------------------------------------------- */

struct attempted {
	struct db_write write;
	struct oms_store *store;
	struct oms_delivery *deliveries;
	size_t n;
	char (*files)[BODY_NAME_BYTES];
	struct oms_news news;
	int64_t now_s;
	oms_store_done *done;
	void *arg;
};

static bool
apply_one(struct db_txn *t, struct attempted *a, size_t i, struct err *e)
{
	const struct oms_delivery *said = &a->deliveries[i];
	struct oms_delivery now;
	struct oms_effects effects;
	int64_t was_ms;
	bool good;

	if (!oms_delivery_get(t, &said->id, said->peer.text, &now, e))
		return e->why == REFUSAL_unknown_id; /* forgotten meanwhile */
	was_ms = now.next_ms;
	oms_news_before(&a->news, &now);
	effects = oms_delivery_attempted(&now, said);
	oms_news_after(&a->news, &now);
	oms_delivery_put(t, &now, was_ms);
	good = !effects.over || oms_letter_delivery_over(t, &now.id, a->now_s, a->files[i], e);
	oms_delivery_clear(&now);
	return good;
}

static bool
apply_attempted(struct db_txn *t, void *arg, struct err *e)
{
	struct attempted *a = arg;

	oms_news_begin(&a->news);
	for (size_t i = 0; i < a->n; i++) {
		a->files[i][0] = '\0';
		if (!apply_one(t, a, i, e) && db_fault(t, e))
			return false;
	}
	return !db_fault(t, e);
}

static void
attempted_done(void *arg, const struct err *e)
{
	struct attempted *a = arg;

	if (e == NULL)
		oms_news_log(&a->news);
	oms_news_clear(&a->news);
	for (size_t i = 0; i < a->n; i++) {
		if (e == NULL)
			body_remove(a->store->bodies, a->files[i]);
		oms_delivery_clear(&a->deliveries[i]);
	}
	oms_store_drop(&a->store);
	a->done(a->arg, e);
	free(a->deliveries);
	free(a->files);
	free(a);
}

static void
attempted_refused(void *arg)
{
	struct attempted *a = arg;

	assert(a != NULL);
	attempted_done(a, &a->write.why);
}

static void
copy_outcome(struct oms_delivery *to, const struct oms_delivery *from)
{
	*to = *from;
	to->statement = (struct buf)BUF_INIT; /* the record keeps its own */
	to->recipients = memory_array(from->n_recipients + 1, sizeof *to->recipients);
	memcpy(to->recipients, from->recipients, from->n_recipients * sizeof *to->recipients);
}

void
oms_store_attempted(struct oms_store *s, const struct oms_delivery *d, size_t n, struct loop *l,
    oms_store_done *done, void *arg)
{
	struct attempted *a = memory_new(sizeof *a);

	a->deliveries = memory_array(n + 1, sizeof *a->deliveries);
	a->files = memory_array(n + 1, sizeof *a->files);
	a->store = oms_store_hold(s);
	a->n = n;
	a->now_s = clock_wall_ms() / 1000;
	a->done = done;
	a->arg = arg;
	for (size_t i = 0; i < n; i++)
		copy_outcome(&a->deliveries[i], &d[i]);
	a->write = (struct db_write) {
		.apply = apply_attempted,
		.done = attempted_done,
		.arg = a,
		.home = l,
		.octets = 2048 * n,
		.frees = true,
	};
	if (!oms_write_take(s, &a->write, &a->write.why))
		loop_post(l, attempted_refused, a);
}
