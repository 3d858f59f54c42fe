/* notify_server — the IMS's side of notify: gathers batches of statements, judges what can be judged by
 * their octets alone, and hands the rest to the role.
 *
 * Flow:   4 of 8 (README "Life of a message").
 * Spec:   SPEC.md "notify".  Judged here, with domains as canonical A-labels: HELLO = Signer = the domain
 *         of From; the domain served (SNI) = For = Recipient-Domain = the domain of each RCPT; the salted
 *         hash of each RCPT; the seal has the statement's digest; the seal's date and signature;
 *         Hold-Until is in the future; no duplicates.  A fault of a statement refuses its recipients, a
 *         fault of the seal the whole batch.
 * State:  NEW --HELLO--> READY; a session has one HELLO, and ends if that is refused.
 * Async:  hello and accept_take are answered exactly once each, batches in any order; replies leave in
 *         the order of the requests.  An answer that nothing waits for is dropped (false).
 * Owner:  accept_take gives the batch (notify_batch.h) to the role, which frees it with
 *         notify_batch_free even if the session has ended.
 * Memory: the role is told what the session takes (ops->hold), in steps of NOTIFY_HOLD_STEP; not before
 *         HELLO is accepted, because the domain of HELLO is charged.
 * Trust:  the peer controls every octet until the role has verified the seal (`verify`); then its
 *         certified domain answers for them.
 */
#ifndef PROTO_NOTIFY_SERVER_H
#define PROTO_NOTIFY_SERVER_H

#include "proto/notify_batch.h"
#include "proto/server.h"

#define NOTIFY_HOLD_STEP 4096

struct notify_server_ops {
	struct server_ops server; /* first */
	/* Does the certificate name the domain (canonical), and does SPF pass?  After PENDING the role
	 * calls notify_server_hello_answer(s, s->server.request, ...). */
	enum outcome (*hello)(void *role, const char *domain, struct err *e);
	/* Did the key of the peer's certificate sign the seal's text?  False: *e is seal_bad, or
	 * whatever failed. */
	bool (*verify)(void *role, enum seal_alg alg, struct span seal_text, struct span signature,
	    struct err *e);
	/* Takes the batch, judges and stores its open entries, and calls notify_server_answer, within
	 * this call or later. */
	void (*accept_take)(void *role, struct notify_batch *b);
	/* The session takes `bytes` of memory from now on: for what is gathered before a seal and for
	 * replies that have not left; a batch that accept_take has handed over is the role's to count.
	 * False: that is too much, *e (batch_share) is the reply and the session ends.  `forced`: for
	 * replies, which cannot be refused any more; the result is ignored.  May be NULL. */
	bool (*hold)(void *role, size_t bytes, bool forced, struct err *e);
	int64_t (*wall_s)(void *role);
	statement_sha256_fn *sha256;
	domain_a_label_fn *a_label; /* NULL: only plain ASCII domains */
};

struct notify_pending {
	uint64_t id;
	bool answered;
	struct buf replies; /* to the seal itself, when answered */
	struct buf later;   /* replies to requests between this seal and the next */
};

struct notify_server {
	struct server server; /* first; server.engine is what conn moves */
	const struct notify_server_ops *ops;
	struct domain served;
	struct domain peer;             /* of HELLO */
	struct notify_batch *gathering; /* NULL between a seal and the next line */
	size_t batch_bytes;             /* lines and payloads since the last seal */
	size_t held;                    /* what ops->hold was told last */
	uint64_t last_id;
	struct notify_pending queue[NOTIFY_SEALS_MAX];
	size_t head, count;
	size_t (*feed)(struct engine *e, struct span in); /* of every server */
	size_t seal_octets; /* length of the text of the SEAL under way */
	enum seal_alg seal_alg;
	struct err seal_fault; /* of the SEAL line */
};

/* `served`: the domain of the SNI, canonical. */
void notify_server_init(struct notify_server *s, const char *served,
    const struct notify_server_ops *ops, void *role);
void notify_server_clear(struct notify_server *s);

/* Answers a PENDING hello; e NULL: welcome.  False: nothing waits for it. */
bool notify_server_hello_answer(struct notify_server *s, uint64_t request, const struct err *e);
/* Answers a batch, all of whose entries are judged; borrows b.  Call conn_kick after it.  False: nothing
 * waits for it. */
bool notify_server_answer(struct notify_server *s, const struct notify_batch *b);

#endif
