/* address — what an address is, what it is not, and its one canonical form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/address.h"

static void
refused(const char *s, enum refusal why)
{
	struct address a;
	struct err e = { 0 };

	assert_false(address_parse(span_str(s), &a, &e));
	assert_int_equal(e.why, why);
}

static void
accepted(const char *s)
{
	struct address a;
	struct err e = { 0 };

	if (!address_parse(span_str(s), &a, &e))
		fail_msg("%s: %s", s, e.text);
}

static void
addresses(void **state)
{
	static const char *const good[] = { "alice@a.test", "a@b.c", "ALICE@A.Test",
		"first.last@mail.a.test", "!#$%&'*+-/=?^_`{|}~@a.test", "0@0.a", "a@1.2.3.4a",
		"j\xc3\xbcrgen@a.test", "\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b.test",
		"a@xn--bcher-kva.test", "a@a--b.test" };

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		accepted(good[i]);
}

static void
bad_local_parts(void **state)
{
	static const char *const bad[] = { "", "a.test", "@a.test", ".a@a.test", "a.@a.test",
		"a..b@a.test", "a b@a.test", "\"a\"@a.test", "a\\b@a.test", "(c)a@a.test",
		"a,b@a.test", "a:b@a.test", "a;b@a.test", "<a>@a.test", "[a]@a.test",
		"a\r\n@a.test", "a\x7f@a.test", "a\xff@a.test", "a\xc2\x85@a.test" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refused(bad[i], REFUSAL_bad_address);
}

static void
bad_domains(void **state)
{
	static const char *const bad[] = { "a@", "a@test", "a@a.test.", "a@.a.test", "a@a..test",
		"a@-a.test", "a@a-.test", "a@a.-test", "a@a.test-", "a@a_b.test", "a@a b.test",
		"a@a@b.test", "a@a.te\xffst", "a@a.test\r\n", "a@.", "a@..", "a@(c)a.test" };
	static const char *const literals[] = { "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "a@[",
		"a@192.0.2.1", "a@a.1", "a@0.0" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refused(bad[i], REFUSAL_bad_domain);
	for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++)
		refused(literals[i], REFUSAL_address_literal);
}

static void
limits(void **state)
{
	char s[400], l64[80], l63[80], d[300];

	(void)state;
	memset(l64, 'x', sizeof l64);
	snprintf(s, sizeof s, "%.*s@a.test", ADDRESS_LOCAL_MAX - 1, l64);
	accepted(s);
	snprintf(s, sizeof s, "%.*s@a.test", ADDRESS_LOCAL_MAX, l64);
	accepted(s);
	snprintf(s, sizeof s, "%.*s@a.test", ADDRESS_LOCAL_MAX + 1, l64);
	refused(s, REFUSAL_bad_address);
	memset(l63, 'y', sizeof l63);
	snprintf(s, sizeof s, "a@%.*s.test", DOMAIN_LABEL_MAX - 1, l63);
	accepted(s);
	snprintf(s, sizeof s, "a@%.*s.test", DOMAIN_LABEL_MAX, l63);
	accepted(s);
	snprintf(s, sizeof s, "a@%.*s.test", DOMAIN_LABEL_MAX + 1, l63);
	refused(s, REFUSAL_bad_domain);
	for (int n = 58; n <= 62; n++) { /* domains of 251 to 255 octets */
		struct err e = { 0 };

		snprintf(d, sizeof d, "%.63s.%.63s.%.63s.%.*s", l63, l63, l63, n, l63);
		assert_int_equal(domain_check(span_str(d), &e), strlen(d) <= DOMAIN_MAX);
		assert_int_equal(domain_is_canonical(span_str(d)), strlen(d) <= DOMAIN_MAX);
	}
	for (size_t local = 1; local <= 4; local++) { /* addresses of 253 to 256 octets */
		snprintf(d, sizeof d, "%.63s.%.63s.%.63s.%.*s", l63, l63, l63, 59, l63);
		snprintf(s, sizeof s, "%.*s@%s", (int)local, l64, d);
		if (strlen(s) <= ADDRESS_MAX)
			accepted(s);
		else
			refused(s, REFUSAL_bad_address);
	}
}

static void
paths(void **state)
{
	static const char *const bad[] = { "", "<", ">", "<>", "a@a.test", "<a@a.test", "a@a.test>",
		"<<a@a.test>>", "<a@a.test> ", " <a@a.test>", "<@b.test:a@a.test>" };
	struct address a;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(address_parse_path(span_str(bad[i]), &a, &e));
		assert_int_equal(e.why, REFUSAL_bad_address);
	}
	assert_true(address_parse_path(SPAN_LIT("<Alice@A.test>"), &a, &e));
	assert_true(span_eq(a.whole, SPAN_LIT("Alice@A.test")));
	assert_true(span_eq(a.local, SPAN_LIT("Alice")));
	assert_true(span_eq(a.domain, SPAN_LIT("A.test")));
}

