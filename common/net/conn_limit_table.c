/* conn_limit_table — finds and forgets the hosts, flows and doors of a conn_limit; see conn_limit_private.h. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/span.h"
#include "common/net/conn_limit_private.h"

#define FLOW (1ULL << 63)

/* An IPv4 address counts as the IPv6 address it is mapped to (tls_peer_init). */
void
conn_limit_key(const struct sockaddr_storage *a, uint64_t key[KEY_WORDS])
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
	at = &l->bucket[(h >> 48) % CONN_LIMIT_BUCKETS];
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

struct host *
conn_limit_host(struct conn_limit *l, const uint64_t key[KEY_WORDS])
{
	const uint64_t address[KEY_WORDS] = { key[0], key[1], 0 };
	struct host *h = entry_of(l, address, sizeof *h);

	if (h->n_places++ == 0) {
		TAILQ_INIT(&h->held);
		TAILQ_INIT(&h->waiting);
	}
	return h;
}

struct flow *
conn_limit_flow(struct conn_limit *l, const uint64_t key[KEY_WORDS], const char *domain)
{
	uint64_t word = domain != NULL ? span_hash(span_str(domain), l->secret) : l->n_unnamed++;
	const uint64_t mine[KEY_WORDS] = { key[0], key[1], word | FLOW };
	struct flow *f = entry_of(l, mine, sizeof *f);

	if (f->n_places++ == 0)
		TAILQ_INIT(&f->waiting);
	return f;
}

static void
recall(struct conn_limit *l, struct door *d)
{
	TAILQ_REMOVE(&l->remembered, d, link);
	l->n_remembered--;
	d->remembered = false;
}

struct door *
conn_limit_door(struct conn_limit *l, const uint64_t key[KEY_WORDS])
{
	struct door *d = entry_of(l, key, sizeof *d);

	if (d->remembered)
		recall(l, d);
	d->n_places++;
	return d;
}

void
conn_limit_forget_door(struct conn_limit *l, struct door *d)
{
	if (d->remembered)
		recall(l, d);
	drop(l, &d->entry);
}

/* A door without places is kept only for its failures, up to CONN_DOORS_REMEMBERED. */
void
conn_limit_let_go(struct conn_limit *l, struct host *h, struct flow *f, struct door *d)
{
	if (--h->n_places == 0)
		drop(l, &h->entry);
	if (--f->n_places == 0)
		drop(l, &f->entry);
	if (--d->n_places > 0)
		return;
	if (d->failures == 0) {
		conn_limit_forget_door(l, d);
		return;
	}
	d->remembered = true;
	TAILQ_INSERT_TAIL(&l->remembered, d, link);
	if (++l->n_remembered > CONN_DOORS_REMEMBERED)
		conn_limit_forget_door(l, TAILQ_FIRST(&l->remembered));
}
