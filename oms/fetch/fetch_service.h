/* fetch_service — the OMS's side of fetch: hands letters to the domains that were notified of them.
 *
 * Flow:   6 of 8 (README "Life of a message").
 * Spec:   SPEC.md 11 "fetch", 10 (Designation).
 * Order:  the peer's certificate is good (checked again while the session lives) and names the domain of
 *         HELLO; the peer's address is one of the domain's _ims._tcp targets, or SPF passes for it (asked
 *         again after the TTL; a host that is no longer designated is disconnected).  Then, for each
 *         letter: the domain has a recipient of it, "handed out" is durable, and only then octets leave.
 * Trust:  the peer is a stranger until HELLO is answered with 250.  A domain without a recipient receives
 *         the same reply for every id, whether there is such a letter or not.
 */
#ifndef OMS_FETCH_FETCH_SERVICE_H
#define OMS_FETCH_FETCH_SERVICE_H

#include "oms/oms.h"

struct listen_incoming;

/* On the worker's thread; takes `in`. */
void fetch_service_incoming(struct oms_worker *w, struct listen_incoming *in);

#endif
