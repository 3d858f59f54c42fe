/* offload — a bounded queue and the threads that empty it; see offload.h. */
#include "common/loop/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "common/base/memory.h"
#include "common/base/thread.h"
#include "common/loop/loop.h"

#define THREADS_MAX 16

struct offload {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct offload_job ours[OFFLOAD_QUEUE_MAX]; /* of offload_run */
	struct offload_job *unused;                 /* of these */
	struct offload_job *first, **last;          /* the queue */
	bool stopped;
	unsigned threads, running;
	pthread_t thread[THREADS_MAX];
};

static void
put_back(struct offload *o, struct offload_job *j)
{
	j->next = o->unused;
	o->unused = j;
}

bool
offload_new(struct offload **out, unsigned threads, struct err *e)
{
	struct offload *o = memory_new(sizeof *o);

	(void)e;
	o->threads = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->more, NULL);
	o->last = &o->first;
	for (unsigned i = 0; i < OFFLOAD_QUEUE_MAX; i++)
		put_back(o, &o->ours[i]);
	*out = o;
	return true;
}

/* A copy of the first job.  False: stopped, and the queue is empty. */
static bool
next_job(struct offload *o, struct offload_job *out)
{
	struct offload_job *j;

	pthread_mutex_lock(&o->lock);
	while (o->first == NULL && !o->stopped)
		pthread_cond_wait(&o->more, &o->lock);
	if ((j = o->first) != NULL) {
		*out = *j;
		if ((o->first = j->next) == NULL)
			o->last = &o->first;
		if (j >= o->ours && j < o->ours + OFFLOAD_QUEUE_MAX)
			put_back(o, j);
	}
	pthread_mutex_unlock(&o->lock);
	return j != NULL;
}

static void *
run(void *arg)
{
	struct offload *o = arg;
	struct offload_job j;

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
	struct offload_job j;

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

static void
append(struct offload *o, struct offload_job *j)
{
	j->next = NULL;
	*o->last = j;
	o->last = &j->next;
	pthread_cond_signal(&o->more);
}

bool
offload_take(struct offload *o, struct offload_job *j)
{
	bool open;

	pthread_mutex_lock(&o->lock);
	open = !o->stopped;
	if (open)
		append(o, j);
	pthread_mutex_unlock(&o->lock);
	return open;
}

bool
offload_run(struct offload *o, struct loop *home, void (*work)(void *arg), void (*done)(void *arg),
    void *arg, struct err *e)
{
	enum refusal why = REFUSAL_NONE;
	struct offload_job *j;

	pthread_mutex_lock(&o->lock);
	if (RULE(closing) && o->stopped)
		why = REFUSAL_closing;
	else if (RULE(too_many_outstanding) && o->unused == NULL)
		why = REFUSAL_too_many_outstanding;
	else if ((j = o->unused) != NULL) {
		o->unused = j->next;
		*j = (struct offload_job) { .home = home, .work = work, .done = done, .arg = arg };
		append(o, j);
	}
	pthread_mutex_unlock(&o->lock);
	return why == REFUSAL_NONE || err_word(e, why);
}
