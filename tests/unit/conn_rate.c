/* conn_rate — a peer that does not take what it asked for is dropped, one that takes it slowly is not;
 * by a clock that is moved on.
 *
 * What the peer's kernel has acknowledged counts, which goes by the windows that it grants; so what is
 * asserted here lies well off the limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/moved_clock.h"
#include "tests/unit/conn_scene.h"

#define MINUTE_OCTETS (CONN_RATE_MIN * (CONN_RATE_MS / 1000))

static void
nothing(void *arg)
{
	(void)arg;
}

/* The time goes on, and the server's loop notices. */
static void
a_minute_later(struct one_server *s)
{
	struct timespec t = { 0, 200000000 };

	nanosleep(&t, NULL); /* the kernels have moved what they could */
	move_clock(CONN_RATE_MS);
	loop_post(workers_loop(s->server.workers, 0), nothing, NULL);
	nanosleep(&t, NULL);
}

static bool
is_gone(struct one_server *s)
{
	bool gone;

	pthread_mutex_lock(&s->server.lock);
	gone = s->server.gones == s->server.begun;
	pthread_mutex_unlock(&s->server.lock);
	return gone;
}

static void
assert_too_slow(struct one_server *s)
{
	struct timespec t = { 0, 100000000 };

	for (int i = 0; i < 50 && !is_gone(s); i++)
		nanosleep(&t, NULL);
	assert_true(is_gone(s));
	assert_string_equal(refusal_word(s->server.why.why), "too-slow");
}

/* A peer with a small window, so that what it reads is soon acknowledged. */
static void
ask_for_much(struct one_server *s, struct raw *r)
{
	*r = (struct raw) { .sni = "b.test", .alpn = TOY_ALPN, .window = 8192 };
	raw_open(r, s->server.port);
	raw_say(r, "GET 1000000000\n");
}

/* Within the minute that is under way. */
static void
take(struct raw *r, size_t n)
{
	char octets[1024];
	int got = 1;

	while (n > 0 && got > 0) {
		got = SSL_read(r->ssl, octets, n < sizeof octets ? (int)n : (int)sizeof octets);
		n -= got > 0 ? (size_t)got : 0;
	}
	assert_int_equal(n, 0);
}

static void
who_takes_nothing_is_dropped(void **state)
{
	struct one_server *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };

	raw_open(&r, s->server.port);
	raw_say(&r, "GET 1000000000\n");
	a_minute_later(s); /* in which its kernel has taken much */
	assert_false(is_gone(s));
	a_minute_later(s);
	assert_too_slow(s);
	raw_close(&r, false);
}

static void
who_takes_a_third_is_dropped(void **state)
{
	struct one_server *s = *state;
	struct raw r;

	ask_for_much(s, &r);
	take(&r, 4 * MINUTE_OCTETS);
	a_minute_later(s);
	assert_false(is_gone(s));
	take(&r, MINUTE_OCTETS / 3);
	a_minute_later(s);
	assert_too_slow(s);
	raw_close(&r, false);
}

/* The server's kernel holds more than this peer takes in these minutes: nothing new is sent. */
static void
who_takes_three_times_as_much_is_not(void **state)
{
	struct one_server *s = *state;
	struct raw r;

	ask_for_much(s, &r);
	for (int minute = 0; minute < 5; minute++) {
		take(&r, 3 * MINUTE_OCTETS);
		a_minute_later(s);
		assert_false(is_gone(s));
	}
	a_minute_later(s);
	a_minute_later(s);
	assert_too_slow(s);
	raw_close(&r, false);
}

/* With nothing asked for there is nothing to take. */
static void
who_asks_for_nothing_may_stay(void **state)
{
	struct one_server *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };
	char text[64];

	raw_open(&r, s->server.port);
	for (int minute = 0; minute < 3; minute++) {
		raw_say(&r, "ECHO x\n");
		raw_hear(&r, text, sizeof text);
		assert_string_equal(text, "x\n");
		a_minute_later(s);
		assert_false(is_gone(s));
	}
	raw_close(&r, true);
}

/* It has taken all that there was: our own disk keeps it waiting. */
static void
who_waits_for_our_disk_may_stay(void **state)
{
	struct one_server *s = *state;
	struct raw r = { .sni = "b.test", .alpn = TOY_ALPN };
	char text[64];

	raw_open(&r, s->server.port);
	raw_say(&r, "WAIT 100000\n");
	raw_hear(&r, text, sizeof text);
	assert_string_equal(text, "DATA 100000\n");
	for (int minute = 0; minute < 3; minute++) {
		a_minute_later(s);
		assert_false(is_gone(s));
	}
	loop_post(workers_loop(s->server.workers, 0), toy_let_go, &s->server);
	take(&r, 100000);
	raw_close(&r, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_takes_nothing_is_dropped),
		cmocka_unit_test(who_takes_a_third_is_dropped),
		cmocka_unit_test(who_takes_three_times_as_much_is_not),
		cmocka_unit_test(who_asks_for_nothing_may_stay),
		cmocka_unit_test(who_waits_for_our_disk_may_stay),
	};

	return cmocka_run_group_tests_name("conn_rate", tests, one_server_up, one_server_down);
}
