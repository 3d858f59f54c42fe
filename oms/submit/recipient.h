/* recipient — before a letter is taken: can its recipient's domain be written to at all?
 *
 * A domain that does not exist, or to which no way leads, is refused at once, so that a typing error is
 * told while its author is there; also by DNS without DNSSEC, unless the domain is remembered to have
 * named servers (downgrade.h): its absence may be forged, and the letter waits.  A failure of DNS, or an
 * answer that takes too long, refuses nobody.
 *
 * Flow:    2 of 8 (README "Life of a message").
 * Spec:    SPEC.md 14 "submit".
 * Async:   done is called exactly once, never inside recipient_check, unless cancelled.
 * Threads: the worker's loop.
 */
#ifndef OMS_SUBMIT_RECIPIENT_H
#define OMS_SUBMIT_RECIPIENT_H

#include "oms/oms.h"

#define RECIPIENT_CHECK_MS 5000 /* of one; and of all of a session that DNS was slow about */

struct recipient_check;

/* e NULL: nothing speaks against it.  took_ms: since the check began. */
typedef void recipient_checked(void *arg, int64_t took_ms, const struct err *e);

/* `address` is canonical. */
struct recipient_check *recipient_check(struct oms_worker *w, const char *address, int64_t most_ms,
    recipient_checked *done, void *arg);
void recipient_cancel(struct recipient_check **c); /* NULL inside is fine */

#endif