static bool
fake_a_label(struct span domain, struct domain *out, struct err *e)
{
	if (span_has(domain, '!'))
		return err_set(e, REFUSAL_bad_domain, "fake");
	if (domain.n > 0 && domain.p[0] == 'L') { /* conversion makes it longer */
		memset(out->text, 'l', 251);
		strcpy(out->text + 250, ".x");
		return true;
	}
	strcpy(out->text, "xn--bcher-kva.test");
	return true;
}

static void
canonical_form(void **state)
{
	struct address a;
	char out[ADDRESS_STR_BYTES];
	struct domain domain;
	struct err e;

	(void)state;
	assert_true(address_parse(SPAN_LIT("Alice@A.TEST"), &a, &e));
	assert_true(address_canonical(&a, NULL, out, &e));
	assert_string_equal(out, "Alice@a.test");
	assert_true(address_parse(SPAN_LIT("a@b\xc3\xbc"
					   "cher.test"),
	    &a, &e));
	assert_true(address_canonical(&a, fake_a_label, out, &e));
	assert_string_equal(out, "a@xn--bcher-kva.test");
	assert_false(address_canonical(&a, NULL, out, &e));
	assert_int_equal(e.why, REFUSAL_bad_domain);
	/* an A-label is IDN's to judge, in any case and at any place */
	assert_true(domain_parse(SPAN_LIT("a.XN--BCHER-kva.test"), fake_a_label, &domain, &e));
	assert_string_equal(domain.text, "xn--bcher-kva.test");
	assert_false(domain_parse(SPAN_LIT("xn--a.test"), NULL, &domain, &e));
	assert_true(domain_parse(SPAN_LIT("axn--a.test"), NULL, &domain, &e));
	assert_true(address_parse(SPAN_LIT("abc@L\xc3\xa4.test"), &a, &e));
	assert_false(address_canonical(&a, fake_a_label, out, &e)); /* 3 + 1 + 252 octets */
	assert_int_equal(e.why, REFUSAL_bad_address);
}

static void
canonical_is_the_only_form_of_statements(void **state)
{
	static const char *const bad[] = { "a@A.test",
		"a@b\xc3\xbc"
		"cher.test" };
	static const char *const no[] = { "", "a", "a.", ".a", "a..b", "-a.b", "a-.b", "ab--c.d",
		"a---b.c", "a.bc--", "a.b-", "a.-b", "A.b", "a.B", "a.1", "1.2.3.4", "a_b.c",
		"a.b.", "[1.2]", "a b.c" };
	struct address a;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(address_parse_canonical(span_str(bad[i]), &a, &e));
		assert_int_equal(e.why, REFUSAL_bad_domain);
	}
	assert_false(address_parse_canonical(SPAN_LIT("a@[1.2.3.4]"), &a, &e));
	assert_int_equal(e.why, REFUSAL_address_literal);
	assert_true(address_parse_canonical(SPAN_LIT("A@a-b.c1"), &a, &e));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(domain_is_canonical(span_str(no[i])));
}

/* The two ways to look at a domain agree: canonical is what checking and lower-casing leaves. */
static void
the_fast_path_agrees(void **state)
{
	static const char set[] = "a0-.Z";
	char s[6];
	struct domain out, set_to;
	struct err e;

	(void)state;
	for (int i = 0; i < 5 * 5 * 5 * 5 * 5; i++) {
		int k = i;

		for (int at = 0; at < 5; at++, k /= 5)
			s[at] = set[k % 5];
		s[5] = '\0';
		if (domain_parse(span_str(s), NULL, &out, &e)) {
			assert_true(domain_is_canonical(domain_span(&out)));
			assert_int_equal(domain_is_canonical(span_str(s)),
			    strcmp(s, out.text) == 0);
			assert_true(domain_set(&set_to, span_str(s)));
			assert_true(domain_eq(&set_to, domain_span(&out)));
			continue;
		}
		assert_false(domain_is_canonical(span_str(s)));
		assert_false(domain_set(&set_to, span_str(s)));
		assert_string_equal(set_to.text, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(bad_local_parts),
		cmocka_unit_test(bad_domains),
		cmocka_unit_test(limits),
		cmocka_unit_test(paths),
		cmocka_unit_test(canonical_form),
		cmocka_unit_test(canonical_is_the_only_form_of_statements),
		cmocka_unit_test(the_fast_path_agrees),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
