/* pace — each time that ends a session, one ms before and at its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/pace.h"

static const struct pace_limits limits = { .idle_ms = 1000, .life_ms = 5000000 };

static struct pace
born(void)
{
	struct pace p = { .limits = &limits };

	pace_begin(&p, 100);
	pace_begin(&p, 200);
	assert_int_equal(p.born_ms, 100);
	return p;
}

static void
the_first_end_is_the_deadline(void **state)
{
	struct pace p = born();

	(void)state;
	assert_int_equal(pace_deadline(&p, 300, 0), 1300);
	assert_int_equal(pace_deadline(&p, 300, 2000), 1300);
	assert_int_equal(pace_deadline(&p, 300, 900), 1000);
	assert_int_equal(pace_deadline(&p, 5000000, 0), 5000100);
	assert_true(pace_watch(&p, 4950000, true));
	assert_int_equal(pace_deadline(&p, 5000000, 0), 5000100);
	p = born();
	assert_true(pace_watch(&p, 300 - PACE_RATE_MS + 500, true));
	assert_int_equal(pace_deadline(&p, 300, 0), 800);
}

static void
a_session_has_a_life(void **state)
{
	struct pace p = born();

	(void)state;
	assert_int_equal(pace_tick(&p, 5000099, true), PACE_GOES_ON);
	assert_int_equal(pace_tick(&p, 5000100, true), PACE_OLD);
	assert_int_equal(pace_tick(&p, 5000100, false), PACE_OLD);
}

static void
only_who_waits_for_us_may_be_idle(void **state)
{
	struct pace p = born();

	(void)state;
	assert_int_equal(pace_tick(&p, 1300, false), PACE_IDLE);
	assert_int_equal(pace_tick(&p, 1300, true), PACE_GOES_ON);
}

static void
a_payload_has_a_rate(void **state)
{
	(void)state;
	for (int over = -1; over <= 1; over++) {
		struct pace p = born();

		pace_came(&p, 1 << 20);
		pace_payload(&p);
		assert_true(pace_watch(&p, 1000, true));
		assert_false(pace_watch(&p, 1001, true));
		pace_came(&p, (uint64_t)(PACE_RATE_OCTETS + over));
		assert_int_equal(pace_tick(&p, 1000 + PACE_RATE_MS, true),
		    over < 0 ? PACE_SLOW : PACE_GOES_ON);
		if (over < 0)
			continue;
		/* The next minute is counted anew. */
		assert_int_equal(pace_tick(&p, 1000 + 2 * PACE_RATE_MS, true), PACE_SLOW);
	}
}

static void
the_minute_ends_where_no_payload_is_due(void **state)
{
	struct pace p = born();

	(void)state;
	assert_false(pace_watch(&p, 1000, false));
	assert_true(pace_watch(&p, 1000, true));
	assert_true(pace_watch(&p, 1500, false));
	assert_int_equal(pace_tick(&p, 1000 + PACE_RATE_MS, true), PACE_GOES_ON);
}

static void
what_leaves_moves(void **state)
{
	struct pace p = born();

	(void)state;
	assert_false(pace_moved(&p, 0));
	assert_true(pace_moved(&p, 10));
	assert_false(pace_moved(&p, 10));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_end_is_the_deadline),
		cmocka_unit_test(a_session_has_a_life),
		cmocka_unit_test(only_who_waits_for_us_may_be_idle),
		cmocka_unit_test(a_payload_has_a_rate),
		cmocka_unit_test(the_minute_ends_where_no_payload_is_due),
		cmocka_unit_test(what_leaves_moves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
