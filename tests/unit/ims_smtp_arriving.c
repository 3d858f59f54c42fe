/* ims_smtp_arriving — a letter that comes by SMTP: what its header must be, where the body begins, what trace is put before
 * it and what is removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ims/smtp/smtp_arriving.h"
#include "proto/smtp/smtp_date.h"

#define FROM "From: eve@old.test\r\n"

/* Takes it in pieces of n octets; the body goes to *body. */
static bool
take(struct smtp_arriving *l, struct span letter, size_t n, struct buf *body, struct err *e)
{
	struct span piece;

	*l = (struct smtp_arriving) { .whole = false };
	for (size_t at = 0; at < letter.n; at += n) {
		smtp_arriving_take(l, span_sub(letter, at, n), &piece);
		buf_add(body, piece.p, piece.n);
	}
	return smtp_arriving_end(l, e);
}

/* Whole, and octet by octet. */
static void
assert_is(const char *letter, const char *header, enum refusal why)
{
	static const size_t sizes[] = { 1, 2, 7, 1 << 20 };
	struct span s = span_str(letter);

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct smtp_arriving l;
		struct buf body = BUF_INIT;
		struct err e = { .why = REFUSAL_NONE };

		if (take(&l, s, sizes[i], &body, &e) != (why == REFUSAL_NONE))
			fail_msg("%s: %s", letter, e.text);
		assert_int_equal(e.why, why);
		if (why == REFUSAL_NONE) {
			assert_int_equal(l.header.len, strlen(header));
			assert_memory_equal(l.header.data, header, l.header.len);
			assert_int_equal(body.len, s.n - l.header.len);
			assert_memory_equal(body.data != NULL ? body.data : "", s.p + l.header.len,
			    body.len);
		}
		buf_clear(&body);
		smtp_arriving_clear(&l);
	}
}

static void
headers(void **state)
{
	(void)state;
	assert_is(FROM "\r\nHello\r\n\r\nbody\r\n", FROM "\r\n", REFUSAL_NONE);
	assert_is(FROM "\r\n", FROM "\r\n", REFUSAL_NONE);
	assert_is(FROM, FROM, REFUSAL_NONE);
	assert_is("A: x\r\n\ty\r\nB : z\r\n" FROM "\r\n", "A: x\r\n\ty\r\nB : z\r\n" FROM "\r\n",
	    REFUSAL_NONE);
	assert_is("\r\n" FROM, "", REFUSAL_bad_message);
	assert_is("", "", REFUSAL_bad_message);
	assert_is(FROM FROM "\r\n", "", REFUSAL_bad_message);
	assert_is("From: a@b.test, c@d.test\r\n\r\n", "", REFUSAL_bad_message);
	assert_is("From: eve@[192.0.2.1]\r\n\r\n", "", REFUSAL_address_literal);
	assert_is("no field\r\n" FROM "\r\n", "", REFUSAL_bad_message);
	assert_is(" folded\r\n" FROM "\r\n", "", REFUSAL_bad_message);
	assert_is(": x\r\n" FROM "\r\n", "", REFUSAL_bad_message);
	assert_is("a b: x\r\n" FROM "\r\n", "", REFUSAL_bad_message);
	assert_is("gr\303\274n: x\r\n" FROM "\r\n", "", REFUSAL_bad_message);
}

static void
assert_many(const char *field, unsigned n, enum refusal why)
{
	struct buf letter = BUF_INIT, body = BUF_INIT;
	struct err e = { .why = REFUSAL_NONE };
	struct smtp_arriving l;

	for (unsigned i = 0; i < n; i++)
		buf_addf(&letter, "%s", field);
	buf_addf(&letter, FROM "\r\n");
	(void)take(&l, buf_span(&letter), 4096, &body, &e);
	assert_int_equal(e.why, why);
	buf_clear(&letter);
	buf_clear(&body);
	smtp_arriving_clear(&l);
}

static void
bounds(void **state)
{
	(void)state;
	assert_many("A: x\r\n", SMTP_FIELDS_MAX - 1, REFUSAL_NONE);
	assert_many("A: x\r\n", SMTP_FIELDS_MAX, REFUSAL_bad_message);
	assert_many("A: x\r\n", 100000, REFUSAL_bad_message);
	assert_many("rEceived: x\r\n", SMTP_HOPS_MAX, REFUSAL_NONE);
	assert_many("Received: x\r\n", SMTP_HOPS_MAX + 1, REFUSAL_too_many_hops);
}

static void
assert_long(size_t extra, enum refusal why)
{
	const struct span head = SPAN_LIT(FROM "A: "), foot = SPAN_LIT("\r\n\r\n");
	struct buf letter = BUF_INIT, body = BUF_INIT;
	struct err e = { .why = REFUSAL_NONE };
	struct smtp_arriving l;

	buf_add(&letter, head.p, head.n);
	while (letter.len + foot.n < HEADER_MAX_BYTES + extra)
		buf_add(&letter, "x", 1);
	buf_add(&letter, foot.p, foot.n);
	buf_add(&letter, "body\r\n", 6);
	(void)take(&l, buf_span(&letter), 1000, &body, &e);
	assert_int_equal(e.why, why);
	assert_true(l.header.cap <= 2 * HEADER_MAX_BYTES);
	buf_clear(&letter);
	buf_clear(&body);
	smtp_arriving_clear(&l);
}

