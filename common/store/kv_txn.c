/* kv_txn — what apply, receive, refused and look do with the rows of their partition; see kv.h.
 *
 * A run reads the write set above the view; a read looks at the view alone.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/base/planted.h"
#include "common/base/record.h"
#include "common/store/kv_private.h"

/* The value of a fact begins with its fence, n and these flags. */
#define FACT_GONE 1U
#define FACT_REFUSED                                                                               \
	2U /* this version was; the word follows, then the value of the version before */

/* -- keys ----------------------------------------------------------------------------------------------- */

struct key {
	unsigned char b[KV_VIEW_KEY_MAX + 1];
	size_t n;
};

static void
key_add(struct key *k, const void *p, size_t n)
{
	if (n > 0)
		memcpy(k->b + k->n, p, n);
	k->n += n;
}

static struct key
key_of(const struct kv_part *part)
{
	struct key k;

	k.n = 0;
	key_add(&k, &part->kind, 1);
	key_add(&k, part->name, part->n);
	return k;
}

static struct span
key_span(const struct key *k)
{
	return span_of(k->b, k->n);
}

/* Each bound is the fault of a program, so the first one is enough to say. */
static bool
holds(struct kv_txn *t, bool good, const char *bound)
{
	if (!good && t->broke == NULL)
		t->broke = bound;
	return t->broke == NULL;
}

static bool
row_key(struct kv_txn *t, struct span key, struct key *out)
{
	if (!holds(t, key.n > 0 && key.n <= KV_KEY_MAX, "the length of a key") ||
	    !holds(t, (unsigned char)key.p[0] < KV_KEY_TOP, "the first octet of a key"))
		return false;
	*out = key_of(&t->here);
	key_add(out, key.p, key.n);
	return true;
}

static bool
fact_key(struct kv_txn *t, unsigned what, struct span name, struct key *out)
{
	unsigned char head[2] = { KV_KEY_FACT, (unsigned char)what };

	if (!holds(t, name.n <= KV_FACT_MAX, "the length of the name of a fact"))
		return false;
	*out = key_of(&t->here);
	key_add(out, head, sizeof head);
	key_add(out, name.p, name.n);
	return true;
}

/* -- rows ----------------------------------------------------------------------------------------------- */

/* Not in a read, where asking clears the fault. */
static bool
is_well(struct kv_txn *t)
{
	struct err e;

	return t->broke == NULL && !t->view->fault(t->of, &e);
}

static bool
find(struct kv_txn *t, struct span key, struct span *value)
{
	const struct kv_row *row = t->run == NULL ? NULL : kv_set_find(&t->run->set, key);

	if (row == NULL || row->state == KV_ROW_SAME)
		return t->view->get(t->of, key, value);
	*value = row->value;
	return row->state == KV_ROW_PUT && is_well(t);
}

static void
change(struct kv_txn *t, struct span key, const struct span *value)
{
	if (!holds(t, t->run != NULL, "a read puts nothing"))
		return;
	if (value == NULL)
		kv_set_del(&t->run->set, key);
	else if (holds(t, value->n <= KV_VALUE_MAX, "the length of a value"))
		kv_set_put(&t->run->set, key, *value);
}

const struct kv_part *
kv_here(const struct kv_txn *t)
{
	return &t->here;
}

bool
kv_get(struct kv_txn *t, struct span key, struct span *value)
{
	struct key k;

	return row_key(t, key, &k) && find(t, key_span(&k), value);
}

void
kv_put(struct kv_txn *t, struct span key, struct span value)
{
	struct key k;

	if (row_key(t, key, &k))
		change(t, key_span(&k), &value);
}

void
kv_del(struct kv_txn *t, struct span key)
{
	struct key k;

	if (row_key(t, key, &k))
		change(t, key_span(&k), NULL);
}

bool
kv_fault(struct kv_txn *t, struct err *e)
{
	if (t->broke != NULL) {
		err_set(e, REFUSAL_internal, "an operation of the store breaks a bound: %s",
		    t->broke);
		return true;
	}
	return t->view->fault(t->of, e);
}

void
kv_pardon(struct kv_txn *t)
{
	t->view->pardon(t->of);
}

bool
kv_has_free(struct kv_txn *t, uint64_t octets)
{
	return t->view->has_free(t->of, octets);
}

/* -- in order -------------------------------------------------------------------------------------------- */

/* The rows of the view and those of the write set, which win, in one order. */
struct merge {
	const struct kv_row *row; /* the next of the set; NULL: none */
	bool (*fn)(void *arg, struct span key, struct span value);
	void *arg;
	bool stopped;
};

