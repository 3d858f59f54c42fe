/* smtp_server — order, groups, TLS, bounds and time of a session, and what the role is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/smtp/smtp_server.h"
#include "tests/drive.h"

#define LIMIT 100

/* A role that says yes at once, but for senders and recipients of these local parts: no, later. */
struct play {
	struct smtp_server s; /* first */
	struct buf held;      /* input that was not taken */
	struct buf told;      /* what the role was told, one letter each */
	struct buf letter;
	uint64_t asked;
	bool shut_out, later_end, later_data;
	struct err fault;
};

static bool
admit(void *role, struct err *e)
{
	return !((struct play *)role)->shut_out || err_word(e, REFUSAL_closing);
}

static void
fault(void *role, const struct err *e)
{
	((struct play *)role)->fault = *e;
}

static void
tell(struct play *p, char what)
{
	buf_add(&p->told, &what, 1);
}

static void
hello(void *role, const struct smtp_name *name)
{
	tell(role,
	    name->kind == SMTP_NAME_HOST          ? 'h'
		: name->kind == SMTP_NAME_LITERAL ? 'l'
						  : 'o');
}

static enum outcome
verdict(struct play *p, uint64_t request, const struct smtp_path *path, struct err *e)
{
	p->asked = request;
	if (span_eq(path->local, SPAN_LIT("later")))
		return PENDING;
	if (!span_eq(path->local, SPAN_LIT("no")))
		return DONE;
	err_set(e, REFUSAL_no_such_user, "nobody");
	return REFUSED;
}

static enum outcome
mail(void *role, uint64_t request, const struct smtp_mail *m, struct err *e)
{
	tell(role, 'm');
	return verdict(role, request, &m->from, e);
}

static enum outcome
rcpt(void *role, uint64_t request, const struct smtp_path *to, struct err *e)
{
	tell(role, 'r');
	return verdict(role, request, to, e);
}

static enum outcome
data(void *role, uint64_t request, struct err *e)
{
	struct play *p = role;

	(void)e;
	tell(p, 'd');
	p->asked = request;
	buf_reset(&p->letter);
	return p->later_data ? PENDING : DONE;
}

static void
octets(void *role, struct span piece)
{
	buf_add(&((struct play *)role)->letter, piece.p, piece.n);
}

static enum outcome
end(void *role, uint64_t request, struct err *e)
{
	struct play *p = role;

	(void)e;
	tell(p, 'e');
	p->asked = request;
	return p->later_end ? PENDING : DONE;
}

static void
reset(void *role)
{
	tell(role, 'x');
}

static enum outcome
auth(void *role, uint64_t request, struct span mechanism, struct span message,
    struct sasl_said *said, struct err *e)
{
	struct play *p = role;

	p->asked = request;
	if (mechanism.n > 0 && !span_eq(mechanism, SPAN_LIT("PLAIN")))
		return err_word(e, REFUSAL_auth_mechanism), REFUSED;
	if (message.p == NULL)
		return DONE;
	if (span_eq(message, SPAN_LIT("bm8=")))
		return err_word(e, REFUSAL_auth_failed), REFUSED;
	if (span_eq(message, SPAN_LIT("bGF0ZXI=")))
		return PENDING;
	said->signed_in = true;
	return DONE;
}

static const struct smtp_server_ops server_ops = { .admit = admit,
	.fault = fault,
	.hello = hello,
	.mail = mail,
	.rcpt = rcpt,
	.data = data,
	.octets = octets,
	.end = end,
	.reset = reset,
	.auth = auth };
static const struct smtp_server_config inbound = {
	.name = "mx.a.test", .contact = "https://a.test/mail", .size_max = LIMIT, .starttls = true
};
static const struct smtp_server_config submission = { .name = "mx.a.test",
	.size_max = LIMIT,
	.submission = true,
	.mechanisms = "SCRAM-SHA-256 PLAIN" };

static void
begin(struct play *p, const struct smtp_server_config *config)
{
	*p = (struct play) { 0 };
	smtp_server_init(&p->s, config, &server_ops, p);
	p->s.engine.now_ms = 1000;
	drive(&p->s.engine, &p->held, (struct span) { 0 }, 1);
}

