/* kv_memory_task — chance, and the tasks that wait; see kv_memory_private.h. */
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/store/kv_memory_private.h"

/* -- chance -------------------------------------------------------------------------------------------------- */

/* splitmix64 */
uint64_t
memory_draw(struct kv_memory *m, uint64_t below)
{
	uint64_t z = (m->random += 0x9e3779b97f4a7c15U);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return (z ^ (z >> 31)) % below;
}

bool
memory_chance(struct kv_memory *m, unsigned one_in)
{
	return memory_draw(m, one_in) == 0;
}

/* -- tasks --------------------------------------------------------------------------------------------------- */

struct task *
memory_add_task(struct kv_memory *m, enum task_kind kind, struct node *node)
{
	struct task *t = memory_new(sizeof *t);

	t->kind = kind;
	t->node = node;
	t->number = m->next_task++;
	if (m->n_tasks == m->cap_tasks) {
		m->cap_tasks = m->cap_tasks == 0 ? 64 : 2 * m->cap_tasks;
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
		m->tasks = memory_resize(m->tasks, m->cap_tasks, sizeof *m->tasks);
	}
	m->tasks[m->n_tasks++] = t;
	return t;
}

void
memory_take_out_task(struct kv_memory *m, const struct task *t)
{
	for (size_t i = 0; i < m->n_tasks; i++)
		if (m->tasks[i] == t) {
			m->tasks[i] = m->tasks[--m->n_tasks];
			return;
		}
}

void
memory_free_task(struct task *t)
{
	for (size_t i = 0; i < t->n_told; i++)
		buf_clear(&t->told[i].octets);
	free(t->told);
	buf_clear(&t->octets);
	free(t);
}

void
memory_drop_task(struct kv_memory *m, struct task *t)
{
	memory_take_out_task(m, t);
	memory_end_run(m, t);
	memory_free_task(t);
}

void
memory_tell(struct task *op, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why)
{
	struct told *told;

	op->told = memory_resize(op->told, op->n_told + 1, sizeof *op->told);
	told = &op->told[op->n_told++];
	*told = (struct told) { *to, *fact, BUF_INIT, *why };
	buf_add(&told->octets, fact->name.p, fact->name.n);
	buf_add(&told->octets, fact->value.p, fact->value.n);
	told->fact.name = span_sub(buf_span(&told->octets), 0, fact->name.n);
	told->fact.value = span_sub(buf_span(&told->octets), fact->name.n, fact->value.n);
}
