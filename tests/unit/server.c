/* server — lines, verbs, payloads, waiting and time, with a protocol of its own that has all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/line.h"
#include "proto/server.h"
#include "tests/drive.h"

enum { NEW = 1, READY = 2 };

struct play {
	struct server s; /* first */
	struct buf held; /* input that was not taken */
	struct buf body; /* what `octets` got */
	struct buf after;
	bool shut_out;
	uint64_t asked; /* request that waits */
};

static bool
admit(void *role, struct err *e)
{
	return !((struct play *)role)->shut_out || err_word(e, REFUSAL_certificate_revoked);
}

static enum outcome
do_hello(struct server *s, struct span args, struct err *e)
{
	if (args.n == 0)
		return err_word(e, REFUSAL_bad_syntax), REFUSED;
	s->state = READY;
	server_reply(s, 250, "2.0.0", "hello %.*s", SPAN_FMT(args));
	return DONE;
}

static enum outcome
do_wait(struct server *s, struct span args, struct err *e)
{
	(void)args;
	(void)e;
	((struct play *)s)->asked = s->request;
	return PENDING;
}

static void
body(struct server *s, struct span in)
{
	buf_add(&((struct play *)s)->body, in.p, in.n);
}

static enum outcome
body_end(struct server *s, struct span whole, struct err *e)
{
	struct play *p = (struct play *)s;

	(void)e;
	if (whole.n > 0)
		body(s, whole);
	server_reply(s, 250, "2.0.0", "%zu octets", p->body.len);
	buf_reset(&p->body);
	return DONE;
}

static enum outcome
do_body(struct server *s, struct span args, struct err *e)
{
	uint64_t n = 0;

	(void)e;
	span_u64(args, &n);
	server_expect(s, n, body, body_end);
	return DONE;
}

static enum outcome
do_whole(struct server *s, struct span args, struct err *e)
{
	uint64_t n = 0;

	(void)e;
	span_u64(args, &n);
	server_expect_whole(s, n, body_end);
	return DONE;
}

static enum outcome
do_skip(struct server *s, struct span args, struct err *e)
{
	uint64_t n = 0;

	span_u64(args, &n);
	server_skip(s, n);
	return err_word(e, REFUSAL_message_too_big), REFUSED;
}

static enum outcome
do_hold(struct server *s, struct span args, struct err *e)
{
	(void)args;
	(void)e;
	server_hold(s, &((struct play *)s)->after);
	return DONE;
}

static enum outcome
do_quit(struct server *s, struct span args, struct err *e)
{
	(void)args;
	(void)e;
	server_reply(s, 221, "2.0.0", "bye");
	server_close(s);
	return DONE;
}

static ssize_t
read_zeros(struct source *src, uint64_t offset, char *dst, size_t n)
{
	(void)src;
	(void)offset;
	memset(dst, 0, n);
	return (ssize_t)n;
}

static void
free_source(struct source *src)
{
	free(src);
}

static enum outcome
do_give(struct server *s, struct span args, struct err *e)
{
	struct source *src = malloc(sizeof *src);

	(void)args;
	(void)e;
	assert_non_null(src);
	*src = (struct source) { .read = read_zeros, .free = free_source };
	server_reply(s, 250, "2.0.0", "{100} follows");
	engine_payload_take(&s->engine, src, 0, 100);
	return DONE;
}

static const struct verb verbs[] = {
	{ "HELLO", NEW, do_hello },
	{ "PING", NEW | READY, server_do_noop },
	{ "WAIT", READY, do_wait },
	{ "BODY", READY, do_body },
	{ "WHOLE", READY, do_whole },
	{ "SKIP", READY, do_skip },
	{ "HOLD", READY, do_hold },
	{ "GIVE", READY, do_give },
	{ "QUIT", NEW | READY, do_quit },
};

static const struct server_ops ops = { .admit = admit };

static void
begin(struct play *p)
{
	*p = (struct play) { 0 };
	server_init(&p->s, verbs, sizeof verbs / sizeof verbs[0], &ops, p);
	p->s.engine.now_ms = 1000;
}

