/* submit — the OMS's side: limits, size, time, answers that come too late, signing in. */
#include "tests/unit/submit_scene.h"

static void
test_a_large_letter_passes_uncopied(void **state)
{
	static char window[ENGINE_WINDOW_BYTES];
	struct desk d;
	uint64_t left = 50 * MIB;

	(void)state;
	open_desk(&d, true);
	say(&d, "FROM <a@a.test>\r\nTO <b@b.test>\r\nMESSAGE 52428800 t\r\n");
	d.within = span_of(window, sizeof window);
	while (left > 0) {
		size_t n = left < sizeof window - 1 ? (size_t)left : sizeof window - 1;

		assert_int_equal(mouth(&d)->feed(mouth(&d), span_of(window, n)), n);
		left -= n;
	}
	assert_last(&d, "250 2.0.0 " ID);
	assert_int_equal(d.ended, 1);
	close_desk(&d);
}

static void
test_a_refused_letter_is_read_past(void **state)
{
	static char window[ENGINE_WINDOW_BYTES];
	struct desk d;

	(void)state;
	open_desk(&d, true);
	memset(window, 'x', sizeof window);
	memcpy(window, "QUIT\r\n", 6);
	d.within = span_of("", 1); /* no piece may come */
	say(&d, "FROM <a@a.test>\r\nTO <b@b.test>\r\nMESSAGE 52428801 t\r\n");
	assert_last(&d, "552 5.3.4 [message-too-big]");
	for (uint64_t left = 50 * MIB + 1; left > 0;) {
		size_t n = left < sizeof window ? (size_t)left : sizeof window;

		assert_int_equal(mouth(&d)->feed(mouth(&d), span_of(window, n)), n);
		left -= n;
	}
	assert_int_equal(mouth(&d)->out.len, 0);
	say(&d, "NOOP\r\n");
	assert_last(&d, "250 2.0.0 still here");
	assert_int_equal(d.ended, 0);
	close_desk(&d);
}

static void
test_what_is_no_letter_ends_the_session(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, true);
	say(&d, "FROM <a@a.test>\r\nTO <b@b.test>\r\nMESSAGE 1099511627776 t\r\n");
	assert_false(mouth(&d)->closing);
	assert_last(&d, "552");
	close_desk(&d);
	open_desk(&d, true);
	say(&d, "FROM <a@a.test>\r\nTO <b@b.test>\r\nMESSAGE 1099511627777 t\r\n");
	assert_true(mouth(&d)->closing);
	assert_last(&d, "552");
	close_desk(&d);
}

static void
test_recipients_at_their_limit(void **state)
{
	struct desk d;
	char line[64];

	(void)state;
	open_desk(&d, true);
	say(&d, "FROM <a@a.test>\r\n");
	for (int i = 1; i <= SUBMIT_RECIPIENTS_MAX; i++) {
		snprintf(line, sizeof line, "TO <user%d@b.test>\r\n", i);
		say(&d, line);
		assert_last(&d, "250 2.1.5");
	}
	say(&d, "TO <user7@B.test>\r\n"); /* known already */
	assert_last(&d, "250 2.1.5");
	say(&d, "MESSAGE 0 t\r\n");
	assert_last(&d, "250 2.0.0");
	assert_int_equal(d.last.n_to, SUBMIT_RECIPIENTS_MAX);
	assert_string_equal(d.last.to[99], "user100@b.test");
	close_desk(&d);
}

static void
test_recipients_beyond_their_limit(void **state)
{
	struct desk d;
	char line[64];

	(void)state;
	open_desk(&d, true);
	say(&d, "FROM <a@a.test>\r\n");
	for (int i = 1; i <= SUBMIT_RECIPIENTS_MAX + 1; i++) {
		snprintf(line, sizeof line, "TO <user%d@b.test>\r\n", i);
		say(&d, line);
	}
	assert_last(&d, "452 4.5.3 [too-many-recipients]");
	say(&d, "MESSAGE 3 t\r\nabc");
	assert_last(&d, "452 4.5.3 [too-many-recipients] user101@b.test: ");
	assert_int_equal(d.begun, 0);
	close_desk(&d);
}

