/* notifier — the destinations of a worker, and waking them; see notifier.h. */
#include "oms/notify/notifier.h"

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
#include "oms/notify/answered.h"
#include "oms/notify/destination.h"
#include "oms/store/store.h"

#define BUCKETS            1024
#define PAIRS_PAGE         64    /* pairs of domains read at once */
#define ROUND_MS           10000 /* between two readings of all pairs, while some are left out */
#define CROWDED_MS         500   /* until a page is tried again that found no room */
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
	struct oms_pair_cursor at;
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

static bool
drop_worse(struct notifier *n, enum attempt_class class)
{
	struct attempt *a = attempts_worse(&n->attempts, class);
	struct destination *d = a == NULL ? NULL : destination_of_attempt(a);

	if (d == NULL || !destination_is_queued(d))
		return false;
	drop(n, find(n, destination_own(d), destination_peer(d)));
	return true;
}

/* Users may name any number of domains: the least urgent destination makes room. */
static bool
make_room(struct notifier *n, enum attempt_class class)
{
	if (n->n < n->most)
		return true;
	drop_resting(n);
	return n->n < n->most || drop_worse(n, class);
}

/* False: there is no room. */
static bool
wake(struct notifier *n, const char *own, const char *peer, uint64_t tries)
{
	struct entry *x = *find(n, own, peer), **at;

	if (x == NULL) {
		if (!make_room(n, answered_class(n->worker->oms->store, peer, tries)))
			return false;
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
	return true;
}

/* -- waking -------------------------------------------------------------------------------------------- */

struct call {
	struct notifier *notifier;
	struct domain own, peer;
};

static void
woken(void *arg)
{
	struct call *c = arg;
	struct notifier *n = c->notifier;

	if (!wake(n, c->own.text, c->peer.text, 0)) {
		n->left_out = true;
		read_soon(n, ROUND_MS);
	}
	free(c);
}

void
notifier_wake(struct oms *o, const char *own, const char *peer)
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
	loop_post(o->worker[home].loop, woken, c);
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

/* A pair that is not due yet takes no room from others; but after a start all are tried, in their order. */
static bool
take_pair(struct notifier *n, const struct oms_pair *p)
{
	if (!is_home(n, p) || *find(n, p->own.text, p->peer.text) != NULL)
		return true;
	if (!n->first && n->n >= n->most && p->first_ms > clock_steady_ms()) {
		n->left_out = true;
		return true;
	}
	if (wake(n, p->own.text, p->peer.text, p->tries))
		return true;
	n->left_out = true;
	return n->first;
}

static bool
take_page(struct notifier *n, const struct oms_pair *page, size_t n_pairs)
{
	for (size_t i = 0; i < n_pairs; i++)
		if (!take_pair(n, &page[i]))
			return false;
	return true;
}

static void
read_page(void *arg)
{
	struct notifier *n = arg;
	struct oms_pair page[PAIRS_PAGE];
	struct oms_pair_cursor was = n->at;
	size_t n_pairs;
	struct err e;

	if (!daemon_open_for_work(n->worker->oms->daemon, &e))
		return;
	if (!was.begun)
		n->left_out = false;
	if (!oms_store_pairs(n->worker->oms->store, &n->at, page, PAIRS_PAGE, &n_pairs, &e)) {
		log_fact_of(SPAN_LIT("store"), LOG_ERROR, "notify.store", "word=%s text=%s",
		    refusal_word(e.why), log_str(e.text));
		n->at = was;
		loop_timer_set_ms(n->reader, ROUND_MS);
	} else if (!take_page(n, page, n_pairs)) {
		n->at = was;
		loop_timer_set_ms(n->reader, CROWDED_MS);
	} else if (!n->at.ended) {
		loop_timer_set_ms(n->reader, 0);
	} else {
		n->first = n->reading = false;
		if (n->left_out)
			read_soon(n, ROUND_MS);
	}
}

static void
begin(void *arg)
{
	struct notifier *n = arg;

	n->first = true;
	read_soon(n, 0);
}

/* A store that cannot be read is no store to start with. */
bool
notifier_begin(struct oms *o, struct err *e)
{
	struct oms_pair_cursor at = { .begun = false };
	struct oms_pair one;
	size_t n;

	if (!oms_store_pairs(o->store, &at, &one, 1, &n, e))
		return false;
	for (unsigned i = 0; i < o->n_workers; i++)
		loop_post(o->worker[i].loop, begin, o->worker[i].notifier);
	return true;
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
	loop_timer_free(&n->reader);
	free(n);
	*np = NULL;
}
