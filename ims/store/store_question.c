/* store_question — the IMS's mailboxes: questions and their answers; see store.h. */
#include <stdlib.h>

#include "common/loop/loop.h"
#include "ims/store/store_private.h"

static bool
look(struct ims_question *q, struct err *e)
{
	struct db_txn *t;
	bool good;

	if (q->store == NULL || q->store->db == NULL)
		return err_word(e, REFUSAL_closing);
	if (!db_read(q->store->db, &t, e))
		return false;
	good = q->look(t, q, e);
	if (good)
		good = !db_fault(t, e);
	db_read_end(&t);
	return good;
}

/* A question that was dropped is not read at all. */
static void
answer(void *arg)
{
	struct ims_question *q = arg;
	struct err e;
	bool good;

	if (!q->dropped) {
		good = look(q, &e);
		q->tell(q, good ? NULL : &e);
	}
	if (q->clear != NULL)
		q->clear(q);
	ims_store_let_go(&q->store);
	free(q);
}

struct ims_question *
ims_ask(struct ims_question *q, struct ims_store *s, struct loop *l)
{
	q->store = ims_store_hold(s);
	loop_later(l, answer, q);
	return q;
}

void
ims_question_drop(struct ims_question **q)
{
	if (*q != NULL)
		(*q)->dropped = true;
	*q = NULL;
}
