/* fetch — what transcripts cannot show: size, time, back-pressure, late answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/fetch_client.h"
#include "proto/fetch_server.h"
#include "tests/drive.h"
#include "tests/pair.h"
#include "tests/vast.h"

#define ID  "01JDZ5TPB4M4Q8W1RZ9H1V6K3C"
#define GIB (UINT64_C(1) << 30)

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

/* -- the server ---------------------------------------------------------------------------- */

struct shelf {
	struct fetch_server s; /* first */
	struct buf held;
	struct vast letter;
	uint64_t size, asked;
};

static enum outcome
hello(void *role, const char *domain, struct err *e)
{
	(void)role;
	(void)e;
	return strcmp(domain, "slow.test") == 0 ? PENDING : DONE;
}

static enum outcome
find_now(void *role, const struct ulid *id, struct fetch_found *found, struct err *e)
{
	struct shelf *f = role;

	(void)id;
	(void)e;
	*found = (struct fetch_found) { &f->letter.source, f->size };
	return DONE;
}

static enum outcome
find_later(void *role, const struct ulid *id, uint64_t offset, struct fetch_found *found,
    struct err *e)
{
	struct shelf *f = role;

	(void)id;
	(void)offset;
	(void)found;
	(void)e;
	f->asked = f->s.server.request;
	return PENDING;
}

static enum outcome
change(void *role, const struct ulid *id, struct err *e)
{
	(void)id;
	(void)e;
	((struct shelf *)role)->asked = ((struct shelf *)role)->s.server.request;
	return PENDING;
}

static const struct fetch_server_ops server_ops = {
	.server = { .admit = admit },
	.hello = hello,
	.summary = find_now,
	.fetch = find_later,
	.done = change,
	.decline = change,
};

static void
say(struct shelf *f, const char *lines)
{
	drive(&f->s.server.engine, &f->held, span_str(lines), 100);
}

static void
open_shelf(struct shelf *f, uint64_t size)
{
	*f = (struct shelf) { .letter = vast_make(), .size = size };
	fetch_server_init(&f->s, &server_ops, f);
	f->s.server.engine.now_ms = 1000;
	say(f, "HELLO b.test\r\n");
	buf_reset(&f->s.server.engine.out);
}

static void
close_shelf(struct shelf *f)
{
	fetch_server_clear(&f->s);
	buf_clear(&f->held);
}

static void
assert_out(struct shelf *f, const char *text)
{
	struct buf *out = &f->s.server.engine.out;

	buf_add(out, "", 1);
	assert_string_equal(out->data, text);
	buf_reset(out);
}

static bool
give(struct shelf *f)
{
	return fetch_server_found_take(&f->s, f->asked,
	    &(struct fetch_found) { &f->letter.source, f->size }, NULL);
}

/* The other requests are taken meanwhile, and answered after it. */
static void
test_nothing_is_said_while_a_payload_leaves(void **state)
{
	struct shelf f;
	struct engine *e = &f.s.server.engine;

	(void)state;
	open_shelf(&f, 5 * GIB);
	say(&f, "FETCH " ID " 7\r\nNOOP\r\n");
	assert_int_equal(e->out.len, 0);
	assert_true(give(&f));
	drive_again(e, &f.held);
	assert_out(&f, "250 2.0.0 {5368709113} here it is\r\n");
	assert_ptr_equal(e->payload.source, &f.letter);
	assert_int_equal(e->payload.offset, 7);
	assert_int_equal(e->payload.left, 5 * GIB - 7);
	assert_int_equal(f.held.len, 0);
	say(&f, "DONE " ID "\r\nFETCH x\r\n");
	assert_int_equal(f.held.len, 0);
	assert_true(fetch_server_answer(&f.s, f.asked, NULL));
	assert_int_equal(e->out.len, 0);
	e->payload = (struct payload) { 0 };
	e->sent(e);
	drive_again(e, &f.held);
	assert_out(&f,
	    "250 2.0.0 still here\r\n250 2.0.0 noted\r\n501 5.5.4 [bad-id] the id is malformed\r\n");
	close_shelf(&f);
}

