/* kv_question — questions to a store on kv, and operations that it takes; see kv_question.h. */
#include "common/store/kv_question.h"

#include <stdlib.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/store/kv_store.h"

/* -- questions ---------------------------------------------------------------------------------------------- */

struct look {
	struct kv_look look;
	struct kv_question *question;
	void (*read)(struct kv_txn *t, void *arg); /* or judge */
	void (*judge)(struct kv_txn *t, void *arg, struct err *why);
	void *arg;
	struct err why; /* set by `judge` */
};

void
kv_question_begin(struct kv_question *q, struct kv_store *s, struct loop *l)
{
	q->store = kv_store_hold(s);
	q->loop = l;
	q->why.why = REFUSAL_NONE;
}

static void
free_question(struct kv_question *q)
{
	struct kv_store *s = q->store;

	if (q->clear != NULL)
		q->clear(q);
	free(q);
	kv_store_let_go(s);
}

void
kv_question_answer(struct kv_question *q)
{
	if (!q->dropped)
		q->tell(q, q->why.why == REFUSAL_NONE ? NULL : &q->why);
	free_question(q);
}

void
kv_question_drop(struct kv_question **q)
{
	if (*q != NULL)
		(*q)->dropped = true;
	*q = NULL;
}

static void
looked(void *arg, const struct err *e)
{
	struct look *l = arg;
	struct kv_question *q = l->question;

	if (e == NULL && l->why.why != REFUSAL_NONE)
		e = &l->why;
	if (e != NULL && q->why.why == REFUSAL_NONE)
		q->why = *e;
	free(l);
	if (--q->waiting > 0)
		return;
	if (q->dropped || q->why.why != REFUSAL_NONE)
		kv_question_answer(q);
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

	l->why.why = REFUSAL_NONE;
	if (l->question->dropped)
		return;
	if (l->judge != NULL)
		l->judge(t, l->arg, &l->why);
	else
		l->read(t, l->arg);
}

static struct look *
look_new(struct kv_question *q, void *arg)
{
	struct look *l = memory_new(sizeof *l);

	l->question = q;
	l->arg = arg;
	return l;
}

static void
take_look(struct look *l, struct kv_part part)
{
	struct kv_question *q = l->question;

	l->look = (struct kv_look) {
		.part = part,
		.look = look_now,
		.done = looked,
		.arg = l,
		.home = q->loop,
	};
	q->waiting++;
	if (q->store == NULL || q->store->kv == NULL)
		loop_post(q->loop, is_closed, l);
	else
		kv_read(q->store->kv, &l->look);
}

void
kv_question_look(struct kv_question *q, struct kv_part part,
    void (*read)(struct kv_txn *t, void *arg), void *arg)
{
	struct look *l = look_new(q, arg);

	l->read = read;
	take_look(l, part);
}

void
kv_question_judge(struct kv_question *q, struct kv_part part,
    void (*judge)(struct kv_txn *t, void *arg, struct err *why), void *arg)
{
	struct look *l = look_new(q, arg);

	l->judge = judge;
	take_look(l, part);
}

/* -- operations ---------------------------------------------------------------------------------------------- */

struct refused {
	struct kv_op *op;
	struct err why;
};

static void
refuse_now(void *arg)
{
	struct refused *r = arg;

	r->op->done(r->op->arg, &r->why);
	free(r);
}

static void
refuse_later(struct kv_op *op, const struct err *why)
{
	struct refused *r = memory_new(sizeof *r);

	r->op = op;
	r->why = *why;
	loop_post(op->home, refuse_now, r);
}

void
kv_store_take(struct kv_store *s, struct kv_op *op, struct loop *l)
{
	kv_store_take_several(s, &op, 1, l);
}

void
kv_store_take_several(struct kv_store *s, struct kv_op *const *ops, size_t n, struct loop *l)
{
	struct err why;

	for (size_t i = 0; i < n; i++)
		ops[i]->home = l;
	if (s == NULL || s->kv == NULL)
		err_word(&why, REFUSAL_closing);
	else if (kv_take_several(s->kv, ops, n, &why))
		return;
	for (size_t i = 0; i < n; i++)
		refuse_later(ops[i], &why);
}
