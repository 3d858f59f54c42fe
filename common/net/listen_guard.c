/* listen_guard — a locked table of addresses; see listen_guard.h. */
#include "common/net/listen_guard.h"

#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/random.h"

#define BUCKETS 4096

struct entry {
	struct entry *next;
	uint64_t key; /* see key_of */
	unsigned open, half_open;
};

struct listen_guard {
	pthread_mutex_t lock;
	struct listen_limits limits;
	uint64_t secret;
	unsigned open;
	bool orphan; /* the listen is freed */
	struct entry *bucket[BUCKETS];
};

struct listen_guard *
listen_guard_new(const struct listen_limits *limits)
{
	struct listen_guard *g = memory_new(sizeof *g);

	pthread_mutex_init(&g->lock, NULL);
	g->limits = *limits;
	random_bytes(&g->secret, sizeof g->secret);
	g->secret |= 1;
	return g;
}

static void
guard_free(struct listen_guard *g)
{
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* An IPv4 address, with zeros before it as in no global /64, or the /64 of an IPv6 address. */
static uint64_t
key_of(const struct sockaddr_storage *a)
{
	uint64_t key = 0;

	if (a->ss_family == AF_INET6) {
		memcpy(&key, &((const struct sockaddr_in6 *)a)->sin6_addr, sizeof key);
		return key;
	}
	if (a->ss_family == AF_INET)
		memcpy((char *)&key + 4, &((const struct sockaddr_in *)a)->sin_addr, 4);
	return key;
}

static struct entry **
find(struct listen_guard *g, uint64_t key)
{
	uint64_t h = (key ^ (key >> 29) ^ g->secret) * (g->secret | 0x9e3779b97f4a7c15U);
	struct entry **at = &g->bucket[(h >> 40) % BUCKETS];

	while (*at != NULL && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

static bool
is_over(const struct listen_guard *g, const struct entry *x, struct err *e)
{
	if (RULE(too_many_connections) && x->open >= g->limits.per_address)
		return !err_set(e, REFUSAL_too_many_connections, "%u from one address", x->open);
	if (RULE(too_many_connections) && x->half_open >= g->limits.half_open)
		return !err_set(e, REFUSAL_too_many_connections,
		    "%u from one address have not finished their handshakes", x->half_open);
	return false;
}

bool
listen_guard_enter(struct listen_guard *g, struct listen_incoming *in, struct err *e)
{
	uint64_t key = key_of(&in->address);
	struct entry **at;
	bool ok;

	pthread_mutex_lock(&g->lock);
	at = find(g, key);
	if (*at == NULL) {
		*at = memory_new(sizeof **at);
		(*at)->key = key;
	}
	if ((ok = !is_over(g, *at, e))) {
		(*at)->open++;
		(*at)->half_open++;
		g->open++;
		in->guard = g;
		in->half_open = true;
	}
	pthread_mutex_unlock(&g->lock);
	return ok;
}

void
listen_guard_shook(struct listen_incoming *in)
{
	struct listen_guard *g = in->guard;
	struct entry *x;

	if (g == NULL || !in->half_open)
		return;
	in->half_open = false;
	pthread_mutex_lock(&g->lock);
	x = *find(g, key_of(&in->address));
	assert(x != NULL); /* entered under this address */
	x->half_open--;
	pthread_mutex_unlock(&g->lock);
}

void
listen_guard_leave(struct listen_incoming *in)
{
	struct listen_guard *g = in->guard;
	struct entry **at, *x;
	bool last;

	if (g == NULL)
		return;
	listen_guard_shook(in);
	in->guard = NULL;
	pthread_mutex_lock(&g->lock);
	at = find(g, key_of(&in->address));
	x = *at;
	assert(x != NULL);
	if (--x->open == 0) {
		*at = x->next;
		free(x);
	}
	last = --g->open == 0 && g->orphan;
	pthread_mutex_unlock(&g->lock);
	if (last)
		guard_free(g);
}

void
listen_guard_unref(struct listen_guard **gp)
{
	struct listen_guard *g = *gp;
	bool last;

	if (g == NULL)
		return;
	*gp = NULL;
	pthread_mutex_lock(&g->lock);
	g->orphan = true;
	last = g->open == 0;
	pthread_mutex_unlock(&g->lock);
	if (last)
		guard_free(g);
}

unsigned
listen_guard_count(struct listen_guard *g)
{
	unsigned n;

	pthread_mutex_lock(&g->lock);
	n = g->open;
	pthread_mutex_unlock(&g->lock);
	return n;
}