static void
over(struct play *p)
{
	smtp_server_clear(&p->s);
	buf_clear(&p->held);
	buf_clear(&p->told);
	buf_clear(&p->letter);
}

/* What came out since the last time is this. */
static void
says(struct play *p, const char *want)
{
	struct buf *out = &p->s.engine.out;

	if (!span_eq(buf_span(out), span_str(want)))
		fail_msg("said: %.*s\nnot: %s", SPAN_FMT(buf_span(out)), want);
	buf_reset(out);
}

static void
hears(struct play *p, const char *in)
{
	drive(&p->s.engine, &p->held, span_str(in), strlen(in) + 1);
}

static void
was_told(struct play *p, const char *want)
{
	assert_true(span_eq(buf_span(&p->told), span_str(want)));
	buf_reset(&p->told);
}

/* To the code of its only reply. */
static int
code_after(struct play *p, const char *in)
{
	int code;

	buf_reset(&p->s.engine.out);
	hears(p, in);
	if (p->s.engine.out.len == 0)
		return 0;
	code = atoi((buf_add(&p->s.engine.out, "", 1), p->s.engine.out.data));
	buf_reset(&p->s.engine.out);
	return code;
}

/* TLS is up and EHLO was said. */
static void
ready(struct play *p)
{
	begin(p, &inbound);
	hears(p, "EHLO b.test\r\n");
	hears(p, "STARTTLS\r\n");
	assert_true(p->s.engine.wants_tls);
	p->s.engine.secured(&p->s.engine);
	hears(p, "EHLO b.test\r\n");
	buf_reset(&p->s.engine.out);
	buf_reset(&p->told);
}

/* -- TLS ------------------------------------------------------------------------------------------ */

static void
tls_comes_first(void **state)
{
	struct play p;

	(void)state;
	begin(&p, &inbound);
	says(&p, "220 mx.a.test ESMTP\r\n");
	assert_int_equal(code_after(&p, "MAIL FROM:<a@b.test>\r\n"), 530);
	hears(&p, "STARTTLS\r\n");
	says(&p, "503 5.5.1 [bad-sequence] EHLO comes first\r\n");
	hears(&p, "EHLO b.test\r\n");
	says(&p,
	    "250-mx.a.test\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
	    "250-LIMITS RCPTMAX=100\r\n250-STARTTLS\r\n250 ENHANCEDSTATUSCODES\r\n");
	for (int i = 0; i < 4; i++) {
		static const char *const not_yet[] = { "MAIL FROM:<a@b.test>\r\n",
			"RCPT TO:<a@b.test>\r\n", "VRFY a\r\n", "AUTH PLAIN\r\n" };

		hears(&p, not_yet[i]);
		says(&p, "530 5.7.0 [starttls-required] only STARTTLS is served before TLS\r\n");
	}
	assert_int_equal(code_after(&p, "STARTTLS now\r\n"), 501);
	hears(&p, "STARTTLS\r\n");
	says(&p, "220 2.0.0 begin\r\n");
	assert_true(p.s.engine.wants_tls);
	p.s.engine.secured(&p.s.engine);
	assert_false(p.s.engine.wants_tls);
	/* The session forgets what came in plain. */
	assert_int_equal(code_after(&p, "MAIL FROM:<a@b.test>\r\n"), 503);
	hears(&p, "EHLO b.test\r\n");
	says(&p,
	    "250-mx.a.test\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
	    "250-LIMITS RCPTMAX=100\r\n250-REQUIRETLS\r\n250 ENHANCEDSTATUSCODES\r\n");
	assert_int_equal(code_after(&p, "STARTTLS\r\n"), 503);
	was_told(&p, "hh");
	over(&p);
}

static void
nothing_comes_with_starttls(void **state)
{
	struct play p;

	(void)state;
	begin(&p, &inbound);
	hears(&p, "EHLO b.test\r\n");
	buf_reset(&p.s.engine.out);
	hears(&p, "STARTTLS\r\nEHLO x\r\n");
	assert_false(p.s.engine.wants_tls);
	assert_true(p.s.engine.closing);
	assert_int_equal(p.fault.why, REFUSAL_octets_before_tls);
	over(&p);
	/* Later than the command, the mover sees them; the engine takes none. */
	begin(&p, &inbound);
	hears(&p, "EHLO b.test\r\n");
	hears(&p, "STARTTLS\r\n");
	hears(&p, "NOOP\r\n");
	assert_int_equal(p.held.len, 6);
	over(&p);
}

