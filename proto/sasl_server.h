/* sasl_server — signing in, the server's half: what submit and mailbox share.
 *
 * Lines in, lines out; the role does the work (common/auth/auth).
 *
 * Spec:   SPEC.md "Signing in":
 *	AUTH mechanism [message]   -> 334 message, and the client's next line is a message; or
 *	                              235 message, signed in; or 535
 *	A message is base64; "=" is the empty one; the line "*" gives up.  The server answers an
 *	AUTH without one with 334 =, because in every mechanism here the client speaks first.
 * State:  NEW --AUTH ... 235--> READY.  Nothing but AUTH, NOOP and QUIT is served in NEW.
 * Async:  as server.h: `auth` may be PENDING at each step (a wrong password costs time).
 * Trust:  the peer controls every octet.  After SASL_FAILURES_MAX failures the session ends.
 */
#ifndef PROTO_SASL_SERVER_H
#define PROTO_SASL_SERVER_H

#include "proto/server.h"

#define SASL_STEPS_MAX     8  /* messages of the client in one exchange */
#define SASL_FAILURES_MAX  3  /* exchanges of one session that end in a refusal */
#define SASL_MECHANISM_MAX 20 /* RFC 4422 */

enum { SASL_NEW = 1, SASL_READY = 2 }; /* server.state */

/* The role's answer to a message. */
struct sasl_said {
	bool signed_in;     /* otherwise: go on */
	struct buf message; /* base64 without line ends; empty: the empty message */
};

struct sasl_server_ops {
	struct server_ops server; /* first */
	/* The client's next message (base64; empty: the empty message).  `mechanism` is empty but
	 * for the first of an exchange, which forgets any exchange before.  DONE: *said is set.
	 * REFUSED: auth_failed, auth_mechanism ...; the exchange is over. */
	enum outcome (*auth)(void *role, struct span mechanism, struct span message,
	    struct sasl_said *said, struct err *e);
};

struct sasl_server {
	struct server server; /* first; server.engine is what conn moves */
	const struct sasl_server_ops *ops;
	unsigned steps, failures;
	char mechanism[SASL_MECHANISM_MAX + 1]; /* until its first message */
};

/* Is it base64 in its one form? */
bool sasl_is_base64(struct span s);
/* A mechanism's name in upper case.  False: bad_syntax. */
bool sasl_mechanism_parse(struct span s, char out[SASL_MECHANISM_MAX + 1], struct err *e);

void sasl_server_init(struct sasl_server *s, const struct verb *verbs, size_t n_verbs,
    const struct sasl_server_ops *ops, void *role);

/* AUTH, for the verb tables. */
enum outcome sasl_server_do_auth(struct server *s, struct span args, struct err *e);

/* The answer to a PENDING auth: either `said` (borrowed) or e.  False: not waited for, dropped. */
bool sasl_server_answer(struct sasl_server *s, uint64_t request, const struct sasl_said *said,
    const struct err *e);
/* The same with e alone, where a callback needs it; sasl: struct sasl_server. */
bool sasl_server_refuse(void *sasl, uint64_t request, const struct err *e);

#endif
