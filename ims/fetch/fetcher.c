/* fetcher — which letters are asked for, and when each has its turn; see fetcher.h. */
#include "ims/fetch/fetcher.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/base/random.h"
#include "common/loop/loop.h"
#include "common/loop/workers.h"
#include "ims/fetch/fetch_pair.h"
#include "ims/fetch/fetch_run.h"

#define BUCKETS 1024

/* Somebody who waits for a letter. */
struct asker {
	struct asker *next;
	struct ims_worker *home;
	struct fetcher_question q;
	uint64_t ticket;
	/* of an answer on its way to the asker's loop */
	struct ims_letter letter;
	struct err why;
};

/* Letters that share the warm session, and those that have a session of their own. */
enum lanes { SHARED, LARGE, LANES };

static const unsigned lane_most[LANES] = {
	[SHARED] = FETCHER_SHARED,
	[LARGE] = FETCHER_LARGE,
};

/* One letter being fetched, or waiting for its turn. */
struct task {
	LIST_ENTRY(task) same;  /* in its bucket */
	TAILQ_ENTRY(task) link; /* while it waits for its turn, at its sender's domain */
	struct sender *sender;
	struct lane *lane; /* of the sender */
	struct ims_letter letter;
	struct asker *askers;
	struct fetch_run *run; /* NULL: waits for its turn */
	int64_t progress_ms;   /* when progress was reported last */
};

/* A sender domain from which something is fetched. */
struct sender {
	LIST_ENTRY(sender) same; /* in its bucket */
	struct fetcher *fetcher;
	struct domain domain;
	struct lane {
		unsigned running;
		TAILQ_HEAD(waiting, task) waiting; /* in the order of asking */
	} lane[LANES];
};

struct fetcher {
	struct ims_worker *worker;
	uint64_t seed;
	LIST_HEAD(tasks, task) tasks[BUCKETS]; /* by id */
	LIST_HEAD(senders, sender) senders[BUCKETS];
};

/* -- answers ----------------------------------------------------------------------------------- */

static void
call_done(void *arg)
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
call_progress(void *arg)
{
	struct progress *p = arg;

	p->fn(p->arg, p->got, p->size);
	free(p);
}

/* Posted before `done` to the same loop, so it finds the asker alive. */
static void
post_progress(const struct asker *a, uint64_t got, uint64_t size)
{
	struct progress *p;

	if (a->q.progress == NULL)
		return;
	p = memory_new(sizeof *p);
	*p = (struct progress) { a->q.progress, a->q.arg, got, size };
	loop_post(a->q.loop, call_progress, p);
}

static void
answer(struct task *t, const struct ims_letter *l, const struct err *e)
{
	struct asker *a = t->askers;

	t->askers = NULL;
	while (a != NULL) {
		struct asker *next = a->next;

		a->letter = *l;
		a->why = (struct err) { .why = REFUSAL_NONE };
		if (e != NULL)
			a->why = *e;
		loop_post(a->q.loop, call_done, a);
		a = next;
	}
}

/* -- what is under way, and what waits ----------------------------------------------------------- */

static struct tasks *
tasks_of(struct fetcher *f, const struct ulid *id)
{
	return &f->tasks[span_hash(span_of(id, sizeof *id), f->seed) % BUCKETS];
}

static struct senders *
senders_of(struct fetcher *f, const char *domain)
{
	return &f->senders[span_hash(span_str(domain), f->seed) % BUCKETS];
}

static bool
same_letter(const struct ims_letter *a, const struct ims_letter *b)
{
	return ulid_eq(&a->id, &b->id) && strcmp(a->from_domain.text, b->from_domain.text) == 0;
}

static struct task *
find_task(struct fetcher *f, const struct ims_letter *l)
{
	struct task *t;

	LIST_FOREACH (t, tasks_of(f, &l->id), same)
		if (same_letter(&t->letter, l))
			return t;
	return NULL;
}

static struct sender *
sender_of(struct fetcher *f, const char *domain)
{
	struct sender *s;

	LIST_FOREACH (s, senders_of(f, domain), same)
		if (strcmp(s->domain.text, domain) == 0)
			return s;
	s = memory_new(sizeof *s);
	s->fetcher = f;
	s->domain = domain_copy(domain);
	for (unsigned i = 0; i < LANES; i++)
		TAILQ_INIT(&s->lane[i].waiting);
	LIST_INSERT_HEAD(senders_of(f, domain), s, same);
	return s;
}

static void
sender_leave(struct sender *s)
{
	for (unsigned i = 0; i < LANES; i++)
		if (s->lane[i].running > 0 || !TAILQ_EMPTY(&s->lane[i].waiting))
			return;
	LIST_REMOVE(s, same);
	free(s);
}

static struct task *
task_new(struct fetcher *f, const struct ims_letter *l)
{
	struct task *t = memory_new(sizeof *t);

	t->sender = sender_of(f, l->from_domain.text);
	t->lane = &t->sender->lane[l->size > FETCH_SHARED_MAX ? LARGE : SHARED];
	t->letter = *l;
	TAILQ_INSERT_TAIL(&t->lane->waiting, t, link);
	LIST_INSERT_HEAD(tasks_of(f, &l->id), t, same);
	return t;
}

