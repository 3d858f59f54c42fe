/* smtp_session — one connection to a host of SMTP; see smtp_session.h. */
#include "oms/smtp/smtp_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"

/* It outlives a role that frees it first: its conn frees it. */
struct smtp_session {
	struct smtp_client client; /* first: what conn moves */
	const struct smtp_session_ops *ops;
	void *role; /* NULL: forgotten */
	struct conn *conn;
	struct tls_holder *tls;
	struct loop *loop;
	struct loop_timer *slow;
	struct buf user, password;
	struct offload *offload;
	struct smtp_signin *signin; /* NULL: it has not begun */
	char host[DOMAIN_BYTES], name[DOMAIN_BYTES], domain[DOMAIN_BYTES], base[DOMAIN_BYTES];
	struct buf octets; /* of the TLSA records */
	struct span *tlsa;
	size_t n_tlsa;
	bool tls_first, quitting, has_stage;
	struct smtp_secure_facts facts;
	bool judged;
	struct smtp_session_end end;
	struct err why; /* the first fault */
	char address[64], version[16], issuer[256];
	char reached[SMTP_SECURE_BYTES], wanted[SMTP_SECURE_BYTES];
};

static void
fail(struct smtp_session *s, const struct err *why)
{
	if (s->why.why == REFUSAL_NONE)
		s->why = *why;
}

static void
fail_at(struct smtp_session *s, enum smtp_stage stage, const struct err *why)
{
	s->end.stage = stage;
	s->has_stage = true;
	fail(s, why);
}

/* -- what vouches for the host -------------------------------------------------------------------- */

static enum refusal
judged_without_name(struct smtp_session *s, const struct chain *c)
{
	struct tls *t = tls_holder_get(s->tls);
	const struct judge_rules any = { 0 };
	struct err e = { .why = REFUSAL_NONE };

	(void)judge_chain_by(tls_trust(t), c, &any, clock_wall_ms() / 1000, NULL, &e);
	tls_unref(&t);
	return e.why;
}

static enum dane_outcome
by_dane(struct smtp_session *s, const struct chain *c)
{
	const char *const names[] = { s->base, s->host, s->domain };
	const struct dane_ask ask = { s->tlsa, s->n_tlsa, names, 3 };
	struct dane_verdict v;

	dane_judge(&ask, c, clock_wall_ms() / 1000, &v);
	return v.outcome;
}

/* By the newest trust and revocation lists. */
static bool
is_vouched(struct smtp_session *s, struct err *e)
{
	struct tls_peer *p = conn_peer(s->conn);
	struct err ca = { .why = REFUSAL_NONE };

	if (p->chain == NULL)
		return err_word(e, REFUSAL_no_certificate);
	(void)tls_peer_check(p, s->tls, &ca);
	s->facts.ca = s->facts.revocation = ca.why;
	if (ca.why != REFUSAL_NONE)
		s->facts.revocation = judged_without_name(s, p->chain);
	s->facts.dane = s->n_tlsa == 0 ? DANE_NONE : by_dane(s, p->chain);
	s->judged = true;
	snprintf(s->issuer, sizeof s->issuer, "%s", chain_issuer(p->chain));
	smtp_secure_reached(&s->facts, s->reached);
	smtp_secure_wanted(&s->facts, s->wanted);
	return smtp_secure_goes(&s->facts, s->host, e);
}

/* -- the client's callbacks ----------------------------------------------------------------------- */

static void
quit(struct smtp_session *s)
{
	s->quitting = true;
	smtp_client_quit(&s->client);
}

/* -- signing in ----------------------------------------------------------------------------------- */

static void
on_say(void *role, const char *mechanism, struct span message)
{
	struct smtp_session *s = role;

	if (s->client.engine.closing)
		return;
	if (mechanism != NULL)
		smtp_client_auth(&s->client, mechanism, message);
	else
		smtp_client_auth_say(&s->client, message);
	conn_kick(s->conn);
}

static void
on_signin_failed(void *role, const struct err *e)
{
	struct smtp_session *s = role;

	fail_at(s, SMTP_STAGE_AUTH, e);
	conn_drop(s->conn, e);
}

static const struct smtp_signin_ops signin_ops = { .say = on_say, .failed = on_signin_failed };

static void
on_challenge(void *role, struct span message)
{
	struct smtp_session *s = role;

	smtp_signin_challenge(s->signin, message);
}

