/* kv_txn — the facts of one partition, and what it states; see kv.h. */
#include <endian.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/planted.h"
#include "common/base/record.h"
#include "common/store/kv_private.h"

/* The value of a fact begins with its fence, n and these flags. */
#define FACT_GONE 1U
#define FACT_REFUSED                                                                               \
	2U /* this version was; the word follows, then the value of the version before */
#define FACT_HEAD 17

/* False: it breaks a bound.  The key is in t->key. */
static bool
fact_key(struct kv_txn *t, unsigned what, struct span name)
{
	if (!kv_holds(t, name.n <= KV_FACT_MAX, "the length of the name of a fact"))
		return false;
	t->key.n = t->part;
	t->key.b[t->key.n++] = KV_KEY_FACT;
	t->key.b[t->key.n++] = (unsigned char)what;
	kv_key_append(&t->key, name.p, name.n);
	return true;
}

/* -- facts ------------------------------------------------------------------------------------------------ */

/* name and value are borrowed.  False: the row is not a fact's. */
bool
kv_fact_open(unsigned what, struct span name, struct span value, struct kv_fact *out,
    enum refusal *refused)
{
	struct reader r = reader_of(value);
	unsigned flags;

	out->what = (unsigned char)what;
	out->name = name;
	out->version.fence = read_u64(&r);
	out->version.n = read_u64(&r);
	flags = read_u8(&r);
	out->gone = (flags & FACT_GONE) != 0;
	*refused = flags & FACT_REFUSED ? refusal_by_word(read_span(&r)) : REFUSAL_NONE;
	out->value = r.rest;
	return !r.bad;
}

bool
kv_fact_get(struct kv_txn *t, unsigned what, struct span name, struct kv_fact *out,
    enum refusal *refused)
{
	struct span value;

	return fact_key(t, what, name) && kv_find(t, kv_view_span(&t->key), &value) &&
	    kv_holds(t, kv_fact_open(what, name, value, out, refused), "the form of a fact");
}

bool
kv_get_fact(struct kv_txn *t, unsigned what, struct span name, struct kv_fact *out)
{
	enum refusal refused;

	return kv_fact_get(t, what, name, out, &refused) && !out->gone;
}

struct facts {
	unsigned what;
	size_t head; /* octets of the key before the name */
	bool (*fn)(void *arg, const struct kv_fact *fact);
	void *arg;
};

static bool
on_fact(void *arg, struct span key, struct span value)
{
	struct facts *f = arg;
	struct kv_fact fact;
	enum refusal refused;

	if (!kv_fact_open(f->what, span_sub(key, f->head, key.n), value, &fact, &refused) ||
	    fact.gone)
		return true;
	return f->fn(f->arg, &fact);
}

/* False: it breaks a bound. */
static bool
fact_keys(struct kv_txn *t, unsigned what, struct span from, struct span prefix,
    struct kv_view_key *begin, struct kv_view_key *all)
{
	begin->n = all->n = 0;
	if (!fact_key(t, what, from))
		return false;
	kv_key_append(begin, t->key.b, t->key.n);
	if (!fact_key(t, what, prefix))
		return false;
	kv_key_append(all, t->key.b, t->key.n);
	return true;
}

void
kv_each_fact(struct kv_txn *t, unsigned what, struct span from, struct span prefix,
    bool (*fn)(void *arg, const struct kv_fact *fact), void *arg)
{
	struct facts f = { what, t->part + 2, fn, arg };
	struct kv_view_key begin, all;

	if (fact_keys(t, what, from, prefix, &begin, &all))
		kv_each_in(t, kv_view_span(&begin), kv_view_span(&all), on_fact, &f);
}

struct names {
	size_t head; /* octets of the key before the name */
	bool (*fn)(void *arg, struct span name);
	void *arg;
};

static bool
on_name(void *arg, struct span key, struct span value)
{
	struct names *n = arg;

	(void)value;
	return n->fn(n->arg, span_sub(key, n->head, key.n));
}

void
kv_each_fact_name(struct kv_txn *t, unsigned what, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span name), void *arg)
{
	struct names n = { t->part + 2, fn, arg };
	struct kv_view_key begin, all;

	if (fact_keys(t, what, from, prefix, &begin, &all))
		kv_each_key_in(t, kv_view_span(&begin), kv_view_span(&all), on_name, &n);
}

struct damaged_facts {
	struct kv_txn *txn;
	size_t head; /* octets of the key before the name */
	bool (*fn)(void *arg, struct span name);
	void *arg;
};

/* Asking for the fault clears it, if it is damage. */
static bool
on_fact_key(void *arg, struct span key, struct span value)
{
	struct damaged_facts *d = arg;
	struct err e;

	if (kv_find(d->txn, key, &value) || !kv_fault(d->txn, &e))
		return true;
	return !kv_fault(d->txn, &e) && d->fn(d->arg, span_sub(key, d->head, key.n));
}

