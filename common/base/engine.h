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
 *     peer only when engine_window octets or more are kept;
 *   - set `wake`, where a source may wait; then send `out`, then the payload, by engine_payload_read and
 *     engine_payload_moved.  A payload that is `waiting` has no octets until `wake` is called;
 *   - where `wants_tls` is set: send `out`, take no more input in plain, and drop the connection if it holds or
 *     gets any (CVE-2011-0411); after the handshake call `secured`, which clears wants_tls and what was said in plain;
 *   - close once `closing` is set and out and payload are drained; the same at the end of the
 *     peer's stream, unless an answer is still `owing`.
 */
#ifndef BASE_ENGINE_H
#define BASE_ENGINE_H

#include <sys/types.h>

#include "common/base/buf.h"

#define ENGINE_WINDOW_BYTES 65536 /* input a mover must be able to hold back */
#define ENGINE_NARROW_BYTES 4096  /* the same, as long as the engine is `narrow` */
#define ENGINE_OUT_BYTES    65536 /* an engine with more `out` than this takes no input */

#define SOURCE_WAIT (-2)

/* Where an outgoing payload comes from.  Made by a role, freed by the mover. */
struct source {
	/* Copies 1..n octets from `offset` on into dst and returns how many.
	 * SOURCE_WAIT: they are not in memory yet.  `wake` is called once when they are, on the caller's
	 * thread and never inside a function of the source; until then read returns SOURCE_WAIT again.
	 * -1: they cannot be read, and the connection is dropped (the peer sees a short payload, never
	 * a wrong one). */
	ssize_t (*read)(struct source *s, uint64_t offset, char *dst, size_t n);
	void (*free)(struct source *s); /* at any time; `wake` is not called after it */
	/* Set before the first read by its caller. */
	void (*wake)(void *arg);
	void *wake_arg;
};

struct payload {
	struct source *source; /* NULL: none */
	uint64_t offset;       /* of the next octet */
	uint64_t left;         /* > 0 where source is set; of no meaning where `to_end` is */
	bool to_end;           /* nobody knows its length: the source says its end by 0 */
	bool waiting;          /* for its source, which calls the mover's `wake` */
};

struct engine {
	struct buf out;         /* to be sent first; the mover drains it */
	struct payload payload; /* to be sent after `out` */
	int64_t now_ms;         /* monotonic */
	int64_t deadline_ms;    /* monotonic; 0: none */
	bool closing;           /* close once out and payload are drained */
	bool owing;             /* a request was taken whose answer is still to come */
	bool narrow;            /* nobody knows yet who the peer is: little is kept for it */
	bool wants_tls;         /* what is in `out` is the last in plain: see above */
	/* Returns how many octets it took, from the front; the rest comes again.  Takes and ignores
	 * all once `closing` is set. */
	size_t (*feed)(struct engine *e, struct span in);
	void (*tick)(struct engine *e);    /* the deadline has come */
	void (*sent)(struct engine *e);    /* the payload has left; may be NULL */
	void (*secured)(struct engine *e); /* TLS is up; NULL for an engine that never wants it */
	/* The mover's: the payload has octets again.  NULL: the mover waits for none. */
	void (*wake)(void *arg);
	void *wake_arg;
};

/* Puts a payload after what is in `out`; takes the source.  Zero octets: freed at once. */
void engine_payload_take(struct engine *e, struct source *s, uint64_t offset, uint64_t n);
/* The same from the first octet to the source's end, where its read returns 0. */
void engine_payload_take_to_end(struct engine *e, struct source *s);
void engine_clear(struct engine *e); /* frees out and the payload's source */

/* -- for movers --------------------------------------------------------------------------------- */

size_t engine_window(const struct engine *e);

/* The next octets of the payload, at most n, as read of struct source; sets payload.waiting.  0 only at the end of
 * a payload `to_end`. */
ssize_t engine_payload_read(struct engine *e, char *dst, size_t n);
/* n octets have left, as many as read returned.  After the last one, frees the source and calls `sent`; after the
 * 0 of a payload `to_end`, too. */
void engine_payload_moved(struct engine *e, size_t n);

#endif
