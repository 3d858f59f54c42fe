/* store_question — the OMS's spool: questions and operations, and their answers; see store_private.h. */
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "oms/store/store_private.h"

/* -- questions ---------------------------------------------------------------------------------------------- */

struct look {
	struct kv_look look;
	struct oms_question *question;
	void (*read)(struct kv_txn *t, void *arg);
	void *arg;
};

static void
free_question(struct oms_question *q)
{
	if (q->clear != NULL)
		q->clear(q);
	oms_store_drop(&q->store);
	free(q);
}

void
oms_answer(struct oms_question *q)
{
	if (!q->dropped)
		q->tell(q, q->why.why == REFUSAL_NONE ? NULL : &q->why);
	free_question(q);
}

/* A question that was dropped looks no further. */
static void
looked(void *arg, const struct err *e)
{
	struct look *l = arg;
	struct oms_question *q = l->question;

	if (e != NULL && q->why.why == REFUSAL_NONE)
		q->why = *e;
	free(l);
	if (--q->waiting > 0)
		return;
	if (q->dropped || q->why.why != REFUSAL_NONE)
		oms_answer(q);
	else
		q->next(q);
}

static void
is_closed(void *arg)
{
	struct err e;

	err_word(&e, REFUSAL_closing);
	looked(arg, &e);
}

static void
look_now(struct kv_txn *t, void *arg)
{
	struct look *l = arg;

	l->read(t, l->arg);
}

void
oms_look(struct oms_question *q, const struct kv_part *part,
    void (*look)(struct kv_txn *t, void *arg), void *arg)
{
	struct look *l = memory_new(sizeof *l);

	l->question = q;
	l->read = look;
	l->arg = arg;
	l->look = (struct kv_look) {
		.part = *part,
		.look = look_now,
		.done = looked,
		.arg = l,
		.home = q->loop,
	};
	q->waiting++;
	if (q->store->kv == NULL)
		loop_post(q->loop, is_closed, l);
	else
		kv_read(q->store->kv, &l->look);
}

void
oms_ask(struct oms_question *q, struct oms_store *s, struct loop *l)
{
	q->store = oms_store_hold(s);
	q->loop = l;
	q->why.why = REFUSAL_NONE;
}

void
oms_question_drop(struct oms_question **q)
{
	if (*q != NULL)
		(*q)->dropped = true;
	*q = NULL;
}

/* -- operations ---------------------------------------------------------------------------------------------- */

static void
refused(void *arg)
{
	struct oms_op *op = arg;

	op->op.done(op->op.arg, &op->why);
}

void
oms_take(struct oms_store *s, struct oms_op *op, struct loop *l)
{
	op->op.home = l;
	if (s->kv == NULL)
		err_word(&op->why, REFUSAL_closing);
	else if (kv_take(s->kv, &op->op, &op->why))
		return;
	loop_post(l, refused, op);
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
