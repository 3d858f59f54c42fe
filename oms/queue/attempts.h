/* attempts — which destinations look for a way now, and which are next.
 *
 * An attempt is the time from asking DNS until a session is up, has failed, or is slow.  `most` of them run at
 * a time, and each class may use only its part of that, so that attempts which hang never keep a
 * better class from starting.  Waiting attempts start by class and then by age; every fourth start
 * goes to the one that has waited longest, so that each has its turn.
 *
 * Flow:    3 of 8.  Pure: no socket, no clock.
 * Threads: one queue a worker, on its loop.
 */
#ifndef OMS_QUEUE_ATTEMPTS_H
#define OMS_QUEUE_ATTEMPTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum attempt_class {
	ATTEMPT_FIRST_ANSWERED, /* never tried; the domain has answered within a day */
	ATTEMPT_FIRST,
	ATTEMPT_AGAIN_ANSWERED,
	ATTEMPT_AGAIN,
	ATTEMPT_CLASSES
};

enum attempt_state { ATTEMPT_NONE, ATTEMPT_WAITS, ATTEMPT_RUNS };

struct attempt {
	TAILQ_ENTRY(attempt) link;
	enum attempt_state state;
	enum attempt_class class;
	uint64_t order; /* of asking */
};

struct attempts {
	TAILQ_HEAD(attempt_list, attempt) waiting[ATTEMPT_CLASSES];
	unsigned most, running;
	uint64_t asked, started;
	/* It is its turn.  Not called inside attempts_ask for the attempt that asks. */
	void (*start)(struct attempt *a);
};

void attempts_init(struct attempts *q, unsigned most, void (*start)(struct attempt *a));
/* True: it runs from now on.  False: it waits, and `start` tells.  Its state was ATTEMPT_NONE. */
bool attempts_ask(struct attempts *q, struct attempt *a, enum attempt_class class);
/* It no longer runs or waits.  May start others. */
void attempts_leave(struct attempts *q, struct attempt *a);
/* The youngest waiting attempt of the worst class, if that is worse than `class`; else NULL. */
struct attempt *attempts_worse(struct attempts *q, enum attempt_class class);

#endif
