/* share — token buckets and gauges at their bounds, in time, and when their rows run out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/daemon/daemon.h"
#include "common/share/share.h"
#include "common/share/share_key.h"
#include "common/share/share_known.h"
#include "common/share/share_peer.h"

#define BUCKET 0 /* 10 tokens, 2 come back each second; 25 for all */
#define GAUGE  1 /* 100 a key, 250 for all */
#define EARNED 2 /* 10 tokens, none comes back; up to 40 by gifts */
#define SILENT 3 /* 1 token, and no word */
#define WIDE   4 /* 250 for all keys */
#define ROWS   4

static const struct share_rule rules[] = {
	[BUCKET] = { "bucket", SHARE_BUCKET, { 10, 2 }, { 25, 5 }, 1000, 0, ROWS,
	    REFUSAL_too_many_connections },
	[GAUGE] = { "gauge", SHARE_GAUGE, { 100, 0 }, { 250, 0 }, 0, 0, ROWS, REFUSAL_batch_share },
	[EARNED] = { "earned", SHARE_BUCKET, { 10, 0 }, { 0, 0 }, 1000, 40, ROWS,
	    REFUSAL_recipient_share },
	[SILENT] = { "silent", SHARE_BUCKET, { 1, 0 }, { 0, 0 }, 1000, 0, ROWS, REFUSAL_NONE },
	[WIDE] = { "wide", SHARE_GAUGE, { 0, 0 }, { 250, 0 }, 0, 0, ROWS, REFUSAL_batch_share },
};

#define A SPAN_LIT("a.test")
#define B SPAN_LIT("b.test")

static int
begin(void **state)
{
	*state = share_table_new(rules, sizeof rules / sizeof *rules, 42);
	return 0;
}

static int
finish(void **state)
{
	struct share_table *t = *state;

	share_table_free(&t);
	assert_null(t);
	return 0;
}

static struct span
key(unsigned i)
{
	static char text[4][32];
	static unsigned turn;
	char *s = text[turn++ % 4];

	snprintf(s, sizeof text[0], "%u.test", i);
	return span_str(s);
}

/* -- buckets ------------------------------------------------------------------------------------ */

static void
a_bucket_gives_what_it_has(void **state)
{
	struct err e;

	assert_true(share_table_has(*state, BUCKET, A, 10, 0, NULL));
	assert_false(share_table_has(*state, BUCKET, A, 11, 0, NULL));
	assert_true(share_table_take(*state, BUCKET, A, 9, 0, &e));
	assert_false(share_table_take(*state, BUCKET, A, 2, 0, &e));
	assert_int_equal(e.why, REFUSAL_too_many_connections);
	assert_true(share_table_take(*state, BUCKET, A, 1, 0, &e));
	assert_false(share_table_take(*state, BUCKET, A, 1, 0, &e));
	assert_true(share_table_take(*state, BUCKET, B, 10, 0, &e));
}

static void
tokens_come_back_with_time(void **state)
{
	struct err e;

	assert_true(share_table_take(*state, BUCKET, A, 10, 1000, &e));
	assert_false(share_table_take(*state, BUCKET, A, 1, 1499, &e));
	assert_true(share_table_take(*state, BUCKET, A, 1, 1500, &e));
	assert_false(share_table_take(*state, BUCKET, A, 1, 1999, &e));
	/* Parts of tokens add up, however often somebody looks. */
	for (int64_t now = 2000; now < 2500; now++)
		assert_true(share_table_has(*state, BUCKET, A, 1, now, NULL));
	assert_true(share_table_take(*state, BUCKET, A, 2, 2500, &e));
	/* Full is full. */
	assert_true(share_table_has(*state, BUCKET, A, 10, INT64_MAX / 2, NULL));
	assert_false(share_table_has(*state, BUCKET, A, 11, INT64_MAX / 2, NULL));
}

static void
an_earlier_time_gives_nothing_twice(void **state)
{
	struct err e;

	assert_true(share_table_take(*state, BUCKET, A, 10, 10000, &e));
	assert_false(share_table_take(*state, BUCKET, A, 1, 9000, &e));
	assert_false(share_table_take(*state, BUCKET, A, 1, 0, &e));
	assert_false(share_table_take(*state, BUCKET, A, 1, 10499, &e));
	assert_true(share_table_take(*state, BUCKET, A, 1, 10500, &e));
	assert_false(share_table_take(*state, BUCKET, A, 1, 10500, &e));
}

