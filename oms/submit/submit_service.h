/* submit_service — the OMS's side of submit: receives letters from users' programs and serves their outbox.
 *
 * Flow:   2 of 8 (README "Life of a message").
 * Spec:   SPEC.md "submit".
 * Disk:   the reply 250 with the id is sent after the letter's transaction has been committed.
 * Trust:  the peer is a stranger until it has signed in, and may then use its own addresses only.
 */
#ifndef OMS_SUBMIT_SUBMIT_SERVICE_H
#define OMS_SUBMIT_SUBMIT_SERVICE_H

#include "oms/oms.h"

struct listen_incoming;

/* On the worker's thread; takes `in`. */
void submit_service_incoming(struct oms_worker *w, struct listen_incoming *in);

#endif
