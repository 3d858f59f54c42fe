/* client — replies matched in order, payloads in pieces, one end for each expectation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/client.h"
#include "proto/line.h"
#include "tests/drive.h"

struct play {
	struct client c; /* first */
	struct buf held, said;
	bool ends;   /* the next reply makes the role end the session */
	bool pauses; /* the role, after each piece of a payload */
};

static void
on_reply(struct client *c, int kind, void *arg, const struct reply *r)
{
	struct play *p = (struct play *)c;
	struct err e;

	buf_addf(&p->said, "%d/%s %d %.*s;", kind, (const char *)arg, r->code, SPAN_FMT(r->text));
	if (p->ends) {
		err_word(&e, REFUSAL_closing);
		client_lost(c, &e);
	}
}

static void
on_payload(struct client *c, int kind, void *arg, struct span piece)
{
	(void)kind;
	(void)arg;
	buf_add(&((struct play *)c)->said, piece.p, piece.n);
	if (((struct play *)c)->pauses)
		client_pause(c, true);
}

static void
on_end(struct client *c, int kind, void *arg)
{
	(void)arg;
	buf_addf(&((struct play *)c)->said, "/%d;", kind);
}

static void
on_lost(struct client *c, const struct err *e)
{
	buf_addf(&((struct play *)c)->said, "lost %s;", refusal_word(e->why));
}

static const struct client_ops ops = {
	.reply = on_reply, .payload = on_payload, .end = on_end, .lost = on_lost
};
static const struct client_ops no_payloads = { .reply = on_reply, .lost = on_lost };

static void
begin(struct play *p, const struct client_ops *o)
{
	*p = (struct play) { 0 };
	client_init(&p->c, o);
	p->c.engine.now_ms = 1000;
}

static void
heard(struct play *p, const char *text)
{
	buf_add(&p->said, "", 1);
	assert_string_equal(p->said.data, text);
	buf_reset(&p->said);
}

static void
end(struct play *p)
{
	client_clear(&p->c);
	buf_clear(&p->held);
	buf_clear(&p->said);
}

static void
get(struct play *p, const char *text)
{
	drive(&p->c.engine, &p->held, span_str(text), strlen(text) + 1);
}

static void
replies_in_order_however_cut(void **state)
{
	static const char in[] =
	    "250 2.0.0 one\r\n150 2.0.0 soon\r\n250 2.0.0 {5} two\r\n"
	    "ab\r\nc250 2.0.0 {0} three\r\n550 5.1.1 [no-such-user] four\r\n250 2.0.0 five\r\n";

	(void)state;
	for (size_t chunk = 1; chunk < sizeof in; chunk++) {
		struct play p;

		begin(&p, &ops);
		assert_true(client_request(&p.c, 1, "a", "ONE %d", 1));
		assert_true(client_request(&p.c, 2, "b", "TWO"));
		assert_true(client_request(&p.c, 3, "c", "THREE"));
		assert_true(client_expect(&p.c, 4, "d", 2));
		assert_true(
		    span_eq(buf_span(&p.c.engine.out), SPAN_LIT("ONE 1\r\nTWO\r\nTHREE\r\n")));
		drive(&p.c.engine, &p.held, span_of(in, sizeof in - 1), chunk);
		heard(&p,
		    "1/a 250 one;2/b 150 soon;2/b 250 two;ab\r\nc/2;3/c 250 three;/3;"
		    "4/d 550 four;4/d 250 five;");
		assert_int_equal(p.c.engine.deadline_ms, 0);
		assert_int_equal(p.c.count, 0);
		end(&p);
	}
}

static void
loses(const struct client_ops *o, const char *in, const char *said)
{
	struct play p;

	begin(&p, o);
	client_request(&p.c, 1, "a", "ONE");
	get(&p, in);
	heard(&p, said);
	assert_true(p.c.engine.closing);
	assert_false(client_request(&p.c, 1, "a", "LATER"));
	get(&p, "250 2.0.0 late\r\n");
	heard(&p, "");
	end(&p);
}

