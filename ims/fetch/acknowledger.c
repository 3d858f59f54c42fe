/* acknowledger — sends DONE and DECLINE until they are acknowledged; see acknowledger.h. */
#include "ims/fetch/acknowledger.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "common/store/kv_question.h"
#include "ims/fetch/fetch_dial.h"
#include "ims/fetch/fetch_pair.h"
#include "ims/store/store.h"
#include "proto/fetch_client.h"

enum pair_state { GATHERING, BUSY, REFILLING, RESTING };

#define BUCKETS 256

/* What is pending between one of our domains and a sender's domain. */
struct pair {
	LIST_ENTRY(pair) link;     /* in its bucket */
	TAILQ_ENTRY(pair) waiting; /* while it is GATHERING */
	struct acknowledger *of;
	struct domain own, from;
	enum pair_state state;
	struct ims_ack *rows; /* ACK_SESSION of them; NULL while it rests */
	size_t n, sent;       /* gathered; given to the session */
	bool more;            /* rows were left out because the session was full or had begun */
	struct ims_ack last;  /* sent: a refill reads on after it */
	struct kv_question *asking; /* REFILLING: for the next page */
	struct dial *dial;
	struct session *session;
	struct loop_timer *timer; /* BUSY: ends the wait for a host; REFILLING: the next page */
	unsigned failures;        /* in a row */
	int64_t rest_until_ms;
};

LIST_HEAD(bucket, pair);

struct acknowledger {
	struct ims_worker *worker;
	struct loop_timer *timer;   /* of the round */
	struct ims_ack last;        /* the last row that the round has read */
	bool begun;                 /* `last` is set */
	struct kv_question *asking; /* for the next page of the round */
	bool soon;                  /* the round was asked for meanwhile */
	bool paused;                /* the round waits until a pair is no longer active */
	uint64_t seed;
	struct bucket pairs[BUCKETS];
	TAILQ_HEAD(gathering, pair) gathering;
	unsigned active, busy, resting;
};

/* A session outlives its pair where the pair ends first: its conn frees it. */
struct session {
	struct fetch_client client; /* first: what conn moves */
	struct pair *pair;          /* NULL: forgotten */
	struct conn *conn;
	size_t acked;
	struct err why; /* of its end; REFUSAL_NONE: it goes on, or broke */
};

/* -- acknowledged ------------------------------------------------------------------------------- */

static void
removed(void *arg, const struct err *e)
{
	(void)arg;
	if (e != NULL)
		log_fact_of(SPAN_LIT("store"), LOG_WARN, "ack.store", "word=%s text=%s",
		    refusal_word(e->why), log_str(e->text));
}

static void
remove_row(struct acknowledger *a, const struct ims_ack *o)
{
	ims_store_acked(a->worker->ims->store, o, a->worker->loop, removed, NULL);
}

/* -- pairs -------------------------------------------------------------------------------------- */

static void start_pairs(struct acknowledger *a);

static void
turn(struct acknowledger *a, int64_t in_ms)
{
	loop_timer_set_ms(a->timer, in_ms);
}

static void
pair_free(struct pair *p)
{
	LIST_REMOVE(p, link);
	if (p->state == GATHERING)
		TAILQ_REMOVE(&p->of->gathering, p, waiting);
	if (p->session != NULL) {
		p->session->pair = NULL;
		conn_close(p->session->conn);
	}
	kv_question_drop(&p->asking);
	dial_free(&p->dial);
	loop_timer_free(&p->timer);
	free(p->rows);
	free(p);
}

/* The rest that ends first is forgotten: that pair is tried in each round. */
static void
forget_a_rest(struct acknowledger *a)
{
	struct pair *p, *first = NULL;

	for (unsigned i = 0; i < BUCKETS; i++)
		LIST_FOREACH (p, &a->pairs[i], link)
			if (p->state == RESTING &&
			    (first == NULL || p->rest_until_ms < first->rest_until_ms))
				first = p;
	if (first == NULL)
		return;
	pair_free(first);
	a->resting--;
}

static int64_t
rest_ms(unsigned failures)
{
	int64_t ms = ACK_REST_MS;

	for (unsigned i = 1; i < failures && ms < ACK_REST_MAX_MS; i++)
		ms *= 2;
	return ms < ACK_REST_MAX_MS ? ms : ACK_REST_MAX_MS;
}

