/* smtp_transaction — one letter of an SMTP session, from MAIL to the answer after its content.
 *
 * State:  MAIL -> RCPT ... -> content -> kept or forgotten.  When its content has come and DKIM and
 *         DMARC are known, it leaves its session and answers when the store has it; until then it ends with its session.
 * Async:  its answers go to the session by smtp_server_answer, never inside a function of this header.
 */
#ifndef IMS_SMTP_SMTP_TRANSACTION_H
#define IMS_SMTP_SMTP_TRANSACTION_H

#include "ims/smtp/smtp_session_private.h"

/* Asks for SPF and MX.  False: *e, the sender's address is none. */
bool smtp_transaction_new(struct smtp_session *s, const struct smtp_mail *mail,
    struct smtp_transaction **out, struct err *e);
void smtp_transaction_free(struct smtp_transaction **t); /* NULL is fine */

/* As the ops of smtp_server. */
enum outcome smtp_transaction_rcpt(struct smtp_transaction *t, uint64_t request,
    const struct smtp_path *to, struct err *e);
enum outcome smtp_transaction_data(struct smtp_transaction *t, struct err *e);
void smtp_transaction_octets(struct smtp_transaction *t, struct span piece);
/* REFUSED: it is over.  PENDING: it leaves its session when the store takes it. */
enum outcome smtp_transaction_end(struct smtp_transaction *t, uint64_t request, struct err *e);

#endif
