/* reply_context — the request that a later answer is for; see reply_context.h. */
#include "common/net/reply_context.h"

#include "common/net/conn.h"

struct reply_context
reply_context_of(struct loop *l, const struct conn *c, uint64_t request)
{
	return (struct reply_context) { l, conn_id(c), request };
}

void *
reply_context_session(const struct reply_context *r)
{
	struct conn *c = conn_find(r->loop, r->conn);

	return c == NULL ? NULL : conn_role(c);
}