static void
pair_rests(struct pair *p)
{
	struct acknowledger *a = p->of;

	if (a->resting == ACK_RESTING)
		forget_a_rest(a);
	a->resting++;
	p->state = RESTING;
	p->failures++;
	p->rest_until_ms = loop_now_ms(a->worker->loop) + rest_ms(p->failures);
	free(p->rows);
	p->rows = NULL;
	p->n = p->sent = 0;
	p->more = false;
}

/* Nothing of it is pending, or it rests; the round may go on with another. */
static void
pair_not_active(struct pair *p, bool done)
{
	struct acknowledger *a = p->of;

	a->active--;
	if (done)
		pair_free(p);
	else
		pair_rests(p);
	if (a->paused)
		turn(a, 0);
}

/* done: all that was sent is acknowledged. */
static void
pair_is_over(struct pair *p, bool done)
{
	struct acknowledger *a = p->of;

	dial_free(&p->dial);
	loop_timer_cancel(p->timer);
	a->busy--;
	if (done && p->more) {
		p->failures = 0;
		p->state = REFILLING;
		p->last = p->rows[p->sent - 1];
		loop_timer_set_ms(p->timer, 0);
	} else {
		pair_not_active(p, done);
	}
	start_pairs(a);
}

/* -- a session ------------------------------------------------------------------------------------ */

/* An OMS that no longer knows the letter has acknowledged it, too.  The end of the session has not, and a
 * refusal of us neither: even a permanent one, of HELLO or of DONE itself, says nothing of the letter. */
static void
on_end(void *role, void *arg, const struct err *e)
{
	struct session *s = role;
	const struct ims_ack *o = arg;
	char id[ULID_STR_BYTES];

	if (s->pair == NULL || s->client.client.over)
		return;
	if (e != NULL && refusal_of_session(e->why)) {
		s->why = *e;
		fetch_client_quit(&s->client);
		return;
	}
	s->acked++;
	ulid_str(&o->id, id);
	log_fact_of(domain_span(&o->from_domain), LOG_INFO, "ack.sent",
	    "id=%s from=%s own=%s what=%s word=%s", id, o->from_domain.text, o->own_domain.text,
	    o->declined ? "decline" : "done", e == NULL ? "ok" : refusal_word(e->why));
	if (e == NULL || (!refusal_temporary(e->why) && refusal_code(e->why) != 0))
		remove_row(s->pair->of, o);
	if (s->acked == s->pair->sent)
		fetch_client_quit(&s->client);
}

/* Of a refused HELLO, too; then the next address is tried. */
static void
on_lost(void *role, const struct err *e)
{
	((struct session *)role)->why = *e;
}

static const struct fetch_client_ops client_ops = {
	.end = on_end,
	.lost = on_lost,
};

static void
on_up(struct conn *c, void *role)
{
	struct session *s = role;
	struct pair *p = s->pair;

	if (p == NULL) {
		conn_drop(c, NULL);
		return;
	}
	loop_timer_cancel(p->timer);
	conn_set_engine(c, &s->client.client.engine);
	fetch_client_hello(&s->client, p->own.text);
	for (p->sent = 0; p->sent < p->n; p->sent++) {
		struct ims_ack *o = &p->rows[p->sent];

		if (!(o->declined ? fetch_client_decline : fetch_client_done)(&s->client, &o->id,
			o)) {
			p->more = true; /* the rest in another session */
			break;
		}
	}
	conn_kick(c);
}

static void next_hop(struct pair *p);

static void
log_failure(const struct pair *p, const struct err *why)
{
	log_fact_of(domain_span(&p->from), LOG_INFO, "ack.failed",
	    "from=%s own=%s host=%s failures=%u word=%s text=%s", p->from.text, p->own.text,
	    p->dial == NULL ? "-" : dial_host(p->dial), p->failures + 1, refusal_word(why->why),
	    log_str(why->text));
}

static void
on_gone(struct conn *c, void *role, const struct err *why)
{
	struct session *s = role;
	struct pair *p = s->pair;

	(void)c;
	if (why == NULL && s->why.why != REFUSAL_NONE)
		why = &s->why;
	if (p != NULL) {
		p->session = NULL;
		if (why != NULL && s->acked == 0)
			log_failure(p, why);
		if (s->acked == 0 && !dial_is_over(p->dial))
			next_hop(p);
		else
			pair_is_over(p, p->sent > 0 && s->acked == p->sent);
	}
	fetch_client_clear(&s->client);
	free(s);
}

static const struct conn_events conn_events = { .up = on_up, .forget_conn = on_gone };

