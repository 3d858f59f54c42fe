/* mailbox_service — the IMS's side of mailbox: a user's program lists, opens and drops letters.
 *
 * Flow:   5 and 6 of 8 (README "Life of a message").
 * Spec:   SPEC.md "mailbox".
 * Order:  signing in (common/auth/signin), then each request for the signed-in user's mailbox and
 *         no other.  A letter that is held is fetched when it is read, by ims/fetch/fetcher.
 * Trust:  the peer is one of our users at most.
 */
#ifndef IMS_MAILBOX_MAILBOX_SERVICE_H
#define IMS_MAILBOX_MAILBOX_SERVICE_H

#include "ims/ims.h"

struct listen_incoming;

/* On the worker's thread; takes `in`. */
void mailbox_service_incoming(struct ims_worker *w, struct listen_incoming *in);

#endif