static void
end(struct play *p)
{
	server_clear(&p->s);
	buf_clear(&p->held);
	buf_clear(&p->body);
	buf_clear(&p->after);
}

static void
says(struct play *p, const char *text)
{
	buf_add(&p->s.engine.out, "", 1);
	assert_string_equal(p->s.engine.out.data, text);
	buf_reset(&p->s.engine.out);
}

static void
send(struct play *p, const char *text)
{
	drive(&p->s.engine, &p->held, span_str(text), strlen(text) + 1);
}

/* The same in, the same out, however it is cut. */
static void
run(const char *in, size_t n, const char *out, bool closes)
{
	for (size_t chunk = 1; chunk <= n; chunk = chunk < 9 ? chunk + 1 : chunk * 2) {
		struct play p;

		begin(&p);
		drive(&p.s.engine, &p.held, span_of(in, n), chunk);
		assert_int_equal(p.s.engine.closing, closes);
		says(&p, out);
		end(&p);
	}
}

static void
dialogues(void **state)
{
	static const char a[] = "HELLO x\r\nBODY 5\r\nab\r\ncBODY 0\r\nWHOLE 3\r\nxyzWHOLE 0\r\n"
				"SKIP 4\r\nQUITSKIP 0\r\nQUIT\r\nHELLO ignored\r\n";
	static const char b[] = "WAIT\r\nFROB\r\nHELLO\r\nhello x\r\nHELLO  x\r\nHELLO y\r\n";

	(void)state;
	run(a, sizeof a - 1,
	    "250 2.0.0 hello x\r\n250 2.0.0 5 octets\r\n250 2.0.0 0 octets\r\n"
	    "250 2.0.0 3 octets\r\n250 2.0.0 0 octets\r\n"
	    "552 5.3.4 [message-too-big] the letter is larger than the limit\r\n"
	    "552 5.3.4 [message-too-big] the letter is larger than the limit\r\n"
	    "221 2.0.0 bye\r\n",
	    true);
	run(b, sizeof b - 1,
	    "503 5.5.1 [bad-sequence] WAIT is not allowed now\r\n"
	    "500 5.5.1 [unknown-verb] no such request\r\n"
	    "501 5.5.4 [bad-syntax] the request is malformed\r\n"
	    "500 5.5.1 [unknown-verb] no such request\r\n250 2.0.0 hello  x\r\n"
	    "503 5.5.1 [bad-sequence] HELLO is not allowed now\r\n",
	    false);
	run("HELLO x\nQUIT\r\n", 14, "500 5.5.2 [bare-lf] bare LF at octet 7\r\n", true);
	run("HELLO \x01\r\nQUIT\r\n", 15,
	    "500 5.5.2 [bad-octet] a line contains a control character or malformed UTF-8\r\n",
	    true);
}

static void
errors_are_counted(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	for (int i = 1; i < SERVER_ERRORS_MAX; i++)
		send(&p, "FROB\r\n");
	assert_false(p.s.engine.closing);
	buf_reset(&p.s.engine.out);
	send(&p, "FROB\r\n");
	assert_true(p.s.engine.closing);
	says(&p,
	    "500 5.5.1 [unknown-verb] no such request\r\n"
	    "421 4.7.0 [too-many-errors] too many errors in one session\r\n");
	end(&p);
}

static void
line_limit(void **state)
{
	char in[LINE_MAX_BYTES + 3];
	struct play p;

	(void)state;
	for (size_t n = LINE_MAX_BYTES - 1; n <= LINE_MAX_BYTES + 1; n++) {
		begin(&p);
		memset(in, 'x', sizeof in);
		snprintf(in + n - 2, 3, "\r\n");
		send(&p, in);
		assert_int_equal(p.s.engine.closing, n > LINE_MAX_BYTES);
		end(&p);
	}
}

