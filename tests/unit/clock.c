/* clock — dates of one form; days that are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <time.h>

#include "common/base/clock.h"

static void
is(const char *date, int64_t want)
{
	char again[CLOCK_DATE_BYTES];
	int64_t s = -1;

	assert_true(clock_parse_date(span_str(date), &s));
	assert_true(s == want);
	clock_date(s, again);
	assert_string_equal(again, date);
}

static void
known_dates(void **state)
{
	(void)state;
	is("1970-01-01T00:00:00Z", 0);
	is("2026-11-23T14:00:00Z", 1795442400);
	is("2000-02-29T23:59:59Z", 951868799);
	is("2100-02-28T23:59:59Z", INT64_C(4107542399));
	is("9999-12-31T23:59:59Z", INT64_C(253402300799));
}

/* Against the C library, over all days and past each of their ends. */
static void
every_day(void **state)
{
	char date[CLOCK_DATE_BYTES];
	int64_t back;

	(void)state;
	for (int64_t t = 0; t < INT64_C(253402300800); t += 86399 * 31) {
		clock_date(t, date);
		assert_true(clock_parse_date(span_str(date), &back));
		assert_true(back == t);
	}
}

static void
one_form(void **state)
{
	static const char *const bad[] = { "", "2026-11-23T14:00:00", "2026-11-23T14:00:00z",
		"2026-11-23 14:00:00Z", "2026-11-23T14:00:00.0Z", "2026-11-23T14:00:00+00:00",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
		"2026-00-10T00:00:00Z", "2026-13-10T00:00:00Z", "2026-10-00T00:00:00Z",
		"2026-10-32T00:00:00Z", "2026-10-10T24:00:00Z", "2026-10-10T00:60:00Z",
		"2026-10-10T23:59:60Z", "1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z",
		"+026-11-23T14:00:00Z", "2026-11-23T1 :00:00Z" };
	int64_t s;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(clock_parse_date(span_str(bad[i]), &s));
}

static void
out_of_range_is_clamped(void **state)
{
	char date[CLOCK_DATE_BYTES];

	(void)state;
	clock_date(-1, date);
	assert_string_equal(date, "1970-01-01T00:00:00Z");
	clock_date(INT64_MAX, date);
	assert_string_equal(date, "9999-12-31T23:59:59Z");
	assert_true(clock_mono_ms() > 0);
	assert_true(clock_wall_ms() / 1000 - time(NULL) < 2);
}

/* Each day of twenty years, against the C library in its own locale. */
static void
mail_dates(void **state)
{
	(void)state;
	for (time_t s = 946684799; s < 946684799 + 20 * 366 * (time_t)86400; s += 86399) {
		char got[CLOCK_MAIL_DATE_BYTES], want[64];
		struct tm tm;

		gmtime_r(&s, &tm);
		strftime(want, sizeof want, "%a, %d %b %Y %H:%M:%S +0000", &tm);
		clock_mail_date(s, got);
		assert_string_equal(got, want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_dates),
		cmocka_unit_test(every_day),
		cmocka_unit_test(one_form),
		cmocka_unit_test(out_of_range_is_clamped),
		cmocka_unit_test(mail_dates),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
