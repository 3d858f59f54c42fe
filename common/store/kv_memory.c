/* kv_memory — see kv_memory.h: steps, nodes, and the mode in which an operation and its effects are one commit. */
#include "common/store/kv_memory.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/store/kv_memory_private.h"

/* -- answers ------------------------------------------------------------------------------------------------- */

/* On home, or in the step where there is none. */
static void
answer(void *arg)
{
	struct task *t = arg;
	const struct err *e = t->refused ? &t->why : t->n_told > 0 ? &t->told[0].why : NULL;

	if (t->kind == TASK_READ) {
		t->look->done(t->look->arg, e);
	} else {
		if (t->op->told != NULL)
			for (size_t i = 0; i < t->n_told; i++)
				t->op->told(t->op->arg, &t->told[i].to, &t->told[i].fact,
				    &t->told[i].why);
		t->op->done(t->op->arg, e);
	}
	memory_free_task(t);
}

/* -- together ------------------------------------------------------------------------------------------------ */

static bool
run_op(struct kv_memory *m, struct task *t)
{
	memory_begin_run(m, t);
	return kv_run_op(t->run, t->op, &t->why) && memory_fits(m, t->run, t->op, &t->why);
}

static void
step_op(struct kv_memory *m, struct task *t)
{
	if (memory_chance(m, 4))
		run_op(m, t); /* the first run does not count */
	t->refused = !run_op(m, t);
	if (!t->refused) {
		memory_put_rows(m, t->run);
		for (size_t i = 0; i < t->run->n_told; i++) {
			const struct kv_effect *f = &t->run->effects[t->run->told[i].effect];

			memory_tell(t, &f->to, &f->fact, &t->run->told[i].why);
		}
		m->drains = m->drains || t->run->more || memory_chance(m, 4);
	}
	memory_end_run(m, t);
	t->stage = STAGE_ANSWER;
}

static void
step_drain(struct kv_memory *m, struct task *t)
{
	static const struct kv_op drain = { .frees = true };

	m->drains = false;
	if (memory_view.has_pending(m)) {
		memory_begin_run(m, t);
		kv_run_pending(t->run);
		if (memory_fits(m, t->run, &drain, &t->why)) {
			memory_put_rows(m, t->run);
			m->drains = t->run->more;
		}
	}
	memory_end_run(m, t);
}

/* The first operation on the partition. */
static struct task *
together_next(struct kv_memory *m, struct task *t)
{
	if (t->kind == TASK_DRAIN)
		return m->drains ? t : NULL;
	if (t->kind != TASK_OP || t->stage == STAGE_ANSWER)
		return t;
	for (size_t i = 0; i < m->n_tasks; i++) {
		struct task *u = m->tasks[i];

		if (u->kind == TASK_OP && u->stage == STAGE_READY && u->number < t->number &&
		    kv_part_eq(&u->op->part, &t->op->part))
			t = u;
	}
	return t;
}

static void
together_step(struct kv_memory *m, struct task *t)
{
	if (t->kind == TASK_DRAIN)
		step_drain(m, t);
	else
		step_op(m, t);
}

/* -- steps --------------------------------------------------------------------------------------------------- */

static void
step_read(struct kv_memory *m, struct task *t)
{
	struct kv *k = &t->node->kv;

	if (memory_chance(m, 4))
		kv_look_at(k, &memory_view, m, t->look, &t->why); /* does not count */
	kv_look_at(k, &memory_view, m, t->look, &t->why);
	t->refused = t->why.why != REFUSAL_NONE;
	t->stage = STAGE_ANSWER;
}

static struct task *
choose(struct kv_memory *m)
{
	size_t at = m->n_tasks == 0 ? 0 : (size_t)memory_draw(m, m->n_tasks);

	for (size_t i = 0; i < m->n_tasks; i++) {
		struct task *t = m->tasks[(at + i) % m->n_tasks];

		t = m->plan.apart ? apart_next(m, t) : together_next(m, t);
		if (t != NULL)
			return t;
	}
	return NULL;
}

