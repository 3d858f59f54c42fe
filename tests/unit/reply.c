/* reply — a written reply is read again; a malformed one is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "common/base/buf.h"
#include "proto/line.h"
#include "proto/reply.h"

static struct reply
read_back(const struct buf *b)
{
	struct span line;
	struct reply r;
	size_t used;
	struct err e;

	assert_int_equal(line_next(buf_span(b), &line, &used, &e), LINE_READY);
	assert_int_equal(used, b->len);
	assert_true(reply_parse(line, &r, &e));
	return r;
}

static void
round_trip(void **state)
{
	struct buf b = BUF_INIT;
	struct reply r;
	struct err e;

	(void)state;
	reply_addf(&b, 250, "2.1.5", "%s", "noticed");
	r = read_back(&b);
	assert_int_equal(r.code, 250);
	assert_true(span_eq(r.enhanced, SPAN_LIT("2.1.5")));
	assert_true(span_eq(r.text, SPAN_LIT("noticed")));
	assert_false(r.has_payload);
	buf_reset(&b);
	reply_add_payload(&b, 250, "2.0.0", 18231, "follows");
	r = read_back(&b);
	assert_true(r.has_payload);
	assert_int_equal(r.octets, 18231);
	assert_true(span_eq(r.text, SPAN_LIT("follows")));
	for (int i = 1; i < REFUSAL__COUNT; i++) {
		enum refusal why = (enum refusal)i, seen;

		buf_reset(&b);
		err_word(&e, why);
		reply_add_refusal(&b, &e);
		r = read_back(&b);
		seen = refusal_code(why) ? why : REFUSAL_internal;
		assert_int_equal(r.why, seen);
		assert_int_equal(r.code, refusal_code(seen));
		assert_false(reply_err(&r, &e));
		assert_int_equal(e.why, seen);
	}
	buf_clear(&b);
}

static void
long_text_is_cut_at_a_character(void **state)
{
	char text[LINE_MAX_BYTES + 64];
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t pad = 0; pad < 4; pad++) {
		memset(text, 'a', pad);
		for (size_t i = pad; i + 3 < sizeof text; i += 3)
			memcpy(text + i, "\xe2\x82\xac", 4);
		buf_reset(&b);
		reply_addf(&b, 250, "2.0.0", "%s", text);
		assert_true(b.len <= LINE_MAX_BYTES && b.len > LINE_MAX_BYTES - 4);
		read_back(&b);
		buf_reset(&b);
		reply_add_payload(&b, 250, "2.0.0", 1, text);
		assert_true(b.len <= LINE_MAX_BYTES);
		read_back(&b);
	}
	buf_clear(&b);
}

static void
forms(void **state)
{
	static const char *const bad[] = { "", "250", "25 2.0.0", "600 2.0.0 x", "050 2.0.0",
		"2500 2.0.0", "250 3.0.0", "250 2.0", "250 2.0.0.0", "250 2.00.0", "250 2.0.1000",
		"250 2..0", "a50 2.0.0", "250-2.0.0", "250 2.0.0 {x}", "250 2.0.0 {01}",
		/* neither a success nor a refusal */
		"250 5.1.1 [no-such-user]", "250 5.1.1 noticed", "250 2.1.5 [no-such-user] x",
		"150 4.0.0 x", "334 5.7.8 x" };
	struct reply r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_false(reply_parse(span_str(bad[i]), &r, &e));
		assert_int_equal(e.why, REFUSAL_bad_reply);
	}
	assert_true(reply_parse(SPAN_LIT("250 2.0.0"), &r, &e));
	assert_int_equal(r.text.n, 0);
	assert_true(reply_parse(SPAN_LIT("250 2.0.0 {12} text"), &r, &e));
	assert_int_equal(r.octets, 12);
	/* a refusal may quote a stranger: what it quotes announces nothing */
	assert_true(reply_parse(SPAN_LIT("550 5.1.1 [no-such-user] {12} text"), &r, &e));
	assert_true(span_eq(r.word, SPAN_LIT("no-such-user")));
	assert_false(r.has_payload);
	assert_true(span_eq(r.text, SPAN_LIT("{12} text")));
	assert_true(reply_parse(SPAN_LIT("150 2.0.0 {12} text"), &r, &e));
	assert_false(r.has_payload);
	assert_true(reply_parse(SPAN_LIT("250 2.0.0 {} x"), &r, &e));
	assert_false(r.has_payload);
}

static void
unknown_words_keep_their_code(void **state)
{
	struct reply r;
	struct err e;

	(void)state;
	assert_true(reply_parse(SPAN_LIT("450 4.9.9 [from-the-future] later"), &r, &e));
	reply_err(&r, &e);
	assert_true(refusal_temporary(e.why));
	assert_string_equal(e.text, "450 4.9.9 [from-the-future] later");
	assert_int_equal(e.why, REFUSAL_refused_for_now);
	assert_true(e.said);
	err_word(&e, REFUSAL_closing);
	assert_false(e.said);
	assert_true(reply_parse(SPAN_LIT("550 5.1.1 [NOT-a-word] no"), &r, &e));
	reply_err(&r, &e);
	assert_string_equal(e.text, "550 5.1.1 no");
	assert_true(reply_parse(SPAN_LIT("554 5.1.1"), &r, &e));
	reply_err(&r, &e);
	assert_string_equal(e.text, "554 5.1.1");
	assert_true(e.said);
	assert_false(reply_parse(SPAN_LIT("354 go ahead"), &r, &e));
	assert_string_equal(e.text,
	    "the reply \"354 go ahead\" has no enhanced status code after its reply code");
	assert_true(reply_parse(SPAN_LIT("550 5.9.9 [from-the-future] never"), &r, &e));
	reply_err(&r, &e);
	assert_false(refusal_temporary(e.why));
}

/* Known words too: a 4xx is temporary, and what never goes on the wire is no word of the wire. */
static void
the_first_digit_decides(void **state)
{
	char line[96];
	struct reply r;
	struct err e;

	(void)state;
	for (int i = 1; i < REFUSAL__COUNT; i++) {
		enum refusal why = (enum refusal)i;

		snprintf(line, sizeof line, "450 4.0.0 [%s] no", refusal_word(why));
		assert_true(reply_parse(span_str(line), &r, &e));
		reply_err(&r, &e);
		assert_int_equal(e.why, refusal_temporary(why) ? why : REFUSAL_refused_for_now);
		line[0] = line[4] = '5';
		assert_true(reply_parse(span_str(line), &r, &e));
		reply_err(&r, &e);
		assert_int_equal(e.why, refusal_code(why) == 0 ? REFUSAL_refused : why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(long_text_is_cut_at_a_character),
		cmocka_unit_test(forms),
		cmocka_unit_test(unknown_words_keep_their_code),
		cmocka_unit_test(the_first_digit_decides),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