static void
a_long_header(void **state)
{
	(void)state;
	assert_long(0, REFUSAL_NONE);
	assert_long(1, REFUSAL_bad_message);
	assert_long(10 << 20, REFUSAL_bad_message);
}

static void
dates(void **state)
{
	static const struct {
		const char *text;
		int64_t s;
	} cases[] = {
		{ "Mon, 30 Nov 2026 12:00:00 +0100", 1796036400 },
		{ " 1 Jan 1970 00:00 GMT", 0 },
		{ "Thu, 1 Jan 1970 00:00:00 +0001", -1 },
		{ "30 Nov 2026 11:00:00 -0030 (winter)", 1796038200 },
		{ "Mon,\r\n 30 nov 2026\r\n 11:00:60 Z", 1796036459 },
		{ "", -1 },
		{ "yesterday", -1 },
		{ "30 Nov 26 11:00:00 +0000", -1 },
		{ "31 Feb 2026 11:00:00 +0000", -1 },
		{ "30 Nov 2026 24:00:00 +0000", -1 },
		{ "30 Nov 2026 11:00:00 +00000", -1 },
		{ "30 Nov 2026 11:00:00 +0060", -1 },
		{ "30 Nov 2026 11:00:00", -1 },
		{ "30 Nov 99999999999 11:00:00 +0000", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t s;

		if (!smtp_date_read(span_str(cases[i].text), &s))
			s = -1;
		if (s != cases[i].s)
			fail_msg("%s: %lld", cases[i].text, (long long)s);
	}
}

static void
assert_head(const char *header, const struct smtp_trace *t, const char *wanted)
{
	struct buf body = BUF_INIT, out = BUF_INIT;
	struct smtp_arriving l;
	struct err e;

	assert_true(take(&l, span_str(header), 1 << 20, &body, &e));
	smtp_arriving_head(&l, t, &out);
	buf_add(&out, "", 1);
	assert_string_equal(out.data, wanted);
	buf_clear(&out);
	buf_clear(&body);
	smtp_arriving_clear(&l);
}

static void
trace(void **state)
{
	struct ulid id = { { 0 } };
	struct smtp_trace t = { .name = "mx.a.test",
		.from = "eve@old.test",
		.ehlo = SPAN_LIT("mx.old.test"),
		.address = "2001:db8::1",
		.version = "TLSv1.3",
		.suite = "S",
		.extended = true,
		.id = &id,
		.to = "bob@a.test",
		.results = SPAN_LIT("spf=pass; dkim=none"),
		.mark = "",
		.now_s = 1796036400 };

	(void)state;
	assert_head("RETURN-path: <x>\r\n\tx\r\nTillcalled-x: y\r\n"
		    "Authentication-Results: mx.old.test; a=b\r\n"
		    "authentication-results:\r\n (a (b\\) c)) MX.a.test ; a=b\r\n"
		    "Authentication-Results: \"mx.a.test\"; a=b\r\n"
		    "Authentication-Results: (open\r\n" FROM "\r\n",
	    &t,
	    "Return-Path: <eve@old.test>\r\n"
	    "Authentication-Results: mx.a.test;\r\n\tspf=pass;\r\n\tdkim=none\r\n"
	    "Received: from mx.old.test ([IPv6:2001:db8::1])\r\n"
	    "\tby mx.a.test with ESMTPS\r\n"
	    "\t(TLSv1.3 S) id 00000000000000000000000000\r\n"
	    "\tfor <bob@a.test>;\r\n"
	    "\tMon, 30 Nov 2026 11:00:00 +0000\r\n"
	    "Authentication-Results: mx.old.test; a=b\r\n" FROM "\r\n");
	t.from = "";
	t.to = NULL;
	t.address = "192.0.2.1";
	t.mark = "no-certificate";
	t.extended = false;
	t.ehlo = SPAN_LIT("my;(mx)\303\274");
	assert_head(FROM, &t,
	    "Return-Path: <>\r\n"
	    "Authentication-Results: mx.a.test;\r\n\tspf=pass;\r\n\tdkim=none\r\n"
	    "Received: from my??mx??? ([192.0.2.1])\r\n"
	    "\tby mx.a.test with SMTPS\r\n"
	    "\t(TLSv1.3 S) id 00000000000000000000000000;\r\n"
	    "\tMon, 30 Nov 2026 11:00:00 +0000\r\n"
	    "Tillcalled-Mark: unaccountable (no-certificate)\r\n" FROM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(bounds),
		cmocka_unit_test(a_long_header),
		cmocka_unit_test(dates),
		cmocka_unit_test(trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