static void
a_waiting_request_holds_back_the_next(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\nWAIT\r\nQUIT\r\n");
	says(&p, "250 2.0.0 hello x\r\n");
	assert_int_equal(p.held.len, 6);
	assert_false(server_answered(&p.s, p.asked + 1));
	assert_false(server_answered(&p.s, p.asked - 1));
	assert_true(p.s.engine.owing);
	assert_true(server_answered(&p.s, p.asked));
	p.s.engine.feed(&p.s.engine, (struct span) { 0 });
	assert_false(p.s.engine.owing);
	assert_false(server_answered(&p.s, p.asked));
	server_reply(&p.s, 250, "2.0.0", "waited");
	drive_again(&p.s.engine, &p.held);
	says(&p, "250 2.0.0 waited\r\n221 2.0.0 bye\r\n");
	end(&p);
}

static void
a_held_reply_stands_behind(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\nHOLD\r\nFROB\r\nQUIT\r\nFROB\r\n");
	says(&p, "250 2.0.0 hello x\r\n");
	assert_false(p.s.engine.closing);
	assert_int_equal(p.held.len, 0); /* after QUIT all is taken and ignored */
	assert_true(span_eq(buf_span(&p.after),
	    SPAN_LIT("500 5.5.1 [unknown-verb] no such request\r\n221 2.0.0 bye\r\n")));
	server_release(&p.s);
	assert_true(p.s.engine.closing);
	end(&p);
}

static void
full_output_is_back_pressure(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	buf_room(&p.s.engine.out, ENGINE_OUT_BYTES);
	p.s.engine.out.len = ENGINE_OUT_BYTES - 1;
	memset(p.s.engine.out.data, 'x', p.s.engine.out.len);
	send(&p, "HELLO x\r\nWAIT\r\n");
	assert_int_equal(p.held.len, 6);
	buf_reset(&p.s.engine.out);
	drive_again(&p.s.engine, &p.held);
	assert_int_equal(p.held.len, 0);
	end(&p);
}

static void
who_is_not_admitted_hears_why(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\n");
	buf_reset(&p.s.engine.out);
	p.shut_out = true;
	send(&p, "WAIT\r\nQUIT\r\n");
	says(&p, "550 5.7.5 [certificate-revoked] the certificate is revoked\r\n");
	assert_true(p.s.engine.closing);
	end(&p);
}

/* The line was taken in time, what it announced was not. */
static void
nor_who_was_admitted_a_line_ago(void **state)
{
	static const char *const lines[] = { "HELLO x\r\nBODY 3\r\nab",
		"HELLO x\r\nWHOLE 3\r\nab" };
	struct play p;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(&p);
		send(&p, lines[i]);
		buf_reset(&p.s.engine.out);
		p.shut_out = true;
		send(&p, "c");
		says(&p, "550 5.7.5 [certificate-revoked] the certificate is revoked\r\n");
		assert_true(p.s.engine.closing);
		end(&p);
	}
}

static void
at(struct play *p, int64_t ms)
{
	p->s.engine.now_ms = ms;
	if (p->s.engine.deadline_ms != 0 && ms >= p->s.engine.deadline_ms)
		p->s.engine.tick(&p->s.engine);
}

static void
silence_ends_a_session(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\n");
	at(&p, 2000);
	send(&p, "QUI"); /* no line */
	drive_again(&p.s.engine, &p.held);
	at(&p, 1000 + SERVER_IDLE_MS - 1);
	assert_false(p.s.engine.closing);
	buf_reset(&p.s.engine.out);
	at(&p, 1000 + SERVER_IDLE_MS);
	says(&p, "421 4.4.2 [idle] nothing came for too long\r\n");
	assert_true(p.s.engine.closing);
	end(&p);
}

/* Whoever connects and does not say who they are, whatever else they say; our judging takes its time. */
static void
who_does_not_greet_is_sent_away(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	p.s.greets = true;
	p.s.engine.deadline_ms = 0;
	send(&p, "");
	at(&p, 1000 + SERVER_HELLO_MS - 1);
	send(&p, "HELLO\r\n");
	buf_reset(&p.s.engine.out);
	assert_false(p.s.engine.closing);
	at(&p, 1000 + SERVER_HELLO_MS);
	says(&p, "421 4.4.2 [idle] nothing came for too long\r\n");
	assert_true(p.s.engine.closing);
	end(&p);

	begin(&p);
	p.s.greets = true;
	send(&p, "HELLO x\r\n");
	at(&p, 1000 + SERVER_HELLO_MS + 1);
	assert_false(p.s.engine.closing);
	at(&p, 1000 + SERVER_IDLE_MS);
	assert_true(p.s.engine.closing);
	end(&p);
}

