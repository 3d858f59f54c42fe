/* db_key — keys of records: they sort as their numbers do, and no two lists of parts make the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/store/db_key.h"

static struct db_key
of_number(uint64_t v)
{
	struct db_key k = { .n = 0 };

	db_key_add_u64(&k, v);
	return k;
}

static void
numbers_sort(void **state)
{
	static const uint64_t rising[] = { 0, 1, 255, 256, 65535, 65536, UINT32_MAX, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i + 1 < sizeof rising / sizeof rising[0]; i++) {
		struct db_key a = of_number(rising[i]), b = of_number(rising[i + 1]);

		assert_true(memcmp(a.b, b.b, 8) < 0);
		assert_true(db_key_u64(db_key_span(&b), 0) == rising[i + 1]);
	}
	assert_int_equal(db_key_u64(SPAN_LIT("short"), 0), 0);
}

static void
texts_end(void **state)
{
	struct db_key a = { .n = 0 }, b = { .n = 0 }, copy;

	(void)state;
	db_key_add_text(&a, "ab");
	db_key_add_text(&a, "c");
	db_key_add_text(&b, "a");
	db_key_add_text(&b, "bc");
	assert_false(span_eq(db_key_span(&a), db_key_span(&b)));
	assert_int_equal(a.n, 5);
	assert_false(db_key_take_first(&copy, db_key_span(&a), (struct span) { 0 }));
	assert_true(span_eq(db_key_span(&copy), db_key_span(&a)));
}

static void
a_hash_has_its_length(void **state)
{
	struct db_key k = { .n = 0 };

	(void)state;
	db_key_add_hash(&k, SPAN_LIT("abc"), 4); /* FIPS 180-2, B.1 */
	assert_true(span_eq(db_key_span(&k), SPAN_LIT("\xba\x78\x16\xbf")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_sort),
		cmocka_unit_test(texts_end),
		cmocka_unit_test(a_hash_has_its_length),
	};

	return cmocka_run_group_tests_name("db_key", tests, NULL, NULL);
}
