/* smtp_server_command — the verbs of SMTP, and what the role says of them; see smtp_server.h. */
#include "proto/smtp/smtp_server_private.h"

enum command {
	EHLO,
	HELO,
	STARTTLS,
	AUTH,
	MAIL,
	RCPT,
	DATA,
	RSET,
	NOOP,
	QUIT,
	VRFY,
	HELP,
	N_COMMANDS
};

static const char *const names[N_COMMANDS] = { "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT",
	"DATA", "RSET", "NOOP", "QUIT", "VRFY", "HELP" };

static void
refuse_with(struct smtp_server *s, enum refusal why)
{
	struct err e;

	err_word(&e, why);
	smtp_server_refuse(s, &e);
}

static void
reply(struct smtp_server *s, int code, const char *enhanced, const char *text)
{
	smtp_reply_addf(&s->engine.out, false, code, enhanced, "%s", text);
}

/* -- EHLO, HELO, STARTTLS ------------------------------------------------------------------------- */

static unsigned
offered(const struct smtp_server *s)
{
	unsigned plain = SMTP_OFFER_SIZE | SMTP_OFFER_8BITMIME | SMTP_OFFER_SMTPUTF8;

	if (!s->extended)
		return 0;
	return plain | (s->secured ? 0 : SMTP_OFFER_STARTTLS) |
	    (s->secured && !s->config->goes_on ? SMTP_OFFER_REQUIRETLS : 0) |
	    (s->config->submission && s->secured ? SMTP_OFFER_AUTH : 0);
}

static void
offer(struct smtp_server *s)
{
	struct buf *out = &s->engine.out;
	unsigned set = offered(s);

	smtp_reply_addf(out, true, 250, NULL, "%s", s->config->name);
	smtp_reply_addf(out, true, 250, NULL, "PIPELINING");
	smtp_reply_addf(out, true, 250, NULL, "SIZE %llu", (unsigned long long)s->config->size_max);
	smtp_reply_addf(out, true, 250, NULL, "8BITMIME");
	smtp_reply_addf(out, true, 250, NULL, "SMTPUTF8");
	smtp_reply_addf(out, true, 250, NULL, "LIMITS RCPTMAX=%d", SMTP_SERVER_RCPT_MAX);
	if ((set & SMTP_OFFER_STARTTLS) != 0)
		smtp_reply_addf(out, true, 250, NULL, "STARTTLS");
	if ((set & SMTP_OFFER_REQUIRETLS) != 0)
		smtp_reply_addf(out, true, 250, NULL, "REQUIRETLS");
	if ((set & SMTP_OFFER_AUTH) != 0)
		smtp_reply_addf(out, true, 250, NULL, "AUTH %s", s->config->mechanisms);
	smtp_reply_addf(out, false, 250, NULL, "ENHANCEDSTATUSCODES");
}

static void
do_hello(struct smtp_server *s, struct span args, bool extended)
{
	struct smtp_name name;
	struct err e;

	if (!smtp_command_name(args, s->ops->a_label, &name, &e)) {
		smtp_server_refuse(s, &e);
		return;
	}
	s->idlers++;
	smtp_server_forget(s);
	s->extended = extended;
	s->state = SMTP_READY;
	s->ops->hello(s->role, &name);
	if (extended)
		offer(s);
	else
		smtp_reply_addf(&s->engine.out, false, 250, NULL, "%s", s->config->name);
}

static void
do_starttls(struct smtp_server *s, struct span args)
{
	struct err e;

	if (s->secured || s->state == SMTP_START) {
		err_set(&e, REFUSAL_bad_sequence,
		    s->secured ? "TLS is up already" : "EHLO comes first");
		smtp_server_refuse(s, &e);
	} else if (args.n > 0) {
		err_set(&e, REFUSAL_bad_syntax, "STARTTLS has no arguments");
		smtp_server_refuse(s, &e);
	} else {
		reply(s, 220, "2.0.0", "begin");
		s->engine.wants_tls = true;
	}
}

/* -- a letter ------------------------------------------------------------------------------------- */

static void
settle_mail(struct smtp_server *s, enum outcome o, const struct err *e)
{
	if (o == REFUSED) {
		smtp_server_refuse_for_role(s, e);
		return;
	}
	s->state = SMTP_MAIL;
	s->recipients = 0;
	reply(s, 250, "2.1.0", "sender noted");
}

static void
settle_rcpt(struct smtp_server *s, enum outcome o, const struct err *e)
{
	if (o == REFUSED) {
		smtp_server_refuse_for_role(s, e);
		return;
	}
	s->state = SMTP_RCPT;
	s->recipients++;
	reply(s, 250, "2.1.5", "recipient noted");
}

static void
settle_data(struct smtp_server *s, enum outcome o, const struct err *e)
{
	if (o == REFUSED) {
		smtp_server_refuse_for_role(s, e);
		return;
	}
	s->content = true;
	s->data = (struct smtp_data) { 0 };
	s->octets = 0;
	pace_payload(&s->pace);
	smtp_reply_addf(&s->engine.out, false, 354, NULL, "end with a dot on a line of its own");
}

/* The role has its letter, or has forgotten it: reset is not called. */
static void
settle_end(struct smtp_server *s, enum outcome o, const struct err *e, const char *text)
{
	s->state = SMTP_READY;
	s->recipients = 0;
	if (o == REFUSED)
		smtp_server_refuse_for_role(s, e);
	else
		reply(s, 250, "2.0.0", text != NULL ? text : "kept");
}

