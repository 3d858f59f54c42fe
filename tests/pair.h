/* pair — a client's and a server's engine mouth to ear: a mover without a network. */
#ifndef TESTS_PAIR_H
#define TESTS_PAIR_H

#include <stdlib.h>

#include "common/base/engine.h"

struct pair {
	struct engine *client, *server;
	struct buf to_client, to_server; /* not taken yet */
	size_t chunk;                    /* octets moved at a time */
};

/* At most `chunk` octets of what one side puts out; frees a payload that is through. */
static inline size_t
pair_pull(struct engine *from, struct buf *to, size_t chunk)
{
	size_t n = from->out.len < chunk ? from->out.len : chunk;
	ssize_t got;

	if (n > 0) {
		buf_add(to, from->out.data, n);
		buf_drop(&from->out, n);
		return n;
	}
	if (from->payload.source == NULL)
		return 0;
	if ((got = engine_payload_read(from, buf_room(to, chunk), chunk)) == SOURCE_WAIT)
		return 0;
	if (got < 0)
		abort();
	to->len += (size_t)got;
	engine_payload_moved(from, (size_t)got);
	return (size_t)got;
}

static inline size_t
pair_offer(struct engine *to, struct buf *held)
{
	size_t n = to->feed(to, buf_span(held));

	buf_drop(held, n);
	return n;
}

/* Until nothing moves.  What one side does not take is held, never more than its window. */
static inline void
pair_run(struct pair *p)
{
	size_t moved;

	do {
		moved = 0;
		if (p->to_server.len < ENGINE_WINDOW_BYTES)
			moved += pair_pull(p->client, &p->to_server, p->chunk);
		moved += pair_offer(p->server, &p->to_server);
		if (p->to_client.len < ENGINE_WINDOW_BYTES)
			moved += pair_pull(p->server, &p->to_client, p->chunk);
		moved += pair_offer(p->client, &p->to_client);
	} while (moved > 0);
}

static inline void
pair_clear(struct pair *p)
{
	buf_clear(&p->to_client);
	buf_clear(&p->to_server);
}

#endif
