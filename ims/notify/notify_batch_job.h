/* notify_batch_job — one sealed batch of notifications, from the engine to the store and back.
 *
 * Flow:   4 of 8.
 * Order:  SPF, where the session's verdict has run out or the record looks at the local part (then
 *         for each sender address in the batch); recipients; the store; the answer.
 * Async:  ends exactly once; where the session has died meanwhile the answer is dropped.  What was
 *         stored then is known by the repeat.
 */
#ifndef IMS_NOTIFY_NOTIFY_BATCH_JOB_H
#define IMS_NOTIFY_NOTIFY_BATCH_JOB_H

#include "ims/ims.h"
#include "ims/store/store.h"
#include "proto/notify_server.h"

struct conn;
struct crl_state;

/* Who announces: what was found out at HELLO. */
struct accept_peer {
	char domain[DOMAIN_BYTES];     /* "": before HELLO */
	int64_t spf_until_ms;          /* monotonic: the verdict may be believed until then */
	bool spf_by_sender;            /* each sender address is judged alone */
	char spf[IMS_STORE_SPF_BYTES]; /* result and record, for the evidence */
	struct crl_state *crls; /* by which its certificate was judged; NULL: not asked yet */
	uint64_t crls_of;       /* that generation */
};

void accept_peer_clear(struct accept_peer *p);
void accept_peer_judged(struct accept_peer *p, const struct spf_verdict *v, int64_t now_ms);

/* The connection's role must be the struct notify_server (first member of the session). */
void accept_batch_take(struct ims_worker *w, struct conn *c, struct accept_peer *peer,
    struct notify_batch *b);

#endif