static void
give(struct merge *m, struct span key, struct span value)
{
	m->stopped = m->stopped || !m->fn(m->arg, key, value);
}

/* The next row is looked for after fn, which may put. */
static void
give_own(struct merge *m)
{
	const struct kv_row *row = m->row;

	if (row->state == KV_ROW_PUT)
		give(m, row->key, row->value);
	m->row = kv_set_next(row);
}

static bool
on_view_row(void *arg, struct span key, struct span value)
{
	struct merge *m = arg;

	while (!m->stopped && m->row != NULL && kv_key_order(m->row->key, key) < 0)
		give_own(m);
	if (m->stopped)
		return false;
	if (m->row != NULL && m->row->state != KV_ROW_SAME && span_eq(m->row->key, key))
		give_own(m);
	else
		give(m, key, value);
	return !m->stopped;
}

static void
each(struct kv_txn *t, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	struct merge m = { .fn = fn, .arg = arg };

	if (kv_key_order(from, prefix) < 0)
		from = prefix;
	if (t->run != NULL)
		m.row = kv_set_from(&t->run->set, from);
	t->view->each(t->of, from, prefix, on_view_row, &m);
	while (m.row != NULL && !m.stopped && is_well(t) && span_starts(m.row->key, prefix))
		give_own(&m);
}

struct rows {
	size_t part; /* octets of the key that name the partition */
	bool (*fn)(void *arg, struct span key, struct span value);
	void *arg;
};

static bool
on_row(void *arg, struct span key, struct span value)
{
	struct rows *r = arg;

	key = span_sub(key, r->part, key.n);
	return (unsigned char)key.p[0] < KV_KEY_TOP && r->fn(r->arg, key, value);
}

/* A prefix may be empty, a key not. */
static bool
prefix_key(struct kv_txn *t, struct span prefix, struct key *out)
{
	if (prefix.n > 0)
		return row_key(t, prefix, out);
	*out = key_of(&t->here);
	return t->broke == NULL;
}

void
kv_each(struct kv_txn *t, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	struct rows r = { 1U + t->here.n, fn, arg };
	struct key begin, all;

	if (prefix_key(t, from, &begin) && prefix_key(t, prefix, &all))
		each(t, key_span(&begin), key_span(&all), on_row, &r);
}

/* The last key before `before`; a row that the run has deleted hides one of the view. */
static bool
prev_key(struct kv_txn *t, struct span before, struct span prefix, struct span *key)
{
	const struct kv_row *own;
	bool found;

	for (;;) {
		own = t->run == NULL ? NULL : kv_set_before(&t->run->set, before);
		while (own != NULL && own->state == KV_ROW_SAME)
			own = own->prev;
		if (own != NULL && !span_starts(own->key, prefix))
			own = NULL;
		found = t->view->prev_key(t->of, before, prefix, key);
		if (own == NULL || (found && kv_key_order(own->key, *key) < 0))
			return found;
		*key = before = own->key;
		if (own->state == KV_ROW_PUT)
			return true;
	}
}

bool
kv_last(struct kv_txn *t, struct span prefix, struct span *key, struct span *value)
{
	struct key all, before;
	size_t part = 1U + t->here.n;

	if (!prefix_key(t, prefix, &all))
		return false;
	before = all;
	if (prefix.n == 0)
		before.b[before.n++] = KV_KEY_TOP;
	while (before.n < sizeof before.b)
		before.b[before.n++] = 0xff;
	if (!prev_key(t, key_span(&before), key_span(&all), key) || !find(t, *key, value))
		return false;
	*key = span_sub(*key, part, key->n);
	return true;
}

/* -- facts ------------------------------------------------------------------------------------------------ */

