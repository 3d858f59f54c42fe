/* oms_attempts — which destinations look for a way first, and that each has its turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/memory.h"
#include "oms/queue/attempts.h"

#define MANY 4200

struct one {
	struct attempt attempt; /* first */
	unsigned started;       /* as the how-manieth; 0: not */
};

static unsigned n_started;

static void
on_start(struct attempt *a)
{
	((struct one *)a)->started = ++n_started;
}

static void
ask(struct attempts *q, struct one *x, enum attempt_class class)
{
	*x = (struct one) { .started = 0 };
	if (attempts_ask(q, &x->attempt, class))
		on_start(&x->attempt);
}

static void
init(struct attempts *q, unsigned most)
{
	n_started = 0;
	attempts_init(q, most, on_start);
}

static void
no_more_than_so_many_run(void **state)
{
	struct attempts q;
	struct one x[40];
	unsigned running = 0;

	(void)state;
	init(&q, 16);
	for (int i = 0; i < 40; i++)
		ask(&q, &x[i], ATTEMPT_FIRST_ANSWERED);
	for (int i = 0; i < 40; i++)
		running += x[i].attempt.state == ATTEMPT_RUNS;
	assert_int_equal(running, 16);
	for (int i = 0; i < 40; i++) {
		attempts_leave(&q, &x[i].attempt);
		assert_true(q.running <= 16);
	}
	assert_int_equal(n_started, 40);
	assert_int_equal(q.running, 0);
}

/* Thousands of the worst class hang: a better one starts at once all the same. */
static void
a_better_class_never_waits_for_those_that_hang(void **state)
{
	struct attempts q;
	struct one *x = memory_array(MANY, sizeof *x), better[ATTEMPT_CLASSES];

	(void)state;
	init(&q, 1024);
	for (int i = 0; i < MANY; i++)
		ask(&q, &x[i], ATTEMPT_AGAIN);
	for (int c = ATTEMPT_AGAIN_ANSWERED; c >= 0; c--) {
		ask(&q, &better[c], (enum attempt_class)c);
		assert_int_equal(better[c].attempt.state, ATTEMPT_RUNS);
	}
	free(x);
}

/* Those of the better class come first as places are left, but for every fourth. */
static void
by_class_and_then_by_age(void **state)
{
	struct attempts q;
	struct one running[8], x[4][8];
	unsigned sum[4] = { 0 };

	(void)state;
	init(&q, 8);
	for (int i = 0; i < 8; i++)
		ask(&q, &running[i], ATTEMPT_FIRST_ANSWERED);
	for (int c = 3; c >= 0; c--)
		for (int i = 0; i < 8; i++)
			ask(&q, &x[c][i], (enum attempt_class)c);
	for (int i = 0; i < 8; i++)
		attempts_leave(&q, &running[i].attempt);
	assert_int_equal(n_started, 16);
	for (int c = 0; c < 4; c++)
		for (int i = 0; i < 8; i++)
			sum[c] += x[c][i].started > 0;
	assert_in_range(sum[0], 5, 7);
	assert_int_equal(sum[0] + sum[3], 8);
	for (int i = 1; i < 8; i++)
		assert_true(x[0][i].started == 0 || x[0][i].started > x[0][i - 1].started);
}

/* However many of a better class keep coming, the oldest has its turn. */
static void
none_is_beyond_reach(void **state)
{
	struct attempts q;
	struct one last, x[64];

	(void)state;
	init(&q, 8);
	for (int i = 0; i < 16; i++)
		ask(&q, &x[i], ATTEMPT_FIRST_ANSWERED);
	ask(&q, &last, ATTEMPT_AGAIN);
	for (int i = 0; i < 48 && last.started == 0; i++) {
		ask(&q, &x[i + 16], ATTEMPT_FIRST_ANSWERED);
		attempts_leave(&q, &x[i].attempt);
	}
	assert_int_not_equal(last.started, 0);
}

static void
the_least_urgent_is_known(void **state)
{
	struct attempts q;
	struct one running[8], x[4];

	(void)state;
	init(&q, 8);
	assert_null(attempts_worse(&q, ATTEMPT_FIRST_ANSWERED));
	for (int i = 0; i < 8; i++)
		ask(&q, &running[i], ATTEMPT_FIRST_ANSWERED);
	ask(&q, &x[0], ATTEMPT_AGAIN);
	ask(&q, &x[1], ATTEMPT_AGAIN);
	ask(&q, &x[2], ATTEMPT_FIRST);
	assert_ptr_equal(attempts_worse(&q, ATTEMPT_FIRST), &x[1].attempt);
	assert_null(attempts_worse(&q, ATTEMPT_AGAIN));
	attempts_leave(&q, &x[1].attempt);
	attempts_leave(&q, &x[0].attempt);
	assert_ptr_equal(attempts_worse(&q, ATTEMPT_FIRST_ANSWERED), &x[2].attempt);
	assert_int_equal(q.running, 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_so_many_run),
		cmocka_unit_test(a_better_class_never_waits_for_those_that_hang),
		cmocka_unit_test(by_class_and_then_by_age),
		cmocka_unit_test(none_is_beyond_reach),
		cmocka_unit_test(the_least_urgent_is_known),
	};

	return cmocka_run_group_tests_name("oms_attempts", tests, NULL, NULL);
}
