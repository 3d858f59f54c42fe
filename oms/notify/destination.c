/* destination — one pair's letters, gathered, sealed and sent; see destination.h. */
#include "oms/notify/destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/pki/sign.h"
#include "oms/notify/downgrade.h"
#include "oms/notify/notifier.h"
#include "oms/notify/notify_session.h"
#include "oms/notify/sealing.h"

struct line {
	struct oms_worker *worker;
	char own[DOMAIN_BYTES], peer[DOMAIN_BYTES];
	struct route *route;
	struct loop_timer *timer; /* the next thing that is due */
	struct sealing *batches;  /* gathered, sent or being written down */
	bool gathering;           /* one is being signed */
	bool failing;             /* what was due is being written down as failed */
	struct err why;
	bool permanent;
	bool quiet;            /* nothing was due when it was looked at last */
	size_t singly;         /* so many letters go alone: a seal was refused */
	size_t fresh;          /* letters that came since the last gathering */
	unsigned failures;     /* of the way, one after another */
	int64_t not_before_ms; /* monotonic; the way is not tried again before it */
};

static void pump(struct line *l);

/* -- batches of a line ------------------------------------------------------------------------- */

static bool
under_way(void *arg, const struct ulid *id)
{
	const struct line *l = arg;

	for (const struct sealing *b = l->batches; b != NULL; b = b->next)
		for (size_t i = 0; i < b->n; i++)
			if (ulid_eq(&b->deliveries[i].id, id))
				return true;
	return false;
}

static void
drop_batch(struct line *l, struct sealing *b)
{
	struct sealing **at = &l->batches;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	sealing_free(&b);
}

/* The store failed, and says so in its own log line; what is due stays due. */
static void
written_down(void *arg, const struct err *e)
{
	struct sealing *b = arg;
	struct line *l = b->line;
	bool failed = b->failed;

	if (e != NULL)
		log_fact(LOG_ERROR, "notify.store", "own=%s peer=%s word=%s text=%s", l->own,
		    l->peer, refusal_word(e->why), log_str(e->text));
	drop_batch(l, b);
	if (failed)
		l->failing = e == NULL && l->failing;
	pump(l);
}

static void
write_down(struct sealing *b)
{
	struct line *l = b->line;

	oms_store_attempted(l->worker->oms->store, b->deliveries, b->n, l->worker->loop,
	    written_down, b);
}

/* The pair's deliveries are due up to here.  What is due later than any retry is put off was written
 * by a clock that was ahead, and is due now. */
static int64_t
horizon_ms(const struct line *l)
{
	int64_t now_ms = clock_steady_ms(), first_ms;
	struct err e;

	if (oms_store_next_due(l->worker->oms->store, l->own, l->peer, &first_ms, &e) &&
	    first_ms > now_ms + NOTIFIER_RETRY_MAX_MS)
		return first_ms;
	return now_ms;
}

static struct sealing *
gather(struct line *l)
{
	struct oms *o = l->worker->oms;
	struct sealing *b = sealing_new(l);
	struct err e;

	if (!oms_store_due(o->store, l->own, l->peer, horizon_ms(l), under_way, l, b->deliveries,
		l->singly > 0 ? 1 : OMS_STORE_DUE_PAGE, &b->n, &e))
		log_fact(LOG_ERROR, "notify.store", "own=%s peer=%s word=%s text=%s", l->own,
		    l->peer, refusal_word(e.why), log_str(e.text));
	sealing_cut(b, NOTIFIER_BATCH_BYTES);
	if (b->n == 0) {
		sealing_free(&b);
		return NULL;
	}
	l->singly -= l->singly > 0;
	b->next = l->batches;
	l->batches = b;
	return b;
}

/* -- sealing and sending --------------------------------------------------------------------------- */

static void
not_sent(struct sealing *b, const struct err *e)
{
	sealing_fail(b, e, false, clock_steady_ms());
	write_down(b);
}