static void
all_keys_share_a_bucket(void **state)
{
	struct err e;

	assert_true(share_table_take(*state, BUCKET, A, 10, 0, &e));
	assert_true(share_table_take(*state, BUCKET, B, 10, 0, &e));
	assert_false(share_table_take(*state, BUCKET, key(3), 6, 0, &e));
	assert_true(share_table_take(*state, BUCKET, key(3), 5, 0, &e));
	assert_false(share_table_take(*state, BUCKET, key(4), 1, 0, &e));
	assert_false(share_table_take(*state, BUCKET, key(4), 1, 199, &e));
	assert_true(share_table_take(*state, BUCKET, key(4), 1, 200, &e));
}

static void
a_bucket_can_be_earned(void **state)
{
	struct err e;

	share_table_give(*state, EARNED, A, 29, 0);
	assert_true(share_table_has(*state, EARNED, A, 39, 0, NULL));
	assert_false(share_table_has(*state, EARNED, A, 40, 0, NULL));
	share_table_give(*state, EARNED, A, 1, 0);
	assert_true(share_table_has(*state, EARNED, A, 40, 0, NULL));
	share_table_give(*state, EARNED, A, INT64_MAX, 0);
	assert_false(share_table_has(*state, EARNED, A, 41, 0, NULL));
	assert_true(share_table_take(*state, EARNED, A, 40, 0, &e));
	assert_false(share_table_take(*state, EARNED, A, 1, INT64_MAX / 2, &e));
	assert_int_equal(e.why, REFUSAL_recipient_share);
}

/* -- gauges ------------------------------------------------------------------------------------- */

static void
a_gauge_holds_so_much(void **state)
{
	struct share_hold h = { 0 }, other = { 0 };
	struct err e;

	assert_true(share_table_hold(*state, &h, GAUGE, A, 99, 0, &e));
	assert_false(share_table_hold(*state, &other, GAUGE, A, 2, 0, &e));
	assert_int_equal(e.why, REFUSAL_batch_share);
	assert_null(other.row);
	assert_true(share_table_hold(*state, &other, GAUGE, A, 1, 0, &e));
	assert_false(share_table_hold(*state, &h, GAUGE, A, 1, 0, &e));
	assert_int_equal(h.n, 99);
	share_table_release(*state, &other, 1, 0);
	assert_null(other.row);
	assert_true(share_table_hold(*state, &h, GAUGE, A, 1, 0, &e));
	/* More than is held is all that is held. */
	share_table_release(*state, &h, INT64_MAX, 0);
	assert_int_equal(h.n, 0);
	assert_int_equal(share_table_held(*state, GAUGE), 0);
	share_table_release(*state, &h, 1, 0);
	assert_int_equal(share_table_held(*state, GAUGE), 0);
}

static void
all_keys_share_a_gauge(void **state)
{
	struct share_hold h[4] = { 0 };
	struct err e;

	assert_true(share_table_hold(*state, &h[0], WIDE, key(0), 125, 0, &e));
	assert_false(share_table_hold(*state, &h[0], WIDE, key(0), 1, 0, &e));
	/* What cannot be refused any more is held past any bound, and then nobody has more. */
	assert_true(share_table_force(*state, &h[1], WIDE, key(1), 500, 0));
	assert_int_equal(share_table_held(*state, WIDE), 625);
	assert_false(share_table_hold(*state, &h[2], WIDE, key(2), 1, 0, &e));
	for (int i = 0; i < 4; i++)
		share_table_release(*state, &h[i], h[i].n, 0);
	assert_int_equal(share_table_held(*state, WIDE), 0);
}

/* However many hold as much as they can, there is something for one more. */
static void
nobody_holds_more_than_is_left(void **state)
{
	static const int64_t most[ROWS] = { 100, 75, 37, 19 };
	struct share_hold h[ROWS] = { 0 };
	struct err e;

	for (unsigned i = 0; i < ROWS; i++) {
		while (share_table_hold(*state, &h[i], GAUGE, key(i), 1, 0, &e))
			continue;
		assert_int_equal(h[i].n, most[i]);
		assert_false(share_table_hold(*state, &h[i], GAUGE, key(i), 1, 0, &e));
	}
	for (unsigned i = 0; i < ROWS; i++)
		share_table_release(*state, &h[i], h[i].n, 0);
}