void
smtp_server_settle(struct smtp_server *s, enum smtp_asked asked, enum outcome o,
    const struct err *e, const char *text)
{
	s->waiting = o == PENDING;
	s->asked = asked;
	if (o == PENDING)
		return;
	switch (asked) {
	case SMTP_ASKED_MAIL:
		settle_mail(s, o, e);
		break;
	case SMTP_ASKED_RCPT:
		settle_rcpt(s, o, e);
		break;
	case SMTP_ASKED_DATA:
		settle_data(s, o, e);
		break;
	case SMTP_ASKED_END:
		settle_end(s, o, e, text);
		break;
	case SMTP_ASKED_AUTH: /* smtp_server_answer_auth */
		break;
	}
}

static void
do_mail(struct smtp_server *s, struct span args)
{
	struct smtp_mail mail;
	struct err e;

	if (RULE(auth_required) && s->config->submission && !s->signed_in)
		refuse_with(s, REFUSAL_auth_required);
	else if (RULE(bad_sequence) && s->state != SMTP_READY)
		refuse_with(s, REFUSAL_bad_sequence);
	else if (!smtp_command_mail(args, offered(s), &mail, &e))
		smtp_server_refuse(s, &e);
	else if (RULE(message_too_big) && mail.size > s->config->size_max)
		refuse_with(s, REFUSAL_message_too_big);
	else
		smtp_server_settle(s, SMTP_ASKED_MAIL, s->ops->mail(s->role, s->request, &mail, &e),
		    &e, NULL);
}

static void
do_rcpt(struct smtp_server *s, struct span args)
{
	struct smtp_path to;
	struct err e;

	if (RULE(bad_sequence) && s->state != SMTP_MAIL && s->state != SMTP_RCPT)
		refuse_with(s, REFUSAL_bad_sequence);
	else if (!smtp_command_rcpt(args, &to, &e))
		smtp_server_refuse(s, &e);
	else if (RULE(too_many_recipients) && s->recipients >= SMTP_SERVER_RCPT_MAX)
		refuse_with(s, REFUSAL_too_many_recipients);
	else
		smtp_server_settle(s, SMTP_ASKED_RCPT, s->ops->rcpt(s->role, s->request, &to, &e),
		    &e, NULL);
}

static void
do_data(struct smtp_server *s, struct span args)
{
	struct err e;

	if (args.n > 0) {
		err_set(&e, REFUSAL_bad_syntax, "DATA has no arguments");
		smtp_server_refuse(s, &e);
	} else if (s->state == SMTP_MAIL) {
		err_set(&e, REFUSAL_no_recipient, "no recipient was accepted");
		smtp_server_refuse(s, &e);
	} else if (s->state != SMTP_RCPT) {
		refuse_with(s, REFUSAL_bad_sequence);
	} else {
		smtp_server_settle(s, SMTP_ASKED_DATA, s->ops->data(s->role, s->request, &e), &e,
		    NULL);
	}
}

/* -- the rest ------------------------------------------------------------------------------------- */

/* What serves nobody alone: it is counted, and a letter makes the count 0. */
static void
do_idler(struct smtp_server *s, enum command v)
{
	s->idlers++;
	if (v == RSET)
		smtp_server_forget(s);
	if (v == VRFY)
		reply(s, 252, "2.5.2", "send the letter, and see");
	else if (v == HELP)
		reply(s, 214, "2.0.0",
		    s->config->contact != NULL ? s->config->contact : "RFC 5321");
	else
		reply(s, 250, "2.0.0", "ok");
}

static bool
is_allowed_in_plain(enum command v)
{
	return v == EHLO || v == HELO || v == STARTTLS || v == NOOP || v == RSET || v == QUIT;
}

static void
run(struct smtp_server *s, enum command v, struct span args)
{
	switch (v) {
	case EHLO:
	case HELO:
		do_hello(s, args, v == EHLO);
		break;
	case STARTTLS:
		do_starttls(s, args);
		break;
	case AUTH:
		smtp_server_auth(s, args);
		break;
	case MAIL:
		do_mail(s, args);
		break;
	case RCPT:
		do_rcpt(s, args);
		break;
	case DATA:
		do_data(s, args);
		break;
	case QUIT:
		reply(s, 221, "2.0.0", "good bye");
		s->engine.closing = true;
		break;
	default:
		do_idler(s, v);
		break;
	}
}

/* RFC 2920 3.1, RFC 3207 4: these end a group, since what follows depends on their reply. */
static bool
ends_group(struct smtp_server *s, enum command v)
{
	if (v == STARTTLS && RULE(octets_before_tls)) {
		smtp_server_end_with(s, REFUSAL_octets_before_tls);
		return true;
	}
	if ((v == EHLO || v == DATA) && RULE(early_octets)) {
		smtp_server_end_with(s, REFUSAL_early_octets);
		smtp_server_forget(s);
		return true;
	}
	return false;
}

void
smtp_server_command(struct smtp_server *s, struct span line, bool alone)
{
	struct span args;
	int v = smtp_command_verb(line, names, N_COMMANDS, &args);

	if (v < 0 && RULE(unknown_verb))
		refuse_with(s, REFUSAL_unknown_verb);
	else if (v < 0)
		reply(s, 250, "2.0.0", "ok");
	else if (!alone && ends_group(s, (enum command)v))
		return;
	else if (RULE(starttls_required) && !s->secured && !is_allowed_in_plain((enum command)v))
		refuse_with(s, REFUSAL_starttls_required);
	else
		run(s, (enum command)v, args);
}
