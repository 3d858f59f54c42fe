/* span — cutting, comparing, numbers of one form, copies that fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/span.h"

static void
compares(void **state)
{
	(void)state;
	assert_true(span_eq(SPAN_LIT("abc"), span_str("abc")));
	assert_false(span_eq(SPAN_LIT("abc"), SPAN_LIT("abd")));
	assert_false(span_eq(SPAN_LIT("abc"), SPAN_LIT("ab")));
	assert_true(span_eq((struct span) { NULL, 0 }, SPAN_LIT("")));
	assert_true(span_eq_nocase(SPAN_LIT("aBc"), SPAN_LIT("AbC")));
	assert_false(span_eq_nocase(SPAN_LIT("abc"), SPAN_LIT("abcd")));
	assert_true(span_starts(SPAN_LIT("abc"), SPAN_LIT("ab")));
	assert_true(span_starts(SPAN_LIT("abc"), SPAN_LIT("")));
	assert_false(span_starts(SPAN_LIT("ab"), SPAN_LIT("abc")));
	assert_true(span_has(SPAN_LIT("a b"), ' '));
	assert_false(span_has((struct span) { NULL, 0 }, ' '));
}

static void
cuts(void **state)
{
	struct span rest = SPAN_LIT("one two  four");

	(void)state;
	assert_true(span_eq(span_cut(&rest, ' '), SPAN_LIT("one")));
	assert_true(span_eq(span_cut(&rest, ' '), SPAN_LIT("two")));
	assert_int_equal(span_cut(&rest, ' ').n, 0);
	assert_true(span_eq(span_cut(&rest, ' '), SPAN_LIT("four")));
	assert_int_equal(rest.n, 0);
	assert_int_equal(span_cut(&rest, ' ').n, 0);
	rest = (struct span) { NULL, 0 };
	assert_int_equal(span_cut(&rest, ' ').n, 0);
}

static void
sub_is_clamped(void **state)
{
	struct span s = SPAN_LIT("abcdef");

	(void)state;
	assert_true(span_eq(span_sub(s, 1, 2), SPAN_LIT("bc")));
	assert_true(span_eq(span_sub(s, 4, 2), SPAN_LIT("ef")));
	assert_true(span_eq(span_sub(s, 4, 3), SPAN_LIT("ef")));
	assert_int_equal(span_sub(s, 6, 1).n, 0);
	assert_int_equal(span_sub(s, 7, 1).n, 0);
	assert_int_equal(span_sub(s, SIZE_MAX, SIZE_MAX).n, 0);
}

static void
numbers(void **state)
{
	static const char *const bad[] = { "", "00", "01", "-1", "+1", " 1", "1 ", "0x1", "1a",
		"10000000000000000000" };
	uint64_t v = 7;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(span_u64(span_str(bad[i]), &v));
	assert_int_equal(v, 7);
	assert_true(span_u64(SPAN_LIT("0"), &v));
	assert_int_equal(v, 0);
	assert_true(span_u64(SPAN_LIT("9999999999999999999"), &v));
	assert_true(v == UINT64_C(9999999999999999999));
}

static void
copies(void **state)
{
	char dst[4];

	(void)state;
	assert_true(span_copy(SPAN_LIT("abc"), dst, sizeof dst));
	assert_string_equal(dst, "abc");
	assert_false(span_copy(SPAN_LIT("abcd"), dst, sizeof dst));
	assert_string_equal(dst, "");
	assert_false(span_copy((struct span) { "a\0b", 3 }, dst, sizeof dst));
	assert_true(span_copy((struct span) { NULL, 0 }, dst, sizeof dst));
	assert_string_equal(dst, "");
}

static void
trims(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = { { "", "" }, { " \t\r", "" }, { "a", "a" }, { " \ta b\t \r", "a b" },
		{ "a\n ", "a\n" } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_true(span_eq(span_trim(span_str(cases[i].in)), span_str(cases[i].out)));
	assert_true(span_eq(span_trim_folds(SPAN_LIT("\r\n \ta\n b\t\r\n")), SPAN_LIT("a\n b")));
	assert_true(span_eq(span_trim_folds(SPAN_LIT("\n\r")), SPAN_LIT("")));
	assert_true(span_is_ascii(SPAN_LIT("a\x7f\0")));
	assert_true(span_is_ascii(SPAN_LIT("")));
	assert_false(span_is_ascii(SPAN_LIT("a\x80")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compares),
		cmocka_unit_test(cuts),
		cmocka_unit_test(sub_is_clamped),
		cmocka_unit_test(numbers),
		cmocka_unit_test(copies),
		cmocka_unit_test(trims),
	};

	return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
