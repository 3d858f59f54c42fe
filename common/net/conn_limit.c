/* conn_limit — a locked table of hosts, each with its places held and waiting; see conn_limit.h. */
#include "common/net/conn_limit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"

#define BUCKETS   256
#define KEY_WORDS 2

TAILQ_HEAD(places, conn_place);

struct host {
	struct host *next; /* in its bucket */
	uint64_t key[KEY_WORDS];
	unsigned n_held, n_leaving, n_waiting;
	struct places held, waiting;
	unsigned failures;      /* in turn */
	int64_t not_before_ms;  /* of the next try */
	bool remembered;        /* only for its failures */
	TAILQ_ENTRY(host) link; /* of those */
};

TAILQ_HEAD(hosts, host);

struct conn_place {
	TAILQ_ENTRY(conn_place) link;
	struct conn_limit *limit;
	struct host *host;
	struct conn_caller caller;
	bool held, leaving, refused; /* refused: host is NULL */
};

struct conn_limit {
	pthread_mutex_t lock;
	uint64_t secret;
	bool closed;
	struct host *bucket[BUCKETS];
	struct hosts remembered; /* oldest first */
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

/* -- hosts: under the lock ---------------------------------------------------------------------- */

/* An IPv4 address counts as the IPv6 address it is mapped to (tls_peer_init). */
static void
key_of(const struct sockaddr_storage *a, uint64_t key[KEY_WORDS])
{
	memset(key, 0, KEY_WORDS * sizeof *key);
	if (a->ss_family == AF_INET6) {
		memcpy(key, &((const struct sockaddr_in6 *)a)->sin6_addr, sizeof(struct in6_addr));
	} else {
		memset((char *)key + 10, 0xff, 2);
		memcpy((char *)key + 12, &((const struct sockaddr_in *)a)->sin_addr, 4);
	}
}

static struct host **
find(struct conn_limit *l, const uint64_t key[KEY_WORDS])
{
	uint64_t h = l->secret;
	struct host **at;

	for (int i = 0; i < KEY_WORDS; i++)
		h = (h ^ key[i] ^ (h >> 29)) * 0x9e3779b97f4a7c15U;
	at = &l->bucket[(h >> 56) % BUCKETS];
	while (*at != NULL && memcmp((*at)->key, key, sizeof(*at)->key) != 0)
		at = &(*at)->next;
	return at;
}

static void
recall(struct conn_limit *l, struct host *h)
{
	TAILQ_REMOVE(&l->remembered, h, link);
	l->n_remembered--;
	h->remembered = false;
}

static void
forget(struct conn_limit *l, struct host *h)
{
	struct host **at = find(l, h->key);

	if (h->remembered)
		recall(l, h);
	*at = h->next;
	free(h);
}

static struct host *
host_of(struct conn_limit *l, const struct sockaddr_storage *to)
{
	uint64_t key[KEY_WORDS];
	struct host **at, *h;

	key_of(to, key);
	if ((h = *(at = find(l, key))) != NULL) {
		if (h->remembered)
			recall(l, h);
		return h;
	}
	h = *at = memory_new(sizeof *h);
	memcpy(h->key, key, sizeof h->key);
	TAILQ_INIT(&h->held);
	TAILQ_INIT(&h->waiting);
	return h;
}

/* Nobody holds or waits: only its failures are worth keeping. */
static void
forget_empty(struct conn_limit *l, struct host *h)
{
	if (h->n_held > 0 || h->n_waiting > 0)
		return;
	if (h->failures == 0) {
		forget(l, h);
		return;
	}
	h->remembered = true;
	TAILQ_INSERT_TAIL(&l->remembered, h, link);
	if (++l->n_remembered > CONN_HOSTS_REMEMBERED)
		forget(l, TAILQ_FIRST(&l->remembered));
}

static void
hold(struct conn_place *p)
{
	p->held = true;
	p->host->n_held++;
	TAILQ_INSERT_TAIL(&p->host->held, p, link);
}

/* One at a time finds out whether a host that failed answers again. */
static bool
has_room(const struct host *h, bool backs_off)
{
	return h->n_held < (h->failures > 0 && backs_off ? 1 : CONN_PER_HOST);
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

static void
serve_next(struct host *h)
{
	struct conn_place *p;

	while ((p = TAILQ_FIRST(&h->waiting)) != NULL && has_room(h, p->caller.backs_off)) {
		TAILQ_REMOVE(&h->waiting, p, link);
		h->n_waiting--;
		hold(p);
		wake(p);
	}
}

static void
refuse(struct conn_place *p)
{
	p->refused = true;
	p->host = NULL;
}

static void
refuse_waiting(struct host *h)
{
	struct conn_place *p, *next;

	for (p = TAILQ_FIRST(&h->waiting); p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (!p->caller.backs_off)
			continue;
		TAILQ_REMOVE(&h->waiting, p, link);
		h->n_waiting--;
		refuse(p);
		wake(p);
	}
}

/* -- places ------------------------------------------------------------------------------------- */

struct conn_place *
conn_limit_enter(struct conn_limit *l, const struct sockaddr_storage *to,
    const struct conn_caller *caller, int64_t now_ms)
{
	struct conn_place *p = memory_new(sizeof *p);
	struct host *h;

	p->limit = l;
	p->caller = *caller;
	pthread_mutex_lock(&l->lock);
	h = p->host = host_of(l, to);
	if (caller->backs_off && h->failures > 0 && now_ms < h->not_before_ms) {
		refuse(p);
		forget_empty(l, h);
	} else if (has_room(h, caller->backs_off) && h->n_waiting == 0 && !l->closed) {
		hold(p);
	} else {
		TAILQ_INSERT_TAIL(&h->waiting, p, link);
		h->n_waiting++;
		if (!l->closed)
			wake_holders(h);
	}
	pthread_mutex_unlock(&l->lock);
	return p;
}

bool
conn_place_is_held(const struct conn_place *p)
{
	bool held;

	pthread_mutex_lock(&p->limit->lock);
	held = p->held;
	pthread_mutex_unlock(&p->limit->lock);
	return held;
}

bool
conn_place_is_refused(const struct conn_place *p)
{
	bool refused;

	pthread_mutex_lock(&p->limit->lock);
	refused = p->refused;
	pthread_mutex_unlock(&p->limit->lock);
	return refused;
}

/* Several that were connecting fail together: that is one failure. */
static void
note_failure(struct host *h, int64_t now_ms)
{
	int64_t pause_ms = CONN_HOST_PAUSE_MAX_MS;

	if (h->failures > 0 && now_ms < h->not_before_ms)
		return;
	if (h->failures < 5)
		pause_ms = (int64_t)CONN_HOST_PAUSE_MS << h->failures;
	h->failures++;
	h->not_before_ms = now_ms + pause_ms;
}

void
conn_place_report(struct conn_place *p, bool answers, int64_t now_ms)
{
	struct conn_limit *l = p->limit;

	pthread_mutex_lock(&l->lock);
	if (answers)
		p->host->failures = 0;
	else
		note_failure(p->host, now_ms);
	if (!l->closed && answers)
		serve_next(p->host);
	else if (!l->closed)
		refuse_waiting(p->host);
	pthread_mutex_unlock(&l->lock);
}

bool
conn_place_is_wanted(struct conn_place *p)
{
	struct host *h;
	bool wanted;

	pthread_mutex_lock(&p->limit->lock);
	h = p->host;
	if (p->held && !p->leaving && h->n_waiting > h->n_leaving) {
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
	struct host *h;

	if (p == NULL)
		return;
	*pp = NULL;
	l = p->limit;
	pthread_mutex_lock(&l->lock);
	if ((h = p->host) != NULL) {
		TAILQ_REMOVE(p->held ? &h->held : &h->waiting, p, link);
		h->n_held -= p->held;
		h->n_waiting -= !p->held;
		h->n_leaving -= p->leaving;
		if (!l->closed)
			serve_next(h);
		forget_empty(l, h);
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
		forget(*lp, TAILQ_FIRST(&(*lp)->remembered));
	pthread_mutex_destroy(&(*lp)->lock);
	free(*lp);
	*lp = NULL;
}
