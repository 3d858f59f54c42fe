/* store — the OMS's spool: what all of it shares, and its bodies; see store.h. */
#include "oms/store/store.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/random.h"
#include "oms/store/store_private.h"

static void
clear(struct kv_store *base)
{
	struct oms_store *s = (struct oms_store *)base;

	pthread_mutex_destroy(&s->counted.lock);
	pthread_mutex_destroy(&s->claims.lock); /* no claim is left: each holds the store */
	free(s);
}

struct oms_store *
oms_store_new(struct kv *kv)
{
	struct oms_store *s = memory_new(sizeof *s);

	kv_store_init(&s->base, kv, clear);
	pthread_mutex_init(&s->claims.lock, NULL);
	pthread_mutex_init(&s->counted.lock, NULL);
	s->counted.keep_ms = OMS_COUNT_KEEP_MS;
	return s;
}

struct oms_store *
oms_store_hold(struct oms_store *s)
{
	kv_store_hold(&s->base);
	return s;
}

void
oms_store_drop(struct oms_store **s)
{
	kv_store_let_go(&(*s)->base);
	*s = NULL;
}

struct oms_store *
oms_store_of(const struct kv_question *q)
{
	return (struct oms_store *)q->store;
}

void
oms_several_end(struct oms_several *all, const struct err *e)
{
	struct err why;

	if (e != NULL && all->why.why == REFUSAL_NONE)
		all->why = *e;
	if (--all->waiting > 0)
		return;
	why = all->why;
	all->done(all, why.why == REFUSAL_NONE ? NULL : &why);
}

struct bodies *
oms_store_bodies(struct oms_store *s)
{
	return s->base.bodies;
}

struct body_in *
oms_store_body(struct oms_store *s, const struct ulid *id, struct loop *l)
{
	unsigned char attempt[8];

	random_bytes(attempt, sizeof attempt);
	return body_begin(s->base.bodies, span_of(id->b, ULID_BYTES),
	    span_of(attempt, sizeof attempt), l);
}
