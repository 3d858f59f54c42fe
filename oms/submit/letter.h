/* letter — a letter on its way into the spool: its octets, its header, its recipients.
 *
 * Flow:   2 of 8 (README "Life of a message").
 * Order:  octets stream to the spool and are checked as they come (CRLF lines only); the header's
 *         From must be the user's; then, per recipient domain, the statement that will be signed is
 *         written, with a fresh salt per recipient.
 * Owner:  letter_finish_take, letter_abort_take or letter_free end it.
 * Trust:  every octet is the user's program's.
 */
#ifndef OMS_SUBMIT_LETTER_H
#define OMS_SUBMIT_LETTER_H

#include "oms/oms.h"
#include "oms/store/store.h"
#include "proto/submit_server.h"

struct letter;

/* A user's share of the spool.  Whatever the configuration says, half of the spool is left to others. */
struct oms_user_limits letter_limits(const struct conf *c);

/* `user`: the owner (common/auth/accounts.h) who has signed in.  False: bad_hold, message_too_big, outbox_full. */
bool letter_new(struct oms_worker *w, const char *user, const struct submit_envelope *env,
    struct letter **out, struct err *e);
void letter_add(struct letter *l, struct span piece);
void letter_free(struct letter **l); /* the session ended in its midst */

/* All octets have come.  done: as oms_store_put_done; it is durable and announced to the notifiers
 * by then.  False: bad_message, bad_from ...; the letter is freed, nothing will be called. */
bool letter_finish_take(struct letter *l, oms_store_put_done *done, void *arg, struct err *e);

#endif