/* However much others hold, one more has the floor. */
static void
a_floor_is_kept_for_others(void **state)
{
	static const struct share_rule rule = { "floor", SHARE_GAUGE, { 100, 0 }, { 400, 0 }, 0, 0,
		64, REFUSAL_batch_share, 5 };
	struct share_table *t = share_table_new(&rule, 1, 42);
	struct share_hold h[64] = { 0 };
	struct err e;
	unsigned i;

	(void)state;
	for (i = 0; i < 20; i++)
		while (share_table_hold(t, &h[i], 0, key(i), 1, 0, &e))
			continue;
	assert_int_equal(h[0].n, 100);
	assert_int_equal(h[1].n, 100);
	assert_int_equal(h[2].n, 50);
	for (i = 0; i < 20; i++) {
		assert_in_range(h[i].n, 5, 100);
		assert_false(share_table_hold(t, &h[i], 0, key(i), 1, 0, &e));
	}
	assert_in_range(share_table_held(t, 0), 300, 400 - 5);
	assert_false(share_table_hold(t, &h[20], 0, key(20), 6, 0, &e));
	assert_true(share_table_hold(t, &h[20], 0, key(20), 5, 0, &e));
	/* The bound for all holds for the floor, too. */
	for (i = 21; i < 64 && share_table_hold(t, &h[i], 0, key(i), 5, 0, &e); i++)
		continue;
	assert_in_range(i, 22, 63);
	assert_in_range(share_table_held(t, 0), 396, 400);
	for (i = 0; i < 64; i++)
		share_table_release(t, &h[i], h[i].n, 0);
	assert_int_equal(share_table_held(t, 0), 0);
	share_table_free(&t);
}

/* -- peers ------------------------------------------------------------------------------------- */

static const struct sockaddr *
address(const char *text)
{
	static struct sockaddr_in a;

	a.sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, text, &a.sin_addr), 1);
	return (const struct sockaddr *)&a;
}

/* One certificate with 100 names asks about unknown recipients; accepted mail earns by both. */
static void
many_names_learn_no_more(void **state)
{
	struct share *s = share_new();
	int64_t n = SHARE_UNKNOWN_COST, learned = 0;
	struct err e;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		while (share_peer_has(s, SHARE_unknown, key(i), address("192.0.2.1"), n, 0, &e) &&
		    share_peer_take(s, SHARE_unknown, key(i), address("192.0.2.1"), n, 0, &e))
			learned++;
	assert_int_equal(learned, 100);
	assert_int_equal(e.why, REFUSAL_recipient_share);
	/* What the address was refused is not taken from the domain. */
	assert_false(share_peer_take(s, SHARE_unknown, B, address("192.0.2.1"), n, 0, &e));
	for (unsigned i = 0; i < 20; i++)
		assert_true(share_peer_take(s, SHARE_unknown, B, address("192.0.2.2"), n, 0, &e));
	assert_false(share_peer_has(s, SHARE_unknown, B, address("192.0.2.2"), n, 0, &e));
	share_peer_give(s, SHARE_unknown, B, address("192.0.2.1"), n, 0);
	assert_true(share_peer_take(s, SHARE_unknown, B, address("192.0.2.1"), n, 0, &e));
	share_free(&s);
}

static int64_t
count_answers(struct share *s, int64_t now_ms)
{
	int64_t n = 0;
	struct err e;

	while (share_peer_take(s, SHARE_unknown, A, address("192.0.2.1"), SHARE_UNKNOWN_COST,
	    now_ms, &e))
		n++;
	return n;
}

/* 20,000 notices to the mailbox of an accomplice. */
static void
answers_cannot_be_bought(void **state)
{
	struct share *s = share_new();

	(void)state;
	for (int64_t hour = 0; hour < 3; hour++) {
		int64_t learned = 0, now_ms = hour * SHARE_HOUR;

		for (int i = 0; i < 20000; i++) {
			share_peer_give(s, SHARE_unknown, A, address("192.0.2.1"), 1, now_ms);
			if (i % 500 == 0)
				learned += count_answers(s, now_ms);
		}
		learned += count_answers(s, now_ms);
		assert_int_equal(learned, 20 + SHARE_UNKNOWN_EARNED);
	}
	/* Nor saved up. */
	for (int64_t hour = 10; hour < 30; hour++)
		share_peer_give(s, SHARE_unknown, A, address("192.0.2.1"), 20000,
		    hour * SHARE_HOUR);
	assert_int_equal(count_answers(s, 30 * SHARE_HOUR), SHARE_UNKNOWN_EARNED);
	share_free(&s);
}