/* A session that has not signed in ends after a minute, whatever else it says. */
static void
a_session_of_nobody_ends_early(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	p.s.signs_in = true;
	p.s.engine.deadline_ms = 0;
	send(&p, "");
	at(&p, 1000 + SERVER_SIGN_IN_MS - 1);
	send(&p, "NOOP\r\n");
	buf_reset(&p.s.engine.out);
	assert_false(p.s.engine.closing);
	at(&p, 1000 + SERVER_SIGN_IN_MS);
	says(&p, "421 4.4.2 [idle] nothing came for too long\r\n");
	assert_true(p.s.engine.closing);
	end(&p);

	begin(&p);
	p.s.signs_in = true;
	send(&p, "HELLO x\r\n"); /* leaves the first state */
	at(&p, 1000 + SERVER_SIGN_IN_MS);
	assert_false(p.s.engine.closing);
	at(&p, 1000 + SERVER_IDLE_MS);
	assert_true(p.s.engine.closing);
	end(&p);
}

/* Whoever reads no reply, and has not said who it is, makes us keep little: a hundred replies, and a page of
 * requests. */
static void
a_session_of_nobody_asks_little(void **state)
{
	struct play p;

	(void)state;
	for (int greets = 0; greets < 2; greets++) {
		begin(&p);
		p.s.greets = greets;
		p.s.signs_in = !greets;
		for (int i = 0; i < SERVER_UNKNOWN_MAX; i++) {
			send(&p, "PING\r\n");
			assert_int_equal(engine_window(&p.s.engine), ENGINE_NARROW_BYTES);
		}
		assert_false(p.s.engine.closing);
		buf_reset(&p.s.engine.out);
		send(&p, "PING\r\n");
		says(&p,
		    greets
			? "421 4.7.0 [too-many-errors] more than 100 requests before HELLO\r\n"
			: "421 4.7.0 [too-many-errors] more than 100 requests before signing in\r\n");
		assert_true(p.s.engine.closing);
		end(&p);
	}
	begin(&p);
	p.s.greets = true;
	send(&p, "HELLO x\r\n");
	for (int i = 0; i < SERVER_UNKNOWN_MAX; i++)
		send(&p, "PING\r\n");
	assert_false(p.s.engine.closing);
	assert_int_equal(engine_window(&p.s.engine), ENGINE_WINDOW_BYTES);
	end(&p);
}

/* A wrong password is answered late.  Whoever sends the next one ahead gains no time by it. */
static void
a_session_of_nobody_ends_between_two_tries(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\nWAIT\r\nWAIT\r\nWAIT\r\n");
	p.s.signs_in = true; /* WAIT is legal in the second state */
	p.s.state = 1;
	buf_reset(&p.s.engine.out);
	at(&p, 1000 + SERVER_SIGN_IN_MS - 1);
	at(&p, 1000 + SERVER_SIGN_IN_MS);
	assert_false(p.s.engine.closing); /* our own time */
	p.s.engine.now_ms = 1000 + SERVER_SIGN_IN_MS;
	assert_true(server_answered(&p.s, p.asked));
	server_reply(&p.s, 535, "5.7.8", "no");
	drive_again(&p.s.engine, &p.held);
	says(&p, "535 5.7.8 no\r\n421 4.4.2 [idle] nothing came for too long\r\n");
	assert_true(p.s.engine.closing);
	end(&p);
}

