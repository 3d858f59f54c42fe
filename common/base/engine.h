/* engine — what every protocol engine looks like to the code that moves octets.
 *
 * An engine is pure: octets, answers and the time go in, octets and requests come out.  It opens
 * no socket, reads no clock and blocks on nothing, so the same object file runs under libevent
 * (common/net/conn), under the spec runner (tests/replay), the fuzzers and the benchmarks.
 *
 * The mover's duties:
 *   - set now_ms before each call; call tick once now_ms >= deadline_ms (0: no deadline);
 *   - offer all input not taken yet to feed, again after every event (an answer, drained
 *     output), even when it is empty; keep what feed did not take; stop reading from the
 *     peer only when ENGINE_WINDOW_BYTES or more are kept;
 *   - send `out`, then the payload; when the payload's last octet has left, free its source,
 *     clear it, and call `sent`;
 *   - close once `closing` is set and out and payload are drained; the same at the end of the
 *     peer's stream, unless an answer is still `owing`.
 */
#ifndef BASE_ENGINE_H
#define BASE_ENGINE_H

#include <sys/types.h>

#include "common/base/buf.h"

#define ENGINE_WINDOW_BYTES 65536 /* input a mover must be able to hold back */
#define ENGINE_OUT_BYTES    65536 /* an engine with more `out` than this takes no input */

/* Where an outgoing payload comes from.  Made by a role, freed by the mover. */
struct source {
	/* Copies 1..n octets from `offset` on into dst and returns how many; -1: it cannot be
	 * read, and the connection is dropped (the peer sees a short payload, never a wrong one). */
	ssize_t (*read)(struct source *s, uint64_t offset, char *dst, size_t n);
	void (*free)(struct source *s);
};

struct payload {
	struct source *source; /* NULL: none */
	uint64_t offset;       /* of the next octet */
	uint64_t left;         /* > 0 where source is set */
};

struct engine {
	struct buf out;         /* to be sent first; the mover drains it */
	struct payload payload; /* to be sent after `out` */
	int64_t now_ms;         /* monotonic */
	int64_t deadline_ms;    /* monotonic; 0: none */
	bool closing;           /* close once out and payload are drained */
	bool owing;             /* a request was taken whose answer is still to come */
	/* Returns how many octets it took, from the front; the rest comes again.  Takes and ignores
	 * all once `closing` is set. */
	size_t (*feed)(struct engine *e, struct span in);
	void (*tick)(struct engine *e); /* the deadline has come */
	void (*sent)(struct engine *e); /* the payload has left; may be NULL */
};

/* Puts a payload after what is in `out`; takes the source.  Zero octets: freed at once. */
void engine_payload_take(struct engine *e, struct source *s, uint64_t offset, uint64_t n);
void engine_clear(struct engine *e); /* frees out and the payload's source */

#endif
