/* kv — partitions, and the calls that go to the engine; see kv.h. */
#include "common/store/kv.h"

#include <stdlib.h>
#include <string.h>

#include "common/store/kv_key.h"
#include "common/store/kv_private.h"

struct kv_part
kv_part_of(unsigned kind, struct span name)
{
	struct kv_part part = { .kind = (unsigned char)kind, .n = (unsigned char)name.n };

	if (kind >= KV_KINDS_MAX || name.n == 0 || name.n > KV_NAME_MAX)
		abort();
	memcpy(part.name, name.p, name.n);
	return part;
}

struct kv_part
kv_part_hash(unsigned kind, struct span name, size_t n)
{
	unsigned char room[DIGEST_BYTES];

	return kv_part_of(kind,
	    span_of(kv_key_hash(name, room), n < sizeof room ? n : sizeof room));
}

bool
kv_part_eq(const struct kv_part *a, const struct kv_part *b)
{
	return a->kind == b->kind && span_eq(span_of(a->name, a->n), span_of(b->name, b->n));
}

void
kv_begin(struct kv *k, const struct kv_engine *engine, const struct kv_schema *schema)
{
	if (schema->n == 0 || schema->n > KV_KINDS_MAX)
		abort();
	for (size_t i = 0; i < schema->n; i++)
		if (schema->kinds[i].name_bytes == 0 || schema->kinds[i].name_bytes > KV_NAME_MAX)
			abort();
	k->engine = engine;
	k->schema = *schema;
}

bool
kv_take(struct kv *k, struct kv_op *op, struct err *e)
{
	return k->engine->take(k, op, e);
}

bool
kv_take_several(struct kv *k, struct kv_op *const *ops, size_t n, struct err *e)
{
	return k->engine->take_several(k, ops, n, e);
}

void
kv_read(struct kv *k, struct kv_look *l)
{
	l->kv = k;
	k->engine->read(k, l);
}

void
kv_close(struct kv **k)
{
	if (*k != NULL)
		(*k)->engine->close(*k);
	*k = NULL;
}

bool
kv_owns(struct kv *k, const struct kv_part *part, uint64_t *fence)
{
	return k->engine->owns(k, part, fence);
}

void
kv_share(struct kv *k, uint64_t (*beside)(void *arg), void *arg)
{
	k->engine->share(k, beside, arg);
}

void
kv_get_counts(struct kv *k, struct kv_counts *out)
{
	k->engine->counts(k, out);
}
