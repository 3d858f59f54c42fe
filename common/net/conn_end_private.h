/* conn_end — ends a connection, and keeps the reason.
 *
 * Each function makes the connection dead and keeps the reason for the role's `forget_conn`; the
 * connection's turn frees it.  A connection that is dead already keeps its first reason.
 */
#ifndef COMMON_NET_CONN_END_PRIVATE_H
#define COMMON_NET_CONN_END_PRIVATE_H

#include "common/net/conn_private.h"

void conn_fail(struct conn *c, const struct err *why); /* NULL: it ended in order */
void conn_fail_word(struct conn *c, enum refusal why, const char *text);
void conn_refuse(struct conn *c, const struct err *why); /* and logs the peer */
/* The stream is at its end.  Without the peer's close_notify a third party may have cut it. */
void conn_fail_at_end(struct conn *c, const char *how);
/* The socket or memory failed. */
void conn_break_off(struct conn *c, const struct err *why);

#endif
