/* notify_order — replies in order, answers in any; what comes too late; HELLO. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/notify_play.h"

static void
say_seals(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct scene_letter l = scene_letter(i);

		if (i == 1)
			l.recipients[0] = "full@b.test";
		if (i == 2)
			l.n_recipients = 0;
		scene_say(&sc, &l);
		scene_seal(&sc);
		scene_raw(&sc, "NOOP\r\n");
	}
}

static void
answers_in_any_order(void **state)
{
	static const size_t orders[][4] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 },
		{ 2, 0, 3, 1 } };

	(void)state;
	for (size_t o = 0; o < 4; o++) {
		begin();
		role.slow = true;
		say_seals(4);
		scene_raw(&sc, "FROB\r\nQUIT\r\n");
		feed(sc.wire.len);
		assert_int_equal(role.n_batches, 4);
		assert_true(held.len > 0); /* the fourth NOOP waits: four are under way */
		for (size_t i = 0; i < 4; i++) {
			assert_false(role.engine.server.engine.closing);
			assert_true(scene_answer(&role, orders[o][i]));
			drive_again(&role.engine.server.engine, &held);
		}
		says("250 250 250 mailbox-full 250 250 250 250 250 unknown-verb 221 ");
		assert_true(role.engine.server.engine.closing);
		end();
	}
}

static void
the_fifth_seal_waits(void **state)
{
	(void)state;
	begin();
	role.slow = true;
	say_seals(6);
	feed(sc.wire.len);
	assert_int_equal(role.n_batches, 4);
	assert_true(scene_answer(&role, 1)); /* not the oldest: nothing may leave */
	drive_again(&role.engine.server.engine, &held);
	assert_int_equal(role.n_batches, 4);
	says("250 ");
	assert_true(scene_answer(&role, 0));
	drive_again(&role.engine.server.engine, &held);
	assert_int_equal(role.n_batches, 6);
	says("250 250 mailbox-full 250 ");
	end();
}

static void
late_answers_are_dropped(void **state)
{
	struct notify_batch *b;

	(void)state;
	begin();
	role.slow = true;
	say_seals(1);
	feed(sc.wire.len);
	b = role.batches[0];
	role.batches[0] = NULL;
	scene_judge(&role, b);
	assert_true(notify_server_answer(&role.engine, b));
	assert_false(notify_server_answer(&role.engine, b)); /* twice */
	says("250 250 250 ");
	notify_server_clear(&role.engine); /* the session dies */
	scene_role_init(&role);
	assert_false(notify_server_answer(&role.engine, b));
	assert_int_equal(role.engine.server.engine.out.len, 0);
	assert_true(span_eq(b->entries[0].address, SPAN_LIT("user0@b.test")));
	notify_batch_free(&b);
	assert_null(b);
	end();
}

static void
a_fatal_line_waits_for_the_answers(void **state)
{
	(void)state;
	begin();
	role.slow = true;
	say_seals(1);
	scene_raw(&sc, "STATEMENT x\r\nQUIT\r\n");
	feed(sc.wire.len);
	says("250 ");
	assert_false(role.engine.server.engine.closing);
	assert_int_equal(held.len, 0);
	assert_true(scene_answer(&role, 0));
	says("250 250 bad-syntax ");
	assert_true(role.engine.server.engine.closing);
	end();
}

static void
nothing_is_verified_for_nothing(void **state)
{
	(void)state;
	begin();
	scene_raw(&sc, "RCPT\r\nSTATEMENT 0\r\n");
	scene_sha256(SPAN_LIT(""), sc.digests[sc.n++]);
	scene_seal(&sc);
	feed(sc.wire.len);
	says("250 bad-address ");
	assert_int_equal(role.verified, 0);
	assert_int_equal(role.n_batches, 0);
	end();
}

/* -- HELLO ------------------------------------------------------------------------------------- */

static void
hello(const char *said, const char *want, bool closes)
{
	scene_role_init(&role);
	scene_raw(&sc, said);
	feed(sc.wire.len);
	says(want);
	assert_int_equal(role.engine.server.engine.closing, closes);
	end();
}

static void
hellos(void **state)
{
	(void)state;
	hello("HELLO A.Test\r\nHELLO a.test\r\n", "250 bad-sequence ", false);
	hello("HELLO evil.test\r\nNOOP\r\n", "spf-fail ", true);
	hello("HELLO test\r\nHELLO a.test\r\n", "bad-domain 250 ", false);
	hello("HELLO\r\n", "bad-domain ", false);
	hello("HELLO [192.0.2.1]\r\n", "address-literal ", false);
	hello("HELLO xn--a.test\r\n", "bad-domain ", false);
	hello("RCPT\r\nNOOP\r\nQUIT\r\n", "bad-sequence 250 221 ", true);
}

static void
a_slow_hello(void **state)
{
	struct err e;

	(void)state;
	for (int how = 0; how < 3; how++) {
		begin();
		role.slow_hello = true;
		scene_raw(&sc, "NOOP\r\n");
		feed(sc.wire.len);
		says("");
		assert_false(
		    notify_server_hello_answer(&role.engine, role.hello_request + 1, NULL));
		err_word(&e, REFUSAL_spf_temperror);
		assert_true(notify_server_hello_answer(&role.engine, role.hello_request,
		    how == 0 ? NULL : &e));
		assert_false(notify_server_hello_answer(&role.engine, role.hello_request, NULL));
		drive_again(&role.engine.server.engine, &held);
		says(how == 0 ? "250 250 " : "spf-temperror ");
		assert_int_equal(role.engine.server.engine.closing, how > 0);
		end();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_any_order),
		cmocka_unit_test(the_fifth_seal_waits),
		cmocka_unit_test(late_answers_are_dropped),
		cmocka_unit_test(a_fatal_line_waits_for_the_answers),
		cmocka_unit_test(nothing_is_verified_for_nothing),
		cmocka_unit_test(hellos),
		cmocka_unit_test(a_slow_hello),
	};

	return cmocka_run_group_tests_name("notify_order", tests, NULL, NULL);
}
