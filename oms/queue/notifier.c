/* notifier — the destinations of a worker, and waking them; see notifier.h. */
#include "oms/queue/notifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "common/store/kv_question.h"
#include "oms/queue/answered.h"
#include "oms/queue/destination.h"
#include "oms/store/store.h"

#define BUCKETS            1024
#define ROUND_MS           10000 /* between two readings of all pairs, while some are left out */
#define AGAIN_MS           500   /* until a page is tried again that found no room */
#define DESTINATIONS_LEAST 64

struct entry {
	struct entry *next; /* in its bucket */
	struct destination *destination;
};

struct notifier {
	struct oms_worker *worker;
	struct attempts attempts;
	struct entry *bucket[BUCKETS];
	size_t n, most;
	uint64_t secret;
	/* the reading of all pairs */
	struct loop_timer *reader;
	struct oms_pair_cursor at; /* of the page */
	struct oms_pair_cursor next;
	struct oms_pair page[OMS_STORE_PAIRS_PAGE];
	size_t n_page, on_page; /* pairs of the page; those that are dealt with */
	struct kv_question *question;
	bool reading;  /* a round is under way */
	bool first;    /* ... since the start: it passes over what finds no room */
	bool left_out; /* something that is or comes due has no destination */
};

/* -- the table ---------------------------------------------------------------------------------------- */

static struct entry **
bucket_of(struct notifier *n, const char *own, const char *peer)
{
	uint64_t h = n->secret;

	for (; *own != '\0'; own++)
		h = (h ^ (unsigned char)*own) * 0x9e3779b97f4a7c15U;
	h ^= h >> 29;
	for (; *peer != '\0'; peer++)
		h = (h ^ (unsigned char)*peer) * 0x9e3779b97f4a7c15U;
	return &n->bucket[(h >> 40) % BUCKETS];
}

static struct entry **
find(struct notifier *n, const char *own, const char *peer)
{
	struct entry **at = bucket_of(n, own, peer);

	while (*at != NULL && !destination_is_for((*at)->destination, own, peer))
		at = &(*at)->next;
	return at;
}

static void read_soon(struct notifier *n, int64_t in_ms);

/* What it had due is found again by the next round. */
static void
drop(struct notifier *n, struct entry **at)
{
	struct entry *x = *at;

	if (destination_has_due(x->destination)) {
		n->left_out = true;
		read_soon(n, ROUND_MS);
	}
	*at = x->next;
	destination_free(&x->destination);
	free(x);
	n->n--;
}

static void
drop_resting(struct notifier *n)
{
	for (int i = 0; i < BUCKETS; i++) {
		struct entry **at = &n->bucket[i];

		while (*at != NULL)
			if (destination_is_resting((*at)->destination))
				drop(n, at);
			else
				at = &(*at)->next;
	}
}

/* Destinations that rest make room. */
static bool
has_room(struct notifier *n)
{
	if (n->n >= n->most)
		drop_resting(n);
	return n->n < n->most;
}

/* Users may name any number of domains: the least urgent destination makes room for one of this class. */
static bool
make_room(struct notifier *n, enum attempt_class class)
{
	struct attempt *a;
	struct destination *d;

	if (has_room(n))
		return true;
	a = attempts_worse(&n->attempts, class);
	d = a == NULL ? NULL : destination_of_attempt(a);
	if (d == NULL || !destination_is_queued(d))
		return false;
	drop(n, find(n, destination_own(d), destination_peer(d)));
	return true;
}

/* There is a destination for the pair, or room for one. */
static void
wake(struct notifier *n, const char *own, const char *peer)
{
	struct entry *x = *find(n, own, peer), **at;

	if (x == NULL) {
		x = memory_new(sizeof *x);
		x->destination = destination_new(n->worker, &n->attempts, own, peer);
		at = bucket_of(n, own, peer);
		x->next = *at;
		*at = x;
		n->n++;
	}
	if (n->first && n->reading)
		destination_hurry(x->destination);
	else
		destination_wake(x->destination);
}

/* -- waking -------------------------------------------------------------------------------------------- */

struct call {
	struct notifier *notifier;
	struct domain own, peer;
	bool retry; /* also what is due later */
};

