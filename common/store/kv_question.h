/* kv_question — questions to a store on kv, which look at partitions in steps, and operations that it takes.
 *
 * State:   begun -> looking -> next -> looking ... -> answered.  After the last of its looks a question calls `next`,
 *          which looks again or answers; after a fault or a drop it answers by itself.
 * Owner:   a question is the first member of a struct on the heap, which the answer frees; it holds its store.
 * Async:   `tell` and an operation's `done` are called on the loop, once, never inside the call; `tell` not after a
 *          drop.  A store that was closed, or NULL, answers closing.
 * Threads: all of it runs on the loop's thread, but `look` and `judge`, as that of a kv_look.
 */
#ifndef COMMON_STORE_KV_QUESTION_H
#define COMMON_STORE_KV_QUESTION_H

#include "common/store/kv.h"

struct kv_store;

struct kv_question {
	struct kv_store *store; /* NULL: it was closed */
	struct loop *loop;
	void (*next)(struct kv_question *q); /* all that was looked at was read */
	void (*tell)(struct kv_question *q, const struct err *e); /* calls the caller's `done` */
	void (*clear)(struct kv_question *q);                     /* NULL: it holds nothing */
	unsigned waiting;
	bool dropped;
	struct err why; /* the first fault */
};

/* `next`, `tell` and `clear` are set. */
void kv_question_begin(struct kv_question *q, struct kv_store *s, struct loop *l);
/* look: as that of a kv_look, so it may run several times, and a question that was dropped does not run it;
 * `arg` is valid until `next`. */
void kv_question_look(struct kv_question *q, struct kv_part part,
    void (*look)(struct kv_txn *t, void *arg), void *arg);
/* The same; it may set *why: then the question fails. */
void kv_question_judge(struct kv_question *q, struct kv_part part,
    void (*judge)(struct kv_txn *t, void *arg, struct err *why), void *arg);
/* Tells, and frees it.  e: q->why, or NULL. */
void kv_question_answer(struct kv_question *q);
/* `tell` is not called any more.  *q may be NULL; it is set to NULL. */
void kv_question_drop(struct kv_question **q);

/* Takes op, whose members but `home` are set.  Where the store is closed or has too much to do, `done` is called later
 * with the reason. */
void kv_store_take(struct kv_store *s, struct kv_op *op, struct loop *l);
/* The same for several, which may share a commit: all are taken, or none. */
void kv_store_take_several(struct kv_store *s, struct kv_op *const *ops, size_t n, struct loop *l);

#endif
