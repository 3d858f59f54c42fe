/* notify_session — from one of our domains to a designated IMS; see notify_session.h. */
#include "oms/notify/notify_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/net/dial.h"

enum route_state { IDLE, FINDING, CONNECTING, GREETING, READY };

struct route {
	struct route_place place;
	char own[DOMAIN_BYTES], peer[DOMAIN_BYTES];
	char from[64]; /* an address as text */
	const struct route_ops *ops;
	void *role;
	enum route_state state;
	bool had_turn;     /* it has brought the answers to a batch */
	struct dial *dial; /* NULL: IDLE */
	struct session *session;
	struct loop_timer *idle;
	struct err why; /* of the last hop that failed */
};

/* A session outlives its route where the route is freed first: its conn frees it. */
struct session {
	struct notify_client client; /* first: what conn moves */
	struct route *route;         /* NULL: forgotten */
	struct conn *conn;
	struct err refused; /* REFUSAL_NONE: welcomed */
};

static void next_hop(struct route *r);

/* -- the end of a session, or of the attempt at one -------------------------------------------- */

static void
end(struct route *r, const struct err *why, bool permanent)
{
	struct err copy = { REFUSAL_NONE, "" };

	if (why != NULL)
		copy = *why;
	if (why != NULL)
		log_fact(LOG_WARN, "route.ended", "own=%s peer=%s host=%s word=%s text=%s", r->own,
		    r->peer, route_host(r), refusal_word(copy.why), log_str(copy.text));
	loop_timer_cancel(r->idle);
	r->state = IDLE;
	dial_free(&r->dial);
	r->ops->ended(r->role, why != NULL ? &copy : NULL, permanent);
}

/* -- a session's callbacks ---------------------------------------------------------------------- */

static void
on_hello(void *role, const struct err *e)
{
	struct session *s = role;
	struct route *r = s->route;

	if (r == NULL)
		return;
	if (e != NULL) {
		s->refused = *e;
		return; /* lost follows */
	}
	r->state = READY;
	r->had_turn = false;
	loop_timer_set_ms(r->idle, ROUTE_IDLE_MS);
	log_fact(LOG_INFO, "route.ready", "own=%s peer=%s host=%s", r->own, r->peer, route_host(r));
	r->ops->ready(r->role);
}

static void
on_result(void *role, void *arg, size_t index, struct span text, const struct err *e)
{
	struct session *s = role;

	if (s->route != NULL)
		s->route->ops->result(s->route->role, arg, index, text, e);
}

static void
on_batch_end(void *role, void *arg, size_t answered, const struct err *e)
{
	struct session *s = role;

	if (s->route == NULL)
		return;
	loop_timer_set_ms(s->route->idle, ROUTE_IDLE_MS);
	s->route->had_turn = true;
	s->route->ops->batch_end(s->route->role, arg, answered, e);
}

static void
on_lost(void *role, const struct err *e)
{
	struct session *s = role;

	if (s->refused.why == REFUSAL_NONE && e != NULL)
		s->refused = *e;
}

static const struct notify_client_ops client_ops = {
	.hello = on_hello,
	.result = on_result,
	.batch_end = on_batch_end,
	.lost = on_lost,
};

static void
on_up(struct conn *c, void *role)
{
	struct session *s = role;

	if (s->route == NULL) {
		conn_drop(c, NULL);
		return;
	}
	s->route->state = GREETING;
	conn_set_engine(c, &s->client.client.engine);
	notify_client_hello(&s->client, s->route->own);
	conn_kick(c);
}

/* Before READY another address may do better; a refusal to our HELLO is the domain's word. */
static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;
	struct route *r = s->route;
	struct err e = { REFUSAL_NONE, "" };

	(void)c;
	if (why != NULL)
		e = *why;
	if (r != NULL) {
		enum route_state was = r->state;

		r->session = NULL;
		/* What was sent and not answered is told by batch_end. */
		client_lost(&s->client.client, &e);
		if (s->refused.why != REFUSAL_NONE && was == GREETING)
			e = s->refused;
		if (was == CONNECTING || (was == GREETING && s->refused.why == REFUSAL_NONE)) {
			if (e.why == REFUSAL_NONE)
				err_set(&e, REFUSAL_unreachable, "%s closed the connection",
				    route_host(r));
			r->why = e;
			next_hop(r);
		} else {
			end(r, e.why == REFUSAL_NONE ? NULL : &e,
			    was == GREETING && refusal_code(e.why) / 100 == 5);
		}
	}
	notify_client_clear(&s->client);
	free(s);
}

static void
on_wanted(struct conn *c, void *role)
{
	struct session *s = role;

	(void)c;
	if (s->route != NULL && s->route->state == READY)
		s->route->ops->wanted(s->route->role);
}

static const struct conn_events conn_events = {
	.up = on_up,
	.gone = on_gone,
	.wanted = on_wanted,
};

