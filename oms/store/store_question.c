/* store_question — the OMS's spool: questions and their answers; see store.h. */
#include <stdlib.h>

#include "common/loop/loop.h"
#include "oms/store/store_private.h"

static bool
look(struct oms_question *q, struct err *e)
{
	struct db_txn *t;
	bool good;

	if (q->store->db == NULL)
		return err_word(e, REFUSAL_closing);
	if (!db_read(q->store->db, &t, e))
		return false;
	good = q->look(t, q, e) && !db_fault(t, e);
	db_read_end(&t);
	return good;
}

/* A question that was dropped is not read at all. */
static void
answer(void *arg)
{
	struct oms_question *q = arg;
	bool good;
	struct err e;

	if (!q->dropped) {
		good = look(q, &e);
		q->tell(q, good ? NULL : &e);
	}
	if (q->clear != NULL)
		q->clear(q);
	oms_store_drop(&q->store);
	free(q);
}

struct oms_question *
oms_ask(struct oms_question *q, struct oms_store *s, struct loop *l)
{
	q->store = oms_store_hold(s);
	loop_post(l, answer, q);
	return q;
}

void
oms_question_drop(struct oms_question **q)
{
	if (*q != NULL)
		(*q)->dropped = true;
	*q = NULL;
}
