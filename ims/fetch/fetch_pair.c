/* fetch_pair — the warm session of a pair of domains; see fetch_pair.h. */
#include "ims/fetch/fetch_pair.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "ims/fetch/fetch_dial.h"
#include "ims/fetch/fetch_link.h"
#include "ims/fetch/fetch_verdict.h"

#define BUCKETS 256

struct fetch_pair {
	LIST_ENTRY(fetch_pair) same; /* in its bucket */
	TAILQ_ENTRY(fetch_pair) use; /* the one that was used last is the last */
	struct fetch_pairs *of;
	struct domain own, from;
	struct dial *dial;    /* looks for a host, or led to `link`; NULL: neither */
	struct dial *renewal; /* asks whether the link's host is still named */
	struct fetch_link *link;
	struct fetch_verdict verdict; /* of the hosts that did not welcome us */
	struct fetch_wants waiting;
	struct ims_ack *owed; /* FETCH_DONES; NULL: none */
	size_t n_owed;
	bool due; /* say now what is owed */
	struct loop_timer *timer;
};

struct fetch_pairs {
	struct ims_worker *worker;
	void (*unsaid)(struct ims *i);
	uint64_t seed;
	LIST_HEAD(fetch_bucket, fetch_pair) pairs[BUCKETS];
	TAILQ_HEAD(, fetch_pair) use;
	unsigned links;
};

static void pump(struct fetch_pair *p);
static void next_address(struct fetch_pair *p);

/* -- what is not asked or said ------------------------------------------------------------------------- */

static void
fail(struct fetch_pair *p, const struct err *e)
{
	struct fetch_wants all = TAILQ_HEAD_INITIALIZER(all);
	struct fetch_want *w;

	TAILQ_CONCAT(&all, &p->waiting, wait);
	while ((w = TAILQ_FIRST(&all)) != NULL) {
		TAILQ_REMOVE(&all, w, wait);
		w->pair = NULL;
		w->ops->failed(w->arg, e);
	}
}

static void
owe_nothing(struct fetch_pair *p)
{
	loop_timer_cancel(p->timer);
	free(p->owed);
	p->owed = NULL;
	p->n_owed = 0;
	p->due = false;
}

/* It stays pending in the store. */
static void
leave_owed(struct fetch_pair *p, const char *host, const struct err *e)
{
	if (p->n_owed == 0)
		return;
	log_fact_of(domain_span(&p->from), LOG_WARN, "fetch.unsaid",
	    "own=%s from=%s host=%s letters=%zu word=%s text=%s", p->own.text, p->from.text, host,
	    p->n_owed, refusal_word(e->why), log_str(e->text));
	owe_nothing(p);
	p->of->unsaid(p->of->worker->ims);
}

/* -- life ---------------------------------------------------------------------------------------------- */

static void
forget_link(struct fetch_pair *p)
{
	if (p->link == NULL)
		return;
	p->of->links--;
	p->link = NULL;
}

static void
leave_link(struct fetch_pair *p)
{
	struct fetch_link *l = p->link;

	forget_link(p);
	fetch_link_leave(&l);
	dial_free(&p->renewal);
	dial_free(&p->dial);
}

static void
pair_free(struct fetch_pair *p)
{
	LIST_REMOVE(p, same);
	TAILQ_REMOVE(&p->of->use, p, use);
	owe_nothing(p);
	loop_timer_free(&p->timer);
	dial_free(&p->renewal);
	dial_free(&p->dial);
	free(p);
}

/* Nothing is under way, and nothing waits. */
static void
rest(struct fetch_pair *p)
{
	if (p->link == NULL && p->dial == NULL && p->n_owed == 0 && TAILQ_EMPTY(&p->waiting))
		pair_free(p);
}

/* -- the link's callbacks ------------------------------------------------------------------------------ */

static void
on_up(void *role)
{
	pump(role);
}

static void
on_back(void *role, struct fetch_want *w)
{
	struct fetch_pair *p = role;

	w->pair = p;
	TAILQ_INSERT_TAIL(&p->waiting, w, wait);
}

static void
on_stuck(void *role)
{
	leave_link(role);
}

static void
on_lost(void *role)
{
	forget_link(role);
}

static void
on_ended(void *role, const struct err *why, bool welcomed)
{
	struct fetch_pair *p = role;

	if (!welcomed && !TAILQ_EMPTY(&p->waiting) && p->dial != NULL) {
		fetch_verdict_add(&p->verdict, dial_target(p->dial), why);
		next_address(p);
		return;
	}
	dial_free(&p->renewal);
	dial_free(&p->dial);
	pump(p);
}