#define FETCH_LINE "FETCH " ID "\r\n"
#define DONE_LINE  "DONE " ID "\r\n"

/* So many requests are taken before the first is answered; replies leave in their order. */
static void
test_requests_ahead_at_their_limits(void **state)
{
	struct shelf f;
	struct engine *e = &f.s.server.engine;
	uint64_t number[FETCH_AHEAD];

	(void)state;
	open_shelf(&f, 10);
	for (size_t i = 0; i < FETCH_LETTERS_AHEAD; i++) {
		say(&f, FETCH_LINE);
		assert_int_equal(f.held.len, 0);
		number[i] = f.asked;
	}
	say(&f, DONE_LINE);
	assert_int_equal(f.held.len, sizeof DONE_LINE - 1);
	for (size_t i = FETCH_LETTERS_AHEAD; i-- > 0;) {
		assert_int_equal(e->out.len, 0);
		f.asked = number[i];
		assert_true(give(&f));
	}
	for (size_t i = 0; i < FETCH_LETTERS_AHEAD; i++) {
		assert_out(&f, "250 2.0.0 {10} here it is\r\n");
		assert_int_equal(e->payload.left, 10);
		e->payload = (struct payload) { 0 };
		e->sent(e);
	}
	drive_again(e, &f.held);
	assert_int_equal(f.held.len, 0);
	for (size_t i = 1; i < FETCH_AHEAD; i++) {
		say(&f, DONE_LINE);
		assert_int_equal(f.held.len, 0);
	}
	say(&f, DONE_LINE);
	assert_int_equal(f.held.len, sizeof DONE_LINE - 1);
	close_shelf(&f);
}

/* A batch of DONE whose write takes long leaves room for the letters of 20 readers, which share that write or the
 * next. */
static void
test_letters_are_taken_after_a_batch_of_done(void **state)
{
	struct shelf f;

	(void)state;
	open_shelf(&f, 10);
	for (size_t i = 0; i < 64; i++)
		say(&f, DONE_LINE);
	assert_int_equal(f.held.len, 0);
	for (size_t i = 0; i < 20; i++) {
		uint64_t last = f.asked;

		say(&f, FETCH_LINE);
		assert_int_equal(f.held.len, 0);
		assert_true(f.asked > last);
	}
	assert_int_equal(f.s.server.engine.out.len, 0);
	close_shelf(&f);
}

static void
test_octets_that_were_found_go_with_the_session(void **state)
{
	struct shelf f;
	uint64_t first;

	(void)state;
	open_shelf(&f, 10);
	say(&f, FETCH_LINE);
	first = f.asked;
	say(&f, FETCH_LINE);
	assert_true(give(&f));
	assert_int_equal(f.letter.freed, 0);
	f.s.server.engine.closing = true; /* abandoned */
	f.asked = first;
	assert_false(give(&f));
	assert_int_equal(f.letter.freed, 1);
	close_shelf(&f);
	assert_int_equal(f.letter.freed, 2);
}

static void
test_a_session_that_ends_frees_its_source(void **state)
{
	struct shelf f;

	(void)state;
	open_shelf(&f, 100);
	say(&f, "FETCH " ID "\r\n");
	assert_true(give(&f));
	assert_int_equal(f.letter.freed, 0);
	close_shelf(&f);
	assert_int_equal(f.letter.freed, 1);
}

