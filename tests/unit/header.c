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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_mailbox),
		cmocka_unit_test(no_second_sender),
		cmocka_unit_test(its_end),
	};

	return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
