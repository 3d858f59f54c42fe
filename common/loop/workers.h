/* workers — N threads, each with a loop of its own.
 *
 * Loops exist from workers_new on, so objects can be made on them before their threads run.
 * Threads start after privileges are dropped, because the jail changes one thread only.
 */
#ifndef COMMON_LOOP_WORKERS_H
#define COMMON_LOOP_WORKERS_H

#include "common/base/err.h"

#define WORKERS_MAX 64

struct loop;
struct workers;

bool workers_new(struct workers **w, unsigned n, struct err *e); /* 0: one per core */
bool workers_start(struct workers *w, struct err *e);
/* Runs the calls that were posted before, then joins the threads.  Loops stay usable (loop_post,
 * loop_drain) until workers_free. */
void workers_stop(struct workers *w);
void workers_free(struct workers **w); /* stops first; drains no loop */

unsigned workers_count(const struct workers *w);
struct loop *workers_loop(struct workers *w, unsigned i); /* i < count */

/* The worker that keeps everything about this pair of domains. */
unsigned workers_home(const struct workers *w, struct span own, struct span peer);

#endif
