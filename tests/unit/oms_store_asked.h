/* oms_store_asked — questions to the store, each answered at once; after <cmocka.h>. */
#ifndef TESTS_UNIT_OMS_STORE_ASKED_H
#define TESTS_UNIT_OMS_STORE_ASKED_H

#include <string.h>
#include <unistd.h>

#include "common/loop/loop.h"
#include "oms/store/store.h"

/* What came back.  The answer must come exactly once, and not inside the call. */
struct asked {
	unsigned answers;
	struct err e; /* REFUSAL_NONE: none */
	struct oms_peer peer;
	struct oms_user_counts counts;
	bool known;
	int64_t first_ms;
	uint64_t tries;
	struct oms_delivery *deliveries;
	size_t n;
	struct oms_pair *pairs;
	struct oms_pair_cursor next;
};

static inline void
answered(struct asked *a, const struct err *e)
{
	a->answers++;
	a->e = (struct err) { .why = REFUSAL_NONE };
	if (e != NULL)
		a->e = *e;
}

/* True: no error. */
static inline bool
await(struct asked *a, struct loop *l)
{
	assert_int_equal(a->answers, 0);
	for (int i = 0; i < 10000 && a->answers == 0; i++) {
		loop_drain(l);
		if (a->answers == 0)
			usleep(1000);
	}
	assert_int_equal(a->answers, 1);
	return a->e.why == REFUSAL_NONE;
}

static inline void
on_peer_asked(void *arg, const struct oms_peer *p, const struct err *e)
{
	((struct asked *)arg)->peer = *p;
	answered(arg, e);
}

static inline struct asked
ask_peer(struct oms_store *s, struct loop *l, const char *domain)
{
	struct asked a = { .answers = 0 };

	oms_store_peer(s, domain, l, on_peer_asked, &a);
	await(&a, l);
	return a;
}

static inline void
on_user_asked(void *arg, const struct oms_user_counts *c, const struct err *e)
{
	((struct asked *)arg)->counts = *c;
	answered(arg, e);
}

static inline struct oms_user_counts
ask_user(struct oms_store *s, struct loop *l, const char *user)
{
	struct asked a = { .answers = 0 };

	oms_store_user(s, user, l, on_user_asked, &a);
	assert_true(await(&a, l));
	return a.counts;
}

static inline void
on_knows_asked(void *arg, bool known, const struct err *e)
{
	((struct asked *)arg)->known = known;
	answered(arg, e);
}

static inline bool
ask_knows(struct oms_store *s, struct loop *l, const char *user)
{
	struct asked a = { .answers = 0 };

	oms_store_knows_user(s, user, l, on_knows_asked, &a);
	assert_true(await(&a, l));
	return a.known;
}

static inline void
on_due_asked(void *arg, struct oms_due *due, const struct err *e)
{
	struct asked *a = arg;

	a->first_ms = due->first_ms;
	a->tries = due->tries;
	a->n = due->n;
	if (due->n > 0)
		memcpy(a->deliveries, due->deliveries, due->n * sizeof *due->deliveries);
	due->n = 0;
	answered(a, e);
}

/* The deliveries are the caller's. */
static inline struct asked
ask_due(struct oms_store *s, struct loop *l, const struct oms_due_query *q,
    struct oms_delivery *out)
{
	struct asked a = { .deliveries = out };

	oms_store_due(s, q, l, on_due_asked, &a);
	assert_true(await(&a, l));
	return a;
}

static inline void
on_pairs_asked(void *arg, const struct oms_pair *page, size_t n, const struct oms_pair_cursor *next,
    const struct err *e)
{
	struct asked *a = arg;

	if (n > 0)
		memcpy(a->pairs, page, n * sizeof *page);
	a->n = n;
	a->next = *next;
	answered(a, e);
}

static inline struct asked
ask_pairs(struct oms_store *s, struct loop *l, const struct oms_pair_cursor *at, size_t max,
    struct oms_pair *out)
{
	struct asked a = { .pairs = out };

	oms_store_pairs(s, at, max, l, on_pairs_asked, &a);
	assert_true(await(&a, l));
	return a;
}

#endif
