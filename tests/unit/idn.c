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

/* What no domain may hold is refused.  It is never dropped: the rest would be another's domain. */
/* clang-format off */
static const struct {
	const char *what, *in;
} no_signs[] = {
	{ "fullwidth\040@", "bob\357\274\240b.test" },
	{ "fullwidth\040@\040between\040two\040domains", "b.test\357\274\240evil.example" },
	{ "not\040less-than", "b\342\211\256.test" },
	{ "not\040equal", "b\342\211\240.test" },
	{ "not\040greater-than", "b\342\211\257.test" },
	{ "less-than\040and\040a\040long\040solidus\040overlay", "b<\314\270.test" },
	{ "equals\040and\040the\040overlay", "b=\314\270.test" },
	{ "fullwidth\040solidus", "pay\357\274\217pal.test" },
	{ "account\040of", "pay\342\204\200pal.test" },
	{ "addressed\040to\040the\040subject", "b\342\204\201.test" },
	{ "care\040of", "b\342\204\205.test" },
	{ "cada\040una", "b\342\204\206.test" },
	{ "fullwidth\040low\040line", "b\357\274\277c.test" },
	{ "double\040low\040line", "b\342\200\227c.test" },
	{ "fullwidth\040colon", "b\357\274\232c.test" },
	{ "fullwidth\040semicolon", "b\357\274\233c.test" },
	{ "Greek\040question\040mark", "b\315\276c.test" },
	{ "fullwidth\040comma", "b\357\274\214c.test" },
	{ "fullwidth\040exclamation\040mark", "b\357\274\201c.test" },
	{ "double\040exclamation", "b\342\200\274c.test" },
	{ "question\040exclamation", "b\342\201\210c.test" },
	{ "fullwidth\040question\040mark", "b\357\274\237c.test" },
	{ "fullwidth\040number\040sign", "b\357\274\203c.test" },
	{ "small\040number\040sign", "b\357\271\237c.test" },
	{ "fullwidth\040percent", "b\357\274\205c.test" },
	{ "small\040percent", "b\357\271\252c.test" },
	{ "fullwidth\040ampersand", "b\357\274\206c.test" },
	{ "fullwidth\040plus", "b\357\274\213c.test" },
	{ "superscript\040plus", "b\342\201\272c.test" },
	{ "fullwidth\040less-than", "b\357\274\234c.test" },
	{ "small\040less-than", "b\357\271\244c.test" },
	{ "fullwidth\040greater-than", "b\357\274\236c.test" },
	{ "fullwidth\040equals", "b\357\274\235c.test" },
	{ "superscript\040equals", "b\342\201\274c.test" },
	{ "fullwidth\040left\040bracket", "b\357\274\273c.test" },
	{ "fullwidth\040reverse\040solidus", "b\357\274\274c.test" },
	{ "small\040reverse\040solidus", "b\357\271\250c.test" },
	{ "fullwidth\040quotation\040mark", "b\357\274\202c.test" },
	{ "fullwidth\040apostrophe", "b\357\274\207c.test" },
	{ "fullwidth\040left\040parenthesis", "b\357\274\210c.test" },
	{ "parenthesized\040one", "b\342\221\264c.test" },
	{ "parenthesized\040a", "b\342\222\234c.test" },
	{ "digit\040zero\040comma", "b\360\237\204\201c.test" },
	{ "fullwidth\040asterisk", "\357\274\212.test" },
	{ "fullwidth\040dollar", "b\357\274\204c.test" },
	{ "fullwidth\040circumflex", "b\357\274\276c.test" },
	{ "fullwidth\040grave", "b\357\275\200c.test" },
	{ "Greek\040varia", "b\341\277\257c.test" },
	{ "fullwidth\040left\040brace", "b\357\275\233c.test" },
	{ "fullwidth\040bar", "b\357\275\234c.test" },
	{ "fullwidth\040tilde", "b\357\275\236c.test" },
	{ "no-break\040space", "b\302\240c.test" },
	{ "em\040space", "b\342\200\203c.test" },
	{ "ideographic\040space", "b\343\200\200c.test" },
	{ "narrow\040no-break\040space", "b\342\200\257c.test" },
	{ "diaeresis", "b\302\250c.test" },
	{ "macron", "b\302\257c.test" },
	{ "acute\040accent", "b\302\264c.test" },
	{ "small\040tilde", "b\313\234c.test" },
	{ "cedilla", "b\302\270c.test" },
	{ "a\040space\040beside\040a\040letter", "\303\274\040b.test" },
	{ "@\040beside\040a\040letter", "\303\274@b.test" },
	{ "solidus\040beside\040a\040letter", "b/\303\274.test" },
	{ "low\040line\040beside\040a\040letter", "\303\274_b.test" },
	{ "@\040in\040a\040lower\040label", "a@b.\303\274.test" },
	{ "NUL\040picture", "b\342\220\200c.test" },
	{ "Arabic\040letters,\040both\040kinds\040of\040digits", "\330\250\331\2411.test" },
	{ "the\040same,\040Hebrew", "\327\220\331\2411.test" },
	{ "the\040same,\040extended\040digits", "\330\250\331\241\333\261.test" },
	{ "the\040same,\040decoded", "xn--1-zhc94b.test" },
	{ "the\040same,\040extended,\040decoded", "xn--ngb8iyr.test" },
	{ "hyphens\040in\040places\0403\040and\0404", "ab--c.test" },
	{ "...\040of\040a\040lower\040label", "ab--c.a.test" },
	{ "...\040in\040upper\040case", "AB--C.test" },
	{ "...\040four", "r3---sn.a.test" },
	{ "...\040beside\040letters", "ab--\303\274.test" },
	{ "...\040decoded", "xn--b--c-zra.test" },
	{ "a\040sign\040decoded", "xn--b-ngo.test" },
	{ "fullwidth\040@\040decoded", "xn--bobb-dc0y.test" },
	{ "upper\040case\040decoded", "xn--wca.test" },
	{ "soft\040hyphen\040decoded", "xn--b-vca0v.test" },
	{ "full\040stop\040decoded", "xn--b-eha7227a.test" },
	{ "middle\040dot\040without\040l", "xn--bc-0ea.test" },
	{ "middle\040dot\040without\040l,\040as\040it\040is", "b\302\267c.test" },
	{ "Katakana\040middle\040dot\040alone", "\343\203\273.test" },
	{ "keraia\040before\040Latin", "\315\265a.test" },
};
/* clang-format on */