/* One certificate with 20 names takes all that it can. */
static void
many_names_are_one_address(void **state)
{
	struct share *s = share_new();
	struct share_peer_hold memory[20] = { 0 }, place[20] = { 0 }, questions[20] = { 0 };
	struct share_peer_hold other[3] = { 0 };
	int64_t sum[3] = { 0 };
	struct err e;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		while (share_peer_hold(s, &memory[i], SHARE_gathered, key(i), address("192.0.2.1"),
		    16384, 0, &e))
			continue;
		while (share_peer_hold(s, &place[i], SHARE_sessions, key(i), address("192.0.2.1"),
		    1, 0, &e))
			continue;
		while (share_peer_hold(s, &questions[i], SHARE_questions, key(i),
		    address("192.0.2.1"), 1, 0, &e))
			continue;
		sum[0] += memory[i].domain.n;
		sum[1] += place[i].domain.n;
		sum[2] += questions[i].domain.n;
	}
	assert_int_equal(sum[0], 16 * SHARE_MIB);
	assert_int_equal(sum[1], 400);
	assert_int_equal(sum[2], 256);
	assert_int_equal(e.why, REFUSAL_question_share);
	/* A refusal by address leaves the domain's share alone. */
	assert_int_equal(share_held(s, SHARE_gathered), sum[0]);
	assert_true(share_peer_hold(s, &other[0], SHARE_gathered, B, address("192.0.2.2"),
	    8 * SHARE_MIB, 0, &e));
	assert_true(
	    share_peer_hold(s, &other[1], SHARE_sessions, B, address("192.0.2.2"), 200, 0, &e));
	assert_true(
	    share_peer_hold(s, &other[2], SHARE_questions, B, address("192.0.2.2"), 128, 0, &e));
	/* What cannot be refused is held by both. */
	assert_true(
	    share_peer_force(s, &memory[0], SHARE_gathered, key(0), address("192.0.2.1"), 1, 0));
	assert_int_equal(memory[0].address.n, memory[0].domain.n);
	for (unsigned i = 0; i < 20; i++) {
		share_peer_release(s, &memory[i], memory[i].domain.n, 0);
		share_peer_release(s, &place[i], place[i].domain.n, 0);
		share_peer_release(s, &questions[i], questions[i].domain.n, 0);
	}
	for (unsigned i = 0; i < 3; i++)
		share_peer_release(s, &other[i], other[i].domain.n, 0);
	assert_int_equal(share_held(s, SHARE_gathered), 0);
	assert_int_equal(share_held(s, SHARE_gathered_address), 0);
	assert_int_equal(share_held(s, SHARE_sessions_address), 0);
	assert_int_equal(share_held(s, SHARE_questions_address), 0);
	share_free(&s);
}

/* Questions that no address is known of: all domains have a bound together, and one more has the floor. */
static void
all_domains_share_the_questions(void **state)
{
	struct share *s = share_new();
	struct share_peer_hold h[64] = { 0 }, other = { 0 };
	struct err e;

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		while (share_peer_hold(s, &h[i], SHARE_questions, key(i), NULL, 1, 0, &e))
			continue;
	assert_in_range(share_held(s, SHARE_questions), 2048, 3072 - 16);
	assert_true(share_peer_hold(s, &other, SHARE_questions, B, NULL, 16, 0, &e));
	for (unsigned i = 0; i < 64; i++)
		share_peer_release(s, &h[i], h[i].domain.n, 0);
	share_peer_release(s, &other, 16, 0);
	share_free(&s);
}

static unsigned
count_sessions(struct share *s, struct share_hold *h, enum share_kind k)
{
	unsigned n = 0;
	struct err e;

	while (share_hold(s, h, k, A, 1, 0, &e))
		n++;
	share_release(s, h, n, 0);
	return n;
}

static unsigned
count_tokens(struct share *s, enum share_kind k, struct span who, int64_t cost, int64_t now_ms)
{
	unsigned n = 0;
	struct err e;

	while (share_take(s, k, who, cost, now_ms, &e))
		n++;
	return n;
}

static void
assert_limits(struct share *s, const struct share_limits *l, unsigned turn)
{
	struct share_hold h = { 0 };
	struct span who = key(100 + turn);
	int64_t now_ms = turn * SHARE_HOUR, later_ms = now_ms + SHARE_HOUR / 2;

	assert_int_equal(count_sessions(s, &h, SHARE_sessions), l->sessions);
	assert_int_equal(count_sessions(s, &h, SHARE_sessions_user), l->sessions);
	assert_int_equal(count_sessions(s, &h, SHARE_sessions_address), 2 * l->sessions);
	assert_int_equal(count_sessions(s, &h, SHARE_questions), l->questions);
	assert_int_equal(count_sessions(s, &h, SHARE_questions_address), 2 * l->questions);
	assert_int_equal(count_tokens(s, SHARE_unknown, who, SHARE_UNKNOWN_COST, now_ms),
	    l->unknown);
	assert_int_equal(count_tokens(s, SHARE_unknown_address, who, SHARE_UNKNOWN_COST, now_ms),
	    5 * l->unknown);
	assert_int_equal(count_tokens(s, SHARE_guess_account, who, 1, now_ms), l->guesses / 2);
	assert_int_equal(count_tokens(s, SHARE_guess_account, who, 1, later_ms), l->guesses / 2);
	assert_int_equal(count_tokens(s, SHARE_guess_address, who, 1, later_ms),
	    l->guesses * 3 / 2);
	assert_int_equal(count_tokens(s, SHARE_guess_pair, who, 1, later_ms), l->guesses * 3 / 20);
}

