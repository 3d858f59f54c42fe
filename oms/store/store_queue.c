/* store_queue — the OMS's spool: the queues of destinations, what is due, and pairs; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "oms/store/store_private.h"

/* -- a queue --------------------------------------------------------------------------------------------- */

static struct kv_key
index_row(int64_t next_ms, struct span id)
{
	struct kv_key k = oms_row('I', (struct span) { 0 });

	kv_key_add_u64(&k, (uint64_t)next_ms);
	kv_key_add(&k, id);
	return k;
}

struct first {
	int64_t next_ms; /* 0: there is none */
	uint64_t tries;
};

static bool
take_first(void *arg, struct span key, struct span value)
{
	struct first *f = arg;
	struct reader r = reader_of(value);

	f->next_ms = (int64_t)kv_key_u64(key, 1);
	f->tries = read_u64(&r);
	return false;
}

/* What the directory was told.  Zeros: that there is none. */
static struct first
told(struct kv_txn *t)
{
	struct first first = { 0 };
	struct span value;
	struct reader r;

	if (kv_get(t, SPAN_LIT("E"), &value)) {
		r = reader_of(value);
		first.next_ms = (int64_t)read_u64(&r);
		first.tries = read_u64(&r);
	}
	return first;
}

static void
tell(struct kv_txn *t, const struct first *first, const struct domain *own,
    const struct domain *peer, bool awaited)
{
	const struct kv_part *here = kv_here(t);
	const struct kv_part queues = oms_part_queues(here->name);
	struct buf value = BUF_INIT;
	struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(here->name, here->n),
		.version = { .n = kv_stamp(t) },
		.gone = first->next_ms == 0,
	};

	put_u64(&value, (uint64_t)first->next_ms);
	put_u64(&value, first->tries);
	if (f.gone)
		kv_del(t, SPAN_LIT("E"));
	else
		kv_put(t, SPAN_LIT("E"), buf_span(&value));
	put_span(&value, domain_span(own));
	put_span(&value, domain_span(peer));
	f.value = buf_span(&value);
	if (awaited)
		kv_emit_awaited(t, &queues, &f);
	else
		kv_emit(t, &queues, &f);
	buf_clear(&value);
}

static struct first
first_of(struct kv_txn *t)
{
	struct first first = { 0 };

	kv_each(t, SPAN_LIT("I"), SPAN_LIT("I"), take_first, &first);
	return first;
}

void
oms_queue_tell(struct kv_txn *t, const struct domain *own, const struct domain *peer)
{
	const struct first first = first_of(t);

	tell(t, &first, own, peer, true);
}

/* A later time is not told: whoever looks finds it. */
static bool
must_tell(const struct first *now, const struct first *told)
{
	if (now->next_ms == 0 || told->next_ms == 0)
		return now->next_ms != told->next_ms;
	return now->next_ms < told->next_ms;
}

/* A letter says when it is due, or that it is not any more. */
bool
oms_queue_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	struct oms_due_fact old = { .next_ms = 0 }, new;
	struct first first, last;
	struct kv_key k;

	(void)from;
	(void)arg;
	if (was != NULL && !oms_due_read(was->value, &old))
		return oms_damaged(e);
	new = old;
	new.awaited = false;
	if (!now->gone && !oms_due_read(now->value, &new))
		return oms_damaged(e);
	if (was != NULL) {
		k = index_row(old.next_ms, now->name);
		kv_del(t, kv_key_span(&k));
	}
	if (!now->gone) {
		struct buf tries = BUF_INIT;

		k = index_row(new.next_ms, now->name);
		put_u64(&tries, new.tries);
		kv_put(t, kv_key_span(&k), buf_span(&tries));
		buf_clear(&tries);
	}
	if (was == NULL && now->gone)
		return true;
	last = told(t);
	if (!now->gone && last.next_ms != 0 && last.next_ms <= new.next_ms)
		return true; /* nothing is earlier than what was told */
	first = first_of(t);
	if (must_tell(&first, &last))
		tell(t, &first, &new.own, &new.peer, new.awaited);
	return true;
}

