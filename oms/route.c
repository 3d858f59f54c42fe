/* route — from one of our domains to a designated IMS; see route.h. */
#include "oms/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/svc/conn.h"
#include "common/svc/loop.h"

enum route_state { IDLE, FINDING, CONNECTING, GREETING, READY };

struct hop {			/* one address of one target */
	struct sockaddr_storage	 address;
	char			 host[DNS_NAME_BYTES];
};

struct route {
	struct route_place		 place;
	char				 own[ADDRESS_DOMAIN_BYTES], peer[ADDRESS_DOMAIN_BYTES];
	char				 from[64];	/* an address as text */
	const struct route_ops		*ops;
	void				*role;
	enum route_state		 state;
	struct designation_query	*finding;
	struct hop			*hops;
	size_t				 n_hops, hop;
	struct session			*session;
	struct loop_timer		*idle;
	struct err			 why;		/* of the last hop that failed */
};

/* A session outlives its route where the route is freed first: its conn frees it. */
struct session {
	struct notify_client	 client;	/* first: what conn moves */
	struct route		*route;		/* NULL: forgotten */
	struct conn		*conn;
	struct err		 refused;	/* REFUSAL_NONE: welcomed */
};

static void next_hop(struct route *r);

/* -- the end of a session, or of the attempt at one -------------------------------------------- */

static void
end(struct route *r, const struct err *why, bool permanent)
{
	struct err	 copy = { REFUSAL_NONE, "" };

	if (why != NULL)
		copy = *why;
	if (why != NULL)
		log_fact(LOG_WARN, "route.ended", "own=%s peer=%s host=%s word=%s text=%s", r->own,
		    r->peer, route_host(r), refusal_word(copy.why), log_str(copy.text));
	loop_timer_cancel(r->idle);
	r->state = IDLE;
	free(r->hops);
	r->hops = NULL;
	r->n_hops = r->hop = 0;
	r->ops->ended(r->role, why != NULL ? &copy : NULL, permanent);
}

/* -- a session's callbacks ---------------------------------------------------------------------- */

static void
on_hello(void *role, const struct err *e)
{
	struct session	*s = role;
	struct route	*r = s->route;

	if (r == NULL)
		return;
	if (e != NULL) {
		s->refused = *e;
		return;			/* lost follows */
	}
	r->state = READY;
	loop_timer_set_ms(r->idle, ROUTE_IDLE_MS);
	log_fact(LOG_INFO, "route.ready", "own=%s peer=%s host=%s", r->own, r->peer, route_host(r));
	r->ops->ready(r->role);
}

static void
on_result(void *role, void *arg, size_t index, struct span text, const struct err *e)
{
	struct session	*s = role;

	if (s->route != NULL)
		s->route->ops->result(s->route->role, arg, index, text, e);
}

static void
on_batch_end(void *role, void *arg, size_t answered, const struct err *e)
{
	struct session	*s = role;

	if (s->route == NULL)
		return;
	loop_timer_set_ms(s->route->idle, ROUTE_IDLE_MS);
	s->route->ops->batch_end(s->route->role, arg, answered, e);
}

static void
on_lost(void *role, const struct err *e)
{
	struct session	*s = role;

	if (s->refused.why == REFUSAL_NONE && e != NULL)
		s->refused = *e;
}

static const struct notify_client_ops	 client_ops = {
	.hello = on_hello, .result = on_result, .batch_end = on_batch_end, .lost = on_lost,
};

static void
on_up(struct conn *c, void *role)
{
	struct session	*s = role;

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
	struct session	*s = role;
	struct route	*r = s->route;
	struct err	 e = { REFUSAL_NONE, "" };

	(void)c;
	if (why != NULL)
		e = *why;
	if (r != NULL) {
		enum route_state	 was = r->state;

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

static const struct conn_events	 conn_events = { on_up, on_gone };

/* -- finding and connecting -------------------------------------------------------------------- */

static void
next_hop(struct route *r)
{
	struct session		*s;
	struct conn_target	 to;
	struct err		 why = r->why;

	if (r->hop == r->n_hops) {
		end(r, &why, false);
		return;
	}
	if ((s = calloc(1, sizeof *s)) == NULL)
		abort();
	r->state = CONNECTING;
	to = (struct conn_target){
		.address = (const struct sockaddr *)&r->hops[r->hop++].address, .own = r->own,
		.domain = r->peer, .alpn = NOTIFY_ALPN, .timeout_ms = ROUTE_CONNECT_MS,
		.from = r->from,
	};
	s->route = r;
	r->session = s;
	notify_client_init(&s->client, &client_ops, s);
	s->conn = conn_connect(r->place.loop, &to, r->place.tls, &conn_events, s);
}

static void
keep_hops(struct route *r, const struct designation *d)
{
	size_t	 n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->targets[i].n;
	if ((r->hops = calloc(n, sizeof *r->hops)) == NULL)
		abort();
	for (size_t i = 0; i < d->n; i++) {
		for (size_t k = 0; k < d->targets[i].n; k++) {
			struct hop	*h = &r->hops[r->n_hops++];

			h->address = d->targets[i].address[k];
			snprintf(h->host, sizeof h->host, "%s", d->targets[i].host);
		}
	}
}

static void
found(void *arg, const struct designation *d, const struct err *why)
{
	struct route	*r = arg;

	r->finding = NULL;
	if (why != NULL) {
		end(r, why, !refusal_temporary(why->why));
		return;
	}
	keep_hops(r, d);
	err_set(&r->why, REFUSAL_unreachable, "no address of %s answers", r->peer);
	next_hop(r);
}

void
route_want(struct route *r)
{
	if (r->state != IDLE)
		return;
	r->state = FINDING;
	r->finding = designation_find(r->place.dns, DESIGNATION_NOTIFY, r->peer,
	    r->place.allow_private, found, r);
}

/* -- life ----------------------------------------------------------------------------------------- */

static void
on_idle(void *arg)
{
	struct route	*r = arg;

	if (r->state != READY)
		return;
	if (r->session->client.count > 0) {
		loop_timer_set_ms(r->idle, ROUTE_IDLE_MS);
		return;
	}
	notify_client_quit(&r->session->client);
	conn_kick(r->session->conn);
}

struct route *
route_new(const struct route_place *place, const struct route_ops *ops, void *role)
{
	struct route	*r = calloc(1, sizeof *r);

	if (r == NULL)
		abort();
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
	struct route	*r = *rp;

	if (r == NULL)
		return;
	if (r->finding != NULL)
		designation_cancel(&r->finding);
	if (r->session != NULL) {
		r->session->route = NULL;
		conn_drop(r->session->conn, NULL);
	}
	loop_timer_free(&r->idle);
	free(r->hops);
	free(r);
	*rp = NULL;
}

struct notify_client *
route_client(struct route *r)
{
	return r->state == READY && r->session->client.ready ? &r->session->client : NULL;
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
	return r->hop > 0 && r->hop <= r->n_hops ? r->hops[r->hop - 1].host : "";
}
