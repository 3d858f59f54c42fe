/* notify_limits — how much a batch may be, at -1, 0 and +1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/notify_play.h"

static void
statement_size(size_t n, const char *want)
{
	struct scene_letter l = scene_letter(1);
	struct buf text = BUF_INIT;

	begin();
	memset(buf_room(&text, n), 'x', n);
	text.len = n;
	scene_text(&sc, buf_span(&text));
	buf_clear(&text);
	scene_say(&sc, &l);
	scene_seal(&sc);
	plays(want);
}

static void
statement_limit(void **state)
{
	(void)state;
	statement_size(STATEMENT_MAX_BYTES - 1, "250 bad-statement 250 ");
	statement_size(STATEMENT_MAX_BYTES, "250 bad-statement 250 ");
	statement_size(STATEMENT_MAX_BYTES + 1, "250 statement-too-big 250 ");
	statement_size(ENGINE_WINDOW_BYTES * 3, "250 statement-too-big 250 ");
}

/* Not even until its seal comes. */
static void
a_statement_too_long_is_not_kept(void **state)
{
	struct scene_letter l = scene_letter(1);
	struct buf text = BUF_INIT;

	(void)state;
	for (size_t over = 0; over <= 1; over++) {
		begin();
		memset(buf_room(&text, STATEMENT_MAX_BYTES + over), 'x',
		    STATEMENT_MAX_BYTES + over);
		text.len = STATEMENT_MAX_BYTES + over;
		scene_text(&sc, buf_span(&text));
		scene_say(&sc, &l);
		feed(sc.wire.len);
		assert_int_equal(role.engine.gathering->octets.len >= STATEMENT_MAX_BYTES,
		    over == 0);
		end();
	}
	buf_clear(&text);
}

static void
count_words(size_t n_good, size_t n_bad, const char *word)
{
	struct buf got = BUF_INIT, want = BUF_INIT;

	buf_addf(&want, "250 ");
	for (size_t i = 0; i < n_good; i++)
		buf_addf(&want, "250 ");
	for (size_t i = 0; i < n_bad; i++)
		buf_addf(&want, "%s ", word);
	feed(sc.wire.len);
	words(&got);
	assert_true(span_eq(buf_span(&got), buf_span(&want)));
	buf_clear(&got);
	buf_clear(&want);
	end();
}

static void
statements_a_seal(void **state)
{
	(void)state;
	for (unsigned n = SEAL_STATEMENTS_MAX - 1; n <= SEAL_STATEMENTS_MAX + 1; n++) {
		begin();
		for (unsigned i = 0; i < n; i++) {
			struct scene_letter l = scene_letter(i);

			scene_say(&sc, &l);
		}
		if (sc.n > SEAL_STATEMENTS_MAX)
			sc.n = SEAL_STATEMENTS_MAX;
		scene_seal(&sc);
		count_words(n < SEAL_STATEMENTS_MAX ? n : SEAL_STATEMENTS_MAX,
		    n > SEAL_STATEMENTS_MAX, "too-many-statements");
	}
}

static void
recipients_a_statement(void **state)
{
	(void)state;
	for (size_t n = STATEMENT_RECIPIENTS_MAX - 1; n <= STATEMENT_RECIPIENTS_MAX + 1; n++) {
		struct scene_letter l = scene_letter(1);
		unsigned char salt[16];
		char address[ADDRESS_STR_BYTES];

		begin();
		l.n_recipients = n;
		for (size_t i = 0; i < n; i++) {
			scene_salt(1, i, salt);
			scene_rcpt(&sc, scene_recipient(&l, i, address), salt);
		}
		l.no_rcpt = true;
		l.n_recipients = n < STATEMENT_RECIPIENTS_MAX ? n : STATEMENT_RECIPIENTS_MAX;
		scene_say(&sc, &l);
		scene_seal(&sc);
		count_words(l.n_recipients, n > STATEMENT_RECIPIENTS_MAX, "too-many-recipients");
	}
}

/* "STATEMENT 16000\r\n" and 16,000 octets are 16,017; the seal's own octets count. */
static void
octets_a_batch(void **state)
{
	struct buf zeros = BUF_INIT;

	(void)state;
	memset(buf_room(&zeros, 40000), 'x', 40000);
	for (size_t more = 0; more <= 2; more++) {
		size_t left = NOTIFY_BATCH_BYTES - 1 + more, n;

		begin();
		for (; left > 30000; left -= 16017) {
			scene_raw(&sc, "STATEMENT 16000\r\n");
			buf_add(&sc.wire, zeros.data, 16000);
		}
		n = left - strlen("SEAL 10000 ecdsa-sha256 1000\r\n") - 1000;
		buf_addf(&sc.wire, "SEAL %zu ecdsa-sha256 1000\r\n", n);
		assert_true(n >= 10000 && n < 100000);
		buf_add(&sc.wire, zeros.data, n + 1000);
		feed(4096);
		assert_int_equal(role.engine.server.engine.closing, more == 2);
		if (more == 2)
			says("250 batch-too-big ");
		end();
	}
	buf_clear(&zeros);
}

