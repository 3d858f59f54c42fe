/* mailbox — what transcripts cannot show: size, progress, late answers, both engines at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/mailbox_client.h"
#include "proto/mailbox_server.h"
#include "tests/drive.h"
#include "tests/pair.h"
#include "tests/sasl_scene.h"
#include "tests/vast.h"

#define GIB (UINT64_C(1) << 30)

/* -- the server ---------------------------------------------------------------------------- */

struct box {
	struct mailbox_server s; /* first */
	struct buf held;
	int step;
	struct vast letter;
	uint64_t size, asked;
};

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

static enum outcome
auth(void *role, struct span mechanism, struct span message, struct sasl_said *said, struct err *e)
{
	return sasl_scene_auth(&((struct box *)role)->step, mechanism, message, said, e);
}

/* 250 notices. */
static enum outcome
list(void *role, uint64_t after, struct buf *page, bool *more, struct err *e)
{
	struct mailbox_notice n = { .state = MAILBOX_HELD, .to = "user@b.test" };
	uint64_t i;

	(void)role;
	(void)e;
	memset(n.issuer, '%', sizeof n.issuer - 1);
	for (i = after + 1; i <= 250 && i <= after + ROW_PAGE_ROWS && page->len < ROW_PAGE_BYTES;
	     i++) {
		n.number = i;
		mailbox_notice_write(page, &n);
	}
	*more = i <= 250;
	return DONE;
}

static enum outcome
later(struct box *b)
{
	b->asked = b->s.sasl.server.request;
	return PENDING;
}

static enum outcome
find(void *role, uint64_t number, struct mailbox_found *found, struct err *e)
{
	(void)number;
	(void)found;
	(void)e;
	return later(role);
}

static enum outcome
mark(void *role, uint64_t number, unsigned set, unsigned cleared, struct err *e)
{
	(void)number;
	(void)set;
	(void)cleared;
	(void)e;
	return later(role);
}

static enum outcome
change(void *role, uint64_t number, struct err *e)
{
	(void)number;
	(void)e;
	return later(role);
}

static const struct mailbox_server_ops server_ops = {
	.sasl = { .server = { .admit = admit }, .auth = auth },
	.list = list,
	.summary = find,
	.read = find,
	.mark = mark,
	.drop = change,
	.decline = change,
};

static struct engine *
mouth(struct box *b)
{
	return &b->s.sasl.server.engine;
}

static void
say(struct box *b, const char *lines)
{
	drive(mouth(b), &b->held, span_str(lines), 100000);
}

static void
open_box(struct box *b, uint64_t size)
{
	*b = (struct box) { .letter = vast_make(), .size = size };
	mailbox_server_init(&b->s, &server_ops, b);
	mouth(b)->now_ms = 1000;
	b->s.sasl.server.state = SASL_READY;
}

static void
close_box(struct box *b)
{
	mailbox_server_clear(&b->s);
	buf_clear(&b->held);
}

static bool
give(struct box *b)
{
	return mailbox_server_found_take(&b->s, b->asked,
	    &(struct mailbox_found) { &b->letter.source, b->size }, NULL);
}

static void
test_progress_never_fills_the_output(void **state)
{
	struct box b;

	(void)state;
	open_box(&b, 5 * GIB);
	say(&b, "READ 2\r\n");
	for (uint64_t i = 0; i < 10000; i++)
		assert_true(mailbox_server_progress(&b.s, b.asked, i, 5 * GIB));
	assert_in_range(mouth(&b)->out.len, ENGINE_OUT_BYTES / 2, ENGINE_OUT_BYTES / 2 + 100);
	assert_false(mailbox_server_progress(&b.s, b.asked - 1, 1, 2));
	assert_true(give(&b));
	assert_false(mailbox_server_progress(&b.s, b.asked, 1, 2));
	assert_int_equal(mouth(&b)->payload.left, 5 * GIB);
	close_box(&b);
	assert_int_equal(b.letter.freed, 1);
}

static void
test_a_long_fetch_is_waited_for(void **state)
{
	struct box b;

	(void)state;
	open_box(&b, 100);
	say(&b, "READ 2\r\n");
	while (mouth(&b)->now_ms < 1000 + SERVER_LIFE_MS - SERVER_IDLE_MS) {
		mouth(&b)->now_ms = mouth(&b)->deadline_ms;
		mouth(&b)->tick(mouth(&b));
		assert_false(mouth(&b)->closing);
	}
	mouth(&b)->now_ms = mouth(&b)->deadline_ms;
	mouth(&b)->tick(mouth(&b));
	assert_true(mouth(&b)->closing);
	assert_false(mailbox_server_progress(&b.s, b.asked, 1, 2));
	assert_false(give(&b));
	assert_int_equal(b.letter.freed, 1);
	close_box(&b);
}

