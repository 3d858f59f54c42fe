/* destination — one of our domains and one recipient domain: gathers, seals and sends the entries that
 * are due between them.
 *
 * Flow:    3 of 8, between the notifier, which holds the destinations, and the notify session.  Disk and
 *          retry are as notifier.h says.
 * Threads: all of it on the worker's loop.
 */
#ifndef OMS_QUEUE_DESTINATION_H
#define OMS_QUEUE_DESTINATION_H

#include "oms/oms.h"
#include "oms/queue/attempts.h"

struct destination;

/* `own` and `peer` are copied.  Attempts are made when `attempts` allows. */
struct destination *destination_new(struct oms_worker *w, struct attempts *attempts,
    const char *own, const char *peer);
/* Letters under way stay due; only while nothing of theirs is being signed or recorded. */
void destination_free(struct destination **d);

bool destination_is_for(const struct destination *d, const char *own, const char *peer);
const char *destination_own(const struct destination *d);
const char *destination_peer(const struct destination *d);
/* Nothing is under way and nothing waits for its turn: it may be freed. */
bool destination_is_resting(const struct destination *d);
/* It waits for its turn to make an attempt, and nothing else is under way: it may be freed. */
bool destination_is_queued(const struct destination *d);
/* Something was due when it last looked, now or later. */
bool destination_has_due(const struct destination *d);
/* Another letter came, or may have. */
void destination_wake(struct destination *d);
/* The same; and the next attempt is for all that waits, also what is due later. */
void destination_hurry(struct destination *d);
/* There are new CRLs: where one was missing, all that waits goes at once. */
void destination_unblock(struct destination *d);
/* All that waits goes at once, by SMTP too; unless some goes that way now. */
void destination_retry(struct destination *d);
/* The destination whose attempt this is. */
struct destination *destination_of_attempt(struct attempt *a);
/* It is its turn. */
void destination_attempt(struct destination *d);

#endif
