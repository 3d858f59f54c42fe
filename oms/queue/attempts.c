/* attempts — turns by class and by age; see attempts.h. */
#include "oms/queue/attempts.h"

#include <stddef.h>

#define OLDEST_EVERY 4

void
attempts_init(struct attempts *q, unsigned most, void (*start)(struct attempt *a))
{
	*q = (struct attempts) { .most = most, .start = start };
	for (int i = 0; i < ATTEMPT_CLASSES; i++)
		TAILQ_INIT(&q->waiting[i]);
}

/* An eighth of all is kept from each class for the better ones; one at least is left. */
static bool
has_room(const struct attempts *q, enum attempt_class class)
{
	unsigned part = q->most - q->most / 8 * (unsigned)class;

	return q->running < part;
}

static void
run(struct attempts *q, struct attempt *a)
{
	a->state = ATTEMPT_RUNS;
	q->running++;
	q->started++;
}

bool
attempts_ask(struct attempts *q, struct attempt *a, enum attempt_class class)
{
	a->class = class;
	a->order = q->asked++;
	if (TAILQ_EMPTY(&q->waiting[class]) && has_room(q, class)) {
		run(q, a);
		return true;
	}
	a->state = ATTEMPT_WAITS;
	TAILQ_INSERT_TAIL(&q->waiting[class], a, link);
	return false;
}

static struct attempt *
best(struct attempts *q)
{
	for (int i = 0; i < ATTEMPT_CLASSES; i++)
		if (!TAILQ_EMPTY(&q->waiting[i]))
			return has_room(q, (enum attempt_class)i) ? TAILQ_FIRST(&q->waiting[i])
								  : NULL;
	return NULL;
}

static struct attempt *
oldest(struct attempts *q)
{
	struct attempt *found = NULL;

	for (int i = 0; i < ATTEMPT_CLASSES; i++) {
		struct attempt *a = TAILQ_FIRST(&q->waiting[i]);

		if (a != NULL && (found == NULL || a->order < found->order))
			found = a;
	}
	return q->running < q->most ? found : NULL;
}

static void
start_next(struct attempts *q)
{
	struct attempt *a;

	while ((a = q->started % OLDEST_EVERY == 0 ? oldest(q) : best(q)) != NULL) {
		TAILQ_REMOVE(&q->waiting[a->class], a, link);
		run(q, a);
		q->start(a);
	}
}

void
attempts_leave(struct attempts *q, struct attempt *a)
{
	enum attempt_state was = a->state;

	a->state = ATTEMPT_NONE;
	if (was == ATTEMPT_WAITS)
		TAILQ_REMOVE(&q->waiting[a->class], a, link);
	if (was != ATTEMPT_RUNS)
		return;
	q->running--;
	start_next(q);
}

struct attempt *
attempts_worse(struct attempts *q, enum attempt_class class)
{
	for (int i = ATTEMPT_CLASSES - 1; i > (int)class; i--)
		if (!TAILQ_EMPTY(&q->waiting[i]))
			return TAILQ_LAST(&q->waiting[i], attempt_list);
	return NULL;
}
