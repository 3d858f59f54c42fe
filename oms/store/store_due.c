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

bool
oms_store_pairs(struct oms_store *s, struct oms_pair_cursor *at, struct oms_pair *out, size_t max,
    size_t *n, struct err *e)
{
	struct first f = { .pair = { .n = at->begun ? sizeof at->next : 0 } };
	struct db_txn *t;
	bool fault;

	*n = 0;
	if (!db_read(s->db, &t, e))
		return false;
	memcpy(f.pair.b, at->next, sizeof at->next);
	at->ended = false;
	while (*n < max) {
		f.found = f.read = false;
		db_each(t, DUE, db_key_span(&f.pair), (struct span) { 0 }, take_first, &f);
		if (f.found)
			fill_pair(t, &f, &out[(*n)++]);
		if (!f.read || !next_pair(&f.pair)) {
			at->ended = true;
			break;
		}
	}
	memcpy(at->next, f.pair.b, sizeof at->next);
	at->begun = true;
	fault = db_fault(t, e);
	db_read_end(&t);
	return !fault;
}

static bool
read_pair(struct oms_store *s, const char *own, const char *peer, struct first *f,
    struct oms_pair *out, struct err *e)
{
	struct db_key pair = oms_key_pair(own, peer);
	struct db_txn *t;
	bool fault;

	*f = (struct first) { .found = false };
	if (!db_read(s->db, &t, e))
		return false;
	db_each(t, DUE, db_key_span(&pair), db_key_span(&pair), take_first, f);
	if (out != NULL && f->found)
		fill_pair(t, f, out);
	fault = db_fault(t, e);
	db_read_end(&t);
	return !fault;
}

bool
oms_store_pair(struct oms_store *s, const char *own, const char *peer, struct oms_pair *out,
    struct err *e)
{
	struct first f;

	*out = (struct oms_pair) { .first_ms = 0 };
	return read_pair(s, own, peer, &f, out, e);
}

bool
oms_store_next_due(struct oms_store *s, const char *own, const char *peer, int64_t *next_ms,
    struct err *e)
{
	struct first f;
	bool good = read_pair(s, own, peer, &f, NULL, e);

	if (good)
		*next_ms = f.found ? f.next_ms : 0;
	return good;
}

/* -- what is due ------------------------------------------------------------------------------------ */

struct due {
	struct ulid id;
	int64_t at_ms;
};

struct page {
	struct due entry[OMS_STORE_DUE_PAGE];
	size_t n, max;
	const struct oms_due_query *query;
};

static bool
take_due(void *arg, struct span key, struct span value)
{
	struct page *p = arg;
	struct due d;

	(void)value;
	if (key.n != 40 || (d.at_ms = oms_key_time(key, 16)) > p->query->now_ms)
		return false;
	memcpy(d.id.b, key.p + 24, ULID_BYTES);
	if (!p->query->skip(p->query->arg, &d.id))
		p->entry[p->n++] = d;
	return p->n < p->max;
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
drop_due(struct oms_store *s, const struct db_key *pair, const struct due *d)
{
	struct stale *w = memory_new(sizeof *w);
	struct err e;

	w->key = oms_key_due_of(pair, d->at_ms, &d->id);
	w->write = (struct db_write) { .apply = apply_stale,
		.done = stale_done,
		.arg = w,
		.octets = 64,
		.frees = true };
	if (!db_write_take(s->db, &w->write, &e))
		free(w);
}

bool
oms_store_due(struct oms_store *s, const struct oms_due_query *q, struct oms_delivery *out,
    size_t *n, struct err *e)
{
	struct page p = {
		.max = q->max < OMS_STORE_DUE_PAGE ? q->max : OMS_STORE_DUE_PAGE,
		.query = q,
	};
	struct db_key pair = oms_key_pair(q->own, q->peer);
	struct db_txn *t;
	struct err why;
	bool good;

	*n = 0;
	if (!db_read(s->db, &t, e))
		return false;
	db_each(t, DUE, db_key_span(&pair), db_key_span(&pair), take_due, &p);
	good = !db_fault(t, e);
	for (size_t i = 0; i < p.n && good; i++) {
		if (oms_delivery_get(t, &p.entry[i].id, q->peer, &out[*n], &why))
			++*n;
		else if ((good = !db_fault(t, e))) /* it is gone, or damaged */
			drop_due(s, &pair, &p.entry[i]);
	}
	db_read_end(&t);
	return good;
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
	if (!db_write_take(s->db, &a->write, &a->write.why))
		loop_post(l, attempted_refused, a);
}
