/* sasl_client — signing in, the client's half: what submit and mailbox share.
 *
 * Spec:   SPEC.md "Signing in".
 * Async:  sasl_client_begin leads to signed_in exactly once, even if the session breaks.
 *         `step` may say PENDING (the proof takes long to compute): sasl_client_answer completes it.
 * Trust:  the peer controls every octet.  The server is trusted only after `step` returned DONE for its
 *         last message, which must prove that it knows the user's keys.
 */
#ifndef PROTO_SASL_CLIENT_H
#define PROTO_SASL_CLIENT_H

#include "proto/client.h"
#include "proto/server.h"

#define SASL_CLIENT_KIND (-1) /* of expectations; protocols use 0 and up */

struct sasl_client_ops {
	/* The server's next message (base64; empty: the empty message, and before the first).
	 * `last`: it is the server's last; then DONE means that the server has proved itself.  Otherwise DONE:
	 * *out is the next message to send (base64; empty: the empty message).  REFUSED: the
	 * exchange is given up. */
	enum outcome (
	    *step)(void *role, struct span message, bool last, struct buf *out, struct err *e);
	void (*signed_in)(void *role, const struct err *e); /* NULL: yes */
};

struct sasl_client {
	struct client client; /* first; client.engine is what conn moves */
	const struct sasl_client_ops *sasl;
	void *role;
	char mechanism[24];
	enum { SASL_IDLE, SASL_FIRST, SASL_MIDDLE, SASL_LAST, SASL_GIVING_UP } at;
	bool stepping;  /* `step` said PENDING */
	struct err why; /* of giving up */
};

void sasl_client_init(struct sasl_client *c, const struct client_ops *ops,
    const struct sasl_client_ops *sasl, void *role);
/* False: one is under way, or the session is over; signed_in will not be called. */
bool sasl_client_begin(struct sasl_client *c, const char *mechanism);
/* The answer to a PENDING step: the message to send, or e.  Call conn_kick after it. */
bool sasl_client_answer(struct sasl_client *c, struct span message, const struct err *e);

/* For the protocols' client_ops: true where the reply, or the end of the session, was about
 * signing in. */
bool sasl_client_reply(struct client *c, int kind, const struct reply *r);
void sasl_client_lost(struct client *c, const struct err *e);

#endif
