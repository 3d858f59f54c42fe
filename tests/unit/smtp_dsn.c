/* dsn — delivery reports as they are written, and as others write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/smtp/dsn.h"

/* clang-format off */
/* RFC 3464, appendix E, example 1. */
static const char vax[] =
	"Reporting-MTA: dns; cs.utk.edu\r\n"
	"\r\n"
	"Original-Recipient: rfc822;louisl@larry.slip.umd.edu\r\n"
	"Final-Recipient: rfc822;louisl@larry.slip.umd.edu\r\n"
	"Action: failed\r\n"
	"Status: 4.0.0\r\n"
	"Diagnostic-Code: smtp; 426 connection timed out\r\n"
	"Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400\r\n";

/* Folds, comments, fields of no meaning, empty lines, groups without a recipient. */
static const char folded[] =
	"original-envelope-id: 01JDZ5TPB4M4Q8W1RZ9H1V6K3C\r\n"
	"X-Postfix-Queue-ID: 7\r\n"
	"Reporting-MTA : dns;\r\n\tmx.old.test\r\n"
	"\r\n\r\n"
	"Final-Recipient: RFC822; <bob@old.test>\r\n"
	"Action: Delayed\r\n"
	"Status: 4.4.1 (no answer)\r\n"
	"Remote-MTA: DNS; in.old.test\r\n"
	"Diagnostic-Code: smtp; 451 4.4.1\r\n  not \001 now\r\n"
	"\r\n"
	"X-Nothing: here\r\n"
	"\r\n"
	"Final-Recipient: rfc822; carl@old.test\r\n"
	"Action: exploded\r\n"
	"\r\n"
	"Final-Recipient: utf-8; d\303\266ra@old.test\r\n"
	"Action: failed\r\n"
	"Status: 5.1\r\n"
	"Diagnostic-Code: x-unix; 550 5.1.1 nobody\r\n"
	"\r\n"
	"Final-Recipient: x400; c=de\r\n"
	"Action: relayed";
/* clang-format on */

static void
others(void **state)
{
	struct dsn_message m;
	struct dsn_reader r;
	struct dsn_recipient one;
	struct err e;

	(void)state;
	assert_true(dsn_read(span_str(vax), &m, &r, &e));
	assert_string_equal(m.reporting, "cs.utk.edu");
	assert_string_equal(m.envelope, "");
	assert_true(dsn_read_recipient(&r, &one));
	assert_string_equal(one.address, "louisl@larry.slip.umd.edu");
	assert_string_equal(one.original, one.address);
	assert_int_equal(one.action, DSN_FAILED);
	assert_string_equal(one.status, "4.0.0");
	assert_string_equal(one.diagnostic, "426 connection timed out");
	assert_false(dsn_read_recipient(&r, &one));

	assert_true(dsn_read(span_str(folded), &m, &r, &e));
	assert_string_equal(m.envelope, "01JDZ5TPB4M4Q8W1RZ9H1V6K3C");
	assert_string_equal(m.reporting, "mx.old.test");
	assert_true(dsn_read_recipient(&r, &one));
	assert_string_equal(one.address, "bob@old.test");
	assert_int_equal(one.action, DSN_DELAYED);
	assert_string_equal(one.status, "4.4.1");
	assert_string_equal(one.remote, "in.old.test");
	assert_string_equal(one.diagnostic, "451 4.4.1 not ? now");
	assert_true(dsn_read_recipient(&r, &one));
	assert_string_equal(one.address, "d\303\266ra@old.test");
	assert_string_equal(one.status, "");
	assert_string_equal(one.diagnostic, "");
	assert_true(dsn_read_recipient(&r, &one));
	assert_string_equal(one.address, "");
	assert_int_equal(one.action, DSN_RELAYED);
	assert_false(dsn_read_recipient(&r, &one));
}

static void
no_reports(void **state)
{
	static const char *const texts[] = { "", "\r\n", "Action: failed\r\n", "what",
		"\r\nReporting-MTA: dns; a.test\r\n" };
	struct dsn_message m;
	struct dsn_reader r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_false(dsn_read(span_str(texts[i]), &m, &r, &e));
		assert_int_equal(e.why, REFUSAL_bad_message);
	}
}