static void
test_an_answer_of_another_kind_is_dropped(void **state)
{
	struct shelf f;
	struct err e;

	(void)state;
	open_shelf(&f, 100);
	say(&f, "FETCH " ID "\r\n");
	assert_false(fetch_server_answer(&f.s, f.asked, NULL));
	assert_true(
	    err_word(&e, REFUSAL_storage) || fetch_server_found_take(&f.s, f.asked, NULL, &e));
	assert_false(fetch_server_found_take(&f.s, f.asked, NULL, &e));
	say(&f, "DONE " ID "\r\n");
	assert_false(give(&f));
	assert_int_equal(f.letter.freed, 1);
	assert_true(fetch_server_answer(&f.s, f.asked, NULL));
	assert_false(fetch_server_answer(&f.s, f.asked, NULL));
	assert_out(&f, "451 4.3.0 [storage] the server's storage failed\r\n250 2.0.0 noted\r\n");
	close_shelf(&f);
}

static void
test_an_offset_that_slipped_through_is_refused(void **state)
{
	struct shelf f;

	(void)state;
	open_shelf(&f, 100);
	for (int offset = 99; offset <= 101; offset++) {
		char line[64];

		snprintf(line, sizeof line, "FETCH " ID " %d\r\n", offset);
		say(&f, line);
		assert_true(give(&f));
		assert_int_equal(f.s.server.engine.payload.left, offset == 99 ? 1 : 0);
		f.s.server.engine.payload = (struct payload) { 0 };
		drive_again(&f.s.server.engine, &f.held);
	}
	assert_out(&f,
	    "250 2.0.0 {1} here it is\r\n250 2.0.0 {0} here it is\r\n"
	    "501 5.5.4 [bad-offset] the offset is beyond the letter's end\r\n");
	assert_int_equal(f.letter.freed, 2);
	close_shelf(&f);
}

static void
test_an_answer_after_the_session_timed_out_is_dropped(void **state)
{
	struct shelf f;
	struct engine *e = &f.s.server.engine;

	(void)state;
	open_shelf(&f, 100);
	say(&f, "FETCH " ID "\r\n");
	for (int i = 0; i < 13 && !e->closing; i++) { /* patient for as long as it may */
		assert_in_range(e->deadline_ms, e->now_ms, e->now_ms + SERVER_IDLE_MS);
		e->now_ms = e->deadline_ms;
		e->tick(e);
	}
	assert_true(e->closing);
	assert_int_equal(e->now_ms, 1000 + SERVER_LIFE_MS + SERVER_IDLE_MS);
	assert_false(give(&f));
	assert_int_equal(f.letter.freed, 1);
	close_shelf(&f);
}

static void
test_idle_at_its_limit(void **state)
{
	struct shelf f;
	struct engine *e = &f.s.server.engine;

	(void)state;
	open_shelf(&f, 100);
	assert_int_equal(e->deadline_ms, 1000 + SERVER_IDLE_MS);
	e->now_ms = e->deadline_ms - 1;
	say(&f, "NOOP\r\n");
	assert_int_equal(e->deadline_ms, e->now_ms + SERVER_IDLE_MS);
	e->now_ms = e->deadline_ms;
	e->tick(e);
	assert_true(e->closing);
	assert_out(&f, "250 2.0.0 still here\r\n421 4.4.2 [idle] nothing came for too long\r\n");
	close_shelf(&f);
}

static void
test_a_payload_must_move(void **state)
{
	struct shelf f;
	struct engine *e = &f.s.server.engine;

	(void)state;
	open_shelf(&f, 1000);
	say(&f, "FETCH " ID " 10\r\n");
	assert_true(give(&f));
	drive_again(e, &f.held);
	buf_reset(&e->out);
	e->payload.offset++;
	e->payload.left--;
	e->now_ms = e->deadline_ms;
	e->tick(e);
	assert_false(e->closing);
	e->now_ms = e->deadline_ms;
	e->tick(e);
	assert_true(e->closing);
	assert_int_equal(e->out.len, 0); /* no reply comes after half a payload */
	assert_int_equal(f.letter.freed, 1);
	close_shelf(&f);
}

