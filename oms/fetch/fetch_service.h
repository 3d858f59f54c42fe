/* fetch_service — the OMS's side of fetch: hands letters to the domains that were told of them.
 *
 * Flow:   6 of 8 (README "Life of a message").
 * Spec:   SPEC.md "fetch"; PROTOCOL "Designation and identity".
 * Order:  certificate (stored verdict, judged again while the session lives), it names the domain of
 *         HELLO, the connecting address is one of the domain's _ims._tcp targets or has SPF pass for
 *         it (asked anew at the first letter behind the TTL; who is not then is sent away); then per
 *         letter: the domain is a recipient, and "handed out" is durable; THEN octets.
 * Trust:  the peer is a stranger until HELLO was answered with 250; to a domain that is no recipient
 *         every id is one that never was.
 */
#ifndef OMS_FETCH_FETCH_SERVICE_H
#define OMS_FETCH_FETCH_SERVICE_H

#include "oms/oms.h"

struct listen_incoming;

/* On the worker's thread; takes `in`. */
void serve_incoming(struct oms_worker *w, struct listen_incoming *in);

#endif