static void
written(void **state)
{
	const struct dsn_message m = { "01JDZ5TPB4M4Q8W1RZ9H1V6K3C", "oms.a.test", 1795737600 };
	const struct dsn_recipient one = { .address = "bob@old.test",
		.action = DSN_DELAYED,
		.status = "4.4.1",
		.remote = "mx.old.test",
		.diagnostic = "451 4.4.1 not now",
		.retry_until_s = 1795737600 + 5 * 86400 };
	const struct dsn_recipient two = { .address = "d\303\266ra@old.test",
		.original = "dora@old.test",
		.action = DSN_FAILED,
		.status = "5.1.1" };
	struct buf b = BUF_INIT;
	struct dsn_message m2;
	struct dsn_recipient again;
	struct dsn_reader r;
	struct err e;

	(void)state;
	dsn_add_message(&b, &m);
	dsn_add_recipient(&b, &one);
	dsn_add_recipient(&b, &two);
	assert_true(dsn_read(buf_span(&b), &m2, &r, &e));
	assert_string_equal(m2.envelope, m.envelope);
	assert_string_equal(m2.reporting, m.reporting);
	assert_true(dsn_read_recipient(&r, &again));
	again.retry_until_s = one.retry_until_s;
	assert_memory_equal(&again.action, &one.action, sizeof one.action);
	assert_string_equal(again.address, one.address);
	assert_string_equal(again.status, one.status);
	assert_string_equal(again.remote, one.remote);
	assert_string_equal(again.diagnostic, one.diagnostic);
	assert_true(dsn_read_recipient(&r, &again));
	assert_string_equal(again.address, two.address);
	assert_string_equal(again.original, two.original);
	assert_false(dsn_read_recipient(&r, &again));
	buf_add(&b, "", 1);
	assert_string_equal(b.data,
	    "Original-Envelope-Id: 01JDZ5TPB4M4Q8W1RZ9H1V6K3C\r\n"
	    "Reporting-MTA: dns; oms.a.test\r\n"
	    "Arrival-Date: Fri, 27 Nov 2026 00:00:00 +0000\r\n"
	    "\r\n"
	    "Final-Recipient: rfc822; bob@old.test\r\n"
	    "Action: delayed\r\n"
	    "Status: 4.4.1\r\n"
	    "Remote-MTA: dns; mx.old.test\r\n"
	    "Diagnostic-Code: smtp; 451 4.4.1 not now\r\n"
	    "Will-Retry-Until: Wed, 02 Dec 2026 00:00:00 +0000\r\n"
	    "\r\n"
	    "Original-Recipient: rfc822; dora@old.test\r\n"
	    "Final-Recipient: utf-8; d\303\266ra@old.test\r\n"
	    "Action: failed\r\n"
	    "Status: 5.1.1\r\n");
	buf_clear(&b);
}

/* A peer's words do not become fields. */
static void
no_field_of_a_peers(void **state)
{
	struct dsn_recipient one = {
		.address = "bob@old.test",
		.action = DSN_FAILED,
		.diagnostic = "550 no\r\nAction: delivered\r\n\r\nFinal-Recipient: rfc822; x@y.test"
	};
	struct dsn_message m = { .reporting = "oms.a.test" };
	struct dsn_reader r;
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	dsn_add_message(&b, &m);
	dsn_add_recipient(&b, &one);
	assert_true(dsn_read(buf_span(&b), &m, &r, &e));
	assert_true(dsn_read_recipient(&r, &one));
	assert_string_equal(dsn_action_text(one.action), "failed");
	assert_string_equal(one.diagnostic,
	    "550 no??Action: delivered????Final-Recipient: rfc822; x@y.test");
	assert_false(dsn_read_recipient(&r, &one));
	buf_clear(&b);
}

static void
bounds(void **state)
{
	struct buf b = BUF_INIT;
	struct dsn_message m;
	struct dsn_recipient one;
	struct dsn_reader r;
	size_t n = 0;
	struct err e;

	(void)state;
	for (int more = 0; more < 2; more++) {
		buf_reset(&b);
		buf_addf(&b, "Reporting-MTA: dns; a.test\r\nOriginal-Envelope-Id: %0*d\r\n",
		    DSN_ENVELOPE_BYTES - 1 + more, 7);
		buf_addf(&b, "\r\nAction: failed\r\nFinal-Recipient: rfc822; %0*d@b.test\r\n",
		    ADDRESS_MAX - 7 + more, 7);
		assert_true(dsn_read(buf_span(&b), &m, &r, &e));
		assert_int_equal(strlen(m.envelope), more ? 0 : DSN_ENVELOPE_BYTES - 1);
		assert_true(dsn_read_recipient(&r, &one));
		assert_int_equal(strlen(one.address), more ? 0 : ADDRESS_MAX);
	}
	buf_reset(&b);
	buf_addf(&b, "Reporting-MTA: dns; a.test\r\n");
	for (int i = 0; i < DSN_RECIPIENTS_MAX + 1; i++)
		buf_addf(&b, "\r\nFinal-Recipient: rfc822; a@b.test\r\nAction: failed\r\n");
	assert_true(dsn_read(buf_span(&b), &m, &r, &e));
	while (dsn_read_recipient(&r, &one))
		n++;
	assert_int_equal(n, DSN_RECIPIENTS_MAX);
	buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others),
		cmocka_unit_test(no_reports),
		cmocka_unit_test(written),
		cmocka_unit_test(no_field_of_a_peers),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests_name("smtp_dsn", tests, NULL, NULL);
}
