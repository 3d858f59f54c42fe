/* notifier — what is due goes out, and what came of it is written down; see notifier.h. */
#include "oms/notifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/svc/loop.h"
#include "common/svc/sign.h"
#include "common/svc/workers.h"
#include "oms/notify_batch.h"
#include "oms/route.h"

/* One pair of domains. */
struct line {
	struct line		*next;
	struct notifier		*notifier;
	char			 own[ADDRESS_DOMAIN_BYTES], peer[ADDRESS_DOMAIN_BYTES];
	struct route		*route;
	struct loop_timer	*timer;		/* the next thing that is due */
	struct batch		*batches;	/* gathered, sent or being written down */
	bool			 gathering;	/* one is being signed */
	bool			 failing;	/* what was due is being written down as failed */
	struct err		 why;
	bool			 permanent;
};

struct notifier {
	struct oms_worker	*worker;
	struct line		*lines;
};

static void pump(struct line *l);

/* -- batches of a line ------------------------------------------------------------------------- */

static bool
under_way(void *arg, const struct ulid *id)
{
	const struct line	*l = arg;

	for (const struct batch *b = l->batches; b != NULL; b = b->next)
		for (size_t i = 0; i < b->n; i++)
			if (ulid_eq(&b->deliveries[i].id, id))
				return true;
	return false;
}

static void
drop_batch(struct line *l, struct batch *b)
{
	struct batch	**at = &l->batches;

	while (*at != b)
		at = &(*at)->next;
	*at = b->next;
	batch_free(&b);
}

/* The store failed, and says so in its own log line; what is due stays due. */
static void
written_down(void *arg, const struct err *e)
{
	struct batch	*b = arg;
	struct line	*l = b->line;
	bool		 failed = b->failed;

	if (e != NULL)
		log_fact(LOG_ERROR, "notify.store", "own=%s peer=%s word=%s text=%s", l->own,
		    l->peer, refusal_word(e->why), log_str(e->text));
	drop_batch(l, b);
	if (failed)
		l->failing = e == NULL && l->failing;
	pump(l);
}

static void
write_down(struct batch *b)
{
	struct line	*l = b->line;

	oms_store_attempted(l->notifier->worker->oms->store, b->deliveries, b->n,
	    l->notifier->worker->loop, written_down, b);
}

static struct batch *
gather(struct line *l)
{
	struct oms	*o = l->notifier->worker->oms;
	struct batch	*b = batch_new(l);
	struct err	 e;

	if (!oms_store_due(o->store, l->own, l->peer, clock_wall_ms(), under_way, l, b->deliveries,
	    OMS_STORE_DUE_PAGE, &b->n, &e))
		log_fact(LOG_ERROR, "notify.store", "own=%s peer=%s word=%s text=%s", l->own,
		    l->peer, refusal_word(e.why), log_str(e.text));
	batch_cut(b, NOTIFIER_BATCH_BYTES);
	if (b->n == 0) {
		batch_free(&b);
		return NULL;
	}
	b->next = l->batches;
	l->batches = b;
	return b;
}

/* -- sealing and sending --------------------------------------------------------------------------- */

static void
not_sent(struct batch *b, const struct err *e)
{
	batch_fail(b, e, false, clock_wall_ms());
	write_down(b);
}

static void
signed_now(void *arg, const char *alg, struct span signature, const struct err *e)
{
	struct batch		*b = arg;
	struct line		*l = b->line;
	struct notify_client	*c = route_client(l->route);
	enum seal_alg		 a;
	struct err		 why;

	l->gathering = false;
	if (e != NULL) {
		not_sent(b, e);
	} else if (c == NULL || !seal_alg_parse(span_str(alg), &a)) {
		drop_batch(l, b);		/* the session has gone; it stays due */
		pump(l);
	} else if (!batch_send(b, c, a, signature, &why)) {
		not_sent(b, &why);
	} else {
		route_kick(l->route);
		pump(l);
	}
}

static void
seal(struct line *l, struct batch *b)
{
	struct tls	*tls = tls_holder_get(l->notifier->worker->oms->tls);
	struct err	 e;

	if (tls_identity(tls, l->own) == NULL) {
		err_set(&e, REFUSAL_domain_not_served, "%s is not one of our domains", l->own);
		not_sent(b, &e);
	} else if (!batch_seal(b, l->own, l->peer, clock_wall_ms() / 1000, &e)) {
		not_sent(b, &e);
	} else {
		l->gathering = true;
		sign_run(l->notifier->worker->loop, route_key(l->route), buf_span(&b->seal),
		    signed_now, b);
	}
	tls_unref(&tls);
}

/* -- the line's turn -------------------------------------------------------------------------------- */

static void
set_timer(struct line *l)
{
	int64_t		 next_ms, in_ms;
	struct err	 e;

	if (!oms_store_next_due(l->notifier->worker->oms->store, l->own, l->peer, &next_ms, &e))
		next_ms = clock_wall_ms() + NOTIFIER_RETRY_MS;
	if (next_ms == 0)
		return;
	in_ms = next_ms - clock_wall_ms();
	/* What is due and under way comes back by itself. */
	loop_timer_set_ms(l->timer, in_ms < 100 ? 100 : in_ms);
}

