/* fetch_run — one letter on its way here; see fetch_run.h. */
#include "ims/fetch_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/svc/dial.h"
#include "common/svc/loop.h"
#include "ims/debts.h"
#include "ims/fetcher.h"
#include "proto/fetch_client.h"

struct fetch_run {
	struct ims_worker		*worker;
	struct ims_letter		 letter;	/* with the lease's fence */
	const struct fetch_run_ops	*ops;
	void				*arg;
	struct dial			*dial;
	struct session			*session;
	struct spool_in			*in;		/* what has come so far */
	struct err			 why;		/* of the last target that failed */
	bool				 settled;
	bool				 busy;		/* the store or the spool has us */
	bool				 freed;		/* and will find this */
};

/* A session outlives its run where the run ends first: its conn frees it. */
struct session {
	struct fetch_client	 client;	/* first: what conn moves */
	struct fetch_run	*run;		/* NULL: forgotten */
	struct conn		*conn;
};

static void next_hop(struct fetch_run *r);
static void over(void *arg);

static void
log_run(const struct fetch_run *r, enum log_level level, const char *event, const struct err *e)
{
	char	 id[ULID_STR_BYTES];

	ulid_str(&r->letter.id, id);
	log_fact(level, event, "id=%s from=%s own=%s host=%s size=%llu word=%s text=%s", id,
	    r->letter.from_domain, r->letter.own_domain,
	    r->dial == NULL ? "-" : dial_host(r->dial), (unsigned long long)r->letter.size,
	    e == NULL ? "ok" : refusal_word(e->why), e == NULL ? "-" : log_str(e->text));
}

/* -- the peer, while the connection lives --------------------------------------------------------------- */

/* Is it still whom we may ask: by its certificate, and by what its domain says in DNS? */
static bool
may_ask(const struct fetch_run *r, struct err *e)
{
	if (!tls_peer_check(conn_peer(r->session->conn), r->worker->ims->tls, e))
		return false;
	if (RULE(not_designated) && dial_is_stale(r->dial, loop_now_ms(r->worker->loop)))
		return err_set(e, REFUSAL_not_designated, "what DNS said of %s has run out",
		    dial_host(r->dial));
	return true;
}

/* -- the end ------------------------------------------------------------------------------------------ */

static void
forget_session(struct fetch_run *r)
{
	if (r->session == NULL)
		return;
	r->session->run = NULL;
	conn_close(r->session->conn);
	r->session = NULL;
}

static void
destroy(struct fetch_run *r)
{
	forget_session(r);
	if (r->in != NULL)
		spool_abort_take(r->in);
	dial_free(&r->dial);
	free(r);
}

static void
settle(struct fetch_run *r, const struct err *e)
{
	r->settled = true;
	log_run(r, e == NULL ? LOG_INFO : LOG_WARN, e == NULL ? "fetch.here" : "fetch.failed", e);
	r->ops->settled(r->arg, &r->letter, e);
}

static void
over(void *arg)
{
	struct fetch_run	*r = arg;
	void			(*tell)(void *) = r->ops->over;
	void			*to = r->arg;

	destroy(r);
	tell(to);
}

/* True where the run was given up while the store worked: it is no more. */
static bool
is_freed(struct fetch_run *r)
{
	bool	 freed = r->freed;

	r->busy = false;
	if (freed)
		destroy(r);
	return freed;
}

/* -- giving up: what the store is to remember ---------------------------------------------------------- */

static void
released(void *arg, const struct err *e)
{
	struct fetch_run	*r = arg;
	bool			 freed = r->freed;
	struct err		 why = r->why;

	(void)e;			/* a lost lease is somebody else's by now */
	r->busy = false;
	if (freed) {
		destroy(r);
		return;
	}
	settle(r, &why);
	over(r);
}

/* What of the refusals is the end of the letter, and what only of this try. */
static enum mailbox_state
state_after(enum refusal why)
{
	switch (why) {
	case REFUSAL_broken_promise:
		return MAILBOX_BAD_SEAL;
	case REFUSAL_recalled:
		return MAILBOX_RECALLED;
	case REFUSAL_gone:
	case REFUSAL_unknown_id:
		return MAILBOX_GONE;
	default:
		return MAILBOX_HELD;
	}
}

static void
give_up(struct fetch_run *r, const struct err *why)
{
	enum mailbox_state	 state = state_after(why->why);

	r->why = *why;
	if (why->why == REFUSAL_unknown_id)
		err_set(&r->why, REFUSAL_gone, "the sender's server no longer knows the letter");
	forget_session(r);
	r->busy = true;
	r->letter.state = state;
	r->letter.why = state == MAILBOX_HELD ? REFUSAL_NONE : r->why.why;
	ims_store_release(r->worker->ims->store, &r->letter, state, r->letter.why,
	    r->worker->loop, released, r);
}

/* -- keeping ------------------------------------------------------------------------------------------------ */

