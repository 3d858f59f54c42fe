/* kv_rows — the rows of one partition, as apply, receive, refused and look see them; see kv.h.
 *
 * A run reads the write set above the view; a read looks at the view alone.
 */
#include <string.h>

#include "common/store/kv_private.h"

/* -- keys ----------------------------------------------------------------------------------------------- */

void
kv_key_begin(struct kv_view_key *k, const struct kv_part *part)
{
	k->b[0] = part->kind;
	memcpy(k->b + 1, part->name, part->n);
	k->n = 1U + part->n;
}

void
kv_key_append(struct kv_view_key *k, const void *p, size_t n)
{
	if (n > 0)
		memcpy(k->b + k->n, p, n);
	k->n += n;
}

struct span
kv_view_span(const struct kv_view_key *k)
{
	return span_of(k->b, k->n);
}

void
kv_txn_begin(struct kv_txn *t, const struct kv_part *here)
{
	t->here = *here;
	kv_key_begin(&t->key, here);
	t->part = t->key.n;
}

void
kv_run_txn(struct kv_txn *t, struct kv_run *r, const struct kv_part *here, size_t parent)
{
	t->kv = r->kv;
	t->view = r->view;
	t->of = r->of;
	t->run = r;
	t->parent = parent;
	t->emitted = 0;
	t->may_await = t->receives = t->lost = t->keeps = false;
	t->broke = NULL;
	kv_txn_begin(t, here);
}

/* Each bound is the fault of a program, so the first one is enough to say. */
bool
kv_holds(struct kv_txn *t, bool good, const char *bound)
{
	if (!good && t->broke == NULL)
		t->broke = bound;
	return t->broke == NULL;
}