/* Its run is over, or never began. */
static void
task_free(struct task *t)
{
	if (t->run == NULL)
		TAILQ_REMOVE(&t->lane->waiting, t, link);
	LIST_REMOVE(t, same);
	free(t);
}

static const struct fetch_run_ops run_ops;

static void
start_waiting(struct sender *s)
{
	struct task *t;

	for (unsigned i = 0; i < LANES; i++) {
		struct lane *lane = &s->lane[i];

		while (lane->running < lane_most[i] && (t = TAILQ_FIRST(&lane->waiting)) != NULL) {
			TAILQ_REMOVE(&lane->waiting, t, link);
			lane->running++;
			t->run = fetch_run_new(s->fetcher->worker, &t->letter, &run_ops, t);
		}
	}
}

static void
on_progress(void *arg, uint64_t got)
{
	struct task *t = arg;
	int64_t now_ms = loop_now_ms(t->sender->fetcher->worker->loop);

	if (now_ms < t->progress_ms + FETCHER_PROGRESS_MS)
		return;
	t->progress_ms = now_ms;
	for (struct asker *a = t->askers; a != NULL; a = a->next)
		post_progress(a, got, t->letter.size);
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
	struct sender *s = t->sender;

	t->lane->running--;
	task_free(t);
	start_waiting(s);
	sender_leave(s);
}

static const struct fetch_run_ops run_ops = { on_progress, on_settled, on_over };

/* -- questions ---------------------------------------------------------------------------------------- */

static void
asker_leaves(struct asker *a, const struct ims_letter *l)
{
	a->letter = *l;
	err_word(&a->why, REFUSAL_closing);
	loop_post(a->q.loop, call_done, a);
}

static void
asked(void *arg)
{
	struct asker *a = arg;
	struct fetcher *f = a->home->fetcher;
	struct task *t;

	if (f == NULL) {
		asker_leaves(a, &a->q.letter);
		return;
	}
	t = find_task(f, &a->q.letter);
	if (t == NULL)
		t = task_new(f, &a->q.letter);
	a->next = t->askers;
	t->askers = a;
	start_waiting(t->sender);
}

static struct ims_worker *
home_of(struct ims *i, const struct ims_letter *l)
{
	return &i->worker[workers_home(i->workers, domain_span(&l->own_domain),
	    domain_span(&l->from_domain))];
}

uint64_t
fetcher_ask(struct ims *i, const struct fetcher_question *q)
{
	static atomic_ullong tickets;
	struct asker *a = memory_new(sizeof *a);
	struct ims_worker *home = home_of(i, &q->letter);

	a->q = *q;
	a->home = home;
	a->ticket = atomic_fetch_add(&tickets, 1) + 1;
	loop_post(home->loop, asked, a);
	return a->ticket;
}

struct given_up {
	struct ims_worker *home; /* whose fetcher may be gone by then */
	struct ims_letter letter;
	uint64_t ticket;
};

/* Takes the asker of that ticket out of a task's; NULL: it has its answer. */
static struct asker *
take_asker(struct task *t, uint64_t ticket)
{
	for (struct asker **a = &t->askers; *a != NULL; a = &(*a)->next) {
		struct asker *one = *a;

		if (one->ticket == ticket) {
			*a = one->next;
			return one;
		}
	}
	return NULL;
}

static void
given_up(void *arg)
{
	struct given_up *g = arg;
	struct fetcher *f = g->home->fetcher;
	struct task *t = f == NULL ? NULL : find_task(f, &g->letter);
	struct asker *a = t == NULL ? NULL : take_asker(t, g->ticket);

	if (a != NULL)
		asker_leaves(a, &t->letter);
	if (a != NULL && t->askers == NULL && t->run == NULL) {
		struct sender *s = t->sender;

		task_free(t);
		sender_leave(s);
	}
	free(g);
}

void
fetcher_give_up(struct ims *i, const struct fetcher_question *q, uint64_t ticket)
{
	struct ims_worker *home = home_of(i, &q->letter);
	struct given_up *g = memory_new(sizeof *g);

	*g = (struct given_up) { home, q->letter, ticket };
	loop_post(home->loop, given_up, g);
}

/* -- life ---------------------------------------------------------------------------------------------- */

struct fetcher *
fetcher_new(struct ims_worker *w)
{
	struct fetcher *f = memory_new(sizeof *f);

	f->worker = w;
	random_bytes(&f->seed, sizeof f->seed);
	return f;
}

static void
end_task(struct task *t, const struct err *e)
{
	struct sender *s = t->sender;

	answer(t, &t->letter, e);
	if (t->run != NULL) {
		fetch_run_free(&t->run);
		t->lane->running--;
		LIST_REMOVE(t, same);
		free(t);
	} else {
		task_free(t);
	}
	sender_leave(s);
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
	for (unsigned i = 0; i < BUCKETS; i++)
		while ((t = LIST_FIRST(&f->tasks[i])) != NULL)
			end_task(t, &e); /* NOLINT(clang-analyzer-unix.Malloc): it left the list */
	free(f);
	*fp = NULL;
}
