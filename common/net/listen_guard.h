/* listen_guard — counts all connections, and those from each address.
 *
 * Threads: any; one lock.
 * Owner:   reference counted: the last of the connections and the listen frees it.
 * Trust:   strangers choose their addresses; the hash is keyed by a secret.
 */
#ifndef COMMON_NET_LISTEN_GUARD_H
#define COMMON_NET_LISTEN_GUARD_H

#include "common/net/listen.h"

struct listen_guard;

struct listen_guard *listen_guard_new(const struct listen_limits *limits);
void listen_guard_unref(struct listen_guard **g);

/* Counts the connection and sets in->guard.  False: too_many_connections, its address is at its limits, and
 * the connection is not counted. */
bool listen_guard_enter(struct listen_guard *g, struct listen_incoming *in, struct err *e);
void listen_guard_shook(struct listen_incoming *in); /* its handshake is over */
void listen_guard_leave(struct listen_incoming *in); /* it is closed */
unsigned listen_guard_count(struct listen_guard *g);

#endif
