/* submission_service — SMTP for the mail programs of users: ports 465 and 587.
 *
 * Flow:   2 of 8 (README "Life of a message"), from programs that do not speak submit.
 * Spec:   SPEC.md "SMTP"; RFC 6409, 8314, 4954.
 * Order:  TLS; AUTH; then letters as those of submit: the same spool, states and outbox.  The name in EHLO is
 *         not judged: users' programs rarely have one.
 * Disk:   the reply 250 to the content is sent after the letter's transaction has been committed.
 * Trust:  the peer is a stranger until it has signed in, and may then use its own addresses only: in MAIL FROM
 *         and in the From field.
 */
#ifndef OMS_SUBMISSION_SUBMISSION_SERVICE_H
#define OMS_SUBMISSION_SUBMISSION_SERVICE_H

#include "common/tls/tls_profile.h"
#include "oms/oms.h"

struct listen_incoming;

/* On the worker's thread; takes `in`.  kind: TLS_SUBMISSION (587) or TLS_SUBMISSIONS (465). */
void submission_service_incoming(struct oms_worker *w, enum tls_kind kind,
    struct listen_incoming *in);

#endif
