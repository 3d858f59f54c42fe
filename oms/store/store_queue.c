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

static void
put_index(struct kv_txn *t, struct span id, const struct oms_due_fact *due)
{
	struct kv_key k = index_row(due->next_ms, id);
	struct buf tries = BUF_INIT;

	put_u64(&tries, due->tries);
	kv_put(t, kv_key_span(&k), buf_span(&tries));
	buf_clear(&tries);
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

/* What the directory was told, and how many letters there are. */
struct told {
	struct oms_first first; /* zeros: that there is none */
	bool unknown;           /* the row is damaged: whatever is so is told again */
	uint64_t letters;       /* see oms_crowd_more */
};

static struct told
told(struct kv_txn *t)
{
	struct told last = { .unknown = false };
	struct span value;
	struct reader r;
	struct err e;

	if (kv_get(t, SPAN_LIT("E"), &value)) {
		r = reader_of(value);
		last.first.next_ms = (int64_t)read_u64(&r);
		last.first.tries = read_u64(&r);
		last.letters = r.rest.n > 0 ? read_u64(&r) : 0;
	} else if (kv_fault(t, &e)) {
		last.unknown = true;
		kv_pardon(t);
	}
	return last;
}

static void
keep_told(struct kv_txn *t, const struct oms_first *first, uint64_t letters)
{
	struct buf value = BUF_INIT;

	put_u64(&value, (uint64_t)first->next_ms);
	put_u64(&value, first->tries);
	if (letters > 0)
		put_u64(&value, letters);
	if (first->next_ms == 0)
		kv_del(t, SPAN_LIT("E"));
	else
		kv_put(t, SPAN_LIT("E"), buf_span(&value));
	buf_clear(&value);
}

static void
tell(struct kv_txn *t, const struct oms_first *first, uint64_t letters, const struct domain *own,
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

	keep_told(t, first, letters);
	put_u64(&value, (uint64_t)first->next_ms);
	put_u64(&value, first->tries);
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

/* The fact of the letter has all that the row has.  Without it nobody knows that the letter is due: the row goes. */
static bool
mend_row(struct kv_txn *t, struct span key)
{
	const struct span id = span_sub(key, 9, key.n);
	struct oms_due_fact due;
	struct kv_fact f;
	bool known;

	kv_pardon(t);
	known = kv_get_fact(t, OMS_FACT, id, &f) && oms_due_read(f.value, &due) &&
	    due.next_ms == (int64_t)kv_key_u64(key, 1);
	kv_pardon(t);
	if (known)
		put_index(t, id, &due);
	else
		kv_del(t, key);
	return known;
}

struct mending {
	struct kv_txn *txn;
	struct oms_first first;
};

static bool
take_or_mend(void *arg, struct span key)
{
	struct mending *m = arg;
	struct span value;

	if (!kv_get(m->txn, key, &value) &&
	    (!mend_row(m->txn, key) || !kv_get(m->txn, key, &value)))
		return true;
	return oms_first_take(&m->first, key, value);
}

/* A walk over rows cannot pass a damaged one, one over keys can. */
static struct oms_first
first_of(struct kv_txn *t)
{
	struct mending m = { .txn = t };
	struct err e;

	kv_each(t, SPAN_LIT("I"), SPAN_LIT("I"), oms_first_take, &m.first);
	if (m.first.next_ms == 0 && kv_fault(t, &e)) {
		kv_pardon(t);
		kv_each_key(t, SPAN_LIT("I"), SPAN_LIT("I"), take_or_mend, &m);
	}
	return m.first;
}

void
oms_queue_tell(struct kv_txn *t, const struct domain *own, const struct domain *peer)
{
	const struct oms_first first = first_of(t);

	tell(t, &first, told(t).letters, own, peer, true);
}

/* A later time is not told: whoever looks finds it. */
static bool
must_tell(const struct oms_first *now, const struct told *last)
{
	if (last->unknown)
		return true;
	if (now->next_ms == 0 || last->first.next_ms == 0)
		return now->next_ms != last->first.next_ms;
	return now->next_ms < last->first.next_ms;
}

/* The rows are as they are now; last: what the directory was told before. */
static void
tell_change(struct kv_txn *t, const struct oms_due_fact *new, bool gone, const struct told *last,
    uint64_t letters)
{
	const bool none_is_earlier = !gone && last->first.next_ms != 0 &&
	    last->first.next_ms <= new->next_ms;
	const struct oms_first first = none_is_earlier ? last->first : first_of(t);

	if (!none_is_earlier && must_tell(&first, last))
		tell(t, &first, letters, &new->own, &new->peer, new->awaited);
	else if (letters != last->letters)
		keep_told(t, &last->first, letters);
}

/* A letter says when it is due, or that it is not any more.  Where the fact of before is damaged, its row stays until
 * somebody finds it (oms_queue_check). */
bool
oms_queue_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e)
{
	const struct oms_bounds *bounds = arg;
	const uint64_t most = bounds == NULL ? OMS_QUEUE_LETTERS : bounds->queue;
	struct oms_due_fact old = { .next_ms = 0 }, new;
	bool is_new = was == NULL && !kv_was_damaged(t);
	uint64_t letters;
	struct told last;
	struct kv_key k;

	(void)from;
	if (was != NULL && !oms_due_read(was->value, &old))
		return oms_damaged(e);
	new = old;
	new.awaited = false;
	if (!now->gone && !oms_due_read(now->value, &new))
		return oms_damaged(e);
	last = told(t);
	letters = last.letters;
	if (is_new && !now->gone && !oms_crowd_more(t, &letters, now->name, most, new.judged, e))
		return false;
	if (!is_new && now->gone)
		oms_crowd_less(&letters, most);
	if (was != NULL) {
		k = index_row(old.next_ms, now->name);
		kv_del(t, kv_key_span(&k));
	}
	if (!now->gone)
		put_index(t, now->name, &new);
	if (was != NULL || !now->gone)
		tell_change(t, &new, now->gone, &last, letters);
	return true;
}

/* -- the directory is told later ------------------------------------------------------------------------ */

struct telling {
	struct kv_op op;
	struct domain own, peer;
};

static bool
apply_telling(struct kv_txn *t, void *arg, struct err *e)
{
	const struct telling *w = arg;
	const struct oms_first first = first_of(t);
	const struct told last = told(t);

	(void)e;
	if (last.unknown || first.next_ms != last.first.next_ms)
		tell(t, &first, last.letters, &w->own, &w->peer, false);
	return true;
}

static void
telling_done(void *arg, const struct err *e)
{
	(void)e; /* whoever looks next tells it again */
	free(arg);
}

void
oms_queue_later(struct kv_question *q, const struct kv_part *queue, const struct domain *own,
    const struct domain *peer)
{
	struct telling *w = memory_new(sizeof *w);

	w->own = *own;
	w->peer = *peer;
	w->op = (struct kv_op) {
		.part = *queue,
		.apply = apply_telling,
		.done = telling_done,
		.arg = w,
		.octets = 512,
		.frees = true,
	};
	kv_store_take(q->store, &w->op, q->loop);
}

/* Any letter of the queue has its domains. */
static bool
take_domains(void *arg, const struct kv_fact *f)
{
	struct oms_due_fact *due = arg;

	return !oms_due_read(f->value, due);
}

static bool
apply_anew(struct kv_txn *t, void *arg, struct err *e)
{
	const struct oms_first first = first_of(t);
	struct oms_due_fact due = { .next_ms = 0 };

	(void)arg;
	(void)e;
	kv_each_fact(t, OMS_FACT, SPAN_LIT(""), SPAN_LIT(""), take_domains, &due);
	kv_pardon(t);
	if (first.next_ms == 0 || due.own.text[0] != '\0')
		tell(t, &first, told(t).letters, &due.own, &due.peer, false);
	return true;
}

void
oms_queue_anew(struct kv_question *q, const unsigned char queue[OMS_QUEUE_BYTES])
{
	struct telling *w = memory_new(sizeof *w);

	w->op = (struct kv_op) {
		.part = kv_part_of(OMS_QUEUE, span_of(queue, OMS_QUEUE_BYTES)),
		.apply = apply_anew,
		.done = telling_done,
		.arg = w,
		.octets = 512,
		.frees = true,
	};
	kv_store_take(q->store, &w->op, q->loop);
}

/* -- a row that its letter does not have ------------------------------------------------------------------ */

struct checking {
	struct kv_op op;
	struct ulid id;
	int64_t at_ms;
};

static bool
apply_checking(struct kv_txn *t, void *arg, struct err *e)
{
	const struct checking *w = arg;
	const struct span id = span_of(w->id.b, ULID_BYTES);
	const struct kv_key k = index_row(w->at_ms, id);
	struct oms_due_fact due;
	struct kv_fact f;

	(void)e;
	if (!kv_get_fact(t, OMS_FACT, id, &f) || !oms_due_read(f.value, &due) ||
	    due.next_ms != w->at_ms)
		kv_del(t, kv_key_span(&k));
	kv_pardon(t);
	return true;
}

static void
checking_done(void *arg, const struct err *e)
{
	(void)e; /* whoever looks next finds the row again */
	free(arg);
}

void
oms_queue_check(struct kv_question *q, const struct kv_part *queue, const struct ulid *id,
    int64_t at_ms)
{
	struct checking *w = memory_new(sizeof *w);

	w->id = *id;
	w->at_ms = at_ms;
	w->op = (struct kv_op) {
		.part = *queue,
		.apply = apply_checking,
		.done = checking_done,
		.arg = w,
		.octets = 64,
		.frees = true,
	};
	kv_store_take(q->store, &w->op, q->loop);
}