/* Where DONE is not said now, it stays owed: ims/debts. */
static void
say_done(struct fetch_run *r)
{
	struct err	 why;

	if (r->session != NULL && !may_ask(r, &why)) {
		log_run(r, LOG_WARN, "fetch.unsaid", &why);
		debts_soon(r->worker->ims);
	} else if (r->session != NULL &&
	    fetch_client_done(&r->session->client, &r->letter.id, NULL)) {
		conn_kick(r->session->conn);
		return;
	}
	over(r);
}

static void
kept(void *arg, const struct err *e)
{
	struct fetch_run	*r = arg;
	struct err		 why;

	if (e != NULL)
		why = *e;
	if (is_freed(r))
		return;
	if (e != NULL) {
		give_up(r, &why);
		return;
	}
	r->letter.state = MAILBOX_HERE;
	settle(r, NULL);
	say_done(r);
}

static void
synced(void *arg, struct spool_kept *k, const struct err *e)
{
	struct fetch_run	*r = arg;
	struct err		 why;

	if (e != NULL)
		why = *e;
	if (r->freed && k != NULL) {
		spool_remove(ims_store_spool(r->worker->ims->store), k->name);
		spool_kept_clear(k);
	}
	if (is_freed(r))
		return;
	if (e != NULL) {
		give_up(r, &why);
		return;
	}
	if (RULE(broken_promise) && (k->size != r->letter.size ||
	    memcmp(k->digest, r->letter.digest, DIGEST_BYTES) != 0)) {
		spool_remove(ims_store_spool(r->worker->ims->store), k->name);
		spool_kept_clear(k);
		err_set(&why, REFUSAL_broken_promise, "size or digest is not what was announced");
		give_up(r, &why);
		return;
	}
	r->busy = true;
	ims_store_keep_take(r->worker->ims->store, &r->letter, k, r->worker->loop, kept, r);
}

/* -- a session's callbacks -------------------------------------------------------------------------------- */

static void
on_hello(void *role, const struct err *e)
{
	struct session	*s = role;

	if (s->run != NULL && e != NULL)
		s->run->why = *e;
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	struct session	*s = role;

	(void)arg;
	if (s->run == NULL)
		return err_set(e, REFUSAL_closing, "%s", "");
	if (octets != s->run->letter.size)
		return err_set(e, REFUSAL_broken_promise, "%llu octets were announced, %llu come",
		    (unsigned long long)s->run->letter.size, (unsigned long long)octets);
	s->run->in = spool_begin(ims_store_spool(s->run->worker->ims->store));
	return true;
}

static void
on_octets(void *role, void *arg, struct span piece)
{
	struct session	*s = role;

	(void)arg;
	if (s->run == NULL || s->run->in == NULL)
		return;
	/* They were asked for while it was good, and may be hours on their way. */
	if (!tls_peer_check(conn_peer(s->conn), s->run->worker->ims->tls, &s->run->why)) {
		spool_abort_take(s->run->in);
		s->run->in = NULL;
		conn_drop(s->conn, &s->run->why);
		return;
	}
	spool_add(s->run->in, piece);
	s->run->ops->progress(s->run->arg, spool_size(s->run->in));
}

static void
ended(void *arg)
{
	struct fetch_run	*r = arg;

	if (!is_freed(r))
		over(r);
}

/* Another target may still know it; a letter that was taken back or given up is so everywhere. */
static void
refused(struct fetch_run *r, const struct err *e)
{
	if (r->in != NULL)
		spool_abort_take(r->in);
	r->in = NULL;
	r->why = *e;
	forget_session(r);
	if (e->why == REFUSAL_recalled || e->why == REFUSAL_gone ||
	    e->why == REFUSAL_broken_promise)
		give_up(r, e);
	else
		next_hop(r);
}

static void
struck(void *arg, const struct err *e)
{
	(void)arg;
	if (e != NULL)		/* then it is said once more: ims/debts */
		log_fact(LOG_WARN, "fetch.store", "word=%s text=%s", refusal_word(e->why),
		    log_str(e->text));
}

/* DONE was answered.  Where it came to be owed anew meanwhile, it is no longer the first. */
static void
strike_out(const struct fetch_run *r)
{
	struct ims_owed	 o = { .id = r->letter.id, .times = 1 };

	memcpy(o.from_domain, r->letter.from_domain, sizeof o.from_domain);
	memcpy(o.own_domain, r->letter.own_domain, sizeof o.own_domain);
	ims_store_paid(r->worker->ims->store, &o, r->worker->loop, struck, NULL);
}

/* Why it ended, for the reader: a broken link between the servers is not hers, and a 421 between the two
 * would end her own session. */
