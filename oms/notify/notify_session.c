/* notify_session — from one of our domains to a designated IMS; see notify_session.h. */
#include "oms/notify/notify_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/conf/conf.h"
#include "common/loop/loop.h"
#include "common/net/dial.h"
#include "oms/notify/verdict.h"

enum session_state { IDLE, FINDING, CONNECTING, GREETING, READY };

struct notify_session {
	struct notify_session_place place;
	struct domain own, peer;
	const struct notify_session_ops *ops;
	void *role;
	enum session_state state;
	bool had_turn;     /* it has brought the answers to a seal */
	struct dial *dial; /* NULL: IDLE */
	struct link *link;
	struct loop_timer *idle; /* READY: with nothing to send; before: slow */
	struct err why;          /* of the last address that failed */
	bool vouched;            /* DNSSEC vouches for what DNS said */
	bool tried;              /* one address at least */
	int64_t held_back_ms;    /* until one of the others may be tried; 0: there are none */
};

/* One connection.  It outlives a session that is freed first: its conn frees it. */
struct link {
	struct notify_client client;    /* first: what conn moves */
	struct notify_session *session; /* NULL: forgotten */
	struct conn *conn;
	struct err refused; /* REFUSAL_NONE: welcomed */
};

static void next_address(struct notify_session *s);

/* -- the end of a session, or of the attempt at one -------------------------------------------- */

static void
become_idle(struct notify_session *s, const struct err *why)
{
	if (why != NULL)
		log_fact_of(domain_span(&s->peer), LOG_WARN, "notify.ended",
		    "own=%s peer=%s host=%s word=%s text=%s", s->own.text, s->peer.text,
		    notify_session_host(s), refusal_word(why->why), log_str(why->text));
	loop_timer_cancel(s->idle);
	s->state = IDLE;
	dial_free(&s->dial);
}

static void
end(struct notify_session *s, const struct err *why, enum verdict_source source, bool vouched)
{
	struct err copy = { .why = REFUSAL_NONE };

	if (why != NULL)
		copy = *why;
	become_idle(s, why);
	s->ops->ended(s->role, why != NULL ? &copy : NULL,
	    verdict_is_final(copy.why, source, vouched));
}

/* No address is left. */
static void
give_up(struct notify_session *s)
{
	struct err why = s->why;

	if (s->tried || s->held_back_ms == 0) {
		end(s, &why, VERDICT_SESSION, false);
		return;
	}
	become_idle(s, &why);
	s->ops->held_back(s->role, &why, s->held_back_ms);
}

/* -- a link's callbacks ------------------------------------------------------------------------- */

static void
on_hello(void *role, const struct err *e)
{
	struct link *k = role;
	struct notify_session *s = k->session;

	if (s == NULL)
		return;
	if (e != NULL) {
		k->refused = *e;
		return; /* lost follows */
	}
	s->state = READY;
	s->had_turn = false;
	loop_timer_set_ms(s->idle, NOTIFY_SESSION_IDLE_MS);
	log_fact_of(domain_span(&s->peer), LOG_INFO, "notify.ready", "own=%s peer=%s host=%s",
	    s->own.text, s->peer.text, notify_session_host(s));
	s->ops->ready(s->role);
}

static void
on_result(void *role, void *arg, size_t index, struct span text, const struct err *e)
{
	struct notify_session *s = ((struct link *)role)->session;

	if (s != NULL)
		s->ops->result(s->role, arg, index, text, e);
}

static void
on_batch_end(void *role, void *arg, size_t answered, const struct err *e)
{
	struct notify_session *s = ((struct link *)role)->session;

	if (s == NULL)
		return;
	loop_timer_set_ms(s->idle, NOTIFY_SESSION_IDLE_MS);
	s->had_turn = true;
	s->ops->batch_end(s->role, arg, answered, e);
}

static void
on_lost(void *role, const struct err *e)
{
	struct link *k = role;

	if (k->refused.why == REFUSAL_NONE && e != NULL)
		k->refused = *e;
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
	struct link *k = role;

	if (k->session == NULL) {
		conn_drop(c, NULL);
		return;
	}
	k->session->state = GREETING;
	conn_set_engine(c, &k->client.client.engine);
	notify_client_hello(&k->client, k->session->own.text);
	conn_kick(c);
}

/* Before READY another address may do better; but a refusal of our HELLO is the domain's word. */
static void
link_ended(struct link *k, struct err e, int64_t held_back_ms)
{
	struct notify_session *s = k->session;
	enum session_state was = s->state;
	bool refused = was == GREETING && k->refused.why != REFUSAL_NONE;

	s->link = NULL;
	s->tried = s->tried || held_back_ms == 0;
	if (held_back_ms > 0 && (s->held_back_ms == 0 || held_back_ms < s->held_back_ms))
		s->held_back_ms = held_back_ms;
	client_lost(&k->client.client, &e); /* batch_end tells what was sent and not answered */
	if (was == GREETING && k->refused.why != REFUSAL_NONE)
		e = k->refused;
	if (was == READY || refused) {
		end(s, e.why == REFUSAL_NONE ? NULL : &e, VERDICT_SESSION, false);
		return;
	}
	if (e.why == REFUSAL_NONE)
		err_set(&e, REFUSAL_unreachable, "%s closed the connection",
		    notify_session_host(s));
	s->why = e;
	next_address(s);
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct link *k = role;
	struct err e = { .why = REFUSAL_NONE };

	if (why != NULL)
		e = *why;
	if (k->session != NULL)
		link_ended(k, e, conn_held_back_ms(c));
	notify_client_clear(&k->client);
	free(k);
}