static void
test_days_and_tokens_at_their_limits(void **state)
{
	static const struct {
		const char *hold;
		size_t token;
		const char *reply;
	} rows[] = {
		{ "0", 1, "501 5.5.4 [bad-hold]" },
		{ "1", 1, "250" },
		{ "366", 63, "250" },
		{ "367", 1, "501 5.5.4 [bad-hold]" },
		{ "1", 64, "250" },
		{ "1", 65, "501 5.5.4 [bad-syntax]" },
		{ "1", 0, "501 5.5.4 [bad-syntax]" },
	};
	char lines[256], token[80];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct desk d;

		open_desk(&d, true);
		memset(token, 't', sizeof token);
		token[rows[i].token] = '\0';
		snprintf(lines, sizeof lines,
		    "FROM <a@a.test>\r\nTO <b@b.test>\r\nHOLD %s\r\n"
		    "MESSAGE 2 %s\r\nab",
		    rows[i].hold, token);
		say(&d, lines);
		assert_last(&d, rows[i].reply);
		assert_int_equal(d.ended, rows[i].reply[0] == '2');
		close_desk(&d);
	}
}

static void
test_a_letter_begins_anew(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, true);
	say(&d,
	    "FROM <a@a.test>\r\nTO bad\r\nHOLD 9\r\n"
	    "FROM <a@A.TEST>\r\nTO <b@b.test>\r\nMESSAGE 0 t.1_-Z\r\n");
	assert_last(&d, "250 2.0.0");
	assert_string_equal(d.last.from, "a@a.test");
	assert_string_equal(d.last.token, "t.1_-Z");
	assert_int_equal(d.last.n_to, 1);
	assert_int_equal(d.last.hold_days, 0);
	assert_null(d.s.letter);
	close_desk(&d);
}

/* Whether the letter may come is known later: until then none of its octets is read. */
static void
test_a_letter_that_waits_to_begin(void **state)
{
	static const char letter[] = "FROM <a@a.test>\r\nTO <b@b.test>\r\nMESSAGE 6 t\r\n";
	struct desk d;
	struct ulid id;
	struct err e;

	(void)state;
	err_word(&e, REFUSAL_outbox_full);
	for (int refused = 0; refused < 2; refused++) {
		open_desk(&d, true);
		d.slow_to_begin = true;
		d.within = span_of("QUIT\r\n", 6);
		say(&d, letter);
		assert_int_equal(d.begun, 1);
		buf_reset(&mouth(&d)->out);
		assert_int_equal(mouth(&d)->feed(mouth(&d), d.within), 0);
		assert_false(submit_server_taken(&d.s, d.asked, &id, NULL));
		assert_false(submit_server_answer(&d.s, d.asked - 1, NULL));
		assert_true(submit_server_answer(&d.s, d.asked, refused ? &e : NULL));
		assert_false(submit_server_answer(&d.s, d.asked, NULL));
		if (refused)
			assert_last(&d, "452 4.2.2 [outbox-full]");
		assert_int_equal(mouth(&d)->feed(mouth(&d), d.within), 6);
		if (!refused)
			assert_last(&d, "250 2.0.0 " ID);
		assert_int_equal(d.ended, !refused);
		assert_false(mouth(&d)->closing);
		close_desk(&d);
	}
}