/* -- the directory is told later ------------------------------------------------------------------------ */

struct telling {
	struct oms_op op;
	struct domain own, peer;
};

static bool
apply_telling(struct kv_txn *t, void *arg, struct err *e)
{
	const struct telling *w = arg;
	struct first first = first_of(t), last = told(t);

	(void)e;
	if (first.next_ms != last.next_ms)
		tell(t, &first, &w->own, &w->peer, false);
	return true;
}

static void
telling_done(void *arg, const struct err *e)
{
	(void)e; /* whoever looks next tells it again */
	free(arg);
}

/* What was told to be due is due later: without this, each look would find that again. */
static void
tell_later_time(struct oms_question *q, const struct kv_part *queue, const struct domain *own,
    const struct domain *peer)
{
	struct telling *w = memory_new(sizeof *w);

	w->own = *own;
	w->peer = *peer;
	w->op.op = (struct kv_op) {
		.part = *queue,
		.apply = apply_telling,
		.done = telling_done,
		.arg = w,
		.octets = 512,
		.frees = true,
	};
	oms_take(q->store, &w->op, q->loop);
}

/* -- what the directory says of a pair ----------------------------------------------------------------- */

struct queue {
	unsigned char shard;
	int64_t first_ms; /* as it was told; not later than it is */
};

struct listed {
	unsigned char hash[OMS_HASH_BYTES];
	struct queue queue[OMS_QUEUE_SHARDS]; /* that have something, the earliest first */
	size_t n;
};

/* The entries of a group, as they were read. */
struct group {
	struct due *due;
	unsigned number;
	struct queue queue[OMS_QUEUE_SHARDS / OMS_QUEUE_GROUPS];
	size_t n;
};

/* Reads an entry of the directory. */
static bool
read_entry(const struct kv_fact *f, struct oms_pair *p)
{
	struct reader r = reader_of(f->value);

	*p = (struct oms_pair) { .first_ms = (int64_t)read_u64(&r) };
	p->tries = read_u64(&r);
	read_str(&r, p->own.text, sizeof p->own.text);
	read_str(&r, p->peer.text, sizeof p->peer.text);
	return reader_done(&r) && f->name.n == OMS_QUEUE_BYTES;
}

/* Two groups may have the same directory. */
static bool
take_listed(void *arg, const struct kv_fact *f)
{
	struct group *g = arg;
	struct oms_pair p;
	unsigned char shard;

	if (!read_entry(f, &p))
		return true;
	shard = (unsigned char)f->name.p[OMS_HASH_BYTES];
	if (shard % OMS_QUEUE_GROUPS == g->number && g->n < OMS_QUEUE_SHARDS / OMS_QUEUE_GROUPS)
		g->queue[g->n++] = (struct queue) { shard, p.first_ms };
	return true;
}

static void
add_listed(struct listed *l, const struct queue *q)
{
	size_t at = l->n++;

	for (; at > 0 && l->queue[at - 1].first_ms > q->first_ms; at--)
		l->queue[at] = l->queue[at - 1];
	l->queue[at] = *q;
}

/* -- what is due ------------------------------------------------------------------------------------ */

struct entry {
	struct due *due;
	struct ulid id;
	int64_t at_ms;
	unsigned char shard; /* of the queue */
	struct oms_stored stored;
	bool found, damaged;
};

struct due {
	struct oms_question question;
	struct domain own, peer;
	int64_t now_ms, latest_ms;
	struct ulid *under_way;
	size_t n_under_way, max;
	/* as it was read */
	struct group group[OMS_QUEUE_GROUPS];
	struct listed listed;
	size_t at;          /* of its queues */
	struct first first; /* of that queue */
	bool again;         /* now_ms has been moved on */
	struct entry entry[OMS_STORE_DUE_PAGE];
	size_t n, n_before; /* entries; those of the queues before */
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
	struct entry *x = &d->entry[d->n];
	int64_t at_ms = (int64_t)kv_key_u64(key, 1);

