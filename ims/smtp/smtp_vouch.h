/* smtp_vouch — DKIM and DMARC of a letter that comes by SMTP: which domain answers for its author.
 *
 * Flow:   smtp_keep passes header and body as they come; at the end it learns what was found, and whether the author's
 *         domain asks to refuse the letter.
 * Spec:   RFC 6376, 7489, 8601; common/dkim.
 * Async:  `done` is called exactly once, never inside a call, unless smtp_vouch_free comes first.
 */
#ifndef IMS_SMTP_SMTP_VOUCH_H
#define IMS_SMTP_SMTP_VOUCH_H

#include "common/dkim/dmarc.h"
#include "proto/mailbox.h"

struct smtp_vouch;

struct smtp_vouched {
	enum mailbox_result dkim, dmarc;
	struct domain dkim_domain; /* of the signature that `dkim` is about; "": none */
	struct span results;       /* resinfo of RFC 8601, each after "; "; borrowed for the call */
	struct err
	    refused; /* dmarc, or dns_failed where DNS decides and does not answer; else NONE */
};
typedef void smtp_vouch_done(void *arg, const struct smtp_vouched *v);

/* header: as it came; from: the author's domain. */
struct smtp_vouch *smtp_vouch_new(struct dns *dns, const struct dkim_about *about,
    struct span header, struct span from, int64_t now_s);
void smtp_vouch_body(struct smtp_vouch *v, struct span piece);
/* spf_domain: for which SPF says pass; "": none. */
void smtp_vouch_end(struct smtp_vouch *v, const char *spf_domain, smtp_vouch_done *done, void *arg);
void smtp_vouch_free(struct smtp_vouch **v); /* NULL is fine; in done too */

#endif
