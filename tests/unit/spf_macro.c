/* spf_macro — RFC 7208 7.4's own examples, transformers, cutting, and hostile lengths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/spf/spf_macro.h"
#include "common/text/address_scope.h"

static struct spf_macro_env
env_of(const char *ip)
{
	struct spf_macro_env env = { .local = SPAN_LIT("strong-bad"),
		.sender_domain = SPAN_LIT("email.example.com"),
		.domain = SPAN_LIT("email.example.com"),
		.helo = SPAN_LIT("mx.example.org"),
		.validated = SPAN_LIT("mx.example.org") };

	assert_true(address_scope_parse(span_str(ip), 0, &env.client));
	return env;
}

static void
gives(const char *ip, const char *spec, const char *want)
{
	struct spf_macro_env env = env_of(ip);
	char out[DNS_NAME_BYTES];

	assert_true(spf_macro_string_valid(span_str(spec), false));
	spf_macro_expand(span_str(spec), &env, out);
	if (strcmp(out, want) != 0)
		fail_msg("%s: %s, not %s", spec, out, want);
}

static void
examples(void **state)
{
	static const char *const rows[][2] = {
		{ "%{s}", "strong-bad@email.example.com" },
		{ "%{o}", "email.example.com" },
		{ "%{d}", "email.example.com" },
		{ "%{d4}", "email.example.com" },
		{ "%{d3}", "email.example.com" },
		{ "%{d2}", "example.com" },
		{ "%{d1}", "com" },
		{ "%{dr}", "com.example.email" },
		{ "%{d2r}", "example.email" },
		{ "%{l}", "strong-bad" },
		{ "%{l-}", "strong.bad" },
		{ "%{lr}", "strong-bad" },
		{ "%{lr-}", "bad.strong" },
		{ "%{l1r-}", "strong" },
		{ "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com" },
		{ "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com" },
		{ "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
		    "bad.strong.lp.3.2.0.192.in-addr._spf.example.com" },
		{ "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
		    "3.2.0.192.in-addr.strong.lp._spf.example.com" },
		{ "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		gives("192.0.2.3", rows[i][0], rows[i][1]);
	gives("2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}",
	    "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "8.b.d.0.1.0.0.2.ip6._spf.example.com");
}

static void
transformers(void **state)
{
	static const char *const rows[][2] = {
		{ "%{S}.x", "strong-bad%40email.example.com.x" },
		{ "%{D2R}", "example.email" },
		{ "%%%_%-a.b", "% %20a.b" },
		{ "%{h}", "mx.example.org" },
		{ "%{p1}.q", "org.q" },
		{ "%{d127}", "email.example.com" },
		{ "%{d18446744073709551617}", "email.example.com" },
		{ "%{d001}", "com" },
		{ "%{l+-}", "strong.bad" },
		{ "%{d=}", "email.example.com" },
		{ "a.%{d}.", "a.email.example.com" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		gives("192.0.2.3", rows[i][0], rows[i][1]);
}

static void
uses(void **state)
{
	struct spf_macro_env env = env_of("192.0.2.3");
	char out[DNS_NAME_BYTES];

	(void)state;
	spf_macro_expand(SPAN_LIT("%{d}%{o}%{i}%{v}%{p}"), &env, out);
	assert_false(env.used_local || env.used_helo);
	spf_macro_expand(SPAN_LIT("%{H}"), &env, out);
	assert_true(env.used_helo && !env.used_local);
	spf_macro_expand(SPAN_LIT("%{s}"), &env, out);
	assert_true(env.used_local);
	assert_true(spf_macro_has(SPAN_LIT("a%{P1r-}.b"), 'p'));
	assert_false(spf_macro_has(SPAN_LIT("p.%%{p}"), 'p'));
}

/* The name is what a slow and simple reading of RFC 7208 7.3 gives. */
static void
cuts(void **state)
{
	struct spf_macro_env env = env_of("192.0.2.3");
	char out[DNS_NAME_BYTES];
	struct buf spec = BUF_INIT;

	(void)state;
	for (int labels = 1; labels < 300; labels++) {
		size_t from = 0;

		buf_reset(&spec);
		for (int i = 0; i < labels; i++)
			buf_addf(&spec, "%s%0*d", i > 0 ? "." : "", 1 + i * 7 % 20, i);
		while (spec.len - from > 253)
			from += (size_t)((const char *)memchr(spec.data + from, '.',
					     spec.len - from) -
				    (spec.data + from)) +
			    1;
		spf_macro_expand(buf_span(&spec), &env, out);
		assert_true(span_eq(span_str(out), span_sub(buf_span(&spec), from, spec.len)));
	}
	buf_clear(&spec);
}

static void
hostile(void **state)
{
	struct spf_macro_env env = env_of("192.0.2.3");
	char out[DNS_NAME_BYTES], local[512];
	struct buf spec = BUF_INIT;

	(void)state;
	memset(local, '&', sizeof(local));
	env.local = span_of(local, sizeof(local));
	for (int i = 0; i < 127; i++)
		buf_addf(&spec, "%%{L}");
	spf_macro_expand(buf_span(&spec), &env, out);
	assert_string_equal(out, ""); /* one endless label */
	buf_addf(&spec, ".a.test");
	spf_macro_expand(buf_span(&spec), &env, out);
	assert_string_equal(out, "a.test");
	buf_reset(&spec);
	buf_addf(&spec, "%%{d}%03000d.b.test", 0);
	spf_macro_expand(buf_span(&spec), &env, out);
	assert_string_equal(out, "b.test");
	buf_clear(&spec);
	env.local = span_of("a\0b", 3);
	spf_macro_expand(SPAN_LIT("%{l}.test"), &env, out);
	assert_string_equal(out, "");
	memset(local, '.', sizeof(local));
	env.local = span_of(local, sizeof(local));
	spf_macro_expand(SPAN_LIT("%{lr}"), &env, out);
	assert_true(strlen(out) <= DNS_NAME_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples),
		cmocka_unit_test(transformers),
		cmocka_unit_test(uses),
		cmocka_unit_test(cuts),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests_name("spf_macro", tests, NULL, NULL);
}
