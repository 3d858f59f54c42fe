/* smtp_client — what it says, in which order, and what it makes of each reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/source.h"
#include "proto/smtp/smtp_client.h"
#include "tests/drive.h"
#include "tests/hesitant.h"

struct play {
	struct smtp_client c; /* first */
	struct buf held, told;
	struct smtp_letter letter;
	struct span to[3];
	bool stays, waits; /* giving is answered later */
	bool signs_in;
};

static void
ready(void *role)
{
	struct play *p = role;
	struct err e;

	buf_addf(&p->told, "ready ");
	if (!p->c.secured && p->c.offers.starttls)
		smtp_client_starttls(&p->c);
	else if (p->signs_in && !p->c.signed_in)
		smtp_client_auth(&p->c, "SCRAM-SHA-256", SPAN_LIT("Zmlyc3Q="));
	else if (p->letter.content != NULL) {
		if (smtp_client_send(&p->c, &p->letter, &e))
			p->letter.content = NULL;
		else
			buf_addf(&p->told, "unsound:%s ", refusal_word(e.why));
	} else if (!p->stays)
		smtp_client_quit(&p->c);
}

static void
challenge(void *role, struct span message)
{
	struct play *p = role;

	buf_addf(&p->told, "asked:%.*s ", SPAN_FMT(message));
	smtp_client_auth_say(&p->c, SPAN_LIT("bmV4dA=="));
}

static void
recipient(void *role, size_t i, const struct smtp_reply *r)
{
	buf_addf(&((struct play *)role)->told, "%zu:%d ", i, r->code);
}

static void
giving(void *role)
{
	struct play *p = role;

	buf_addf(&p->told, "giving ");
	if (!p->waits)
		smtp_client_give(&p->c);
}

static void
done(void *role, enum smtp_stage stage, const struct smtp_reply *r)
{
	buf_addf(&((struct play *)role)->told, "done:%s:%d:%s ", smtp_client_stage(stage), r->code,
	    r->text);
}

static void
failed(void *role, enum smtp_stage stage, const struct err *why)
{
	buf_addf(&((struct play *)role)->told, "failed:%s:%s:%s ", smtp_client_stage(stage),
	    refusal_word(why->why), why->text);
}

static const struct smtp_client_ops ops = { .ready = ready,
	.challenge = challenge,
	.recipient = recipient,
	.giving = giving,
	.done = done,
	.failed = failed };

static void
begin(struct play *p, const char *letter, size_t n_to)
{
	*p = (struct play) { .to = { SPAN_LIT("x@b.test"), SPAN_LIT("y@b.test"),
				 SPAN_LIT("z@b.test") } };
	smtp_client_init(&p->c, "oms.a.test", &ops, p);
	p->c.engine.now_ms = 1000;
	if (letter != NULL)
		p->letter = (struct smtp_letter) { .from = SPAN_LIT("a@a.test"),
			.to = p->to,
			.n_to = n_to,
			.content = source_bytes(span_str(letter)),
			.octets = strlen(letter) };
}

static void
over(struct play *p)
{
	smtp_client_clear(&p->c);
	if (p->letter.content != NULL)
		p->letter.content->free(p->letter.content);
	buf_clear(&p->held);
	buf_clear(&p->told);
}

/* As the mover: what came out, payload included, in a buffer; the source hesitates before each piece. */
static void
drain(struct play *p, struct buf *out)
{
	struct engine *e = &p->c.engine;
	char piece[7];
	ssize_t n;

	for (;;) {
		buf_add(out, e->out.data, e->out.len);
		buf_reset(&e->out);
		if (e->payload.source == NULL)
			return;
		hesitant_put(&e->payload);
		n = engine_payload_read(e, piece, sizeof piece);
		if (n == SOURCE_WAIT) {
			hesitant_wake(&e->payload);
			continue;
		}
		assert_true(n >= 0);
		buf_add(out, piece, (size_t)n);
		engine_payload_moved(e, (size_t)n);
	}
}

/* The server says `in` (at once, or octet by octet), and this comes out. */
static void
answers(struct play *p, const char *in, const char *want)
{
	struct buf out = BUF_INIT;

	drive(&p->c.engine, &p->held, span_str(in), strlen(in) + 1);
	drain(p, &out);
	if (!span_eq(buf_span(&out), span_str(want)))
		fail_msg("after %s\nsaid: %.*s\nnot: %s", in, SPAN_FMT(buf_span(&out)), want);
	buf_clear(&out);
}

