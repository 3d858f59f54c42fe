/* store_format — the OMS's spool: the number of its format, and a store of the format before; see store_private.h.
 *
 * The first format on kv had no number.  There, the directory of a queue depended on its pair alone, and an entry had
 * another form: whoever looks for what is due finds none of them.  So each queue that a directory lists states its
 * entry anew, and that the one in the old place is gone.  The directories say what is left to do, so a crash harms
 * nothing.  The number is put last.
 *
 * In format 3 a letter's shards depend on its time, and tokens have other names.  What lies as format 2 had it is read
 * where it is: a token by either name; an entry of a queue until the letter states another time, and then who finds
 * it takes it away; an end in any shard of its minute.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "oms/store/store_private.h"

#define FORMAT        3
#define FORMAT_QUEUES 2   /* since then, a queue's directory is where it is now */
#define PAGE          500 /* queues */
#define PENDING_POLLS 100 /* 10 ms each */

/* A queue as a directory of before lists it. */
struct listed {
	unsigned char name[OMS_QUEUE_BYTES];
	struct domain own, peer; /* "": they cannot be read */
};

struct change {
	struct kv *kv;
	struct loop *loop; /* of the reads; it runs here */
	struct listed queue[PAGE];
	size_t n;
	uint64_t queues, lost;
	bool end; /* no page follows */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t waiting;
	struct err why; /* the first fault */
};

/* -- operations, waited for ------------------------------------------------------------------------------ */

struct step {
	struct kv_op op;
	struct change *of;
	const struct listed *queue;
	bool lost; /* whose it is cannot be read */
};

/* A queue whose records are damaged keeps no other from being found. */
static void
step_done(void *arg, const struct err *e)
{
	struct step *s = arg;
	struct change *c = s->of;

	pthread_mutex_lock(&c->lock);
	if (e == NULL ? s->lost : e->why == REFUSAL_storage && s->op.part.kind == OMS_QUEUE)
		c->lost++;
	else if (e != NULL && c->why.why == REFUSAL_NONE)
		c->why = *e;
	if (--c->waiting == 0)
		pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	free(s);
}

static void
take(struct change *c, const struct kv_part *part, const struct listed *queue,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e))
{
	struct step *s = memory_new(sizeof *s);
	struct err e;

	s->of = c;
	s->queue = queue;
	s->op = (struct kv_op) {
		.part = *part,
		.apply = apply,
		.done = step_done,
		.arg = s,
		.octets = 1024,
		.frees = true,
	};
	pthread_mutex_lock(&c->lock);
	c->waiting++;
	pthread_mutex_unlock(&c->lock);
	if (!kv_take(c->kv, &s->op, &e))
		step_done(s, &e);
}

static bool
wait_for_steps(struct change *c, struct err *e)
{
	pthread_mutex_lock(&c->lock);
	while (c->waiting > 0)
		pthread_cond_wait(&c->changed, &c->lock);
	pthread_mutex_unlock(&c->lock);
	*e = c->why;
	return e->why == REFUSAL_NONE;
}

/* -- the number ---------------------------------------------------------------------------------------------- */

static struct kv_part
whole(void)
{
	return kv_part_of(OMS_WHOLE, SPAN_LIT("0"));
}

static bool
apply_number(struct kv_txn *t, void *arg, struct err *e)
{
	struct buf value = BUF_INIT;

	(void)arg;
	(void)e;
	put_u64(&value, FORMAT);
	kv_put(t, SPAN_LIT("F"), buf_span(&value));
	buf_clear(&value);
	return true;
}

static bool
put_number(struct change *c, struct err *e)
{
	const struct kv_part part = whole();

	take(c, &part, NULL, apply_number);
	return wait_for_steps(c, e);
}

struct number {
	struct kv_look look;
	uint64_t n; /* 0: the store has none, or it is damaged: all is done again */
	struct err why;
};

static void
look_number(struct kv_txn *t, void *arg)
{
	struct number *x = arg;
	struct span value;
	struct reader r;

	x->n = 0;
	if (!kv_get(t, SPAN_LIT("F"), &value)) {
		kv_pardon(t);
		return;
	}
	r = reader_of(value);
	x->n = read_u64(&r);
}

static void
number_read(void *arg, const struct err *e)
{
	if (e != NULL)
		((struct number *)arg)->why = *e;
}

static bool
get_number(struct change *c, uint64_t *n, struct err *e)
{
	struct number x = { .n = 0 };

	x.look = (struct kv_look) {
		.part = whole(),
		.look = look_number,
		.done = number_read,
		.arg = &x,
		.home = c->loop,
	};
	kv_read(c->kv, &x.look);
	loop_drain(c->loop);
	*n = x.n;
	*e = x.why;
	return e->why == REFUSAL_NONE;
}

/* -- queues --------------------------------------------------------------------------------------------------- */

struct pair {
	struct kv_txn *txn;
	struct domain own, peer;
};

/* A letter that is due tells the pair. */
static bool
find_pair(void *arg, struct span key)
{
	struct pair *p = arg;
	struct oms_due_fact due;
	struct kv_fact f;

	if (key.n == 9 + ULID_BYTES &&
	    kv_get_fact(p->txn, OMS_FACT, span_sub(key, 9, ULID_BYTES), &f) &&
	    oms_due_read(f.value, &due)) {
		p->own = due.own;
		p->peer = due.peer;
		return false;
	}
	kv_pardon(p->txn);
	return true;
}

