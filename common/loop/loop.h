/* loop — one thread's event loop: posted calls, timers, descriptors.
 *
 * Threads: any thread may call loop_post, loop_stop and loop_now_ms.  Everything else belongs to the
 *          thread that runs the loop; before loop_run, and after that thread was joined, to the
 *          owner of the loop.
 * Async:   no callback runs inside the call that asked for it.
 * Owner:   the maker of a timer or descriptor frees it, before the loop.
 */
#ifndef COMMON_LOOP_LOOP_H
#define COMMON_LOOP_LOOP_H

#include "common/base/err.h"

struct event_base;
struct loop;

bool loop_new(struct loop **l, struct err *e);
/* Drops calls that have not run; call loop_drain first to run them. */
void loop_free(struct loop **l);

/* Returns after loop_stop, when the calls posted before it have run.  May be called again. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Runs the calls of loop_post and loop_later on this thread until there are none; for the end, after loop_run. */
void loop_drain(struct loop *l);

/* Calls run in order; a batch costs one wake-up. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);
/* Only on the loop's thread: fn runs on it after the callback that runs now, before the loop waits again, and
 * without a system call.  Calls run in order. */
void loop_later(struct loop *l, void (*fn)(void *arg), void *arg);
int64_t loop_now_ms(const struct loop *l); /* monotonic */

struct event_base *loop_base(struct loop *l); /* for common/dns/dns only */

/* -- timers: one shot --------------------------------------------------------------------------- */

struct loop_timer;

struct loop_timer *loop_timer_new(struct loop *l, void (*fn)(void *arg), void *arg);
void loop_timer_set_ms(struct loop_timer *t,
    int64_t in_ms); /* from now; replaces an earlier time */
void loop_timer_cancel(struct loop_timer *t);
void loop_timer_free(struct loop_timer **t);

/* -- descriptors: as long as they are ready, fn is called -------------------------------------- */

#define LOOP_READ  1U
#define LOOP_WRITE 2U

struct loop_fd;

/* Watches nothing at first.  The caller keeps the descriptor: loop_fd_free, then close. */
struct loop_fd *loop_fd_new(struct loop *l, int fd, void (*fn)(void *arg, unsigned ready),
    void *arg);
/* False (errno): the system cannot watch the descriptor, and fn is not called any more.  Free it and
 * close the descriptor.  Other descriptors are not affected. */
bool loop_fd_want(struct loop_fd *f, unsigned what);
void loop_fd_free(struct loop_fd **f);

/* -- what a module keeps once a loop (common/net/conn: its connections) ------------------------- */

void *loop_local(struct loop *l);
void loop_set_local(struct loop *l, void *p, void (*release)(void *p));

#endif