static void
nonsense_ends_the_session(void **state)
{
	(void)state;
	loses(&ops, "hello\r\n", "lost bad-reply;");
	loses(&ops, "250 2.0.0 x\n", "lost bad-reply;");
	loses(&ops, "250 2.0.0 \xff\r\n", "lost bad-reply;");
	loses(&ops, "250 2.0.0 x\r\n250 2.0.0 y\r\n", "1/a 250 x;lost bad-reply;");
	loses(&ops, "250 2.0.0 x\r\n550 5.7.5 [certificate-revoked] y\r\n",
	    "1/a 250 x;lost certificate-revoked;");
	loses(&ops, "421 4.4.2 [idle] x\r\n", "lost idle;");
	loses(&no_payloads, "250 2.0.0 {3} x\r\nabc", "lost bad-reply;");
}

static void
the_role_may_end_it(void **state)
{
	struct play p;

	(void)state;
	begin(&p, &ops);
	p.ends = true;
	client_expect(&p.c, 1, "a", 2);
	get(&p, "250 2.0.0 {3} x\r\nabc250 2.0.0 y\r\n");
	heard(&p, "1/a 250 x;lost closing;");
	end(&p);
}

static void
limits(void **state)
{
	char arg[LINE_MAX_BYTES];
	struct play p;

	(void)state;
	begin(&p, &ops);
	for (int n = LINE_MAX_BYTES - 8; n <= LINE_MAX_BYTES - 6; n++) {
		memset(arg, 'x', sizeof arg);
		assert_int_equal(client_request(&p.c, 1, "a", "VERB %.*s", n, arg),
		    n + 7 <= LINE_MAX_BYTES);
	}
	assert_int_equal(p.c.engine.out.len, 2 * LINE_MAX_BYTES - 1);
	buf_reset(&p.c.engine.out);
	assert_false(client_request(&p.c, 1, "a", "VERB %s", "x\r\nQUIT"));
	assert_false(client_request(&p.c, 1, "a", "VERB %s", "\xff"));
	assert_int_equal(p.c.engine.out.len, 0);
	while (p.c.count < CLIENT_EXPECT_MAX)
		assert_true(client_expect(&p.c, 1, "a", 1));
	assert_false(client_expect(&p.c, 1, "a", 1));
	assert_false(client_request(&p.c, 1, "a", "VERB"));
	assert_int_equal(p.c.engine.out.len, 0);
	end(&p);
}

static void
patience(void **state)
{
	struct play p;

	(void)state;
	begin(&p, &ops);
	client_request(&p.c, 1, "a", "ONE");
	p.c.engine.now_ms = 5000; /* only the mover knows the time */
	drive_again(&p.c.engine, &p.held);
	assert_int_equal(p.c.engine.deadline_ms, 5000 + CLIENT_REPLY_MS);
	p.c.engine.now_ms = 6000;
	get(&p, "250 2"); /* no whole reply: no sign of life */
	assert_int_equal(p.c.engine.deadline_ms, 5000 + CLIENT_REPLY_MS);
	p.c.engine.payload = (struct payload) { .source = (void *)&p, .offset = 1, .left = 1 };
	p.c.engine.now_ms = 5000 + CLIENT_REPLY_MS;
	p.c.engine.tick(&p.c.engine); /* it goes on taking what we send */
	heard(&p, "");
	p.c.engine.now_ms += CLIENT_REPLY_MS;
	p.c.engine.payload = (struct payload) { 0 };
	p.c.engine.tick(&p.c.engine);
	heard(&p, "lost unreachable;");
	end(&p);
}

static void
rate_reply(struct client *c, int kind, void *arg, const struct reply *r)
{
	(void)c, (void)kind, (void)arg, (void)r;
}

static void
rate_payload(struct client *c, int kind, void *arg, struct span piece)
{
	(void)c, (void)kind, (void)arg, (void)piece;
}

static void
rate_lost(struct client *c, const struct err *e)
{
	(void)c;
	assert_string_equal(refusal_word(e->why), "unreachable");
}

/* Two minutes of it: n octets in each, the last of them just before the minute is over. */
static bool
lives_at(size_t n)
{
	static const struct client_ops rate_ops = { .reply = rate_reply,
		.payload = rate_payload,
		.lost = rate_lost };
	static const char octets[CLIENT_RATE_OCTETS + 1];
	struct client c;
	struct engine *e = &c.engine;
	bool lives;

	client_init(&c, &rate_ops);
	assert_true(client_request(&c, 1, NULL, "GET"));
	e->now_ms = 1000;
	e->feed(e, SPAN_LIT("250 2.0.0 {1000000} x\r\n"));
	for (int minute = 1; minute <= 2 && !c.over; minute++) {
		assert_int_equal(e->deadline_ms, 1000 + minute * CLIENT_RATE_MS);
		e->now_ms = e->deadline_ms - 1;
		e->feed(e, span_of(octets, minute == 1 ? CLIENT_RATE_OCTETS : n));
		e->now_ms++;
		e->tick(e);
	}
	lives = !c.over;
	client_clear(&c);
	return lives;
}

