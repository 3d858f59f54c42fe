/* recipient — checks, before a letter is accepted, whether its recipient's domain can receive mail.
 *
 * A recipient whose domain does not exist, or has no usable server, is refused at once, so that the author
 * learns of a typing error.  DNSSEC is not required for that, unless the domain is remembered to have named
 * servers (downgrade.h): then its absence may be forged, and the letter waits.  Where letters go by SMTP, a domain
 * that names no server of ours needs an MX record.  A failure of DNS, or a slow answer, refuses nobody.
 *
 * Flow:    2 of 8 (README "Life of a message").
 * Spec:    SPEC.md 14 "submit".
 * Async:   done is called exactly once, never inside recipient_check, unless cancelled.
 * Threads: the worker's loop.
 */
#ifndef OMS_SUBMIT_RECIPIENT_H
#define OMS_SUBMIT_RECIPIENT_H

#include "oms/oms.h"

/* The longest check of one recipient.  The checks of one letter together may take as long beyond
 * RECIPIENT_PROMPT_MS each; after that the letter's other recipients are not checked. */
#define RECIPIENT_CHECK_MS  5000
#define RECIPIENT_PROMPT_MS 200

struct recipient_check;

/* e NULL: the recipient is not refused; by_smtp: as far as is known, its letters go by SMTP.  took_ms: the duration of the
 * check. */
typedef void recipient_checked(void *arg, int64_t took_ms, bool by_smtp, const struct err *e);

/* `address` is canonical.  True: DNS has lately named a server of its domain, so that a check would not refuse it. */
bool recipient_is_known(struct oms_worker *w, const char *address);
struct recipient_check *recipient_check(struct oms_worker *w, const char *address, int64_t most_ms,
    recipient_checked *done, void *arg);
void recipient_cancel(struct recipient_check **c); /* *c may be NULL; it is set to NULL */

#endif