static void
test_full_output_stops_input(void **state)
{
	struct shelf f;
	struct engine *e = &f.s.server.engine;

	(void)state;
	open_shelf(&f, 100);
	buf_room(&e->out, ENGINE_OUT_BYTES);
	memset(e->out.data, 'x', ENGINE_OUT_BYTES);
	e->out.len = ENGINE_OUT_BYTES;
	say(&f, "DONE " ID "\r\n");
	assert_int_equal(f.held.len, 33);
	e->out.len = ENGINE_OUT_BYTES - 1;
	drive_again(e, &f.held);
	assert_int_equal(f.held.len, 0);
	close_shelf(&f);
}

static void
test_ten_faults_close(void **state)
{
	struct shelf f;

	(void)state;
	open_shelf(&f, 100);
	for (int i = 1; i <= SERVER_ERRORS_MAX; i++) {
		assert_false(f.s.server.engine.closing);
		say(&f, "FETCH x\r\n");
	}
	assert_true(f.s.server.engine.closing);
	close_shelf(&f);
}

/* -- the client ---------------------------------------------------------------------------- */

struct asker {
	struct fetch_client c; /* first */
	struct buf held, heard;
	uint64_t octets;
	struct span within; /* pieces must lie here */
	bool in_order;
};

static void
on_hello(void *role, const struct err *e)
{
	buf_addf(&((struct asker *)role)->heard, "hello %s;", e ? refusal_word(e->why) : "ok");
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	struct asker *a = role;

	(void)arg;
	(void)e;
	a->octets = 0;
	buf_addf(&a->heard, "found %llu;", (unsigned long long)octets);
	return true;
}

static void
on_payload(void *role, void *arg, struct span piece)
{
	struct asker *a = role;

	(void)arg;
	if (a->within.n > 0) {
		assert_in_range((uintptr_t)piece.p, (uintptr_t)a->within.p,
		    (uintptr_t)a->within.p + a->within.n - piece.n);
	} else {
		for (size_t i = 0; i < piece.n; i++)
			a->in_order = a->in_order && piece.p[i] == vast_octet(a->octets + i);
	}
	a->octets += piece.n;
}

static void
on_end(void *role, void *arg, const struct err *e)
{
	buf_addf(&((struct asker *)role)->heard, "end %s;", e ? refusal_word(e->why) : "ok");
	(void)arg;
}

static void
on_lost(void *role, const struct err *e)
{
	buf_addf(&((struct asker *)role)->heard, "lost %s;", refusal_word(e->why));
}

static const struct fetch_client_ops client_ops = {
	on_hello,
	on_found,
	on_payload,
	on_end,
	on_lost,
};

static void
open_asker(struct asker *a)
{
	*a = (struct asker) { .in_order = true };
	fetch_client_init(&a->c, &client_ops, a);
	a->c.client.engine.now_ms = 1000;
}

static void
close_asker(struct asker *a)
{
	fetch_client_clear(&a->c);
	buf_clear(&a->held);
	buf_clear(&a->heard);
}

static void
assert_heard(struct asker *a, const char *text)
{
	buf_add(&a->heard, "", 1);
	assert_string_equal(a->heard.data, text);
	buf_reset(&a->heard);
}

static struct ulid
an_id(void)
{
	struct ulid id;

	assert_true(ulid_parse(SPAN_LIT(ID), &id));
	return id;
}

static void
test_five_gib_pass_uncopied(void **state)
{
	static char window[ENGINE_WINDOW_BYTES];
	struct asker a;
	struct engine *e = &a.c.client.engine;
	struct ulid id = an_id();
	uint64_t left = 5 * GIB;

	(void)state;
	open_asker(&a);
	assert_true(fetch_client_fetch(&a.c, &id, 0, NULL));
	drive(e, &a.held, SPAN_LIT("250 2.0.0 {5368709120} here\r\n"), 7);
	a.within = span_of(window, sizeof window);
	while (left > 0) {
		size_t n = left < sizeof window - 1 ? (size_t)left : sizeof window - 1;

		assert_int_equal(e->feed(e, span_of(window, n)), n);
		left -= n;
	}
	assert_int_equal(a.octets, 5 * GIB);
	assert_heard(&a, "found 5368709120;end ok;");
	close_asker(&a);
}

