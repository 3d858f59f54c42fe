/* letter — receives one letter into the spool: its octets, its header, its recipients.
 *
 * Flow:   2 of 8 (README "Life of a message").
 * Order:  the octets stream to the spool and are checked as they arrive (CRLF lines only).  Then the
 *         header's From must be an address of the user.  Then, for each recipient domain, the statement
 *         that will be signed is written, with a fresh salt for each recipient.
 * Owner:  letter_finish_take or letter_free ends it.
 * Trust:  every octet comes from the user's program.
 */
#ifndef OMS_SUBMIT_LETTER_H
#define OMS_SUBMIT_LETTER_H

#include "oms/oms.h"
#include "oms/store/store.h"

struct letter;

/* Of whatever protocol brings the letter. */
struct letter_envelope {
	const char *from; /* canonical: an address of the user */
	const char (*to)
	    [ADDRESS_STR_BYTES]; /* canonical, without duplicates; SUBMIT_RECIPIENTS_MAX at most */
	size_t n_to;
	unsigned hold_days; /* 0: the domain's default */
	uint64_t octets;    /* 0: not known; then the caller sees to the domain's limit */
	const char *token;  /* "": none */
	bool null_sender;   /* MAIL FROM:<>; `from` is then the user's own address */
	bool by_submission; /* its program opens no outbox */
	bool by_smtp;  /* a recipient gets it by SMTP, so what SMTP cannot carry is refused now */
	bool any_from; /* the header's From may be anybody's: the user sends as a list */
};

/* One user's share of the spool: the configured limits, and never more than half of the spool. */
struct oms_user_limits letter_limits(const struct conf *c);

/* e NULL: its octets may come.  Else (outbox_full, message_too_big, storage) it is to be freed. */
typedef void letter_begun(void *arg, const struct err *e);
/* `user`: the owner (common/auth/accounts.h) who is signed in; *env is copied.  begun: once, never inside the call, unless the
 * letter is freed before.  False: bad_hold, message_too_big. */
bool letter_new(struct oms_worker *w, const char *user, const struct letter_envelope *env,
    letter_begun *begun, void *arg, struct letter **out, struct err *e);
void letter_add(struct letter *l, struct span piece);
/* True: the disk is slower than the octets come; add no more until `ready` is called. */
bool letter_is_full(const struct letter *l);
/* From `begun` on; as body_when_ready. */
void letter_when_ready(struct letter *l, void (*ready)(void *arg), void *arg);
void letter_free(struct letter **l); /* the session ended before the letter was complete */

/* All octets have arrived.  done: as oms_store_put_done; when it is called, the letter is durable and the
 * notifiers are woken.  False: bad_message, bad_from ...; the letter is freed and done is not called. */
bool letter_finish_take(struct letter *l, oms_store_put_done *done, void *arg, struct err *e);

#endif