static void
replies_a_seal(void **state)
{
	(void)state;
	for (size_t n = NOTIFY_ENTRIES_MAX - 1; n <= NOTIFY_ENTRIES_MAX + 1; n++) {
		begin();
		for (size_t i = 0; i < n; i++)
			scene_raw(&sc, "RCPT\r\n");
		feed(sc.wire.len);
		assert_int_equal(role.engine.server.engine.closing, n > NOTIFY_ENTRIES_MAX);
		says(n > NOTIFY_ENTRIES_MAX ? "250 too-many-recipients " : "250 ");
		end();
	}
}

/* -- memory ------------------------------------------------------------------------------------- */

static void
say_many(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		scene_raw(&sc, line);
}

/* Refused before it is taken, and what came of it is forgotten at once. */
static void
a_session_over_its_memory_ends(void **state)
{
	(void)state;
	begin();
	role.may_hold = 64 * 1024;
	say_many("RCPT <bob@b.test> 00112233445566778899aabbccddeeff\r\n", 2000);
	feed(4096);
	assert_true(role.engine.server.engine.closing);
	assert_null(role.engine.gathering);
	assert_true(role.held_most <= role.may_hold);
	says("250 batch-share ");
	drive_again(&role.engine.server.engine, &held);
	assert_int_equal(role.held, 0);
	end();
}

static void
what_a_statement_announces_counts(void **state)
{
	(void)state;
	for (size_t more = 0; more <= 1; more++) {
		begin();
		role.may_hold = 16 * 1024;
		buf_addf(&sc.wire, "STATEMENT %zu\r\n", (size_t)(8 * 1024) + more * 8 * 1024);
		feed(sc.wire.len);
		assert_int_equal(role.engine.server.engine.closing, more == 1);
		says(more == 1 ? "250 batch-share " : "250 ");
		end();
	}
}

static void
entries_that_are_faulty_count(void **state)
{
	size_t faulty;

	(void)state;
	begin();
	say_many("RCPT\r\n", 4000);
	feed(sc.wire.len);
	faulty = role.held;
	assert_true(faulty >= 4000 * sizeof(struct notify_entry));
	assert_true(faulty >= notify_batch_bytes(role.engine.gathering));
	end();
}

static void
replies_count_until_they_have_left(void **state)
{
	struct buf *out = &role.engine.server.engine.out;
	size_t replies;

	(void)state;
	begin();
	say_many("RCPT\r\n", 2000);
	scene_raw(&sc, "SEAL 1 none 1\r\nxx");
	feed(sc.wire.len);
	assert_null(role.engine.gathering);
	replies = out->len;
	assert_true(replies > 2000 * 20);
	assert_true(role.held >= replies && role.held < replies + NOTIFY_HOLD_STEP);
	buf_drop(out, replies / 2);
	drive_again(&role.engine.server.engine, &held);
	assert_true(role.held >= out->len && role.held < out->len + NOTIFY_HOLD_STEP);
	buf_reset(out);
	drive_again(&role.engine.server.engine, &held);
	assert_int_equal(role.held, 0);
	end();
}

/* A batch that waits for the role's answer is the role's. */
static void
a_batch_that_was_handed_over_counts_no_more(void **state)
{
	struct scene_letter l = scene_letter(1);

	(void)state;
	begin();
	role.slow = true;
	scene_say(&sc, &l);
	scene_seal(&sc);
	feed(sc.wire.len);
	says("250 ");
	drive_again(&role.engine.server.engine, &held);
	assert_int_equal(role.n_batches, 1);
	assert_true(role.held_most > 0);
	assert_int_equal(role.held, 0);
	end();
}

/* The role accounts by the domain of HELLO, and nothing is its before. */
static void
nothing_counts_before_hello(void **state)
{
	struct buf *out = &role.engine.server.engine.out;

	(void)state;
	scene_role_init(&role);
	say_many("NOOP\r\n", SERVER_UNKNOWN_MAX - 1);
	feed(sc.wire.len);
	assert_true(out->len > 0);
	assert_int_equal(role.held_most, 0);
	scene_raw(&sc, "HELLO a.test\r\n");
	feed(sc.wire.len);
	assert_true(role.held >= out->len && role.held < out->len + NOTIFY_HOLD_STEP);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statement_limit),
		cmocka_unit_test(a_statement_too_long_is_not_kept),
		cmocka_unit_test(statements_a_seal),
		cmocka_unit_test(recipients_a_statement),
		cmocka_unit_test(octets_a_batch),
		cmocka_unit_test(replies_a_seal),
		cmocka_unit_test(a_session_over_its_memory_ends),
		cmocka_unit_test(what_a_statement_announces_counts),
		cmocka_unit_test(entries_that_are_faulty_count),
		cmocka_unit_test(replies_count_until_they_have_left),
		cmocka_unit_test(a_batch_that_was_handed_over_counts_no_more),
		cmocka_unit_test(nothing_counts_before_hello),
	};

	return cmocka_run_group_tests_name("notify_limits", tests, NULL, NULL);
}