static void
test_a_session_has_its_hour(void **state)
{
	struct asker a;
	struct engine *e = &a.c.client.engine;

	(void)state;
	open_asker(&a);
	assert_true(fetch_client_hello(&a.c, "b.test"));
	drive_again(e, &a.held);
	drive(e, &a.held, SPAN_LIT("250 2.0.0 x\r\n"), 1000);
	assert_int_equal(e->deadline_ms, 1000 + CLIENT_LIFE_MS);
	e->now_ms = e->deadline_ms;
	e->tick(e);
	assert_true(e->closing);
	assert_heard(&a, "hello ok;lost too-slow;");
	close_asker(&a);
}

static void
test_silence_is_waited_for_and_then_told(void **state)
{
	struct asker a;
	struct engine *e = &a.c.client.engine;
	struct ulid id = an_id();

	(void)state;
	open_asker(&a);
	assert_true(fetch_client_hello(&a.c, "b.test"));
	assert_true(fetch_client_fetch(&a.c, &id, 0, NULL));
	assert_true(fetch_client_done(&a.c, &id, NULL));
	drive_again(e, &a.held);
	assert_int_equal(e->deadline_ms, 1000 + CLIENT_REPLY_MS);
	e->now_ms += CLIENT_REPLY_MS - 1;
	drive(e, &a.held, SPAN_LIT("250 2.0.0 x\r\n250 2.0.0 {9} x\r\nabc"), 1000);
	assert_int_equal(e->deadline_ms, e->now_ms + CLIENT_RATE_MS);
	e->now_ms = e->deadline_ms;
	e->tick(e);
	assert_true(e->closing);
	assert_heard(&a, "hello ok;found 9;end unreachable;end unreachable;lost unreachable;");
	assert_false(fetch_client_noop(&a.c));
	close_asker(&a);
}

static void
test_outstanding_at_its_limit(void **state)
{
	struct asker a;
	struct ulid id = an_id();
	size_t before;

	(void)state;
	open_asker(&a);
	for (int i = 0; i < CLIENT_EXPECT_MAX; i++)
		assert_true(fetch_client_done(&a.c, &id, NULL));
	before = a.c.client.engine.out.len;
	assert_false(fetch_client_done(&a.c, &id, NULL));
	assert_int_equal(a.c.client.engine.out.len, before);
	drive(&a.c.client.engine, &a.held, SPAN_LIT("250 2.0.0 x\r\n"), 100);
	assert_true(fetch_client_done(&a.c, &id, NULL));
	close_asker(&a);
}

static void
test_a_reply_that_cannot_be_parsed_ends_all(void **state)
{
	static const char *const bad[] = { "250 ok\r\n", "250 2.0.0 {x} y\r\n", "334 2.0.0 =\r\n",
		"250 2.0.0 no octets\r\n", "250 2.0.0 {3} x\nabc",
		"100 2.0.0 x\r\n999 2.0.0 x\r\n" };
	struct ulid id = an_id();

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct asker a;

		open_asker(&a);
		assert_true(fetch_client_fetch(&a.c, &id, 0, NULL));
		assert_true(fetch_client_noop(&a.c));
		drive(&a.c.client.engine, &a.held, span_str(bad[i]), 1000);
		assert_heard(&a, "end bad-reply;lost bad-reply;");
		close_asker(&a);
	}
}

/* -- both ---------------------------------------------------------------------------------- */

