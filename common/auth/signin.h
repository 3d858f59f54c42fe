/* signin — signing in on one connection, and the state that all connections of a worker share (the desk).
 *
 * The client services of both daemons share this: the SASL exchange of auth.h, bound to the connection;
 * the delay of each refusal and the limit of guesses (guess.h); the log lines; and the end of a session
 * whose user was removed or got another password.
 *
 * Async:   signin_step answers at once, except for a failure: `late` delivers its refusal after a pause
 *          that grows with each failure of the connection.  signin_plain always answers by `late`: its check of
 *          the password takes about 50 ms of another thread.  Each worker has one such check at a time; the
 *          others wait, at most SIGNIN_WAITING_MAX, so that they never fill the threads that stores need.
 * Threads: a desk and its sessions belong to one thread.
 * Trust:   the peer controls every message.
 */
#ifndef COMMON_AUTH_SIGNIN_H
#define COMMON_AUTH_SIGNIN_H

#include "common/auth/accounts.h"

#define SIGNIN_WAITING_MAX 64

struct conn;
struct loop;
struct offload;
struct share;
struct signin;
struct signin_desk;

/* `a` and `sh` outlive it. */
struct signin_desk *signin_desk_new(struct loop *l, struct accounts *a, struct share *sh,
    struct offload *o);
/* After its sessions and offload_stop, and once loop_drain has run what that left. */
void signin_desk_free(struct signin_desk **d);
/* Call it after the accounts were read again.  Drops each connection whose user was removed or has another
 * password. */
void signin_desk_review(struct signin_desk *d);

/* Refuses the request, with *e; NULL: the user is signed in (signin_plain alone).  True: the connection has a reply to
 * send.  False: no request waits for it. */
typedef bool signin_late_fn(void *arg, uint64_t request, const struct err *e);
/* name: of the protocol, for the log; of static life.  False (internal): TLS gives no channel
 * binding, and nobody could sign in. */
bool signin_new(struct signin **out, struct signin_desk *d, struct conn *c, const char *name,
    signin_late_fn *late, void *arg, struct err *e);
/* The same where TLS may give no binding, being version 1.2, or is not there (a socket of this machine).  Then there
 * is no SCRAM-SHA-256-PLUS; where there is a binding, a downgrade from it is refused as ever. */
void signin_new_any(struct signin **out, struct signin_desk *d, struct conn *c, const char *name,
    signin_late_fn *late, void *arg);
bool signin_is_bound(const struct signin *s); /* -PLUS is possible */
void signin_free(struct signin **s);          /* late will not be called */

/* mechanism: empty except in the first message of an exchange.  True: *out is the answer, and
 * *signed_in whether it is the last.  False: refused; `late` will be called for this request. */
bool signin_step(struct signin *s, struct span mechanism, struct span message, uint64_t request,
    struct buf *out, bool *signed_in);
/* The client's message of PLAIN, in base64: for protocols that offer it, inside TLS.  `late` will be called for this
 * request. */
void signin_plain(struct signin *s, struct span message, uint64_t request);
/* The user's own address, and the key of the user's data in the stores; "" before the sign-in. */
const char *signin_user(const struct signin *s);
const char *signin_owner(const struct signin *s);
/* Logs a refusal of any request of the session; event: of static life.  `to` is the recipient that is
 * refused; NULL: the refusal is not about one. */
void signin_log_refused(const struct signin *s, const char *event, const char *to,
    const struct err *e);

#endif
