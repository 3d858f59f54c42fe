/* notifier — tells each recipient domain's IMS what waits for it; tries again until told or expired.
 *
 * Flow:    3 of 8 (README "Life of a message").
 * Spec:    SPEC.md "notify".
 * State:   per pair of domains a line: what is due is gathered from the store, sealed in batches of
 *          1 to 64 and sent over the pair's route.  While one batch is under way the next gathers,
 *          until NOTIFIER_GATHER letters have come or the answer is there; a lone letter goes at
 *          once.
 * Disk:    a recipient leaves WAITING only in the transaction that records the peer's answer, so a
 *          crash repeats a notification and never loses one.
 * Retry:   NOTIFIER_RETRY_MS, doubled by each try up to NOTIFIER_RETRY_MAX_MS, less up to a quarter
 *          at random; until hold_until.  A way that failed is not tried again, whatever comes, before
 *          the same pause has passed (at most NOTIFIER_PAUSE_MAX_MS).
 * Threads: each pair has its home worker; notifier_wake may be called on any thread.
 */
#ifndef OMS_NOTIFY_NOTIFIER_H
#define OMS_NOTIFY_NOTIFIER_H

#include "oms/oms.h"

#define NOTIFIER_RETRY_MS     2000
#define NOTIFIER_RETRY_MAX_MS (60 * 60 * 1000)
#define NOTIFIER_PAUSE_MAX_MS (60 * 1000)
#define NOTIFIER_LINES        256 /* pairs kept per worker before quiet ones are forgotten */
#define NOTIFIER_GATHER       16  /* letters worth a seal of their own beside another */
#define NOTIFIER_BATCH_BYTES  (512 * 1024) /* of statements and recipients under one seal */

struct notifier;

struct notifier *notifier_new(struct oms_worker *w);
void notifier_free(struct notifier **n);

/* Something is due for the pair, or will be. */
void notifier_wake(struct oms *o, const char *own, const char *peer);
/* At start: wakes every pair that has anything due. */
bool notifier_begin(struct oms *o, struct err *e);

#endif
