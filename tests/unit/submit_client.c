/* submit_client — the user's side, and both engines against each other. */
#include "tests/unit/submit_scene.h"

#include "tests/pair.h"

static void
test_a_draft_of_another_form_is_not_sent(void **state)
{
	static const char *const evil[] = { "x@b.test>\r\nQUIT\r\n<a@b.test" };
	const char *many[SUBMIT_RECIPIENTS_MAX + 1];
	struct writer w;
	struct submit_draft d;
	struct vast v = vast_make();
	struct err e;

	(void)state;
	open_writer(&w);
	for (size_t i = 0; i <= SUBMIT_RECIPIENTS_MAX; i++)
		many[i] = "x@b.test";
	d = draft(), d.to = evil;
	assert_false(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	d = draft(), d.from = "a b@a.test";
	assert_false(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	d = draft(), d.n_to = 0;
	assert_false(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	d = draft(), d.token = "t t";
	assert_false(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	d = draft(), d.octets = 3;
	assert_false(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	d = draft(), d.to = many, d.n_to = SUBMIT_RECIPIENTS_MAX + 1;
	assert_false(submit_client_send_take(&w.c, &d, &v.source, NULL, &e));
	assert_int_equal(e.why, REFUSAL_too_many_recipients);
	assert_int_equal(v.freed, 1);
	assert_int_equal(w.c.sasl.client.engine.out.len, 0);
	d.n_to = SUBMIT_RECIPIENTS_MAX;
	assert_true(submit_client_send_take(&w.c, &d, &v.source, NULL, &e));
	assert_int_equal(w.taken + w.refused, 0);
	close_writer(&w);
}

static void
test_nothing_is_said_into_a_payload(void **state)
{
	struct writer w;
	struct submit_draft d = draft();
	struct vast v = vast_make();
	struct ulid id = { 0 };
	struct err e;
	size_t before;

	(void)state;
	open_writer(&w);
	assert_true(submit_client_send_take(&w.c, &d, &v.source, NULL, &e));
	before = w.c.sasl.client.engine.out.len;
	assert_false(submit_client_may_send(&w.c));
	assert_false(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	assert_false(submit_client_status(&w.c, &id, NULL));
	assert_false(submit_client_outbox(&w.c, NULL, NULL));
	assert_false(submit_client_noop(&w.c));
	assert_false(submit_client_quit(&w.c));
	assert_false(submit_client_auth(&w.c, SCENE_MECHANISM));
	assert_int_equal(w.c.sasl.client.engine.out.len, before);
	close_writer(&w);
	assert_int_equal(v.freed, 1);
}

static void
test_letters_under_way_at_their_limit(void **state)
{
	struct writer w;
	struct submit_draft d = draft();
	struct err e;

	(void)state;
	open_writer(&w);
	for (int i = 0; i < SUBMIT_CLIENT_LETTERS; i++)
		assert_true(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	assert_false(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	assert_int_equal(e.why, REFUSAL_too_many_outstanding);
	err_word(&e, REFUSAL_closing);
	client_lost(&w.c.sasl.client, &e);
	assert_int_equal(w.refused, SUBMIT_CLIENT_LETTERS);
	assert_heard(&w, "lost closing;");
	assert_false(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	close_writer(&w);
}

static void
test_a_slow_password(void **state)
{
	struct writer w;
	struct engine *e = &w.c.sasl.client.engine;
	struct err no;

	(void)state;
	open_writer(&w);
	w.slow = true;
	assert_true(submit_client_auth(&w.c, SCENE_MECHANISM));
	assert_false(submit_client_auth(&w.c, SCENE_MECHANISM));
	assert_int_equal(e->out.len, 0);
	assert_true(sasl_client_answer(&w.c.sasl, SPAN_LIT("AAAA"), NULL));
	assert_false(sasl_client_answer(&w.c.sasl, SPAN_LIT("AAAA"), NULL));
	drive(e, &w.held, SPAN_LIT("334 2.0.0 BBBB\r\n"), 100);
	err_word(&no, REFUSAL_auth_failed);
	assert_true(sasl_client_answer(&w.c.sasl, (struct span) { "", 0 }, &no));
	assert_true(span_eq(buf_span(&e->out), SPAN_LIT("AUTH SCRAM-SHA-256 AAAA\r\n*\r\n")));
	client_lost(&w.c.sasl.client, &(struct err) { .why = REFUSAL_closing });
	assert_false(sasl_client_answer(&w.c.sasl, SPAN_LIT("AAAA"), NULL));
	assert_heard(&w, "signed-in closing;lost closing;");
	close_writer(&w);
}

static void
test_a_page_at_its_limit(void **state)
{
	static const char *const replies[] = { "250 2.0.0 {1048576} rows\r\n",
		"250 2.0.0 {1048577} rows\r\n" };

	(void)state;
	for (int over = 0; over < 2; over++) {
		struct writer w;

		open_writer(&w);
		assert_true(submit_client_outbox(&w.c, NULL, NULL));
		drive(&w.c.sasl.client.engine, &w.held, span_str(replies[over]), 100);
		assert_heard(&w, over ? "page 0 bad-reply;lost bad-reply;" : "");
		close_writer(&w);
	}
}

/* -- both ---------------------------------------------------------------------------------- */

static void
test_both_against_each_other(void **state)
{
	static const size_t chunks[] = { 1, 13, 16384 };
	const char *many[SUBMIT_RECIPIENTS_MAX];
	char addresses[SUBMIT_RECIPIENTS_MAX][32];
	struct ulid id;

	(void)state;
	assert_true(ulid_parse(SPAN_LIT(ID), &id));
	for (size_t i = 0; i < SUBMIT_RECIPIENTS_MAX; i++) {
		snprintf(addresses[i], sizeof addresses[i], "u%zu@b.test", i);
		many[i] = addresses[i];
	}
	for (size_t i = 0; i < 3; i++) {
		struct desk s;
		struct writer w;
		struct vast v = vast_make();
		struct submit_draft d = draft();
		struct pair p = { .chunk = chunks[i] };
		struct err e;

		open_desk(&s, false);
		open_writer(&w);
		p.client = &w.c.sasl.client.engine;
		p.server = mouth(&s);
		assert_true(submit_client_auth(&w.c, SCENE_MECHANISM));
		pair_run(&p);
		assert_heard(&w, "signed-in ok;");
		for (int j = 0; j < 40; j++)
			assert_true(submit_client_send(&w.c, &d, SPAN_LIT("\0\x1f"), NULL, &e));
		d.to = many, d.n_to = SUBMIT_RECIPIENTS_MAX, d.octets = 20000, d.hold_days = 7;
		assert_true(submit_client_send_take(&w.c, &d, &v.source, NULL, &e));
		pair_run(&p);
		assert_int_equal(w.taken, 41);
		assert_int_equal(s.ended, 41);
		assert_true(s.in_order);
		assert_int_equal(s.last.n_to, SUBMIT_RECIPIENTS_MAX);
		assert_int_equal(s.last.hold_days, 7);
		assert_int_equal(v.freed, 1);
		assert_true(submit_client_status(&w.c, &id, NULL));
		assert_true(submit_client_outbox(&w.c, &id, NULL));
		assert_true(submit_client_quit(&w.c));
		pair_run(&p);
		assert_int_equal(w.rows, 1 + SUBMIT_RECIPIENTS_MAX);
		assert_true(submit_server_page(&s.s, s.asked, SPAN_LIT(""), true, NULL));
		pair_run(&p);
		assert_heard(&w, "page 0 ok;page 1 ok;lost closing;");
		assert_true(mouth(&s)->closing);
		pair_clear(&p);
		close_writer(&w);
		close_desk(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_draft_of_another_form_is_not_sent),
		cmocka_unit_test(test_nothing_is_said_into_a_payload),
		cmocka_unit_test(test_letters_under_way_at_their_limit),
		cmocka_unit_test(test_a_slow_password),
		cmocka_unit_test(test_a_page_at_its_limit),
		cmocka_unit_test(test_both_against_each_other),
	};

	return cmocka_run_group_tests_name("submit_client", tests, NULL, NULL);
}
