/* acknowledger — DONE and DECLINE are said to senders' OMS until they were answered.
 *
 * A fetch says DONE itself, at once; what got no answer (the connection broke, we went down, another
 * of our domains was told too), and each DECLINE, is said here.
 *
 * Flow:    6 of 8 (README "Life of a message").
 * Spec:    SPEC.md "fetch" (DONE, DECLINE).
 * State:   IDLE --DEBTS_MS--> LOOKING -> (for each pair of domains) DIALLING -> SAYING -> LOOKING;
 *          IDLE again at the end of what is owed.  A host that fails, or refuses our HELLO: the next
 *          address; none left: at the next round.
 * Threads: one a worker, which pays for the pairs of domains whose home it is.
 * Disk:    what is owed was durable before anything was said of it, and is struck out after its own
 *          answer: 250, or a refusal for good.  The end of a session, whatever its reason, is none.
 * Trust:   as fetcher.h.  A host that answers with a lie harms its own domain's letters alone.
 */
#ifndef IMS_FETCH_ACKNOWLEDGER_H
#define IMS_FETCH_ACKNOWLEDGER_H

#include "ims/ims.h"

#define DEBTS_MS         60000 /* between two rounds */
#define DEBTS_PAGE       64    /* looked at in one reading */
#define DEBTS_SESSION    16    /* said in one connection */
#define DEBTS_CONNECT_MS 10000
#define DEBTS_WAIT_MS    30000 /* for its turn at a host and for TLS; then the next pair */

struct debts;

struct debts *debts_new(struct ims_worker *w);
void debts_free(struct debts **d);
/* From any thread: something has come to be owed that need not wait for the next round. */
void debts_soon(struct ims *i);

#endif
