/* submit — what the transcripts cannot show: limits, size, time, both engines against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/submit_client.h"
#include "proto/submit_server.h"
#include "tests/drive.h"
#include "tests/pair.h"
#include "tests/sasl_scene.h"
#include "tests/vast.h"

#define ID	"01JDZ5TPB4M4Q8W1RZ9H1V6K3C"
#define MIB	(UINT64_C(1) << 20)

/* -- the server ----------------------------------------------------------------------------- */

struct desk {
	struct submit_server	 s;	/* first */
	struct buf		 held;
	bool			 slow;
	int			 step;
	uint64_t		 asked, octets;
	struct span		 within;	/* pieces must lie here; else they are of vast */
	bool			 in_order;
	unsigned		 begun, ended;
	struct submit_envelope	 last;
};

static bool
admit(void *role, struct err *e)
{
	(void)role;
	(void)e;
	return true;
}

static enum outcome
auth(void *role, struct span mechanism, struct span message, struct sasl_said *said,
    struct err *e)
{
	struct desk	*d = role;

	d->asked = d->s.sasl.server.request;
	if (d->slow)
		return PENDING;
	if (span_eq(mechanism, SPAN_LIT("ENDLESS")) || (mechanism.n == 0 && d->step == -1)) {
		d->step = -1;
		return DONE;
	}
	return sasl_scene_auth(&d->step, mechanism, message, said, e);
}

static enum outcome
address(void *role, const char *a, struct err *e)
{
	struct desk	*d = role;

	assert_true(address_domain_is_canonical(span_str(strchr(a, '@') + 1)));
	(void)e;
	d->asked = d->s.sasl.server.request;
	return d->slow ? PENDING : DONE;
}

static bool
begin(void *role, const struct submit_envelope *env, struct err *e)
{
	struct desk	*d = role;

	d->begun++;
	d->octets = 0;
	d->last = *env;
	return env->octets <= 50 * MIB || err_set(e, REFUSAL_message_too_big, "%s", "");
}

static void
body(void *role, struct span piece)
{
	struct desk	*d = role;

	if (d->within.n > 0)
		assert_in_range((uintptr_t)piece.p, (uintptr_t)d->within.p,
		    (uintptr_t)d->within.p + d->within.n - piece.n);
	else
		for (size_t i = 0; i < piece.n; i++)
			d->in_order = d->in_order && piece.p[i] == vast_octet(d->octets + i);
	d->octets += piece.n;
}

static enum outcome
end(void *role, struct ulid *id, struct err *e)
{
	struct desk	*d = role;

	(void)e;
	d->ended++;
	assert_int_equal(d->octets, d->last.octets);
	d->asked = d->s.sasl.server.request;
	assert_true(ulid_parse(SPAN_LIT(ID), id));
	return d->slow ? PENDING : DONE;
}

static enum outcome
status(void *role, const struct ulid *id, struct buf *page, struct err *e)
{
	struct submit_letter	 l = { .id = *id, .from = "user@a.test" };
	struct submit_recipient	 r = { .state = SUBMIT_REFUSED, .word = "mailbox-full" };

	(void)role;
	(void)e;
	submit_letter_write(page, &l);
	for (int i = 0; i < SUBMIT_RECIPIENTS_MAX; i++) {
		snprintf(r.to, sizeof r.to, "user%d@b.test", i);
		memset(r.text, ' ', sizeof r.text - 1);
		submit_recipient_write(page, &r);
	}
	return DONE;
}

static enum outcome
outbox(void *role, const struct ulid *after, struct buf *page, bool *more, struct err *e)
{
	struct desk	*d = role;

	(void)after;
	(void)page;
	(void)more;
	(void)e;
	d->asked = d->s.sasl.server.request;
	return PENDING;
}

static const struct submit_server_ops	 server_ops = {
	.sasl = { .server = { .admit = admit }, .auth = auth }, .from = address, .to = address,
	.begin = begin, .body = body, .end = end, .status = status, .outbox = outbox,
};

static struct engine *
mouth(struct desk *d)
{
	return &d->s.sasl.server.engine;
}

