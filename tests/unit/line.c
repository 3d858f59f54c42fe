/* line — one line from any octets; every fault is fatal and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/utf8.h"
#include "proto/line.h"

static enum line_result
try(const char *p, size_t n, struct span *line, size_t *used, struct err *e)
{
	*line = (struct span) { 0 };
	*used = 0;
	return line_next(span_of(p, n), line, used, e);
}

static void
a_line_is_found_at_its_last_octet(void **state)
{
	static const char in[] = "HELLO a.test\r\nNOOP\r\n";
	struct span line;
	size_t used;
	struct err e;

	(void)state;
	for (size_t n = 0; n < 14; n++)
		assert_int_equal(try(in, n, &line, &used, &e), LINE_MORE);
	for (size_t n = 14; n < sizeof in; n++) {
		assert_int_equal(try(in, n, &line, &used, &e), LINE_READY);
		assert_true(span_eq(line, SPAN_LIT("HELLO a.test")));
		assert_int_equal(used, 14);
	}
	assert_int_equal(try("\r\n", 2, &line, &used, &e), LINE_READY);
	assert_int_equal(line.n, 0);
}

static void
refused(const char *in, size_t n, enum refusal why)
{
	struct span line;
	size_t used;
	struct err e = { 0 };

	assert_int_equal(try(in, n, &line, &used, &e), LINE_BAD);
	assert_int_equal(e.why, why);
	assert_int_equal(used, 0);
}

static void
bare_ends_are_fatal(void **state)
{
	(void)state;
	refused("\n", 1, REFUSAL_bare_lf);
	refused("a\nb\r\n", 5, REFUSAL_bare_lf);
	refused("a\rb\r\n", 5, REFUSAL_bare_lf);
	refused("\r\r\n", 3, REFUSAL_bare_lf);
}

static void
controls_and_broken_utf8_are_fatal(void **state)
{
	static const char *const bad[] = { "\x01\r\n", "\t\r\n", "\x7f\r\n", "\x80\r\n",
		"\xc0\xaf\r\n", "\xc1\x81\r\n", "\xc2\r\n", "\xc2\x85\r\n", "\xe0\x80\xaf\r\n",
		"\xed\xa0\x80\r\n", "\xf0\x80\x80\xaf\r\n", "\xf4\x90\x80\x80\r\n",
		"\xf5\x80\x80\x80\r\n", "\xe2\x82\r\n", "\xf0\x9f\x93\r\n", "\xff\r\n" };
	static const char *const good[] = { "\xc2\xa0\r\n", "\xc3\xa4\r\n", "\xe0\xa0\x80\r\n",
		"\xed\x9f\xbf\r\n", "\xee\x80\x80\r\n", "\xf0\x90\x80\x80\r\n",
		"\xf4\x8f\xbf\xbf\r\n" };
	struct span line;
	size_t used;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refused(bad[i], strlen(bad[i]), REFUSAL_bad_octet);
	refused("a\0b\r\n", 5, REFUSAL_bad_octet);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_int_equal(try(good[i], strlen(good[i]), &line, &used, &e), LINE_READY);
	assert_int_equal(utf8_printable(SPAN_LIT("")), 0);
}

static void
limit(void **state)
{
	char in[LINE_MAX_BYTES + 1];
	struct span line;
	size_t used;
	struct err e;

	(void)state;
	for (size_t n = LINE_MAX_BYTES - 1; n <= LINE_MAX_BYTES; n++) {
		memset(in, 'a', sizeof in);
		memcpy(in + n - 2, "\r\n", 2);
		assert_int_equal(try(in, n, &line, &used, &e), LINE_READY);
		assert_int_equal(line.n, n - 2);
	}
	memset(in, 'a', sizeof in);
	memcpy(in + LINE_MAX_BYTES - 1, "\r\n", 2);
	refused(in, sizeof in, REFUSAL_line_too_long);
	memset(in, 'a', sizeof in);
	assert_int_equal(try(in, LINE_MAX_BYTES - 2, &line, &used, &e), LINE_MORE);
	refused(in, LINE_MAX_BYTES, REFUSAL_line_too_long);
}

/* Octet by octet. */
static bool
is_bare(const char *p, size_t n, bool *cr)
{
	for (size_t i = 0; i < n; i++) {
		if ((p[i] == '\n') != *cr)
			return true;
		*cr = p[i] == '\r';
	}
	return false;
}

/* Every text of up to 7 octets, after either octet. */
static void
a_bare_end_is_seen_in_any_text(void **state)
{
	enum { LONGEST = 7, TEXTS = 2187 };
	char text[LONGEST];

	(void)state;
	for (unsigned k = 0; k < 2 * TEXTS; k++)
		for (size_t n = 0; n <= LONGEST; n++) {
			bool cr = k % 2 != 0, want_cr = cr, want;

			for (unsigned i = 0, rest = k / 2; i < LONGEST; i++, rest /= 3)
				text[i] = "\r\nx"[rest % 3];
			want = is_bare(text, n, &want_cr);
			assert_int_equal(line_has_bare(span_of(text, n), &cr), want);
			assert_true(want || cr == want_cr);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_found_at_its_last_octet),
		cmocka_unit_test(bare_ends_are_fatal),
		cmocka_unit_test(controls_and_broken_utf8_are_fatal),
		cmocka_unit_test(limit),
		cmocka_unit_test(a_bare_end_is_seen_in_any_text),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
