/* spf — queries, evaluations and their cache; see spf.h.
 *
 * A query waits in `queued` until the loop's next turn.  Then it is answered from the cache, joins
 * the evaluation of its key, or starts one.  An evaluation asks dns for what its guard needs and runs
 * again after each answer, until it has everything.
 */
#include "common/spf/spf.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/spf/spf_cache.h"
#include "common/spf/spf_evaluate.h"
#include "common/spf/spf_guard.h"
#include "common/text/address_scope.h"

#define TTL_PERMERROR_S 30
#define TTL_UNASKED_S   300 /* a verdict that needed no DNS */

struct evaluation;

TAILQ_HEAD(queries, spf_query);

struct spf_query {
	struct spf *spf;
	struct evaluation *evaluation; /* NULL: queued */
	TAILQ_ENTRY(spf_query) link;   /* in queued, or the evaluation's waiting */
	struct sockaddr_storage address;
	struct buf helo, mail_from;
	struct buf key;      /* domain, address */
	struct buf full_key; /* and local part, HELO name */
	spf_done *done;
	void *arg;
};

struct question { /* of an evaluation, under way */
	struct evaluation *evaluation;
	struct spf_need *need;
	struct dns_query *dns; /* NULL: answered */
	LIST_ENTRY(question) link;
};

struct evaluation {
	struct sockaddr_storage address;
	struct spf *spf;
	LIST_ENTRY(evaluation) link;
	struct spf_guard guard;
	struct queries waiting;
	struct buf key, full_key;
	LIST_HEAD(questions, question) questions;
	struct loop_timer *timer;
};

struct spf {
	struct loop *loop;
	struct dns *dns;
	struct spf_cache *cache;
	struct loop_timer *turn; /* set while something is queued */
	struct queries queued;
	LIST_HEAD(evaluations, evaluation) evaluations;
	struct spf_evaluator *evaluator;
	uint64_t begun;
};

static void
query_free(struct spf_query *q)
{
	buf_clear(&q->helo);
	buf_clear(&q->mail_from);
	buf_clear(&q->key);
	buf_clear(&q->full_key);
	free(q);
}

/* -- evaluations --------------------------------------------------------------------------------- */

static void
evaluation_free(struct evaluation *ev)
{
	struct question *q;

	while ((q = LIST_FIRST(&ev->questions)) != NULL) {
		LIST_REMOVE(q, link);
		dns_cancel(&q->dns);
		free(q);
	}
	LIST_REMOVE(ev, link);
	loop_timer_free(&ev->timer);
	spf_guard_clear(&ev->guard);
	buf_clear(&ev->key);
	buf_clear(&ev->full_key);
	free(ev);
}

static void
deliver(struct spf_query *q, const struct spf_outcome *o, uint32_t ttl_s)
{
	struct spf_verdict v = { .result = o->result,
		.ttl_s = ttl_s,
		.depends_on_local_part = o->depends_on_local_part,
		.lookups = o->lookups,
		.why = o->why.data,
		.record = buf_span(&o->record) };

	q->done(q->arg, &v);
}

static void
queue(struct spf *s, struct spf_query *q)
{
	q->evaluation = NULL;
	TAILQ_INSERT_TAIL(&s->queued, q, link);
	loop_timer_set_ms(s->turn, 0);
}

static uint32_t
ttl_of(const struct spf_guard *g)
{
	uint32_t ttl = g->ttl_s == UINT32_MAX ? TTL_UNASKED_S : g->ttl_s;
	uint32_t most = g->result == SPF_PERMERROR ? TTL_PERMERROR_S : SPF_TTL_MAX_S;

	if (ttl < SPF_TTL_MIN_S || g->result == SPF_TEMPERROR)
		return SPF_TTL_MIN_S;
	return ttl < most ? ttl : most;
}

static void
sum_up(const struct spf_guard *g, struct spf_outcome *o)
{
	*o = (struct spf_outcome) { .result = g->result,
		.ttl_s = ttl_of(g),
		.depends_on_local_part = g->env.used_local,
		.depends_on_helo = g->env.used_helo,
		.lookups = g->lookups };
	buf_addf(&o->why, "SPF %s for %s", spf_result_word(g->result),
	    g->domain[0] != '\0' ? g->domain : "a sender without domain");
	if (g->why[0] != '\0')
		buf_addf(&o->why, ": %s", g->why);
	buf_add(&o->why, "", 1);
	if (g->n_records > 0)
		buf_add(&o->record, g->records[0]->text.data, g->records[0]->text.len);
}

