/* offload — a bounded queue and the threads that empty it; see offload.h. */
#include "common/loop/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/thread.h"
#include "common/loop/loop.h"

#define THREADS_MAX 16

struct job {
	struct loop *home;
	void (*work)(void *arg);
	void (*done)(void *arg);
	void *arg;
};

struct offload {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job queue[OFFLOAD_QUEUE_MAX]; /* ring */
	unsigned head, count;
	bool stopped;
	unsigned threads, running;
	pthread_t thread[THREADS_MAX];
};

bool
offload_new(struct offload **out, unsigned threads, struct err *e)
{
	struct offload *o = memory_new(sizeof *o);

	(void)e;
	o->threads = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->more, NULL);
	*out = o;
	return true;
}

/* False: stopped, and the queue is empty. */
static bool
next_job(struct offload *o, struct job *j)
{
	bool any;

	pthread_mutex_lock(&o->lock);
	while (o->count == 0 && !o->stopped)
		pthread_cond_wait(&o->more, &o->lock);
	if ((any = o->count > 0)) {
		*j = o->queue[o->head];
		o->head = (o->head + 1) % OFFLOAD_QUEUE_MAX;
		o->count--;
	}
	pthread_mutex_unlock(&o->lock);
	return any;
}

static void *
run(void *arg)
{
	struct offload *o = arg;
	struct job j;

	while (next_job(o, &j)) {
		j.work(j.arg);
		if (j.done != NULL)
			loop_post(j.home, j.done, j.arg);
	}
	return NULL;
}

bool
offload_start(struct offload *o, struct err *e)
{
	int r = 0;

	while (o->running < o->threads && r == 0)
		if ((r = thread_start(&o->thread[o->running], run, o)) == 0)
			o->running++;
	if (r == 0)
		return true;
	offload_stop(o);
	return err_set_errno(e, REFUSAL_os_error, r, "a thread for blocking work");
}

void
offload_stop(struct offload *o)
{
	struct job j;

	pthread_mutex_lock(&o->lock);
	o->stopped = true;
	pthread_cond_broadcast(&o->more);
	pthread_mutex_unlock(&o->lock);
	while (o->running > 0)
		pthread_join(o->thread[--o->running], NULL);
	while (next_job(o, &j)) { /* not started yet: no job is lost */
		j.work(j.arg);
		if (j.done != NULL)
			loop_post(j.home, j.done, j.arg);
	}
}

void
offload_free(struct offload **o)
{
	if (*o == NULL)
		return;
	offload_stop(*o);
	pthread_cond_destroy(&(*o)->more);
	pthread_mutex_destroy(&(*o)->lock);
	free(*o);
	*o = NULL;
}

bool
offload_run(struct offload *o, struct loop *home, void (*work)(void *arg), void (*done)(void *arg),
    void *arg, struct err *e)
{
	enum refusal why = REFUSAL_NONE;

	pthread_mutex_lock(&o->lock);
	if (RULE(closing) && o->stopped)
		why = REFUSAL_closing;
	else if (RULE(too_many_outstanding) && o->count == OFFLOAD_QUEUE_MAX)
		why = REFUSAL_too_many_outstanding;
	else {
		o->queue[(o->head + o->count++) % OFFLOAD_QUEUE_MAX] = (struct job) { home, work,
			done, arg };
		pthread_cond_signal(&o->more);
	}
	pthread_mutex_unlock(&o->lock);
	return why == REFUSAL_NONE || err_word(e, why);
}