/* At the start, and again with each reload. */
static void
an_operator_sets_the_limits(void **state)
{
	static const struct share_limits limits[] = { { 200, 128, 20, 20 }, { 4, 48, 1, 10 },
		{ 1000, 1024, 100, 400 }, { 200, 128, 20, 20 } };
	struct share *s = share_new();

	(void)state;
	assert_limits(s, &limits[0], 0);
	for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
		share_limit(s, &limits[i]);
		assert_limits(s, &limits[i], 1 + i);
	}
	share_free(&s);
}

/* What was taken stays taken; what a bucket has too much of goes. */
static void
new_bounds_hold_for_old_keys(void **state)
{
	struct share_hold h = { 0 };
	struct err e;

	share_table_give(*state, EARNED, A, 30, 0);
	assert_true(share_table_take(*state, EARNED, B, 9, 0, &e));
	assert_true(share_table_hold(*state, &h, GAUGE, A, 80, 0, &e));
	share_table_bound(*state, EARNED, (struct share_bound) { 5, 0 }, 20);
	share_table_bound(*state, GAUGE, (struct share_bound) { 50, 0 }, 0);
	assert_true(share_table_take(*state, EARNED, A, 20, 0, &e));
	assert_false(share_table_take(*state, EARNED, A, 1, 0, &e));
	assert_false(share_table_take(*state, EARNED, B, 2, 0, &e));
	assert_true(share_table_take(*state, EARNED, key(3), 5, 0, &e));
	assert_false(share_table_take(*state, EARNED, key(3), 1, 0, &e));
	assert_false(share_table_hold(*state, &h, GAUGE, A, 1, 0, &e));
	share_table_release(*state, &h, 40, 0);
	assert_true(share_table_hold(*state, &h, GAUGE, A, 10, 0, &e));
	share_table_release(*state, &h, 50, 0);
}

/* -- rows --------------------------------------------------------------------------------------- */

static void
a_full_table_forgets_the_idle(void **state)
{
	struct err e;

	for (unsigned i = 0; i < ROWS; i++)
		assert_true(share_table_take(*state, EARNED, key(i), i == 2 ? 1 : 10, 0, &e));
	share_table_give(*state, EARNED, key(2), 1, 0); /* full again, and used last */
	assert_true(share_table_take(*state, EARNED, key(9), 1, 0, &e));
	assert_int_equal(share_table_rows(*state, EARNED), ROWS);
	for (unsigned i = 0; i < ROWS; i++)
		if (i != 2)
			assert_false(share_table_take(*state, EARNED, key(i), 1, 0, &e));
}

static void
then_the_others_share_one_bucket(void **state)
{
	static const int64_t taken[ROWS] = { 10, 5, 3, 10 };
	struct share_seen seen;
	struct err e;

	for (unsigned i = 0; i < ROWS; i++)
		assert_true(share_table_take(*state, EARNED, key(i), taken[i], 0, &e));
	assert_true(share_table_take(*state, EARNED, key(8), 6, 0, &e));
	assert_false(share_table_take(*state, EARNED, key(9), 5, 0, &e));
	assert_true(share_table_take(*state, EARNED, key(10), 4, 0, &e));
	/* No row is forgotten, and no gift to one fills it for all beyond what is full. */
	for (unsigned i = 0; i < ROWS; i++)
		assert_false(share_table_take(*state, EARNED, key(i), 11 - taken[i], 0, &e));
	share_table_give(*state, EARNED, key(11), 40, 0);
	assert_false(share_table_has(*state, EARNED, key(11), 11, 0, NULL));
	assert_true(share_table_has(*state, EARNED, key(11), 10, 0, NULL));
	assert_int_equal(share_table_rows(*state, EARNED), ROWS);
	/* They are seen as one. */
	assert_false(share_table_take(*state, EARNED, key(12), 11, 100, &e));
	assert_int_equal(share_table_missed(*state, EARNED, key(12)), 0);
	for (unsigned i = 0; i < ROWS; i++)
		share_table_missed(*state, EARNED, key(i));
	assert_true(share_table_missed_next(*state, EARNED, 200, 50, &seen));
	assert_string_equal(seen.key, SHARE_KEY_CROWD);
	assert_int_equal(seen.refused, 2);
	assert_false(share_table_missed_next(*state, EARNED, 200, 50, &seen));
}

