/* acknowledger — what is owed to senders is said until it was answered; see acknowledger.h. */
#include "ims/fetch/acknowledger.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "common/net/dial.h"
#include "ims/store/store.h"
#include "proto/fetch_client.h"

struct debts {
	struct ims_worker *worker;
	struct loop_timer *timer;
	struct ims_owed last;                /* looked at in this round */
	bool begun;                          /* `last` is one */
	struct ims_owed owed[DEBTS_SESSION]; /* of one pair of domains */
	size_t n;
	struct dial *dial;
	struct session *session;
};

/* A session outlives its debts where those end first: its conn frees it. */
struct session {
	struct fetch_client client; /* first: what conn moves */
	struct debts *debts;        /* NULL: forgotten */
	struct conn *conn;
	bool up;
	size_t answered;
	struct err why; /* it is over; REFUSAL_NONE: it is not, or broke */
};

/* -- striking out ------------------------------------------------------------------------------- */

static void
struck(void *arg, const struct err *e)
{
	(void)arg;
	if (e != NULL)
		log_fact(LOG_WARN, "debts.store", "word=%s text=%s", refusal_word(e->why),
		    log_str(e->text));
}

static void
strike(struct debts *d, const struct ims_owed *o)
{
	ims_store_paid(d->worker->ims->store, o, d->worker->loop, struck, NULL);
}

/* -- a session ------------------------------------------------------------------------------------ */

static void
turn(struct debts *d, int64_t in_ms)
{
	loop_timer_set_ms(d->timer, in_ms);
}

static void
pair_is_over(struct debts *d)
{
	dial_free(&d->dial);
	d->n = 0;
	turn(d, 0);
}

static void
on_hello(void *role, const struct err *e)
{
	(void)role;
	(void)e; /* refused: on_lost follows, and the next address is tried */
}

static bool
on_found(void *role, void *arg, uint64_t octets, struct err *e)
{
	(void)role;
	(void)arg;
	(void)octets;
	return err_word(e, REFUSAL_bad_reply);
}

static void
on_octets(void *role, void *arg, struct span piece)
{
	(void)role;
	(void)arg;
	(void)piece;
}

/* A sender that has forgotten the letter, or never wants to hear of it, was told.  Where the session is
 * over that is no answer: not even a HELLO refused for good says anything of the letter. */
static void
on_end(void *role, void *arg, const struct err *e)
{
	struct session *s = role;
	const struct ims_owed *o = arg;
	char id[ULID_STR_BYTES];

	if (s->debts == NULL || s->client.client.over)
		return;
	s->answered++;
	ulid_str(&o->id, id);
	log_fact(LOG_INFO, "debts.said", "id=%s from=%s own=%s what=%s word=%s", id, o->from_domain,
	    o->own_domain, o->declined ? "decline" : "done",
	    e == NULL ? "ok" : refusal_word(e->why));
	if (e == NULL || (!refusal_temporary(e->why) && refusal_code(e->why) != 0))
		strike(s->debts, o);
	if (s->answered == s->debts->n)
		fetch_client_quit(&s->client);
}

static void
on_lost(void *role, const struct err *e)
{
	((struct session *)role)->why = *e;
}

static const struct fetch_client_ops client_ops = {
	.hello = on_hello,
	.found = on_found,
	.octets = on_octets,
	.end = on_end,
	.lost = on_lost,
};

static void
on_up(struct conn *c, void *role)
{
	struct session *s = role;
	struct debts *d = s->debts;

	if (d == NULL) {
		conn_drop(c, NULL);
		return;
	}
	s->up = true;
	conn_set_engine(c, &s->client.client.engine);
	fetch_client_hello(&s->client, d->owed[0].own_domain);
	for (size_t i = 0; i < d->n; i++)
		if (!(d->owed[i].declined ? fetch_client_decline : fetch_client_done)(&s->client,
			&d->owed[i].id, &d->owed[i]))
			d->n = i; /* the rest in another session */
	conn_kick(c);
}

static void next_hop(struct debts *d);

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;
	struct debts *d = s->debts;

	(void)c;
	if (why == NULL && s->why.why != REFUSAL_NONE)
		why = &s->why;
	if (d != NULL) {
		d->session = NULL;
		if (why != NULL && s->answered == 0)
			log_fact(LOG_INFO, "debts.failed", "from=%s own=%s host=%s word=%s text=%s",
			    d->owed[0].from_domain, d->owed[0].own_domain, dial_host(d->dial),
			    refusal_word(why->why), log_str(why->text));
		if (s->answered == 0 && !dial_is_over(d->dial))
			next_hop(d);
		else
			pair_is_over(d);
	}
	fetch_client_clear(&s->client);
	free(s);
}