static void
signed_now(void *arg, const char *alg, struct span signature, const struct err *e)
{
	struct sealing *b = arg;
	struct line *l = b->line;
	struct notify_client *c = route_client(l->route);
	enum seal_alg a;
	struct err why;

	l->gathering = false;
	if (e != NULL) {
		not_sent(b, e);
	} else if (c == NULL || !seal_alg_parse(span_str(alg), &a)) {
		drop_batch(l, b); /* the session has gone; it stays due */
		pump(l);
	} else if (!route_vouched(l->route)) {
		drop_batch(l, b); /* on_ended comes, and says why */
	} else if (!sealing_send(b, c, a, signature, &why)) {
		not_sent(b, &why);
	} else {
		route_kick(l->route);
		pump(l);
	}
}

static void
seal(struct line *l, struct sealing *b)
{
	struct tls *tls = tls_holder_get(l->worker->oms->tls);
	struct err e;

	if (tls_identity(tls, l->own) == NULL) {
		err_set(&e, REFUSAL_domain_not_served, "%s is not one of our domains", l->own);
		not_sent(b, &e);
	} else if (!sealing_write(b, l->own, l->peer, clock_wall_ms() / 1000, &e)) {
		not_sent(b, &e);
	} else {
		l->gathering = true;
		sign_run(l->worker->loop, route_key(l->route), buf_span(&b->text), signed_now, b);
	}
	tls_unref(&tls);
}

/* -- the line's turn -------------------------------------------------------------------------------- */

static void
set_timer(struct line *l)
{
	int64_t next_ms, in_ms, pause_ms;
	struct err e;

	if (!oms_store_next_due(l->worker->oms->store, l->own, l->peer, &next_ms, &e))
		next_ms = clock_steady_ms() + NOTIFIER_RETRY_MS;
	l->quiet = next_ms == 0;
	if (l->quiet)
		return;
	in_ms = next_ms - horizon_ms(l);
	pause_ms = l->not_before_ms - loop_now_ms(l->worker->loop);
	if (in_ms < pause_ms)
		in_ms = pause_ms;
	/* What is due and under way comes back by itself. */
	loop_timer_set_ms(l->timer, in_ms < 100 ? 100 : in_ms);
}

/* What is due cannot go: each delivery learns why, page by page. */
static void
fail_page(struct line *l)
{
	struct sealing *b = gather(l);

	if (b == NULL) {
		l->failing = false;
		set_timer(l);
		return;
	}
	b->failed = true;
	sealing_fail(b, &l->why, l->permanent, clock_steady_ms());
	write_down(b);
}

static bool
is_due(struct line *l)
{
	int64_t next_ms;
	struct err e;

	return !oms_store_next_due(l->worker->oms->store, l->own, l->peer, &next_ms, &e) ||
	    (next_ms != 0 && next_ms <= horizon_ms(l));
}

static void
find_way(struct line *l)
{
	if (!route_is_idle(l->route))
		return; /* ready, or ended, comes back here */
	if (l->batches != NULL)
		return; /* so does written_down: only then is it known what is due */
	if (loop_now_ms(l->worker->loop) < l->not_before_ms || !is_due(l))
		set_timer(l);
	else
		route_want(l->route);
}

static void
pump(struct line *l)
{
	struct notify_client *c = route_client(l->route);
	struct sealing *b;
	struct err e;

	/* When we go down the last answers of the store come after it has closed. */
	if (l->gathering || !daemon_open_for_work(l->worker->oms->daemon, &e))
		return;
	if (l->failing) {
		fail_page(l);
		return;
	}
	if (c != NULL && !route_is_current(l->route)) {
		route_end(l->route); /* batch_end, or ended, comes back here */
		return;
	}
	if (c != NULL && !notify_client_may_send(c))
		return; /* batch_end comes back here */
	if (c == NULL) {
		find_way(l);
		return;
	}
	if (c->count > 0 && l->fresh < NOTIFIER_GATHER)
		return; /* so does this: the next batch gathers meanwhile */
	if ((b = gather(l)) == NULL) {
		l->fresh = 0;
		set_timer(l);
		if (route_is_wanted(l->route))
			route_end(l->route);
		return;
	}
	l->fresh = b->n == OMS_STORE_DUE_PAGE ? NOTIFIER_GATHER : 0;
	seal(l, b);
}

