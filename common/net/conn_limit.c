/* conn_limit — locked tables: the places of each host, the failures of each port; see conn_limit.h. */
#include "common/net/conn_limit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"

#define BUCKETS   1024
#define KEY_WORDS 3 /* an IPv6 address, 1 + port */

TAILQ_HEAD(places, conn_place);

struct entry {
	struct entry *next; /* in its bucket */
	uint64_t key[KEY_WORDS];
};

/* An address that has places.  Its key ends in 0. */
struct host {
	struct entry entry; /* first */
	unsigned n_places;  /* of all states but REFUSED */
	unsigned n_held, n_leaving, n_waiting;
	struct places held, waiting; /* waiting: while CONN_PER_HOST are held */
	struct places back;          /* give way to others of their domain */
};

/* A port of an address that has places, or has failed. */
struct door {
	struct entry entry; /* first */
	unsigned n_places;
	unsigned failures;         /* in turn */
	int64_t not_before_ms;     /* of the next try */
	struct conn_place *prober; /* finds out whether it answers again; NULL: nobody does */
	struct places queue;       /* wait for what the prober finds */
	bool remembered;           /* only for its failures */
	TAILQ_ENTRY(door) link;    /* of those */
};

TAILQ_HEAD(doors, door);

enum place_state { HELD, WAITING, BACK, QUEUED, REFUSED };

struct conn_place {
	TAILQ_ENTRY(conn_place) link; /* of the list that its state names */
	struct conn_limit *limit;
	struct host *host; /* REFUSED: NULL, as door is */
	struct door *door;
	struct conn_caller caller;
	enum place_state state;
	uint64_t domain; /* its hash; 0: none */
	bool answered;
	bool leaving;
	int64_t until_ms; /* REFUSED */
};

struct conn_limit {
	pthread_mutex_t lock;
	uint64_t secret;
	bool closed;
	struct entry *bucket[BUCKETS]; /* hosts and doors */
	struct doors remembered;       /* oldest first */
	unsigned n_remembered;
};

struct conn_limit *
conn_limit_new(void)
{
	struct conn_limit *l = memory_new(sizeof *l);

	pthread_mutex_init(&l->lock, NULL);
	random_bytes(&l->secret, sizeof l->secret);
	TAILQ_INIT(&l->remembered);
	return l;
}

void
conn_limit_close(struct conn_limit *l)
{
	pthread_mutex_lock(&l->lock);
	l->closed = true;
	pthread_mutex_unlock(&l->lock);
}

/* -- hosts and doors: under the lock --------------------------------------------------------------- */

/* An IPv4 address counts as the IPv6 address it is mapped to (tls_peer_init). */
static void
key_of(const struct sockaddr_storage *a, uint64_t key[KEY_WORDS])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;

	memset(key, 0, KEY_WORDS * sizeof *key);
	if (a->ss_family == AF_INET6) {
		memcpy(key, &v6->sin6_addr, sizeof v6->sin6_addr);
		key[2] = 1U + ntohs(v6->sin6_port);
	} else {
		memset((char *)key + 10, 0xff, 2);
		memcpy((char *)key + 12, &v4->sin_addr, 4);
		key[2] = 1U + ntohs(v4->sin_port);
	}
}

static struct entry **
find(struct conn_limit *l, const uint64_t key[KEY_WORDS])
{
	uint64_t h = l->secret;
	struct entry **at;

	for (int i = 0; i < KEY_WORDS; i++)
		h = (h ^ key[i] ^ (h >> 29)) * 0x9e3779b97f4a7c15U;
	at = &l->bucket[(h >> 48) % BUCKETS];
	while (*at != NULL && memcmp((*at)->key, key, sizeof(*at)->key) != 0)
		at = &(*at)->next;
	return at;
}

/* The entry of this key; a new one has `bytes`, of which all others are 0. */
static void *
entry_of(struct conn_limit *l, const uint64_t key[KEY_WORDS], size_t bytes)
{
	struct entry **at = find(l, key);

	if (*at == NULL) {
		*at = memory_new(bytes);
		memcpy((*at)->key, key, sizeof(*at)->key);
	}
	return *at;
}

static void
drop(struct conn_limit *l, struct entry *x)
{
	*find(l, x->key) = x->next;
	free(x);
}

static struct host *
host_of(struct conn_limit *l, const uint64_t key[KEY_WORDS])
{
	const uint64_t address[KEY_WORDS] = { key[0], key[1], 0 };
	struct host *h = entry_of(l, address, sizeof *h);

	if (h->n_places++ == 0) {
		TAILQ_INIT(&h->held);
		TAILQ_INIT(&h->waiting);
		TAILQ_INIT(&h->back);
	}
	return h;
}

static void
recall(struct conn_limit *l, struct door *d)
{
	TAILQ_REMOVE(&l->remembered, d, link);
	l->n_remembered--;
	d->remembered = false;
}