/* There is a destination for the pair, or room for one. */
static void
wake_called(const struct call *c)
{
	struct notifier *n = c->notifier;

	wake(n, c->own.text, c->peer.text);
	if (c->retry)
		destination_retry((*find(n, c->own.text, c->peer.text))->destination);
}

static bool
is_closing(const struct notifier *n)
{
	struct err e;

	return !daemon_open_for_work(n->worker->oms->daemon, &e);
}

/* What finds no room is found by the next round. */
static void
woken_classed(void *arg, const struct oms_peer *p, const struct err *e)
{
	struct call *c = arg;
	struct notifier *n = c->notifier;

	(void)e; /* then the peer counts as one that is not known */
	if (is_closing(n)) {
		free(c);
		return;
	}
	if (*find(n, c->own.text, c->peer.text) != NULL || make_room(n, answered_class(p, 0))) {
		wake_called(c);
	} else {
		n->left_out = true;
		read_soon(n, ROUND_MS);
	}
	free(c);
}

static void
woken(void *arg)
{
	struct call *c = arg;
	struct notifier *n = c->notifier;

	if (*find(n, c->own.text, c->peer.text) != NULL || has_room(n)) {
		wake_called(c);
		free(c);
	} else {
		oms_store_peer(n->worker->oms->store, c->peer.text, n->worker->loop, woken_classed,
		    c);
	}
}

static void
call(struct oms *o, const char *own, const char *peer, bool retry)
{
	unsigned home = workers_home(o->workers, span_str(own), span_str(peer));
	struct call *c;
	struct err e;

	if (!daemon_open_for_work(o->daemon, &e))
		return; /* what is due is found at the next start */
	c = memory_new(sizeof *c);
	c->notifier = o->worker[home].notifier;
	c->own = domain_copy(own);
	c->peer = domain_copy(peer);
	c->retry = retry;
	loop_post(o->worker[home].loop, woken, c);
}

void
notifier_wake(struct oms *o, const char *own, const char *peer)
{
	call(o, own, peer, false);
}

void
notifier_retry(struct oms *o, const char *own, const char *peer)
{
	call(o, own, peer, true);
}

static void
unblock(void *arg)
{
	struct notifier *n = arg;

	if (is_closing(n))
		return;
	for (int i = 0; i < BUCKETS; i++)
		for (struct entry *x = n->bucket[i]; x != NULL; x = x->next)
			destination_unblock(x->destination);
}

void
notifier_unblock(struct oms *o)
{
	struct err e;

	if (!daemon_open_for_work(o->daemon, &e))
		return;
	for (unsigned i = 0; i < o->n_workers; i++)
		loop_post(o->worker[i].loop, unblock, o->worker[i].notifier);
}

/* -- reading all pairs --------------------------------------------------------------------------------- */

static void
read_soon(struct notifier *n, int64_t in_ms)
{
	if (n->reading)
		return;
	n->reading = true;
	n->at = (struct oms_pair_cursor) { .begun = false };
	loop_timer_set_ms(n->reader, in_ms);
}

static bool
is_home(const struct notifier *n, const struct oms_pair *p)
{
	return workers_home(n->worker->oms->workers, domain_span(&p->own), domain_span(&p->peer)) ==
	    n->worker->index;
}

enum taken { TAKEN, CROWDED, ASKED };

/* Without room the peer's class decides.  After a start the round passes over what finds no room. */
static enum taken
no_room(struct notifier *n)
{
	n->left_out = true;
	return n->first ? TAKEN : CROWDED;
}

static void classed(void *arg, const struct oms_peer *p, const struct err *e);

/* A pair that is not due yet takes no room from others; but after a start all are tried, in their order. */
static enum taken
take_pair(struct notifier *n, const struct oms_pair *p)
{
	if (!is_home(n, p) || *find(n, p->own.text, p->peer.text) != NULL)
		return TAKEN;
	if (!n->first && n->n >= n->most && p->first_ms > clock_steady_ms()) {
		n->left_out = true;
		return TAKEN;
	}
	if (!has_room(n)) {
		n->question = oms_store_peer(n->worker->oms->store, p->peer.text, n->worker->loop,
		    classed, n);
		return ASKED;
	}
	wake(n, p->own.text, p->peer.text);
	return TAKEN;
}