/* name and value are borrowed.  False: the row is not a fact's. */
static bool
open_fact(unsigned what, struct span name, struct span value, struct kv_fact *out,
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

static bool
get_fact(struct kv_txn *t, unsigned what, struct span name, struct kv_fact *out,
    enum refusal *refused)
{
	struct span value;
	struct key k;

	return fact_key(t, what, name, &k) && find(t, key_span(&k), &value) &&
	    holds(t, open_fact(what, name, value, out, refused), "the form of a fact");
}

bool
kv_get_fact(struct kv_txn *t, unsigned what, struct span name, struct kv_fact *out)
{
	enum refusal refused;

	return get_fact(t, what, name, out, &refused) && !out->gone;
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

	if (!open_fact(f->what, span_sub(key, f->head, key.n), value, &fact, &refused) || fact.gone)
		return true;
	return f->fn(f->arg, &fact);
}

void
kv_each_fact(struct kv_txn *t, unsigned what, struct span from, struct span prefix,
    bool (*fn)(void *arg, const struct kv_fact *fact), void *arg)
{
	struct facts f = { what, 3U + t->here.n, fn, arg };
	struct key begin, all;

	if (fact_key(t, what, from, &begin) && fact_key(t, what, prefix, &all))
		each(t, key_span(&begin), key_span(&all), on_fact, &f);
}

static void
put_fact(struct kv_txn *t, const struct kv_fact *f, struct span value, enum refusal refused)
{
	struct buf b = BUF_INIT;
	struct key k;

	if (!fact_key(t, f->what, f->name, &k))
		return;
	if (f->gone && !t->run->keeps_gone) {
		kv_set_del(&t->run->set, key_span(&k));
		return;
	}
	put_u64(&b, f->version.fence);
	put_u64(&b, f->version.n);
	put_u8(&b, (f->gone ? FACT_GONE : 0) | (refused != REFUSAL_NONE ? FACT_REFUSED : 0));
	if (refused != REFUSAL_NONE)
		put_span(&b, span_str(refusal_word(refused)));
	put_bytes(&b, value.p, f->gone ? 0 : value.n);
	kv_set_put(&t->run->set, key_span(&k), buf_span(&b));
	buf_clear(&b);
}

void
kv_keep(struct kv_txn *t, struct span value)
{
	if (!holds(t, t->receives, "kv_keep is for receivers") ||
	    !holds(t, value.n <= KV_VALUE_MAX, "the length of a value"))
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

	if (!holds(t, r != NULL, "a read emits nothing") ||
	    !holds(t, t->may_await || !awaited, "what may be awaited") ||
	    !holds(t, t->emitted < KV_EFFECTS_MAX, "the number of effects") ||
	    !holds(t,
		to->kind < t->kv->schema.n && to->n == t->kv->schema.kinds[to->kind].name_bytes,
		"the name of a partition") ||
	    !holds(t, f->name.n <= KV_FACT_MAX, "the length of the name of a fact") ||
	    !holds(t, f->value.n <= KV_VALUE_MAX, "the length of a value"))
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

uint64_t
kv_stamp(struct kv_txn *t)
{
	if (!holds(t, t->run != NULL, "a read has no stamp"))
		return 0;
	return PLANTED(stamp_lost) ? 1 : t->view->stamp(t->of, &t->here);
}

/* -- the steps of a run ------------------------------------------------------------------------------------ */

static struct kv_txn
begin(struct kv_run *r, const struct kv_part *here, size_t parent, bool may_await)
{
	return (struct kv_txn) { .kv = r->kv,
		.view = r->view,
		.of = r->of,
		.run = r,
		.here = *here,
		.parent = parent,
		.may_await = may_await };
}

/* The fault of a damaged row is only that of this step. */
static bool
end(struct kv_txn *t, bool good, size_t mark, size_t effects, struct err *e)
{
	struct err why;

	if (kv_fault(t, &why)) {
		good = false;
		*e = why;
	} else if (!good && e->why == REFUSAL_NONE) {
		err_word(e, REFUSAL_storage);
	}
	if (good)
		return true;
	kv_pardon(t);
	kv_set_undo(&t->run->set, mark);
	t->run->n_effects = effects;
	return false;
}

bool
kv_run_get(struct kv_run *r, struct span key, struct span *value)
{
	struct kv_txn t = begin(r, &(struct kv_part) { 0 }, KV_PARENT_NONE, false);

	return find(&t, key, value);
}

bool
kv_run_next_key(struct kv_run *r, struct span from, struct span prefix, struct span *key)
{
	const struct kv_row *own = kv_set_from(&r->set, from), *same;
	struct key after;
	bool found;

	while (own != NULL && own->state != KV_ROW_PUT)
		own = kv_set_next(own);
	for (;;) {
		found = r->view->next_key(r->of, from, prefix, key);
		same = found ? kv_set_find(&r->set, *key) : NULL;
		if (same == NULL || same->state != KV_ROW_DELETED)
			break;
		after.n = 0;
		key_add(&after, key->p, key->n);
		key_add(&after, "", 1);
		from = key_span(&after);
	}
	if (own == NULL || !span_starts(own->key, prefix) ||
	    (found && kv_key_order(*key, own->key) <= 0))
		return found;
	*key = own->key;
	return true;
}

bool
kv_run_prev_key(struct kv_run *r, struct span before, struct span prefix, struct span *key)
{
	struct kv_txn t = begin(r, &(struct kv_part) { 0 }, KV_PARENT_NONE, false);

	return prev_key(&t, before, prefix, key);
}

bool
kv_run_apply(struct kv_run *r, const struct kv_part *part,
    bool (*apply)(struct kv_txn *t, void *arg, struct err *e), void *arg, struct err *e)
{
	struct kv_txn t = begin(r, part, KV_PARENT_OP, true);
	size_t mark = kv_set_mark(&r->set), effects = r->n_effects;

	e->why = REFUSAL_NONE;
	return end(&t, apply(&t, arg, e), mark, effects, e);
}

/* The same n is the same statement, also if a later owner repeats it. */
static bool
is_newer(struct kv_version a, struct kv_version b)
{
	if (a.n == b.n)
		return PLANTED(effect_twice);
	if (PLANTED(effect_reordered) || PLANTED(fence_ignored))
		return a.n > b.n || PLANTED(effect_reordered);
	return a.fence != b.fence ? a.fence > b.fence : a.n > b.n;
}

bool
kv_run_receive(struct kv_run *r, const struct kv_effect *f, size_t parent, struct err *e)
{
	const struct kv_kind *kind = &r->kv->schema.kinds[f->to.kind];
	struct kv_txn t = begin(r, &f->to, parent, true);
	size_t mark = kv_set_mark(&r->set), effects = r->n_effects;
	struct kv_fact was;
	enum refusal refused;
	bool known = get_fact(&t, f->fact.what, f->fact.name, &was, &refused), good;

	e->why = REFUSAL_NONE;
	if (known && !is_newer(f->fact.version, was.version))
		return !f->awaited || refused == REFUSAL_NONE ||
		    is_newer(was.version, f->fact.version) || err_word(e, refused);
	t.receives = true;
	good = !kv_fault(&t, e) &&
	    (kind->receive == NULL ||
		kind->receive(&t, &f->from, known && !was.gone ? &was : NULL, &f->fact,
		    r->kv->schema.arg, e));
	if (good)
		put_fact(&t, &f->fact, t.keeps ? t.keep : f->fact.value, REFUSAL_NONE);
	return end(&t, good, mark, effects, e);
}

void
kv_run_refuse(struct kv_run *r, const struct kv_effect *f, const struct err *why)
{
	struct kv_txn t = begin(r, &f->to, KV_PARENT_NONE, false);
	struct kv_fact fact;
	enum refusal refused;

	if (!get_fact(&t, f->fact.what, f->fact.name, &fact, &refused)) {
		fact = f->fact;
		fact.gone = true;
	}
	if (is_newer(fact.version, f->fact.version))
		return;
	fact.version = f->fact.version;
	put_fact(&t, &fact, fact.value, why->why);
}

static bool
forget_gone(void *arg, struct span key, struct span value)
{
	struct kv_run *r = arg;
	struct kv_fact fact;
	enum refusal refused;

	if (open_fact(0, (struct span) { 0 }, value, &fact, &refused) && fact.gone)
		kv_set_del(&r->set, key);
	return true;
}

void
kv_run_forget_gone(struct kv_run *r, const struct kv_part *part)
{
	struct kv_txn t = begin(r, part, KV_PARENT_NONE, false);
	struct key all = key_of(part);

	key_add(&all, &(unsigned char) { KV_KEY_FACT }, 1);
	each(&t, key_span(&all), key_span(&all), forget_gone, r);
}

bool
kv_run_refused(struct kv_run *r, const struct kv_effect *f, const struct err *why, struct err *e)
{
	const struct kv_kind *kind = &r->kv->schema.kinds[f->from.kind];
	struct kv_txn t = begin(r, &f->from, KV_PARENT_NONE, false);
	size_t mark = kv_set_mark(&r->set), effects = r->n_effects;

	e->why = REFUSAL_NONE;
	return kind->refused == NULL ||
	    end(&t, kind->refused(&t, &f->to, &f->fact, why, r->kv->schema.arg, e), mark, effects,
		e);
}

void
kv_look_at(struct kv *k, const struct kv_view *view, void *of, struct kv_look *l, struct err *e)
{
	struct kv_txn t = { .kv = k, .view = view, .of = of, .here = l->part };

	e->why = REFUSAL_NONE;
	l->look(&t, l->arg);
	if (kv_fault(&t, e))
		kv_pardon(&t);
}
