/* offload — a few threads for work that blocks, so that no loop blocks.
 *
 * Async:   work(arg) runs on one of the threads, then done(arg) on the home loop, exactly once;
 *          neither runs inside offload_run or offload_take.  done may be NULL, and then home too.
 * Threads: offload_run and offload_take from any thread.  The pool's threads start after privileges are
 *          dropped.
 */
#ifndef COMMON_LOOP_OFFLOAD_H
#define COMMON_LOOP_OFFLOAD_H

#include "common/base/err.h"

#define OFFLOAD_QUEUE_MAX 1024 /* waiting jobs of offload_run */

struct loop;
struct offload;

bool offload_new(struct offload **o, unsigned threads, struct err *e);
bool offload_start(struct offload *o, struct err *e);
/* Finishes all jobs, posts each `done` (loop_drain runs it), then joins the threads. */
void offload_stop(struct offload *o);
void offload_free(struct offload **o); /* stops first */

/* False: too_many_outstanding, or closing after offload_stop; nothing will be called. */
bool offload_run(struct offload *o, struct loop *home, void (*work)(void *arg),
    void (*done)(void *arg), void *arg, struct err *e);

/* A job in its owner's memory, so there are at most as many as there are owners: it is never refused for
 * the length of the queue.  Nobody reads it once work has begun. */
struct offload_job {
	struct offload_job *next; /* offload's */
	struct loop *home;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};
/* False: closing, after offload_stop; nothing will be called. */
bool offload_take(struct offload *o, struct offload_job *j);

#endif