static void
test_a_letter_goes_through(void **state)
{
	static const size_t chunks[] = { 1, 7, 1000, 16384 };
	struct ulid id = an_id();

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct shelf f;
		struct asker a;
		struct pair p = { &a.c.client.engine, &f.s.server.engine, .chunk = chunks[i] };

		open_asker(&a);
		f = (struct shelf) { .letter = vast_make(), .size = 70000 };
		fetch_server_init(&f.s, &server_ops, &f);
		assert_true(fetch_client_hello(&a.c, "b.test"));
		assert_true(fetch_client_summary(&a.c, &id, NULL));
		assert_true(fetch_client_fetch(&a.c, &id, 0, NULL));
		assert_true(fetch_client_done(&a.c, &id, NULL));
		assert_true(fetch_client_quit(&a.c));
		pair_run(&p);
		assert_true(fetch_server_answer(&f.s, f.asked, NULL)); /* DONE; FETCH was before */
		f.asked--;
		assert_true(give(&f));
		pair_run(&p);
		assert_int_equal(a.octets, 70000);
		assert_true(a.in_order);
		pair_run(&p);
		assert_true(f.s.server.engine.closing);
		assert_heard(&a,
		    "hello ok;found 70000;end ok;found 70000;end ok;end ok;"
		    "lost closing;");
		assert_int_equal(f.letter.freed, 2);
		pair_clear(&p);
		close_asker(&a);
		close_shelf(&f);
	}
}

/* Ids are capabilities: whoever guesses is answered so often and no more. */
static void
test_guessing_has_an_end(void **state)
{
	struct shelf f;
	struct err e;

	(void)state;
	err_set(&e, REFUSAL_unknown_id, "no");
	open_shelf(&f, 1);
	for (int i = 1; i < FETCH_UNKNOWN_MAX; i++) {
		say(&f, i % 2 == 0 ? "FETCH " ID "\r\n" : "DONE " ID "\r\n");
		assert_true(i % 2 == 0 ? fetch_server_found_take(&f.s, f.asked, NULL, &e)
				       : fetch_server_answer(&f.s, f.asked, &e));
		assert_out(&f, "550 5.7.1 [unknown-id] no\r\n");
		assert_false(f.s.server.engine.closing);
	}
	say(&f, "FETCH " ID "\r\n");
	assert_true(fetch_server_found_take(&f.s, f.asked, NULL, &e));
	assert_out(&f,
	    "550 5.7.1 [unknown-id] no\r\n"
	    "421 4.7.0 [too-many-errors] too many errors in one session\r\n");
	assert_true(f.s.server.engine.closing);
	say(&f, "NOOP\r\n");
	assert_out(&f, "");
	close_shelf(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guessing_has_an_end),
		cmocka_unit_test(test_nothing_is_said_while_a_payload_leaves),
		cmocka_unit_test(test_requests_ahead_at_their_limits),
		cmocka_unit_test(test_letters_are_taken_after_a_batch_of_done),
		cmocka_unit_test(test_octets_that_were_found_go_with_the_session),
		cmocka_unit_test(test_a_session_that_ends_frees_its_source),
		cmocka_unit_test(test_an_answer_of_another_kind_is_dropped),
		cmocka_unit_test(test_an_offset_that_slipped_through_is_refused),
		cmocka_unit_test(test_an_answer_after_the_session_timed_out_is_dropped),
		cmocka_unit_test(test_idle_at_its_limit),
		cmocka_unit_test(test_a_payload_must_move),
		cmocka_unit_test(test_full_output_stops_input),
		cmocka_unit_test(test_ten_faults_close),
		cmocka_unit_test(test_five_gib_pass_uncopied),
		cmocka_unit_test(test_a_session_has_its_hour),
		cmocka_unit_test(test_silence_is_waited_for_and_then_told),
		cmocka_unit_test(test_outstanding_at_its_limit),
		cmocka_unit_test(test_a_reply_that_cannot_be_parsed_ends_all),
		cmocka_unit_test(test_a_letter_goes_through),
	};

	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
