/* header — one From field with one mailbox, whatever is tried; where a header ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/text/idn.h"
#include "proto/header.h"

static void
is_from(const char *header, const char *address)
{
	char from[ADDRESS_STR_BYTES];
	struct err e;

	if (!header_from(span_str(header), idn_a_label, from, &e))
		fail_msg("%s: %s", header, e.text);
	assert_string_equal(from, address);
}

static void
refused(const char *header, enum refusal why)
{
	char from[ADDRESS_STR_BYTES];
	struct err e;

	if (header_from(span_str(header), idn_a_label, from, &e))
		fail_msg("%s: taken as %s", header, from);
	if (e.why != why)
		fail_msg("%s: %s", header, refusal_word(e.why));
}

static void
one_mailbox(void **state)
{
	(void)state;
	is_from("From: alice@a.test\r\n\r\n", "alice@a.test");
	is_from("To: x@b.test\r\nFROM: Alice <alice@A.TEST>\r\n\r\n", "alice@a.test");
	is_from("From: \"bob@b.test, really\" <alice@a.test>\r\n\r\n", "alice@a.test");
	is_from("From: Alice\r\n <alice@a.test>\r\n\r\n", "alice@a.test");
}

static void
no_second_sender(void **state)
{
	(void)state;
	refused("To: x@b.test\r\n\r\n", REFUSAL_bad_message);
	refused("From: alice@a.test\r\nFrom: bob@b.test\r\n\r\n", REFUSAL_bad_message);
	refused("From: alice@a.test\r\nfrom: alice@a.test\r\n\r\n", REFUSAL_bad_message);
	refused("From: alice@a.test, bob@b.test\r\n\r\n", REFUSAL_bad_message);
	refused("From: <alice@a.test> <bob@b.test>\r\n\r\n", REFUSAL_bad_message);
	refused("From: Us: alice@a.test;\r\n\r\n", REFUSAL_bad_message);
}

static void
its_end(void **state)
{
	struct span h;

	(void)state;
	assert_true(header_find(SPAN_LIT("A: 1\r\n\r\nbody"), false, &h));
	assert_int_equal(h.n, 8);
	assert_false(header_find(SPAN_LIT("A: 1\r\n"), false, &h));
	assert_true(header_find(SPAN_LIT("A: 1\r\n"), true, &h));
	assert_int_equal(h.n, 6);
}

/* A summary has whole fields, and of a Subject that is too long its beginning: never half a character. */
static void
summary_of_a_long_subject(void **state)
{
	struct buf b = BUF_INIT;
	size_t n;

	(void)state;
	buf_addf(&b, "From: a@a.test\r\nSubject: Hello");
	for (int i = 0; i < 200; i++)
		buf_addf(&b, "%s \xc3\xa4\xc3\xa4", i % 10 == 0 ? "\r\n" : "");
	buf_addf(&b, "\r\nTo: b@b.test\r\n\r\n");
	for (size_t max = 40; max < 400; max++) {
		n = header_summary(buf_span(&b), max);
		assert_true(n >= 30 && n <= max && max - n < 10);
		assert_true(b.data[n] == ' ' || b.data[n] == '\r');
	}
	assert_int_equal(header_summary(buf_span(&b), 20), 16);
	assert_int_equal(header_summary(buf_span(&b), b.len), b.len);
	buf_reset(&b);
	buf_addf(&b, "Subject: Re: ");
	for (int i = 0; i < 200; i++)
		buf_addf(&b, "\xc3\xa4");
	buf_addf(&b, "\r\n\r\n");
	assert_int_equal(header_summary(buf_span(&b), 200), 199);
	assert_int_equal(header_summary(buf_span(&b), 201), 201);
	buf_reset(&b);
	buf_addf(&b, "From: %0300d@a.test\r\nSubject: x\r\n\r\n", 1);
	assert_int_equal(header_summary(buf_span(&b), 200), 0);
	buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_mailbox),
		cmocka_unit_test(no_second_sender),
		cmocka_unit_test(its_end),
		cmocka_unit_test(summary_of_a_long_subject),
	};

	return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