static void
page_over(struct notifier *n)
{
	n->at = n->next;
	if (!n->at.ended) {
		loop_timer_set_ms(n->reader, 0);
		return;
	}
	n->first = n->reading = false;
	if (n->left_out)
		read_soon(n, ROUND_MS);
}

/* A page that finds no room is read again. */
static void
take_page(struct notifier *n, enum taken last)
{
	while (last == TAKEN && n->on_page < n->n_page)
		last = take_pair(n, &n->page[n->on_page++]);
	if (last == TAKEN)
		page_over(n);
	else if (last == CROWDED)
		loop_timer_set_ms(n->reader, AGAIN_MS);
}

static void
classed(void *arg, const struct oms_peer *peer, const struct err *e)
{
	struct notifier *n = arg;
	const struct oms_pair *p = &n->page[n->on_page - 1];
	enum taken last = TAKEN;

	(void)e; /* then the peer counts as one that is not known */
	n->question = NULL;
	if (is_closing(n))
		return;
	if (*find(n, p->own.text, p->peer.text) == NULL) {
		if (make_room(n, answered_class(peer, p->tries)))
			wake(n, p->own.text, p->peer.text);
		else
			last = no_room(n);
	}
	take_page(n, last);
}

static void
page_read(void *arg, const struct oms_pair *page, size_t n_pairs,
    const struct oms_pair_cursor *next, const struct err *e)
{
	struct notifier *n = arg;

	n->question = NULL;
	if (is_closing(n))
		return;
	if (e != NULL) {
		log_fact_of(SPAN_LIT("store"), LOG_ERROR, "notify.store", "word=%s text=%s",
		    refusal_word(e->why), log_str(e->text));
		loop_timer_set_ms(n->reader, ROUND_MS);
		return;
	}
	memcpy(n->page, page, n_pairs * sizeof *page);
	n->n_page = n_pairs;
	n->on_page = 0;
	n->next = *next;
	take_page(n, TAKEN);
}

static void
read_page(void *arg)
{
	struct notifier *n = arg;

	if (is_closing(n))
		return;
	if (!n->at.begun)
		n->left_out = false;
	n->question = oms_store_pairs(n->worker->oms->store, &n->at, OMS_STORE_PAIRS_PAGE,
	    n->worker->loop, page_read, n);
}

static void
begin(void *arg)
{
	struct notifier *n = arg;

	n->first = true;
	read_soon(n, 0);
}

void
notifier_begin(struct oms *o)
{
	for (unsigned i = 0; i < o->n_workers; i++)
		loop_post(o->worker[i].loop, begin, o->worker[i].notifier);
}

/* -- life ---------------------------------------------------------------------------------------------- */

/* Each may hold one descriptor; half of those we may have are for others. */
static size_t
most_destinations(const struct oms *o)
{
	struct rlimit r;
	size_t most = NOTIFIER_DESTINATIONS;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur / 2 / o->n_workers < most)
		most = r.rlim_cur / 2 / o->n_workers;
	return most > DESTINATIONS_LEAST ? most : DESTINATIONS_LEAST;
}

static void
start_attempt(struct attempt *a)
{
	destination_attempt(destination_of_attempt(a));
}

struct notifier *
notifier_new(struct oms_worker *w)
{
	struct notifier *n = memory_new(sizeof *n);

	n->worker = w;
	random_bytes(&n->secret, sizeof n->secret);
	n->most = most_destinations(w->oms);
	attempts_init(&n->attempts,
	    n->most < NOTIFIER_ATTEMPTS ? (unsigned)n->most : NOTIFIER_ATTEMPTS, start_attempt);
	n->reader = loop_timer_new(w->loop, read_page, n);
	return n;
}

/* The store is closed by now, and has answered for every sealing it had. */
void
notifier_free(struct notifier **np)
{
	struct notifier *n = *np;

	if (n == NULL)
		return;
	n->reading = true; /* no round begins any more */
	for (int i = 0; i < BUCKETS; i++)
		while (n->bucket[i] != NULL)
			drop(n, &n->bucket[i]);
	kv_question_drop(&n->question);
	loop_timer_free(&n->reader);
	free(n);
	*np = NULL;
}
