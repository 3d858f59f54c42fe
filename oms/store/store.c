/* store — the OMS's spool: what all of it shares, and its bodies; see store.h. */
#include "oms/store/store.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "oms/store/store_private.h"

struct oms_store *
oms_store_new(struct kv *kv)
{
	struct oms_store *s = memory_new(sizeof *s);

	atomic_init(&s->refs, 1);
	pthread_mutex_init(&s->claims.lock, NULL);
	pthread_mutex_init(&s->counted.lock, NULL);
	s->counted.keep_ms = OMS_COUNT_KEEP_MS;
	s->kv = kv;
	return s;
}

struct oms_store *
oms_store_hold(struct oms_store *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void
oms_store_drop(struct oms_store **sp)
{
	struct oms_store *s = *sp;

	*sp = NULL;
	if (atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	bodies_free(&s->bodies);
	pthread_mutex_destroy(&s->counted.lock);
	pthread_mutex_destroy(&s->claims.lock); /* no claim is left: each holds the store */
	free(s);
}

struct bodies *
oms_store_bodies(struct oms_store *s)
{
	return s->bodies;
}

struct body_in *
oms_store_body(struct oms_store *s, const struct ulid *id, struct loop *l)
{
	unsigned char attempt[8];

	random_bytes(attempt, sizeof attempt);
	return body_begin(s->bodies, span_of(id->b, ULID_BYTES), span_of(attempt, sizeof attempt),
	    l);
}