static void
our_own_slowness_is_not_silence(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\nWAIT\r\n");
	at(&p, 1000 + SERVER_IDLE_MS);
	at(&p, 1000 + 2 * SERVER_IDLE_MS - 1);
	assert_false(p.s.engine.closing);
	assert_true(server_answered(&p.s, p.asked)); /* in time only by now_ms of the mover */
	p.s.engine.now_ms = 1000 + 2 * SERVER_IDLE_MS - 1;
	drive_again(&p.s.engine, &p.held);
	at(&p, 1000 + 3 * SERVER_IDLE_MS - 2);
	assert_false(p.s.engine.closing);
	at(&p, 1000 + 3 * SERVER_IDLE_MS - 1);
	assert_true(p.s.engine.closing);
	end(&p);
}

static void
a_session_has_its_time(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\n");
	for (int64_t t = 1000; t < 1000 + SERVER_LIFE_MS; t += SERVER_IDLE_MS / 2) {
		at(&p, t);
		send(&p, "BODY 0\r\n");
		assert_false(p.s.engine.closing);
	}
	at(&p, 1000 + SERVER_LIFE_MS - 1);
	assert_false(p.s.engine.closing);
	buf_reset(&p.s.engine.out);
	at(&p, 1000 + SERVER_LIFE_MS);
	says(&p, "421 4.4.2 [too-slow] the session lasted too long\r\n");
	assert_true(p.s.engine.closing);
	end(&p);
}

static void
a_held_session_ends_behind_its_replies(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\nHOLD\r\n");
	buf_reset(&p.s.engine.out);
	for (int64_t t = 1000; t <= 1000 + SERVER_LIFE_MS; t += 1000)
		at(&p, t);
	assert_false(p.s.engine.closing);
	assert_true(span_starts(buf_span(&p.after), SPAN_LIT("421 4.4.2 [too-slow]")));
	for (int64_t t = 1000 + SERVER_LIFE_MS; t <= 1000 + SERVER_LIFE_MS + SERVER_IDLE_MS;
	     t += 1000)
		at(&p, t);
	assert_true(p.s.engine.closing); /* the answer never came */
	end(&p);
}

static const char octets[PACE_RATE_OCTETS + 1];

static void
send_octets(struct play *p, size_t n)
{
	drive(&p->s.engine, &p->held, span_of(octets, n), n + 1);
}

#define SLOW "421 4.4.2 [too-slow] less than 500 octets a second came for 60 s\r\n"

/* Enough in the first minute, n in the second, the last of them just before it is over. */
static bool
lives_at(const char *announced, size_t n)
{
	struct play p;
	bool lives;

	begin(&p);
	send(&p, "HELLO x\r\n");
	at(&p, 2000);
	send(&p, announced);
	buf_reset(&p.s.engine.out);
	for (int minute = 1; minute <= 2; minute++) {
		assert_int_equal(p.s.engine.deadline_ms, 2000 + minute * PACE_RATE_MS);
		at(&p, p.s.engine.deadline_ms - 1);
		send_octets(&p, minute == 1 ? PACE_RATE_OCTETS : n);
		assert_false(p.s.engine.closing);
		at(&p, p.s.engine.now_ms + 1);
	}
	lives = !p.s.engine.closing;
	says(&p, lives ? "" : SLOW);
	end(&p);
	return lives;
}

static void
a_payload_has_a_lowest_rate(void **state)
{
	static const char *const announced[] = { "BODY 1000000\r\n", "SKIP 1000000\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_false(lives_at(announced[i], 0));
		assert_false(lives_at(announced[i], PACE_RATE_OCTETS - 1));
		assert_true(lives_at(announced[i], PACE_RATE_OCTETS));
		assert_true(lives_at(announced[i], PACE_RATE_OCTETS + 1));
	}
}

/* Octets that come in one piece count as progress, even if the role takes none of them. */
static void
a_whole_payload_has_it_too(void **state)
{
	struct play p;

	(void)state;
	for (size_t n = PACE_RATE_OCTETS - 1; n <= PACE_RATE_OCTETS + 1; n++) {
		begin(&p);
		send(&p, "HELLO x\r\nWHOLE 32768\r\n");
		buf_reset(&p.s.engine.out);
		send_octets(&p, n);
		at(&p, 1000 + PACE_RATE_MS);
		assert_int_equal(p.s.engine.closing, n < PACE_RATE_OCTETS);
		end(&p);
	}
}

