/* notify_service — the IMS's side of notify: judges senders and their batches, and promises to keep
 * what it accepts.
 *
 * Flow:   4 of 8 (README "Life of a message").
 * Spec:   SPEC.md "notify"; RFC 7208, RFC 7372 (codes).
 * Order:  1. the certificate, whose verdict is renewed while the session lives; 2. it names the
 *         domain of HELLO; 3. SPF passes for the peer's address; 4. seal and statements (the engine);
 *         5. recipients; 6. the store; then the replies.
 * SPF:    a session has one verdict, which expires with its TTL.  If the record depends on the local
 *         part, each sender address has its own.
 * Disk:   a 250 is sent after the notice is durable, never before.
 * Shares: of one domain, over all its sessions: the number of sessions, the memory of batches and
 *         replies, and answers about unknown recipients (common/share/share.h).
 * Trust:  the peer is a stranger until the 250 to HELLO; from then on its domain is certified.
 */
#ifndef IMS_NOTIFY_NOTIFY_SERVICE_H
#define IMS_NOTIFY_NOTIFY_SERVICE_H

#include "ims/ims.h"

struct listen_incoming;

/* A new connection, on the worker's thread; takes `in`. */
void notify_service_incoming(struct ims_worker *w, struct listen_incoming *in);

#endif