static void
test_answers_of_another_kind_are_dropped(void **state)
{
	struct box b;
	struct err e;

	(void)state;
	open_box(&b, 100);
	err_word(&e, REFUSAL_storage);
	say(&b, "DROP 2\r\n");
	assert_false(give(&b));
	assert_int_equal(b.letter.freed, 1);
	assert_false(mailbox_server_page(&b.s, b.asked, SPAN_LIT(""), false, NULL));
	assert_false(mailbox_server_answer(&b.s, b.asked - 1, NULL));
	assert_false(sasl_server_answer(&b.s.sasl, b.asked, NULL, &e));
	assert_true(mailbox_server_answer(&b.s, b.asked, &e));
	assert_false(mailbox_server_answer(&b.s, b.asked, NULL));
	drive_again(mouth(&b), &b.held);
	say(&b, "READ 2\r\n");
	assert_false(mailbox_server_answer(&b.s, b.asked, NULL));
	assert_true(mailbox_server_found_take(&b.s, b.asked, NULL, &e));
	close_box(&b);
}

static void
test_full_output_stops_input(void **state)
{
	struct box b;

	(void)state;
	open_box(&b, 100);
	say(&b, "LIST\r\nLIST 50\r\nLIST 100\r\nLIST 150\r\n");
	assert_in_range(mouth(&b)->out.len, ENGINE_OUT_BYTES, 2 * ENGINE_OUT_BYTES);
	assert_int_equal(b.held.len, 20);
	buf_reset(&mouth(&b)->out);
	drive_again(mouth(&b), &b.held);
	assert_int_equal(b.held.len, 0);
	close_box(&b);
}

/* -- words --------------------------------------------------------------------------------- */