/* If the record depends on sender or HELO name, queries with other ones are queued again. */
static void
finish(struct evaluation *ev)
{
	struct spf *s = ev->spf;
	struct spf_query *q;
	struct spf_outcome o;
	bool by_full_key;
	int64_t now_ms = loop_now_ms(s->loop);

	sum_up(&ev->guard, &o);
	by_full_key = o.depends_on_local_part || o.depends_on_helo;
	spf_cache_put(s->cache, buf_span(&ev->key), &o, now_ms);
	if (by_full_key)
		spf_cache_put(s->cache, buf_span(&ev->full_key), &o, now_ms);
	while ((q = TAILQ_FIRST(&ev->waiting)) != NULL) {
		TAILQ_REMOVE(&ev->waiting, q, link);
		if (by_full_key && !span_eq(buf_span(&q->full_key), buf_span(&ev->full_key))) {
			queue(s, q);
			continue;
		}
		deliver(q, &o, o.ttl_s);
		query_free(q);
	}
	spf_outcome_clear(&o);
	evaluation_free(ev);
}

static void answered(void *arg, const struct dns_answer *a);

static void
ask(struct evaluation *ev)
{
	struct spf_need *need;

	while ((need = spf_guard_ask(&ev->guard)) != NULL) {
		struct question *q = memory_new(sizeof(*q));

		q->evaluation = ev;
		q->need = need;
		LIST_INSERT_HEAD(&ev->questions, q, link);
		q->dns = dns_ask_about(ev->spf->dns, span_str(ev->guard.domain),
		    (const struct sockaddr *)&ev->address, span_str(need->name), need->type,
		    answered, q);
	}
}

static void
step(struct evaluation *ev)
{
	if (spf_evaluate(ev->spf->evaluator, &ev->guard))
		finish(ev);
	else
		ask(ev);
}

static void
answered(void *arg, const struct dns_answer *a)
{
	struct question *q = arg;
	struct evaluation *ev = q->evaluation;

	spf_guard_answer(&ev->guard, q->need, a);
	LIST_REMOVE(q, link);
	free(q);
	step(ev);
}

static void
timed_out(void *arg)
{
	struct evaluation *ev = arg;

	spf_guard_end(&ev->guard, SPF_TEMPERROR, "the evaluation took longer than 20 s");
	finish(ev);
}

static void
start(struct spf_query *q)
{
	struct spf *s = q->spf;
	struct evaluation *ev = memory_new(sizeof(*ev));

	s->begun++;
	ev->spf = s;
	TAILQ_INIT(&ev->waiting);
	LIST_INSERT_HEAD(&s->evaluations, ev, link);
	buf_add(&ev->key, q->key.data, q->key.len);
	buf_add(&ev->full_key, q->full_key.data, q->full_key.len);
	ev->address = q->address;
	spf_guard_init(&ev->guard, (struct sockaddr *)&ev->address, buf_span(&q->helo),
	    buf_span(&q->mail_from));
	ev->timer = loop_timer_new(s->loop, timed_out, ev);
	loop_timer_set_ms(ev->timer, SPF_TIMEOUT_MS);
	q->evaluation = ev;
	TAILQ_INSERT_TAIL(&ev->waiting, q, link);
	step(ev);
}

/* -- queries --------------------------------------------------------------------------------------- */

/* The evaluation of the same domain and address.  If its verdict depends on the sender or the HELO
 * name, finish() queues the others again, so only one is under way at a time. */
static struct evaluation *
find_running(const struct spf_query *q)
{
	struct evaluation *ev;

	LIST_FOREACH (ev, &q->spf->evaluations, link)
		if (span_eq(buf_span(&ev->key), buf_span(&q->key)))
			return ev;
	return NULL;
}

/* Answers, joins or starts.  The query is in no list. */
static void
serve(struct spf_query *q)
{
	struct spf *s = q->spf;
	int64_t now_ms = loop_now_ms(s->loop);
	uint32_t left_s;
	const struct spf_outcome *o = spf_cache_find(s->cache, buf_span(&q->key), now_ms, &left_s);
	struct evaluation *ev;

	if (o != NULL && (o->depends_on_local_part || o->depends_on_helo))
		o = spf_cache_find(s->cache, buf_span(&q->full_key), now_ms, &left_s);
	if (o != NULL) {
		deliver(q, o, left_s);
		query_free(q);
		return;
	}
	ev = find_running(q);
	if (ev == NULL) {
		start(q);
		return;
	}
	q->evaluation = ev;
	TAILQ_INSERT_TAIL(&ev->waiting, q, link);
}

