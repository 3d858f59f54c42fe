/* smtp_reply — replies within their bounds are written and read; others end the session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/smtp/smtp_reply.h"

/* -- writing ------------------------------------------------------------------------------------ */

static void
wrote(struct buf *out, const char *want)
{
	assert_int_equal(out->len, strlen(want));
	assert_memory_equal(out->data, want, out->len);
	buf_clear(out);
}

static void
lines_are_written(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	smtp_reply_addf(&out, false, 220, NULL, "%s ESMTP", "mx.a.test");
	wrote(&out, "220 mx.a.test ESMTP\r\n");
	smtp_reply_addf(&out, true, 250, NULL, "SIZE");
	smtp_reply_addf(&out, false, 250, "2.1.0", "ok");
	wrote(&out, "250-SIZE\r\n250 2.1.0 ok\r\n");
	smtp_reply_addf(&out, false, 250, "2.1.0", "j\xc3\xb6rg\r\n\xff");
	wrote(&out, "250 2.1.0 j?rg???\r\n");
}

static void
a_refusal_has_its_word_and_whom_to_ask(void **state)
{
	struct buf out = BUF_INIT;
	struct err e;

	(void)state;
	err_set(&e, REFUSAL_address_literal, "not here");
	smtp_reply_add_refusal(&out, &e, NULL);
	wrote(&out, "553 5.1.3 [address-literal] not here\r\n");
	smtp_reply_add_refusal(&out, &e, "https://a.test/mail");
	wrote(&out, "553-5.1.3 [address-literal] not here\r\n553 5.1.3 https://a.test/mail\r\n");
	err_set(&e, REFUSAL_usage, "a secret of ours");
	smtp_reply_add_refusal(&out, &e, NULL);
	assert_null(memmem(out.data, out.len, "secret", 6));
	assert_memory_equal(out.data, "4", 1);
	buf_clear(&out);
}

static void
a_written_line_has_512_octets(void **state)
{
	char text[SMTP_REPLY_LINE_MAX + 1];

	(void)state;
	for (int over = -1; over <= 1; over++) {
		size_t n = (size_t)(SMTP_REPLY_LINE_MAX - 6 + over);
		struct buf out = BUF_INIT;

		memset(text, 'x', n);
		text[n] = '\0';
		smtp_reply_addf(&out, false, 250, NULL, "%s", text);
		assert_int_equal(out.len, SMTP_REPLY_LINE_MAX + (over < 0 ? over : 0));
		assert_memory_equal(out.data + out.len - 2, "\r\n", 2);
		buf_clear(&out);
	}
}

/* -- reading ------------------------------------------------------------------------------------ */

/* The whole of `in`, octet by octet or at once. */
static enum smtp_reply_result
read_all(struct span in, bool slowly, struct smtp_reply *r, struct err *e)
{
	enum smtp_reply_result result = SMTP_REPLY_MORE;
	size_t at = 0, have = slowly ? 0 : in.n;

	*r = (struct smtp_reply) { 0 };
	for (; have <= in.n; have++)
		while (!r->done) {
			struct span text;
			size_t used = 0;

			result = smtp_reply_next(r, span_sub(in, at, have - at), &text, &used, e);
			at += used;
			if (result == SMTP_REPLY_BAD)
				return result;
			if (result == SMTP_REPLY_MORE)
				break;
		}
	return result;
}

static void
gives(const char *in, int code, const char *enhanced, const char *text)
{
	for (int slowly = 0; slowly < 2; slowly++) {
		struct smtp_reply r;
		struct err e = { 0 };

		if (read_all(span_str(in), slowly, &r, &e) != SMTP_REPLY_LINE)
			fail_msg("%s: %s", in, e.text);
		assert_true(r.done);
		assert_int_equal(r.code, code);
		assert_string_equal(r.enhanced, enhanced);
		assert_string_equal(r.text, text);
	}
}

static void
replies_are_read(void **state)
{
	(void)state;
	gives("250 ok\r\n", 250, "", "ok");
	gives("250\r\n", 250, "", "");
	gives("250 \r\n", 250, "", "");
	gives("354 go on\r\n", 354, "", "go on");
	gives("250-mx\r\n250-SIZE 10\r\n250 HELP\r\n", 250, "", "mx SIZE 10 HELP");
	gives("550-5.1.1 no such\r\n550 5.1.1 user\r\n", 550, "5.1.1", "no such user");
	gives("550-5.1.1 no such\r\n550 user\r\n", 550, "5.1.1", "no such user");
	gives("550 4.1.1 no\r\n", 550, "", "4.1.1 no");
	gives("421 4.3.2\r\n", 421, "4.3.2", "");
	gives("250-\r\n250 a\r\n", 250, "", "a");
	gives("550 5.1.1234 x\r\n", 550, "", "5.1.1234 x");
}