/* False: it breaks a bound.  The key is in t->key. */
static bool
row_key(struct kv_txn *t, struct span key)
{
	if (!kv_holds(t, key.n > 0 && key.n <= KV_KEY_MAX, "the length of a key") ||
	    !kv_holds(t, (unsigned char)key.p[0] < KV_KEY_TOP, "the first octet of a key"))
		return false;
	t->key.n = t->part;
	kv_key_append(&t->key, key.p, key.n);
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

bool
kv_find(struct kv_txn *t, struct span key, struct span *value)
{
	const struct kv_row *row = t->run == NULL ? NULL : kv_set_find(&t->run->set, key);

	if (row == NULL || row->state == KV_ROW_SAME)
		return t->view->get(t->of, key, value);
	*value = row->value;
	return row->state == KV_ROW_PUT && is_well(t);
}

const struct kv_part *
kv_here(const struct kv_txn *t)
{
	return &t->here;
}

bool
kv_get(struct kv_txn *t, struct span key, struct span *value)
{
	return row_key(t, key) && kv_find(t, kv_view_span(&t->key), value);
}

static bool
may_put(struct kv_txn *t, struct span key)
{
	return row_key(t, key) && kv_holds(t, t->run != NULL, "a read puts nothing");
}

void
kv_put(struct kv_txn *t, struct span key, struct span value)
{
	if (may_put(t, key) && kv_holds(t, value.n <= KV_VALUE_MAX, "the length of a value"))
		kv_set_put(&t->run->set, kv_view_span(&t->key), value);
}

void
kv_del(struct kv_txn *t, struct span key)
{
	if (may_put(t, key))
		kv_set_del(&t->run->set, kv_view_span(&t->key));
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
	if (!t->lost)
		t->view->pardon(t->of);
}

bool
kv_was_damaged(struct kv_txn *t)
{
	bool lost = t->lost;

	t->lost = false;
	if (lost)
		kv_pardon(t);
	return lost;
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

typedef void each_row(void *view, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg);

/* each: of the view. */
static void
each_in(struct kv_txn *t, each_row *each, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	struct merge m = { .fn = fn, .arg = arg };

	if (kv_key_order(from, prefix) < 0)
		from = prefix;
	if (t->run != NULL)
		m.row = kv_set_from(&t->run->set, from);
	each(t->of, from, prefix, on_view_row, &m);
	while (m.row != NULL && !m.stopped && is_well(t) && span_starts(m.row->key, prefix))
		give_own(&m);
}

void
kv_each_in(struct kv_txn *t, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	each_in(t, t->view->each, from, prefix, fn, arg);
}

void
kv_each_key_in(struct kv_txn *t, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	each_in(t, t->view->each_key, from, prefix, fn, arg);
}

struct rows {
	size_t part; /* octets of the key that name the partition */
	bool (*fn)(void *arg, struct span key, struct span value);
	bool (*of_key)(void *arg, struct span key); /* of kv_each_key, instead */
	void *arg;
};

static bool
on_row(void *arg, struct span key, struct span value)
{
	struct rows *r = arg;

	key = span_sub(key, r->part, key.n);
	if ((unsigned char)key.p[0] >= KV_KEY_TOP)
		return false;
	return r->of_key != NULL ? r->of_key(r->arg, key) : r->fn(r->arg, key, value);
}

/* A prefix may be empty, a key not. */
static bool
prefix_key(struct kv_txn *t, struct span prefix, struct kv_view_key *out)
{
	if (prefix.n > 0 && !row_key(t, prefix))
		return false;
	if (prefix.n == 0)
		t->key.n = t->part;
	out->n = 0;
	kv_key_append(out, t->key.b, t->key.n);
	return t->broke == NULL;
}

static void
each_row_of(struct kv_txn *t, each_row *each, struct span from, struct span prefix, struct rows *r)
{
	struct kv_view_key begin, all;

	if (prefix_key(t, from, &begin) && prefix_key(t, prefix, &all))
		each_in(t, each, kv_view_span(&begin), kv_view_span(&all), on_row, r);
}

void
kv_each(struct kv_txn *t, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	struct rows r = { .part = t->part, .fn = fn, .arg = arg };

	each_row_of(t, t->view->each, from, prefix, &r);
}

void
kv_each_key(struct kv_txn *t, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key), void *arg)
{
	struct rows r = { .part = t->part, .of_key = fn, .arg = arg };

	each_row_of(t, t->view->each_key, from, prefix, &r);
}

/* The last key before `before`; a row that the run has deleted hides one of the view. */
bool
kv_prev_in(struct kv_txn *t, struct span before, struct span prefix, struct span *key)
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
	struct kv_view_key all, before;

	if (!prefix_key(t, prefix, &all))
		return false;
	before.n = 0;
	kv_key_append(&before, all.b, all.n);
	if (prefix.n == 0)
		before.b[before.n++] = KV_KEY_TOP;
	memset(before.b + before.n, 0xff, sizeof before.b - before.n);
	before.n = sizeof before.b;
	if (!kv_prev_in(t, kv_view_span(&before), kv_view_span(&all), key) ||
	    !kv_find(t, *key, value))
		return false;
	*key = span_sub(*key, t->part, key->n);
	return true;
}

/* -- of the view, and of no partition --------------------------------------------------------------------- */

bool
kv_run_get(struct kv_run *r, struct span key, struct span *value)
{
	struct kv_txn t;

	kv_run_txn(&t, r, &(struct kv_part) { 0 }, KV_PARENT_NONE);
	return kv_find(&t, key, value);
}

bool
kv_run_next_key(struct kv_run *r, struct span from, struct span prefix, struct span *key)
{
	const struct kv_row *own = kv_set_from(&r->set, from), *same;
	struct kv_view_key after;
	bool found;

	while (own != NULL && own->state != KV_ROW_PUT)
		own = kv_set_next(own);
	for (;;) {
		found = r->view->next_key(r->of, from, prefix, key);
		same = found ? kv_set_find(&r->set, *key) : NULL;
		if (same == NULL || same->state != KV_ROW_DELETED)
			break;
		after.n = 0;
		kv_key_append(&after, key->p, key->n);
		kv_key_append(&after, "", 1);
		from = kv_view_span(&after);
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
	struct kv_txn t;

	kv_run_txn(&t, r, &(struct kv_part) { 0 }, KV_PARENT_NONE);
	return kv_prev_in(&t, before, prefix, key);
}