static void
test_flags(void **state)
{
	static const struct {
		const char *text;
		unsigned set, cleared;
	} rows[] = {
		{ "+seen", 1, 0 },
		{ "-seen", 0, 1 },
		{ "+seen +answered -flagged", 3, 4 },
		{ "-flagged +seen", 1, 4 },
		{ "", 0, 0 },
		{ "seen", 0, 0 },
		{ "+", 0, 0 },
		{ "+seen ", 0, 0 },
		{ " +seen", 0, 0 },
		{ "+seen  -flagged", 0, 0 },
		{ "+seen -seen", 0, 0 },
		{ "+seen +seen", 0, 0 },
		{ "*seen", 0, 0 },
		{ "+Seen", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned set, cleared;
		struct err e;
		bool good = (rows[i].set | rows[i].cleared) != 0;

		assert_int_equal(mailbox_flags_parse(span_str(rows[i].text), &set, &cleared, &e),
		    good);
		if (good) {
			assert_int_equal(set, rows[i].set);
			assert_int_equal(cleared, rows[i].cleared);
		}
	}
}

static bool
read_back(const struct mailbox_notice *in, struct mailbox_notice *out)
{
	struct buf row = BUF_INIT;
	struct row r;
	struct err e;
	bool good;

	mailbox_notice_write(&row, in);
	good = row.len <= 1024 && row_parse(&r, span_of(row.data, row.len - 2), &e) &&
	    mailbox_notice_read(&r, out, &e);
	buf_clear(&row);
	return good;
}

static void
marks_are(const struct mailbox_marks *got, const struct mailbox_marks *want)
{
	assert_int_equal(got->spf, want->spf);
	assert_int_equal(got->dkim, want->dkim);
	assert_int_equal(got->dmarc, want->dmarc);
	assert_int_equal(got->via, want->via);
	assert_string_equal(got->unaccountable, want->unaccountable);
	assert_string_equal(got->ehlo.text, want->ehlo.text);
	assert_string_equal(got->dkim_domain.text, want->dkim_domain.text);
	assert_string_equal(got->header_from, want->header_from);
	assert_int_equal(got->has_fingerprint, want->has_fingerprint);
	assert_memory_equal(got->fingerprint, want->fingerprint, sizeof got->fingerprint);
}

static void
test_a_notice_comes_back(void **state)
{
	struct mailbox_notice in = { .number = UINT64_C(1) << 60,
		.road = MAILBOX_SMTP,
		.id = { { 1, 2, 3 } },
		.from = "a%b@a.test",
		.to = "user@b.test",
		.size = 5 * GIB,
		.received_s = 1,
		.date_s = 2,
		.hold_until_s = 3,
		.summary = 8192,
		.known = true,
		.has_digest = true,
		.digest = { 1, 2, 255 },
		.word = "gone",
		.issuer = "C=DE, O=\"Alder = 100 %\", CN=\xc3\x9c",
		.marks = { .via = true,
		    .has_fingerprint = true,
		    .unaccountable = "no-certificate",
		    .ehlo = { "mx.a.test" },
		    .dkim_domain = { "d.test" },
		    .header_from = "c d@%.test",
		    .fingerprint = { 0xfe, 0xed } } },
			      out;

	(void)state;
	for (int i = MAILBOX_HELD; i <= MAILBOX_BAD_SEAL; i++) {
		in.state = (enum mailbox_state)i;
		in.flags = (unsigned)i;
		in.marks.spf = (enum mailbox_result)i;
		in.marks.dkim = (enum mailbox_result)(i + 1);
		in.marks.dmarc = (enum mailbox_result)(i + 2);
		in.got = i == MAILBOX_FETCHING ? 77 : 0;
		assert_true(read_back(&in, &out));
		assert_int_equal(out.state, i);
		assert_int_equal(out.flags, i);
		assert_int_equal(out.got, in.got);
		assert_int_equal(out.road, MAILBOX_SMTP);
		assert_int_equal(out.number, in.number);
		assert_true(ulid_eq(&out.id, &in.id));
		assert_string_equal(out.from, in.from);
		assert_string_equal(out.issuer, in.issuer);
		assert_memory_equal(out.digest, in.digest, sizeof in.digest);
		assert_true(out.known && out.has_digest);
		marks_are(&out.marks, &in.marks);
		assert_int_equal(out.size, in.size);
		assert_int_equal(out.received_s + 10 * out.date_s + 100 * out.hold_until_s, 321);
	}
}

static void
test_the_longest_notice_fits(void **state)
{
	struct mailbox_notice in = { .number = UINT64_C(1) << 62,
		.has_digest = true,
		.state = MAILBOX_BAD_SEAL,
		.size = UINT64_C(1) << 40,
		.received_s = 1,
		.date_s = 1,
		.hold_until_s = 1,
		.summary = 8192,
		.flags = 7 },
			      out;

	(void)state;
	memset(in.from, '%', 64);
	memset(in.from + 64, 'a', 190);
	memcpy(in.to, in.from, sizeof in.to);
	memset(in.word, 'w', sizeof in.word - 1);
	memset(in.issuer, '%', sizeof in.issuer - 1);
	assert_true(read_back(&in, &out));
	assert_string_equal(out.from, in.from);
	assert_string_equal(out.to, in.to);
	assert_int_equal(out.flags, 7);
}

/* What does not fit is a name, and no part of one is there: that would be another name. */
static void
test_no_name_is_cut(void **state)
{
	struct mailbox_notice in = { .number = UINT64_C(1) << 62,
		.road = MAILBOX_SMTP,
		.state = MAILBOX_HERE,
		.size = UINT64_C(1) << 40,
		.received_s = 1,
		.date_s = 1,
		.flags = 7,
		.marks = { .spf = MAILBOX_RESULT_TEMPERROR,
		    .dkim = MAILBOX_RESULT_TEMPERROR,
		    .dmarc = MAILBOX_RESULT_QUARANTINE,
		    .via = true,
		    .has_fingerprint = true } },
			      out;

	(void)state;
	memset(in.marks.unaccountable, 'w', sizeof in.marks.unaccountable - 1);
	memset(in.marks.ehlo.text, 'e', sizeof in.marks.ehlo.text - 1);
	memset(in.marks.header_from, 'h', sizeof in.marks.header_from - 1);
	memset(in.marks.dkim_domain.text, 'd', sizeof in.marks.dkim_domain.text - 1);
	memset(in.issuer, 'i', sizeof in.issuer - 1);
	for (size_t n = 1; n < sizeof in.from; n++) {
		memset(in.from, 'f', n);
		memset(in.to, 't', n);
		assert_true(read_back(&in, &out));
		assert_string_equal(out.from, in.from);
		assert_string_equal(out.to, in.to);
		assert_int_equal(out.flags, 7);
		assert_string_equal(out.marks.unaccountable, in.marks.unaccountable);
		assert_int_equal(out.marks.dmarc, MAILBOX_RESULT_QUARANTINE);
		assert_true(out.marks.via);
		if (out.marks.ehlo.text[0] != '\0')
			assert_string_equal(out.marks.ehlo.text, in.marks.ehlo.text);
		if (out.marks.header_from[0] != '\0')
			assert_string_equal(out.marks.header_from, in.marks.header_from);
		if (out.marks.dkim_domain.text[0] != '\0')
			assert_string_equal(out.marks.dkim_domain.text, in.marks.dkim_domain.text);
	}
	assert_string_equal(out.marks.dkim_domain.text, "");
}

/* -- the client ---------------------------------------------------------------------------- */

struct user {
	struct mailbox_client c; /* first */
	struct buf held, heard;
	int step;
	uint64_t octets, last;
	struct span within;
	bool in_order;
};

static enum outcome
step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	return sasl_scene_step(&((struct user *)role)->step, message, last, out, e);
}