/* -- letters ---------------------------------------------------------------------------------------- */

static void
a_letter_is_taken(void **state)
{
	struct play p;

	(void)state;
	ready(&p);
	hears(&p, "mail from:<a@b.test>\r\nrcpt to:<x@a.test>\r\nRCPT TO:<no@a.test>\r\ndata\r\n");
	says(&p,
	    "250 2.1.0 sender noted\r\n250 2.1.5 recipient noted\r\n"
	    "550-5.1.1 [no-such-user] nobody\r\n550 5.1.1 https://a.test/mail\r\n"
	    "354 end with a dot on a line of its own\r\n");
	hears(&p, "Subject: x\r\n\r\n..\r\n.\r\nMAIL FROM:<>\r\n");
	says(&p, "250 2.0.0 kept\r\n250 2.1.0 sender noted\r\n");
	assert_true(span_eq(buf_span(&p.letter), SPAN_LIT("Subject: x\r\n\r\n.\r\n")));
	was_told(&p, "mrrdem");
	hears(&p, "RSET\r\nQUIT\r\n");
	says(&p, "250 2.0.0 ok\r\n221 2.0.0 good bye\r\n");
	was_told(&p, "x");
	assert_true(p.s.engine.closing);
	over(&p);
}

static void
answers_may_come_later(void **state)
{
	struct play p;
	struct err no;

	(void)state;
	ready(&p);
	p.later_end = true;
	err_set(&no, REFUSAL_mailbox_full, "full");
	hears(&p, "MAIL FROM:<later@b.test>\r\nRCPT TO:<later@a.test>\r\n");
	says(&p, "");
	assert_true(p.s.engine.owing);
	assert_false(smtp_server_answer(&p.s, p.asked + 1, NULL, NULL));
	assert_true(smtp_server_answer(&p.s, p.asked, NULL, NULL));
	assert_false(smtp_server_answer(&p.s, p.asked, NULL, NULL));
	drive_again(&p.s.engine, &p.held);
	says(&p, "250 2.1.0 sender noted\r\n");
	assert_true(smtp_server_answer(&p.s, p.asked, &no, NULL));
	says(&p, "452-4.2.2 [mailbox-full] full\r\n452 4.2.2 https://a.test/mail\r\n");
	assert_int_equal(code_after(&p, "RCPT TO:<x@a.test>\r\n"), 250);
	hears(&p, "DATA\r\n");
	hears(&p, ".\r\nNOOP\r\n");
	says(&p, "354 end with a dot on a line of its own\r\n");
	assert_true(smtp_server_answer(&p.s, p.asked, NULL, "kept as 1"));
	drive_again(&p.s.engine, &p.held);
	says(&p, "250 2.0.0 kept as 1\r\n250 2.0.0 ok\r\n");
	assert_int_equal(p.letter.len, 0);
	over(&p);
}

