/* spf_record — the grammar: what is taken, what it means, what is refused, and in linear time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/spf/spf_record.h"

static struct spf_record
taken(const char *text)
{
	struct spf_record r;
	struct err e;

	assert_true(spf_record_is(span_str(text)));
	if (!spf_record_parse(&r, span_str(text), &e))
		fail_msg("%s: %s", text, e.text);
	return r;
}

static void
refused(const char *terms)
{
	struct spf_record r;
	struct err e;
	struct buf b = BUF_INIT;

	buf_addf(&b, "v=spf1 %s", terms);
	if (spf_record_parse(&r, buf_span(&b), &e))
		fail_msg("taken: %s", terms);
	assert_int_equal(e.why, REFUSAL_spf_permerror);
	assert_null(r.terms);
	buf_clear(&b);
}

static void
versions(void **state)
{
	(void)state;
	assert_true(spf_record_is(SPAN_LIT("v=spf1")));
	assert_true(spf_record_is(SPAN_LIT("V=SPF1 ")));
	assert_false(spf_record_is(SPAN_LIT("v=spf10")));
	assert_false(spf_record_is(SPAN_LIT("v=spf1\t")));
	assert_false(spf_record_is(SPAN_LIT("v=spf")));
	assert_false(spf_record_is(SPAN_LIT("")));
	assert_false(spf_record_is(SPAN_LIT(" v=spf1")));
}

static void
meaning(void **state)
{
	struct spf_record r = taken(
	    "v=spf1  a:%{d}/24//64 ~ip4:192.0.2.0/25 ?ip6:2001:db8::/32"
	    " -include:x.test MX PTR:y.test all redirect=z.test exp=t.test ");

	(void)state;
	assert_int_equal(r.n, 7);
	assert_int_equal(r.terms[0].kind, SPF_A);
	assert_int_equal(r.terms[0].qualifier, '+');
	assert_true(span_eq(r.terms[0].domain, SPAN_LIT("%{d}")));
	assert_int_equal(r.terms[0].bits4, 24);
	assert_int_equal(r.terms[0].bits6, 64);
	assert_int_equal(r.terms[1].kind, SPF_IP4);
	assert_int_equal(r.terms[1].qualifier, '~');
	assert_int_equal(r.terms[1].bits4, 25);
	assert_memory_equal(r.terms[1].address, "\xc0\x00\x02\x00", 4);
	assert_int_equal(r.terms[2].bits6, 32);
	assert_int_equal(r.terms[3].kind, SPF_INCLUDE);
	assert_int_equal(r.terms[4].bits4, 32);
	assert_int_equal(r.terms[4].bits6, 128);
	assert_int_equal(r.terms[5].kind, SPF_PTR);
	assert_int_equal(r.terms[6].kind, SPF_ALL);
	assert_true(span_eq(r.redirect, SPAN_LIT("z.test")));
	assert_true(span_eq(r.exp, SPAN_LIT("t.test")));
	spf_record_clear(&r);
	r = taken("v=spf1");
	assert_int_equal(r.n, 0);
	spf_record_clear(&r);
}

static void
lengths(void **state)
{
	static const char *const good[] = { "a/0", "a/32", "a//0", "a//128", "a/0//0", "mx/9//99",
		"a:b.c/32//128", "a:b/c.d/1" };
	static const char *const bad[] = { "a/33", "a/032", "a/00", "a//129", "a//064", "a/", "a//",
		"a/0/0", "a//0/0", "a///0", "a/-1", "a/+1", "a/1a", "a:b.c//", "a:b.c/", "a:b.c/33",
		"a:b.c/999999999999", "ip4:1.2.3.4//", "ip4:1.2.3.4/33", "ip6:::/129", "ip6:::/0/0",
		"ptr/24", "all/0", "exists:a.b/24", "include:a.b/24", "redirect=a.b/24" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct buf b = BUF_INIT;
		struct spf_record r;

		buf_addf(&b, "v=spf1 %s%c", good[i], 0);
		r = taken(b.data);
		spf_record_clear(&r);
		buf_clear(&b);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i]);
}

static void
out_of_grammar(void **state)
{
	static const char *const bad[] = { "foo", "+", "-", "+redirect=a.b", "=", "=a", "1=a",
		"a:", "a:b", "a:b.", "a:.", "a:b..", "a:b.1", "a:b.-c", "a:b.c-", "a:b.c_d",
		"a:%{d}x", "a:%{d}.", "a:%", "a:%a.b", "a:%{", "a:%{}", "a:%{z}", "a:%{d",
		"a:%{d0}", "a:%{d00}", "a:%{rd}", "a:%{d-1}", "a:%{c}", "a:%{R}", "a:%{T}.b",
		"all:", "all.", "include", "include:", "exists", "exists:", "ip4", "ip4:", "ip4:1",
		"ip4:a.b", "ip4:1.2.3.4.5", "ip4:01.2.3.4", "ip6", "ip6:", "ip6:1.2.3.4",
		"ip6:1::2::3", "ip6:12345::", "redirect", "redirect=", "redirect:a.b",
		"exp=", "exp=a", "exp=a.b exp=a.b", "redirect=a.b redirect=a.b", "x=%", "x=%{z}",
		"x=a%b", "a:b.c\t", "a:\x7f.c", "a:\x80.c", "a\x01" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(bad[i]);
}

/* The longest term: what comes before the last label is macros. */
static void
long_term(struct buf *b, size_t octets)
{
	buf_reset(b);
	buf_addf(b, "v=spf1 a:");
	while (b->len < strlen("v=spf1 ") + octets - strlen("%{d}.ab"))
		buf_addf(b, "%%{d}");
	while (b->len < strlen("v=spf1 ") + octets - strlen(".ab"))
		buf_addf(b, "x");
	buf_addf(b, ".ab");
}

