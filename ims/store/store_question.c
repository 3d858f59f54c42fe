/* store_question — the IMS's mailboxes: questions and operations, and their answers; see store_private.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "ims/store/store_private.h"

/* -- questions ---------------------------------------------------------------------------------------------- */

struct look {
	struct kv_look look;
	struct ims_question *question;
	void (*read)(struct kv_txn *t, void *arg, struct err *why);
	void *arg;
	struct err why; /* set by `read` */
};

static void
free_question(struct ims_question *q)
{
	if (q->clear != NULL)
		q->clear(q);
	ims_store_let_go(&q->store);
	free(q);
}

void
ims_answer(struct ims_question *q)
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
	struct ims_question *q = l->question;

	if (e == NULL && l->why.why != REFUSAL_NONE)
		e = &l->why;
	if (e != NULL && q->why.why == REFUSAL_NONE)
		q->why = *e;
	free(l);
	if (--q->waiting > 0)
		return;
	if (q->dropped || q->why.why != REFUSAL_NONE)
		ims_answer(q);
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
	if (!l->question->dropped)
		l->read(t, l->arg, &l->why);
}

void
ims_look(struct ims_question *q, struct kv_part part,
    void (*look)(struct kv_txn *t, void *arg, struct err *why), void *arg)
{
	struct look *l = memory_new(sizeof *l);

	l->question = q;
	l->read = look;
	l->arg = arg;
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
ims_ask(struct ims_question *q, struct ims_store *s, struct loop *l)
{
	q->store = ims_store_hold(s);
	q->loop = l;
	q->why.why = REFUSAL_NONE;
}

void
ims_question_drop(struct ims_question **q)
{
	if (*q != NULL)
		(*q)->dropped = true;
	*q = NULL;
}

/* -- operations ---------------------------------------------------------------------------------------------- */

static void
refused(void *arg)
{
	struct ims_op *op = arg;
	struct err e;

	err_word(&e, op->why);
	op->op.done(op->op.arg, &e);
}

void
ims_take(struct ims_store *s, struct ims_op *op, struct loop *l)
{
	ims_take_several(s, &op, 1, l);
}

void
ims_take_several(struct ims_store *s, struct ims_op *const *ops, size_t n, struct loop *l)
{
	struct kv_op **all = memory_array(n, sizeof *all);
	struct err why;
	bool taken = false;

	for (size_t i = 0; i < n; i++) {
		ops[i]->op.home = l;
		all[i] = &ops[i]->op;
	}
	if (s == NULL || s->kv == NULL)
		err_word(&why, REFUSAL_closing);
	else
		taken = kv_take_several(s->kv, all, n, &why);
	for (size_t i = 0; i < n && !taken; i++) {
		ops[i]->why = why.why;
		loop_post(l, refused, ops[i]);
	}
	free(all);
}
