/* notify_server — the IMS's side of notify: takes batches of statements, judges all that octets
 * alone can tell, and hands what is left to the role.
 *
 * Flow:   4 of 8 (README "Life of a message").
 * Spec:   SPEC.md "notify".  Judged here, as canonical A-labels: HELLO = Signer = From's domain;
 *         served domain (SNI) = For = Recipient-Domain = domain of every RCPT; the salted hash of
 *         every RCPT; the statement's digest stands in the seal; the seal's date and signature;
 *         Hold-Until lies ahead; nothing stands twice.  A fault of one statement refuses its
 *         recipients alone, a fault of the seal the whole batch.
 * State:  NEW --HELLO--> READY; one HELLO a session; a refused HELLO ends it.
 * Async:  hello and accept are answered exactly once each, in any order among batches; replies
 *         leave in the order of the requests.  An answer for a batch that is not waited for is
 *         dropped (false).
 * Owner:  accept_take gives the batch (notify_batch.h) to the role, which frees it with
 *         notify_batch_free, also where the session died meanwhile.
 * Memory: the role is told what the session takes (ops->hold), in steps of NOTIFY_HOLD_STEP.
 * Trust:  every octet is the peer's, up to a signature of the certificate that the role vouches
 *         for in `verify`.
 */
#ifndef PROTO_NOTIFY_SERVER_H
#define PROTO_NOTIFY_SERVER_H

#include "proto/notify_batch.h"
#include "proto/server.h"

#define NOTIFY_HOLD_STEP 4096

struct notify_server_ops {
	struct server_ops server; /* first */
	/* Does the certificate name the domain (canonical), and does SPF pass?  PENDING:
	 * notify_server_hello_answer(s, s->server.request, ...) will come. */
	enum outcome (*hello)(void *role, const char *domain, struct err *e);
	/* Is the signature over the seal's text by the key of the peer's certificate?  False: *e is
	 * seal_bad (or what else is wrong). */
	bool (*verify)(void *role, enum seal_alg alg, struct span seal_text, struct span signature,
	    struct err *e);
	/* Judge and keep the open entries of the batch; then, in this call or at any time later,
	 * notify_server_answer.  The batch is the role's from here on. */
	void (*accept_take)(void *role, struct notify_batch *b);
	/* The session takes `bytes` of memory from now on: for what is gathered before a seal and for
	 * replies that have not left; a batch that accept_take has handed over is the role's to count.
	 * False: that is too much, *e (batch_share) is the reply and the session ends.  `owed`: for
	 * replies, which cannot be refused any more; the result is ignored.  May be NULL. */
	bool (*hold)(void *role, size_t bytes, bool owed, struct err *e);
	int64_t (*wall_s)(void *role);
	statement_sha256_fn *sha256;
	domain_a_label_fn *a_label; /* NULL: only plain ASCII domains */
};

struct notify_pending {
	uint64_t id;
	bool answered;
	struct buf replies; /* its own, once answered */
	struct buf behind;  /* of requests that came after it and before the next seal */
};

struct notify_server {
	struct server server; /* first; server.engine is what conn moves */
	const struct notify_server_ops *ops;
	struct domain served;
	struct domain peer;             /* of HELLO */
	struct notify_batch *gathering; /* NULL between a seal and the next line */
	size_t batch_bytes;             /* since the last seal */
	size_t held;                    /* what ops->hold was told last */
	uint64_t last_id;
	struct notify_pending queue[NOTIFY_SEALS_MAX];
	size_t head, count;
	size_t (*feed)(struct engine *e, struct span in); /* of every server */
	size_t seal_octets;                               /* of the SEAL under way: its text */
	enum seal_alg seal_alg;
	struct err seal_fault; /* of its line */
};

/* `served`: the domain of the SNI, canonical. */
void notify_server_init(struct notify_server *s, const char *served,
    const struct notify_server_ops *ops, void *role);
void notify_server_clear(struct notify_server *s);

/* The answer to a PENDING hello: e NULL is welcome.  False: not waited for, dropped. */
bool notify_server_hello_answer(struct notify_server *s, uint64_t request, const struct err *e);
/* The answer to a batch: every entry is judged.  Borrows b; false: not waited for, dropped.  The
 * mover must then be told (conn_kick). */
bool notify_server_answer(struct notify_server *s, const struct notify_batch *b);

#endif
