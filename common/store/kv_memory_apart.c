/* kv_memory_apart — the mode of kv_memory in which each commit changes one object, if its version is the one read.
 *
 * An operation:  run; commit rows and effects at its partition; wait for what it awaits; answer.
 * An effect:     run at its receiver; commit there; be decided; tell its source, and leave its object.
 * A receiver:    keeps the verdict on an awaited effect (a promise) until the source has forgotten the effect, so
 *                an effect that comes again finds the same verdict.  It also marks the version of a fact that it
 *                has refused, so that a repeat which comes later still is not accepted then.
 */
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/planted.h"
#include "common/store/kv_memory_private.h"

/* -- promises ------------------------------------------------------------------------------------------------- */

static bool
is_same(const struct promise *p, const struct kv_fact *f)
{
	return p->what == f->what && p->version.n == f->version.n &&
	    span_eq(buf_span(&p->name), f->name);
}

static struct promise *
find_promise(struct kv_memory *m, const struct kv_effect *f)
{
	struct promise *p = memory_object(m, &f->to)->promises;

	while (p != NULL && !is_same(p, &f->fact))
		p = p->next;
	return p;
}

static struct promise *
add_promise(struct kv_memory *m, const struct kv_effect *f)
{
	struct object *o = memory_object(m, &f->to);
	struct promise *p = memory_new(sizeof *p);

	p->what = f->fact.what;
	p->version = f->fact.version;
	buf_add(&p->name, f->fact.name.p, f->fact.name.n);
	p->next = o->promises;
	o->promises = p;
	return p;
}

static void
drop_promise(struct object *o, struct promise *p)
{
	struct promise **at = &o->promises;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	buf_clear(&p->name);
	free(p);
}

void
apart_clear_object(struct object *o)
{
	while (o->promises != NULL)
		drop_promise(o, o->promises);
}

/* A promise is kept while it is open, and while its source may ask for it. */
static void
release_promise(struct kv_memory *m, const struct kv_part *at, struct promise *p)
{
	if (p->open > 0)
		return;
	for (size_t i = 0; i < m->n_tasks; i++) {
		const struct task *t = m->tasks[i];

		if (t->kind == TASK_EFFECT && t->effect.awaited && kv_part_eq(&t->effect.to, at) &&
		    is_same(p, &t->effect.fact))
			return;
	}
	drop_promise(memory_object(m, at), p);
}

/* -- order ------------------------------------------------------------------------------------------------------ */

static bool
is_before_commit(const struct task *t)
{
	return t->stage == STAGE_READY || t->stage == STAGE_RUN;
}

/* Operations that one node took run in their order, and effects of one pair. */
static bool
is_of_one_order(const struct task *a, const struct task *b)
{
	if (a->kind != b->kind || !is_before_commit(b))
		return false;
	if (a->kind == TASK_OP)
		return a->node == b->node && kv_part_eq(&a->op->part, &b->op->part);
	return !PLANTED(effect_reordered) && kv_part_eq(&a->effect.to, &b->effect.to) &&
	    kv_part_eq(&a->effect.from, &b->effect.from);
}

/* -- commits -------------------------------------------------------------------------------------------------- */

/* The effects of the run become tasks; `op` or `p` waits for those that are awaited. */
static size_t
add_effects(struct kv_memory *m, const struct kv_run *r, struct task *op, struct promise *p)
{
	size_t awaited = 0;

	for (size_t i = 0; i < r->n_effects; i++) {
		struct task *t = memory_add_task(m, TASK_EFFECT, NULL);
		struct kv_fact *f = &t->effect.fact;

		t->effect = r->effects[i];
		buf_add(&t->octets, f->name.p, f->name.n);
		buf_add(&t->octets, f->value.p, f->value.n);
		f->value = span_sub(buf_span(&t->octets), f->name.n, f->value.n);
		f->name = span_sub(buf_span(&t->octets), 0, f->name.n);
		if (!t->effect.awaited)
			continue;
		t->awaits = op;
		t->promise = p;
		awaited++;
	}
	return awaited;
}

void
apart_unstick(struct kv_memory *m, const struct kv_part *to)
{
	for (size_t i = 0; i < m->n_tasks; i++) {
		struct task *t = m->tasks[i];

		if (t->kind == TASK_EFFECT &&
		    (to == NULL || kv_part_eq(to, &t->effect.to) ||
			kv_part_eq(to, &t->effect.from)))
			t->stuck = false;
	}
}

