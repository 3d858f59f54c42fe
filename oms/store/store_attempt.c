/* store_attempt — the OMS's spool: results of attempts; see store.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "oms/store/store_private.h"

/* One delivery's. */
struct result {
	struct kv_op op;
	struct attempted *all;
	struct oms_delivery said;
	char file[BODY_NAME_BYTES];
	struct oms_news news;
};

struct attempted {
	struct oms_several several; /* first */
	struct result *result;
	size_t n;
	int64_t now_s;
	oms_store_done *done;
	void *arg;
};

/* A letter that was forgotten meanwhile, or cannot be read, harms no other. */
static bool
apply_result(struct kv_txn *t, void *arg, struct err *e)
{
	struct result *r = arg;
	struct oms_stored s;
	struct oms_effects effects;
	bool good;

	oms_news_begin(&r->news);
	r->file[0] = '\0';
	if (!oms_stored_get(t, r->said.peer.text, &s, e)) {
		kv_pardon(t);
		return true;
	}
	oms_news_before(&r->news, &s.d);
	effects = oms_delivery_attempted(&s.d, &r->said);
	oms_news_after(&r->news, &s.d);
	oms_stored_put(t, &s, false);
	good = !effects.over || oms_letter_delivery_over(t, r->all->now_s, false, r->file, e);
	oms_delivery_clear(&s.d);
	if (!good)
		kv_pardon(t);
	return true;
}

static void
result_done(void *arg, const struct err *e)
{
	struct result *r = arg;

	if (e == NULL) {
		oms_news_log(&r->news);
		body_remove(r->all->several.store->bodies, r->file);
	}
	oms_news_clear(&r->news);
	oms_delivery_clear(&r->said);
	oms_several_end(&r->all->several, e);
}

static void
all_done(struct oms_several *several, const struct err *e)
{
	struct attempted *a = (struct attempted *)several;

	kv_store_let_go(several->store);
	a->done(a->arg, e);
	free(a->result);
	free(a);
}

static void
nothing_done(void *arg)
{
	all_done(arg, NULL);
}

static void
copy_outcome(struct oms_delivery *to, const struct oms_delivery *from)
{
	*to = *from;
	to->statement = (struct buf)BUF_INIT; /* the record keeps its own */
	to->recipients = memory_array(from->n_recipients + (from->n_recipients == 0),
	    sizeof *to->recipients);
	memcpy(to->recipients, from->recipients, from->n_recipients * sizeof *to->recipients);
}

void
oms_store_attempted(struct oms_store *s, const struct oms_delivery *d, size_t n, struct loop *l,
    oms_store_done *done, void *arg)
{
	struct attempted *a = memory_new(sizeof *a);

	a->several = (struct oms_several) {
		.store = kv_store_hold(&s->base),
		.waiting = (unsigned)n,
		.done = all_done,
	};
	a->result = memory_array(n + 1, sizeof *a->result);
	a->n = n;
	a->now_s = clock_wall_ms() / 1000;
	a->done = done;
	a->arg = arg;
	if (n == 0)
		loop_post(l, nothing_done, &a->several);
	for (size_t i = 0; i < n; i++) {
		struct result *r = &a->result[i];

		r->all = a;
		copy_outcome(&r->said, &d[i]);
		r->op = (struct kv_op) {
			.part = oms_part_letter(&d[i].id),
			.apply = apply_result,
			.done = result_done,
			.arg = r,
			.octets = 2048,
			.frees = true,
		};
		kv_store_take(&s->base, &r->op, l);
	}
}

/* -- giving to an SMTP server ----------------------------------------------------------------------------- */

struct giving {
	struct kv_op op; /* first */
	struct oms_store *store;
	struct oms_delivery said;
	struct oms_giving how;
	struct oms_news news;
	oms_store_done *done;
	void *arg;
};

static bool
apply_give(struct kv_txn *t, void *arg, struct err *e)
{
	struct giving *g = arg;
	struct oms_stored s;
	bool good;

	oms_news_begin(&g->news);
	if (!oms_stored_get(t, g->said.peer.text, &s, e))
		return false;
	oms_news_before(&g->news, &s.d);
	good = oms_delivery_give(&s.d, &g->said, &g->how, e);
	oms_news_after(&g->news, &s.d);
	if (good)
		oms_stored_put(t, &s, false);
	oms_delivery_clear(&s.d);
	return good;
}

static void
give_done(void *arg, const struct err *e)
{
	struct giving *g = arg;

	if (e == NULL)
		oms_news_log(&g->news);
	oms_news_clear(&g->news);
	oms_delivery_clear(&g->said);
	oms_store_drop(&g->store);
	g->done(g->arg, e);
	free(g);
}

void
oms_store_give(struct oms_store *s, const struct oms_delivery *d, const struct oms_giving *how,
    struct loop *l, oms_store_done *done, void *arg)
{
	struct giving *g = memory_new(sizeof *g);

	g->store = oms_store_hold(s);
	copy_outcome(&g->said, d);
	g->how = *how;
	g->done = done;
	g->arg = arg;
	g->op = (struct kv_op) {
		.part = oms_part_letter(&d->id),
		.apply = apply_give,
		.done = give_done,
		.arg = g,
		.octets = 2048,
		.frees = true,
	};
	kv_store_take(&s->base, &g->op, l);
}
