/* ulid — one form, sorted by time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/ulid.h"
#include "proto/id.h"

static void
known_values(void **state)
{
	static const unsigned char zero[10],
	    ones[10] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };
	struct ulid u;
	char s[ULID_STR_BYTES];

	(void)state;
	ulid_make(&u, 0, zero);
	ulid_str(&u, s);
	assert_string_equal(s, "00000000000000000000000000");
	ulid_make(&u, (INT64_C(1) << 48) - 1, ones);
	ulid_str(&u, s);
	assert_string_equal(s, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
	ulid_make(&u, INT64_C(1469918176385), ones); /* the specification's example of time */
	ulid_str(&u, s);
	assert_memory_equal(s, "01ARYZ6S41", 10);
	assert_true(ulid_wall_ms(&u) == INT64_C(1469918176385));
}

static void
each_bit_survives(void **state)
{
	struct ulid u, back;
	char s[ULID_STR_BYTES];

	(void)state;
	for (int bit = 0; bit < 128; bit++) {
		memset(&u, 0, sizeof u);
		u.b[bit / 8] = (unsigned char)(1 << bit % 8);
		ulid_str(&u, s);
		assert_true(ulid_parse(span_str(s), &back));
		assert_true(ulid_eq(&u, &back));
	}
}

static void
one_form(void **state)
{
	static const char *const bad[] = { "", "01JDZ5TPB4M4Q8W1RZ9H1V6K3",
		"01JDZ5TPB4M4Q8W1RZ9H1V6K3CC", "01jdz5tpb4m4q8w1rz9h1v6k3c",
		"01JDZ5TPB4M4Q8W1RZ9H1V6K3I", "01JDZ5TPB4M4Q8W1RZ9H1V6K3L",
		"01JDZ5TPB4M4Q8W1RZ9H1V6K3O", "01JDZ5TPB4M4Q8W1RZ9H1V6K3U",
		"81JDZ5TPB4M4Q8W1RZ9H1V6K3C", "Z1JDZ5TPB4M4Q8W1RZ9H1V6K3C",
		"01JDZ5TPB4-M4Q8W1RZ9H1V6K3", "01JDZ5TPB4M4Q8W1RZ9H1V6K3 " };
	struct ulid u;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(id_parse(span_str(bad[i]), &u, &e));
		assert_int_equal(e.why, REFUSAL_bad_id);
	}
	assert_false(ulid_parse(span_of("01JDZ5TPB4M4Q8W1RZ9H1V6K3\0", 26), &u));
	assert_true(id_parse(SPAN_LIT("01JDZ5TPB4M4Q8W1RZ9H1V6K3C"), &u, &e));
}

static void
what_people_see(void **state)
{
	struct ulid u;
	char end[ULID_END_BYTES];

	(void)state;
	assert_true(ulid_parse(SPAN_LIT("01JDZ5TPB4M4Q8W1RZ9H1V6K3C"), &u));
	ulid_end(&u, end);
	assert_string_equal(end, "9H1V-6K3C");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(each_bit_survives),
		cmocka_unit_test(one_form),
		cmocka_unit_test(what_people_see),
	};

	return cmocka_run_group_tests_name("ulid", tests, NULL, NULL);
}