static void
turn(void *arg)
{
	struct spf *s = arg;
	struct spf_query *last = TAILQ_LAST(&s->queued, queries), *q;
	bool end = last == NULL;

	while (!end && (q = TAILQ_FIRST(&s->queued)) != NULL) {
		end = q == last || TAILQ_LAST(&s->queued, queries) != last;
		TAILQ_REMOVE(&s->queued, q, link);
		serve(q);
	}
	if (!TAILQ_EMPTY(&s->queued))
		loop_timer_set_ms(s->turn, 0);
}

static void
add_lower(struct buf *b, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];

		buf_add(b, &c, 1);
	}
}

/* key = address length domain; full_key = key length sender helo.  The lengths make each key
 * unambiguous. */
static void
make_keys(struct spf_query *q)
{
	const struct sockaddr_storage *a = &q->address;
	struct span from = buf_span(&q->mail_from), helo = buf_span(&q->helo), domain = helo;
	char family = a->ss_family == AF_INET ? '4' : '6';

	for (size_t i = from.n; i > 0; i--) {
		domain = span_sub(from, i - 1, from.n);
		if (from.p[i - 1] == '@') {
			domain = span_sub(from, i, from.n);
			break;
		}
	}
	buf_add(&q->key, &family, 1);
	if (a->ss_family == AF_INET)
		buf_add(&q->key, &((const struct sockaddr_in *)a)->sin_addr, 4);
	else
		buf_add(&q->key, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
	buf_addf(&q->key, "%zu ", domain.n);
	add_lower(&q->key, domain);
	buf_add(&q->full_key, q->key.data, q->key.len);
	buf_addf(&q->full_key, " %zu ", from.n);
	buf_add(&q->full_key, from.p, from.n);
	buf_add(&q->full_key, helo.p, helo.n);
}

struct spf_query *
spf_check(struct spf *s, const struct sockaddr *address, struct span helo, struct span mail_from,
    spf_done *done, void *arg)
{
	struct spf_query *q = memory_new(sizeof(*q));

	/* One octet more than the limit keeps too long input too long. */
	helo = span_sub(helo, 0, SPF_SENDER_MAX + 1);
	q->spf = s;
	q->done = done;
	q->arg = arg;
	address_unmap(address, &q->address);
	buf_add(&q->helo, helo.p, helo.n);
	mail_from = span_sub(mail_from, 0, 2 * SPF_SENDER_MAX);
	buf_add(&q->mail_from, mail_from.p, mail_from.n);
	make_keys(q);
	queue(s, q);
	return q;
}

void
spf_cancel(struct spf_query **qp)
{
	struct spf_query *q = *qp;

	*qp = NULL;
	if (q == NULL)
		return;
	TAILQ_REMOVE(q->evaluation != NULL ? &q->evaluation->waiting : &q->spf->queued, q, link);
	query_free(q); /* its evaluation goes on: the cache is glad of it */
}

/* -- life ------------------------------------------------------------------------------------------ */

void
spf_new(struct spf **out, struct loop *l, struct dns *dns)
{
	struct spf *s = memory_new(sizeof(*s));

	s->loop = l;
	s->dns = dns;
	TAILQ_INIT(&s->queued);
	spf_cache_new(&s->cache);
	s->turn = loop_timer_new(l, turn, s);
	spf_evaluator_new(&s->evaluator);
	*out = s;
}

uint64_t
spf_evaluations(const struct spf *s)
{
	return s->begun;
}

static void
queries_free(struct queries *l)
{
	struct spf_query *q;

	while ((q = TAILQ_FIRST(l)) != NULL) {
		TAILQ_REMOVE(l, q, link);
		query_free(q);
	}
}

void
spf_free(struct spf **sp)
{
	struct spf *s = *sp;
	struct evaluation *ev;

	*sp = NULL;
	if (s == NULL)
		return;
	queries_free(&s->queued);
	while ((ev = LIST_FIRST(&s->evaluations)) != NULL) {
		queries_free(&ev->waiting);
		evaluation_free(ev);
	}
	loop_timer_free(&s->turn);
	spf_cache_free(&s->cache);
	spf_evaluator_free(&s->evaluator);
	free(s);
}