static void
say(struct desk *d, const char *lines)
{
	drive(mouth(d), &d->held, span_str(lines), 100000);
}

static void
open_desk(struct desk *d, bool signed_in)
{
	*d = (struct desk){ .in_order = true };
	submit_server_init(&d->s, &server_ops, d);
	mouth(d)->now_ms = 1000;
	if (signed_in)
		d->s.sasl.server.state = SASL_READY;
}

static void
close_desk(struct desk *d)
{
	submit_server_clear(&d->s);
	buf_clear(&d->held);
}

/* Is the last line of what came out a reply with this code? */
static void
assert_last(struct desk *d, const char *code)
{
	struct buf	*out = &mouth(d)->out;
	size_t		 at = out->len - 2;

	while (at > 0 && out->data[at - 1] != '\n')
		at--;
	assert_memory_equal(out->data + at, code, strlen(code));
	buf_reset(out);
}

static void
test_a_large_letter_passes_uncopied(void **state)
{
	static char	 window[ENGINE_WINDOW_BYTES];
	struct desk	 d;
	uint64_t	 left = 50 * MIB;

	(void)state;
	open_desk(&d, true);
	say(&d, "FROM <a@a.test>\r\nTO <b@b.test>\r\nMESSAGE 52428800 t\r\n");
	d.within = span_of(window, sizeof window);
	while (left > 0) {
		size_t	 n = left < sizeof window - 1 ? (size_t)left : sizeof window - 1;

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
	static char	 window[ENGINE_WINDOW_BYTES];
	struct desk	 d;

	(void)state;
	open_desk(&d, true);
	memset(window, 'x', sizeof window);
	memcpy(window, "QUIT\r\n", 6);
	d.within = span_of("", 1);		/* no piece may come */
	say(&d, "FROM <a@a.test>\r\nTO <b@b.test>\r\nMESSAGE 52428801 t\r\n");
	assert_last(&d, "552 5.3.4 [message-too-big]");
	for (uint64_t left = 50 * MIB + 1; left > 0;) {
		size_t	 n = left < sizeof window ? (size_t)left : sizeof window;

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
	struct desk	 d;

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
	struct desk	 d;
	char		 line[64];

	(void)state;
	open_desk(&d, true);
	say(&d, "FROM <a@a.test>\r\n");
	for (int i = 1; i <= SUBMIT_RECIPIENTS_MAX; i++) {
		snprintf(line, sizeof line, "TO <user%d@b.test>\r\n", i);
		say(&d, line);
		assert_last(&d, "250 2.1.5");
	}
	say(&d, "TO <user7@B.test>\r\n");	/* known already */
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
	struct desk	 d;
	char		 line[64];

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
		const char	*hold;
		size_t		 token;
		const char	*reply;
	} rows[] = {
		{ "0", 1, "501 5.5.4 [bad-hold]" }, { "1", 1, "250" }, { "366", 63, "250" },
		{ "367", 1, "501 5.5.4 [bad-hold]" }, { "1", 64, "250" },
		{ "1", 65, "501 5.5.4 [bad-syntax]" }, { "1", 0, "501 5.5.4 [bad-syntax]" },
	};
	char				 lines[256], token[80];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct desk	 d;

		open_desk(&d, true);
		memset(token, 't', sizeof token);
		token[rows[i].token] = '\0';
		snprintf(lines, sizeof lines, "FROM <a@a.test>\r\nTO <b@b.test>\r\nHOLD %s\r\n"
		    "MESSAGE 2 %s\r\nab", rows[i].hold, token);
		say(&d, lines);
		assert_last(&d, rows[i].reply);
		assert_int_equal(d.ended, rows[i].reply[0] == '2');
		close_desk(&d);
	}
}