static struct door *
door_of(struct conn_limit *l, const uint64_t key[KEY_WORDS])
{
	struct door *d = entry_of(l, key, sizeof *d);

	if (d->remembered)
		recall(l, d);
	if (d->n_places++ == 0)
		TAILQ_INIT(&d->queue);
	return d;
}

static void
forget_door(struct conn_limit *l, struct door *d)
{
	if (d->remembered)
		recall(l, d);
	drop(l, &d->entry);
}

/* A door without places is kept only for its failures, up to CONN_DOORS_REMEMBERED. */
static void
let_go(struct conn_limit *l, struct host *h, struct door *d)
{
	if (--h->n_places == 0)
		drop(l, &h->entry);
	if (--d->n_places > 0)
		return;
	if (d->failures == 0) {
		forget_door(l, d);
		return;
	}
	d->remembered = true;
	TAILQ_INSERT_TAIL(&l->remembered, d, link);
	if (++l->n_remembered > CONN_DOORS_REMEMBERED)
		forget_door(l, TAILQ_FIRST(&l->remembered));
}

/* -- telling ------------------------------------------------------------------------------------ */

static void
call(void *arg)
{
	struct conn_caller *c = arg;

	c->fn(c->loop, c->id);
	free(c);
}

/* Posts a copy: the place may have left by the time the loop runs it. */
static void
wake(const struct conn_place *p)
{
	struct conn_caller *c = memory_new(sizeof *c);

	*c = p->caller;
	loop_post(c->loop, call, c);
}

static void
wake_holders(const struct host *h)
{
	const struct conn_place *p;

	if (h->n_waiting <= h->n_leaving)
		return;
	TAILQ_FOREACH (p, &h->held, link)
		if (!p->leaving)
			wake(p);
}

/* -- states: under the lock ------------------------------------------------------------------------- */

static void
unlink_place(struct conn_place *p)
{
	struct host *h = p->host;

	switch (p->state) {
	case HELD:
		TAILQ_REMOVE(&h->held, p, link);
		h->n_held--;
		h->n_leaving -= p->leaving;
		break;
	case WAITING:
		TAILQ_REMOVE(&h->waiting, p, link);
		h->n_waiting--;
		break;
	case BACK:
		TAILQ_REMOVE(&h->back, p, link);
		break;
	case QUEUED:
		TAILQ_REMOVE(&p->door->queue, p, link);
		break;
	case REFUSED:
		break;
	}
	if (p->door != NULL && p->door->prober == p)
		p->door->prober = NULL;
}

static void
hold(struct conn_place *p)
{
	p->state = HELD;
	p->host->n_held++;
	TAILQ_INSERT_TAIL(&p->host->held, p, link);
}

static void
serve_next(struct host *h)
{
	struct conn_place *p;

	while (h->n_held < CONN_PER_HOST && (p = TAILQ_FIRST(&h->waiting)) != NULL) {
		TAILQ_REMOVE(&h->waiting, p, link);
		h->n_waiting--;
		hold(p);
		wake(p);
	}
}

static unsigned
count_unanswered(const struct places *all, uint64_t domain)
{
	const struct conn_place *p;
	unsigned n = 0;

	TAILQ_FOREACH (p, all, link)
		n += p->domain == domain && !p->answered;
	return n;
}

static bool
must_stand_back(const struct conn_place *p)
{
	const struct host *h = p->host;

	return p->domain != 0 &&
	    count_unanswered(&h->held, p->domain) + count_unanswered(&h->waiting, p->domain) >=
	    CONN_PER_DOMAIN;
}

static void
wait_for_host(struct conn_place *p)
{
	if (must_stand_back(p)) {
		p->state = BACK;
		TAILQ_INSERT_TAIL(&p->host->back, p, link);
		return;
	}
	p->state = WAITING;
	p->host->n_waiting++;
	TAILQ_INSERT_TAIL(&p->host->waiting, p, link);
}

/* After a connection was answered or has left: those that gave way to it take their turn. */
static void
call_back(struct host *h)
{
	struct conn_place *p, *next;
	bool moved = false;

	for (p = TAILQ_FIRST(&h->back); p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (must_stand_back(p))
			continue;
		TAILQ_REMOVE(&h->back, p, link);
		wait_for_host(p);
		moved = true;
	}
	if (!moved)
		return;
	serve_next(h);
	wake_holders(h);
}

/* One place at a time of those that wait at a door goes on while it fails, all once it answers. */
static void
open_door(struct door *d)
{
	struct host *h = NULL;
	struct conn_place *p;

	while (d->prober == NULL && (p = TAILQ_FIRST(&d->queue)) != NULL) {
		TAILQ_REMOVE(&d->queue, p, link);
		if (d->failures > 0)
			d->prober = p;
		wait_for_host(p);
		h = p->host; /* of all */
	}
	if (h == NULL)
		return;
	serve_next(h);
	wake_holders(h);
}

/* The place is in no list any more. */
static void
refuse(struct conn_place *p)
{
	p->until_ms = p->door->not_before_ms;
	let_go(p->limit, p->host, p->door);
	p->state = REFUSED;
	p->host = NULL;
	p->door = NULL;
}

