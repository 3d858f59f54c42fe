/* oms_smtp_text — what a letter's octets ask of a server, whole and octet by octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "oms/smtp/smtp_text.h"

static struct smtp_text
scanned(const char *letter)
{
	struct smtp_text whole = { 0 }, single = { 0 };

	smtp_text_scan(&whole, span_str(letter));
	for (const char *p = letter; *p != '\0'; p++)
		smtp_text_scan(&single, span_of(p, 1));
	assert_int_equal(whole.longest, single.longest);
	assert_int_equal(whole.eight_bit, single.eight_bit);
	assert_int_equal(whole.utf8_header, single.utf8_header);
	return whole;
}

static void
what_it_needs(void **state)
{
	struct smtp_text t = scanned("");

	(void)state;
	assert_int_equal(t.longest, 0);
	t = scanned("a: b\r\n\r\nbarn\r\n");
	assert_int_equal(t.longest, 4);
	assert_false(t.eight_bit || t.utf8_header);
	t = scanned("a: b\r\n\r\nbl\xc3\xa5\r\n");
	assert_true(t.eight_bit && !t.utf8_header);
	t = scanned("a: bl\xc3\xa5\r\n\r\nbarn");
	assert_true(t.eight_bit && t.utf8_header);
	assert_int_equal(t.longest, 7);
	t = scanned("a: b\r\nc: d\r\n\r\nwithout an end");
	assert_int_equal(t.longest, 14);
}

/* Whatever could be the content's end to another reader. */
static void
no_smuggling(void **state)
{
	static const char *const letters[] = { "a: b\r\n\r\n.\n", "a: b\r\n\r\nx\n.\nMAIL\r\n",
		"a: b\r\n\r\nx\r.\r\r\n", "a: b\r\n\r\nx\r", "a: b\n", "a: b\r\n\r\n\n", "\r\r\n" };
	struct smtp_text t;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
		t = scanned(letters[i]);
		assert_false(smtp_text_may_go(&t, &e));
		assert_int_equal(e.why, REFUSAL_bare_lf);
	}
	t = scanned("a: b\r\n\r\n.\r\n..\r\nend");
	assert_true(smtp_text_may_go(&t, &e));
	smtp_text_scan(&t, span_of("\0", 1));
	assert_false(smtp_text_may_go(&t, &e));
	assert_int_equal(e.why, REFUSAL_bad_octet);
}

static struct smtp_text
of_line(size_t n)
{
	struct smtp_text t = { 0 };
	char line[1200];

	memset(line, 'x', sizeof line);
	smtp_text_scan(&t, SPAN_LIT("a: b\r\n\r\n"));
	smtp_text_scan(&t, span_of(line, n));
	smtp_text_scan(&t, SPAN_LIT("\r\n"));
	return t;
}

static void
assert_word(enum refusal why, bool fits, const struct err *e)
{
	assert_int_equal(fits, why == REFUSAL_NONE);
	if (!fits)
		assert_int_equal(e->why, why);
}

static void
what_does_not_fit(void **state)
{
	const struct smtp_offers none = { 0 }, eight = { .eight_bit = true },
				 all = { .eight_bit = true, .utf8 = true, .size_max = 100 };
	struct smtp_text t = of_line(998);
	struct err e;

	(void)state;
	assert_true(smtp_text_may_go(&t, &e) && smtp_text_fits(&t, 1100, &none, &e));
	t = of_line(999);
	assert_word(REFUSAL_smtp_line, smtp_text_may_go(&t, &e), &e);
	assert_word(REFUSAL_smtp_line, smtp_text_fits(&t, 1101, &eight, &e), &e);
	t = scanned("a: b\r\n\r\nbl\xc3\xa5\r\n");
	assert_word(REFUSAL_needs_eight_bit, smtp_text_fits(&t, 20, &none, &e), &e);
	assert_true(smtp_text_fits(&t, 20, &eight, &e));
	t = scanned("a: bl\xc3\xa5\r\n\r\nbarn\r\n");
	assert_word(REFUSAL_needs_unicode_header, smtp_text_fits(&t, 20, &eight, &e), &e);
	assert_true(smtp_text_fits(&t, 100, &all, &e));
	assert_word(REFUSAL_message_too_big, smtp_text_fits(&t, 101, &all, &e), &e);
	assert_true(smtp_text_address_fits(SPAN_LIT("bob@b.test"), &none, &e));
	assert_word(REFUSAL_needs_unicode_address,
	    smtp_text_address_fits(SPAN_LIT("bj\xc3\xb8rn@b.test"), &eight, &e), &e);
	assert_true(smtp_text_address_fits(SPAN_LIT("bj\xc3\xb8rn@b.test"), &all, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_needs),
		cmocka_unit_test(no_smuggling),
		cmocka_unit_test(what_does_not_fit),
	};

	return cmocka_run_group_tests_name("oms_smtp_text", tests, NULL, NULL);
}
