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

/* e NULL: the recipient is not refused. */
typedef void recipient_checked(void *arg, const char *address, const struct err *e);

/* Those of one letter, one at a time. */
struct recipient_checks {
	struct recipient_check *check;   /* NULL: none is under way */
	char address[ADDRESS_STR_BYTES]; /* that `check` is about */
	bool by_smtp; /* as far as is known, the letter goes to one that was not refused by SMTP */
	int64_t slow_ms; /* how much of RECIPIENT_CHECK_MS they have used */
	recipient_checked *done;
	void *arg;
};

/* `r` is zeroed before the letter's first.  `address` is canonical.  False: it is not refused, because DNS has lately
 * named a server of its domain, or because the letter's time is used up; done is not called. */
bool recipient_check(struct recipient_checks *r, struct oms_worker *w, const char *address,
    recipient_checked *done, void *arg);
void recipient_checks_clear(struct recipient_checks *r); /* for another letter */

#endif
