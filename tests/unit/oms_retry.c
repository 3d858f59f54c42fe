/* oms_retry — when a delivery is tried again: the intervals of each road, their jitter, and the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oms/policy/retry.h"

#define MIN     ((int64_t)60 * 1000)
#define DAY_S   ((int64_t)86400)
#define BORN_MS ((int64_t)1800000000 * 1000)
#define MOST    1023 /* the random number that takes the most away */

struct row {
	enum oms_road road;
	uint64_t tries;
	int64_t ms;
};

static const struct row rows[] = {
	{ OMS_ROAD_NATIVE, 0, 2000 },
	{ OMS_ROAD_NATIVE, 1, 4000 },
	{ OMS_ROAD_NATIVE, 2, 8000 },
	{ OMS_ROAD_NATIVE, 10, 2048000 },
	{ OMS_ROAD_NATIVE, 11, 60 * MIN },
	{ OMS_ROAD_NATIVE, UINT64_MAX, 60 * MIN },
	{ OMS_ROAD_SMTP, 0, 5 * MIN },
	{ OMS_ROAD_SMTP, 1, 10 * MIN },
	{ OMS_ROAD_SMTP, 2, 20 * MIN },
	{ OMS_ROAD_SMTP, 3, 40 * MIN },
	{ OMS_ROAD_SMTP, 4, 80 * MIN },
	{ OMS_ROAD_SMTP, 5, 160 * MIN },
	{ OMS_ROAD_SMTP, 6, 240 * MIN },
	{ OMS_ROAD_SMTP, 7, 240 * MIN },
	{ OMS_ROAD_SMTP, UINT64_MAX, 240 * MIN },
};

static void
intervals_double_up_to_the_longest(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(oms_retry_ms(rows[i].road, rows[i].tries, 0), rows[i].ms);
	assert_int_equal(oms_retry_max_ms(OMS_ROAD_NATIVE), 60 * MIN);
	assert_int_equal(oms_retry_max_ms(OMS_ROAD_SMTP), 240 * MIN);
}

static void
chance_takes_up_to_a_quarter_away(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t whole = rows[i].ms, last = whole;

		for (uint32_t random = 0; random <= MOST; random++) {
			int64_t ms = oms_retry_ms(rows[i].road, rows[i].tries, random);

			assert_true(ms <= last && ms <= whole && ms > whole - whole / 4 - 1);
			last = ms;
		}
		assert_int_equal(oms_retry_ms(rows[i].road, rows[i].tries, MOST + 1), whole);
		assert_true(oms_retry_ms(rows[i].road, rows[i].tries, UINT32_MAX) < whole);
	}
}

/* How often is it tried, if each attempt takes no time and fails?  Asserts that no try is after the end. */
static unsigned
tries_until_given_up(struct oms_retry r, int64_t end_ms)
{
	unsigned n = 1;
	int64_t next_ms;

	for (r.now_ms = r.born_ms; (next_ms = oms_retry_next_ms(&r)) != 0; n++) {
		assert_true(next_ms > r.now_ms && next_ms <= end_ms);
		r.now_ms = next_ms;
		r.tries++;
	}
	assert_int_equal(r.now_ms, end_ms); /* the last chance is the end itself */
	return n;
}

static void
a_letter_by_smtp_is_given_up_at_its_end(void **state)
{
	struct oms_retry r = {
		.road = OMS_ROAD_SMTP,
		.born_ms = BORN_MS,
		.give_up_s = 5 * DAY_S,
		.hold_until_s = BORN_MS / 1000 + 30 * DAY_S,
	};

	(void)state;
	/* tries at 0, 5, 15, 35, 75, 155, 315 minutes, then each 240, and the one at 7200 */
	assert_int_equal(tries_until_given_up(r, BORN_MS + 7200 * MIN), 7 + (7200 - 315) / 240 + 1);
	r.random = MOST;
	assert_true(tries_until_given_up(r, BORN_MS + 7200 * MIN) > 36);
	r.random = 0;
	r.hold_until_s = BORN_MS / 1000 + 3600;
	assert_int_equal(tries_until_given_up(r, BORN_MS + 60 * MIN), 5);
	r.now_ms = r.hold_until_s * 1000 + 1;
	assert_int_equal(oms_retry_next_ms(&r), 0);
}

static void
the_native_road_is_never_given_up(void **state)
{
	struct oms_retry r = {
		.road = OMS_ROAD_NATIVE,
		.tries = 40,
		.now_ms = BORN_MS + 9 * DAY_S * 1000,
		.born_ms = BORN_MS,
		.give_up_s = 5 * DAY_S,
		.hold_until_s = BORN_MS / 1000 + DAY_S,
	};

	(void)state;
	assert_int_equal(oms_retry_next_ms(&r), r.now_ms + 60 * MIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intervals_double_up_to_the_longest),
		cmocka_unit_test(chance_takes_up_to_a_quarter_away),
		cmocka_unit_test(a_letter_by_smtp_is_given_up_at_its_end),
		cmocka_unit_test(the_native_road_is_never_given_up),
	};

	return cmocka_run_group_tests_name("oms_retry", tests, NULL, NULL);
}
