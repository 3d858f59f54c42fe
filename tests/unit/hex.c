/* hex — two lower-case digits an octet, and no other form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/hex.h"

static void
round_trip(void **state)
{
	unsigned char all[256], back[256];
	struct buf b = BUF_INIT;
	char s[5];

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	hex_add(&b, all, sizeof all);
	assert_int_equal(b.len, 512);
	assert_memory_equal(b.data, "000102", 6);
	assert_true(hex_parse(buf_span(&b), back, sizeof back));
	assert_memory_equal(all, back, sizeof all);
	hex_str(s, "\x0a\xf0", 2);
	assert_string_equal(s, "0af0");
	buf_clear(&b);
}

static void
one_form(void **state)
{
	unsigned char out[2];

	(void)state;
	assert_true(hex_parse(SPAN_LIT("0aff"), out, 2));
	assert_false(hex_parse(SPAN_LIT("0aF0"), out, 2));
	assert_false(hex_parse(SPAN_LIT("0ag0"), out, 2));
	assert_false(hex_parse(SPAN_LIT("0a0"), out, 2));
	assert_false(hex_parse(SPAN_LIT("0a000"), out, 2));
	assert_false(hex_parse(SPAN_LIT("0a/0"), out, 2));
	assert_false(hex_parse(SPAN_LIT("0a:0"), out, 2));
	assert_true(hex_parse(SPAN_LIT(""), out, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(one_form),
	};

	return cmocka_run_group_tests_name("hex", tests, NULL, NULL);
}