static void
commit(struct kv_memory *m, const struct kv_part *part, const struct kv_run *r)
{
	memory_object(m, part)->version++;
	memory_put_rows(m, r);
	apart_unstick(m, part);
}

/* What a run may put, with its effects, which its object keeps until they are delivered. */
static bool
is_within_bounds(const struct kv_run *r, struct err *e)
{
	size_t octets = r->set.load.octets;

	for (size_t i = 0; i < r->n_effects; i++)
		octets += r->effects[i].fact.name.n + r->effects[i].fact.value.n;
	return octets <= KV_COMMIT_OCTETS && r->set.load.pages <= KV_COMMIT_PAGES
	    ? true
	    : err_set(e, REFUSAL_internal, "an operation puts more than one commit takes");
}

/* -- facts that are gone ------------------------------------------------------------------------------------------ */

static bool
may_be_older(struct kv_memory *m, const struct object *o)
{
	for (size_t i = 0; i < m->n_tasks; i++)
		if ((m->tasks[i]->kind == TASK_EFFECT || m->tasks[i]->kind == TASK_REPEAT) &&
		    kv_part_eq(&m->tasks[i]->effect.to, &o->part))
			return true;
	return false;
}

static void
forget_gone_of(struct kv_memory *m, struct object *o)
{
	struct task *t;

	if (may_be_older(m, o) || m->nodes == NULL)
		return;
	t = memory_add_task(m, TASK_REPEAT, m->nodes);
	memory_begin_run(m, t);
	kv_run_forget_gone(t->run, &o->part);
	if (kv_set_first(&t->run->set) != NULL) {
		o->version++;
		memory_put_rows(m, t->run);
	}
	memory_drop_task(m, t);
}

static void
forget_gone_by_chance(struct kv_memory *m, const struct kv_part *part)
{
	if (memory_chance(m, 8))
		forget_gone_of(m, memory_object(m, part));
}

void
apart_forget_gone(struct kv_memory *m)
{
	for (size_t i = 0; m->plan.apart && i < OBJECT_LISTS; i++)
		for (struct object *o = m->objects[i]; o != NULL; o = o->next)
			forget_gone_of(m, o);
}

/* -- operations ------------------------------------------------------------------------------------------------ */

static void
run_op(struct kv_memory *m, struct task *t)
{
	const struct object *o = memory_object(m, &t->op->part);

	memory_begin_run(m, t);
	t->base = o->version;
	t->run->fence = o->owner == t->node->id ? o->fence : o->fence + 1;
	t->refused = !kv_run_apply(t->run, &t->op->part, t->op->apply, t->op->arg, &t->why) ||
	    !is_within_bounds(t->run, &t->why);
	t->stage = STAGE_RUN;
}

static void
commit_op(struct kv_memory *m, struct task *t)
{
	struct object *o = memory_object(m, &t->op->part);

	if (o->version != t->base && !PLANTED(race_ignored)) {
		m->counts.races++;
		t->stage = STAGE_READY;
		return;
	}
	t->stage = STAGE_ANSWER;
	if (!t->refused && !memory_fits(m, t->run, t->op, &t->why))
		t->refused = true;
	if (t->refused) {
		memory_end_run(m, t);
		return;
	}
	if (o->owner != t->node->id) {
		m->counts.takeovers += o->owner != 0;
		o->owner = t->node->id;
		o->fence++;
	}
	commit(m, &o->part, t->run);
	if (PLANTED(done_early))
		add_effects(m, t->run, NULL, NULL);
	else
		t->open = add_effects(m, t->run, t, NULL);
	memory_end_run(m, t);
	if (t->open > 0)
		t->stage = STAGE_WAITS;
}

/* -- effects at their receivers --------------------------------------------------------------------------------- */

static struct node *
any_node(struct kv_memory *m)
{
	struct node *node = m->nodes;
	size_t n = 0;

	for (const struct node *x = m->nodes; x != NULL; x = x->next)
		n++;
	/* There is one at least, as the analyzer cannot know. */
	for (size_t i = (size_t)memory_draw(m, n); i > 0 && node != NULL; i--)
		node = node->next;
	return node;
}

/* An effect of the pair that came before this one and cannot be applied. */
static const struct task *
stuck_before(struct kv_memory *m, const struct task *t)
{
	for (size_t i = 0; i < m->n_tasks; i++) {
		const struct task *u = m->tasks[i];

		if (u->kind == TASK_EFFECT && u->stuck && u->number < t->number &&
		    is_of_one_order(t, u))
			return u;
	}
	return NULL;
}