	if (key.n != 9 + ULID_BYTES)
		return true;
	if (d->first.next_ms == 0)
		take_first(&d->first, key, value);
	if (at_ms > d->now_ms || d->n == d->max)
		return false;
	*x = (struct entry) { .due = d, .at_ms = at_ms, .shard = d->listed.queue[d->at].shard };
	memcpy(x->id.b, key.p + 9, ULID_BYTES);
	d->n += !is_under_way(d, &x->id);
	return d->n < d->max;
}

static void
look_queue(struct kv_txn *t, void *arg)
{
	struct due *d = arg;

	d->n = d->n_before;
	d->first = (struct first) { 0 };
	kv_each(t, SPAN_LIT("I"), SPAN_LIT("I"), take_due, d);
}

static void
look_listed(struct kv_txn *t, void *arg)
{
	struct group *g = arg;
	struct span pair = span_of(g->due->listed.hash, OMS_HASH_BYTES);

	g->n = 0;
	kv_each_fact(t, OMS_FACT, pair, pair, take_listed, g);
}

static void
look_delivery(struct kv_txn *t, void *arg)
{
	struct entry *x = arg;
	struct err e;

	if (x->found)
		oms_delivery_clear(&x->stored.d);
	x->damaged = false;
	x->found = oms_stored_get(t, x->due->peer.text, &x->stored, &e);
	if (!x->found) {
		x->damaged = true;
		kv_pardon(t);
	}
}

/* -- an entry that nobody will correct ------------------------------------------------------------------- */

static struct kv_part
queue_of(const struct due *d, unsigned char shard)
{
	unsigned char name[OMS_QUEUE_BYTES];

	memcpy(name, d->listed.hash, OMS_HASH_BYTES);
	name[OMS_HASH_BYTES] = shard;
	return kv_part_of(OMS_QUEUE, span_of(name, sizeof name));
}

/* A letter states when it is due to this queue.  False: one of an older format did, and now states it elsewhere. */
static bool
is_told(const struct kv_part *queue, const struct oms_delivery *d)
{
	const struct kv_part part = oms_part_queue(d->own.text, d->peer.text, &d->id);

	return kv_part_eq(&part, queue);
}

struct stale {
	struct oms_op op;
	struct kv_part queue;
	struct ulid id;
	int64_t at_ms;
	struct domain peer;
};

/* It is stated to be gone, with a version that nothing follows. */
static bool
apply_stale(struct kv_txn *t, void *arg, struct err *e)
{
	const struct stale *w = arg;
	const struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(w->id.b, ULID_BYTES),
		.version = { .n = UINT64_MAX },
		.gone = true,
	};
	struct oms_stored s;
	bool right = false;

	if (oms_stored_get(t, w->peer.text, &s, e)) {
		right = s.d.next_ms == w->at_ms || is_told(&w->queue, &s.d);
		oms_delivery_clear(&s.d);
	}
	kv_pardon(t);
	if (!right)
		kv_emit(t, &w->queue, &f);
	return true;
}

static void
stale_done(void *arg, const struct err *e)
{
	(void)e;
	free(arg);
}

/* A delivery that is damaged or gone, or is due elsewhere, must not stay due for ever.  Damage is logged. */
static void
drop_due(const struct due *d, const struct entry *x)
{
	struct stale *w = memory_new(sizeof *w);

	w->queue = queue_of(d, x->shard);
	w->id = x->id;
	w->at_ms = x->at_ms;
	w->peer = d->peer;
	w->op.op = (struct kv_op) {
		.part = oms_part_letter(&x->id),
		.apply = apply_stale,
		.done = stale_done,
		.arg = w,
		.octets = 64,
		.frees = true,
	};
	oms_take(d->question.store, &w->op, d->question.loop);
}