static void
terms_are_bounded(void **state)
{
	struct buf b = BUF_INIT;
	struct spf_record r;
	struct err e;

	(void)state;
	for (size_t n = SPF_TERM_MAX - 1; n <= SPF_TERM_MAX + 1; n++) {
		long_term(&b, n);
		assert_int_equal(b.len, strlen("v=spf1 ") + n);
		assert_int_equal(spf_record_parse(&r, buf_span(&b), &e), n <= SPF_TERM_MAX);
		spf_record_clear(&r);
	}
	assert_int_equal(e.why, REFUSAL_spf_permerror);
	assert_non_null(strstr(e.text, "a term is too long"));
	buf_clear(&b);
}

/* A DNS answer holds 65,535 octets: the most terms they can make. */
static void
huge(void **state)
{
	struct buf b = BUF_INIT;
	struct spf_record r;
	struct err e;

	(void)state;
	buf_addf(&b, "v=spf1");
	for (int i = 0; i < SPF_RECORD_TERMS_MAX; i++)
		buf_addf(&b, " mx");
	assert_true(spf_record_parse(&r, buf_span(&b), &e));
	assert_int_equal(r.n, SPF_RECORD_TERMS_MAX);
	spf_record_clear(&r);
	buf_addf(&b, " mx");
	assert_false(spf_record_parse(&r, buf_span(&b), &e));
	buf_reset(&b);
	buf_addf(&b, "v=spf1%60000s", "");
	assert_true(spf_record_parse(&r, buf_span(&b), &e));
	assert_int_equal(r.n, 0);
	spf_record_clear(&r);
	buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),
		cmocka_unit_test(meaning),
		cmocka_unit_test(lengths),
		cmocka_unit_test(out_of_grammar),
		cmocka_unit_test(terms_are_bounded),
		cmocka_unit_test(huge),
	};

	return cmocka_run_group_tests_name("spf_record", tests, NULL, NULL);
}