static void
on_wanted(struct conn *c, void *role)
{
	struct notify_session *s = ((struct link *)role)->session;

	(void)c;
	if (s != NULL && s->state == READY)
		s->ops->wanted(s->role);
}

static const struct conn_events conn_events = {
	.up = on_up,
	.forget_conn = on_gone,
	.wanted = on_wanted,
};

/* -- finding and connecting -------------------------------------------------------------------- */

static void
next_address(struct notify_session *s)
{
	struct link *k;

	if (dial_is_over(s->dial)) {
		give_up(s);
		return;
	}
	k = memory_new(sizeof *k);
	k->session = s;
	s->link = k;
	s->state = CONNECTING;
	notify_client_init(&k->client, &client_ops, k);
	k->conn = dial_next(s->dial, &conn_events, k);
	loop_timer_set_ms(s->idle, conn_is_waiting(k->conn) ? 0 : NOTIFY_SESSION_SLOW_MS);
}

static void
found(void *arg, const struct designation *d, const struct err *why)
{
	struct notify_session *s = arg;
	enum outcome o;
	struct err e;

	s->vouched = d->vouched;
	if ((o = s->ops->found(s->role, d, why, &e)) == PENDING)
		return;
	if (o == REFUSED) {
		end(s, &e, VERDICT_DNS, s->vouched);
		return;
	}
	err_set(&s->why, REFUSAL_unreachable, "no address of %s answers", s->peer.text);
	next_address(s);
}

void
notify_session_absent(struct notify_session *s, const struct err *e)
{
	end(s, e, VERDICT_DNS, s->vouched);
}

void
notify_session_want(struct notify_session *s, const struct conf *c)
{
	struct dial_to to = {
		.loop = s->place.loop,
		.dns = s->place.dns,
		.tls = s->place.tls,
		.service = DESIGNATION_NOTIFY,
		.alpn = NOTIFY_ALPN,
		.domain = s->peer.text,
		.own = s->own.text,
		.from = c->role[CONF_ROLE_OMS].connect_from,
		.limit = s->place.limit,
		.backs_off = true,
		.allow_private = c->allow_private_peers,
		.timeout_ms = NOTIFY_SESSION_CONNECT_MS,
	};

	if (s->state != IDLE)
		return;
	s->state = FINDING;
	s->tried = false;
	s->held_back_ms = 0;
	s->dial = dial_new(&to, found, s);
}

/* -- life ----------------------------------------------------------------------------------------- */

static void
on_idle(void *arg)
{
	struct notify_session *s = arg;

	if (s->state == CONNECTING || s->state == GREETING)
		s->ops->slow(s->role);
	if (s->state != READY || s->link == NULL)
		return;
	if (s->link->client.count > 0) {
		loop_timer_set_ms(s->idle, NOTIFY_SESSION_IDLE_MS);
		return;
	}
	notify_session_end(s);
}

struct notify_session *
notify_session_new(const struct notify_session_place *place, const struct notify_session_ops *ops,
    void *role)
{
	struct notify_session *s = memory_new(sizeof *s);

	s->place = *place;
	s->own = domain_copy(place->own);
	s->peer = domain_copy(place->peer);
	s->place.own = s->own.text;
	s->place.peer = s->peer.text;
	s->ops = ops;
	s->role = role;
	s->idle = loop_timer_new(place->loop, on_idle, s);
	return s;
}

void
notify_session_free(struct notify_session **sp)
{
	struct notify_session *s = *sp;

	if (s == NULL)
		return;
	if (s->link != NULL) {
		s->link->session = NULL;
		conn_drop(s->link->conn, NULL);
	}
	loop_timer_free(&s->idle);
	dial_free(&s->dial);
	free(s);
	*sp = NULL;
}

bool
notify_session_is_idle(const struct notify_session *s)
{
	return s->state == IDLE;
}

struct notify_client *
notify_session_client(struct notify_session *s)
{
	/* While a link is told that it is lost, the state is still READY. */
	return s->state == READY && s->link != NULL && s->link->client.ready ? &s->link->client
									     : NULL;
}

static const struct tls_identity *
shown(const struct notify_session *s)
{
	return tls_identity(conn_tls(s->link->conn), s->own.text);
}

struct evp_pkey_st *
notify_session_key(const struct notify_session *s)
{
	return tls_identity_key(shown(s));
}

/* Where we have no identity any more, the destination says so. */
bool
notify_session_is_current(const struct notify_session *s)
{
	int64_t now_ms = loop_now_ms(s->place.loop);

	return conn_shows_newest(s->link->conn, s->own.text) &&
	    !client_is_old(&s->link->client.client, now_ms) &&
	    !(s->had_turn && (dial_is_stale(s->dial, now_ms) || notify_session_is_wanted(s)));
}

bool
notify_session_is_wanted(const struct notify_session *s)
{
	return conn_is_wanted(s->link->conn);
}

bool
notify_session_vouched(struct notify_session *s)
{
	struct conn *c = s->link->conn;
	struct err e;

	if (tls_peer_check(conn_peer(c), s->place.tls, &e))
		return true;
	conn_drop(c, &e);
	return false;
}

void
notify_session_end(struct notify_session *s)
{
	if (s->state != READY || s->link == NULL || !s->link->client.ready ||
	    s->link->client.count > 0)
		return;
	notify_client_quit(&s->link->client);
	conn_kick(s->link->conn);
}

void
notify_session_kick(struct notify_session *s)
{
	if (s->link != NULL)
		conn_kick(s->link->conn);
}

const char *
notify_session_host(const struct notify_session *s)
{
	return s->dial == NULL ? "-" : dial_host(s->dial);
}