static const struct fetch_link_ops link_ops = {
	.up = on_up,
	.back = on_back,
	.answered = on_up,
	.wanted = on_up,
	.stuck = on_stuck,
	.lost = on_lost,
	.ended = on_ended,
};

/* -- finding a host ------------------------------------------------------------------------------------ */

static void
make_room(struct fetch_pairs *ps)
{
	struct fetch_pair *p;

	TAILQ_FOREACH (p, &ps->use, use)
		if (p->link != NULL && fetch_link_is_idle(p->link))
			break;
	if (p == NULL)
		return;
	leave_link(p);
	rest(p);
}

/* What waits is not asked for before the link is up. */
static void
next_address(struct fetch_pair *p)
{
	bool open;
	struct err e;

	open = daemon_open_for_work(p->of->worker->ims->daemon, &e);
	if (!open || dial_is_over(p->dial)) {
		if (open)
			fetch_verdict_end(&p->verdict, dial_is_whole(p->dial), &e);
		dial_free(&p->dial);
		fail(p, &e);
		pump(p);
		return;
	}
	if (p->of->links >= FETCH_LINKS)
		make_room(p->of);
	p->of->links++;
	p->link = fetch_link_new(p->of->worker, p->dial, p->own.text, p->from.text, "letters",
	    &link_ops, p);
}

static void
found(void *arg, const struct designation *d, const struct err *why)
{
	struct fetch_pair *p = arg;

	(void)d;
	p->verdict = (struct fetch_verdict) { .any = false };
	if (why == NULL) {
		next_address(p);
		return;
	}
	dial_free(&p->dial);
	fail(p, why);
	pump(p);
}

/* What DNS says now of the host that we have a session with. */
static void
renewed(void *arg, const struct designation *d, const struct err *why)
{
	struct fetch_pair *p = arg;
	struct dial *newer = p->renewal;
	struct err e;

	(void)d;
	p->renewal = NULL;
	if (p->link == NULL) {
		dial_free(&newer);
	} else if (why == NULL && dial_names(newer, fetch_link_address(p->link))) {
		dial_free(&p->dial);
		p->dial = newer;
	} else {
		err_set(&e, REFUSAL_not_designated, "what DNS said of %s has run out",
		    fetch_link_host(p->link));
		leave_owed(p, fetch_link_host(p->link), &e);
		leave_link(p);
		dial_free(&newer);
		if (why != NULL)
			fail(p, why);
	}
	pump(p);
}

static void
look(struct fetch_pair *p)
{
	struct err e;

	if (daemon_open_for_work(p->of->worker->ims->daemon, &e)) {
		p->dial = fetch_dial(p->of->worker, p->from.text, p->own.text, found, p);
		return;
	}
	fail(p, &e);
	rest(p);
}

/* -- what is next -------------------------------------------------------------------------------------- */

/* The first requests rest on the answer of DNS for which the session was made, however long it took. */
static bool
is_named(struct fetch_pair *p)
{
	if (!RULE(not_designated) || !fetch_link_was_heard(p->link) ||
	    !dial_is_stale(p->dial, loop_now_ms(p->of->worker->loop)))
		return true;
	if (p->renewal == NULL)
		p->renewal = fetch_dial(p->of->worker, p->from.text, p->own.text, renewed, p);
	return false;
}

static void
say_owed(struct fetch_pair *p)
{
	size_t n = 0;

	while (n < p->n_owed && fetch_link_done(p->link, &p->owed[n]))
		n++;
	if (n == p->n_owed) {
		owe_nothing(p);
		return;
	}
	memmove(p->owed, p->owed + n, (p->n_owed - n) * sizeof *p->owed);
	p->n_owed -= n;
}

static void
ask(struct fetch_pair *p)
{
	struct fetch_want *w;
	struct err e;

	if (!is_named(p))
		return; /* renewed comes back */
	if (!fetch_link_is_vouched(p->link, &e)) {
		leave_owed(p, fetch_link_host(p->link), &e);
		return; /* on_ended comes back */
	}
	while ((w = TAILQ_FIRST(&p->waiting)) != NULL && fetch_link_ask(p->link, w)) {
		TAILQ_REMOVE(&p->waiting, w, wait);
		w->pair = NULL;
	}
	if (p->due)
		say_owed(p);
	fetch_link_kick(p->link);
}

