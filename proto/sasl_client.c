/* sasl_client — signing in, the client's half; see sasl_client.h. */
#include "proto/sasl_client.h"

static struct sasl_client *
self(struct client *c)
{
	return (struct sasl_client *)c;
}

static void
finish(struct sasl_client *s, const struct err *e)
{
	s->at = SASL_IDLE;
	s->stepping = false;
	s->sasl->signed_in(s->role, e);
}

static void
break_off(struct sasl_client *s)
{
	struct err e;

	err_set(&e, REFUSAL_bad_reply, "the server breaks the rules of signing in");
	client_lost(&s->client, &e);
}

/* -- our messages -------------------------------------------------------------------------- */

/* Before the first line nothing is under way; later the server waits for a message, or for "*".  A
 * server that could not prove itself is not spoken to any more. */
static void
give_up(struct sasl_client *s, const struct err *e)
{
	if (s->at == SASL_LAST)
		client_lost(&s->client, e);
	if (s->at == SASL_FIRST)
		finish(s, e);
	if (s->at != SASL_MIDDLE)
		return;
	s->why = *e;
	s->at = SASL_GIVING_UP;
	if (!client_request(&s->client, SASL_CLIENT_KIND, NULL, "*"))
		break_off(s);
}

static void
send_message(struct sasl_client *s, struct span message)
{
	bool good;

	if (s->at == SASL_LAST) {
		finish(s, NULL);
		return;
	}
	if (message.n == 0)
		message = SPAN_LIT("=");
	if (s->at == SASL_FIRST)
		good = client_request(&s->client, SASL_CLIENT_KIND, NULL, "AUTH %s %.*s",
		    s->mechanism, SPAN_FMT(message));
	else
		good = client_request(&s->client, SASL_CLIENT_KIND, NULL, "%.*s",
		    SPAN_FMT(message));
	s->at = SASL_MIDDLE;
	if (!good)
		break_off(s);
}

static void
step(struct sasl_client *s, struct span message)
{
	struct buf out = BUF_INIT;
	struct err e;
	enum outcome o;

	o = s->sasl->step(s->role, message, s->at == SASL_LAST, &out, &e);
	s->stepping = o == PENDING;
	if (o == DONE)
		send_message(s, buf_span(&out));
	if (o == REFUSED)
		give_up(s, &e);
	buf_clear(&out);
}

bool
sasl_client_answer(struct sasl_client *s, struct span message, const struct err *e)
{
	if (!s->stepping)
		return false;
	s->stepping = false;
	if (e == NULL)
		send_message(s, message);
	else
		give_up(s, e);
	return true;
}

bool
sasl_client_begin(struct sasl_client *s, const char *mechanism)
{
	if (s->at != SASL_IDLE || s->client.over ||
	    !span_copy(span_str(mechanism), s->mechanism, sizeof s->mechanism))
		return false;
	s->at = SASL_FIRST;
	step(s, (struct span) { "", 0 });
	return true;
}

/* -- the server's -------------------------------------------------------------------------- */

bool
sasl_client_reply(struct client *c, int kind, const struct reply *r)
{
	struct sasl_client *s = self(c);
	struct span message = span_eq(r->text, SPAN_LIT("=")) ? (struct span) { "", 0 } : r->text;
	struct err e;

	if (kind != SASL_CLIENT_KIND)
		return false;
	if (r->code >= 400) {
		reply_err(r, &e);
		finish(s, s->at == SASL_GIVING_UP ? &s->why : &e);
	} else if (s->at == SASL_MIDDLE && (r->code == 334 || r->code == 235) && !r->has_payload) {
		s->at = r->code == 235 ? SASL_LAST : SASL_MIDDLE;
		step(s, message);
	} else if (r->code >= 200) {
		break_off(s);
	}
	return true;
}

void
sasl_client_lost(struct client *c, const struct err *e)
{
	if (self(c)->at != SASL_IDLE)
		finish(self(c), e);
}

void
sasl_client_init(struct sasl_client *s, const struct client_ops *ops,
    const struct sasl_client_ops *sasl, void *role)
{
	*s = (struct sasl_client) { .sasl = sasl, .role = role };
	client_init(&s->client, ops);
}
