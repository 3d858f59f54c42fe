/* offload — a few threads for work that blocks, so that no loop ever does.
 *
 * Async:   work(arg) runs on one of the threads, then done(arg) on the home loop, exactly once;
 *          neither runs inside offload_run.  done NULL: nobody is told (home may be NULL too).
 * Threads: offload_run from any thread.  They start after privileges are dropped.
 */
#ifndef COMMON_LOOP_OFFLOAD_H
#define COMMON_LOOP_OFFLOAD_H

#include "common/base/err.h"

#define OFFLOAD_QUEUE_MAX 1024 /* waiting at once */

struct loop;
struct offload;

bool offload_new(struct offload **o, unsigned threads, struct err *e);
bool offload_start(struct offload *o, struct err *e);
/* Finishes all that was asked for, then joins: each `done` is posted (loop_drain runs it). */
void offload_stop(struct offload *o);
void offload_free(struct offload **o); /* stops first */

/* False (too_many_outstanding, or closing once it was stopped): nothing will be called. */
bool offload_run(struct offload *o, struct loop *home, void (*work)(void *arg),
    void (*done)(void *arg), void *arg, struct err *e);

#endif
