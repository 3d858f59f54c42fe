/* fetcher — who asks for which letter, and when it is its turn; see fetcher.h. */
#include "ims/fetch/fetcher.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "ims/fetch/fetch_run.h"

/* One who waits for a letter. */
struct asker {
	struct asker *next;
	struct fetcher *fetcher;
	struct fetcher_question q;
	/* of an answer on its way to the asker's loop */
	struct ims_letter letter;
	struct err why;
	uint64_t got, size;
};

/* One letter being fetched, or waiting for its turn. */
struct task {
	TAILQ_ENTRY(task) link;
	struct fetcher *fetcher;
	struct ims_letter letter;
	struct asker *askers;
	struct fetch_run *run; /* NULL: waits for its turn */
	int64_t told_ms;       /* progress */
};

struct fetcher {
	struct ims_worker *worker;
	TAILQ_HEAD(tasks, task) tasks; /* in the order of asking */
};

/* -- answers ----------------------------------------------------------------------------------- */

static void
say_done(void *arg)
{
	struct asker *a = arg;

	a->q.done(a->q.arg, &a->letter, a->why.why == REFUSAL_NONE ? NULL : &a->why);
	free(a);
}

struct progress {
	void (*fn)(void *arg, uint64_t got, uint64_t size);
	void *arg;
	uint64_t got, size;
};

static void
say_progress(void *arg)
{
	struct progress *p = arg;

	p->fn(p->arg, p->got, p->size);
	free(p);
}

/* Posted before `done` to the same loop, so it finds the asker alive. */
static void
tell_progress(const struct asker *a, uint64_t got, uint64_t size)
{
	struct progress *p;

	if (a->q.progress == NULL)
		return;
	p = memory_new(sizeof *p);
	*p = (struct progress) { a->q.progress, a->q.arg, got, size };
	loop_post(a->q.loop, say_progress, p);
}

static void
answer(struct task *t, const struct ims_letter *l, const struct err *e)
{
	struct asker *a = t->askers;

	t->askers = NULL;
	while (a != NULL) {
		struct asker *next = a->next;

		a->letter = *l;
		a->why = (struct err) { REFUSAL_NONE, "" };
		if (e != NULL)
			a->why = *e;
		loop_post(a->q.loop, say_done, a);
		a = next;
	}
}

/* -- turns ------------------------------------------------------------------------------------------ */

static bool
same_letter(const struct ims_letter *a, const struct ims_letter *b)
{
	return ulid_eq(&a->id, &b->id) && strcmp(a->from_domain, b->from_domain) == 0;
}

/* One that is settled (its DONE is still to be said) answers nobody any more. */
static struct task *
find_task(struct fetcher *f, const struct ims_letter *l)
{
	struct task *t;

	TAILQ_FOREACH (t, &f->tasks, link)
		if (same_letter(&t->letter, l) && (t->run == NULL || !fetch_run_settled(t->run)))
			return t;
	return NULL;
}

static unsigned
running(const struct fetcher *f, const char *domain)
{
	const struct task *t;
	unsigned n = 0;

	TAILQ_FOREACH (t, &f->tasks, link)
		n += t->run != NULL && strcmp(t->letter.from_domain, domain) == 0;
	return n;
}

static const struct fetch_run_ops run_ops;

static void
start_waiting(struct fetcher *f)
{
	struct task *t;

	TAILQ_FOREACH (t, &f->tasks, link)
		if (t->run == NULL && running(f, t->letter.from_domain) < FETCHER_PER_DOMAIN)
			t->run = fetch_run_new(f->worker, &t->letter, &run_ops, t);
}

static void
on_progress(void *arg, uint64_t got)
{
	struct task *t = arg;
	int64_t now_ms = loop_now_ms(t->fetcher->worker->loop);

	if (now_ms < t->told_ms + FETCHER_PROGRESS_MS)
		return;
	t->told_ms = now_ms;
	for (struct asker *a = t->askers; a != NULL; a = a->next)
		tell_progress(a, got, t->letter.size);
}

static void
on_settled(void *arg, const struct ims_letter *l, const struct err *e)
{
	answer(arg, l, e);
}

static void
on_over(void *arg)
{
	struct task *t = arg;
	struct fetcher *f = t->fetcher;

	TAILQ_REMOVE(&f->tasks, t, link);
	free(t);
	start_waiting(f);
}

static const struct fetch_run_ops run_ops = { on_progress, on_settled, on_over };

/* -- questions ---------------------------------------------------------------------------------------- */

/* A letter that was settled (its DONE is still to be said) is asked of the store again. */
static void
asked(void *arg)
{
	struct asker *a = arg;
	struct fetcher *f = a->fetcher;
	struct task *t = find_task(f, &a->q.letter);

	if (t == NULL) {
		t = memory_new(sizeof *t);
		t->fetcher = f;
		t->letter = a->q.letter;
		TAILQ_INSERT_TAIL(&f->tasks, t, link);
	}
	a->next = t->askers;
	t->askers = a;
	start_waiting(f);
}

void
fetcher_ask(struct ims *i, const struct fetcher_question *q)
{
	struct asker *a = memory_new(sizeof *a);
	unsigned home = workers_home(i->workers, span_str(q->letter.own_domain),
	    span_str(q->letter.from_domain));

	a->q = *q;
	a->fetcher = i->worker[home].fetcher;
	loop_post(i->worker[home].loop, asked, a);
}

struct fetcher *
fetcher_new(struct ims_worker *w)
{
	struct fetcher *f = memory_new(sizeof *f);

	f->worker = w;
	TAILQ_INIT(&f->tasks);
	return f;
}

void
fetcher_free(struct fetcher **fp)
{
	struct fetcher *f = *fp;
	struct task *t;
	struct err e;

	if (f == NULL)
		return;
	err_word(&e, REFUSAL_closing);
	while ((t = TAILQ_FIRST(&f->tasks)) != NULL) {
		TAILQ_REMOVE(&f->tasks, t, link);
		answer(t, &t->letter, &e);
		fetch_run_free(&t->run);
		free(t);
	}
	free(f);
	*fp = NULL;
}
