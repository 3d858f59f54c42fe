/* submission_signin — AUTH of submission: SCRAM-SHA-256 and -PLUS, PLAIN and LOGIN, over signin.
 *
 * Spec:   RFC 4954, RFC 4616, RFC 7677; draft-murchison-sasl-login for LOGIN, which is PLAIN in two messages.
 * Order:  the last message of SCRAM is the server's, and 235 has no room for it; so it is a challenge, which the
 *         client answers by the empty message (RFC 4954 4).  Until then nobody has signed in for the engine.
 * Async:  as signin.h: a password is checked on the pool, and a refusal comes after a pause.
 * Trust:  the peer controls every message.  Passwords are wiped.
 */
#ifndef OMS_SUBMISSION_SUBMISSION_SIGNIN_H
#define OMS_SUBMISSION_SUBMISSION_SIGNIN_H

#include "common/auth/signin.h"
#include "proto/smtp/smtp_server.h"

struct submission_signin {
	struct signin *signin;
	struct smtp_server *server;             /* that is told late answers */
	char mechanism[SASL_MECHANISM_MAX + 1]; /* of the exchange under way */
	bool begun;                             /* its first message has been taken */
	bool proved;     /* SCRAM is over, but for the client's empty message */
	struct buf name; /* LOGIN's first message, decoded */
};

/* `s` is zeroed.  Once more after TLS has come, for its channel binding. */
void submission_signin_init(struct submission_signin *s, struct signin_desk *d, struct conn *c,
    struct smtp_server *server);
void submission_signin_clear(struct submission_signin *s);
/* What AUTH offers on this connection; of static life. */
const char *submission_signin_offers(const struct submission_signin *s);
/* auth of struct smtp_server_ops. */
enum outcome submission_signin_step(struct submission_signin *s, uint64_t request,
    struct span mechanism, struct span message, struct sasl_said *said, struct err *e);

#endif
