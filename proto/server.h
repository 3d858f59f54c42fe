/* server — what the four server engines share: lines, verb table, payloads, waiting, limits.
 *
 * A protocol's server embeds `struct server` first and brings a verb table.  One request is
 * worked on at a time and replies come in order; requests behind it wait, untaken, with the
 * mover (that is the back-pressure).  A protocol that answers several at once (notify's seals)
 * returns DONE, keeps its own queue, and has the replies to what comes in between held back
 * (server_hold) until theirs have gone.
 *
 * Spec:   SPEC.md "Sessions".
 * State:  the protocol's own; `legal_in` is a bit set of it.
 * Async:  a handler that returns PENDING is completed exactly once by the protocol's own answer
 *         function, which calls server_answered(s, request) after it has written the reply; an
 *         answer with another request number is for a request that is gone, and is dropped.
 * Trust:  every octet is the peer's; nothing of a line lives longer than its handler.
 */
#ifndef PROTO_SERVER_H
#define PROTO_SERVER_H

#include "common/base/engine.h"
#include "common/base/err.h"

#define SERVER_IDLE_MS    (5 * 60 * 1000)  /* without a line or a piece of payload */
#define SERVER_HELLO_MS   20000            /* until HELLO, where there is one */
#define SERVER_SIGN_IN_MS 60000            /* until its user has signed in, where users do */
#define SERVER_LIFE_MS    (60 * 60 * 1000) /* of one session, whatever it does */
/* A payload brings SERVER_RATE_MIN octets a second over each SERVER_RATE_MS in which it could be taken. */
#define SERVER_RATE_MS     60000
#define SERVER_RATE_MIN    500
#define SERVER_RATE_OCTETS (SERVER_RATE_MIN * (SERVER_RATE_MS / 1000))
#define SERVER_ERRORS_MAX  10 /* faults of form in one session */

enum outcome { DONE, REFUSED, PENDING };

struct server;

struct verb {
	const char *name;  /* upper case; matched exactly */
	unsigned legal_in; /* bits of the protocol's states */
	/* DONE: replied, or no reply is due.  REFUSED: *e is set and becomes the reply.
	 * PENDING: the protocol's answer function will come. */
	enum outcome (*run)(struct server *s, struct span args, struct err *e);
};

/* What a role brings to every server engine. */
struct server_ops {
	/* Asked before each request: may this peer (still) be served?  False: *e is the reply,
	 * and the session ends.  This is where the stored TLS verdict is said aloud. */
	bool (*admit)(void *role, struct err *e);
	/* The engine itself refused, for reasons of form, order or time that no other op hears of:
	 * for the role's log.  Bounded by SERVER_ERRORS_MAX a session.  May be NULL. */
	void (*fault)(void *role, const struct err *e);
};

struct server {
	struct engine engine; /* first: the mover casts */
	const struct verb *verbs;
	size_t n_verbs;
	const struct server_ops *ops;
	void *role;
	unsigned state;
	bool greets; /* HELLO comes first: the protocol between servers */
	unsigned errors;
	int64_t born_ms;    /* 0 until the first call */
	bool waiting;       /* a handler said PENDING */
	uint64_t request;   /* number of the request under way */
	struct buf *behind; /* replies go here while it is set */
	bool stirred;       /* answered since the mover's last call */
	bool full;          /* the protocol can take no more for now */
	bool ending;        /* takes no more input; closes once released */
	uint64_t sent_to;   /* payload's offset at the last look */
	bool signs_in;      /* its first state is that of nobody yet */
	/* takes the next line in place of the verbs */
	enum outcome (*line)(struct server *s, struct span line, struct err *e);
	/* the payload that the last line announced */
	uint64_t expect;    /* octets still to come */
	uint64_t came;      /* of it so far */
	uint64_t rate_mark; /* of these, when its minute began */
	int64_t rate_ms;    /* when that minute ends; 0: none runs */
	bool whole;         /* hand it over in one piece */
	bool skipping;      /* it is read and forgotten */
	void (*octets)(struct server *s, struct span in);
	enum outcome (*end)(struct server *s, struct span whole, struct err *e);
};

void server_init(struct server *s, const struct verb *verbs, size_t n_verbs,
    const struct server_ops *ops, void *role);
void server_clear(struct server *s);

/* For handlers.  After server_expect and server_expect_whole, the handler returns DONE and `end` speaks
 * for the request.  _whole: n <= ENGINE_WINDOW_BYTES / 2; the piece is handed to `end`.  Otherwise `octets` gets the
 * pieces as they come, uncopied, and `end` an empty span. */
void server_expect_whole(struct server *s, uint64_t n,
    enum outcome (*end)(struct server *s, struct span whole, struct err *e));
void server_expect(struct server *s, uint64_t n, void (*octets)(struct server *s, struct span in),
    enum outcome (*end)(struct server *s, struct span whole, struct err *e));
/* A refused request's payload is read past, so that the next line is found. */
void server_skip(struct server *s, uint64_t n);

/* The next line is no request but goes to `line`, whole; then the verbs are back. */
void server_expect_line(struct server *s,
    enum outcome (*line)(struct server *s, struct span line, struct err *e));

void server_reply(struct server *s, int code, const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A reply with n octets of payload, from `offset` of the source on; the source is taken.  Not
 * while replies are held back. */
void server_reply_take(struct server *s, int code, const char *enhanced, struct source *source,
    uint64_t offset, uint64_t n, const char *text);
/* The same with octets that are in memory, copied. */
void server_reply_octets(struct server *s, int code, const char *enhanced, struct span octets,
    const char *text);
void server_refuse(struct server *s, const struct err *e);
/* Refuses and closes: 421 and everything after which the framing cannot be trusted. */
void server_end(struct server *s, const struct err *e);
void server_end_with(struct server *s, enum refusal why); /* by the sentence of the table */
/* Takes no more input, and closes once all replies that are due have left. */
void server_close(struct server *s);

/* Replies to later requests go to *behind, until hold is called with another buffer or release;
 * then the protocol itself moves them, in order, to engine.out. */
void server_hold(struct server *s, struct buf *behind);
void server_release(struct server *s);

/* True where `request` is the one that waits; it waits no more, and the caller has replied or
 * will before it returns to the mover.  False: drop the answer. */
bool server_answered(struct server *s, uint64_t request);

#endif