static void
signs_are_refused(void **state)
{
	struct domain a;
	struct err e;
	size_t taken = 0;

	(void)state;
	assert_true(sizeof no_signs / sizeof no_signs[0] >= 60);
	for (size_t i = 0; i < sizeof no_signs / sizeof no_signs[0]; i++)
		if (idn_a_label(span_str(no_signs[i].in), &a, &e)) {
			print_error("%s: taken as %s\n", no_signs[i].what, a.text);
			taken++;
		} else
			assert_int_equal(e.why, REFUSAL_bad_domain);
	assert_int_equal(taken, 0);
}

static void
near_to_those_signs(void **state)
{
	(void)state;
	gives("l\302\267l.test", "xn--ll-0ea.test");
	gives("\343\202\253\343\203\273\343\202\253.test", "xn--lcka3v.test");
	gives("\327\2201.test", "xn--1-zhc.test");
	gives("\330\250\331\241.test", "xn--ngb8i.test");
	gives("\330\250\333\2611.test", "xn--1-0mc71d.test");
	gives("\303\274--b.test", "xn----b-goa.test");
	gives("a-b--c.test", "a-b--c.test");
	gives("abc--d.test", "abc--d.test");
	gives("a--b.test", "a--b.test");
	gives("\342\204\252.test", "k.test");
	gives("\305\277.test", "s.test");
	gives("\342\204\246.test", "xn--bya.test");
	gives("\357\274\221\357\274\222a.test", "12a.test");
}

static void
no_domain(void **state)
{
	static const char *const bad[] = { "", ".", "test", "a.test.", ".a.test", "a..test",
		"-a.test", "a-.test", "a_b.test", "a b.test", "a.test\n", "a@b.test", "xn--.test",
		"xn--a.test", "xn--bcher-kva-.test", "xn--zzzzzzz99999999.test", "a\x80.test",
		"\xff.test", "xn--ss-.test", "\xe2\x80\x8d.test",
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
		"a.123", "1.2.3", "2001:db8::1",
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
		cmocka_unit_test(signs_are_refused),
		cmocka_unit_test(near_to_those_signs),
		cmocka_unit_test(no_domain),
		cmocka_unit_test(literals),
		cmocka_unit_test(limits),
		cmocka_unit_test(display),
	};

	return cmocka_run_group_tests_name("idn", tests, NULL, NULL);
}
