/* acknowledger — sends DONE and DECLINE to senders' OMS and repeats each until it is acknowledged.
 *
 * The session that brought a letter sends DONE (fetch_pair.h).  What got no answer (the connection broke, we went
 * down, another of our domains was notified too), and each DECLINE, is sent from here.
 *
 * Flow:    6 of 8 (README "Life of a letter").
 * Spec:    SPEC.md 11 (DONE, DECLINE).
 * State:   a round reads all pending acknowledgements in pages and sorts them into pairs of (own
 *          domain, sender domain).  A pair is GATHERING until the round or its session is full,
 *          BUSY while its session lasts, and RESTING after a failure: each failure in a row doubles
 *          its rest, up to a quarter of an hour.  A domain that is heard from (it notifies us, or
 *          we have fetched from it) has a server again: its rest is then no longer than after a
 *          first failure, so a domain that notifies us often is not dialled more often.  ACK_BUSY pairs have a session at once, so a dead host delays no other pair.
 * Threads: one acknowledger a worker, for the pairs of domains whose home is that worker.
 * Disk:    an acknowledgement is durable before it is sent, and is removed after its own answer: 250, or
 *          a permanent refusal.  The end of a session, for whatever reason, answers nothing.
 * Bounds:  ACK_ACTIVE pairs are GATHERING or BUSY, ACK_RESTING rest; beyond them the round pauses, and a
 *          rest is forgotten.
 * Trust:   as fetcher.h.  A host that answers with a lie harms the letters of its own domain alone.
 */
#ifndef IMS_FETCH_ACKNOWLEDGER_H
#define IMS_FETCH_ACKNOWLEDGER_H

#include "ims/ims.h"

#define ACK_ROUND_MS    60000  /* between two rounds */
#define ACK_REST_MS     30000  /* after a pair's first failure ... */
#define ACK_REST_MAX_MS 900000 /* ... and at most: ACK_RESTING dead pairs make 5 dials a second */
#define ACK_PAGE        64     /* rows read in one turn of the loop */
#define ACK_SESSION     16     /* acknowledgements sent in one session */
#define ACK_ACTIVE      128
#define ACK_BUSY        32
#define ACK_RESTING     4096
#define ACK_WAIT_MS     30000 /* for a place at a host and for TLS; then the next address */

struct acknowledger;

struct acknowledger *acknowledger_new(struct ims_worker *w);
void acknowledger_free(struct acknowledger **a);
/* From any thread: there is something to send that need not wait for the next round. */
void acknowledger_soon(struct ims *i);
/* From any thread: the sender's domain was heard from, so its rest is cut short. */
void acknowledger_heard(struct ims *i, const char *own_domain, const char *from_domain);

#endif