/* `d` keeps the place that reports. */
static void
refuse_all(struct places *all, const struct door *d)
{
	struct conn_place *p, *next;

	for (p = TAILQ_FIRST(all); p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (p->door != d || !p->caller.backs_off)
			continue;
		unlink_place(p);
		refuse(p);
		wake(p);
	}
}

/* -- places ------------------------------------------------------------------------------------- */

static void
enter(struct conn_place *p, int64_t now_ms)
{
	struct host *h = p->host;
	struct door *d = p->door;
	bool careful = p->caller.backs_off && d->failures > 0;

	if (careful && now_ms < d->not_before_ms) {
		refuse(p);
		return;
	}
	if (careful && d->prober != NULL) {
		p->state = QUEUED;
		TAILQ_INSERT_TAIL(&d->queue, p, link);
		return;
	}
	if (careful)
		d->prober = p;
	if (h->n_held < CONN_PER_HOST && h->n_waiting == 0 && !must_stand_back(p) &&
	    !p->limit->closed) {
		hold(p);
		return;
	}
	wait_for_host(p);
	if (!p->limit->closed)
		wake_holders(h);
}

struct conn_place *
conn_limit_enter(struct conn_limit *l, const struct sockaddr_storage *to,
    const struct conn_caller *caller, int64_t now_ms)
{
	struct conn_place *p = memory_new(sizeof *p);
	uint64_t key[KEY_WORDS];

	p->limit = l;
	p->caller = *caller;
	p->caller.domain = NULL;
	if (caller->domain != NULL)
		p->domain = span_hash(span_str(caller->domain), l->secret) | 1;
	key_of(to, key);
	pthread_mutex_lock(&l->lock);
	p->host = host_of(l, key);
	p->door = door_of(l, key);
	enter(p, now_ms);
	pthread_mutex_unlock(&l->lock);
	return p;
}

bool
conn_place_is_held(const struct conn_place *p)
{
	bool held;

	pthread_mutex_lock(&p->limit->lock);
	held = p->state == HELD;
	pthread_mutex_unlock(&p->limit->lock);
	return held;
}

bool
conn_place_is_refused(const struct conn_place *p, int64_t *until_ms)
{
	bool refused;

	pthread_mutex_lock(&p->limit->lock);
	refused = p->state == REFUSED;
	*until_ms = p->until_ms;
	pthread_mutex_unlock(&p->limit->lock);
	return refused;
}

/* Several that were connecting fail together: that is one failure. */
static void
note_failure(struct door *d, int64_t now_ms)
{
	int64_t pause_ms = CONN_DOOR_PAUSE_MAX_MS;

	if (d->failures > 0 && now_ms < d->not_before_ms)
		return;
	if (d->failures < 5)
		pause_ms = (int64_t)CONN_DOOR_PAUSE_MS << d->failures;
	d->failures++;
	d->not_before_ms = now_ms + pause_ms;
}

void
conn_place_report(struct conn_place *p, bool answers, int64_t now_ms)
{
	struct conn_limit *l = p->limit;
	struct door *d = p->door;

	pthread_mutex_lock(&l->lock);
	if (answers || d->prober == p)
		d->prober = NULL;
	if (answers)
		d->failures = 0;
	else
		note_failure(d, now_ms);
	p->answered = p->answered || answers;
	if (!l->closed && answers) {
		open_door(d);
		call_back(p->host);
	} else if (!l->closed) {
		refuse_all(&d->queue, d);
		refuse_all(&p->host->waiting, d);
		refuse_all(&p->host->back, d);
	}
	pthread_mutex_unlock(&l->lock);
}

bool
conn_place_is_wanted(struct conn_place *p)
{
	struct host *h;
	bool wanted;

	pthread_mutex_lock(&p->limit->lock);
	h = p->host;
	if (p->state == HELD && !p->leaving && h->n_waiting > h->n_leaving) {
		p->leaving = true;
		h->n_leaving++;
	}
	wanted = p->leaving;
	pthread_mutex_unlock(&p->limit->lock);
	return wanted;
}

void
conn_place_leave(struct conn_place **pp)
{
	struct conn_place *p = *pp;
	struct conn_limit *l;

	if (p == NULL)
		return;
	*pp = NULL;
	l = p->limit;
	pthread_mutex_lock(&l->lock);
	unlink_place(p);
	if (p->state != REFUSED) {
		if (!l->closed) {
			serve_next(p->host);
			open_door(p->door);
			call_back(p->host);
		}
		let_go(l, p->host, p->door);
	}
	pthread_mutex_unlock(&l->lock);
	free(p);
}

void
conn_limit_free(struct conn_limit **lp)
{
	if (*lp == NULL)
		return;
	while (!TAILQ_EMPTY(&(*lp)->remembered))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it leaves the list */
		forget_door(*lp, TAILQ_FIRST(&(*lp)->remembered));
	pthread_mutex_destroy(&(*lp)->lock);
	free(*lp);
	*lp = NULL;
}
