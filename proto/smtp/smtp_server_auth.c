/* smtp_server_auth — AUTH of RFC 4954; see smtp_server.h.  The role does the work (common/auth). */
#include "proto/smtp/smtp_server_private.h"

static void
refuse_text(struct smtp_server *s, enum refusal why, const char *text)
{
	struct err e;

	err_set(&e, why, "%s", text);
	smtp_server_refuse(s, &e);
}

void
smtp_server_auth_refused(struct smtp_server *s, const struct err *e)
{
	s->auth_failures++;
	if (RULE(too_many_errors) && s->auth_failures >= SASL_FAILURES_MAX)
		smtp_server_end(s, e);
	else
		smtp_server_refuse(s, e);
}

/* 235's text is for people, so a last message of the server's is a challenge too, which the client answers by the
 * empty message (RFC 4954 4). */
void
smtp_server_auth_said(struct smtp_server *s, const struct sasl_said *said)
{
	if (said->signed_in) {
		s->signed_in = true;
		smtp_reply_addf(&s->engine.out, false, 235, "2.7.0", "signed in");
		return;
	}
	s->challenged = true;
	buf_addf(&s->engine.out, "334 %.*s\r\n", SPAN_FMT(buf_span(&said->message)));
}

static void
step(struct smtp_server *s, struct span mechanism, struct span message)
{
	struct sasl_said said = { 0 };
	struct err e;
	enum outcome o = s->ops->auth(s->role, s->request, mechanism, message, &said, &e);

	s->waiting = o == PENDING;
	s->asked = SMTP_ASKED_AUTH;
	if (o == DONE)
		smtp_server_auth_said(s, &said);
	if (o == REFUSED)
		smtp_server_auth_refused(s, &e);
	buf_clear(&said.message);
}

/* line = base64 / "*" */
void
smtp_server_auth_line(struct smtp_server *s, struct span line)
{
	s->challenged = false;
	if (span_eq(line, SPAN_LIT("*")))
		refuse_text(s, REFUSAL_bad_syntax, "given up");
	else if (RULE(bad_syntax) && !sasl_is_base64(line))
		refuse_text(s, REFUSAL_bad_syntax, "the message is not in base64");
	else if (RULE(too_many_errors) && ++s->auth_steps > SASL_STEPS_MAX)
		refuse_text(s, REFUSAL_bad_syntax, "signing in takes fewer messages");
	else
		step(s, (struct span) { 0 }, line);
}

/* SMTP takes it in any case (RFC 5321 2.4). */
static bool
parse_mechanism(struct span s, char out[SASL_MECHANISM_MAX + 1], struct err *e)
{
	char upper[SASL_MECHANISM_MAX + 1];

	out[0] = '\0';
	if (RULE(bad_syntax) && !span_copy(s, upper, sizeof upper))
		return err_set(e, REFUSAL_bad_syntax, "the mechanism is not named");
	for (char *c = upper; *c != '\0'; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	return sasl_mechanism_parse(span_str(upper), out, e);
}

/* auth = "AUTH" SP mechanism [ SP ( base64 / "=" ) ] */
void
smtp_server_auth(struct smtp_server *s, struct span args)
{
	struct span rest = args, name = span_cut(&rest, ' ');
	bool silent = name.n == args.n, empty = span_eq(rest, SPAN_LIT("="));
	char mechanism[SASL_MECHANISM_MAX + 1];
	struct err e;

	if (!s->config->submission)
		refuse_text(s, REFUSAL_unknown_verb, "nobody signs in here");
	else if (s->state != SMTP_READY || s->signed_in)
		refuse_text(s, REFUSAL_bad_sequence,
		    s->signed_in ? "signed in already" : "AUTH follows EHLO");
	else if (!parse_mechanism(name, mechanism, &e))
		smtp_server_refuse(s, &e);
	else if (RULE(bad_syntax) && !silent && !empty && !sasl_is_base64(rest))
		refuse_text(s, REFUSAL_bad_syntax, "the message is not in base64");
	else {
		s->auth_steps = 0;
		/* Without its first message the exchange begins with an empty challenge. */
		step(s, span_str(mechanism),
		    silent      ? (struct span) { 0 }
			: empty ? SPAN_LIT("")
				: rest);
	}
}
