/* fetch_session — a letter asked of one target of its sender's domain; see fetch_private.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "ims/fetch/fetch_private.h"

/* -- the letter ----------------------------------------------------------------------------------------- */

static void
on_hello(void *role, const struct err *e)
{
	struct session *s = role;

	if (s->run != NULL && e != NULL)
		s->run->why = *e;
}

/* The body, and so the session, still exists. */
static void
disk_ready(void *session)
{
	struct session *s = session;

	client_pause(&s->client.client, false);
	conn_kick(s->conn);
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	struct session *s = role;

	(void)arg;
	if (s->run == NULL)
		return err_word(e, REFUSAL_closing);
	if (octets != s->run->letter.size)
		return err_set(e, REFUSAL_broken_promise, "%llu octets were announced, %llu come",
		    (unsigned long long)s->run->letter.size, (unsigned long long)octets);
	s->run->in = ims_store_body_in(s->run->worker->ims->store, &s->run->letter,
	    s->run->worker->loop);
	body_when_ready(s->run->in, disk_ready, s);
	return true;
}

static void
on_payload(void *role, void *arg, struct span piece)
{
	struct session *s = role;

	(void)arg;
	if (s->run == NULL || s->run->in == NULL)
		return;
	/* They were asked for while it was good, and may be hours on their way. */
	if (!tls_peer_check(conn_peer(s->conn), s->run->worker->ims->tls, &s->run->why)) {
		body_abort_take(s->run->in);
		s->run->in = NULL;
		conn_drop(s->conn, &s->run->why);
		return;
	}
	body_add(s->run->in, piece);
	if (body_full(s->run->in))
		client_pause(&s->client.client, true);
	s->run->ops->progress(s->run->arg, body_size(s->run->in));
}

static void
struck(void *arg, const struct err *e)
{
	(void)arg;
	if (e != NULL) /* then it is said once more: ims/fetch/acknowledger */
		log_fact_of(SPAN_LIT("store"), LOG_WARN, "fetch.store", "word=%s text=%s",
		    refusal_word(e->why), log_str(e->text));
}

/* DONE was answered.  Where it came to be pending anew meanwhile, it has another round. */
static void
strike_out(const struct fetch_run *r)
{
	struct ims_ack o = { .id = r->letter.id, .round = r->round };

	o.from_domain = r->letter.from_domain;
	o.own_domain = r->letter.own_domain;
	ims_store_acked(r->worker->ims->store, &o, r->worker->loop, struck, NULL);
}

/* Why it ended, for the reader: a broken link between the servers is not hers, and a 421 between the two
 * would end her own session. */
static void
why_ended(const struct fetch_run *r, const struct err *why, struct err *e)
{
	const char *host = r->dial == NULL ? "-" : dial_host(r->dial);

	if (why->why == REFUSAL_tls_truncated || refusal_code(why->why) == 421)
		err_set(e, REFUSAL_unreachable, "%s broke off: %s", host,
		    why->text[0] != '\0' ? why->text : refusal_sentence(why->why));
	else
		*e = *why;
}

/* Of FETCH, or of DONE once the letter is settled. */
static void
on_end(void *role, void *arg, const struct err *e)
{
	struct session *s = role;
	struct fetch_run *r = s->run;

	(void)arg;
	if (r == NULL)
		return;
	if (r->settled) {
		if (e == NULL)
			strike_out(r);
		fetch_client_quit(&s->client);
		s->run = NULL;
		r->session = NULL;
		r->session_ops->acked(r);
		return;
	}
	if (e != NULL) {
		struct err why;

		why_ended(r, e, &why);
		r->session_ops->refused(r, &why);
		return;
	}
	if (r->in != NULL) /* else on_gone follows: on_payload has cut it off */
		r->session_ops->came(r);
}

static void
on_lost(void *role, const struct err *e)
{
	struct session *s = role;

	if (s->run != NULL && e != NULL && s->run->why.why == REFUSAL_NONE)
		s->run->why = *e;
}

static const struct fetch_client_ops client_ops = {
	.hello = on_hello,
	.found = on_found,
	.payload = on_payload,
	.end = on_end,
	.lost = on_lost,
};

/* -- the connection ------------------------------------------------------------------------------------- */

static void
on_up(struct conn *c, void *role)
{
	struct session *s = role;

	if (s->run == NULL) {
		conn_drop(c, NULL);
		return;
	}
	conn_set_engine(c, &s->client.client.engine);
	s->run->why = (struct err) { .why = REFUSAL_NONE };
	fetch_client_hello(&s->client, s->run->letter.own_domain.text);
	fetch_client_fetch(&s->client, &s->run->letter.id, 0, NULL);
	conn_kick(c);
}

static void
why_gone(const struct fetch_run *r, const struct err *why, struct err *e)
{
	if (r->why.why != REFUSAL_NONE)
		why_ended(r, &r->why, e);
	else if (why == NULL)
		err_set(e, REFUSAL_unreachable, "%s closed the connection",
		    r->dial == NULL ? "-" : dial_host(r->dial));
	else
		why_ended(r, why, e);
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;
	struct fetch_run *r = s->run;

	(void)c;
	s->run = NULL;
	if (r != NULL) {
		r->session = NULL;
		if (r->settled) {
			r->session_ops->end_acked(r);
		} else if (!r->busy) {
			struct err e;

			why_gone(r, why, &e);
			r->session_ops->refused(r, &e);
		}
	}
	fetch_client_clear(&s->client);
	free(s);
}

static const struct conn_events conn_events = { .up = on_up, .forget_conn = on_gone };

/* -- asked by the run ----------------------------------------------------------------------------------- */

void
fetch_session_begin(struct fetch_run *r)
{
	struct session *s = memory_new(sizeof *s);

	s->run = r;
	r->session = s;
	r->why = (struct err) { .why = REFUSAL_NONE };
	fetch_client_init(&s->client, &client_ops, s);
	s->conn = dial_next(r->dial, &conn_events, s);
}

void
fetch_session_forget(struct fetch_run *r)
{
	if (r->session == NULL)
		return;
	r->session->run = NULL;
	conn_close(r->session->conn);
	r->session = NULL;
}

bool
fetch_session_may_ask(const struct fetch_run *r, struct err *e)
{
	if (!tls_peer_check(conn_peer(r->session->conn), r->worker->ims->tls, e))
		return false;
	if (RULE(not_designated) && dial_is_stale(r->dial, loop_now_ms(r->worker->loop)))
		return err_set(e, REFUSAL_not_designated, "what DNS said of %s has run out",
		    dial_host(r->dial));
	return true;
}
