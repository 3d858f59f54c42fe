/* inbox — mc's requests to its user's IMS, one at a time.
 *
 * Flow:   5 and 6 of 8.
 * Spec:   SPEC.md "mailbox".
 * Async:  none: each call returns when the reply is complete, or with the reason why there is none.
 * Owner:  callbacks borrow their arguments.
 * Trust:  the server controls every octet, and the sender those of a letter.
 */
#ifndef MC_INBOX_H
#define MC_INBOX_H

#include "mc/account.h"
#include "proto/mailbox.h"

#define INBOX_NOTICES_MAX   200000 /* taken from one list */
#define INBOX_SUMMARY_BYTES 8192

struct inbox;

/* Finds the server and connects; the certificate is good when this returns true. */
bool inbox_open(struct inbox **out, const struct account *a, struct fault *f);
bool inbox_sign_in(struct inbox *b, struct account *a, struct fault *f);
void inbox_close(struct inbox **b);
bool inbox_is_up(const struct inbox *b);
const char *inbox_host(const struct inbox *b);
uint16_t inbox_port(const struct inbox *b);

/* All notices, by number. */
bool inbox_list(struct inbox *b, void (*each)(void *arg, const struct mailbox_notice *n), void *arg,
    struct fault *f);
/* False: no_such_number, ... */
bool inbox_find(struct inbox *b, uint64_t number, struct mailbox_notice *out, struct fault *f);
/* The letter's first octets, appended to *out. */
bool inbox_summary(struct inbox *b, uint64_t number, struct buf *out, struct fault *f);

struct inbox_reader {
	/* While the letter comes to the server; may be NULL. */
	void (*progress)(void *arg, uint64_t got, uint64_t octets);
	/* Each piece, in order.  False: stop, *e says why. */
	bool (*piece)(void *arg, struct span s, struct err *e);
	void *arg;
};

/* Has the server fetch the letter if it is held, then passes exactly the octets that the notice announced,
 * from `offset` on, to `r`. */
bool inbox_read(struct inbox *b, const struct mailbox_notice *n, uint64_t offset,
    const struct inbox_reader *r, struct fault *f);

#endif
