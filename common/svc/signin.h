/* signin — one connection's signing in, with its price for wrong passwords.
 *
 * What the sessions of people in both daemons share: the SASL exchange over auth.h, bound to the
 * connection, and the delay of each refusal (THREATS C1).
 *
 * Async:  signin_step answers at once, but for AUTH_FAILED: then the refusal is due when `late` is
 *         called, after a pause that grows with each failure of the connection.
 * Trust:  every message is the peer's.
 */
#ifndef SVC_SIGNIN_H
#define SVC_SIGNIN_H

#include "common/svc/auth.h"

struct loop;
struct signin;

/* `binding` is copied (AUTH_BINDING_BYTES). */
struct signin	*signin_new(struct auth *a, struct loop *l, const unsigned char *binding,
		    void (*late)(void *arg, const struct err *e), void *arg);
void		 signin_free(struct signin **s);	/* late will not be called */

/* mechanism: empty but for the first message of an exchange. */
enum auth_result signin_step(struct signin *s, struct span mechanism, struct span message,
		    struct buf *out);
const char	*signin_user(const struct signin *s);	/* after AUTH_DONE; "" before */

#endif
