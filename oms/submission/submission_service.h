/* submission_service — SMTP for the mail programs of users: ports 465 and 587, and the socket of this machine.
 *
 * Flow:   2 of 8 (README "Life of a message"), from programs that do not speak submit.
 * Spec:   SPEC.md "SMTP"; RFC 6409, 8314, 4954.
 * Order:  TLS; AUTH; then letters as those of submit: the same spool, states and outbox.  The name in EHLO is
 *         not judged: users' programs rarely have one.
 * Local:  a program of this machine needs no password: the system tells its login (SO_PEERCRED), and local-user
 *         whose address that is.  Its lines are in plain.  For its user, and for others of local-user, it may write
 *         LOGIN@ the smtp name.
 * Disk:   the reply 250 to the content is sent after the letter's transaction has been committed.
 * Trust:  the peer is a stranger until it has signed in, and may then use its own addresses only: in MAIL FROM
 *         and in the From field.
 */
#ifndef OMS_SUBMISSION_SUBMISSION_SERVICE_H
#define OMS_SUBMISSION_SUBMISSION_SERVICE_H

#include <sys/types.h>

#include "common/tls/tls_profile.h"
#include "oms/oms.h"

struct listen_incoming;

/* On the worker's thread; takes `in`.  kind: TLS_SUBMISSION (587) or TLS_SUBMISSIONS (465). */
void submission_service_incoming(struct oms_worker *w, enum tls_kind kind,
    struct listen_incoming *in);
/* The same for a program of this machine that runs as `uid`. */
void submission_service_local(struct oms_worker *w, uid_t uid, struct listen_incoming *in);

#endif