bool
kv_memory_step(struct kv_memory *m)
{
	struct task *t, *answers = NULL;
	struct loop *home;

	pthread_mutex_lock(&m->lock);
	memory_copy_rows(m);
	t = choose(m);
	m->counts.steps += t != NULL;
	if (t != NULL && t->stage == STAGE_ANSWER) {
		memory_take_out_task(m, t);
		home = t->kind == TASK_READ ? t->look->home : t->op->home;
		if (home != NULL)
			loop_post(home, answer, t);
		else
			answers = t;
	} else if (t != NULL && t->kind == TASK_READ) {
		step_read(m, t);
	} else if (t != NULL && m->plan.apart) {
		apart_step(m, t);
	} else if (t != NULL) {
		together_step(m, t);
	}
	pthread_mutex_unlock(&m->lock);
	if (answers != NULL)
		answer(answers);
	return t != NULL;
}

void
kv_memory_settle(struct kv_memory *m)
{
	uint64_t before;

	do {
		pthread_mutex_lock(&m->lock);
		before = m->counts.commits;
		m->drains = true;
		apart_unstick(m, NULL);
		pthread_mutex_unlock(&m->lock);
		while (kv_memory_step(m))
			;
	} while (m->counts.commits != before);
	pthread_mutex_lock(&m->lock);
	apart_forget_gone(m);
	pthread_mutex_unlock(&m->lock);
}

/* -- steps on the loops of callers ----------------------------------------------------------------------------- */

struct pump {
	struct pump *next;
	struct kv_memory *memory;
	struct loop *loop;
};

static void
pump(void *arg)
{
	struct pump *p = arg;

	if (kv_memory_step(p->memory))
		loop_post(p->loop, pump, p);
}

/* home: NULL: the loop that was last named. */
static void
start_pump(struct kv_memory *m, struct loop *home)
{
	struct pump *p = m->pumps;

	while (p != NULL && home != NULL && p->loop != home)
		p = p->next;
	if (p == NULL && home != NULL) {
		p = memory_new(sizeof *p);
		*p = (struct pump) { m->pumps, m, home };
		m->pumps = p;
	}
	if (p != NULL)
		loop_post(p->loop, pump, p);
}

/* -- a node --------------------------------------------------------------------------------------------------- */

static struct node *
node_of(struct kv *k)
{
	return (struct node *)(void *)k;
}

static bool
take(struct kv *k, struct kv_op *op, struct err *e)
{
	struct kv_memory *m = node_of(k)->memory;

	(void)e;
	pthread_mutex_lock(&m->lock);
	memory_add_task(m, TASK_OP, node_of(k))->op = op;
	start_pump(m, op->home);
	pthread_mutex_unlock(&m->lock);
	return true;
}

static bool
take_several(struct kv *k, struct kv_op *const *ops, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		take(k, ops[i], e);
	return true;
}

static void
read_later(struct kv *k, struct kv_look *l)
{
	struct kv_memory *m = node_of(k)->memory;

	pthread_mutex_lock(&m->lock);
	memory_add_task(m, TASK_READ, node_of(k))->look = l;
	start_pump(m, l->home);
	pthread_mutex_unlock(&m->lock);
}

static bool
owns(struct kv *k, const struct kv_part *part, uint64_t *fence)
{
	struct kv_memory *m = node_of(k)->memory;
	struct object *o;
	bool own;

	*fence = 0;
	if (!m->plan.apart)
		return true;
	pthread_mutex_lock(&m->lock);
	o = memory_object(m, part);
	own = o->owner == node_of(k)->id;
	*fence = o->fence;
	pthread_mutex_unlock(&m->lock);
	return own;
}

static void
share(struct kv *k, uint64_t (*beside)(void *arg), void *arg)
{
	node_of(k)->memory->beside = beside;
	node_of(k)->memory->beside_arg = arg;
}

static uint64_t
count_pending(const struct kv_memory *m)
{
	uint64_t n = memory_count_pending(m);

	for (size_t i = 0; i < m->n_tasks; i++)
		n += m->tasks[i]->kind == TASK_EFFECT;
	return n;
}