/* -- the route's callbacks ----------------------------------------------------------------------------- */

static bool
on_found(void *role, const struct designation *d, const struct err *why, struct err *e)
{
	struct line *l = role;
	struct oms_worker *w = l->worker;
	int64_t now_s = clock_wall_ms() / 1000;

	if (!daemon_open_for_work(w->oms->daemon, e))
		return false; /* the store has closed */
	downgrade_seen(w->oms->store, l->peer, d, now_s, w->loop);
	return why == NULL || downgrade_may_smtp(w->oms->store, l->peer, d, why, now_s, e);
}

static void
on_ready(void *role)
{
	struct line *l = role;

	l->failures = 0;
	pump(l);
}

static void
on_wanted(void *role)
{
	pump(role);
}

static int64_t
pause_ms(unsigned failures)
{
	int64_t ms = failures < 6 ? (int64_t)NOTIFIER_RETRY_MS << failures : NOTIFIER_PAUSE_MAX_MS;

	return ms < NOTIFIER_PAUSE_MAX_MS ? ms : NOTIFIER_PAUSE_MAX_MS;
}

static void
on_ended(void *role, const struct err *why, bool permanent)
{
	struct line *l = role;

	if (why != NULL) {
		l->failing = true;
		l->why = *why;
		l->permanent = permanent;
		l->not_before_ms = loop_now_ms(l->worker->loop) +
		    pause_ms(permanent ? 0 : l->failures++);
	}
	pump(l);
}

static void
on_result(void *role, void *arg, size_t index, struct span text, const struct err *e)
{
	(void)role;
	sealing_answer(arg, index, text, e, clock_steady_ms());
}

static void
on_batch_end(void *role, void *arg, size_t answered, const struct err *e)
{
	struct sealing *b = arg;
	struct line *l = role;

	(void)answered;
	if (b->seal_refused)
		l->singly += b->n;
	sealing_close(b, e, clock_steady_ms());
	write_down(b);
	pump(l);
}

static const struct route_ops route_ops = {
	on_found,
	on_ready,
	on_wanted,
	on_ended,
	on_result,
	on_batch_end,
};

/* -- making and asking ------------------------------------------------------------------------------- */

static void
due(void *arg)
{
	pump(arg);
}

void
line_free(struct line **lp)
{
	struct line *l = *lp;

	route_free(&l->route);
	loop_timer_free(&l->timer);
	while (l->batches != NULL)
		drop_batch(l, l->batches);
	free(l);
	*lp = NULL;
}

struct line *
line_new(struct oms_worker *w, const char *own, const char *peer)
{
	struct conf *conf = daemon_conf(w->oms->daemon);
	struct route_place place = {
		.loop = w->loop,
		.dns = w->dns,
		.tls = w->oms->tls,
		.limit = daemon_limit(w->oms->daemon),
		.allow_private = conf->allow_private_peers,
		.own = own,
		.peer = peer,
		.from = conf->role[CONF_ROLE_OMS].connect_from,
	};
	struct line *l = memory_new(sizeof *l);

	snprintf(l->own, sizeof l->own, "%s", own);
	snprintf(l->peer, sizeof l->peer, "%s", peer);
	l->worker = w;
	l->route = route_new(&place, &route_ops, l);
	conf_unref(&conf);
	l->timer = loop_timer_new(w->loop, due, l);
	return l;
}

bool
line_is_for(const struct line *l, const char *own, const char *peer)
{
	return strcmp(l->own, own) == 0 && strcmp(l->peer, peer) == 0;
}

bool
line_has_nothing(const struct line *l)
{
	return l->quiet && l->batches == NULL && !l->gathering && !l->failing &&
	    route_is_idle(l->route);
}

void
line_wake(struct line *l)
{
	l->fresh++;
	l->quiet = false;
	pump(l);
}