static void
on_signed_in(void *role, const struct err *e)
{
	buf_addf(&((struct user *)role)->heard, "signed-in %s;", e ? refusal_word(e->why) : "ok");
}

static void
on_notice(void *role, void *arg, const struct mailbox_notice *n)
{
	struct user *u = role;

	(void)arg;
	assert_int_equal(n->number, u->last + 1);
	u->last = n->number;
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	(void)arg;
	(void)octets;
	(void)e;
	((struct user *)role)->octets = 0;
	return true;
}

static void
on_payload(void *role, void *arg, struct span piece)
{
	struct user *u = role;

	(void)arg;
	if (u->within.n > 0)
		assert_in_range((uintptr_t)piece.p, (uintptr_t)u->within.p,
		    (uintptr_t)u->within.p + u->within.n - piece.n);
	else
		for (size_t i = 0; i < piece.n; i++)
			u->in_order = u->in_order && piece.p[i] == vast_octet(u->octets + i);
	u->octets += piece.n;
}

static void
on_end(void *role, void *arg, bool more, const struct err *e)
{
	(void)arg;
	buf_addf(&((struct user *)role)->heard, "%s %s;", more ? "more" : "end",
	    e ? refusal_word(e->why) : "ok");
}

static void
on_lost(void *role, const struct err *e)
{
	buf_addf(&((struct user *)role)->heard, "lost %s;", refusal_word(e->why));
}

static const struct mailbox_client_ops client_ops = {
	.sasl = { step, on_signed_in },
	.notice = on_notice,
	.found = on_found,
	.payload = on_payload,
	.end = on_end,
	.lost = on_lost,
};

static void
open_user(struct user *u)
{
	*u = (struct user) { .in_order = true };
	mailbox_client_init(&u->c, &client_ops, u);
	u->c.sasl.client.engine.now_ms = 1000;
}

static void
close_user(struct user *u)
{
	mailbox_client_clear(&u->c);
	buf_clear(&u->held);
	buf_clear(&u->heard);
}

static void
assert_heard(struct user *u, const char *text)
{
	buf_add(&u->heard, "", 1);
	assert_string_equal(u->heard.data, text);
	buf_reset(&u->heard);
}

static void
test_five_gib_pass_uncopied(void **state)
{
	static char window[ENGINE_WINDOW_BYTES];
	struct user u;
	struct engine *e = &u.c.sasl.client.engine;

	(void)state;
	open_user(&u);
	assert_true(mailbox_client_read(&u.c, 2, 0, NULL));
	drive(e, &u.held, SPAN_LIT("150 2.0.0 x\r\n150 2.0.0 1 2\r\n250 2.0.0 {5368709120}\r\n"),
	    3);
	u.within = span_of(window, sizeof window);
	for (uint64_t left = 5 * GIB; left > 0;) {
		size_t n = left < sizeof window ? (size_t)left : sizeof window;

		assert_int_equal(e->feed(e, span_of(window, n)), n);
		left -= n;
	}
	assert_int_equal(u.octets, 5 * GIB);
	assert_heard(&u, "end ok;");
	close_user(&u);
}