static void
why_ended(const struct fetch_run *r, const struct err *why, struct err *e)
{
	const char	*host = r->dial == NULL ? "-" : dial_host(r->dial);

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
	struct session		*s = role;
	struct fetch_run	*r = s->run;
	struct spool_in		*in;

	(void)arg;
	if (r == NULL)
		return;
	if (r->settled) {
		if (e == NULL)
			strike_out(r);
		fetch_client_quit(&s->client);
		s->run = NULL;
		r->session = NULL;
		r->busy = true;
		loop_post(r->worker->loop, ended, r);
		return;
	}
	if (e != NULL) {
		struct err	 why;

		why_ended(r, e, &why);
		refused(r, &why);
		return;
	}
	if ((in = r->in) == NULL)
		return;			/* on_gone follows: on_octets has cut it off */
	r->in = NULL;
	r->busy = true;
	spool_end_take(in, r->worker->loop, synced, r);
}

static void
on_lost(void *role, const struct err *e)
{
	struct session	*s = role;

	if (s->run != NULL && e != NULL && s->run->why.why == REFUSAL_NONE)
		s->run->why = *e;
}

static const struct fetch_client_ops	 client_ops = {
	.hello = on_hello, .found = on_found, .octets = on_octets, .end = on_end, .lost = on_lost,
};

/* -- connecting ------------------------------------------------------------------------------------------ */

static void
on_up(struct conn *c, void *role)
{
	struct session	*s = role;

	if (s->run == NULL) {
		conn_drop(c, NULL);
		return;
	}
	conn_set_engine(c, &s->client.client.engine);
	s->run->why = (struct err){ REFUSAL_NONE, "" };
	fetch_client_hello(&s->client, s->run->letter.own_domain);
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
	struct session		*s = role;
	struct fetch_run	*r = s->run;

	(void)c;
	s->run = NULL;
	if (r != NULL) {
		r->session = NULL;
		if (r->settled) {
			over(r);
		} else if (!r->busy) {
			struct err	 e;

			why_gone(r, why, &e);
			refused(r, &e);
		}
	}
	fetch_client_clear(&s->client);
	free(s);
}

static const struct conn_events	 conn_events = { .up = on_up, .gone = on_gone };

static void
next_hop(struct fetch_run *r)
{
	struct session	*s;
	struct err	 why = r->why;

	if (dial_is_over(r->dial)) {
		give_up(r, &why);
		return;
	}
	s = memory_new(sizeof *s);
	s->run = r;
	r->session = s;
	r->why = (struct err){ REFUSAL_NONE, "" };
	fetch_client_init(&s->client, &client_ops, s);
	s->conn = dial_next(r->dial, &conn_events, s);
}

static void
found(void *arg, const struct designation *d, const struct err *why)
{
	struct fetch_run	*r = arg;

	(void)d;
	if (why != NULL)
		give_up(r, why);
	else
		next_hop(r);
}

static void
find(struct fetch_run *r)
{
	struct conf	*conf = daemon_conf(r->worker->ims->daemon);
	struct dial_to	 to = {
		.loop = r->worker->loop, .dns = r->worker->dns, .tls = r->worker->ims->tls,
		.service = DESIGNATION_FETCH, .alpn = FETCH_ALPN,
		.domain = r->letter.from_domain, .own = r->letter.own_domain,
		.from = conf->role[CONF_ROLE_IMS].connect_from,
		.limit = daemon_limit(r->worker->ims->daemon), .allow_private = conf->allow_private_peers,
		.timeout_ms = FETCHER_CONNECT_MS,
	};

	r->dial = dial_new(&to, found, r);
	conf_unref(&conf);
}

/* -- the beginning ------------------------------------------------------------------------------------------ */

/* It may be here already, or over: then the store's word is the answer. */
static void
answer_from_store(struct fetch_run *r)
{
	struct err	 e;

	if (r->letter.state == MAILBOX_HERE) {
		settle(r, NULL);
	} else {
		err_set(&e, r->letter.why != REFUSAL_NONE ? r->letter.why : REFUSAL_gone, "%s", "");
		settle(r, &e);
	}
	over(r);
}

static void
leased(void *arg, const struct ims_letter *l, const struct err *e)
{
	struct fetch_run	*r = arg;
	struct err		 why;

	if (e != NULL)
		why = *e;
	if (e == NULL)
		r->letter = *l;
	if (is_freed(r))
		return;
	if (e != NULL) {
		settle(r, &why);
		over(r);
		return;
	}
	if (r->letter.state != MAILBOX_FETCHING) {
		answer_from_store(r);
		return;
	}
	find(r);
}

struct fetch_run *
fetch_run_new(struct ims_worker *w, const struct ims_letter *l, const struct fetch_run_ops *ops,
    void *arg)
{
	struct fetch_run	*r = memory_new(sizeof *r);

	r->worker = w;
	r->letter = *l;
	r->ops = ops;
	r->arg = arg;
	r->busy = true;
	ims_store_lease(w->ims->store, l, w->loop, leased, r);
	return r;
}

void
fetch_run_free(struct fetch_run **rp)
{
	struct fetch_run	*r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	r->freed = true;
	if (!r->busy)
		destroy(r);
}

bool
fetch_run_settled(const struct fetch_run *r)
{
	return r->settled;
}
