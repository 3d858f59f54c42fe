/* loop — one thread's event loop: posted calls, timers, descriptors.
 *
 * Threads: everything belongs to the thread that runs the loop, but loop_post, loop_stop and
 *          loop_now_ms, which any thread may call.  Before loop_run, and after it has returned (and
 *          its thread was joined), whoever holds the loop counts as that thread.
 * Async:   no callback runs inside the call that asked for it.
 * Owner:   timers and descriptors are freed by who made them, before their loop.
 */
#ifndef COMMON_LOOP_LOOP_H
#define COMMON_LOOP_LOOP_H

#include "common/base/err.h"

struct event_base;
struct loop;

bool loop_new(struct loop **l, struct err *e);
/* What is still posted is forgotten: loop_drain first, where that must not be. */
void loop_free(struct loop **l);

/* Returns after loop_stop; what was posted before it has then been run.  May be run again. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Runs what is posted, on this thread, until nothing is: for the end, when loop_run has returned. */
void loop_drain(struct loop *l);

/* In order; one wake-up a batch. */
void loop_post(struct loop *l, void (*fn)(void *arg), void *arg);
int64_t loop_now_ms(const struct loop *l); /* monotonic */

struct event_base *loop_base(struct loop *l); /* for common/dns/dns only */

/* -- timers: one shot --------------------------------------------------------------------------- */

struct loop_timer;

struct loop_timer *loop_timer_new(struct loop *l, void (*fn)(void *arg), void *arg);
void loop_timer_set_ms(struct loop_timer *t, int64_t in_ms); /* from now; again: moved */
void loop_timer_cancel(struct loop_timer *t);
void loop_timer_free(struct loop_timer **t);

/* -- descriptors: as long as they are ready, fn is called -------------------------------------- */

#define LOOP_READ  1U
#define LOOP_WRITE 2U

struct loop_fd;

/* Wants nothing at first.  The descriptor stays the caller's: loop_fd_free before close. */
struct loop_fd *loop_fd_new(struct loop *l, int fd, void (*fn)(void *arg, unsigned ready),
    void *arg);
/* False (errno): the system has no memory or no watch left for this descriptor, which is then not
 * called any more.  Free it and close the descriptor; nobody else is touched. */
bool loop_fd_want(struct loop_fd *f, unsigned what);
void loop_fd_free(struct loop_fd **f);

/* -- what a module keeps once a loop (common/net/conn: its connections) ------------------------- */

void *loop_local(struct loop *l);
void loop_set_local(struct loop *l, void *p, void (*release)(void *p));

#endif
