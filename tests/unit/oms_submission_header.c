/* oms_submission_header — what is taken out of a user's header, what is added, and that all else stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "oms/submission/submission_header.h"

#define TRACE                                                                                      \
	"Received: by mx.a.test with ESMTPSA (TLSv1.3 X)\r\n"                                      \
	"\tid 00000000000000000000000000; Thu, 01 Jan 1970 00:00:00 +0000\r\n"
#define DATE "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
#define NAME "Message-ID: <00000000000000000000000000@a.test>\r\n"
#define BOTH "Date: x\r\nMessage-ID: y\r\n"

static void
becomes(const char *alias, const char *header, const char *want)
{
	const struct submission_trace t = { .host = "mx.a.test",
		.with = "ESMTPSA",
		.how = "TLSv1.3 X",
		.from = "user@a.test",
		.alias = alias,
		.address = "user@a.test" };
	struct buf out = BUF_INIT;

	submission_header(span_str(header), &t, &out);
	buf_add(&out, "", 1);
	assert_true(strncmp(out.data, TRACE, strlen(TRACE)) == 0);
	assert_string_equal(out.data + strlen(TRACE), want);
	buf_clear(&out);
}

static void
added(void **state)
{
	(void)state;
	becomes(NULL, "From: x\r\n\r\n", "From: x\r\n" DATE NAME "\r\n");
	becomes(NULL, "date : x\r\n\r\n", "date : x\r\n" NAME "\r\n");
	becomes(NULL, "MESSAGE-ID:\r\n\r\n", "MESSAGE-ID:\r\n" DATE "\r\n");
	becomes(NULL, "Subject: Date: x\r\n Message-ID: y\r\n\r\n",
	    "Subject: Date: x\r\n Message-ID: y\r\n" DATE NAME "\r\n");
	becomes(NULL, "\r\n", DATE NAME "\r\n");
	becomes(NULL, "", DATE NAME);
	/* A letter that is nothing but header. */
	becomes(NULL, "From: x\r\n", "From: x\r\n" DATE NAME);
}

static void
taken_out(void **state)
{
	(void)state;
	becomes(NULL,
	    BOTH "Bcc: a\r\nTo: b\r\nbcc : c,\r\n\td\r\n e\r\nResent-BCC:\r\nCc: f\r\n\r\n",
	    BOTH "To: b\r\nCc: f\r\n\r\n");
	becomes(NULL, BOTH "X-Bcc: a\r\nBccx: b\r\nSubject: x\r\n Bcc: c\r\n\r\n",
	    BOTH "X-Bcc: a\r\nBccx: b\r\nSubject: x\r\n Bcc: c\r\n\r\n");
}

static void
aliases(void **state)
{
	static const struct {
		const char *from, *want;
	} rows[] = {
		{ "From: root@mx.a.test", "From: user@a.test" },
		{ "from:root@mx.a.test", "from:user@a.test" },
		{ "From: \"Root\" <root@mx.a.test>", "From: \"Root\" <user@a.test>" },
		{ "From: Root\r\n <root@mx.a.test>", "From: Root\r\n <user@a.test>" },
		{ "From: root@mx.a.test (Root)", "From: user@a.test (Root)" },
		{ "From: xroot@mx.a.test", "From: xroot@mx.a.test" },
		{ "From: root@mx.a.test.example", "From: root@mx.a.test.example" },
		{ "From: a.root@mx.a.test", "From: a.root@mx.a.test" },
		{ "To: root@mx.a.test", "To: root@mx.a.test" },
		{ "From: other@a.test", "From: other@a.test" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf header = BUF_INIT, want = BUF_INIT;

		buf_addf(&header, BOTH "%s\r\n\r\n", rows[i].from);
		buf_addf(&want, BOTH "%s\r\n\r\n", rows[i].want);
		buf_add(&header, "", 1);
		buf_add(&want, "", 1);
		becomes("root@mx.a.test", header.data, want.data);
		becomes(NULL, header.data, header.data);
		buf_clear(&header);
		buf_clear(&want);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(added),
		cmocka_unit_test(taken_out),
		cmocka_unit_test(aliases),
	};

	return cmocka_run_group_tests_name("oms_submission_header", tests, NULL, NULL);
}
