/* smtp_service — the inbound gateway: letters that come by SMTP, under the same rules as the native road.
 *
 * Flow:   proto/smtp's engine has the dialogue; this judges host, sender and recipient (smtp_verdict.h), reads the
 *         header (smtp_arriving.h) and has the store keep the letter.
 * Spec:   SPEC.md "SMTP"; RFC 5321, 7208, 7505, 8461 4.1, 8601.
 * Order:  MAIL starts SPF and MX of the sender's domain.  RCPT waits for both, judges the certificate once more, and says
 *         what is wrong with the sender; then whether the recipient is ours; then whether there is room.  DATA judges the
 *         certificate again.  The end of the content has one answer for all recipients.
 * Disk:   the 250 after the content is sent when the letter is durable in all mailboxes, never before.
 * Shares: sessions by address from the start, by the certified host and by the sender's domain once they are accepted;
 *         memory of the letter, and answers about unknown recipients, by the payer: the sender's domain, for <> the host,
 *         and where the sender is unaccountable its address.
 * Trust:  the peer is a stranger until the 250 to RCPT, and where the letter is marked it remains one.
 */
#ifndef IMS_SMTP_SMTP_SERVICE_H
#define IMS_SMTP_SMTP_SERVICE_H

#include "ims/ims.h"

struct listen_incoming;

/* A new connection, on the worker's thread; takes `in`. */
void smtp_service_incoming(struct ims_worker *w, struct listen_incoming *in);

#endif