static void
run_effect(struct kv_memory *m, struct task *t)
{
	const struct object *o = memory_object(m, &t->effect.to);

	t->node = any_node(m);
	memory_begin_run(m, t);
	t->base = o->version;
	t->run->fence = o->fence;
	t->refused = !kv_run_receive(t->run, &t->effect, KV_PARENT_NONE, &t->why) ||
	    !is_within_bounds(t->run, &t->why) || !memory_fits(m, t->run, NULL, &t->why);
	t->stage = STAGE_RUN;
}

static void
add_repeat(struct kv_memory *m, const struct task *t)
{
	struct task *u = memory_add_task(m, TASK_REPEAT, NULL);

	u->effect = t->effect;
	buf_add(&u->octets, t->octets.data, t->octets.len);
	u->effect.fact.name = span_sub(buf_span(&u->octets), 0, t->effect.fact.name.n);
	u->effect.fact.value = span_sub(buf_span(&u->octets), t->effect.fact.name.n,
	    t->effect.fact.value.n);
}

/* The receiver commits what the run has put, or the refusal.  Then the verdict, if there is one, is in *t. */
static void
receive(struct kv_memory *m, struct task *t)
{
	struct promise *p = find_promise(m, &t->effect);
	size_t awaited = 0;

	if (p == NULL && t->refused && t->effect.awaited) {
		kv_run_begin(t->run, m);
		if (!PLANTED(refusal_forgotten))
			kv_run_refuse(t->run, &t->effect, &t->why);
		commit(m, &t->effect.to, t->run);
		p = add_promise(m, &t->effect);
		p->refused = true;
		p->why = t->why;
	} else if (p == NULL && !t->refused && kv_set_first(&t->run->set) != NULL) {
		for (size_t i = 0; i < t->run->n_effects; i++)
			awaited += t->run->effects[i].awaited;
		if (awaited > 0) {
			p = add_promise(m, &t->effect);
			p->open = awaited;
		}
		commit(m, &t->effect.to, t->run);
		add_effects(m, t->run, NULL, p);
	}
	if (p != NULL) {
		t->refused = p->refused;
		t->why = p->why;
	}
	t->stage = p != NULL && p->open > 0 && t->effect.awaited ? STAGE_WAITS : STAGE_DECIDED;
	t->refused = t->refused && t->effect.awaited;
}

/* While an effect cannot be applied, awaited ones after it are refused. */
static void
start_effect(struct kv_memory *m, struct task *t)
{
	const struct task *first = t->effect.awaited ? stuck_before(m, t) : NULL;

	if (first == NULL) {
		run_effect(m, t);
		return;
	}
	t->refused = true;
	t->why = first->why;
	t->stage = STAGE_DECIDED;
}

static void
commit_effect(struct kv_memory *m, struct task *t)
{
	if (memory_object(m, &t->effect.to)->version != t->base) {
		m->counts.races++;
		t->stage = STAGE_READY;
	} else if (t->refused && !t->effect.awaited) {
		t->stuck = true;
		t->stage = STAGE_READY;
	} else {
		if (memory_chance(m, 6))
			add_repeat(m, t);
		receive(m, t);
	}
	memory_end_run(m, t);
}

/* Nobody waits for the verdict. */
static void
step_repeat(struct kv_memory *m, struct task *t)
{
	struct kv_part to = t->effect.to;
	struct promise *p;

	m->counts.repeats++;
	run_effect(m, t);
	if (!t->refused || t->effect.awaited)
		receive(m, t);
	p = find_promise(m, &t->effect);
	memory_drop_task(m, t);
	if (p != NULL)
		release_promise(m, &to, p);
	forget_gone_by_chance(m, &to);
}

/* -- verdicts ---------------------------------------------------------------------------------------------------- */

static void
decide_op(struct task *op, const struct task *t)
{
	if (t->refused)
		memory_tell(op, &t->effect.to, &t->effect.fact, &t->why);
	if (--op->open == 0)
		op->stage = STAGE_ANSWER;
}

/* The effects that wait for this promise have their verdict. */
static void
wake(struct kv_memory *m, const struct kv_part *at, const struct promise *p)
{
	for (size_t i = 0; i < m->n_tasks; i++) {
		struct task *t = m->tasks[i];

		if (t->kind != TASK_EFFECT || t->stage != STAGE_WAITS ||
		    !kv_part_eq(&t->effect.to, at) || !is_same(p, &t->effect.fact))
			continue;
		t->stage = STAGE_DECIDED;
		t->refused = p->refused;
		t->why = p->why;
	}
}