static void
was_told(struct play *p, const char *want)
{
	if (!span_eq(buf_span(&p->told), span_str(want)))
		fail_msg("told: %.*s\nnot: %s", SPAN_FMT(buf_span(&p->told)), want);
	buf_reset(&p->told);
}

#define OFFERS "250-mx\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"

/* To the first turn of the role, in plain: the tests of letters need no TLS. */
static void
hello(struct play *p, const char *offers, const char *want)
{
	answers(p, "220 mx ESMTP\r\n", "EHLO oms.a.test\r\n");
	answers(p, offers, want);
}

/* -- signing in ----------------------------------------------------------------------------------- */

#define SIGNS_IN "250-mx\r\n250-AUTH LOGIN PLAIN scram-sha-256\r\n250 SIZE 1000\r\n"
#define FIRST    "AUTH SCRAM-SHA-256 Zmlyc3Q=\r\n"

static void
begin_signing_in(struct play *p)
{
	begin(p, NULL, 0);
	p->signs_in = p->c.secured = true;
	hello(p, SIGNS_IN, FIRST);
	assert_true(p->c.offers.auth_plain && p->c.offers.auth_scram);
}

static void
signs_in(void **state)
{
	static const char *const odd[] = { "250 ok\r\n", "354 go on\r\n", "235-a\r\n334 b\r\n" };
	struct play p;

	(void)state;
	begin_signing_in(&p);
	answers(&p, "334 cmVhZHk=\r\n", "bmV4dA==\r\n");
	answers(&p, "334 \r\n", "bmV4dA==\r\n");
	answers(&p, "235 2.7.0 welcome\r\n", "QUIT\r\n");
	assert_true(p.c.signed_in);
	was_told(&p, "ready asked:cmVhZHk= asked: ready ");
	over(&p);
	begin_signing_in(&p);
	answers(&p, "535 5.7.8 no\r\n", "");
	assert_true(p.c.engine.closing && !p.c.signed_in);
	was_told(&p, "ready failed:AUTH:refused:535 5.7.8 no ");
	over(&p);
	for (size_t i = 0; i < 3; i++) {
		begin_signing_in(&p);
		answers(&p, odd[i], "");
		assert_true(p.c.engine.closing && !p.c.signed_in);
		over(&p);
	}
}

/* -- TLS and the session -------------------------------------------------------------------------- */

static void
tls_is_asked_for_and_ehlo_said_again(void **state)
{
	struct play p;

	(void)state;
	begin(&p, NULL, 0);
	hello(&p, "250-mx\r\n250-DSN\r\n250 STARTTLS\r\n", "STARTTLS\r\n");
	assert_true(p.c.offers.dsn);
	answers(&p, "220 go\r\n", "");
	assert_true(p.c.engine.wants_tls);
	p.c.engine.secured(&p.c.engine);
	answers(&p, "", "EHLO oms.a.test\r\n");
	assert_false(p.c.offers.dsn);
	answers(&p,
	    "250-mx\r\n250-SMTPUTF8\r\n250-8bitmime\r\n250-REQUIRETLS\r\n250-SIZE\r\n250-X-FOO bar\r\n"
	    "250 LIMITS MAILMAX=1 RCPTMAX=7\r\n",
	    "QUIT\r\n");
	assert_true(p.c.offers.utf8 && p.c.offers.eight_bit && p.c.offers.require_tls);
	assert_true(!p.c.offers.starttls && !p.c.offers.pipelining);
	assert_int_equal(p.c.offers.rcpt_max, 7);
	was_told(&p, "ready ready ");
	answers(&p, "221 bye\r\n", "");
	assert_true(p.c.engine.closing);
	was_told(&p, "");
	over(&p);
}

