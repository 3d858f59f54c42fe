/* local — hands a letter to an oms on this machine, by its local-socket: SMTP in plain, without a password.
 *
 * Flow:  1 and 2 of 8, for programs that have no account of their own: cron, PHP, root's scripts.
 * Spec:  SPEC.md "SMTP".
 * Async: none: each call returns when the reply has come, or with the reason why there is none.
 * Trust: whoever may make that socket is the system; its replies are read like a stranger's nevertheless.
 */
#ifndef MC_LOCAL_H
#define MC_LOCAL_H

#include "common/base/ulid.h"
#include "mc/compose.h"
#include "mc/fault.h"

#define LOCAL_SOCKET_DEFAULT  "/run/tillcalled/local.sock"
#define LOCAL_SOCKET_VARIABLE "TILLCALLED_LOCAL_SOCKET"

struct local;

/* Is there a socket, though perhaps nobody who answers? */
bool local_is_there(void);
/* False: *f is unreachable where nobody answers. */
bool local_open(struct local **out, struct fault *f);
void local_close(struct local **l);
int local_fd(const struct local *l);
const char *local_host(const struct local *l); /* the smtp name: logins are at it */
/* from: "" is nobody.  True: the letter is kept as *id.  False: *recipient tells whether one of the recipients was
 * refused; nothing was kept, unless the connection ended before the answer (unreachable). */
bool local_send(struct local *l, const char *from, const struct letter *letter, struct ulid *id,
    bool *recipient, struct fault *f);

#endif