static void
test_a_letter_begins_anew(void **state)
{
	struct desk	 d;

	(void)state;
	open_desk(&d, true);
	say(&d, "FROM <a@a.test>\r\nTO bad\r\nHOLD 9\r\n"
	    "FROM <a@A.TEST>\r\nTO <b@b.test>\r\nMESSAGE 0 t.1_-Z\r\n");
	assert_last(&d, "250 2.0.0");
	assert_string_equal(d.last.from, "a@a.test");
	assert_string_equal(d.last.token, "t.1_-Z");
	assert_int_equal(d.last.n_to, 1);
	assert_int_equal(d.last.hold_days, 0);
	assert_null(d.s.letter);
	close_desk(&d);
}

static void
test_answers_that_come_too_late(void **state)
{
	struct desk	 d;
	struct ulid	 id;
	struct err	 e;

	(void)state;
	open_desk(&d, true);
	d.slow = true;
	err_set(&e, REFUSAL_storage, "%s", "");
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
	struct desk	 d;

	(void)state;
	open_desk(&d, true);
	d.within = span_of("", 0);
	say(&d, "FROM <a@a.test>\r\nTO <b@b.test>\r\nMESSAGE 1000 t\r\n");
	mouth(&d)->now_ms = mouth(&d)->deadline_ms - 1;
	say(&d, "abc");				/* a piece is a sign of life */
	assert_int_equal(mouth(&d)->deadline_ms, mouth(&d)->now_ms + SERVER_IDLE_MS);
	mouth(&d)->now_ms = mouth(&d)->deadline_ms;
	mouth(&d)->tick(mouth(&d));
	assert_true(mouth(&d)->closing);
	assert_last(&d, "421 4.4.2 [idle]");
	assert_int_equal(d.ended, 0);
	close_desk(&d);
}

