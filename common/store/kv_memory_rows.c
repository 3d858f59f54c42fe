/* kv_memory_rows — the rows, objects and runs of kv_memory. */
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/planted.h"
#include "common/store/kv_memory_private.h"

#define CHANGES_KEPT 4096 /* the rows are copied after so many changes and as many as they are */

/* -- rows ---------------------------------------------------------------------------------------------------- */

static bool
view_get(void *view, struct span key, struct span *value)
{
	const struct kv_memory *m = view;
	const struct kv_row *row = kv_set_find(&m->rows, key);

	if (row == NULL || row->state != KV_ROW_PUT)
		return false;
	*value = row->value;
	return true;
}

static void
view_each(void *view, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	const struct kv_memory *m = view;
	const struct kv_row *row = kv_set_from(&m->rows, from);

	for (; row != NULL && span_starts(row->key, prefix); row = kv_set_next(row))
		if (row->state == KV_ROW_PUT && !fn(arg, row->key, row->value))
			return;
}

static bool
view_next_key(void *view, struct span from, struct span prefix, struct span *key)
{
	const struct kv_memory *m = view;
	const struct kv_row *row = kv_set_from(&m->rows, from);

	while (row != NULL && row->state != KV_ROW_PUT)
		row = kv_set_next(row);
	if (row != NULL)
		*key = row->key;
	return row != NULL && span_starts(row->key, prefix);
}

static bool
view_prev_key(void *view, struct span before, struct span prefix, struct span *key)
{
	const struct kv_memory *m = view;
	const struct kv_row *row = kv_set_before(&m->rows, before);

	while (row != NULL && row->state != KV_ROW_PUT)
		row = row->prev;
	if (row != NULL)
		*key = row->key;
	return row != NULL && span_starts(row->key, prefix);
}

static bool
view_fault(void *view, struct err *e)
{
	(void)view;
	(void)e;
	return false;
}

static void
view_pardon(void *view)
{
	(void)view;
}

static bool
view_passed_over(void *view)
{
	(void)view;
	return false;
}

uint64_t
memory_used(const struct kv_memory *m)
{
	return m->used + (m->beside == NULL ? 0 : m->beside(m->beside_arg));
}

static bool
view_has_free(void *view, uint64_t octets)
{
	const struct kv_memory *m = view;
	uint64_t taken = memory_used(m);

	return taken <= m->plan.size && octets <= m->plan.size - taken;
}

static const char pending_prefix[] = { (char)KV_KIND_PENDING };

static struct span
pending(void)
{
	return span_of(pending_prefix, sizeof pending_prefix);
}

static bool
view_has_pending(void *view)
{
	struct span key;

	return view_next_key(view, pending(), pending(), &key);
}

uint64_t
memory_count_pending(const struct kv_memory *m)
{
	const struct kv_row *row = kv_set_from(&m->rows, pending());
	uint64_t n = 0;

	for (; row != NULL; row = kv_set_next(row))
		n += row->state == KV_ROW_PUT;
	return n;
}

/* A run that does not count uses its stamp up. */
static uint64_t
view_stamp(void *view, const struct kv_part *part)
{
	return ++memory_object(view, part)->stamp;
}

const struct kv_view memory_view = {
	.get = view_get,
	.each = view_each,
	.each_key = view_each,
	.next_key = view_next_key,
	.prev_key = view_prev_key,
	.fault = view_fault,
	.pardon = view_pardon,
	.passed_over = view_passed_over,
	.has_free = view_has_free,
	.has_pending = view_has_pending,
	.stamp = view_stamp,
};

static uint64_t
octets_of(const struct kv_row *row)
{
	return row != NULL && row->state == KV_ROW_PUT ? row->key.n + row->value.n : 0;
}

bool
memory_fits(struct kv_memory *m, const struct kv_run *r, const struct kv_op *op, struct err *e)
{
	uint64_t before = memory_used(m), after = before, size = m->plan.size;
	bool frees = op != NULL && op->frees;

	for (const struct kv_row *row = kv_set_first(&r->set); row != NULL; row = kv_set_next(row))
		if (row->state != KV_ROW_SAME)
			after = after - octets_of(kv_set_find(&m->rows, row->key)) + octets_of(row);
	if (frees && op->leaves == 0 && after <= before)
		return true;
	after += op != NULL ? op->leaves : 0;
	if (after <= (frees ? size : size - size / 16))
		return true;
	return err_word(e, REFUSAL_system_full);
}

void
memory_copy_rows(struct kv_memory *m)
{
	struct kv_set rows = { .random = m->rows.random };
	size_t n = 0;

	if (m->changes <= CHANGES_KEPT + m->copied)
		return;
	for (const struct kv_row *row = kv_set_first(&m->rows); row != NULL; row = kv_set_next(row))
		if (row->state == KV_ROW_PUT) {
			kv_set_put(&rows, row->key, row->value);
			n++;
		}
	buf_reset(&rows.undo);
	kv_set_clear(&m->rows);
	m->rows = rows;
	m->changes = 0;
	m->copied = n;
}

static void
put_row(struct kv_memory *m, const struct kv_row *row)
{
	m->used -= octets_of(kv_set_find(&m->rows, row->key));
	if (row->state == KV_ROW_PUT)
		kv_set_put(&m->rows, row->key, row->value);
	else
		kv_set_del(&m->rows, row->key);
	m->used += octets_of(row);
	m->changes++;
}

void
memory_put_rows(struct kv_memory *m, const struct kv_run *r)
{
	size_t before = m->changes;

	for (const struct kv_row *row = kv_set_first(&r->set); row != NULL; row = kv_set_next(row))
		if (row->state != KV_ROW_SAME)
			put_row(m, row);
	buf_reset(&m->rows.undo);
	m->counts.commits += m->changes != before;
}

/* -- objects and runs ---------------------------------------------------------------------------------------- */

struct object *
memory_object(struct kv_memory *m, const struct kv_part *part)
{
	size_t hash = part->kind;
	struct object **list, *o;

	for (size_t i = 0; i < part->n; i++)
		hash = hash * 31 + part->name[i];
	list = &m->objects[hash % OBJECT_LISTS];
	for (o = *list; o != NULL; o = o->next)
		if (kv_part_eq(&o->part, part))
			return o;
	o = memory_new(sizeof *o);
	o->part = *part;
	o->next = *list;
	*list = o;
	return o;
}

void
memory_begin_run(struct kv_memory *m, struct task *t)
{
	if (t->run == NULL)
		t->run = m->n_runs > 0 ? m->runs[--m->n_runs] : memory_new(sizeof *t->run);
	kv_run_init(t->run, &t->node->kv, &memory_view);
	kv_run_begin(t->run, m);
	t->run->keeps_gone = m->plan.apart && !PLANTED(gone_forgotten);
}

void
memory_end_run(struct kv_memory *m, struct task *t)
{
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	if (t->run != NULL && m->n_runs < sizeof m->runs / sizeof *m->runs) {
		m->runs[m->n_runs++] = t->run;
	} else if (t->run != NULL) {
		kv_run_clear(t->run);
		free(t->run);
	}
	t->run = NULL;
}