void
kv_each_damaged(struct kv_txn *t, unsigned what, bool (*fn)(void *arg, struct span name), void *arg)
{
	struct damaged_facts d = { t, t->part + 2, fn, arg };
	struct kv_view_key all = { .n = 0 };

	if (!kv_holds(t, t->run == NULL, "only a read passes over damage") ||
	    !t->view->passed_over(t->of) || !fact_key(t, what, (struct span) { 0 }))
		return;
	kv_key_append(&all, t->key.b, t->key.n);
	t->view->each_key(t->of, kv_view_span(&all), kv_view_span(&all), on_fact_key, &d);
}

static void
write_head(char *to, const struct kv_fact *f, unsigned flags)
{
	uint64_t fence = htobe64(f->version.fence), n = htobe64(f->version.n);

	memcpy(to, &fence, sizeof fence);
	memcpy(to + 8, &n, sizeof n);
	to[16] = (char)flags;
}

void
kv_fact_put(struct kv_txn *t, const struct kv_fact *f, struct span value, enum refusal refused)
{
	struct span word = span_str(refused == REFUSAL_NONE ? "" : refusal_word(refused));
	size_t n = refused == REFUSAL_NONE ? 0 : 4 + word.n;
	uint32_t length = htobe32((uint32_t)word.n);
	char *to;

	if (!fact_key(t, f->what, f->name))
		return;
	if (f->gone && !t->run->keeps_gone) {
		kv_set_del(&t->run->set, kv_view_span(&t->key));
		return;
	}
	if (f->gone)
		value.n = 0;
	to = kv_set_put_room(&t->run->set, kv_view_span(&t->key), FACT_HEAD + n + value.n);
	write_head(to, f, (f->gone ? FACT_GONE : 0) | (n > 0 ? FACT_REFUSED : 0));
	to += FACT_HEAD;
	if (n > 0) {
		memcpy(to, &length, sizeof length);
		memcpy(to + sizeof length, word.p, word.n);
	}
	if (value.n > 0)
		memcpy(to + n, value.p, value.n);
}

void
kv_keep(struct kv_txn *t, struct span value)
{
	if (!kv_holds(t, t->receives, "kv_keep is for receivers") ||
	    !kv_holds(t, value.n <= KV_VALUE_MAX, "the length of a value"))
		return;
	t->keeps = true;
	t->keep = kv_set_copy(&t->run->set, value);
}

/* -- effects ---------------------------------------------------------------------------------------------- */

static void
emit(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *f, bool awaited)
{
	struct kv_run *r = t->run;
	struct kv_effect *x;

	if (!kv_holds(t, r != NULL, "a read emits nothing") ||
	    !kv_holds(t, t->may_await || !awaited, "what may be awaited") ||
	    !kv_holds(t, t->emitted < KV_EFFECTS_MAX, "the number of effects") ||
	    !kv_holds(t,
		to->kind < t->kv->schema.n && to->n == t->kv->schema.kinds[to->kind].name_bytes,
		"the name of a partition") ||
	    !kv_holds(t, f->name.n <= KV_FACT_MAX, "the length of the name of a fact") ||
	    !kv_holds(t, f->value.n <= KV_VALUE_MAX, "the length of a value"))
		return;
	if (r->n_effects == r->cap_effects) {
		r->cap_effects = r->cap_effects == 0 ? 16 : 2 * r->cap_effects;
		r->effects = memory_resize(r->effects, r->cap_effects, sizeof *r->effects);
	}
	x = &r->effects[r->n_effects++];
	*x = (struct kv_effect) { .from = t->here,
		.to = *to,
		.fact = *f,
		.awaited = awaited,
		.parent = t->parent };
	x->fact.name = kv_set_copy(&r->set, f->name);
	x->fact.value = f->gone ? (struct span) { 0 } : kv_set_copy(&r->set, f->value);
	x->fact.version.fence = r->fence;
	t->emitted++;
}

void
kv_emit(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *f)
{
	emit(t, to, f, false);
}

void
kv_emit_awaited(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *f)
{
	emit(t, to, f, true);
}

/* Ownership that has passed on has a fence. */
bool
kv_is_alone(struct kv_txn *t)
{
	uint64_t fence;

	return kv_owns(t->kv, &t->here, &fence) && fence == 0;
}

uint64_t
kv_stamp(struct kv_txn *t)
{
	if (!kv_holds(t, t->run != NULL, "a read has no stamp"))
		return 0;
	return PLANTED(stamp_lost) ? 1 : t->view->stamp(t->of, &t->here);
}
