/* store_queue — the OMS's spool: the queue of a destination, and what its directory is told; see store_private.h. */
#include <stdlib.h>

#include "common/base/memory.h"
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

bool
oms_first_take(void *arg, struct span key, struct span value)
{
	struct oms_first *f = arg;
	struct reader r = reader_of(value);

	f->next_ms = (int64_t)kv_key_u64(key, 1);
	f->tries = read_u64(&r);
	return false;
}

/* What the directory was told.  Zeros: that there is none. */
static struct oms_first
told(struct kv_txn *t)
{
	struct oms_first first = { 0 };
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
tell(struct kv_txn *t, const struct oms_first *first, const struct domain *own,
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

bool
oms_entry_read(const struct kv_fact *f, struct oms_pair *p)
{
	struct reader r = reader_of(f->value);

	*p = (struct oms_pair) { .first_ms = (int64_t)read_u64(&r) };
	p->tries = read_u64(&r);
	read_str(&r, p->own.text, sizeof p->own.text);
	read_str(&r, p->peer.text, sizeof p->peer.text);
	return reader_done(&r) && f->name.n == OMS_QUEUE_BYTES;
}

static struct oms_first
first_of(struct kv_txn *t)
{
	struct oms_first first = { 0 };

	kv_each(t, SPAN_LIT("I"), SPAN_LIT("I"), oms_first_take, &first);
	return first;
}

void
oms_queue_tell(struct kv_txn *t, const struct domain *own, const struct domain *peer)
{
	const struct oms_first first = first_of(t);

	tell(t, &first, own, peer, true);
}

/* A later time is not told: whoever looks finds it. */
static bool
must_tell(const struct oms_first *now, const struct oms_first *told)
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
	struct oms_first first, last;
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
	struct oms_first first = first_of(t), last = told(t);

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

void
oms_queue_later(struct oms_question *q, const struct kv_part *queue, const struct domain *own,
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