/* Whoever rotates keys gains no more than the rows that were free and the one bucket of the crowd. */
static void
a_flood_of_keys_erases_neither_debt_nor_credit(void **state)
{
	int64_t gained = 0;
	struct err e;

	share_table_give(*state, EARNED, A, 30, 0);
	assert_true(share_table_take(*state, EARNED, B, 9, 0, &e));
	for (unsigned i = 0; i < 1000; i++)
		while (share_table_take(*state, EARNED, key(i), 1, i, &e))
			gained++;
	assert_int_equal(gained, (ROWS - 2) * 10 + 10);
	assert_false(share_table_take(*state, EARNED, B, 2, 1000, &e));
	assert_true(share_table_take(*state, EARNED, A, 40, 1000, &e));
	assert_int_equal(share_table_rows(*state, EARNED), ROWS);
}

/* A key that comes for the first time pushes out nobody's credit, but that is not kept for ever. */
static void
credit_that_nobody_uses_goes_in_time(void **state)
{
	int64_t day_ms = SHARE_CREDIT_MS;
	struct err e;

	share_table_give(*state, EARNED, A, 30, 0);
	assert_true(share_table_take(*state, EARNED, B, 1, 1, &e));
	assert_true(share_table_has(*state, EARNED, A, 40, day_ms, NULL));
	for (unsigned i = 0; i < ROWS - 2; i++)
		assert_true(share_table_take(*state, EARNED, key(i), 1, 2 * day_ms - 1, &e));
	assert_true(share_table_has(*state, EARNED, A, 40, 2 * day_ms - 1, NULL));
	/* Used a moment ago, so it is the crowd that serves one more now. */
	assert_true(share_table_take(*state, EARNED, key(8), 10, 2 * day_ms - 1, &e));
	assert_false(share_table_take(*state, EARNED, key(9), 1, 2 * day_ms, &e));
	assert_true(share_table_take(*state, EARNED, key(9), 10, 3 * day_ms, &e));
	assert_false(share_table_has(*state, EARNED, A, 11, 3 * day_ms, NULL));
}

/* Lines that were left out are counted, also of a peer whose row made room. */
static void
what_was_missed_is_told_all_the_same(void **state)
{
	struct share_seen seen;
	uint64_t told = 0;
	struct err e;

	for (unsigned i = 0; i < ROWS; i++) {
		assert_true(share_table_take(*state, BUCKET, key(i), 5, 0, &e));
		assert_false(share_table_take(*state, BUCKET, key(i), 6, 0, &e));
	}
	for (unsigned i = 0; i < ROWS; i++)
		assert_true(share_table_take(*state, BUCKET, key(10 + i), 1, 10000, &e));
	while (share_table_missed_next(*state, BUCKET, 20000, 10, &seen))
		told += seen.refused;
	assert_int_equal(told, ROWS);
}

/* Asking takes nothing, and its refusal counts as that of a taker. */
static void
a_question_is_refused_like_a_taker(void **state)
{
	struct err e;

	assert_true(share_table_has(*state, EARNED, A, 10, 0, &e));
	assert_true(share_table_take(*state, EARNED, A, 10, 0, &e));
	assert_false(share_table_has(*state, EARNED, A, 1, 0, NULL));
	assert_int_equal(share_table_missed(*state, EARNED, A), 0);
	assert_false(share_table_has(*state, EARNED, A, 1, 0, &e));
	assert_int_equal(e.why, REFUSAL_recipient_share);
	assert_int_equal(share_table_missed(*state, EARNED, A), 1);
}

static void
what_holds_is_never_forgotten(void **state)
{
	struct share_hold h[ROWS + 1] = { 0 };
	struct err e;

	for (unsigned i = 0; i < ROWS; i++)
		assert_true(share_table_hold(*state, &h[i], GAUGE, key(i), 1, 0, &e));
	assert_false(share_table_hold(*state, &h[ROWS], GAUGE, key(ROWS), 1, 0, &e));
	assert_int_equal(e.why, REFUSAL_batch_share);
	assert_false(share_table_force(*state, &h[ROWS], GAUGE, key(ROWS), 1, 0));
	assert_int_equal(share_table_held(*state, GAUGE), ROWS);
	share_table_release(*state, &h[2], 1, 0);
	assert_true(share_table_hold(*state, &h[ROWS], GAUGE, key(ROWS), 1, 0, &e));
	for (unsigned i = 0; i <= ROWS; i++)
		share_table_release(*state, &h[i], 1, 0);
	assert_int_equal(share_table_held(*state, GAUGE), 0);
}

