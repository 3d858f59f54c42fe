/* sasl_server — signing in, the server's half; see sasl_server.h. */
#include "proto/sasl_server.h"

#include "common/base/base64.h"

static struct sasl_server *
self(struct server *s)
{
	return (struct sasl_server *)s;
}

static enum outcome on_message(struct server *s, struct span line, struct err *e);

/* -- what the role said -------------------------------------------------------------------- */

static void
refuse(struct sasl_server *x, const struct err *e)
{
	x->failures++;
	if (RULE(too_many_errors) && x->failures >= SASL_FAILURES_MAX)
		server_end(&x->server, e);
	else
		server_refuse(&x->server, e);
}

static void
send_reply(struct sasl_server *x, const struct sasl_said *said)
{
	struct span message = said->message.len > 0 ? buf_span(&said->message) : SPAN_LIT("=");

	if (said->signed_in) {
		x->server.state = SASL_READY;
		server_reply(&x->server, 235, "2.7.0", "%.*s", SPAN_FMT(message));
	} else {
		server_reply(&x->server, 334, "2.0.0", "%.*s", SPAN_FMT(message));
		server_expect_line(&x->server, on_message);
	}
}

static enum outcome
step(struct sasl_server *x, struct span message)
{
	struct sasl_said said = { 0 };
	struct err e;
	enum outcome o;

	o = x->ops->auth(x->server.role, span_str(x->mechanism), message, &said, &e);
	x->mechanism[0] = '\0';
	if (o == DONE)
		send_reply(x, &said);
	if (o == REFUSED)
		refuse(x, &e);
	buf_clear(&said.message);
	return o == PENDING ? PENDING : DONE;
}

bool
sasl_server_answer(struct sasl_server *x, uint64_t request, const struct sasl_said *said,
    const struct err *e)
{
	if (x->server.state != SASL_NEW || !server_answered(&x->server, request))
		return false;
	if (e == NULL)
		send_reply(x, said);
	else
		refuse(x, e);
	return true;
}

bool
sasl_server_refuse(void *sasl, uint64_t request, const struct err *e)
{
	struct sasl_server *x = sasl;

	if (x->server.state != SASL_NEW || !server_answered(&x->server, request))
		return false;
	refuse(x, e);
	return true;
}

/* -- what the client says ------------------------------------------------------------------ */

bool
sasl_is_base64(struct span s)
{
	struct buf octets = BUF_INIT;
	bool good = base64_parse(s, &octets);

	buf_clear(&octets);
	return good;
}

/* message = base64 / "=" */
static bool
parse_message(struct span s, struct span *message, struct err *e)
{
	bool good = span_eq(s, SPAN_LIT("=")) || (s.n > 0 && sasl_is_base64(s));

	if (RULE(bad_syntax) && !good)
		return err_set(e, REFUSAL_bad_syntax, "the message is not in base64");
	*message = span_eq(s, SPAN_LIT("=")) ? (struct span) { "", 0 } : s;
	return true;
}

/* message / "*"        RFC 4954: "*" gives up */
static enum outcome
on_message(struct server *s, struct span line, struct err *e)
{
	struct sasl_server *x = self(s);
	struct span message;

	if (span_eq(line, SPAN_LIT("*"))) {
		err_set(e, REFUSAL_bad_syntax, "given up");
		return REFUSED;
	}
	if (!parse_message(line, &message, e))
		return REFUSED;
	if (RULE(too_many_errors) && ++x->steps > SASL_STEPS_MAX) {
		err_set(e, REFUSAL_too_many_errors, "signing in takes at most %d messages",
		    SASL_STEPS_MAX);
		return REFUSED;
	}
	return step(x, message);
}

/* mechanism = 1*20( %x41-5A / DIGIT / "-" / "_" )        RFC 4422 3.1 */
bool
sasl_mechanism_parse(struct span s, char out[SASL_MECHANISM_MAX + 1], struct err *e)
{
	bool good = s.n > 0 && s.n <= SASL_MECHANISM_MAX;

	for (size_t i = 0; i < s.n; i++)
		good = good &&
		    ((s.p[i] >= 'A' && s.p[i] <= 'Z') || s.p[i] == '-' || s.p[i] == '_' ||
			(s.p[i] >= '0' && s.p[i] <= '9'));
	if (RULE(bad_syntax) && !good)
		return err_set(e, REFUSAL_bad_syntax, "the mechanism is not named");
	return span_copy(s, out, SASL_MECHANISM_MAX + 1) ||
	    err_set(e, REFUSAL_bad_syntax, "the mechanism is not named");
}

/* auth = "AUTH" SP mechanism [ SP message ] */
enum outcome
sasl_server_do_auth(struct server *s, struct span args, struct err *e)
{
	struct sasl_server *x = self(s);
	struct span rest = args, mechanism = span_cut(&rest, ' ');
	struct span message;
	bool silent = mechanism.n == args.n;

	if (!sasl_mechanism_parse(mechanism, x->mechanism, e) ||
	    (!silent && !parse_message(rest, &message, e)))
		return REFUSED;
	x->steps = silent ? 0 : 1;
	if (!silent)
		return step(x, message);
	send_reply(x, &(struct sasl_said) { .signed_in = false });
	return DONE;
}

/* -- the rest ------------------------------------------------------------------------------ */

void
sasl_server_init(struct sasl_server *x, const struct verb *verbs, size_t n_verbs,
    const struct sasl_server_ops *ops, void *role)
{
	*x = (struct sasl_server) { .ops = ops };
	server_init(&x->server, verbs, n_verbs, &ops->server, role);
	x->server.state = SASL_NEW;
	x->server.signs_in = true;
}