static int
by_time(const void *a, const void *b)
{
	const struct oms_delivery *x = a, *y = b;

	return x->next_ms < y->next_ms ? -1 : x->next_ms > y->next_ms;
}

static bool
is_stale(const struct due *d, const struct entry *x)
{
	const struct kv_part queue = queue_of(d, x->shard);

	return x->damaged || (x->stored.d.next_ms != x->at_ms && !is_told(&queue, &x->stored.d));
}

/* An attempt may have ended since the queue knew of this delivery; the queue will know of that too. */
static void
deliveries_read(struct oms_question *q)
{
	struct due *d = (struct due *)q;

	for (size_t i = 0; i < d->n; i++) {
		struct entry *x = &d->entry[i];

		if (is_stale(d, x))
			drop_due(d, x);
		if (!x->found || x->stored.d.next_ms != x->at_ms)
			continue;
		d->answer.deliveries[d->answer.n++] = x->stored.d;
		x->found = false;
	}
	qsort(d->answer.deliveries, d->answer.n, sizeof *d->answer.deliveries, by_time);
	oms_answer(q);
}

static void next_queue(struct oms_question *q);

static struct kv_part
queue_at(const struct due *d, size_t at)
{
	return queue_of(d, d->listed.queue[at].shard);
}

static void
queue_read(struct oms_question *q)
{
	struct due *d = (struct due *)q;
	const struct first *f = &d->first;
	int64_t listed_ms = d->listed.queue[d->at].first_ms;
	struct kv_part part = queue_at(d, d->at);

	if (f->next_ms != 0 && (d->answer.first_ms == 0 || f->next_ms < d->answer.first_ms)) {
		d->answer.first_ms = f->next_ms;
		d->answer.tries = f->tries;
	}
	if (listed_ms <= d->now_ms && (f->next_ms == 0 || f->next_ms > d->now_ms))
		tell_later_time(q, &part, &d->own, &d->peer);
	d->at++;
	next_queue(q);
}

/* It may have what is due, or what is due first. */
static bool
may_have(const struct due *d, const struct queue *q)
{
	return (d->n < d->max && q->first_ms <= d->now_ms) || d->answer.first_ms == 0 ||
	    q->first_ms < d->answer.first_ms;
}

static void
look_for_letters(struct oms_question *q)
{
	struct due *d = (struct due *)q;

	q->next = deliveries_read;
	for (size_t i = 0; i < d->n; i++) {
		struct kv_part part = oms_part_letter(&d->entry[i].id);

		oms_look(q, &part, look_delivery, &d->entry[i]);
	}
}

static void
next_queue(struct oms_question *q)
{
	struct due *d = (struct due *)q;
	struct kv_part part;

	if (d->at == d->listed.n && !d->again && d->answer.first_ms > d->latest_ms &&
	    d->answer.first_ms > d->now_ms) {
		d->again = true;
		d->now_ms = d->answer.first_ms;
		d->at = 0;
	}
	if (d->at < d->listed.n && may_have(d, &d->listed.queue[d->at])) {
		part = queue_at(d, d->at);
		d->n_before = d->n;
		q->next = queue_read;
		oms_look(q, &part, look_queue, d);
	} else if (d->n > 0) {
		look_for_letters(q);
	} else {
		oms_answer(q);
	}
}

static void
pair_read(struct oms_question *q)
{
	struct due *d = (struct due *)q;

	for (size_t g = 0; g < OMS_QUEUE_GROUPS; g++)
		for (size_t i = 0; i < d->group[g].n; i++)
			add_listed(&d->listed, &d->group[g].queue[i]);
	next_queue(q);
}

static void
clear_answer(struct due *d)
{
	for (size_t i = 0; i < d->answer.n; i++)
		oms_delivery_clear(&d->answer.deliveries[i]);
	d->answer.n = 0;
}

static void
tell_due(struct oms_question *q, const struct err *e)
{
	struct due *d = (struct due *)q;

	if (e != NULL) {
		clear_answer(d);
		d->answer.first_ms = 0;
	}
	d->done(d->arg, &d->answer, e);
}