/* True: it is not asked for, or is over. */
static bool
is_signed_in(struct smtp_session *s)
{
	struct err e;

	if (s->user.len == 0)
		return true;
	if (s->signin == NULL &&
	    !smtp_signin_begin(&s->signin, s->loop, s->offload, &s->client.offers,
		buf_span(&s->user), buf_span(&s->password), &signin_ops, s, &e)) {
		fail_at(s, SMTP_STAGE_AUTH, &e);
		quit(s);
		return false;
	}
	if (!s->client.signed_in)
		return false;
	if (smtp_signin_is_proved(s->signin, &e))
		return true;
	fail_at(s, SMTP_STAGE_AUTH, &e);
	quit(s);
	return false;
}

static void
on_ready(void *role)
{
	struct smtp_session *s = role;
	struct err e;

	if (s->role == NULL)
		return;
	if (!s->client.secured && (s->client.offers.starttls || !RULE(no_starttls))) {
		smtp_client_starttls(&s->client);
		return;
	}
	if (!s->client.secured) {
		err_set(&e, REFUSAL_no_starttls, "%s offers no TLS", s->host);
		fail_at(s, SMTP_STAGE_STARTTLS, &e);
		quit(s);
		return;
	}
	if (!is_signed_in(s))
		return;
	s->end.was_ready = true;
	loop_timer_cancel(s->slow);
	s->ops->ready(s->role);
}

static void
on_recipient(void *role, size_t i, const struct smtp_reply *r)
{
	struct smtp_session *s = role;

	if (s->role != NULL)
		s->ops->recipient(s->role, i, r);
}

static void
on_giving(void *role)
{
	struct smtp_session *s = role;

	if (s->role != NULL)
		s->ops->giving(s->role);
}

static void
on_done(void *role, enum smtp_stage stage, const struct smtp_reply *r)
{
	struct smtp_session *s = role;

	if (s->role != NULL)
		s->ops->done(s->role, stage, r);
}

static void
on_failed(void *role, enum smtp_stage stage, const struct err *why)
{
	struct smtp_session *s = role;

	s->end.code = s->client.reply.done ? s->client.reply.code : 0;
	fail_at(s, stage, why);
}

static const struct smtp_client_ops client_ops = {
	.ready = on_ready,
	.challenge = on_challenge,
	.recipient = on_recipient,
	.giving = on_giving,
	.done = on_done,
	.failed = on_failed,
};

/* -- the connection's callbacks ------------------------------------------------------------------- */

static bool
is_fit(struct smtp_session *s)
{
	struct err e;

	snprintf(s->version, sizeof s->version, "%s", conn_tls_version(s->conn));
	if (is_vouched(s, &e))
		return true;
	fail_at(s, SMTP_STAGE_STARTTLS, &e);
	return false;
}

static void
on_up(struct conn *c, void *role)
{
	struct smtp_session *s = role;

	s->conn = c;
	if (s->role == NULL) {
		conn_drop(c, NULL);
		return;
	}
	if (s->tls_first && !is_fit(s)) {
		conn_close(c);
		return;
	}
	s->client.secured = s->tls_first;
	conn_set_engine(c, &s->client.engine);
}

static void
on_secured(struct conn *c, void *role)
{
	struct smtp_session *s = role;

	if (s->role == NULL || !is_fit(s))
		conn_close(c);
}

static void
session_free(struct smtp_session *s)
{
	smtp_signin_free(&s->signin);
	buf_clear(&s->user);
	buf_clear(&s->password);
	smtp_client_clear(&s->client);
	loop_timer_free(&s->slow);
	buf_clear(&s->octets);
	free(s->tlsa);
	free(s);
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct smtp_session *s = role;
	bool silent = s->why.why == REFUSAL_NONE && why == NULL;
	struct err e;

	if (silent && !s->quitting) {
		err_set(&e, REFUSAL_unreachable, "%s closed the connection", s->host);
		fail(s, &e);
	}
	if (why != NULL && !s->quitting)
		fail(s, why);
	if (!s->has_stage)
		s->end.stage = s->client.stage;
	s->end.was_held_back = conn_held_back_ms(c) > 0;
	if (s->role != NULL)
		s->ops->ended(s->role, &s->end, s->why.why == REFUSAL_NONE ? NULL : &s->why);
	session_free(s);
}

static const struct conn_events conn_events = {
	.up = on_up,
	.secured = on_secured,
	.forget_conn = on_gone,
};

/* -- making --------------------------------------------------------------------------------------- */

