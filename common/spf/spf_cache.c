/* spf_cache — a hash table with an age list; see spf_cache.h. */
#include "common/spf/spf_cache.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/random.h"

#define BUCKETS 4096

struct entry {
	struct entry *chain; /* in its bucket */
	struct entry *older, *newer;
	size_t bucket;
	struct buf key;
	int64_t until_ms;
	struct spf_outcome outcome;
};

struct spf_cache {
	uint64_t seed;
	size_t n;
	struct entry *oldest, *newest;
	struct entry *buckets[BUCKETS];
};

void
spf_outcome_clear(struct spf_outcome *o)
{
	buf_clear(&o->why);
	buf_clear(&o->record);
	memset(o, 0, sizeof(*o));
}

void
spf_outcome_copy(struct spf_outcome *to, const struct spf_outcome *from)
{
	*to = *from;
	to->why = to->record = (struct buf)BUF_INIT;
	buf_add(&to->why, from->why.data, from->why.len);
	buf_add(&to->record, from->record.data, from->record.len);
}

void
spf_cache_new(struct spf_cache **c)
{
	*c = memory_new(sizeof(**c));
	random_bytes(&(*c)->seed, sizeof((*c)->seed));
}

/* FNV-1a with a secret start is enough against chosen collisions in a table this small. */
static size_t
bucket_of(const struct spf_cache *c, struct span key)
{
	uint64_t h = c->seed ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 0x100000001b3u;
	return (size_t)(h >> 40) % BUCKETS;
}

static struct entry *
lookup(const struct spf_cache *c, struct span key)
{
	struct entry *e = c->buckets[bucket_of(c, key)];

	while (e != NULL && !span_eq(buf_span(&e->key), key))
		e = e->chain;
	return e;
}

static void
forget(struct spf_cache *c, struct entry *e)
{
	struct entry **at = &c->buckets[e->bucket];

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	if (e->older != NULL)
		e->older->newer = e->newer;
	else
		c->oldest = e->newer;
	if (e->newer != NULL)
		e->newer->older = e->older;
	else
		c->newest = e->older;
	c->n--;
	buf_clear(&e->key);
	spf_outcome_clear(&e->outcome);
	free(e);
}

void
spf_cache_free(struct spf_cache **cp)
{
	struct spf_cache *c = *cp;

	*cp = NULL;
	while (c != NULL && c->oldest != NULL)
		forget(c, c->oldest);
	free(c);
}

const struct spf_outcome *
spf_cache_find(struct spf_cache *c, struct span key, int64_t now_ms, uint32_t *left_s)
{
	struct entry *e = lookup(c, key);

	if (e == NULL)
		return NULL;
	if (now_ms >= e->until_ms) {
		forget(c, e);
		return NULL;
	}
	*left_s = (uint32_t)((e->until_ms - now_ms) / 1000);
	return &e->outcome;
}

void
spf_cache_put(struct spf_cache *c, struct span key, const struct spf_outcome *o, int64_t now_ms)
{
	struct entry *e = lookup(c, key);

	if (e != NULL)
		forget(c, e);
	if (o->ttl_s == 0)
		return;
	if (c->n >= SPF_CACHE_MAX)
		forget(c, c->oldest);
	e = memory_new(sizeof(*e));
	buf_add(&e->key, key.p, key.n);
	e->bucket = bucket_of(c, key);
	e->until_ms = now_ms + (int64_t)o->ttl_s * 1000;
	spf_outcome_copy(&e->outcome, o);
	e->chain = c->buckets[e->bucket];
	c->buckets[e->bucket] = e;
	e->older = c->newest;
	if (c->newest != NULL)
		c->newest->newer = e;
	else
		c->oldest = e;
	c->newest = e;
	c->n++;
}