/* lost: it is not told to the new one, which may be the same. */
static void
leave_old_place(struct kv_txn *t, bool lost)
{
	const struct kv_part *here = kv_here(t);
	const struct kv_part new = oms_part_queues(here->name);
	const struct kv_part old = kv_dir_part(OMS_QUEUES, span_of(here->name, OMS_HASH_BYTES));
	const struct kv_fact f = {
		.what = OMS_FACT,
		.name = span_of(here->name, here->n),
		.version = { .n = kv_stamp(t) },
		.gone = true,
	};

	if (lost || !kv_part_eq(&old, &new))
		kv_emit_awaited(t, &old, &f);
}

/* A queue of a pair that nothing names is listed when a letter states next that it is due there. */
static bool
apply_queue(struct kv_txn *t, void *arg, struct err *e)
{
	struct step *s = arg;
	struct pair p = { t, s->queue->own, s->queue->peer };

	(void)e;
	if (domain_span(&p.own).n == 0)
		kv_each_key(t, SPAN_LIT("I"), SPAN_LIT("I"), find_pair, &p);
	s->lost = domain_span(&p.own).n == 0;
	leave_old_place(t, s->lost);
	if (s->lost)
		kv_del(t, SPAN_LIT("E"));
	else
		oms_queue_tell(t, &p.own, &p.peer);
	return true;
}

/* The first builds of that format wrote a version, too. */
static bool
read_pair(struct listed *q, struct span value, bool with_version)
{
	struct reader r = reader_of(value);
	unsigned char hash[OMS_HASH_BYTES];

	read_u64(&r); /* when something is due, and how often it was tried */
	read_u64(&r);
	if (with_version)
		read_u64(&r);
	read_str(&r, q->own.text, sizeof q->own.text);
	read_str(&r, q->peer.text, sizeof q->peer.text);
	oms_pair_hash(q->own.text, q->peer.text, hash);
	return reader_done(&r) && memcmp(hash, q->name, sizeof hash) == 0;
}

static void
on_entry(void *arg, struct span name, struct span value)
{
	struct change *c = arg;
	struct listed *q = &c->queue[c->n];

	if (name.n != OMS_QUEUE_BYTES)
		return;
	memcpy(q->name, name.p, OMS_QUEUE_BYTES);
	if (!read_pair(q, value, false) && !read_pair(q, value, true))
		q->own.text[0] = q->peer.text[0] = '\0';
	c->n++;
}

static void
on_page(void *arg, bool end, const struct err *e)
{
	struct change *c = arg;

	c->end = end;
	if (e != NULL)
		c->why = *e;
}

static bool
change_page(struct change *c, struct kv_dir_page *p, struct err *e)
{
	c->n = 0;
	kv_dir_read(c->kv, p);
	loop_drain(c->loop);
	*e = c->why;
	if (e->why != REFUSAL_NONE)
		return false;
	for (size_t i = 0; i < c->n; i++) {
		const struct listed *q = &c->queue[i];
		struct kv_part queue = kv_part_of(OMS_QUEUE, span_of(q->name, OMS_QUEUE_BYTES));

		take(c, &queue, q, apply_queue);
	}
	if (!wait_for_steps(c, e))
		return false;
	if (c->n > 0)
		log_fact(LOG_INFO, "store.migrating", "queues=%llu",
		    (unsigned long long)(c->queues += c->n));
	return true;
}

/* Effects that were stored before the last stop are applied soon after the opening.  True: none is left. */
static bool
wait_for_pending(struct change *c)
{
	struct kv_counts counts;

	for (int i = 0; i < PENDING_POLLS; i++) {
		kv_get_counts(c->kv, &counts);
		if (counts.pending == 0)
			return true;
		usleep(10000);
	}
	return false;
}

/* An effect that cannot be applied may list one more queue later: the next opening looks again. */
static bool
change_all(struct change *c, const struct kv_opening *o, struct err *e)
{
	const bool all = wait_for_pending(c);
	struct kv_dir_page p = {
		.kind = OMS_QUEUES,
		.what = OMS_FACT,
		.most = PAGE,
		.entry = on_entry,
		.done = on_page,
		.arg = c,
		.home = c->loop,
	};

	while (!c->end) {
		if (o->stops != NULL && o->stops(o->arg))
			return err_word(e, REFUSAL_closing);
		if (!change_page(c, &p, e))
			return false;
	}
	if (c->queues > 0)
		log_fact(c->lost > 0 ? LOG_WARN : LOG_INFO, "store.migrated",
		    "queues=%llu unreadable=%llu", (unsigned long long)c->queues,
		    (unsigned long long)c->lost);
	return !all || put_number(c, e);
}

/* -- opening ---------------------------------------------------------------------------------------------------- */

static bool
change_new(struct kv *kv, struct change **out, struct err *e)
{
	struct change *c = memory_new(sizeof *c);

	c->kv = kv;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->changed, NULL);
	*out = c;
	return loop_new(&c->loop, e);
}

static void
change_free(struct change *c)
{
	if (c->loop != NULL)
		loop_free(&c->loop);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

bool
oms_format_put(struct kv *kv, struct err *e)
{
	struct change *c;
	bool good = change_new(kv, &c, e) && put_number(c, e);

	change_free(c);
	return good;
}

bool
oms_format_open(struct kv *kv, const struct kv_opening *o, struct err *e)
{
	struct change *c;
	uint64_t number;
	bool good = change_new(kv, &c, e) && get_number(c, &number, e);

	if (good && number > FORMAT)
		good = err_set(e, REFUSAL_config,
		    "the store in %s has format %llu, and this oms reads formats up to %d; start the "
		    "later oms that wrote it, or restore a copy of before",
		    o->folder, (unsigned long long)number, FORMAT);
	else if (good && number < FORMAT)
		good = number < FORMAT_QUEUES ? change_all(c, o, e) : put_number(c, e);
	change_free(c);
	return good;
}
