/* conn_end — see conn_end_private.h. */
#include "common/net/conn_end_private.h"

void
conn_fail(struct conn *c, const struct err *why)
{
	if (c->state == CONN_DEAD)
		return;
	c->state = CONN_DEAD;
	c->stream.stopped = true;
	if ((c->has_why = why != NULL))
		c->why = *why;
}

void
conn_fail_word(struct conn *c, enum refusal why, const char *text)
{
	struct err e;

	err_set(&e, why, "%s", text);
	conn_fail(c, &e);
}

void
conn_refuse(struct conn *c, const struct err *why)
{
	conn_log_refused(c, why);
	conn_fail(c, why);
}

void
conn_fail_at_end(struct conn *c, const char *how)
{
	if (RULE(tls_truncated) && c->state == CONN_UP && !c->stream.eof)
		conn_fail_word(c, REFUSAL_tls_truncated, how);
	else
		conn_fail(c, NULL);
}

void
conn_break_off(struct conn *c, const struct err *why)
{
	if (why->why == REFUSAL_internal)
		conn_fail(c, why);
	else if (c->state == CONN_PLAIN)
		conn_fail_word(c, REFUSAL_unreachable, why->text);
	else if (c->state == CONN_CLOSING || c->state == CONN_UP)
		conn_fail_at_end(c, why->text);
}
