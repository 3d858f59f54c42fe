/* listen_guard — how many connections there are, and how many of them from one address.
 *
 * Threads: any; one lock.  Owner: counted; freed with the last connection and its listen.
 * Trust:   addresses are chosen by whoever connects; the table is keyed by a secret.
 */
#ifndef COMMON_NET_LISTEN_GUARD_H
#define COMMON_NET_LISTEN_GUARD_H

#include "common/net/listen.h"

struct listen_guard;

struct listen_guard *listen_guard_new(const struct listen_limits *limits);
void listen_guard_unref(struct listen_guard **g);

/* Counts the connection and makes it of this guard.  False (too_many_connections): over its
 * address's limits, and not counted. */
bool listen_guard_enter(struct listen_guard *g, struct listen_incoming *in, struct err *e);
void listen_guard_shook(struct listen_incoming *in);
void listen_guard_leave(struct listen_incoming *in);
unsigned listen_guard_count(struct listen_guard *g);

#endif
