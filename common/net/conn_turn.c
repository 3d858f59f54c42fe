/* conn_turn — what a connection does in each state, from the handshake to its end; see conn_turn_private.h. */
#include "common/net/conn_turn_private.h"

#include <sys/socket.h>

#include "common/base/log.h"
#include "common/loop/loop.h"
#include "common/net/conn_end_private.h"
#include "common/net/conn_limit.h"

/* -- the handshake ------------------------------------------------------------------------------ */

bool
conn_turn_tls(struct conn *c, const char *own, struct err *e)
{
	SSL *ssl;

	if (!(conn_is_server(c) ? tls_session_accept(&c->session, &ssl, e)
				: tls_session_connect(&c->session, own, &ssl, e)))
		return false;
	conn_wire_attach(&c->wire, ssl);
	c->stream.ssl = ssl;
	return true;
}

static void
start_closing(struct conn *c)
{
	c->state = CONN_CLOSING;
	conn_stream_end(&c->stream);
}

/* The role has seen the verdict and goes on, or it has closed. */
static void
tell_secured(struct conn *c)
{
	struct engine *e = c->stream.engine;

	if (c->events->secured != NULL)
		c->events->secured(c, c->role);
	if (c->state == CONN_UP && c->close_asked)
		start_closing(c);
	if (c->state != CONN_UP)
		return;
	e->now_ms = loop_now_ms(c->loop);
	e->secured(e);
}

static void
come_up(struct conn *c)
{
	const struct tls_profile *p = tls_profile(c->session.kind);
	char key[SHARE_KEY_ADDRESS_BYTES];

	if (p->asks_certificate && p->verdict == TLS_VERDICT_ANSWERED &&
	    c->peer.verdict.why != REFUSAL_NONE)
		conn_log_refused(c, &c->peer.verdict);
	listen_shook(c->wire.in);
	c->state = CONN_UP;
	c->was_up = true;
	if (c->place != NULL)
		conn_place_report(c->place, true, loop_now_ms(c->loop));
	c->deadline_ms = 0;
	c->again = true;
	log_fact_of(conn_peer_key(c, key), LOG_DEBUG, "tls.up",
	    "conn=%llu peer=%s sni=%s alpn=%s fingerprint=%s", (unsigned long long)c->entry.id,
	    log_str(c->peer.host), log_str(c->peer.sni), p->alpn ? c->session.alpn : "-",
	    c->peer.chain == NULL ? "-" : chain_fingerprint(c->peer.chain));
	if (c->met) {
		tell_secured(c);
		return;
	}
	c->met = true;
	c->events->up(c, c->role);
}

void
conn_turn_shaking(struct conn *c)
{
	struct err e;
	bool done;

	if (!tls_session_shake(&c->session, c->stream.ssl, &done, &e))
		conn_refuse(c, &e);
	else if (done)
		come_up(c);
	else if (c->wire.eof) {
		err_set(&e, REFUSAL_tls_failed,
		    "the peer went away in the middle of the handshake");
		conn_refuse(c, &e);
	}
}

/* -- octets ------------------------------------------------------------------------------------- */

/* False: nothing moved, or it failed. */
static bool
moved(struct conn *c, enum conn_moved what, const struct err *e)
{
	if (what != CONN_MOVED_FAILED)
		return what == CONN_MOVED_SOME;
	if (e->why == REFUSAL_too_many_key_updates)
		conn_refuse(c, e);
	else
		conn_fail(c, e);
	return false;
}

static bool
feed(struct conn *c)
{
	struct err e;

	return moved(c,
	    conn_stream_feed(&c->stream, &c->wire, conn_set_scratch(c->set), loop_now_ms(c->loop),
		&e),
	    &e);
}

static bool
drain(struct conn *c)
{
	struct err e;

	return moved(c, conn_stream_drain(&c->stream, &c->wire, conn_set_scratch(c->set), &e), &e);
}

/* The plain part is over; the engine hears nothing more before TLS is up. */
static bool
is_leaving_plain(const struct conn *c)
{
	const struct engine *e = c->stream.engine;

	return c->state == CONN_PLAIN && e != NULL && e->wants_tls && !e->closing &&
	    !c->close_asked;
}

/* A third party may have put octets before the handshake, to be taken for the peer's after it (CVE-2011-0411). */
static void
look_before_tls(struct conn *c)
{
	struct err e;

	if (!RULE(octets_before_tls) || (c->stream.input.len == 0 && !conn_wire_holds(&c->wire)))
		return;
	err_word(&e, REFUSAL_octets_before_tls);
	conn_refuse(c, &e);
}

/* The end of the peer's octets.  In plain nothing is awaited that the rest of a line could bring. */
static bool
is_at_end(const struct conn *c)
{
	return c->stream.eof && !c->stream.engine->owing &&
	    (c->stream.input.len == 0 || c->state == CONN_PLAIN);
}

void
conn_turn_up(struct conn *c)
{
	struct engine *e = c->stream.engine;
	bool more = true;

	if (e == NULL) {
		if (c->close_asked)
			start_closing(c);
		return;
	}
	e->now_ms = loop_now_ms(c->loop);
	if (e->deadline_ms != 0 && e->now_ms >= e->deadline_ms)
		e->tick(e);
	while (more && conn_is_open(c)) {
		more = !is_leaving_plain(c) && feed(c);
		more |= conn_is_open(c) && drain(c);
	}
	if (!conn_is_open(c))
		return;
	if (is_leaving_plain(c))
		look_before_tls(c);
	else if (c->state == CONN_UP && c->wire.eof && !c->stream.eof)
		conn_fail_at_end(c, "");
	else if (!conn_stream_has_more(&c->stream) &&
	    (e->closing || c->close_asked || is_at_end(c)))
		start_closing(c);
}

/* -- in plain ----------------------------------------------------------------------------------- */

void
conn_turn_plain(struct conn *c)
{
	if (!c->met) {
		c->met = true;
		c->deadline_ms = 0;
		c->events->up(c, c->role);
	}
	if (c->state == CONN_PLAIN)
		conn_turn_up(c);
}

/* It was in plain for a while: our certificates may have changed since. */
void
conn_turn_leave_plain(struct conn *c)
{
	struct err e;

	if (!is_leaving_plain(c) || conn_stream_has_more(&c->stream) ||
	    conn_wire_waiting(&c->wire) > 0)
		return;
	tls_unref(&c->session.tls);
	c->session.tls = tls_holder_get(c->session.holder);
	if (!conn_turn_tls(c, NULL, &e)) {
		conn_fail(c, &e);
		return;
	}
	c->stream.eof = false;
	c->state = CONN_SHAKING;
	c->deadline_ms = loop_now_ms(c->loop) + c->shake_ms;
	c->again = true;
}

/* -- the other states --------------------------------------------------------------------------- */

/* Everything is sent: now the peer may close. */
void
conn_turn_closing(struct conn *c)
{
	if (c->wire.eof) {
		conn_fail(c, NULL);
		return;
	}
	if (conn_wire_waiting(&c->wire) > 0 || c->half_closed)
		return;
	c->half_closed = true;
	shutdown(c->wire.in->fd, SHUT_WR);
	c->deadline_ms = loop_now_ms(c->loop) + CONN_LINGER_MS;
	if (c->stream.eof)
		conn_fail(c, NULL);
}

void
conn_turn_connecting(struct conn *c)
{
	struct err e;

	if (!conn_wire_connected(&c->wire, &e)) {
		conn_fail(c, &e);
		return;
	}
	c->state = tls_profile(c->session.kind)->starts_plain ? CONN_PLAIN : CONN_SHAKING;
	c->again = true;
}