/* Part of the commit of the run r, at the partition that has made the promise. */
static void
decide_promise(struct kv_memory *m, struct task *t, struct kv_run *r)
{
	struct promise *p = t->promise;
	struct kv_effect kept = { .to = t->effect.from,
		.fact = { .what = p->what, .name = buf_span(&p->name), .version = p->version } };

	if (t->refused && !p->refused) {
		p->refused = true;
		p->why = t->why;
	}
	if (--p->open > 0)
		return;
	if (p->refused)
		kv_run_refuse(r, &kept, &p->why);
	wake(m, &kept.to, p);
}

/* False: a fault.  It is tried again later, but the operation is answered now. */
static bool
tell_source(struct kv_memory *m, struct task *t)
{
	struct err e;

	t->node = any_node(m);
	t->stuck = false;
	for (unsigned runs = memory_chance(m, 4) ? 2 : 1; runs > 0; runs--) {
		memory_begin_run(m, t);
		t->run->fence = memory_object(m, &t->effect.from)->fence;
		if (t->refused && !kv_run_refused(t->run, &t->effect, &t->why, &e)) {
			t->why = e;
			t->stuck = true;
			break;
		}
	}
	return !t->stuck;
}

static void
step_decided(struct kv_memory *m, struct task *t)
{
	struct kv_part from = t->effect.from, to = t->effect.to;
	struct promise *p, *own = t->promise;
	struct task *op = t->awaits;
	struct err why = t->why;
	bool good = tell_source(m, t);

	if (!good)
		kv_run_begin(t->run, m);
	if (own != NULL)
		decide_promise(m, t, t->run);
	commit(m, &from, t->run);
	t->stuck = !good;
	add_effects(m, t->run, NULL, NULL);
	memory_end_run(m, t);
	if (op != NULL)
		decide_op(op, t);
	t->awaits = NULL;
	t->promise = NULL;
	t->why = why;
	p = t->effect.awaited ? find_promise(m, &t->effect) : NULL;
	if (good)
		memory_drop_task(m, t);
	if (good && p != NULL)
		release_promise(m, &to, p);
	if (own != NULL)
		release_promise(m, &from, own);
	forget_gone_by_chance(m, &to);
}

/* -- steps ------------------------------------------------------------------------------------------------------- */

struct task *
apart_next(struct kv_memory *m, struct task *t)
{
	struct task *asked = t;

	if (t->stage == STAGE_WAITS)
		return NULL;
	if (t->kind == TASK_REPEAT)
		return m->nodes == NULL ? NULL : t;
	if ((t->kind == TASK_OP || t->kind == TASK_EFFECT) && is_before_commit(t))
		for (size_t i = 0; i < m->n_tasks; i++)
			if (m->tasks[i]->number < t->number && is_of_one_order(t, m->tasks[i]))
				t = m->tasks[i];
	if (t->kind != TASK_EFFECT)
		return t;
	if (t->stuck && t != asked && asked->effect.awaited)
		t = asked; /* it gives up */
	return t->stuck || m->nodes == NULL ? NULL : t;
}

void
apart_step(struct kv_memory *m, struct task *t)
{
	if (t->kind == TASK_REPEAT)
		step_repeat(m, t);
	else if (t->kind == TASK_OP && t->stage == STAGE_READY)
		run_op(m, t);
	else if (t->kind == TASK_OP)
		commit_op(m, t);
	else if (t->stage == STAGE_READY)
		start_effect(m, t);
	else if (t->stage == STAGE_RUN)
		commit_effect(m, t);
	else
		step_decided(m, t);
}

/* An effect that the node carried is delivered again, by another node. */
void
apart_forget_node(struct kv_memory *m, struct node *node)
{
	for (size_t i = 0; i < m->n_tasks; i++) {
		struct task *t = m->tasks[i];

		if (t->kind != TASK_EFFECT)
			continue;
		if (t->awaits != NULL && t->awaits->node == node)
			t->awaits = NULL;
		if (t->node != node)
			continue;
		if (PLANTED(effect_lost))
			continue; /* the caller drops the tasks of the node */
		t->node = NULL;
		t->stage = STAGE_READY;
		memory_end_run(m, t);
	}
}
