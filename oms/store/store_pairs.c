/* store_pairs — the OMS's spool: the pairs of domains that have something due; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "oms/store/store_private.h"

#define DAMAGED_MAX 16 /* in one look; the next walk finds the others */

struct walk {
	struct kv_question question;
	struct oms_pair_cursor from, next;
	unsigned char last[OMS_HASH_BYTES]; /* the pair of page[n - 1] */
	struct oms_pair *page;
	size_t n, n_before, max;
	bool full; /* another pair follows */
	/* Names of queues whose entries cannot be read. */
	unsigned char damaged[DAMAGED_MAX][OMS_QUEUE_BYTES];
	size_t n_damaged;
	oms_store_pairs_done *done;
	void *arg;
};

/* A pair has an entry for each shard of its queue that has something; those of a group follow one another. */
static bool
take_pair(void *arg, const struct kv_fact *f)
{
	struct walk *w = arg;
	struct oms_pair p, *last = w->n > w->n_before ? &w->page[w->n - 1] : NULL;

	if (!oms_entry_read(f, &p))
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

static bool
take_damaged(void *arg, struct span name)
{
	struct walk *w = arg;

	if (name.n == OMS_QUEUE_BYTES)
		memcpy(w->damaged[w->n_damaged++], name.p, OMS_QUEUE_BYTES);
	return w->n_damaged < DAMAGED_MAX;
}

static void
look_pairs(struct kv_txn *t, void *arg)
{
	struct walk *w = arg;

	w->n = w->n_before;
	w->n_damaged = 0;
	w->full = false;
	kv_each_fact(t, OMS_FACT, span_of(w->from.next, w->from.begun ? OMS_HASH_BYTES : 0),
	    SPAN_LIT(""), take_pair, w);
	kv_each_damaged(t, OMS_FACT, take_damaged, w);
}

static void
walk_on(struct kv_question *q)
{
	struct walk *w = (struct walk *)q;
	struct kv_part part = kv_dir_shard(OMS_QUEUES, w->from.shard);

	w->n_before = w->n;
	kv_question_look(q, part, look_pairs, w);
}

static void
pairs_read(struct kv_question *q)
{
	struct walk *w = (struct walk *)q;

	for (size_t i = 0; i < w->n_damaged; i++)
		oms_queue_anew(q, w->damaged[i]);
	w->next.begun = true;
	w->next.shard = w->from.shard;
	if (!w->full) {
		memset(w->next.next, 0, sizeof w->next.next);
		w->next.shard++;
	}
	w->next.ended = w->next.shard == KV_DIR_SHARDS;
	w->from = w->next;
	if (w->full || w->next.ended)
		kv_question_answer(q);
	else
		walk_on(q);
}

static void
tell_pairs(struct kv_question *q, const struct err *e)
{
	struct walk *w = (struct walk *)q;

	w->done(w->arg, w->page, e == NULL ? w->n : 0, &w->next, e);
}

static void
clear_pairs(struct kv_question *q)
{
	free(((struct walk *)q)->page);
}

struct kv_question *
oms_store_pairs(struct oms_store *s, const struct oms_pair_cursor *at, size_t max, struct loop *l,
    oms_store_pairs_done *done, void *arg)
{
	struct walk *w = memory_new(sizeof *w);

	w->question = (struct kv_question) {
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
	kv_question_begin(&w->question, &s->base, l);
	walk_on(&w->question);
	return &w->question;
}