static void
next_hop(struct pair *p)
{
	struct session *s = memory_new(sizeof *s);

	s->pair = p;
	p->session = s;
	p->sent = 0;
	fetch_client_init(&s->client, &client_ops, s);
	s->conn = dial_next(p->dial, &conn_events, s);
	loop_timer_set_ms(p->timer, ACK_WAIT_MS);
}

static void
found(void *arg, const struct designation *of, const struct err *why)
{
	struct pair *p = arg;

	(void)of;
	if (why == NULL) {
		next_hop(p);
		return;
	}
	log_failure(p, why);
	pair_is_over(p, false);
}

static void
pair_start(struct pair *p)
{
	struct acknowledger *a = p->of;

	TAILQ_REMOVE(&a->gathering, p, waiting);
	a->busy++;
	p->state = BUSY;
	p->dial = fetch_dial(a->worker, p->from.text, p->own.text, found, p);
}

static void
start_pairs(struct acknowledger *a)
{
	struct pair *p;

	while (a->busy < ACK_BUSY && (p = TAILQ_FIRST(&a->gathering)) != NULL)
		pair_start(p);
}

/* -- a round ------------------------------------------------------------------------------------------ */

static bool
is_ours(const struct acknowledger *a, const struct ims_ack *o)
{
	return workers_home(a->worker->ims->workers, domain_span(&o->own_domain),
		   domain_span(&o->from_domain)) == a->worker->index;
}

static struct bucket *
bucket_of(struct acknowledger *a, const struct ims_ack *o)
{
	return &a->pairs[span_hash(domain_span(&o->from_domain), a->seed) % BUCKETS];
}

static bool
is_of_pair(const struct pair *p, const struct ims_ack *o)
{
	return domain_eq(&p->from, domain_span(&o->from_domain)) &&
	    domain_eq(&p->own, domain_span(&o->own_domain));
}

static struct pair *
find_pair(struct acknowledger *a, const struct ims_ack *o)
{
	struct pair *p;

	LIST_FOREACH (p, bucket_of(a, o), link)
		if (is_of_pair(p, o))
			return p;
	return NULL;
}

static void
pair_gathers(struct pair *p)
{
	p->state = GATHERING;
	TAILQ_INSERT_TAIL(&p->of->gathering, p, waiting);
}

/* One page of what was left out of the pair's last session. */
static void
refill_from(void *arg, const struct ims_ack *page, size_t n, bool more, const struct err *e)
{
	struct pair *p = arg;
	struct acknowledger *a = p->of;

	p->asking = NULL;
	if (e != NULL)
		removed(NULL, e);
	for (size_t i = 0; i < n && p->n < ACK_SESSION; i++) {
		p->last = page[i];
		if (is_of_pair(p, &page[i]) && !fetch_pair_owes(a->worker->fetch_pairs, &page[i]))
			p->rows[p->n++] = page[i];
	}
	p->more = more || p->n == ACK_SESSION;
	if (p->n > 0) {
		pair_gathers(p);
		start_pairs(a);
	} else if (p->more) {
		loop_timer_set_ms(p->timer, 0);
	} else {
		pair_not_active(p, true);
	}
}

static void
refill(struct pair *p)
{
	p->n = p->sent = 0;
	p->asking = ims_store_pending_acks(p->of->worker->ims->store, &p->last, ACK_PAGE,
	    p->of->worker->loop, refill_from, p);
}

static void
pair_timer(void *arg)
{
	struct pair *p = arg;

	if (p->state == REFILLING)
		refill(p);
	else if (p->session != NULL)
		conn_close(p->session->conn);
}

static struct pair *
pair_new(struct acknowledger *a, const struct ims_ack *o)
{
	struct pair *p = memory_new(sizeof *p);

	p->of = a;
	p->own = o->own_domain;
	p->from = o->from_domain;
	p->state = RESTING; /* until its first row is gathered */
	p->timer = loop_timer_new(a->worker->loop, pair_timer, p);
	LIST_INSERT_HEAD(bucket_of(a, o), p, link);
	a->resting++;
	return p;
}

/* False: there is no room for another active pair. */
static bool
gather_row(struct acknowledger *a, const struct ims_ack *o)
{
	struct pair *p = find_pair(a, o);

	if (p != NULL && p->state == RESTING && loop_now_ms(a->worker->loop) < p->rest_until_ms)
		return true;
	if ((p == NULL || p->state == RESTING) && a->active == ACK_ACTIVE)
		return false;
	if (p == NULL)
		p = pair_new(a, o);
	if (p->state == RESTING) {
		a->resting--;
		a->active++;
		p->rows = memory_array(ACK_SESSION, sizeof *p->rows);
		pair_gathers(p);
	}
	if (p->state == GATHERING && p->n < ACK_SESSION)
		p->rows[p->n++] = *o;
	else
		p->more = true;
	return true;
}