static void
test_answers_that_come_too_late(void **state)
{
	struct desk d;
	struct ulid id;
	struct err e;

	(void)state;
	open_desk(&d, true);
	d.slow = true;
	err_word(&e, REFUSAL_storage);
	assert_true(ulid_parse(SPAN_LIT(ID), &id));
	say(&d, "FROM <a@a.test>\r\n");
	assert_false(submit_server_taken(&d.s, d.asked, &id, NULL));
	assert_false(submit_server_page(&d.s, d.asked, SPAN_LIT(""), false, NULL));
	assert_false(sasl_server_answer(&d.s.sasl, d.asked, NULL, &e));
	assert_true(submit_server_answer(&d.s, d.asked, NULL));
	assert_false(submit_server_answer(&d.s, d.asked, NULL));
	d.slow = false;
	say(&d, "TO <b@b.test>\r\n");
	d.slow = true;
	say(&d, "MESSAGE 2 t\r\nab");
	assert_false(submit_server_answer(&d.s, d.asked, NULL));
	mouth(&d)->now_ms += SERVER_LIFE_MS;
	mouth(&d)->tick(mouth(&d));
	assert_false(submit_server_taken(&d.s, d.asked, &id, NULL));
	assert_last(&d, "421 4.4.2 [too-slow]");
	close_desk(&d);
}

static void
test_a_letter_that_stops_half_way(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, true);
	d.within = span_of("", 0);
	say(&d, "FROM <a@a.test>\r\nTO <b@b.test>\r\nMESSAGE 1000 t\r\n");
	mouth(&d)->now_ms = mouth(&d)->deadline_ms - 1;
	say(&d, "abc"); /* so few octets are no sign of life */
	assert_int_equal(mouth(&d)->deadline_ms, mouth(&d)->now_ms + 1);
	mouth(&d)->now_ms = mouth(&d)->deadline_ms;
	mouth(&d)->tick(mouth(&d));
	assert_true(mouth(&d)->closing);
	assert_last(&d, "421 4.4.2 [too-slow]");
	assert_int_equal(d.ended, 0);
	close_desk(&d);
}

/* Our disk is slow: the peer is neither, and its octets wait at the mover. */
static void
test_a_paused_letter_waits(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, true);
	d.pauses = true;
	say(&d, "FROM <a@a.test>\r\nTO <b@b.test>\r\nMESSAGE 9 t\r\nabc");
	say(&d, "def");
	assert_int_equal(d.octets, 3);
	assert_int_equal(d.held.len, 3);
	for (int i = 0; i < 3; i++) {
		mouth(&d)->now_ms = mouth(&d)->deadline_ms;
		mouth(&d)->tick(mouth(&d));
	}
	assert_false(mouth(&d)->closing);
	submit_server_pause(&d.s, false);
	drive_again(mouth(&d), &d.held);
	assert_int_equal(d.octets, 6);
	say(&d, "ghiNOOP\r\n");
	assert_int_equal(d.ended, 0);
	submit_server_pause(&d.s, false);
	drive_again(mouth(&d), &d.held);
	assert_int_equal(d.ended, 1);
	assert_int_equal(d.held.len, 0); /* the end of the letter ends the pause */
	assert_last(&d, "250 2.0.0");
	close_desk(&d);
}

static void
test_full_output_stops_input(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, true);
	for (int i = 0; i < 100; i++)
		say(&d, "STATUS " ID "\r\n");
	assert_in_range(mouth(&d)->out.len, ENGINE_OUT_BYTES, 2 * ENGINE_OUT_BYTES + 65536);
	assert_in_range(d.held.len, 98 * 35, 99 * 35);
	buf_reset(&mouth(&d)->out);
	drive_again(mouth(&d), &d.held);
	assert_in_range(d.held.len, 97 * 35, 98 * 35);
	close_desk(&d);
}

/* -- signing in ---------------------------------------------------------------------------- */

static void
test_steps_of_signing_in(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, false);
	say(&d, "AUTH ENDLESS =\r\n");
	for (int i = 2; i <= SASL_STEPS_MAX; i++) {
		say(&d, "=\r\n");
		assert_last(&d, "334 2.0.0 =");
	}
	say(&d, "=\r\n");
	assert_last(&d, "421 4.7.0 [too-many-errors]");
	assert_true(mouth(&d)->closing);
	close_desk(&d);
}