/* Each command in each state: the code of its reply. */
static void
commands_have_an_order(void **state)
{
	static const char *const before[] = { "", "MAIL FROM:<a@b.test>\r\n",
		"RCPT TO:<x@a.test>\r\n" };
	static const struct {
		const char *command;
		int codes[3];
	} table[] = {
		{ "MAIL FROM:<a@b.test>\r\n", { 250, 503, 503 } },
		{ "RCPT TO:<x@a.test>\r\n", { 503, 250, 250 } },
		{ "RCPT TO:<no@a.test>\r\n", { 503, 550, 550 } },
		{ "DATA\r\n", { 503, 554, 354 } },
		{ "DATA x\r\n", { 501, 501, 501 } },
		{ "EHLO b.test\r\n", { 250, 250, 250 } },
		{ "EHLO\r\n", { 501, 501, 501 } },
		{ "HELO b.test\r\n", { 250, 250, 250 } },
		{ "NOOP\r\n", { 250, 250, 250 } },
		{ "RSET\r\n", { 250, 250, 250 } },
		{ "VRFY x\r\n", { 252, 252, 252 } },
		{ "HELP\r\n", { 214, 214, 214 } },
		{ "EXPN x\r\n", { 500, 500, 500 } },
		{ "BDAT 0 LAST\r\n", { 500, 500, 500 } },
		{ "AUTH PLAIN\r\n", { 500, 500, 500 } },
		{ "QUIT\r\n", { 221, 221, 221 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		for (size_t n = 0; n < 3; n++) {
			struct play p;
			int code;

			ready(&p);
			for (size_t k = 1; k <= n; k++)
				hears(&p, before[k]);
			code = code_after(&p, table[i].command);
			if (code != table[i].codes[n])
				fail_msg("%s in state %zu: %d", table[i].command, n, code);
			over(&p);
		}
}

/* After HELO nothing was offered. */
static void
helo_offers_nothing(void **state)
{
	struct play p;

	(void)state;
	ready(&p);
	hears(&p, "HELO [192.0.2.1]\r\n");
	says(&p, "250 mx.a.test\r\n");
	was_told(&p, "l");
	assert_int_equal(code_after(&p, "MAIL FROM:<a@b.test> SIZE=1\r\n"), 555);
	assert_int_equal(code_after(&p, "MAIL FROM:<a@b.test>\r\n"), 250);
	over(&p);
}

/* -- groups --------------------------------------------------------------------------------------- */

static void
nothing_comes_before_the_reply_it_depends_on(void **state)
{
	static const char *const early[] = { "EHLO b.test\r\nNOOP\r\n", "DATA\r\nSubject: x\r\n" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct play p;

		ready(&p);
		hears(&p, "MAIL FROM:<a@b.test>\r\nRCPT TO:<x@a.test>\r\n");
		buf_reset(&p.told);
		hears(&p, early[i]);
		assert_true(p.s.engine.closing);
		assert_int_equal(p.fault.why, REFUSAL_early_octets);
		was_told(&p, "x");
		over(&p);
	}
	for (size_t i = 0; i < 2; i++) { /* the answer to DATA is awaited */
		struct play p;

		ready(&p);
		p.later_data = true;
		hears(&p, "MAIL FROM:<a@b.test>\r\nRCPT TO:<x@a.test>\r\n");
		hears(&p, "DATA\r\n");
		buf_reset(&p.told);
		if (i == 0)
			assert_true(smtp_server_answer(&p.s, p.asked, NULL, NULL));
		hears(&p, "x\r\n");
		assert_int_equal(p.s.engine.closing, i);
		assert_int_equal(p.fault.why, i == 0 ? 0 : REFUSAL_early_octets);
		assert_false(i == 1 && smtp_server_answer(&p.s, p.asked, NULL, NULL));
		was_told(&p, i == 0 ? "" : "x");
		over(&p);
	}
}

static void
a_fault_in_the_content_ends_the_session(void **state)
{
	static const char *const bad[] = { "x\n.\r\nMAIL FROM:<a@b.test>\r\n", "\r.\r\n", ".\n" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct play p;

		ready(&p);
		hears(&p, "MAIL FROM:<a@b.test>\r\nRCPT TO:<x@a.test>\r\nDATA\r\n");
		buf_reset(&p.told);
		assert_int_equal(code_after(&p, bad[i]), 500);
		assert_true(p.s.engine.closing);
		assert_int_equal(p.fault.why, REFUSAL_bare_lf);
		was_told(&p, "x");
		over(&p);
	}
}

/* -- bounds --------------------------------------------------------------------------------------- */

static void
a_letter_has_a_size(void **state)
{
	(void)state;
	for (int over_by = -1; over_by <= 1; over_by++) {
		char letter[LIMIT + 8];
		size_t n = (size_t)(LIMIT + over_by);
		struct play p;

		ready(&p);
		snprintf(letter, sizeof letter, "MAIL FROM:<a@b.test> SIZE=%zu\r\n", n);
		assert_int_equal(code_after(&p, letter), over_by > 0 ? 552 : 250);
		if (over_by > 0) /* it says less, and sends more */
			hears(&p, "MAIL FROM:<a@b.test> SIZE=1\r\n");
		hears(&p, "RCPT TO:<x@a.test>\r\nDATA\r\n");
		memset(letter, 'x', sizeof letter);
		snprintf(letter + n - 2, sizeof letter - n + 2, "\r\n.\r\n");
		buf_reset(&p.told);
		assert_int_equal(code_after(&p, letter), over_by > 0 ? 552 : 250);
		was_told(&p, over_by > 0 ? "x" : "e");
		assert_true(p.letter.len <= LIMIT);
		assert_int_equal(code_after(&p, "MAIL FROM:<a@b.test>\r\n"), 250);
		over(&p);
	}
}

static void
a_letter_has_100_recipients(void **state)
{
	struct play p;

	(void)state;
	ready(&p);
	hears(&p, "MAIL FROM:<a@b.test>\r\n");
	for (int i = 0; i < SMTP_SERVER_RCPT_MAX; i++)
		assert_int_equal(code_after(&p, "RCPT TO:<x@a.test>\r\n"), 250);
	hears(&p, "RCPT TO:<x@a.test>\r\n");
	says(&p, "452 4.5.3 [too-many-recipients] more than 100 recipients\r\n");
	assert_int_equal(code_after(&p, "DATA\r\n"), 354);
	over(&p);
}

/* The n-th reply ends the session: one before it does not. */
static void
ends_after(const char *command, int n)
{
	struct play p;

	ready(&p);
	hears(&p, "MAIL FROM:<a@b.test>\r\n");
	for (int i = 1; i < n; i++) {
		hears(&p, command);
		buf_reset(&p.s.engine.out);
		assert_false(p.s.engine.closing);
	}
	hears(&p, command);
	assert_true(p.s.engine.closing);
	assert_int_equal(p.fault.why, REFUSAL_too_many_errors);
	over(&p);
}

static void
faults_and_idle_commands_are_counted(void **state)
{
	(void)state;
	ends_after("XYZ\r\n", SMTP_SERVER_ERRORS_MAX);
	ends_after("RCPT TO:<x@a.test> X=1\r\n", SMTP_SERVER_ERRORS_MAX);
	ends_after("RCPT TO:<no@a.test>\r\n", SMTP_SERVER_REFUSALS_MAX);
	ends_after("NOOP\r\n", SMTP_SERVER_IDLERS_MAX); /* and one EHLO */
	ends_after("VRFY x\r\n", SMTP_SERVER_IDLERS_MAX);
}

static void
a_command_has_2048_octets(void **state)
{
	(void)state;
	for (int over_by = -1; over_by <= 1; over_by++) {
		char line[SMTP_COMMAND_MAX + 2];
		size_t n = (size_t)(SMTP_COMMAND_MAX + over_by);
		struct play p;

		ready(&p);
		memset(line, 'x', sizeof line);
		memcpy(line, "NOOP ", 5);
		memcpy(line + n - 2, "\r\n", 2);
		drive(&p.s.engine, &p.held, span_of(line, n), n);
		assert_int_equal(p.s.engine.closing, over_by > 0);
		over(&p);
	}
}

static void
a_server_that_goes_down_says_421(void **state)
{
	struct play p;

	(void)state;
	ready(&p);
	p.shut_out = true;
	assert_int_equal(code_after(&p, "NOOP\r\n"), 421);
	assert_true(p.s.engine.closing);
	over(&p);
}

/* -- time ----------------------------------------------------------------------------------------- */

static bool
lives_at(struct play *p, int64_t now_ms)
{
	p->s.engine.now_ms = now_ms;
	if (now_ms >= p->s.engine.deadline_ms)
		p->s.engine.tick(&p->s.engine);
	return !p->s.engine.closing;
}

static void
a_silent_peer_is_idle(void **state)
{
	struct play p;

	(void)state;
	ready(&p);
	assert_int_equal(p.s.engine.deadline_ms, 1000 + SMTP_SERVER_IDLE_MS);
	assert_true(lives_at(&p, 1000 + SMTP_SERVER_IDLE_MS - 1));
	assert_false(lives_at(&p, 1000 + SMTP_SERVER_IDLE_MS));
	says(&p, "421 4.4.2 [idle] nothing came for too long\r\n");
	over(&p);
}

static void
who_waits_for_us_is_not_idle(void **state)
{
	struct play p;

	(void)state;
	ready(&p);
	hears(&p, "MAIL FROM:<later@b.test>\r\n");
	assert_true(lives_at(&p, 1000 + SMTP_SERVER_IDLE_MS));
	assert_false(lives_at(&p, 1000 + SMTP_SERVER_LIFE_MS));
	assert_false(smtp_server_answer(&p.s, p.asked, NULL, NULL));
	over(&p);
}

static void
content_has_a_rate(void **state)
{
	struct play p;

	(void)state;
	ready(&p);
	hears(&p, "MAIL FROM:<a@b.test>\r\nRCPT TO:<x@a.test>\r\nDATA\r\n");
	buf_reset(&p.told);
	hears(&p, "x");
	assert_int_equal(p.s.engine.deadline_ms, 1000 + PACE_RATE_MS);
	assert_false(lives_at(&p, 1000 + PACE_RATE_MS));
	assert_int_equal(p.fault.why, REFUSAL_too_slow);
	was_told(&p, "x");
	over(&p);
}

/* -- submission ----------------------------------------------------------------------------------- */

static void
users_sign_in(void **state)
{
	struct play p;

	(void)state;
	begin(&p, &submission);
	buf_reset(&p.s.engine.out);
	assert_int_equal(code_after(&p, "AUTH PLAIN eWVz\r\n"), 503);
	hears(&p, "EHLO [192.0.2.1]\r\n");
	assert_non_null(memmem(p.s.engine.out.data, p.s.engine.out.len,
	    "\r\n250-AUTH SCRAM-SHA-256 PLAIN\r\n", 32));
	assert_int_equal(code_after(&p, "MAIL FROM:<a@b.test>\r\n"), 530);
	assert_int_equal(code_after(&p, "AUTH CRAM-MD5\r\n"), 504);
	assert_int_equal(code_after(&p, "AUTH PL/IN\r\n"), 501);
	assert_int_equal(code_after(&p, "AUTH PLAIN !\r\n"), 501);
	hears(&p, "AUTH plain\r\n");
	says(&p, "334 \r\n");
	hears(&p, "*\r\n");
	says(&p, "501 5.5.4 [bad-syntax] given up\r\n");
	hears(&p, "AUTH PLAIN bGF0ZXI=\r\nMAIL FROM:<a@b.test>\r\n");
	says(&p, "");
	assert_true(smtp_server_answer_auth(&p.s, p.asked,
	    &(struct sasl_said) { .signed_in = true }, NULL));
	drive_again(&p.s.engine, &p.held);
	says(&p, "235 2.7.0 signed in\r\n250 2.1.0 sender noted\r\n");
	assert_int_equal(code_after(&p, "AUTH PLAIN eWVz\r\n"), 503);
	over(&p);
}

static void
wrong_passwords_end_the_session(void **state)
{
	struct play p;

	(void)state;
	begin(&p, &submission);
	hears(&p, "EHLO b.test\r\n");
	for (int i = 1; i < SASL_FAILURES_MAX; i++) {
		assert_int_equal(code_after(&p, "AUTH PLAIN bm8=\r\n"), 535);
		assert_false(p.s.engine.closing);
	}
	assert_int_equal(code_after(&p, "AUTH PLAIN bm8=\r\n"), 535);
	assert_true(p.s.engine.closing);
	over(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_comes_first),
		cmocka_unit_test(nothing_comes_with_starttls),
		cmocka_unit_test(a_letter_is_taken),
		cmocka_unit_test(answers_may_come_later),
		cmocka_unit_test(commands_have_an_order),
		cmocka_unit_test(helo_offers_nothing),
		cmocka_unit_test(nothing_comes_before_the_reply_it_depends_on),
		cmocka_unit_test(a_fault_in_the_content_ends_the_session),
		cmocka_unit_test(a_letter_has_a_size),
		cmocka_unit_test(a_letter_has_100_recipients),
		cmocka_unit_test(faults_and_idle_commands_are_counted),
		cmocka_unit_test(a_command_has_2048_octets),
		cmocka_unit_test(a_server_that_goes_down_says_421),
		cmocka_unit_test(a_silent_peer_is_idle),
		cmocka_unit_test(who_waits_for_us_is_not_idle),
		cmocka_unit_test(content_has_a_rate),
		cmocka_unit_test(users_sign_in),
		cmocka_unit_test(wrong_passwords_end_the_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