static void
pump(struct fetch_pair *p)
{
	struct err e;

	if (p->link != NULL && fetch_link_is_up(p->link) && !fetch_link_is_current(p->link))
		leave_link(p);
	if (p->due && p->link == NULL && p->dial == NULL && TAILQ_EMPTY(&p->waiting)) {
		err_set(&e, REFUSAL_unreachable, "the session has ended");
		leave_owed(p, "-", &e);
	}
	if (p->link != NULL && fetch_link_is_up(p->link) && (p->due || !TAILQ_EMPTY(&p->waiting)))
		ask(p);
	else if (p->link == NULL && p->dial == NULL && !TAILQ_EMPTY(&p->waiting))
		look(p);
	else
		rest(p);
}

/* -- asked by others ------------------------------------------------------------------------------------ */

static void
say_now(void *arg)
{
	struct fetch_pair *p = arg;

	p->due = true;
	pump(p);
}

static struct fetch_bucket *
bucket_of(struct fetch_pairs *ps, const struct domain *from)
{
	return &ps->pairs[span_hash(domain_span(from), ps->seed) % BUCKETS];
}

static struct fetch_pair *
find_pair(struct fetch_pairs *ps, const struct domain *own, const struct domain *from)
{
	struct fetch_pair *p;

	LIST_FOREACH (p, bucket_of(ps, from), same)
		if (domain_eq(&p->from, domain_span(from)) && domain_eq(&p->own, domain_span(own)))
			return p;
	return NULL;
}

static struct fetch_pair *
pair_of(struct fetch_pairs *ps, const struct ims_letter *l)
{
	struct fetch_pair *p = find_pair(ps, &l->own_domain, &l->from_domain);

	if (p != NULL) {
		TAILQ_REMOVE(&ps->use, p, use);
		TAILQ_INSERT_TAIL(&ps->use, p, use);
		return p;
	}
	p = memory_new(sizeof *p);
	p->of = ps;
	p->own = l->own_domain;
	p->from = l->from_domain;
	TAILQ_INIT(&p->waiting);
	p->timer = loop_timer_new(ps->worker->loop, say_now, p);
	LIST_INSERT_HEAD(bucket_of(ps, &p->from), p, same);
	TAILQ_INSERT_TAIL(&ps->use, p, use);
	return p;
}

void
fetch_pair_ask(struct fetch_pairs *ps, struct fetch_want *w)
{
	struct fetch_pair *p = pair_of(ps, w->letter);

	w->pair = p;
	TAILQ_INSERT_TAIL(&p->waiting, w, wait);
	pump(p);
}

void
fetch_pair_forget(struct fetch_want *w)
{
	if (w->pair != NULL)
		TAILQ_REMOVE(&w->pair->waiting, w, wait);
	w->pair = NULL;
	fetch_link_forget(w);
}

void
fetch_pair_done(struct fetch_pairs *ps, const struct ims_letter *l, uint64_t round)
{
	struct fetch_pair *p = pair_of(ps, l);
	struct err e;

	if (p->n_owed == FETCH_DONES) {
		err_set(&e, REFUSAL_unreachable, "too many are owed");
		leave_owed(p, "-", &e);
	}
	if (p->owed == NULL) {
		p->owed = memory_array(FETCH_DONES, sizeof *p->owed);
		loop_timer_set_ms(p->timer, FETCH_DONE_MS);
	}
	p->owed[p->n_owed++] = (struct ims_ack) {
		.id = l->id,
		.from_domain = l->from_domain,
		.own_domain = l->own_domain,
		.round = round,
	};
	if (p->n_owed == FETCH_DONES)
		say_now(p);
}

bool
fetch_pair_owes(struct fetch_pairs *ps, const struct ims_ack *a)
{
	struct fetch_pair *p = find_pair(ps, &a->own_domain, &a->from_domain);

	if (p == NULL || a->declined)
		return false;
	for (size_t i = 0; i < p->n_owed; i++)
		if (ulid_eq(&p->owed[i].id, &a->id))
			return true;
	return p->link != NULL && fetch_link_has_done(p->link, a);
}

struct fetch_pairs *
fetch_pairs_new(struct ims_worker *w, void (*unsaid)(struct ims *i))
{
	struct fetch_pairs *ps = memory_new(sizeof *ps);

	ps->worker = w;
	ps->unsaid = unsaid;
	random_bytes(&ps->seed, sizeof ps->seed);
	TAILQ_INIT(&ps->use);
	return ps;
}

void
fetch_pairs_free(struct fetch_pairs **pp)
{
	struct fetch_pairs *ps = *pp;
	struct fetch_pair *p;

	*pp = NULL;
	if (ps == NULL)
		return;
	while ((p = TAILQ_FIRST(&ps->use)) != NULL) {
		struct fetch_link *l = p->link;

		forget_link(p);
		fetch_link_drop(&l);
		pair_free(p); /* NOLINT(clang-analyzer-unix.Malloc): it left the list */
	}
	free(ps);
}