static const struct conn_events conn_events = { .up = on_up, .gone = on_gone };

static void
next_hop(struct debts *d)
{
	struct session *s = memory_new(sizeof *s);

	s->debts = d;
	d->session = s;
	fetch_client_init(&s->client, &client_ops, s);
	s->conn = dial_next(d->dial, &conn_events, s);
	turn(d, DEBTS_WAIT_MS);
}

static void
found(void *arg, const struct designation *of, const struct err *why)
{
	struct debts *d = arg;

	(void)of;
	if (why == NULL) {
		next_hop(d);
		return;
	}
	log_fact(LOG_INFO, "debts.failed", "from=%s own=%s host=- word=%s text=%s",
	    d->owed[0].from_domain, d->owed[0].own_domain, refusal_word(why->why),
	    log_str(why->text));
	pair_is_over(d);
}

static void
dial(struct debts *d)
{
	struct conf *conf = daemon_conf(d->worker->ims->daemon);
	struct dial_to to = {
		.loop = d->worker->loop,
		.dns = d->worker->dns,
		.tls = d->worker->ims->tls,
		.service = DESIGNATION_FETCH,
		.alpn = FETCH_ALPN,
		.domain = d->owed[0].from_domain,
		.own = d->owed[0].own_domain,
		.from = conf->role[CONF_ROLE_IMS].connect_from,
		.limit = daemon_limit(d->worker->ims->daemon),
		.allow_private = conf->allow_private_peers,
		.timeout_ms = DEBTS_CONNECT_MS,
	};

	d->dial = dial_new(&to, found, d);
	conf_unref(&conf);
}

/* -- a round ------------------------------------------------------------------------------------------ */

static bool
is_ours(const struct debts *d, const struct ims_owed *o)
{
	return workers_home(d->worker->ims->workers, span_str(o->own_domain),
		   span_str(o->from_domain)) == d->worker->index;
}

static bool
same_pair(const struct ims_owed *a, const struct ims_owed *b)
{
	return strcmp(a->own_domain, b->own_domain) == 0 &&
	    strcmp(a->from_domain, b->from_domain) == 0;
}

/* What stands together of the first pair that is ours; what no sender remembers is struck out
 * unsaid.  The next turn goes on behind it, so each is tried once a round. */
static void
gather(struct debts *d, const struct ims_owed *page, size_t n)
{
	int64_t now_s = clock_wall_ms() / 1000;

	for (size_t i = 0; i < n && d->n < DEBTS_SESSION; i++) {
		const struct ims_owed *o = &page[i];
		bool mine = is_ours(d, o);

		if (mine && o->until_s < now_s)
			strike(d, o);
		else if (mine && d->n > 0 && !same_pair(o, &d->owed[0]))
			break;
		else if (mine)
			d->owed[d->n++] = *o;
		d->last = *o;
	}
	d->begun = true;
}

static void
look(void *arg)
{
	struct debts *d = arg;
	struct ims_owed *page;
	struct err e;
	size_t n = 0;

	if (d->n > 0 && d->session != NULL && !d->session->up)
		conn_close(d->session->conn); /* a busy host: those behind it must not wait */
	if (d->n > 0 || !daemon_open_for_work(d->worker->ims->daemon, &e))
		return;
	page = memory_array(DEBTS_PAGE, sizeof *page);
	if (!ims_store_owed(d->worker->ims->store, d->begun ? &d->last : NULL, page, DEBTS_PAGE, &n,
		&e))
		struck(NULL, &e);
	if (n > 0)
		gather(d, page, n);
	free(page);
	if (d->n > 0) {
		dial(d);
	} else {
		d->begun = n > 0;
		turn(d, n > 0 ? 0 : DEBTS_MS);
	}
}

/* -- life ---------------------------------------------------------------------------------------------- */

struct debts *
debts_new(struct ims_worker *w)
{
	struct debts *d = memory_new(sizeof *d);

	d->worker = w;
	d->timer = loop_timer_new(w->loop, look, d);
	turn(d, DEBTS_MS / 10); /* soon after the start: what a crash left */
	return d;
}

static void
soon(void *arg)
{
	struct debts *d = ((struct ims_worker *)arg)->debts;

	if (d != NULL && d->n == 0)
		turn(d, 0);
}

void
debts_soon(struct ims *i)
{
	for (unsigned n = 0; n < i->n_workers; n++)
		loop_post(i->worker[n].loop, soon, &i->worker[n]);
}

void
debts_free(struct debts **dp)
{
	struct debts *d = *dp;

	*dp = NULL;
	if (d == NULL)
		return;
	if (d->session != NULL) {
		d->session->debts = NULL;
		conn_close(d->session->conn);
	}
	dial_free(&d->dial);
	loop_timer_free(&d->timer);
	free(d);
}