static void
test_full_output_stops_input(void **state)
{
	struct desk	 d;

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

/* -- signing in --------------------------------------------------------------------------------- */

static void
test_steps_of_signing_in(void **state)
{
	struct desk	 d;

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
	struct desk	 d;

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
	struct desk		 d;
	struct sasl_said	 yes = { .signed_in = true };
	struct err		 no;

	(void)state;
	open_desk(&d, false);
	d.slow = true;
	err_set(&no, REFUSAL_auth_failed, "%s", "");
	say(&d, "AUTH SCRAM-SHA-256 AAAA\r\n");
	assert_false(sasl_server_answer(&d.s.sasl, d.asked + 1, &yes, NULL));
	assert_true(sasl_server_answer(&d.s.sasl, d.asked, NULL, &no));
	assert_false(sasl_server_answer(&d.s.sasl, d.asked, &yes, NULL));
	say(&d, "FROM <a@a.test>\r\n");
	assert_last(&d, "530 5.7.0 [auth-required]");
	close_desk(&d);
}

/* -- the client --------------------------------------------------------------------------------- */

struct writer {
	struct submit_client	 c;	/* first */
	struct buf		 heard, held;
	int			 step;
	bool			 slow;
	unsigned		 taken, refused, rows;
};

static enum outcome
step(void *role, struct span message, bool last, struct buf *out, struct err *e)
{
	struct writer	*w = role;

	return w->slow ? PENDING : sasl_scene_step(&w->step, message, last, out, e);
}

static void
on_signed_in(void *role, const struct err *e)
{
	buf_addf(&((struct writer *)role)->heard, "signed-in %s;", e ? refusal_word(e->why) : "ok");
}

static void
on_refused(void *role, void *arg, enum submit_part part, size_t index, const struct err *e)
{
	(void)arg;
	buf_addf(&((struct writer *)role)->heard, "refused %d %zu %s;", (int)part, index,
	    refusal_word(e->why));
}

static void
on_taken(void *role, void *arg, const struct ulid *id, const struct err *e)
{
	struct writer	*w = role;

	(void)arg;
	assert_true((id == NULL) != (e == NULL));
	w->taken += e == NULL;
	w->refused += e != NULL;
}

static void
on_letter(void *role, void *arg, const struct submit_letter *l)
{
	(void)arg;
	assert_string_equal(l->from, "user@a.test");
	((struct writer *)role)->rows++;
}

static void
on_recipient(void *role, void *arg, const struct submit_recipient *r)
{
	(void)arg;
	assert_int_equal(r->state, SUBMIT_REFUSED);
	assert_string_equal(r->word, "mailbox-full");
	((struct writer *)role)->rows++;
}

static void
on_page_end(void *role, void *arg, bool more, const struct err *e)
{
	(void)arg;
	buf_addf(&((struct writer *)role)->heard, "page %d %s;", more,
	    e ? refusal_word(e->why) : "ok");
}

static void
on_lost(void *role, const struct err *e)
{
	buf_addf(&((struct writer *)role)->heard, "lost %s;", refusal_word(e->why));
}

static const struct submit_client_ops	 client_ops = {
	{ step, on_signed_in }, on_refused, on_taken, on_letter, on_recipient, on_page_end, on_lost,
};

static void
open_writer(struct writer *w)
{
	*w = (struct writer){ 0 };
	submit_client_init(&w->c, &client_ops, w);
	w->c.sasl.client.engine.now_ms = 1000;
}

static void
close_writer(struct writer *w)
{
	submit_client_clear(&w->c);
	buf_clear(&w->heard);
	buf_clear(&w->held);
}

static void
assert_heard(struct writer *w, const char *text)
{
	buf_add(&w->heard, "", 1);
	assert_string_equal(w->heard.data, text);
	buf_reset(&w->heard);
}

static const char *const	 bob[] = { "bob@b.test" };

static struct submit_draft
draft(void)
{
	return (struct submit_draft){ .from = "user@a.test", .to = bob, .n_to = 1, .token = "t",
		.octets = 2 };
}

static void
test_a_draft_of_another_form_is_not_sent(void **state)
{
	static const char *const	 evil[] = { "x@b.test>\r\nQUIT\r\n<a@b.test" };
	const char			*many[SUBMIT_RECIPIENTS_MAX + 1];
	struct writer			 w;
	struct submit_draft		 d;
	struct vast			 v = vast_make();
	struct err			 e;

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
	struct writer		 w;
	struct submit_draft	 d = draft();
	struct vast		 v = vast_make();
	struct ulid		 id = { 0 };
	struct err		 e;
	size_t			 before;

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
	struct writer		 w;
	struct submit_draft	 d = draft();
	struct err		 e;

	(void)state;
	open_writer(&w);
	for (int i = 0; i < SUBMIT_CLIENT_LETTERS; i++)
		assert_true(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	assert_false(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	assert_int_equal(e.why, REFUSAL_too_many_outstanding);
	err_set(&e, REFUSAL_closing, "%s", "");
	client_lost(&w.c.sasl.client, &e);
	assert_int_equal(w.refused, SUBMIT_CLIENT_LETTERS);
	assert_heard(&w, "lost closing;");
	assert_false(submit_client_send(&w.c, &d, SPAN_LIT("ab"), NULL, &e));
	close_writer(&w);
}

static void
test_a_slow_password(void **state)
{
	struct writer	 w;
	struct engine	*e = &w.c.sasl.client.engine;
	struct err	 no;

	(void)state;
	open_writer(&w);
	w.slow = true;
	assert_true(submit_client_auth(&w.c, SCENE_MECHANISM));
	assert_false(submit_client_auth(&w.c, SCENE_MECHANISM));
	assert_int_equal(e->out.len, 0);
	assert_true(sasl_client_answer(&w.c.sasl, SPAN_LIT("AAAA"), NULL));
	assert_false(sasl_client_answer(&w.c.sasl, SPAN_LIT("AAAA"), NULL));
	drive(e, &w.held, SPAN_LIT("334 2.0.0 BBBB\r\n"), 100);
	err_set(&no, REFUSAL_auth_failed, "%s", "");
	assert_true(sasl_client_answer(&w.c.sasl, (struct span){ "", 0 }, &no));
	assert_true(span_eq(buf_span(&e->out), SPAN_LIT("AUTH SCRAM-SHA-256 AAAA\r\n*\r\n")));
	client_lost(&w.c.sasl.client, &(struct err){ .why = REFUSAL_closing });
	assert_false(sasl_client_answer(&w.c.sasl, SPAN_LIT("AAAA"), NULL));
	assert_heard(&w, "signed-in closing;lost closing;");
	close_writer(&w);
}

static void
test_a_page_at_its_limit(void **state)
{
	static const char *const	 replies[] = { "250 2.0.0 {1048576} rows\r\n",
		"250 2.0.0 {1048577} rows\r\n" };

	(void)state;
	for (int over = 0; over < 2; over++) {
		struct writer	 w;

		open_writer(&w);
		assert_true(submit_client_outbox(&w.c, NULL, NULL));
		drive(&w.c.sasl.client.engine, &w.held, span_str(replies[over]), 100);
		assert_heard(&w, over ? "page 0 bad-reply;lost bad-reply;" : "");
		close_writer(&w);
	}
}

/* -- both --------------------------------------------------------------------------------------- */

static void
test_both_against_each_other(void **state)
{
	static const size_t	 chunks[] = { 1, 13, 16384 };
	const char		*many[SUBMIT_RECIPIENTS_MAX];
	char			 addresses[SUBMIT_RECIPIENTS_MAX][32];
	struct ulid		 id;

	(void)state;
	assert_true(ulid_parse(SPAN_LIT(ID), &id));
	for (size_t i = 0; i < SUBMIT_RECIPIENTS_MAX; i++) {
		snprintf(addresses[i], sizeof addresses[i], "u%zu@b.test", i);
		many[i] = addresses[i];
	}
	for (size_t i = 0; i < 3; i++) {
		struct desk		 s;
		struct writer		 w;
		struct vast		 v = vast_make();
		struct submit_draft	 d = draft();
		struct pair		 p = { .chunk = chunks[i] };
		struct err		 e;

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

static void
test_all_states_have_names(void **state)
{
	(void)state;
	for (int i = SUBMIT_WAITING; i <= SUBMIT_BY_SMTP; i++) {
		struct submit_recipient	 in = { .to = "b%c@b.test", .state = (enum submit_state)i,
			.since_s = 1, .next_s = 2, .tries = 3 }, out;
		struct buf		 row = BUF_INIT;
		struct row		 r;
		struct err		 e;

		submit_recipient_write(&row, &in);
		assert_true(row_parse(&r, span_of(row.data, row.len - 2), &e));
		assert_true(submit_recipient_read(&r, &out, &e));
		assert_int_equal(out.state, i);
		assert_string_equal(out.to, in.to);
		assert_int_equal(out.since_s + out.next_s + (int64_t)out.tries, 6);
		buf_clear(&row);
	}
}

int
main(void)
{
	const struct CMUnitTest	 tests[] = {
		cmocka_unit_test(test_a_large_letter_passes_uncopied),
		cmocka_unit_test(test_a_refused_letter_is_read_past),
		cmocka_unit_test(test_what_is_no_letter_ends_the_session),
		cmocka_unit_test(test_recipients_at_their_limit),
		cmocka_unit_test(test_recipients_beyond_their_limit),
		cmocka_unit_test(test_days_and_tokens_at_their_limits),
		cmocka_unit_test(test_a_letter_begins_anew),
		cmocka_unit_test(test_answers_that_come_too_late),
		cmocka_unit_test(test_a_letter_that_stops_half_way),
		cmocka_unit_test(test_full_output_stops_input),
		cmocka_unit_test(test_steps_of_signing_in),
		cmocka_unit_test(test_failures_of_signing_in),
		cmocka_unit_test(test_a_late_yes_lets_nobody_in),
		cmocka_unit_test(test_a_draft_of_another_form_is_not_sent),
		cmocka_unit_test(test_nothing_is_said_into_a_payload),
		cmocka_unit_test(test_letters_under_way_at_their_limit),
		cmocka_unit_test(test_a_slow_password),
		cmocka_unit_test(test_a_page_at_its_limit),
		cmocka_unit_test(test_both_against_each_other),
		cmocka_unit_test(test_all_states_have_names),
	};

	return cmocka_run_group_tests_name("submit", tests, NULL, NULL);
}