static void
long_keys_share_a_row(void **state)
{
	char a[2 * SHARE_KEY_BYTES], b[2 * SHARE_KEY_BYTES];
	struct err e;

	memset(a, 'x', sizeof a);
	memset(b, 'x', sizeof b);
	b[SHARE_KEY_BYTES - 2] = 'y';
	assert_true(share_table_take(*state, EARNED, span_of(a, sizeof a), 10, 0, &e));
	assert_false(share_table_take(*state, EARNED, span_of(a, SHARE_KEY_BYTES), 1, 0, &e));
	assert_true(share_table_take(*state, EARNED, span_of(b, sizeof b), 10, 0, &e));
}

/* -- who is held back --------------------------------------------------------------------------- */

static void
who_is_held_back_is_seen(void **state)
{
	struct share_hold h = { 0 };
	struct share_seen seen[3];
	struct err e;

	assert_true(share_table_take(*state, EARNED, A, 10, 0, &e));
	assert_true(share_table_hold(*state, &h, GAUGE, B, 70, 0, &e));
	assert_true(share_table_take(*state, SILENT, A, 1, 0, &e));
	assert_false(share_table_take(*state, SILENT, A, 1, 0, &e));
	assert_int_equal(share_table_seen(*state, 0, seen, 3), 0);
	for (int64_t i = 0; i < 3; i++)
		assert_false(share_table_take(*state, EARNED, A, 1, 100 + i, &e));
	assert_false(share_table_hold(*state, &h, GAUGE, B, 31, 200, &e));
	assert_false(share_table_has(*state, EARNED, A, 1, 200, NULL)); /* a look is not refused */
	assert_int_equal(share_table_seen(*state, 200, seen, 3), 2);
	assert_string_equal(seen[0].kind, "earned");
	assert_string_equal(seen[0].key, "a.test");
	assert_int_equal(seen[0].held, 10);
	assert_int_equal(seen[0].most, 10);
	assert_int_equal(seen[0].since_ms, 100);
	assert_int_equal(seen[0].last_ms, 102);
	assert_int_equal(seen[0].refused, 3);
	assert_string_equal(seen[1].kind, "gauge");
	assert_string_equal(seen[1].key, "b.test");
	assert_int_equal(seen[1].held, 70);
	assert_int_equal(share_table_seen(*state, 200, seen, 1), 1);
	assert_string_equal(seen[0].key, "a.test");
	/* A while after the last refusal nobody is held back; the next one begins anew. */
	assert_int_equal(share_table_seen(*state, 200 + SHARE_CALM_MS - 1, seen, 3), 1);
	assert_int_equal(share_table_seen(*state, 200 + SHARE_CALM_MS, seen, 3), 0);
	assert_false(share_table_take(*state, EARNED, A, 1, 300 + SHARE_CALM_MS, &e));
	assert_int_equal(share_table_seen(*state, 300 + SHARE_CALM_MS, seen, 3), 1);
	assert_int_equal(seen[0].refused, 1);
	assert_int_equal(seen[0].since_ms, 300 + SHARE_CALM_MS);
	share_table_release(*state, &h, 70, 0);
}

/* -- keys --------------------------------------------------------------------------------------- */

static void
assert_key(int family, const char *address, const char *expected)
{
	struct sockaddr_storage a = { 0 };
	char out[SHARE_KEY_ADDRESS_BYTES];
	struct span k;

	a.ss_family = (sa_family_t)family;
	if (family == AF_INET)
		assert_int_equal(inet_pton(family, address, &((struct sockaddr_in *)&a)->sin_addr),
		    1);
	else
		assert_int_equal(inet_pton(family, address,
				     &((struct sockaddr_in6 *)&a)->sin6_addr),
		    1);
	k = share_key_address((const struct sockaddr *)&a, out);
	assert_true(span_eq(k, span_str(expected)));
}

static void
an_address_is_one_or_a_64(void **state)
{
	(void)state;
	assert_key(AF_INET, "192.0.2.1", "192.0.2.1");
	assert_key(AF_INET6, "::ffff:192.0.2.1", "192.0.2.1");
	assert_key(AF_INET6, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
	assert_key(AF_INET6, "2001:db8:1:2::", "2001:db8:1:2::/64");
	assert_key(AF_INET6, "2001:db8:1:3:3:4:5:6", "2001:db8:1:3::/64");
}

static void
a_network_is_a_48(void **state)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	char out[SHARE_KEY_ADDRESS_BYTES];

	(void)state;
	inet_pton(AF_INET6, "2001:db8:1:2:3:4:5:6", &a.sin6_addr);
	assert_true(
	    span_eq(share_key_network((struct sockaddr *)&a, out), SPAN_LIT("2001:db8:1::/48")));
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &a.sin6_addr);
	assert_int_equal(share_key_network((struct sockaddr *)&a, out).n, 0);
	assert_int_equal(share_key_network((struct sockaddr *)&v4, out).n, 0);
}