static void
on_slow(void *arg)
{
	struct smtp_session *s = arg;

	if (s->role != NULL && !s->end.was_ready)
		s->ops->slow(s->role);
}

static void
keep_tlsa(struct smtp_session *s, const struct smtp_session_rules *r)
{
	size_t at = 0;

	for (size_t i = 0; i < r->n_tlsa; i++)
		buf_add(&s->octets, r->tlsa[i].p, r->tlsa[i].n);
	s->tlsa = memory_array(r->n_tlsa + 1, sizeof *s->tlsa);
	for (size_t i = 0; i < r->n_tlsa; at += r->tlsa[i++].n)
		s->tlsa[i] = span_of(s->octets.data + at, r->tlsa[i].n);
	s->n_tlsa = r->n_tlsa;
	s->facts.policy = r->policy;
	s->facts.mode = r->mode;
	s->facts.dane_mode = r->dane_mode;
}

struct smtp_session *
smtp_session_new(const struct smtp_session_to *to, const struct smtp_session_ops *ops, void *role)
{
	struct smtp_session *s = memory_new(sizeof *s);
	const struct conn_target target = {
		.kind = to->tls_first ? TLS_SMTPS_OUT : TLS_SMTP_OUT,
		.address = to->address,
		.domain = to->host,
		.from = to->from,
		.timeout_ms = SMTP_SESSION_CONNECT_MS,
		.limit = to->limit,
		.backs_off = true,
		.most = to->most,
	};

	s->ops = ops;
	s->role = role;
	s->tls = to->tls;
	s->tls_first = to->tls_first;
	s->loop = to->loop;
	s->offload = to->offload;
	buf_add(&s->user, to->user.p, to->user.n);
	buf_add(&s->password, to->password.p, to->password.n);
	snprintf(s->host, sizeof s->host, "%s", to->host);
	snprintf(s->name, sizeof s->name, "%s", to->name);
	snprintf(s->domain, sizeof s->domain, "%s", to->rules.domain);
	snprintf(s->base, sizeof s->base, "%s", to->rules.base != NULL ? to->rules.base : to->host);
	snprintf(s->version, sizeof s->version, "-");
	snprintf(s->issuer, sizeof s->issuer, "-");
	keep_tlsa(s, &to->rules);
	smtp_secure_wanted(&s->facts, s->wanted);
	snprintf(s->reached, sizeof s->reached, "-");
	smtp_client_init(&s->client, s->name, &client_ops, s);
	s->slow = loop_timer_new(to->loop, on_slow, s);
	s->conn = conn_connect(to->loop, &target, to->tls, &conn_events, s);
	snprintf(s->address, sizeof s->address, "%s", conn_peer(s->conn)->host);
	loop_timer_set_ms(s->slow, conn_is_waiting(s->conn) ? 0 : SMTP_SESSION_SLOW_MS);
	return s;
}

void
smtp_session_free(struct smtp_session **sp)
{
	struct smtp_session *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	s->role = NULL;
	if (!s->quitting)
		conn_drop(s->conn, NULL);
}

/* -- letters -------------------------------------------------------------------------------------- */

const struct smtp_offers *
smtp_session_offers(const struct smtp_session *s)
{
	return &s->client.offers;
}

bool
smtp_session_send(struct smtp_session *s, const struct smtp_letter *l, struct err *e)
{
	if (!is_vouched(s, e)) {
		smtp_session_drop(s, e);
		return false;
	}
	if (!smtp_client_send(&s->client, l, e))
		return false;
	conn_kick(s->conn);
	return true;
}

void
smtp_session_give(struct smtp_session *s)
{
	smtp_client_give(&s->client);
	conn_kick(s->conn);
}

void
smtp_session_quit(struct smtp_session *s)
{
	quit(s);
	conn_kick(s->conn);
}

void
smtp_session_drop(struct smtp_session *s, const struct err *why)
{
	fail(s, why);
	conn_drop(s->conn, why);
}

/* -- what is known -------------------------------------------------------------------------------- */

const char *
smtp_session_reached(const struct smtp_session *s)
{
	return s->reached;
}

const char *
smtp_session_wanted(const struct smtp_session *s)
{
	return s->wanted;
}

const char *
smtp_session_address(const struct smtp_session *s)
{
	return s->address;
}

const char *
smtp_session_tls(const struct smtp_session *s)
{
	return s->version;
}

const char *
smtp_session_issuer(const struct smtp_session *s)
{
	return s->issuer;
}
