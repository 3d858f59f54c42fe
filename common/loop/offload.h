/* offload — a few threads for work that blocks, so that no loop blocks.
 *
 * Async:   work(arg) runs on one of the threads, then done(arg) on the home loop, exactly once;
 *          neither runs inside offload_run.  done may be NULL, and then home too.
 * Threads: offload_run from any thread.  They start after privileges are dropped.
 */
#ifndef COMMON_LOOP_OFFLOAD_H
#define COMMON_LOOP_OFFLOAD_H

#include "common/base/err.h"

#define OFFLOAD_QUEUE_MAX 1024 /* waiting jobs */

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

#endif
