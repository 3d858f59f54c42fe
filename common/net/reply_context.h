/* reply_context — names the request that a later answer is for: the connection, and the request on it.
 *
 * A request may wait for a disk or a peer, and its connection may end meanwhile.  So pending work keeps this
 * instead of a pointer to the session; when the answer comes, it looks whether the session still exists.
 *
 * Threads: on the connection's loop.
 */
#ifndef COMMON_NET_REPLY_CONTEXT_H
#define COMMON_NET_REPLY_CONTEXT_H

#include <stdint.h>

struct conn;
struct loop;

struct reply_context {
	struct loop *loop;
	uint64_t conn, request;
};

struct reply_context reply_context_of(struct loop *l, const struct conn *c, uint64_t request);
/* The role of the connection (conn_role); NULL: the connection has ended, and the answer is dropped. */
void *reply_context_session(const struct reply_context *r);

#endif