static void
what_is_no_reply_ends_the_session(void **state)
{
	const struct span bad[] = { SPAN_LIT("25 ok\r\n"), SPAN_LIT("2500 ok\r\n"),
		SPAN_LIT("ok\r\n"), SPAN_LIT("150 ok\r\n"), SPAN_LIT("650 ok\r\n"),
		SPAN_LIT("250+ok\r\n"), SPAN_LIT("\r\n"), SPAN_LIT("\n"), SPAN_LIT("250 ok\n"),
		SPAN_LIT("250 o\rk\r\n"), SPAN_LIT("250 ok\r\r\n"), SPAN_LIT("250 o\0k\r\n"),
		SPAN_LIT("2a0 ok\r\n"), SPAN_LIT("250-a\r\n251 b\r\n"),
		SPAN_LIT("250-a\r\n550 b\r\n"), SPAN_LIT("250-a\r\n25\r\n") };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		for (int slowly = 0; slowly < 2; slowly++) {
			struct smtp_reply r;
			struct err e = { 0 };

			assert_int_equal(read_all(bad[i], slowly, &r, &e), SMTP_REPLY_BAD);
			assert_int_equal(e.why, REFUSAL_bad_reply);
		}
}

static void
a_line_has_512_octets(void **state)
{
	(void)state;
	for (int over = -1; over <= 1; over++) {
		char line[SMTP_REPLY_LINE_MAX + 2];
		size_t n = (size_t)(SMTP_REPLY_LINE_MAX + over), used;
		struct smtp_reply r = { 0 };
		struct span text;
		struct err e;

		memset(line, 'x', sizeof line);
		memcpy(line, "250 ", 4);
		memcpy(line + n - 2, "\r\n", 2);
		assert_int_equal(smtp_reply_next(&r, span_of(line, n), &text, &used, &e),
		    over > 0 ? SMTP_REPLY_BAD : SMTP_REPLY_LINE);
	}
}

static void
a_reply_has_100_lines(void **state)
{
	(void)state;
	for (int over = -1; over <= 1; over++) {
		struct buf in = BUF_INIT;
		struct smtp_reply r;
		struct err e = { 0 };

		for (int i = 1; i < SMTP_REPLY_LINES_MAX + over; i++)
			buf_addf(&in, "250-%0100d\r\n", i);
		buf_addf(&in, "250 the last\r\n");
		assert_int_equal(read_all(buf_span(&in), false, &r, &e),
		    over > 0 ? SMTP_REPLY_BAD : SMTP_REPLY_LINE);
		assert_int_equal(strlen(r.text), sizeof r.text - 1);
		buf_clear(&in);
	}
}

static void
an_endless_line_is_refused_at_its_512th_octet(void **state)
{
	char *in = malloc(10 << 20);
	struct smtp_reply r = { 0 };
	struct span text;
	size_t used;
	struct err e;

	(void)state;
	assert_non_null(in);
	memset(in, 'x', 10 << 20);
	assert_int_equal(smtp_reply_next(&r, span_of(in, 10 << 20), &text, &used, &e),
	    SMTP_REPLY_BAD);
	assert_int_equal(smtp_reply_next(&r, span_of(in, 511), &text, &used, &e), SMTP_REPLY_MORE);
	free(in);
}

static void
a_refusal_is_told_in_the_peers_words(void **state)
{
	struct smtp_reply r;
	struct err e;

	(void)state;
	read_all(SPAN_LIT("550 5.1.1 no \x1b[2Jsuch\r\n"), false, &r, &e);
	assert_false(smtp_reply_err(&r, &e));
	assert_int_equal(e.why, REFUSAL_refused);
	assert_true(e.said);
	assert_string_equal(e.text, "550 5.1.1 no ?[2Jsuch");
	read_all(SPAN_LIT("451\r\n"), false, &r, &e);
	assert_false(smtp_reply_err(&r, &e));
	assert_int_equal(e.why, REFUSAL_refused_for_now);
	assert_string_equal(e.text, "451");
}

/* Nothing at all, as a buffer that was never filled: the sanitizers judge it. */
static void
no_octet_is_no_line_yet(void **state)
{
	struct smtp_reply r = { 0 };
	struct span text;
	struct err e;
	size_t used;

	(void)state;
	assert_int_equal(smtp_reply_next(&r, (struct span) { 0 }, &text, &used, &e),
	    SMTP_REPLY_MORE);
	assert_false(r.done);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_written),
		cmocka_unit_test(a_refusal_has_its_word_and_whom_to_ask),
		cmocka_unit_test(a_written_line_has_512_octets),
		cmocka_unit_test(replies_are_read),
		cmocka_unit_test(no_octet_is_no_line_yet),
		cmocka_unit_test(what_is_no_reply_ends_the_session),
		cmocka_unit_test(a_line_has_512_octets),
		cmocka_unit_test(a_reply_has_100_lines),
		cmocka_unit_test(an_endless_line_is_refused_at_its_512th_octet),
		cmocka_unit_test(a_refusal_is_told_in_the_peers_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