static void
clear_due(struct oms_question *q)
{
	struct due *d = (struct due *)q;

	for (size_t i = 0; i < d->n; i++)
		if (d->entry[i].found)
			oms_delivery_clear(&d->entry[i].stored.d);
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
		.next = pair_read,
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
	oms_pair_hash(q->own, q->peer, d->listed.hash);
	oms_ask(&d->question, s, l);
	for (unsigned g = 0; g < OMS_QUEUE_GROUPS; g++) {
		unsigned char name[OMS_QUEUE_BYTES];
		struct kv_part part;

		memcpy(name, d->listed.hash, OMS_HASH_BYTES);
		name[OMS_HASH_BYTES] = (unsigned char)g;
		part = oms_part_queues(name);
		d->group[g].due = d;
		d->group[g].number = g;
		oms_look(&d->question, &part, look_listed, &d->group[g]);
	}
	return &d->question;
}

/* -- pairs ------------------------------------------------------------------------------------------------ */

struct walk {
	struct oms_question question;
	struct oms_pair_cursor from, next;
	unsigned char last[OMS_HASH_BYTES]; /* the pair of page[n - 1] */
	struct oms_pair *page;
	size_t n, n_before, max;
	bool full; /* another pair follows */
	oms_store_pairs_done *done;
	void *arg;
};

/* A pair has an entry for each shard of its queue that has something; those of a group follow one another. */
static bool
take_pair(void *arg, const struct kv_fact *f)
{
	struct walk *w = arg;
	struct oms_pair p, *last = w->n > w->n_before ? &w->page[w->n - 1] : NULL;

	if (!read_entry(f, &p))
		return true;
	if (last != NULL && memcmp(w->last, f->name.p, OMS_HASH_BYTES) == 0) {
		if (p.first_ms < last->first_ms)
			*last = p;
		return true;
	}
	if (w->n == w->max) {
		w->full = true;
		memcpy(w->next.next, f->name.p, OMS_HASH_BYTES);
		return false;
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): as the walk began */
	w->page[w->n++] = p;
	memcpy(w->last, f->name.p, OMS_HASH_BYTES);
	return true;
}

static void
look_pairs(struct kv_txn *t, void *arg)
{
	struct walk *w = arg;

	w->n = w->n_before;
	w->full = false;
	kv_each_fact(t, OMS_FACT, span_of(w->from.next, w->from.begun ? OMS_HASH_BYTES : 0),
	    SPAN_LIT(""), take_pair, w);
}

static void
walk_on(struct oms_question *q)
{
	struct walk *w = (struct walk *)q;
	unsigned char shard = (unsigned char)w->from.shard;
	struct kv_part part = kv_part_of(OMS_QUEUES, span_of(&shard, 1));

	w->n_before = w->n;
	oms_look(q, &part, look_pairs, w);
}

static void
pairs_read(struct oms_question *q)
{
	struct walk *w = (struct walk *)q;

	w->next.begun = true;
	w->next.shard = w->from.shard;
	if (!w->full) {
		memset(w->next.next, 0, sizeof w->next.next);
		w->next.shard++;
	}
	w->next.ended = w->next.shard == KV_DIR_SHARDS;
	w->from = w->next;
	if (w->full || w->next.ended)
		oms_answer(q);
	else
		walk_on(q);
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
		.next = pairs_read,
		.tell = tell_pairs,
		.clear = clear_pairs,
	};
	w->from = *at;
	w->from.shard %= KV_DIR_SHARDS;
	w->max = max < OMS_STORE_PAIRS_PAGE ? max : OMS_STORE_PAIRS_PAGE;
	w->page = memory_array(w->max + 1, sizeof *w->page);
	w->done = done;
	w->arg = arg;
	oms_ask(&w->question, s, l);
	walk_on(&w->question);
	return &w->question;
}
