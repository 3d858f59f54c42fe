/* oms_store_asked — questions to the store, each answered at once; after <cmocka.h>. */
#ifndef TESTS_UNIT_OMS_STORE_ASKED_H
#define TESTS_UNIT_OMS_STORE_ASKED_H

#include <stdio.h>
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
	/* of a list: sums, and each recipient's state: "notified waiting" */
	size_t letters, recipients;
	char states[256];
	bool more;
	void (*each)(void *each_arg, const struct oms_listed *x); /* may be NULL */
	void *each_arg;
	struct oms_place place;
	struct oms_claim *claim;
	struct oms_store_counts all;
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

static inline void
add_listed(struct asked *a, const struct oms_listed *x)
{
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < x->deliveries[i].n_recipients; k++, a->recipients++) {
			const char *state = submit_state_name(x->deliveries[i].recipients[k].state);
			size_t n = strlen(a->states);

			snprintf(a->states + n, sizeof a->states - n, "%s%s", n == 0 ? "" : " ",
			    state);
		}
	a->letters++;
	if (a->each != NULL)
		a->each(a->each_arg, x);
}

static inline void
on_list_asked(void *arg, const struct oms_listed *letters, size_t n, bool more, const struct err *e)
{
	struct asked *a = arg;

	for (size_t i = 0; i < n; i++)
		add_listed(a, &letters[i]);
	a->n = n;
	a->more = more;
	answered(a, e);
}

static inline struct asked
ask_status(struct oms_store *s, struct loop *l, const char *user, const struct ulid *id)
{
	struct asked a = { .answers = 0 };

	oms_store_status(s, user, id, l, on_list_asked, &a);
	await(&a, l);
	return a;
}

static inline struct asked
ask_outbox(struct oms_store *s, struct loop *l, const char *user, const struct ulid *after)
{
	struct asked a = { .answers = 0 };

	oms_store_outbox(s, user, after, l, on_list_asked, &a);
	assert_true(await(&a, l));
	return a;
}

static inline void
on_queue_asked(void *arg, const struct oms_listed *page, size_t n, const struct oms_place *next,
    bool more, const struct err *e)
{
	((struct asked *)arg)->place = *next;
	on_list_asked(arg, page, n, more, e);
}

/* The whole queue in pages of `max`. */
static inline struct asked
ask_queue(struct oms_store *s, struct loop *l, size_t max,
    void (*each)(void *arg, const struct oms_listed *x), void *arg, unsigned *pages)
{
	struct asked a = { .each = each, .each_arg = arg };

	*pages = 0;
	do {
		struct oms_place at = a.place;

		a.answers = 0;
		oms_store_queue(s, &at, max, l, on_queue_asked, &a);
		assert_true(await(&a, l));
		assert_true(a.n <= max);
		++*pages;
	} while (a.more);
	return a;
}

static inline void
on_claim_asked(void *arg, struct oms_claim *claim, const struct err *e)
{
	((struct asked *)arg)->claim = claim;
	answered(arg, e);
}

static inline struct asked
ask_claim(struct oms_store *s, struct loop *l, const struct oms_claim_query *q)
{
	struct asked a = { .answers = 0 };

	oms_store_claim(s, q, l, on_claim_asked, &a);
	await(&a, l);
	return a;
}

static inline void
on_counts_asked(void *arg, const struct oms_store_counts *c, const struct err *e)
{
	((struct asked *)arg)->all = *c;
	answered(arg, e);
}

static inline struct oms_store_counts
ask_counts(struct oms_store *s, struct loop *l)
{
	struct asked a = { .answers = 0 };

	oms_store_counts(s, l, on_counts_asked, &a);
	assert_true(await(&a, l));
	return a.all;
}

#endif