/* A minute in which we took nothing is not the peer's; the next begins when we do again. */
static void
our_own_slowness_is_not_a_slow_payload(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\nBODY 1000000\r\n");
	at(&p, 1000 + PACE_RATE_MS / 2);
	p.s.full = true;
	drive_again(&p.s.engine, &p.held);
	at(&p, 1000 + PACE_RATE_MS);
	at(&p, 1000 + 2 * PACE_RATE_MS);
	assert_false(p.s.engine.closing);
	p.s.full = false;
	drive_again(&p.s.engine, &p.held);
	at(&p, 1000 + 3 * PACE_RATE_MS - 1);
	assert_false(p.s.engine.closing);
	at(&p, 1000 + 3 * PACE_RATE_MS);
	assert_true(p.s.engine.closing);
	end(&p);
}

/* The minute ends with the payload: after it, silence has its usual limit. */
static void
the_minute_ends_with_the_payload(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\nBODY 3\r\n");
	at(&p, 2000);
	send(&p, "abc");
	assert_int_equal(p.s.engine.deadline_ms, 2000 + SERVER_IDLE_MS);
	end(&p);
}

static void
a_payload_that_moves_is_not_silence(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\nGIVE\r\nQUIT\r\n");
	says(&p, "250 2.0.0 hello x\r\n250 2.0.0 {100} follows\r\n");
	assert_int_equal(p.held.len, 6);
	p.s.engine.payload.offset = 10;
	at(&p, 1000 + SERVER_IDLE_MS);
	p.s.engine.payload.offset = 20;
	at(&p, 1000 + 2 * SERVER_IDLE_MS);
	p.s.engine.payload.waiting = true; /* for our disk */
	at(&p, 1000 + 3 * SERVER_IDLE_MS);
	assert_false(p.s.engine.closing);
	p.s.engine.payload.waiting = false;
	at(&p, 1000 + 4 * SERVER_IDLE_MS); /* it moved no more */
	assert_true(p.s.engine.closing);
	assert_null(p.s.engine.payload.source);
	assert_int_equal(p.s.engine.out.len, 0); /* no word into the payload's place */
	end(&p);
}

static void
behind_a_payload_the_next_request(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	send(&p, "HELLO x\r\nGIVE\r\nQUIT\r\n");
	buf_reset(&p.s.engine.out);
	p.s.engine.payload.source->free(p.s.engine.payload.source);
	p.s.engine.payload = (struct payload) { 0 };
	p.s.engine.sent(&p.s.engine);
	drive_again(&p.s.engine, &p.held);
	says(&p, "221 2.0.0 bye\r\n");
	end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogues),
		cmocka_unit_test(errors_are_counted),
		cmocka_unit_test(line_limit),
		cmocka_unit_test(a_waiting_request_holds_back_the_next),
		cmocka_unit_test(a_held_reply_stands_behind),
		cmocka_unit_test(full_output_is_back_pressure),
		cmocka_unit_test(who_is_not_admitted_hears_why),
		cmocka_unit_test(nor_who_was_admitted_a_line_ago),
		cmocka_unit_test(silence_ends_a_session),
		cmocka_unit_test(who_does_not_greet_is_sent_away),
		cmocka_unit_test(a_session_of_nobody_ends_early),
		cmocka_unit_test(a_session_of_nobody_ends_between_two_tries),
		cmocka_unit_test(a_session_of_nobody_asks_little),
		cmocka_unit_test(our_own_slowness_is_not_silence),
		cmocka_unit_test(a_session_has_its_time),
		cmocka_unit_test(a_held_session_ends_behind_its_replies),
		cmocka_unit_test(a_payload_has_a_lowest_rate),
		cmocka_unit_test(a_whole_payload_has_it_too),
		cmocka_unit_test(our_own_slowness_is_not_a_slow_payload),
		cmocka_unit_test(the_minute_ends_with_the_payload),
		cmocka_unit_test(a_payload_that_moves_is_not_silence),
		cmocka_unit_test(behind_a_payload_the_next_request),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