/* What is due cannot go: each delivery learns why, page by page. */
static void
fail_page(struct line *l)
{
	struct batch	*b = gather(l);

	if (b == NULL) {
		l->failing = false;
		set_timer(l);
		return;
	}
	b->failed = true;
	batch_fail(b, &l->why, l->permanent, clock_wall_ms());
	write_down(b);
}

static void
pump(struct line *l)
{
	struct notify_client	*c = route_client(l->route);
	struct batch		*b;
	struct err		 e;

	/* When we go down the last answers of the store come after it has closed. */
	if (l->gathering || !oms_open(l->notifier->worker->oms, &e))
		return;
	if (l->failing) {
		fail_page(l);
		return;
	}
	if (c != NULL && !route_is_current(l->route)) {
		route_end(l->route);	/* batch_end, or ended, comes back here */
		return;
	}
	if (c != NULL && !notify_client_may_send(c))
		return;			/* batch_end comes back here */
	if ((b = gather(l)) == NULL) {
		set_timer(l);
	} else if (c != NULL) {
		seal(l, b);
	} else {
		drop_batch(l, b);
		route_want(l->route);
	}
}

/* -- the route's callbacks ----------------------------------------------------------------------------- */

static void
on_ready(void *role)
{
	pump(role);
}

static void
on_ended(void *role, const struct err *why, bool permanent)
{
	struct line	*l = role;

	if (why != NULL) {
		l->failing = true;
		l->why = *why;
		l->permanent = permanent;
	}
	pump(l);
}

static void
on_result(void *role, void *arg, size_t index, struct span text, const struct err *e)
{
	(void)role;
	(void)text;
	batch_result(arg, index, e, clock_wall_ms());
}

static void
on_batch_end(void *role, void *arg, size_t answered, const struct err *e)
{
	struct batch	*b = arg;

	(void)role;
	(void)answered;
	batch_close(b, e, clock_wall_ms());
	write_down(b);
}

static const struct route_ops	 route_ops = { on_ready, on_ended, on_result, on_batch_end };

/* -- lines ------------------------------------------------------------------------------------------------ */

static void
due(void *arg)
{
	pump(arg);
}

static struct line *
line_new(struct notifier *n, const char *own, const char *peer)
{
	struct oms_worker	*w = n->worker;
	struct conf		*conf = oms_conf(w->oms);
	struct route_place	 place = {
		.loop = w->loop, .dns = w->dns, .tls = w->oms->tls,
		.allow_private = conf->allow_private_peers, .own = own, .peer = peer,
		.from = conf->oms.connect_from,
	};
	struct line		*l = memory_new(sizeof *l);

	snprintf(l->own, sizeof l->own, "%s", own);
	snprintf(l->peer, sizeof l->peer, "%s", peer);
	l->notifier = n;
	l->route = route_new(&place, &route_ops, l);
	conf_unref(&conf);
	l->timer = loop_timer_new(w->loop, due, l);
	l->next = n->lines;
	n->lines = l;
	return l;
}

struct wake {
	struct notifier	*notifier;
	char		 own[ADDRESS_DOMAIN_BYTES], peer[ADDRESS_DOMAIN_BYTES];
};

static void
woken(void *arg)
{
	struct wake	*w = arg;
	struct line	*l = w->notifier->lines;

	while (l != NULL && (strcmp(l->own, w->own) != 0 || strcmp(l->peer, w->peer) != 0))
		l = l->next;
	pump(l != NULL ? l : line_new(w->notifier, w->own, w->peer));
	free(w);
}

void
notifier_wake(struct oms *o, const char *own, const char *peer)
{
	unsigned	 home = workers_home(o->workers, span_str(own), span_str(peer));
	struct wake	*w;
	struct err	 e;

	if (!oms_open(o, &e))
		return;			/* what is due is found at the next start */
	w = memory_new(sizeof *w);
	w->notifier = o->worker[home].notifier;
	snprintf(w->own, sizeof w->own, "%s", own);
	snprintf(w->peer, sizeof w->peer, "%s", peer);
	loop_post(o->worker[home].loop, woken, w);
}

static bool
wake_pair(void *arg, const char *own, const char *peer, int64_t first_ms)
{
	(void)first_ms;
	notifier_wake(arg, own, peer);
	return true;
}

bool
notifier_begin(struct oms *o, struct err *e)
{
	return oms_store_pairs(o->store, wake_pair, o, e);
}

struct notifier *
notifier_new(struct oms_worker *w)
{
	struct notifier	*n = memory_new(sizeof *n);

	n->worker = w;
	return n;
}

/* The store is closed by now, and has answered for every batch it had. */
void
notifier_free(struct notifier **np)
{
	struct notifier	*n = *np;

	if (n == NULL)
		return;
	while (n->lines != NULL) {
		struct line	*l = n->lines;

		n->lines = l->next;
		route_free(&l->route);
		loop_timer_free(&l->timer);
		while (l->batches != NULL)
			drop_batch(l, l->batches);
		free(l);
	}
	free(n);
	*np = NULL;
}