static void
test_progress_is_a_sign_of_life(void **state)
{
	struct user u;
	struct engine *e = &u.c.sasl.client.engine;

	(void)state;
	open_user(&u);
	assert_true(mailbox_client_read(&u.c, 2, 0, NULL));
	drive_again(e, &u.held);
	e->now_ms = e->deadline_ms - 1;
	drive(e, &u.held, SPAN_LIT("150 2.0.0 1 2\r\n"), 100);
	assert_int_equal(e->deadline_ms, e->now_ms + CLIENT_REPLY_MS);
	e->now_ms = e->deadline_ms;
	e->tick(e);
	assert_heard(&u, "end unreachable;lost unreachable;");
	close_user(&u);
}

static void
test_nothing_is_asked_after_quit(void **state)
{
	struct user u;

	(void)state;
	open_user(&u);
	assert_true(mailbox_client_drop(&u.c, 1, NULL));
	assert_true(mailbox_client_quit(&u.c));
	assert_false(mailbox_client_quit(&u.c));
	assert_false(mailbox_client_read(&u.c, 1, 1, NULL));
	assert_false(mailbox_client_list(&u.c, 1, NULL));
	assert_false(mailbox_client_auth(&u.c, SCENE_MECHANISM));
	drive(&u.c.sasl.client.engine, &u.held, SPAN_LIT("421 4.3.2 [closing] x\r\n"), 100);
	assert_heard(&u, "end closing;lost closing;");
	close_user(&u);
}

static void
test_a_page_without_an_end(void **state)
{
	struct user u;

	(void)state;
	open_user(&u);
	assert_true(mailbox_client_list(&u.c, 0, NULL));
	assert_true(mailbox_client_drop(&u.c, 1, NULL));
	drive(&u.c.sasl.client.engine, &u.held, SPAN_LIT("250 2.0.0 {4} rows\r\nmore"), 1);
	assert_heard(&u, "end bad-reply;end bad-reply;lost bad-reply;");
	close_user(&u);
}

/* -- both ---------------------------------------------------------------------------------- */

static void
list_all(struct user *u, struct pair *p)
{
	do {
		buf_reset(&u->heard);
		assert_true(mailbox_client_list(&u->c, u->last, NULL));
		pair_run(p);
	} while (span_eq(buf_span(&u->heard), SPAN_LIT("more ok;")));
	assert_int_equal(u->last, 250);
	assert_heard(u, "end ok;");
}

static void
test_both_against_each_other(void **state)
{
	static const size_t chunks[] = { 1, 17, 16384 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct box b;
		struct user u;
		struct pair p = { .chunk = chunks[i] };

		open_box(&b, 30000);
		b.s.sasl.server.state = SASL_NEW;
		open_user(&u);
		p.client = &u.c.sasl.client.engine;
		p.server = mouth(&b);
		assert_true(mailbox_client_auth(&u.c, SCENE_MECHANISM));
		pair_run(&p);
		assert_heard(&u, "signed-in ok;");
		list_all(&u, &p);
		assert_true(mailbox_client_read(&u.c, 2, 0, NULL));
		assert_true(mailbox_client_mark(&u.c, 2, MAILBOX_SEEN | MAILBOX_ANSWERED,
		    MAILBOX_FLAGGED, NULL));
		assert_true(mailbox_client_quit(&u.c));
		pair_run(&p);
		assert_true(mailbox_server_progress(&b.s, b.asked, 1, 2));
		assert_true(give(&b));
		pair_run(&p);
		assert_int_equal(u.octets, 30000);
		assert_true(u.in_order);
		assert_true(mailbox_server_answer(&b.s, b.asked, NULL));
		pair_run(&p);
		assert_heard(&u, "end ok;end ok;lost closing;");
		assert_int_equal(b.letter.freed, 1);
		pair_clear(&p);
		close_user(&u);
		close_box(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_progress_never_fills_the_output),
		cmocka_unit_test(test_a_long_fetch_is_waited_for),
		cmocka_unit_test(test_answers_of_another_kind_are_dropped),
		cmocka_unit_test(test_full_output_stops_input),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_a_notice_comes_back),
		cmocka_unit_test(test_the_longest_notice_fits),
		cmocka_unit_test(test_no_name_is_cut),
		cmocka_unit_test(test_five_gib_pass_uncopied),
		cmocka_unit_test(test_progress_is_a_sign_of_life),
		cmocka_unit_test(test_nothing_is_asked_after_quit),
		cmocka_unit_test(test_a_page_without_an_end),
		cmocka_unit_test(test_both_against_each_other),
	};

	return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
