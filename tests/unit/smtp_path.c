/* smtp_path — paths of RFC 5321, what is read of them and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/smtp/smtp_path.h"

typedef bool path_fn(struct span *rest, struct smtp_path *path, struct err *e);

/* `in` is a path and what follows it. */
static void
gives(path_fn *parse, const char *in, enum smtp_path_kind kind, const char *canonical,
    const char *after)
{
	struct span rest = span_str(in);
	char out[ADDRESS_STR_BYTES];
	struct smtp_path path;
	struct err e = { 0 };

	if (!parse(&rest, &path, &e))
		fail_msg("%s: %s", in, e.text);
	assert_int_equal(path.kind, kind);
	assert_true(smtp_path_canonical(&path, NULL, out, &e));
	assert_string_equal(out, canonical);
	assert_true(span_eq(rest, span_str(after)));
}

static void
refused(path_fn *parse, const char *in, enum refusal why)
{
	struct span rest = span_str(in);
	struct smtp_path path;
	struct err e = { 0 };

	if (parse(&rest, &path, &e))
		fail_msg("%s: taken", in);
	if (e.why != why)
		fail_msg("%s: %d, not %d: %s", in, e.why, why, e.text);
	assert_true(span_eq(rest, span_str(in)));
}

static void
a_mailbox_is_read(void **state)
{
	static const struct {
		const char *in, *canonical, *after;
	} good[] = {
		{ "<a@b.test>", "a@b.test", "" },
		{ "<A.b+c@B.TEST> SIZE=1", "A.b+c@b.test", " SIZE=1" },
		{ "<a@b.test>>", "a@b.test", ">" },
		{ "<@x.test:a@b.test>", "a@b.test", "" },
		{ "<@x.test,@y.test:a@b.test>", "a@b.test", "" },
		{ "<\"a\"@b.test>", "a@b.test", "" },
		{ "<\"\\a\"@b.test>", "a@b.test", "" },
		{ "<\"a b\"@b.test>", "\"a b\"@b.test", "" },
		{ "<\"a\\ b\"@b.test>", "\"a b\"@b.test", "" },
		{ "<\"a\\\"b\\\\\"@b.test>", "\"a\\\"b\\\\\"@b.test", "" },
		{ "<\"\"@b.test>", "\"\"@b.test", "" },
		{ "<\"a@x.test>\"@b.test>", "\"a@x.test>\"@b.test", "" },
		{ "<\"a..b\"@b.test>", "\"a..b\"@b.test", "" },
		{ "<j\xc3\xb6rg@b.test>", "j\xc3\xb6rg@b.test", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		gives(smtp_path_reverse, good[i].in, SMTP_PATH_MAILBOX, good[i].canonical,
		    good[i].after);
		gives(smtp_path_forward, good[i].in, SMTP_PATH_MAILBOX, good[i].canonical,
		    good[i].after);
	}
}

static void
each_side_has_a_path_of_its_own(void **state)
{
	(void)state;
	gives(smtp_path_reverse, "<> BODY=7BIT", SMTP_PATH_NULL, "", " BODY=7BIT");
	gives(smtp_path_forward, "<postMASTER>", SMTP_PATH_POSTMASTER, "", "");
	refused(smtp_path_forward, "<>", REFUSAL_bad_address);
	refused(smtp_path_reverse, "<Postmaster>", REFUSAL_bad_address);
}

static void
what_is_no_path_is_refused(void **state)
{
	static const char *const bad[] = { "", "a@b.test", "<", "<a@b.test", "<a@b.test >",
		" <a@b.test>", "<a>", "<@b.test>", "<a b@b.test>", "<a..b@b.test>", "<.a@b.test>",
		"<a.@b.test>", "<\"a@b.test>", "<\"a\"b@b.test>", "<\"a\\\"@b.test>",
		"<\"a\tb\"@b.test>", "<\"a\\\xc3\xb6\"@b.test>", "<@x.test,y.test:a@b.test>",
		"<@x.test,:a@b.test>", "<a\r@b.test>", "<a\xc3@b.test>", "<(c)a@b.test>",
		"<<a@b.test>>" };
	static const char *const domains[] = { "<a@>", "<@x.test a@b.test>", "<a@b>", "<a@b..test>",
		"<a@-b.test>", "<a@b.test.>", "<a@b@c.test>", "<a@b_c.test>", "<@:a@b.test>",
		"<a@b.test\n>", "<\"a\"@b c.test>" };
	static const char *const literals[] = { "<a@[192.0.2.1]>", "<a@[IPv6:2001:db8::1]>",
		"<a@192.0.2.1>", "<@[192.0.2.1]:a@b.test>" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		refused(smtp_path_reverse, bad[i], REFUSAL_bad_address);
	for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++)
		refused(smtp_path_forward, domains[i], REFUSAL_bad_domain);
	for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++)
		refused(smtp_path_forward, literals[i], REFUSAL_address_literal);
}