/* -- finding and connecting -------------------------------------------------------------------- */

static void
next_hop(struct route *r)
{
	struct session *s;
	struct err why = r->why;

	if (dial_is_over(r->dial)) {
		end(r, &why, false);
		return;
	}
	s = memory_new(sizeof *s);
	s->route = r;
	r->session = s;
	r->state = CONNECTING;
	notify_client_init(&s->client, &client_ops, s);
	s->conn = dial_next(r->dial, &conn_events, s);
}

static void
found(void *arg, const struct designation *d, const struct err *why)
{
	struct route *r = arg;
	struct err e;

	if (why != NULL)
		e = *why;
	if (!r->ops->found(r->role, d, why, &e) || why != NULL) {
		end(r, &e, !refusal_temporary(e.why));
		return;
	}
	err_set(&r->why, REFUSAL_unreachable, "no address of %s answers", r->peer);
	next_hop(r);
}

void
route_want(struct route *r)
{
	struct dial_to to = {
		.loop = r->place.loop,
		.dns = r->place.dns,
		.tls = r->place.tls,
		.service = DESIGNATION_NOTIFY,
		.alpn = NOTIFY_ALPN,
		.domain = r->peer,
		.own = r->own,
		.from = r->from,
		.limit = r->place.limit,
		.allow_private = r->place.allow_private,
		.timeout_ms = ROUTE_CONNECT_MS,
	};

	if (r->state != IDLE)
		return;
	r->state = FINDING;
	r->dial = dial_new(&to, found, r);
}

/* -- life ----------------------------------------------------------------------------------------- */

static void
on_idle(void *arg)
{
	struct route *r = arg;

	if (r->state != READY || r->session == NULL)
		return;
	if (r->session->client.count > 0) {
		loop_timer_set_ms(r->idle, ROUTE_IDLE_MS);
		return;
	}
	route_end(r);
}

struct route *
route_new(const struct route_place *place, const struct route_ops *ops, void *role)
{
	struct route *r = memory_new(sizeof *r);

	r->place = *place;
	snprintf(r->own, sizeof r->own, "%s", place->own);
	snprintf(r->peer, sizeof r->peer, "%s", place->peer);
	r->place.own = r->own;
	r->place.peer = r->peer;
	snprintf(r->from, sizeof r->from, "%s", place->from != NULL ? place->from : "");
	r->place.from = r->from;
	r->ops = ops;
	r->role = role;
	r->idle = loop_timer_new(place->loop, on_idle, r);
	return r;
}

void
route_free(struct route **rp)
{
	struct route *r = *rp;

	if (r == NULL)
		return;
	if (r->session != NULL) {
		r->session->route = NULL;
		conn_drop(r->session->conn, NULL);
	}
	loop_timer_free(&r->idle);
	dial_free(&r->dial);
	free(r);
	*rp = NULL;
}

bool
route_is_idle(const struct route *r)
{
	return r->state == IDLE;
}

struct notify_client *
route_client(struct route *r)
{
	/* While a session is told that it is lost, the state is still READY. */
	return r->state == READY && r->session != NULL && r->session->client.ready
	    ? &r->session->client
	    : NULL;
}

static const struct tls_identity *
shown(const struct route *r)
{
	return tls_identity(conn_tls(r->session->conn), r->own);
}

struct evp_pkey_st *
route_key(const struct route *r)
{
	return tls_identity_key(shown(r));
}

/* Generations share what has not changed.  Where we have none any more, the notifier says so. */
bool
route_is_current(const struct route *r)
{
	struct tls *newest = tls_holder_get(r->place.tls);
	const struct tls_identity *i = tls_identity(newest, r->own);
	bool current = i == NULL || i == shown(r);
	int64_t now_ms = loop_now_ms(r->place.loop);

	tls_unref(&newest);
	return current && !client_is_old(&r->session->client.client, now_ms) &&
	    !(r->had_turn && (dial_is_stale(r->dial, now_ms) || route_is_wanted(r)));
}

bool
route_is_wanted(const struct route *r)
{
	return conn_is_wanted(r->session->conn);
}

bool
route_vouched(struct route *r)
{
	struct conn *c = r->session->conn;
	struct err e;

	if (tls_peer_check(conn_peer(c), r->place.tls, &e))
		return true;
	conn_drop(c, &e);
	return false;
}

void
route_end(struct route *r)
{
	if (r->state != READY || r->session == NULL || !r->session->client.ready ||
	    r->session->client.count > 0)
		return;
	notify_client_quit(&r->session->client);
	conn_kick(r->session->conn);
}

void
route_kick(struct route *r)
{
	if (r->session != NULL)
		conn_kick(r->session->conn);
}

const char *
route_host(const struct route *r)
{
	return r->dial == NULL ? "-" : dial_host(r->dial);
}
