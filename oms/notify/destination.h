/* destination — what is due from one of our domains to another domain, gathered, sealed and sent.
 *
 * Flow:    3 of 8, between the notifier, which knows the pairs, and the pair's route.  State, disk and
 *          retry are as notifier.h says.
 * Threads: all of it on the worker's loop.
 */
#ifndef OMS_NOTIFY_DESTINATION_H
#define OMS_NOTIFY_DESTINATION_H

#include "oms/oms.h"

struct line;

/* `own` and `peer` are copied. */
struct line *line_new(struct oms_worker *w, const char *own, const char *peer);
/* Letters under way stay due; only while nothing of theirs is being signed or written down. */
void line_free(struct line **l);

bool line_is_for(const struct line *l, const char *own, const char *peer);
/* Nothing was due when it was looked at last, and nothing is under way: it may be freed. */
bool line_has_nothing(const struct line *l);
/* Another letter came, or may have. */
void line_wake(struct line *l);

#endif
