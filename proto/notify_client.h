/* notify_client — the OMS's side of notify: sends sealed batches and reports each recipient's answer.
 *
 * Flow:   3 of 8 (README "Life of a message").
 * Spec:   SPEC.md "notify".
 * State:  NEW --notify_client_hello--> GREETING --250--> READY --notify_client_quit--> OVER.
 * Async:  for each batch: `result` for index 0, 1, 2 ... in order, then `batch_end` exactly once.  When the
 *         session breaks, batch_end says so and the missing results do not come: these are to be sent
 *         again (temporary).  `lost` comes once, after everything else.
 * Owner:  each call copies what it is given; `arg` is the role's.
 * Trust:  proto/client bounds and parses the peer's replies.
 */
#ifndef PROTO_NOTIFY_CLIENT_H
#define PROTO_NOTIFY_CLIENT_H

#include "proto/client.h"
#include "proto/notify.h"

struct notify_recipient {
	struct span address; /* canonical, without brackets */
	unsigned char salt[STATEMENT_SALT_BYTES];
};

struct notify_letter {
	struct span statement;                     /* text */
	const struct notify_recipient *recipients; /* those of this try; NULL: a recall */
	size_t n_recipients;
};

struct notify_client_ops {
	/* e NULL: welcome, batches may be sent.  Otherwise `lost` follows. */
	void (*hello)(void *role, const struct err *e);
	/* The answer for one recipient or recall of a batch; `index` counts through all its letters.
	 * e NULL: accepted.  `text` is the reply's, borrowed. */
	void (*result)(void *role, void *arg, size_t index, struct span text, const struct err *e);
	/* The batch is over.  e NULL: all its entries were answered.  Otherwise the session broke. */
	void (*batch_end)(void *role, void *arg, size_t answered, const struct err *e);
	/* The session is over, also after notify_client_quit; the mover closes. */
	void (*lost)(void *role, const struct err *e);
};

struct notify_sent {
	void *arg;
	size_t expected, answered;
};

struct notify_client {
	struct client client; /* first */
	const struct notify_client_ops *ops;
	void *role;
	bool ready; /* welcomed, not quitting */
	struct notify_sent sent[NOTIFY_SEALS_MAX];
	size_t head, count;
};

void notify_client_init(struct notify_client *c, const struct notify_client_ops *ops, void *role);
void notify_client_clear(struct notify_client *c);

/* Each of these puts octets into client.engine.out: call conn_kick after it. */
void notify_client_hello(struct notify_client *c, const char *domain);
/* Welcomed, and fewer than NOTIFY_SEALS_MAX batches are outstanding. */
bool notify_client_may_send(const struct notify_client *c);
/* False: too_many_outstanding, bad_sequence (not welcomed, or over), too_many_statements,
 * batch_too_big, no_recipient ...; nothing was sent and nothing will be called. */
bool notify_client_send(struct notify_client *c, const struct notify_letter *letters, size_t n,
    struct span seal, enum seal_alg alg, struct span signature, void *arg, struct err *e);
void notify_client_noop(struct notify_client *c); /* keeps an idle session alive */
void notify_client_quit(struct notify_client *c); /* after all pending answers */

#endif
