/* workers — N threads, each with a loop of its own.
 *
 * Loops exist from workers_new on, so that things can be made on them before their threads run.
 * Threads start after privileges are dropped: what the jail sets is set for one thread.
 */
#ifndef COMMON_LOOP_WORKERS_H
#define COMMON_LOOP_WORKERS_H

#include "common/base/err.h"

#define WORKERS_MAX 64

struct loop;
struct workers;

bool workers_new(struct workers **w, unsigned n, struct err *e); /* 0: one per core */
bool workers_start(struct workers *w, struct err *e);
/* What was posted before is run; then the threads are joined.  Loops stay usable (loop_post,
 * loop_drain) until workers_free. */
void workers_stop(struct workers *w);
void workers_free(struct workers **w); /* stops first; drains no loop */

unsigned workers_count(const struct workers *w);
struct loop *workers_loop(struct workers *w, unsigned i); /* i < count */

/* The one worker at which all that concerns this pair of domains is kept. */
unsigned workers_home(const struct workers *w, struct span own, struct span peer);

#endif