/* Each ends the session in its stage. */
static void
a_session_fails(void **state)
{
	static const struct {
		const char *banner, *ehlo, *starttls, *told;
	} table[] = {
		{ "554 no mail here\r\n", NULL, NULL, "failed:banner:refused:554 no mail here " },
		{ "421 busy\r\n", NULL, NULL, "failed:banner:refused-for-now:421 busy " },
		{ "250 mx\r\n", NULL, NULL, "failed:banner:refused:250 mx " },
		{ "HTTP/1.1 400 Bad\r\n", NULL, NULL,
		    "failed:banner:bad-reply:a line of a reply has no reply code " },
		{ "220 mx\r\n", "550 5.7.1 who are you\r\n", NULL,
		    "failed:EHLO:refused:550 5.7.1 who are you " },
		{ "220 mx\r\n", "250-a\r\n550 b\r\n", NULL,
		    "failed:EHLO:bad-reply:the lines of a reply have different codes " },
		{ "220 mx\r\n", "250 STARTTLS\r\n250 x\r\n", NULL,
		    "ready failed:rest:refused:250 x " },
		{ "220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "454 4.7.0 not now\r\n",
		    "ready failed:STARTTLS:refused-for-now:454 4.7.0 not now " },
		{ "220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "250 go\r\n",
		    "ready failed:STARTTLS:refused:250 go " },
		{ "220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n250 injected\r\n",
		    "ready failed:STARTTLS:octets-before-tls:octets came in plain after the 220 to STARTTLS " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		const char *const in[] = { table[i].banner, table[i].ehlo, table[i].starttls };
		struct play p;

		begin(&p, NULL, 0);
		p.stays = true;
		for (size_t k = 0; k < 3 && in[k] != NULL; k++) {
			assert_false(p.c.engine.closing);
			drive(&p.c.engine, &p.held, span_str(in[k]), strlen(in[k]));
		}
		was_told(&p, table[i].told);
		assert_true(p.c.engine.closing);
		over(&p);
	}
}

/* -- letters -------------------------------------------------------------------------------------- */

static void
a_letter_goes_in_a_group(void **state)
{
	struct play p;

	(void)state;
	begin(&p, "Subject: x\r\n\r\n.\r\n", 2);
	hello(&p, OFFERS,
	    "MAIL FROM:<a@a.test> SIZE=17\r\nRCPT TO:<x@b.test>\r\nRCPT TO:<y@b.test>\r\nDATA\r\n");
	answers(&p, "250 ok\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n",
	    "Subject: x\r\n\r\n..\r\n.\r\n");
	was_told(&p, "ready 0:250 1:550 giving ");
	answers(&p, "250 2.0.0 queued as 1\r\n", "QUIT\r\n");
	was_told(&p, "done:end of content:250:queued as 1 ready ");
	over(&p);
}

static void
a_letter_goes_step_by_step(void **state)
{
	struct play p;

	(void)state;
	begin(&p, "x", 2);
	hello(&p, "250 mx\r\n", "MAIL FROM:<a@a.test>\r\n");
	answers(&p, "250 ok\r\n", "RCPT TO:<x@b.test>\r\n");
	answers(&p, "450 4.2.1 later\r\n", "RCPT TO:<y@b.test>\r\n");
	answers(&p, "250 ok\r\n", "DATA\r\n");
	answers(&p, "354 go\r\n", "x\r\n.\r\n");
	answers(&p, "452 4.3.1 full\r\n", "QUIT\r\n");
	was_told(&p, "ready 0:450 1:250 giving done:end of content:452:full ready ");
	over(&p);
}

static void
what_the_peer_offers_is_asked_for(void **state)
{
	struct play p;

	(void)state;
	begin(&p, "x", 1);
	p.letter.eight_bit = p.letter.utf8 = p.letter.require_tls = true;
	p.letter.envid = SPAN_LIT("01ABC");
	p.letter.from = (struct span) { 0 };
	hello(&p, "250-mx\r\n250-DSN\r\n250-SIZE 0\r\n250 REQUIRETLS\r\n",
	    "MAIL FROM:<> BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=HDRS ENVID=01ABC\r\n");
	answers(&p, "250 ok\r\n", "RCPT TO:<x@b.test> NOTIFY=FAILURE,DELAY\r\n");
	over(&p);
}

static void
the_dot_waits_for_the_role(void **state)
{
	struct play p;
	struct buf out = BUF_INIT;

	(void)state;
	begin(&p, "x\r\n", 1);
	p.waits = true;
	hello(&p, OFFERS, "MAIL FROM:<a@a.test> SIZE=3\r\nRCPT TO:<x@b.test>\r\nDATA\r\n");
	answers(&p, "250 ok\r\n250 ok\r\n354 go\r\n", "x\r\n");
	was_told(&p, "ready 0:250 giving ");
	assert_int_equal(p.c.engine.deadline_ms, 0);
	smtp_client_give(&p.c);
	drain(&p, &out);
	assert_true(span_eq(buf_span(&out), SPAN_LIT(".\r\n")));
	assert_int_equal(p.c.engine.deadline_ms, 1000 + SMTP_CLIENT_END_MS);
	buf_clear(&out);
	over(&p);
}

/* What comes in answer to MAIL, x, y and DATA of a group; what goes out then; and what the role is told. */
static void
each_refusal_has_its_stage(void **state)
{
	static const struct {
		const char *in, *out, *then, *told;
	} table[] = {
		{ "550 5.7.1 not you\r\n503 x\r\n503 y\r\n503 z\r\n", "QUIT\r\n", NULL,
		    "ready done:MAIL:550:not you ready " },
		/* The peer takes the content of nobody's letter. */
		{ "550 5.7.1 not you\r\n503 x\r\n503 y\r\n354 go\r\n", ".\r\n", "QUIT\r\n",
		    "ready done:MAIL:550:not you ready " },
		{ "250 ok\r\n550 5.1.1 x\r\n450 4.1.1 y\r\n503 z\r\n", "QUIT\r\n", NULL,
		    "ready 0:550 1:450 done:RCPT:450:y ready " },
		{ "250 ok\r\n550 5.1.1 x\r\n450 4.1.1 y\r\n354 go\r\n", ".\r\n", "QUIT\r\n",
		    "ready 0:550 1:450 done:RCPT:450:y ready " },
		{ "250 ok\r\n250 x\r\n550 y\r\n451 4.3.0 z\r\n", "QUIT\r\n", NULL,
		    "ready 0:250 1:550 done:DATA:451:z ready " },
		{ "250 ok\r\n250 x\r\n550 y\r\n250 what\r\n", "", NULL,
		    "ready 0:250 1:550 failed:DATA:bad-reply:250 is no answer to DATA " },
		{ "354 ok\r\n", "", NULL, "ready failed:MAIL:bad-reply:354 is no answer to MAIL " },
		{ "250 ok\r\n421 4.3.2 down\r\n", "", NULL,
		    "ready failed:RCPT:refused-for-now:421 4.3.2 down " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		struct play p;

		begin(&p, "x", 2);
		hello(&p, OFFERS,
		    "MAIL FROM:<a@a.test> SIZE=1\r\nRCPT TO:<x@b.test>\r\nRCPT TO:<y@b.test>\r\nDATA\r\n");
		answers(&p, table[i].in, table[i].out);
		if (table[i].then != NULL)
			answers(&p, "250 nobody\r\n", table[i].then);
		was_told(&p, table[i].told);
		over(&p);
	}
}

static void
refused_step_by_step(void **state)
{
	struct play p;

	(void)state;
	begin(&p, "x", 1);
	hello(&p, "250 mx\r\n", "MAIL FROM:<a@a.test>\r\n");
	answers(&p, "550 no\r\n", "QUIT\r\n");
	was_told(&p, "ready done:MAIL:550:no ready ");
	over(&p);
	begin(&p, "x", 1);
	hello(&p, "250 mx\r\n", "MAIL FROM:<a@a.test>\r\n");
	answers(&p, "250 ok\r\n", "RCPT TO:<x@b.test>\r\n");
	answers(&p, "550 no\r\n", "QUIT\r\n");
	was_told(&p, "ready 0:550 done:RCPT:550:no ready ");
	over(&p);
}

/* One unsound address, and nothing is said. */
static void
no_address_is_a_command(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct play p;

		begin(&p, "x", 2);
		p.stays = true;
		if (i == 0)
			p.letter.from = SPAN_LIT("a@a.test>\r\nRCPT TO:<z@b.test");
		if (i == 1)
			p.to[1] = SPAN_LIT("y\x7f@b.test");
		if (i == 2)
			p.letter.envid = SPAN_LIT("1\n");
		if (i == 3)
			p.letter.n_to = 0;
		hello(&p, OFFERS, "");
		was_told(&p, "ready unsound:bad-address ");
		over(&p);
	}
}

static void
a_session_carries_letters_one_after_another(void **state)
{
	struct play p;

	(void)state;
	begin(&p, "one\r\n", 1);
	p.stays = true;
	hello(&p, "250 mx\r\n", "MAIL FROM:<a@a.test>\r\n");
	answers(&p, "250 ok\r\n", "RCPT TO:<x@b.test>\r\n");
	answers(&p, "250 ok\r\n", "DATA\r\n");
	answers(&p, "354 ok\r\n", "one\r\n.\r\n");
	answers(&p, "250 ok\r\n", "");
	assert_int_equal(p.c.engine.deadline_ms, 0);
	p.letter.content = source_bytes(SPAN_LIT(".two"));
	p.letter.octets = 4;
	ready(&p);
	answers(&p, "", "MAIL FROM:<a@a.test>\r\n");
	answers(&p, "250 ok\r\n", "RCPT TO:<x@b.test>\r\n");
	answers(&p, "250 ok\r\n", "DATA\r\n");
	answers(&p, "354 ok\r\n", "..two\r\n.\r\n");
	over(&p);
}

static void
an_empty_letter_goes(void **state)
{
	struct play p;

	(void)state;
	begin(&p, "", 1);
	hello(&p, OFFERS, "MAIL FROM:<a@a.test> SIZE=0\r\nRCPT TO:<x@b.test>\r\nDATA\r\n");
	answers(&p, "250 ok\r\n250 ok\r\n354 go\r\n", ".\r\n");
	over(&p);
}

static void
words_amid_the_content_end_it(void **state)
{
	struct play p;
	struct buf out = BUF_INIT;

	(void)state;
	begin(&p, "x\r\n", 1);
	p.waits = true;
	hello(&p, OFFERS, "MAIL FROM:<a@a.test> SIZE=3\r\nRCPT TO:<x@b.test>\r\nDATA\r\n");
	drive(&p.c.engine, &p.held, SPAN_LIT("250 ok\r\n250 ok\r\n354 go\r\n552 too much\r\n"),
	    100);
	was_told(&p, "ready 0:250 failed:content:refused:552 too much ");
	assert_null(p.c.engine.payload.source);
	drain(&p, &out);
	assert_int_equal(out.len, 0);
	over(&p);
}

/* -- time ----------------------------------------------------------------------------------------- */

static void
each_reply_has_its_time(void **state)
{
	static const struct {
		const char *in;
		int64_t ms;
		const char *stage;
	} steps[] = { { "", SMTP_CLIENT_REPLY_MS, "banner" },
		{ "220 mx\r\n", SMTP_CLIENT_REPLY_MS, "EHLO" },
		{ "250 mx\r\n", SMTP_CLIENT_REPLY_MS, "MAIL" },
		{ "250 ok\r\n", SMTP_CLIENT_REPLY_MS, "RCPT" },
		{ "250 ok\r\n", SMTP_CLIENT_DATA_MS, "DATA" },
		{ "354 go\r\n", SMTP_CLIENT_END_MS, "end of content" } };

	(void)state;
	for (size_t n = 1; n <= sizeof steps / sizeof steps[0]; n++) {
		struct play p;
		struct buf out = BUF_INIT;
		char told[80];

		begin(&p, "x", 1);
		for (size_t i = 0; i < n; i++) {
			drive(&p.c.engine, &p.held, span_str(steps[i].in), strlen(steps[i].in) + 1);
			drain(&p, &out);
		}
		assert_int_equal(p.c.engine.deadline_ms, 1000 + steps[n - 1].ms);
		buf_reset(&p.told);
		p.c.engine.now_ms = p.c.engine.deadline_ms;
		p.c.engine.tick(&p.c.engine);
		snprintf(told, sizeof told, "failed:%s:idle:no reply came ", steps[n - 1].stage);
		was_told(&p, told);
		buf_clear(&out);
		over(&p);
	}
}

static void
content_must_leave(void **state)
{
	struct play p;
	char octet;

	(void)state;
	begin(&p, "xy", 1);
	hello(&p, "250 mx\r\n", "MAIL FROM:<a@a.test>\r\n");
	answers(&p, "250 ok\r\n", "RCPT TO:<x@b.test>\r\n");
	answers(&p, "250 ok\r\n", "DATA\r\n");
	drive(&p.c.engine, &p.held, SPAN_LIT("354 go\r\n"), 100);
	assert_int_equal(p.c.engine.deadline_ms, 1000 + SMTP_CLIENT_BLOCK_MS);
	assert_int_equal(engine_payload_read(&p.c.engine, &octet, 1), 1);
	engine_payload_moved(&p.c.engine, 1);
	p.c.engine.now_ms = p.c.engine.deadline_ms;
	p.c.engine.tick(&p.c.engine);
	assert_false(p.c.engine.closing);
	p.c.engine.now_ms = p.c.engine.deadline_ms;
	p.c.engine.tick(&p.c.engine);
	assert_true(p.c.engine.closing);
	over(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signs_in),
		cmocka_unit_test(tls_is_asked_for_and_ehlo_said_again),
		cmocka_unit_test(a_session_fails),
		cmocka_unit_test(a_letter_goes_in_a_group),
		cmocka_unit_test(a_letter_goes_step_by_step),
		cmocka_unit_test(what_the_peer_offers_is_asked_for),
		cmocka_unit_test(the_dot_waits_for_the_role),
		cmocka_unit_test(each_refusal_has_its_stage),
		cmocka_unit_test(refused_step_by_step),
		cmocka_unit_test(no_address_is_a_command),
		cmocka_unit_test(a_session_carries_letters_one_after_another),
		cmocka_unit_test(an_empty_letter_goes),
		cmocka_unit_test(words_amid_the_content_end_it),
		cmocka_unit_test(each_reply_has_its_time),
		cmocka_unit_test(content_must_leave),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
