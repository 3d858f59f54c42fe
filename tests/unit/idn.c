/* idn — A-labels: mapping, round trips, limits, literals; display by script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/text/idn.h"

static void
gives(const char *in, const char *out)
{
	struct domain a;
	struct err e;

	if (!idn_a_label(span_str(in), &a, &e))
		fail_msg("%s: %s", in, e.text);
	assert_string_equal(a.text, out);
}

static void
refused(const char *in, enum refusal why)
{
	struct domain a;
	struct err e;

	if (idn_a_label(span_str(in), &a, &e))
		fail_msg("%s: taken as %s", in, a.text);
	if (e.why != why)
		fail_msg("%s: %s", in, refusal_word(e.why));
}

static void
one_form(void **state)
{
	(void)state;
	gives("a.test", "a.test");
	gives("A.TEST", "a.test");
	gives("r3---sn.a.test", "r3---sn.a.test");
	gives("b\xc3\xbc"
	      "cher.example",
	    "xn--bcher-kva.example");
	gives("B\xc3\x9c"
	      "CHER.example",
	    "xn--bcher-kva.example");
	gives("bu\xcc\x88"
	      "cher.example",
	    "xn--bcher-kva.example"); /* decomposed */
	gives("XN--BCHER-KVA.example", "xn--bcher-kva.example");
	gives("fa\xc3\x9f.example", "xn--fa-hia.example"); /* nontransitional */
	gives("a\xe3\x80\x82test", "a.test");              /* U+3002 */
	gives("\xef\xbd\x81\xef\xbc\x8etest", "a.test");   /* fullwidth a and full stop */
	gives("\xd1\x80\xd0\xb0ypal.example", "xn--ypal-43d9g.example");
	gives("123.example", "123.example");
}

static void
no_domain(void **state)
{
	static const char *const bad[] = { "", ".", "test", "a.test.", ".a.test", "a..test",
		"-a.test", "a-.test", "a_b.test", "a b.test", "a.test\n", "a@b.test", "a.123",
		"1.2.3", "xn--.test", "xn--a.test", "xn--bcher-kva-.test",
		"xn--zzzzzzz99999999.test", "a\x80.test", "\xff.test", "xn--ss-.test",
		"\xe2\x80\x8d.test",
		"a\xe2\x80\x8d"
		"b.test",
		"*.a.test", "a\xe3\x80\x82", "a:b.test", "a/b.test", "xn--FA-HIA\xc3\x9f.test" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i], REFUSAL_bad_domain);
}

static void
literals(void **state)
{
	static const char *const bad[] = { "[192.0.2.1]", "[IPv6:::1]", "[", "192.0.2.1", "::1",
		"2001:db8::1",
		"\xef\xbc\x91"
		"92.0.2.1",
		"192\xe3\x80\x82"
		"0.2.1" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i], REFUSAL_address_literal);
}

static void
limits(void **state)
{
	struct domain a;
	char name[400];
	struct err e;

	(void)state;
	for (int n = 62; n <= 64; n++) {
		snprintf(name, sizeof(name), "%0*d.test", n, 0);
		assert_int_equal(idn_a_label(span_str(name), &a, &e), n <= 63);
	}
	for (int n = 252; n <= 254; n++) {
		snprintf(name, sizeof(name), "%060d.%060d.%060d.%060d.%0*d", 0, 0, 0, 0, n - 244,
		    0);
		name[n - 1] = 'x';
		assert_int_equal(strlen(name), n);
		assert_int_equal(idn_a_label(span_str(name), &a, &e), n <= 253);
	}
	memset(name, 'a', sizeof(name));
	assert_false(idn_a_label(span_of(name, 256), &a, &e));
	assert_false(idn_a_label(span_of("a\0b.test", 8), &a, &e));
}

static void
shown(const char *a_label, const char *text)
{
	char out[1024];

	idn_display(a_label, out, sizeof(out));
	assert_string_equal(out, text);
}

static void
display(void **state)
{
	(void)state;
	shown("a.test", "a.test");
	shown("xn--bcher-kva.example",
	    "b\xc3\xbc"
	    "cher.example");
	shown("xn--ypal-43d9g.example", "xn--ypal-43d9g.example"); /* Cyrillic and Latin */
	shown("xn--80ak6aa92e.com", "xn--80ak6aa92e.com");         /* Cyrillic that looks Latin */
	shown("xn--e1afmkfd.example", "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.example");
	shown("xn--fiqs8s.example", "\xe4\xb8\xad\xe5\x9b\xbd.example");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_form),
		cmocka_unit_test(no_domain),
		cmocka_unit_test(literals),
		cmocka_unit_test(limits),
		cmocka_unit_test(display),
	};

	return cmocka_run_group_tests_name("idn", tests, NULL, NULL);
}