static void
a_payload_has_a_lowest_rate(void **state)
{
	(void)state;
	assert_false(lives_at(1));
	assert_false(lives_at(CLIENT_RATE_OCTETS - 1));
	assert_true(lives_at(CLIENT_RATE_OCTETS));
	assert_true(lives_at(CLIENT_RATE_OCTETS + 1));
}

/* Our disk is slow: the peer is neither, and its octets wait at the mover. */
static void
a_paused_payload_waits(void **state)
{
	struct play p;
	struct engine *e = &p.c.engine;

	(void)state;
	begin(&p, &ops);
	p.pauses = true;
	assert_true(client_request(&p.c, 1, "a", "ONE"));
	assert_true(client_request(&p.c, 2, "b", "TWO"));
	get(&p, "250 2.0.0 {6} one\r\nabc");
	get(&p, "def250 2.0.0 two\r\n");
	heard(&p, "1/a 250 one;abc");
	for (int i = 0; i < 3; i++) {
		e->now_ms = e->deadline_ms;
		e->tick(e);
	}
	assert_false(p.c.over);
	client_pause(&p.c, false);
	drive_again(e, &p.held);
	heard(&p, "def/1;2/b 250 two;"); /* the end of the payload ends the pause */
	end(&p);
}

/* As the mover does it. */
static void
at(struct play *p, int64_t now_ms)
{
	struct engine *e = &p->c.engine;

	e->now_ms = now_ms;
	if (e->deadline_ms != 0 && now_ms >= e->deadline_ms)
		e->tick(e);
}

/* What comes keeps it alive to that end, and not after it. */
static void
a_session_has_its_time(void **state)
{
	struct play p;
	struct engine *e = &p.c.engine;

	(void)state;
	begin(&p, &ops);
	p.c.life_ms = 100000;
	p.c.reply_ms = 30000;
	assert_true(client_request(&p.c, 1, "a", "ONE"));
	get(&p, "250 2.0.0 one\r\n");
	heard(&p, "1/a 250 one;");
	assert_int_equal(e->deadline_ms, 1000 + 100000); /* also while nothing is asked */
	assert_false(client_is_old(&p.c, 1000 + 70000 - 1));
	assert_true(client_is_old(&p.c, 1000 + 70000));
	assert_true(client_is_old(&p.c, 1000 + 70000 + 1));
	e->now_ms = 1000 + 70000 - 1;
	assert_true(client_request(&p.c, 2, "b", "TWO"));
	get(&p, "");
	assert_int_equal(e->deadline_ms, 1000 + 100000 - 1); /* its answer is due before */
	e->now_ms = 1000 + 100000 - 2;
	get(&p, "250 2.0.0 {9} two\r\nabc");
	assert_int_equal(e->deadline_ms, 1000 + 100000);
	at(&p, 1000 + 100000 - 1);
	get(&p, "d");
	heard(&p, "2/b 250 two;abcd");
	at(&p, 1000 + 100000);
	heard(&p, "lost too-slow;");
	assert_true(e->closing);
	end(&p);
}

static void
without_an_end_it_is_never_old(void **state)
{
	struct play p;

	(void)state;
	begin(&p, &ops);
	assert_true(client_request(&p.c, 1, "a", "ONE"));
	get(&p, "250 2.0.0 one\r\n");
	assert_int_equal(p.c.engine.deadline_ms, 0);
	assert_false(client_is_old(&p.c, 1000 + 1000LL * CLIENT_LIFE_MS));
	end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_in_order_however_cut),
		cmocka_unit_test(nonsense_ends_the_session),
		cmocka_unit_test(the_role_may_end_it),
		cmocka_unit_test(limits),
		cmocka_unit_test(patience),
		cmocka_unit_test(a_payload_has_a_lowest_rate),
		cmocka_unit_test(a_paused_payload_waits),
		cmocka_unit_test(a_session_has_its_time),
		cmocka_unit_test(without_an_end_it_is_never_old),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