static void
counts(struct kv *k, struct kv_counts *out)
{
	struct kv_memory *m = node_of(k)->memory;

	pthread_mutex_lock(&m->lock);
	*out = (struct kv_counts) { .writes = m->counts.commits,
		.commits = m->counts.commits,
		.used_bytes = memory_used(m),
		.size_bytes = m->plan.size,
		.pending = count_pending(m) };
	pthread_mutex_unlock(&m->lock);
}

static bool
is_busy(const struct node *node)
{
	const struct kv_memory *m = node->memory;

	for (size_t i = 0; i < m->n_tasks; i++)
		if (m->tasks[i]->node == node &&
		    (m->tasks[i]->kind == TASK_OP || m->tasks[i]->kind == TASK_READ))
			return true;
	return false;
}

static void
forget(struct node *node)
{
	struct kv_memory *m = node->memory;
	struct node **at = &m->nodes;

	pthread_mutex_lock(&m->lock);
	apart_forget_node(m, node);
	for (size_t i = m->n_tasks; i-- > 0;)
		if (m->tasks[i]->node == node)
			memory_drop_task(m, m->tasks[i]);
	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	pthread_mutex_unlock(&m->lock);
	free(node);
}

static void
close_node(struct kv *k)
{
	struct node *node = node_of(k);

	while (is_busy(node))
		if (!kv_memory_step(node->memory))
			abort(); /* an operation that is never answered */
	forget(node);
}

static const struct kv_engine engine = {
	.close = close_node,
	.take = take,
	.take_several = take_several,
	.read = read_later,
	.owns = owns,
	.share = share,
	.counts = counts,
};

struct kv *
kv_memory_open(struct kv_memory *m, const struct kv_schema *schema)
{
	struct node *node = memory_new(sizeof *node);

	kv_begin(&node->kv, &engine, schema);
	node->memory = m;
	pthread_mutex_lock(&m->lock);
	if (!m->plan.apart && m->nodes != NULL)
		abort(); /* its lock is held */
	node->id = ++m->next_node;
	node->next = m->nodes;
	m->nodes = node;
	if (!m->plan.apart)
		memory_add_task(m, TASK_DRAIN, node);
	m->drains = true;
	pthread_mutex_unlock(&m->lock);
	return &node->kv;
}

void
kv_memory_crash(struct kv **node)
{
	forget(node_of(*node));
	*node = NULL;
}

/* -- the memory ------------------------------------------------------------------------------------------------ */

struct kv_memory *
kv_memory_new(const struct kv_memory_plan *plan)
{
	struct kv_memory *m = memory_new(sizeof *m);
	pthread_mutexattr_t a;

	m->plan = *plan;
	m->random = plan->seed;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&m->lock, &a);
	pthread_mutexattr_destroy(&a);
	return m;
}

static void
free_objects(struct object *o)
{
	while (o != NULL) {
		struct object *next = o->next;

		apart_clear_object(o);
		free(o);
		o = next;
	}
}

void
kv_memory_free(struct kv_memory **m)
{
	struct kv_memory *x = *m;

	if (x == NULL)
		return;
	while (x->n_tasks > 0)
		memory_drop_task(x, x->tasks[x->n_tasks - 1]);
	free(x->tasks);
	for (size_t i = 0; i < x->n_runs; i++) {
		kv_run_clear(x->runs[i]);
		free(x->runs[i]);
	}
	for (size_t i = 0; i < OBJECT_LISTS; i++)
		free_objects(x->objects[i]);
	while (x->pumps != NULL) {
		struct pump *next = x->pumps->next;

		free(x->pumps);
		x->pumps = next;
	}
	kv_set_clear(&x->rows);
	pthread_mutex_destroy(&x->lock);
	free(x);
	*m = NULL;
}

void
kv_memory_each(struct kv_memory *m, void (*fn)(void *arg, struct span key), void *arg)
{
	pthread_mutex_lock(&m->lock);
	for (const struct kv_row *row = kv_set_first(&m->rows); row != NULL; row = kv_set_next(row))
		if (row->state == KV_ROW_PUT)
			fn(arg, row->key);
	pthread_mutex_unlock(&m->lock);
}

struct kv_memory_counts
kv_memory_counted(const struct kv_memory *m)
{
	return m->counts;
}
