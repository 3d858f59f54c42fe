/* conn_limit — a locked table of hosts, each with who holds and who waits; see conn_limit.h. */
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
};

struct conn_place {
	TAILQ_ENTRY(conn_place) link;
	struct conn_limit *limit;
	struct host *host;
	struct conn_caller caller;
	bool held, leaving;
};

struct conn_limit {
	pthread_mutex_t lock;
	uint64_t secret;
	bool closed;
	struct host *bucket[BUCKETS];
};

struct conn_limit *
conn_limit_new(void)
{
	struct conn_limit *l = memory_new(sizeof *l);

	pthread_mutex_init(&l->lock, NULL);
	random_bytes(&l->secret, sizeof l->secret);
	return l;
}

void
conn_limit_close(struct conn_limit *l)
{
	pthread_mutex_lock(&l->lock);
	l->closed = true;
	pthread_mutex_unlock(&l->lock);
}

void
conn_limit_free(struct conn_limit **lp)
{
	if (*lp == NULL)
		return;
	pthread_mutex_destroy(&(*lp)->lock);
	free(*lp);
	*lp = NULL;
}

/* -- hosts: under the lock ---------------------------------------------------------------------- */

/* An IPv4 address as mapped into IPv6, which is no address of its own (tls_peer_init). */
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

static struct host *
host_of(struct conn_limit *l, const struct sockaddr_storage *to)
{
	uint64_t key[KEY_WORDS];
	struct host **at, *h;

	key_of(to, key);
	if (*(at = find(l, key)) != NULL)
		return *at;
	h = *at = memory_new(sizeof *h);
	memcpy(h->key, key, sizeof h->key);
	TAILQ_INIT(&h->held);
	TAILQ_INIT(&h->waiting);
	return h;
}

static void
forget_empty(struct conn_limit *l, struct host *h)
{
	struct host **at;

	if (h->n_held > 0 || h->n_waiting > 0)
		return;
	at = find(l, h->key);
	*at = h->next;
	free(h);
}

static void
hold(struct conn_place *p)
{
	p->held = true;
	p->host->n_held++;
	TAILQ_INSERT_TAIL(&p->host->held, p, link);
}

/* -- telling ------------------------------------------------------------------------------------ */

static void
call(void *arg)
{
	struct conn_caller *c = arg;

	c->fn(c->loop, c->id);
	free(c);
}

/* By a copy: the place may have left when the loop comes to it. */
static void
tell(const struct conn_place *p)
{
	struct conn_caller *c = memory_new(sizeof *c);

	*c = p->caller;
	loop_post(c->loop, call, c);
}

static void
tell_holders(const struct host *h)
{
	const struct conn_place *p;

	if (h->n_waiting <= h->n_leaving)
		return;
	TAILQ_FOREACH(p, &h->held, link)
	if (!p->leaving)
		tell(p);
}

static void
serve_next(struct host *h)
{
	struct conn_place *p = TAILQ_FIRST(&h->waiting);

	if (p == NULL || h->n_held >= CONN_PER_HOST)
		return;
	TAILQ_REMOVE(&h->waiting, p, link);
	h->n_waiting--;
	hold(p);
	tell(p);
}

/* -- places ------------------------------------------------------------------------------------- */

struct conn_place *
conn_limit_enter(struct conn_limit *l, const struct sockaddr_storage *to,
    const struct conn_caller *caller)
{
	struct conn_place *p = memory_new(sizeof *p);
	struct host *h;

	p->limit = l;
	p->caller = *caller;
	pthread_mutex_lock(&l->lock);
	h = p->host = host_of(l, to);
	if (h->n_held < CONN_PER_HOST && h->n_waiting == 0 && !l->closed) {
		hold(p);
	} else {
		TAILQ_INSERT_TAIL(&h->waiting, p, link);
		h->n_waiting++;
		if (!l->closed)
			tell_holders(h);
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
conn_place_is_wanted(struct conn_place *p)
{
	struct host *h = p->host;
	bool wanted;

	pthread_mutex_lock(&p->limit->lock);
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
	h = p->host;
	pthread_mutex_lock(&l->lock);
	TAILQ_REMOVE(p->held ? &h->held : &h->waiting, p, link);
	h->n_held -= p->held;
	h->n_waiting -= !p->held;
	h->n_leaving -= p->leaving;
	if (!l->closed)
		serve_next(h);
	forget_empty(l, h);
	pthread_mutex_unlock(&l->lock);
	free(p);
}
