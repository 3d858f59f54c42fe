/* notify_service — the IMS's side of notify: who may announce what to whom, and the promise to have it.
 *
 * Flow:   4 of 8 (README "Life of a message").
 * Spec:   SPEC.md "notify"; RFC 7208, RFC 7372 (codes).
 * Order:  certificate (stored verdict, judged again while the session lives), its name is the
 *         domain of HELLO, SPF pass for the connecting address, seal and statements (the engine),
 *         recipients, the store; THEN the replies.
 * SPF:    one verdict a session, as long as its TTL; where the record looks at the local part, one
 *         per sender address.
 * Disk:   an entry is accepted after its notice is durable, never before.
 * Trust:  the peer is a stranger until HELLO was answered with 250, and a known culprit after that.
 */
#ifndef IMS_NOTIFY_NOTIFY_SERVICE_H
#define IMS_NOTIFY_NOTIFY_SERVICE_H

#include "ims/ims.h"

struct listen_incoming;

/* On the worker's thread; takes `in`. */
void accept_incoming(struct ims_worker *w, struct listen_incoming *in);

#endif