/* `over` octets more than the most: -1, 0, 1. */
static void
a_path_has_254_octets(void **state)
{
	(void)state;
	for (int over = -1; over <= 1; over++) {
		char in[ADDRESS_MAX + 16], local[ADDRESS_MAX + 2];
		int n = ADDRESS_MAX - (int)sizeof "@b.test" + 1 + over;

		memset(local, 'a', (size_t)n);
		local[n] = '\0';
		snprintf(in, sizeof in, "<%s@b.test>", local);
		if (over > 0) {
			refused(smtp_path_reverse, in, REFUSAL_bad_address);
			continue;
		}
		snprintf(local + n, sizeof local - (size_t)n, "@b.test");
		gives(smtp_path_reverse, in, SMTP_PATH_MAILBOX, local, "");
	}
}

static void
a_route_has_256_octets(void **state)
{
	(void)state;
	for (int over = -1; over <= 1; over++) {
		char in[SMTP_ROUTE_MAX + 32] = "<";
		size_t n = 1;

		for (; n + 9 < SMTP_ROUTE_MAX - 9; n += 8)
			memcpy(in + n, "@x.test,", 8);
		snprintf(in + n, sizeof in - n, "@%0*d.test:a@b.test>",
		    SMTP_ROUTE_MAX + over - (int)n - 5, 0);
		if (over > 0)
			refused(smtp_path_forward, in, REFUSAL_bad_address);
		else
			gives(smtp_path_forward, in, SMTP_PATH_MAILBOX, "a@b.test", "");
	}
}

/* Its domain grows where it is written in A-labels. */
static bool
grows(struct span domain, struct domain *out, struct err *e)
{
	(void)domain, (void)e;
	return domain_set(out, SPAN_LIT("xn--a-domain-that-is-longer-than-it-was.test"));
}

static void
the_canonical_form_is_bounded_too(void **state)
{
	char in[ADDRESS_MAX + 3] = "<", out[ADDRESS_STR_BYTES];
	struct span rest;
	struct smtp_path path;
	struct err e = { 0 };

	(void)state;
	memset(in + 1, 'a', ADDRESS_MAX - 8);
	memcpy(in + 1 + ADDRESS_MAX - 8, "@\xc3\xb6.test>", 10);
	rest = span_str(in);
	assert_true(smtp_path_reverse(&rest, &path, &e));
	assert_true(smtp_path_is_utf8(&path));
	assert_false(smtp_path_canonical(&path, grows, out, &e));
	assert_int_equal(e.why, REFUSAL_bad_address);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mailbox_is_read),
		cmocka_unit_test(each_side_has_a_path_of_its_own),
		cmocka_unit_test(what_is_no_path_is_refused),
		cmocka_unit_test(a_path_has_254_octets),
		cmocka_unit_test(a_route_has_256_octets),
		cmocka_unit_test(the_canonical_form_is_bounded_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