static void
the_last_addresses_of_an_account_are_known(void **state)
{
	struct share_known *k = share_known_new(2, 7);

	(void)state;
	for (unsigned i = 0; i < SHARE_KNOWN_ADDRESSES; i++)
		share_known_add(k, A, key(i));
	share_known_add(k, A, key(0));   /* the latest again */
	share_known_add(k, A, key(100)); /* instead of 1 */
	assert_true(share_known_has(k, A, key(0)));
	assert_false(share_known_has(k, A, key(1)));
	assert_true(share_known_has(k, A, key(2)));
	assert_true(share_known_has(k, A, key(100)));
	assert_false(share_known_has(k, B, key(0)));
	/* Of accounts, too: the one that signed in longest ago is forgotten. */
	share_known_add(k, B, key(0));
	share_known_add(k, A, key(0));
	share_known_add(k, SPAN_LIT("c.test"), key(0));
	assert_true(share_known_has(k, A, key(2)));
	assert_false(share_known_has(k, B, key(0)));
	share_known_free(&k);
	assert_null(k);
}

static void
two_things_make_a_key(void **state)
{
	char out[SHARE_KEY_BYTES];

	(void)state;
	assert_true(span_eq(share_key_pair(A, B, out), SPAN_LIT("a.test b.test")));
	assert_true(span_eq(share_key_domain(A), A));
}

/* -- threads ------------------------------------------------------------------------------------ */

#define TURNS 20000

static void *
hold_and_release(void *arg)
{
	struct share_hold h = { 0 };
	struct err e;

	for (int i = 0; i < TURNS; i++)
		if (share_hold(arg, &h, SHARE_gathered, A, SHARE_MIB, i, &e))
			share_release(arg, &h, SHARE_MIB, i);
	return NULL;
}

static void
threads_lose_nothing(void **state)
{
	struct share *s = share_new();
	pthread_t t[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, hold_and_release, s), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(share_held(s, SHARE_gathered), 0);
	share_free(&s);
	assert_null(s);
}

#define test(f) cmocka_unit_test_setup_teardown(f, begin, finish)

/* Each key of the configuration is its own limit, at the start and after a reload. */
static void
a_configuration_sets_the_limits(void **state)
{
	struct conf c = { .password_guesses = 20 };
	struct share *s = share_new();
	struct err e;

	(void)state;
	for (int round = 0; round < 2; round++) {
		struct share_hold h[3] = { 0 };

		c.peer_connections = 10 + round;
		c.peer_questions = 50 + round;
		c.role[CONF_ROLE_IMS].unknown_recipients = 30;
		daemon_set_shares(s, &c);
		assert_true(share_hold(s, &h[0], SHARE_sessions, A, 10 + round, 0, &e));
		assert_false(share_hold(s, &h[1], SHARE_sessions, A, 1, 0, &e));
		share_release(s, &h[0], 10 + round, 0);
		assert_true(share_hold(s, &h[2], SHARE_questions, A, 50 + round, 0, &e));
		assert_false(share_hold(s, &h[1], SHARE_questions, A, 1, 0, &e));
		share_release(s, &h[2], 50 + round, 0);
	}
	share_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_bucket_gives_what_it_has),
		test(tokens_come_back_with_time),
		test(an_earlier_time_gives_nothing_twice),
		test(all_keys_share_a_bucket),
		test(a_bucket_can_be_earned),
		test(a_gauge_holds_so_much),
		test(all_keys_share_a_gauge),
		test(nobody_holds_more_than_is_left),
		test(a_floor_is_kept_for_others),
		test(many_names_learn_no_more),
		test(answers_cannot_be_bought),
		test(many_names_are_one_address),
		test(all_domains_share_the_questions),
		test(a_full_table_forgets_the_idle),
		test(then_the_others_share_one_bucket),
		test(an_operator_sets_the_limits),
		test(new_bounds_hold_for_old_keys),
		test(a_flood_of_keys_erases_neither_debt_nor_credit),
		test(credit_that_nobody_uses_goes_in_time),
		test(what_was_missed_is_told_all_the_same),
		test(a_question_is_refused_like_a_taker),
		test(what_holds_is_never_forgotten),
		test(long_keys_share_a_row),
		test(who_is_held_back_is_seen),
		test(an_address_is_one_or_a_64),
		test(a_network_is_a_48),
		test(the_last_addresses_of_an_account_are_known),
		test(two_things_make_a_key),
		test(threads_lose_nothing),
		test(a_configuration_sets_the_limits),
	};

	return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
