/* signin — one connection's signing in, with its price for wrong passwords.
 *
 * What the sessions of people in both daemons share: the SASL exchange over auth.h, bound to the
 * connection, the delay of each refusal (THREATS C1), and the log's lines about both.
 *
 * Async:  signin_step answers at once, but for a failure: its refusal is due when `late` is
 *         called, after a pause that grows with each failure of the connection.
 * Trust:  every message is the peer's.
 */
#ifndef COMMON_AUTH_SIGNIN_H
#define COMMON_AUTH_SIGNIN_H

#include "common/auth/auth.h"

struct conn;
struct loop;
struct signin;

/* name: of the protocol, for the log; of static life.  False (internal): TLS gives no channel
 * binding, and nobody could sign in. */
bool signin_new(struct signin **out, struct auth *a, struct loop *l, struct conn *c,
    const char *name, void (*late)(void *arg, uint64_t request, const struct err *e), void *arg,
    struct err *e);
void signin_free(struct signin **s); /* late will not be called */

/* mechanism: empty but for the first message of an exchange.  True: *out is the answer, and
 * *signed_in whether it is the last.  False: refused; `late` will say why of this request. */
bool signin_step(struct signin *s, struct span mechanism, struct span message, uint64_t request,
    struct buf *out, bool *signed_in);
/* Once signed in; "" before.  The user's own address, and what the user's data are stored under. */
const char *signin_user(const struct signin *s);
const char *signin_owner(const struct signin *s);

#endif
