/* submit_service — the OMS's side of submit: a user's program hands in letters and asks how they fare.
 *
 * Flow:   2 of 8 (README "Life of a message").
 * Spec:   SPEC.md "submit".
 * Disk:   250 with the id is said after the letter's transaction has been committed.
 * Trust:  the peer is one of our users at most, and may write as its own addresses only.
 */
#ifndef OMS_SUBMIT_SUBMIT_SERVICE_H
#define OMS_SUBMIT_SUBMIT_SERVICE_H

#include "oms/oms.h"

struct listen_incoming;

/* On the worker's thread; takes `in`. */
void submit_incoming(struct oms_worker *w, struct listen_incoming *in);

#endif
