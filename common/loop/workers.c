/* workers — threads with a loop each; see workers.h. */
#include "common/loop/workers.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/base/thread.h"
#include "common/loop/loop.h"

struct worker {
	struct loop *loop;
	pthread_t thread;
	bool runs;
};

struct workers {
	unsigned n;
	struct worker w[];
};

bool
workers_new(struct workers **out, unsigned n, struct err *e)
{
	struct workers *w;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (n == 0)
		n = cores < 1 ? 1 : (unsigned)cores;
	if (n > WORKERS_MAX)
		n = WORKERS_MAX;
	w = memory_new(sizeof *w + n * sizeof w->w[0]);
	w->n = n;
	for (unsigned i = 0; i < n; i++)
		if (!loop_new(&w->w[i].loop, e)) {
			workers_free(&w);
			return false;
		}
	*out = w;
	return true;
}

static void *
run(void *arg)
{
	loop_run(arg);
	return NULL;
}

bool
workers_start(struct workers *w, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; i < w->n && r == 0; i++)
		if ((r = thread_start(&w->w[i].thread, run, w->w[i].loop)) == 0)
			w->w[i].runs = true;
	if (r == 0)
		return true;
	workers_stop(w);
	return err_set_errno(e, REFUSAL_os_error, r, "a worker thread");
}

void
workers_stop(struct workers *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->w[i].runs)
			loop_stop(w->w[i].loop);
	for (unsigned i = 0; i < w->n; i++)
		if (w->w[i].runs) {
			pthread_join(w->w[i].thread, NULL);
			w->w[i].runs = false;
		}
}

void
workers_free(struct workers **w)
{
	if (*w == NULL)
		return;
	workers_stop(*w);
	for (unsigned i = 0; i < (*w)->n; i++)
		loop_free(&(*w)->w[i].loop);
	free(*w);
	*w = NULL;
}

unsigned
workers_count(const struct workers *w)
{
	return w->n;
}

struct loop *
workers_loop(struct workers *w, unsigned i)
{
	return w->w[i].loop;
}

/* FNV-1a spreads domains over a handful of workers; a peer that aims at one worker gains nothing. */
static uint32_t
mix(uint32_t h, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 16777619U;
	return (h ^ 0xffU) * 16777619U;
}

unsigned
workers_home(const struct workers *w, struct span own, struct span peer)
{
	return mix(mix(2166136261U, own), peer) % w->n;
}
