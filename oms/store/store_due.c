/* store_due — the OMS's spool: what is due at a pair of domains; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "oms/store/store_private.h"

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

/* Two groups may have the same directory. */
static bool
take_listed(void *arg, const struct kv_fact *f)
{
	struct group *g = arg;
	struct oms_pair p;
	unsigned char shard;

	if (!oms_entry_read(f, &p))
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
	struct kv_question question;
	struct domain own, peer;
	int64_t now_ms, latest_ms;
	struct ulid *under_way;
	size_t n_under_way, max;
	/* as it was read */
	struct group group[OMS_QUEUE_GROUPS];
	struct listed listed;
	size_t at;              /* of its queues */
	struct oms_first first; /* of that queue */
	bool again;             /* now_ms has been moved on */
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
		oms_first_take(&d->first, key, value);
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
	d->first = (struct oms_first) { 0 };
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
	struct kv_op op;
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
	w->op = (struct kv_op) {
		.part = oms_part_letter(&x->id),
		.apply = apply_stale,
		.done = stale_done,
		.arg = w,
		.octets = 64,
		.frees = true,
	};
	kv_store_take(d->question.store, &w->op, d->question.loop);
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

/* The delivery is not due then.  An attempt may have ended since the queue knew of it; the queue will know of that too. */
static void
correct(struct due *d, const struct entry *x)
{
	const struct kv_part queue = queue_of(d, x->shard);

	if (is_stale(d, x))
		drop_due(d, x);
	oms_queue_check(&d->question, &queue, &x->id, x->at_ms);
}

static void
deliveries_read(struct kv_question *q)
{
	struct due *d = (struct due *)q;

	for (size_t i = 0; i < d->n; i++) {
		struct entry *x = &d->entry[i];
		bool right = x->found && x->stored.d.next_ms == x->at_ms;

		if (!right) {
			correct(d, x);
			continue;
		}
		d->answer.deliveries[d->answer.n++] = x->stored.d;
		x->found = false;
	}
	qsort(d->answer.deliveries, d->answer.n, sizeof *d->answer.deliveries, by_time);
	kv_question_answer(q);
}

static void next_queue(struct kv_question *q);

static struct kv_part
queue_at(const struct due *d, size_t at)
{
	return queue_of(d, d->listed.queue[at].shard);
}

static void
queue_read(struct kv_question *q)
{
	struct due *d = (struct due *)q;
	const struct oms_first *f = &d->first;
	int64_t listed_ms = d->listed.queue[d->at].first_ms;
	struct kv_part part = queue_at(d, d->at);

	if (f->next_ms != 0 && (d->answer.first_ms == 0 || f->next_ms < d->answer.first_ms)) {
		d->answer.first_ms = f->next_ms;
		d->answer.tries = f->tries;
	}
	if (listed_ms <= d->now_ms && (f->next_ms == 0 || f->next_ms > d->now_ms))
		oms_queue_later(q, &part, &d->own, &d->peer);
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
look_for_letters(struct kv_question *q)
{
	struct due *d = (struct due *)q;

	q->next = deliveries_read;
	for (size_t i = 0; i < d->n; i++) {
		struct kv_part part = oms_part_letter(&d->entry[i].id);

		kv_question_look(q, part, look_delivery, &d->entry[i]);
	}
}

static void
next_queue(struct kv_question *q)
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
		kv_question_look(q, part, look_queue, d);
	} else if (d->n > 0) {
		look_for_letters(q);
	} else {
		kv_question_answer(q);
	}
}

static void
pair_read(struct kv_question *q)
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
tell_due(struct kv_question *q, const struct err *e)
{
	struct due *d = (struct due *)q;

	if (e != NULL) {
		clear_answer(d);
		d->answer.first_ms = 0;
	}
	d->done(d->arg, &d->answer, e);
}

static void
clear_due(struct kv_question *q)
{
	struct due *d = (struct due *)q;

	for (size_t i = 0; i < d->n; i++)
		if (d->entry[i].found)
			oms_delivery_clear(&d->entry[i].stored.d);
	clear_answer(d);
	free(d->answer.deliveries);
	free(d->under_way);
}

struct kv_question *
oms_store_due(struct oms_store *s, const struct oms_due_query *q, struct loop *l,
    oms_store_due_done *done, void *arg)
{
	struct due *d = memory_new(sizeof *d);

	d->question = (struct kv_question) {
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
	kv_question_begin(&d->question, &s->base, l);
	for (unsigned g = 0; g < OMS_QUEUE_GROUPS; g++) {
		unsigned char name[OMS_QUEUE_BYTES];
		struct kv_part part;

		memcpy(name, d->listed.hash, OMS_HASH_BYTES);
		name[OMS_HASH_BYTES] = (unsigned char)g;
		part = oms_part_queues(name);
		d->group[g].due = d;
		d->group[g].number = g;
		kv_question_look(&d->question, part, look_listed, &d->group[g]);
	}
	return &d->question;
}
