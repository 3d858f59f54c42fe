/* client — what the four client engines share: requests sent, replies matched in order.
 *
 * A protocol's client embeds `struct client` first.  Each request line that has a reply pushes
 * one expectation {kind, arg}; replies pop them in order.  1xx replies are progress and pop
 * nothing.  A reply's payload is handed on in pieces, uncopied.
 *
 * Spec:  SPEC.md "Replies", "Sessions".
 * Trust: every octet is the peer's.  A reply to no request, or one that cannot be parsed, ends
 *        the session.
 * Mover: a request made from outside the engine's own calls must be followed by a call of feed
 *        (conn_kick): only then is now_ms current and does the wait for the reply begin.
 * Async: each expectation ends exactly once: by `reply` (and, with a payload, `end`), or by
 *        `lost`, which ends all that are left.
 */
#ifndef PROTO_CLIENT_H
#define PROTO_CLIENT_H

#include "common/base/engine.h"
#include "common/base/err.h"
#include "proto/reply.h"

#define CLIENT_EXPECT_MAX 256              /* requests outstanding */
#define CLIENT_REPLY_MS   (5 * 60 * 1000)  /* from the request, or the last sign of its answer */
#define CLIENT_LIFE_MS    (60 * 60 * 1000) /* of one session between servers, whatever comes */
/* A payload that comes in brings CLIENT_RATE_MIN octets a second over each CLIENT_RATE_MS, so it is over
 * at the latest CLIENT_RATE_MS after its octets / CLIENT_RATE_MIN seconds. */
#define CLIENT_RATE_MS     60000
#define CLIENT_RATE_MIN    500
#define CLIENT_RATE_OCTETS (CLIENT_RATE_MIN * (CLIENT_RATE_MS / 1000))

struct client;

struct client_ops {
	/* A progress reply (100..199) or the final one; spans borrow until it returns. */
	void (*reply)(struct client *c, int kind, void *arg, const struct reply *r);
	/* Pieces of the payload of the reply just given, then its end.  May be NULL where the
	 * protocol has no payloads: one that comes is then a broken reply. */
	void (*payload)(struct client *c, int kind, void *arg, struct span piece);
	void (*end)(struct client *c, int kind, void *arg);
	/* The session is over: the connection broke, timed out or was malformed.  Once a session;
	 * expectations that are left get no reply. */
	void (*lost)(struct client *c, const struct err *e);
	/* Before `lost`, for each expectation that is left, in order, and first for a payload that
	 * is cut short.  May be NULL. */
	void (*dropped)(struct client *c, int kind, void *arg, const struct err *e);
};

struct client {
	struct engine engine; /* first: the mover casts */
	const struct client_ops *ops;
	struct expectation *expect; /* ring of cap */
	size_t head, count, cap;
	uint64_t payload;   /* octets still to come */
	uint64_t rate_mark; /* of these, when its minute began */
	int64_t rate_ms;    /* when that minute ends */
	bool in_payload;
	bool full; /* the payload is paused: its role has too much */
	bool over;
	bool asked;       /* since the mover's last call: time is stale */
	uint64_t sent_to; /* outgoing payload's offset at the last look */
	int kind;         /* of the payload under way */
	void *arg;
	int64_t reply_ms; /* patience; CLIENT_REPLY_MS */
	int64_t life_ms;  /* 0: as long as the peer likes */
	int64_t born_ms;  /* 0 until the mover's first call */
};

void client_init(struct client *c, const struct client_ops *ops);
void client_clear(struct client *c);

/* Expect n > 0 replies to what the caller has put, or will put before it returns to the mover, into
 * engine.out.  False: CLIENT_EXPECT_MAX are outstanding, or the session is over; nothing is pushed. */
bool client_expect(struct client *c, int kind, void *arg, size_t n);
/* A line with CRLF added and one expectation.  False: as above, or it is no line (too long, or with
 * controls in it); nothing is sent. */
bool client_request(struct client *c, int kind, void *arg, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* While it is set, no more octets of the payload are taken: the mover keeps them.  `end` ends it.  Setting it to
 * false is followed by a call of feed. */
void client_pause(struct client *c, bool paused);
/* For `reply`: has a final reply the octets that its request asks for, and no 3xx code?  False: the
 * session is over, and `dropped` was called for this request too. */
bool client_fits(struct client *c, const struct reply *r, bool octets);
/* Is too little of the session left to begin a request, because the reply might come after its end?  (born_ms and
 * now_ms are of one clock.) */
bool client_is_old(const struct client *c, int64_t now_ms);
/* The mover calls it when the connection has ended; an engine calls it to end the session. */
void client_lost(struct client *c, const struct err *e);

#endif
