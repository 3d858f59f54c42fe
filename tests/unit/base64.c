/* base64 — RFC 4648's own vectors, and that there is one form only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/base64.h"

static void
vectors(void **state)
{
	static const char *const cases[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "+//+" } };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b = BUF_INIT;

		base64_add(&b, cases[i][0], strlen(cases[i][0]));
		assert_true(span_eq(buf_span(&b), span_str(cases[i][1])));
		buf_reset(&b);
		assert_true(base64_parse(span_str(cases[i][1]), &b));
		assert_true(span_eq(buf_span(&b), span_str(cases[i][0])));
		buf_clear(&b);
	}
}

static void
every_octet(void **state)
{
	unsigned char all[256], back[256];
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof all; i++)
		all[i] = (unsigned char)i;
	for (size_t n = 250; n <= sizeof all; n++) {
		buf_reset(&b);
		base64_add(&b, all, n);
		assert_int_equal(b.len, BASE64_CHARS(n));
		assert_true(base64_parse_exact(buf_span(&b), back, n));
		assert_memory_equal(all, back, n);
		assert_false(base64_parse_exact(buf_span(&b), back, n - 1));
	}
	buf_clear(&b);
}

static void
refused(void **state)
{
	static const char *const cases[] = { "Z", "Zg", "Zg=", "Zg===", "====", "=",
		"Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm9-", "Z===", "Zg=a", "Zm\xc3v" };
	struct buf b = BUF_INIT;

	(void)state;
	buf_add(&b, "kept", 4);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_false(base64_parse(span_str(cases[i]), &b));
		assert_int_equal(b.len, 4);
	}
	assert_false(base64_parse(span_of("Zm\0v", 4), &b));
	buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(every_octet),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