/* What no sender remembers is removed unsent. */
static void
gather(struct acknowledger *a, const struct ims_ack *page, size_t n)
{
	int64_t now_s = clock_wall_ms() / 1000;

	for (size_t i = 0; i < n; i++) {
		const struct ims_ack *o = &page[i];

		bool ours = is_ours(a, o) && !fetch_pair_owes(a->worker->fetch_pairs, o);

		if (ours && o->until_s < now_s) {
			remove_row(a, o);
		} else if (ours && !gather_row(a, o)) {
			a->paused = true;
			return;
		}
		a->last = *o;
		a->begun = true;
	}
}

static void
looked(void *arg, const struct ims_ack *page, size_t n, bool more, const struct err *e)
{
	struct acknowledger *a = arg;

	a->asking = NULL;
	if (e != NULL)
		removed(NULL, e);
	gather(a, page, n);
	if (!more)
		a->begun = a->paused && a->begun; /* the end of the round */
	if (!more || a->paused)
		start_pairs(a);
	if (!a->paused)
		turn(a, more || a->soon ? 0 : ACK_ROUND_MS);
	a->soon = false;
}

static void
look(void *arg)
{
	struct acknowledger *a = arg;
	struct err e;

	if (!daemon_open_for_work(a->worker->ims->daemon, &e))
		return;
	if (a->asking != NULL) {
		a->soon = true;
		return;
	}
	a->paused = false;
	a->asking = ims_store_pending_acks(a->worker->ims->store, a->begun ? &a->last : NULL,
	    ACK_PAGE, a->worker->loop, looked, a);
}

/* -- life ---------------------------------------------------------------------------------------------- */

struct acknowledger *
acknowledger_new(struct ims_worker *w)
{
	struct acknowledger *a = memory_new(sizeof *a);

	a->worker = w;
	random_bytes(&a->seed, sizeof a->seed);
	TAILQ_INIT(&a->gathering);
	a->timer = loop_timer_new(w->loop, look, a);
	turn(a, ACK_ROUND_MS / 10); /* soon after the start: what a crash left */
	return a;
}

static void
soon(void *arg)
{
	struct acknowledger *a = ((struct ims_worker *)arg)->acknowledger;

	if (a != NULL && !a->paused)
		turn(a, 0);
}

void
acknowledger_soon(struct ims *i)
{
	for (unsigned n = 0; n < i->n_workers; n++)
		loop_post(i->worker[n].loop, soon, &i->worker[n]);
}

struct heard {
	struct ims_worker *worker;
	struct ims_ack of; /* its domains alone */
};

static void
heard(void *arg)
{
	struct heard *h = arg;
	struct acknowledger *a = h->worker->acknowledger;
	struct pair *p = a == NULL ? NULL : find_pair(a, &h->of);

	if (p != NULL && p->state == RESTING && p->failures > 1) {
		p->rest_until_ms -= rest_ms(p->failures) - ACK_REST_MS;
		p->failures = 1;
	}
	if (p != NULL && p->state == RESTING && !a->paused &&
	    loop_now_ms(a->worker->loop) >= p->rest_until_ms)
		turn(a, 0);
	free(h);
}

void
acknowledger_heard(struct ims *i, const char *own_domain, const char *from_domain)
{
	struct heard *h = memory_new(sizeof *h);

	h->worker =
	    &i->worker[workers_home(i->workers, span_str(own_domain), span_str(from_domain))];
	h->of.own_domain = domain_copy(own_domain);
	h->of.from_domain = domain_copy(from_domain);
	loop_post(h->worker->loop, heard, h);
}

void
acknowledger_free(struct acknowledger **ap)
{
	struct acknowledger *a = *ap;
	struct pair *p;

	*ap = NULL;
	if (a == NULL)
		return;
	for (unsigned i = 0; i < BUCKETS; i++)
		while ((p = LIST_FIRST(&a->pairs[i])) != NULL)
			pair_free(p); /* NOLINT(clang-analyzer-unix.Malloc): it left the list */
	kv_question_drop(&a->asking);
	loop_timer_free(&a->timer);
	free(a);
}
