/* server_reply — the replies of a server engine; see server.h. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "proto/line.h"
#include "proto/reply.h"
#include "proto/server.h"

static struct buf *
replies(struct server *s)
{
	return s->held_replies != NULL ? s->held_replies : &s->engine.out;
}

void
server_close(struct server *s)
{
	if (s->held_replies != NULL)
		s->ending = true;
	else
		s->engine.closing = true;
}

void
server_hold(struct server *s, struct buf *held_replies)
{
	s->held_replies = held_replies;
}

void
server_release(struct server *s)
{
	s->held_replies = NULL;
	if (s->ending)
		s->engine.closing = true;
	s->stirred = true;
}

void
server_reply(struct server *s, int code, const char *enhanced, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	reply_addf(replies(s), code, enhanced, "%s", text);
}

void
server_reply_take(struct server *s, int code, const char *enhanced, struct source *source,
    uint64_t offset, uint64_t n, const char *text)
{
	assert(s->held_replies == NULL);
	reply_add_payload(&s->engine.out, code, enhanced, n, text);
	engine_payload_take(&s->engine, source, offset, n);
	s->pace.sent_to = offset;
}

void
server_reply_octets(struct server *s, int code, const char *enhanced, struct span octets,
    const char *text)
{
	reply_add_payload(replies(s), code, enhanced, octets.n, text);
	buf_add(replies(s), octets.p, octets.n);
}

static bool
is_fault(const struct err *e)
{
	int code = refusal_code(e->why);

	return code / 10 == 50 || code == 421 || code == 553 || e->why == REFUSAL_auth_required;
}

void
server_refuse(struct server *s, const struct err *e)
{
	reply_add_refusal(replies(s), e);
	if (s->ops->fault != NULL && is_fault(e))
		s->ops->fault(s->role, e);
	if (refusal_code(e->why) / 10 == 50)
		s->errors++;
	if (refusal_code(e->why) == 421)
		server_close(s);
}

void
server_end(struct server *s, const struct err *e)
{
	server_refuse(s, e);
	server_close(s);
}

void
server_end_with(struct server *s, enum refusal why)
{
	struct err e;

	err_word(&e, why);
	server_end(s, &e);
}

/* -- requests that every protocol has ---------------------------------------------------------- */

enum outcome
server_do_noop(struct server *s, struct span args, struct err *e)
{
	(void)args;
	(void)e;
	server_reply(s, 250, "2.0.0", "still here");
	return DONE;
}

enum outcome
server_do_quit(struct server *s, struct span args, struct err *e)
{
	(void)args;
	(void)e;
	server_reply(s, 221, "2.0.0", "good bye");
	server_close(s);
	return DONE;
}
