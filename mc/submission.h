/* submission — mc's requests to its user's OMS, one at a time.
 *
 * Flow:   1 and 2 of 8.
 * Spec:   SPEC.md "submit".
 * Async:  none: each call returns when the reply is complete, or with the reason why there is none.
 * Trust:  every octet is the server's.
 */
#ifndef MC_SUBMISSION_H
#define MC_SUBMISSION_H

#include "mc/account.h"
#include "mc/compose.h"
#include "proto/submit.h"

#define SUBMISSION_TOKEN_BYTES 33 /* 32 hexadecimal digits and a NUL */

struct sent_letter {
	struct submit_letter letter;
	char id[ULID_STR_BYTES];
	struct submit_recipient *recipients;
	size_t n_recipients;
};

struct submission;

/* Finds the server and connects; the certificate is good when this returns true. */
bool submission_open(struct submission **out, const struct account *a, struct fault *f);
bool submission_sign_in(struct submission *s, struct account *a, struct fault *f);
void submission_close(struct submission **s);
const char *submission_host(const struct submission *s);
uint16_t submission_port(const struct submission *s);

/* When this returns true, the letter is safe at the server.  The same token means the same letter,
 * however often it is tried. */
bool submission_send(struct submission *s, const struct letter *l, unsigned hold_days,
    const char token[SUBMISSION_TOKEN_BYTES], struct ulid *id, struct fault *f);
/* After it has returned false: was one of the recipients refused? */
bool submission_refused_recipient(const struct submission *s);
/* What became of one letter; sent_clear frees it, after false too (unknown_id, ...). */
bool submission_status(struct submission *s, const struct ulid *id, struct sent_letter *out,
    struct fault *f);
/* All letters, the oldest first; `each` takes the letter. */
bool submission_outbox(struct submission *s, void (*each)(void *arg, struct sent_letter *l),
    void *arg, struct fault *f);
void sent_clear(struct sent_letter *l);

#endif
