/* notify_batch_job — one sealed batch of notifications, from the engine to the store and back.
 *
 * Flow:   4 of 8.
 * Order:  SPF, if the session's verdict has expired or the record depends on the local part (then
 *         once for each sender address of the batch); recipients; the store; the replies.
 * Async:  a job ends exactly once.  If its session has ended by then, the replies are dropped, and a
 *         repeat of the batch finds its notices stored.
 * Memory: the batch and what a job needs beside it count as the sender domain's (SHARE_gathered).
 */
#ifndef IMS_NOTIFY_NOTIFY_BATCH_JOB_H
#define IMS_NOTIFY_NOTIFY_BATCH_JOB_H

#include "ims/ims.h"
#include "ims/store/store.h"
#include "proto/notify_server.h"

struct conn;
struct crl_state;

/* The sender of a session: what is known of it since HELLO. */
struct notify_sender {
	struct domain domain;          /* "": before HELLO */
	int64_t spf_until_ms;          /* monotonic: the verdict expires then */
	bool spf_by_sender;            /* each sender address has a verdict of its own */
	char spf[IMS_STORE_SPF_BYTES]; /* result and record, for the evidence */
	struct crl_state
	    *crls;        /* that its certificate was judged by; NULL before the first batch */
	uint64_t crls_of; /* the generation of `crls` */
};

void notify_sender_clear(struct notify_sender *p);
/* Takes over a new verdict on the domain. */
void notify_sender_judged(struct notify_sender *p, const struct spf_verdict *v, int64_t now_ms);

/* Takes the batch.  The connection's role is a struct whose first member is its struct notify_server. */
void notify_batch_job_take(struct ims_worker *w, struct conn *c, struct notify_sender *sender,
    struct notify_batch *b);

#endif