static void
test_failures_of_signing_in(void **state)
{
	struct desk d;

	(void)state;
	open_desk(&d, false);
	for (int i = 1; i <= SASL_FAILURES_MAX; i++) {
		assert_false(mouth(&d)->closing);
		say(&d, "AUTH SCRAM-SHA-256 AAAA\r\n");
		assert_last(&d, "535 5.7.8 [auth-failed]");
	}
	assert_true(mouth(&d)->closing);
	assert_int_equal(d.s.sasl.server.state, SASL_NEW);
	close_desk(&d);
}

static void
test_a_late_yes_lets_nobody_in(void **state)
{
	struct desk d;
	struct sasl_said yes = { .signed_in = true };
	struct err no;

	(void)state;
	open_desk(&d, false);
	d.slow = true;
	err_word(&no, REFUSAL_auth_failed);
	say(&d, "AUTH SCRAM-SHA-256 AAAA\r\n");
	assert_false(sasl_server_answer(&d.s.sasl, d.asked + 1, &yes, NULL));
	assert_true(sasl_server_answer(&d.s.sasl, d.asked, NULL, &no));
	assert_false(sasl_server_answer(&d.s.sasl, d.asked, &yes, NULL));
	say(&d, "FROM <a@a.test>\r\n");
	assert_last(&d, "530 5.7.0 [auth-required]");
	close_desk(&d);
}

static void
test_all_states_have_names(void **state)
{
	(void)state;
	for (int i = SUBMIT_WAITING; i <= SUBMIT_BY_SMTP; i++) {
		struct submit_recipient in = { .to = "b%c@b.test",
			.state = (enum submit_state)i,
			.since_s = 1,
			.next_s = 2,
			.tries = 3,
			.by = (enum submit_speaker)(i % 3),
			.text = "said",
			.by_smtp = i % 2 != 0,
			.host = "mx.b.test",
			.secured = "ca+dane",
			.no_recall = i % 3 != 0 },
					out;
		struct buf row = BUF_INIT;
		struct row r;
		struct err e;

		submit_recipient_write(&row, &in);
		assert_true(row_parse(&r, span_of(row.data, row.len - 2), &e));
		assert_true(submit_recipient_read(&r, &out, &e));
		assert_int_equal(out.state, i);
		assert_string_equal(out.to, in.to);
		assert_int_equal(out.by, i % 3);
		assert_int_equal(out.by_smtp, i % 2 != 0);
		assert_int_equal(out.no_recall, i % 3 != 0);
		assert_string_equal(out.host, "mx.b.test");
		assert_string_equal(out.secured, "ca+dane");
		assert_int_equal(out.since_s + out.next_s + (int64_t)out.tries, 6);
		buf_clear(&row);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_large_letter_passes_uncopied),
		cmocka_unit_test(test_a_refused_letter_is_read_past),
		cmocka_unit_test(test_what_is_no_letter_ends_the_session),
		cmocka_unit_test(test_recipients_at_their_limit),
		cmocka_unit_test(test_recipients_beyond_their_limit),
		cmocka_unit_test(test_days_and_tokens_at_their_limits),
		cmocka_unit_test(test_a_letter_begins_anew),
		cmocka_unit_test(test_a_letter_that_waits_to_begin),
		cmocka_unit_test(test_answers_that_come_too_late),
		cmocka_unit_test(test_a_letter_that_stops_half_way),
		cmocka_unit_test(test_a_paused_letter_waits),
		cmocka_unit_test(test_full_output_stops_input),
		cmocka_unit_test(test_steps_of_signing_in),
		cmocka_unit_test(test_failures_of_signing_in),
		cmocka_unit_test(test_a_late_yes_lets_nobody_in),
		cmocka_unit_test(test_all_states_have_names),
	};

	return cmocka_run_group_tests_name("submit", tests, NULL, NULL);
}
