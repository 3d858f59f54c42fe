/* notifier — tells each recipient domain's IMS what waits for it, and retries until it is told or
 * Hold-Until has passed.
 *
 * Flow:    3 of 8 (README "Life of a message").
 * Spec:    SPEC.md "notify".
 * State:   a destination per pair of domains: what is due is gathered from the store, sealed in batches of
 *          1 to 64 and sent over the pair's session.  While one sealing is under way the next gathers,
 *          until NOTIFIER_GATHER letters have come or the answer is there; a lone letter goes at once.
 *          At most NOTIFIER_DESTINATIONS are kept per worker: the store has them all, and a reading of
 *          it in pages goes round for as long as some are left out.
 * Disk:    a recipient leaves WAITING only in the transaction that records the peer's answer, so a
 *          crash repeats a notification and never loses one.
 * Retry:   as oms/policy/retry.h says, until Hold-Until.  After an attempt that failed the destination makes no other
 *          before the same pause has passed (at most NOTIFIER_PAUSE_MAX_MS), whatever comes; ports
 *          that fail have a pause of their own that all destinations share (conn_limit.h).  A
 *          destination that finds all its hosts paused has tried nothing: its letters are due after
 *          that pause, and count no try.  An attempt that failed is recorded for at most NOTIFIER_FAIL_MAX letters;
 *          the others stay due and wait for the destination's next attempt.  Otherwise a destination that is away
 *          and has many letters would take the disk from those who submit letters.
 *          After a start, and once a destination that failed answers again, all that waits goes at once.
 * Order:   attempts.h: first attempts before retries, and domains that answered within a day before others.
 * Threads: each pair has its home worker; notifier_wake may be called on any thread.
 */
#ifndef OMS_QUEUE_NOTIFIER_H
#define OMS_QUEUE_NOTIFIER_H

#include "oms/oms.h"

#define NOTIFIER_PAUSE_MAX_MS (60 * 1000)
#define NOTIFIER_DESTINATIONS 4096         /* kept per worker, if there are descriptors for all */
#define NOTIFIER_ATTEMPTS     512          /* at a time per worker, of as many destinations */
#define NOTIFIER_FAIL_MAX     1024         /* letters for which a failed attempt is recorded */
#define NOTIFIER_GATHER       16           /* letters worth a seal of their own beside another */
#define NOTIFIER_BATCH_BYTES  (512 * 1024) /* of statements and recipients under one seal */

struct notifier;

struct notifier *notifier_new(struct oms_worker *w);
void notifier_free(struct notifier **n);

/* Something is due for the pair, or will be. */
void notifier_wake(struct oms *o, const char *own, const char *peer);
/* An operator wants what waits for the pair to be tried at once. */
void notifier_retry(struct oms *o, const char *own, const char *peer);
/* There are new CRLs; on any thread. */
void notifier_unblock(struct oms *o);
/* At start: finds every pair that has anything due. */
void notifier_begin(struct oms *o);

#endif
