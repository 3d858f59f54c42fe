/* server — what the four server engines share: lines, verb table, payloads, waiting, limits.
 *
 * A protocol's server embeds `struct server` as its first member and brings a verb table.  It handles
 * one request at a time and replies in order; meanwhile the mover keeps later requests, which is the
 * back-pressure.  A protocol with several unanswered requests (notify's seals, fetch) returns DONE, keeps a
 * queue of its own, and holds back the replies to requests in between (server_hold).
 *
 * Spec:   SPEC.md "Sessions".
 * State:  the protocol's own; `legal_in` is a bit set of it.
 * Async:  the protocol's own answer function completes a handler that returned PENDING, exactly once: it
 *         writes the reply and calls server_answered(s, request).  An answer with another request number
 *         belongs to a request that no longer exists, and is dropped.
 * Trust:  the peer controls every octet; a line is valid only until its handler returns.
 */
#ifndef PROTO_SERVER_H
#define PROTO_SERVER_H

#include "common/base/engine.h"
#include "common/base/err.h"
#include "proto/pace.h"

#define SERVER_IDLE_MS    (5 * 60 * 1000)  /* without a line or a piece of payload */
#define SERVER_HELLO_MS   20000            /* until HELLO, where there is one */
#define SERVER_SIGN_IN_MS 60000            /* until its user has signed in, where users do */
#define SERVER_LIFE_MS    (60 * 60 * 1000) /* the longest session */
#define SERVER_ERRORS_MAX 10               /* faults of form in one session */
#define SERVER_UNKNOWN_MAX                                                                         \
	100 /* requests before HELLO is accepted, or before a user has signed in */

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
	/* Asked before each request: may this peer still be served?  False: *e is the reply, and the
	 * session ends.  This is where a bad TLS verdict becomes a reply. */
	bool (*admit)(void *role, struct err *e);
	/* For the role's log: the engine itself refused a request, for a reason of form, order or time
	 * that no other op is told.  At most SERVER_ERRORS_MAX times a session.  May be NULL. */
	void (*fault)(void *role, const struct err *e);
};

struct server {
	struct engine engine; /* first: the mover casts */
	const struct verb *verbs;
	size_t n_verbs;
	const struct server_ops *ops;
	void *role;
	unsigned state;
	bool greets; /* HELLO comes first: a protocol between servers */
	unsigned errors;
	struct pace pace;
	bool waiting;             /* a handler said PENDING */
	uint64_t request;         /* number of the request under way */
	struct buf *held_replies; /* replies go here while it is set */
	bool stirred;             /* a request was answered since the mover's last call */
	bool full;     /* takes no more input now: the protocol, or its role, has too much */
	bool ahead;    /* takes requests while a payload leaves; their replies are held back */
	bool ending;   /* takes no more input and closes when released */
	bool signs_in; /* in its first state no user has signed in */
	/* gets the next line, in place of the verbs */
	enum outcome (*line)(struct server *s, struct span line, struct err *e);
	/* the payload that the last line announced */
	uint64_t expect; /* octets still to come */
	bool whole;      /* handed over in one piece */
	bool skipping;   /* read and forgotten */
	void (*take_octets)(struct server *s, struct span in);
	enum outcome (*end)(struct server *s, struct span whole, struct err *e);
};

void server_init(struct server *s, const struct verb *verbs, size_t n_verbs,
    const struct server_ops *ops, void *role);
void server_clear(struct server *s);

/* For handlers: n octets of payload follow this line.  The handler returns DONE, and the outcome of `end`
 * is that of the request.  _whole: n <= ENGINE_WINDOW_BYTES / 2, and `end` gets all octets in one span.
 * Otherwise `take_octets` gets each piece when it comes, uncopied, and `end` an empty span. */
void server_expect_whole(struct server *s, uint64_t n,
    enum outcome (*end)(struct server *s, struct span whole, struct err *e));
void server_expect(struct server *s, uint64_t n,
    void (*take_octets)(struct server *s, struct span in),
    enum outcome (*end)(struct server *s, struct span whole, struct err *e));
/* Reads past the payload of a refused request, to the next line. */
void server_skip(struct server *s, uint64_t n);

/* The next line is not a request: `line` gets it whole.  After it, lines are requests again. */
void server_expect_line(struct server *s,
    enum outcome (*line)(struct server *s, struct span line, struct err *e));

void server_reply(struct server *s, int code, const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A reply with n octets of payload, from `offset` of the source on; takes the source.  Not allowed
 * while replies are held back. */
void server_reply_take(struct server *s, int code, const char *enhanced, struct source *source,
    uint64_t offset, uint64_t n, const char *text);
/* The same, with octets in memory, which it copies. */
void server_reply_octets(struct server *s, int code, const char *enhanced, struct span octets,
    const char *text);
void server_refuse(struct server *s, const struct err *e);
/* Refuses and closes: for 421, and when the framing can no longer be trusted. */
void server_end(struct server *s, const struct err *e);
void server_end_with(struct server *s, enum refusal why); /* with the table's sentence */
/* NOOP and QUIT, for the verb tables. */
enum outcome server_do_noop(struct server *s, struct span args, struct err *e);
enum outcome server_do_quit(struct server *s, struct span args, struct err *e);
/* Takes no more input, and closes after all pending replies have left. */
void server_close(struct server *s);

/* Replies to later requests go to *held_replies until server_hold names another buffer, or until
 * server_release.  The protocol moves them to engine.out, in order. */
void server_hold(struct server *s, struct buf *held_replies);
void server_release(struct server *s);

/* True: `request` is the one that waits.  It no longer waits, and the caller replies before it returns to
 * the mover.  False: drop the answer. */
bool server_answered(struct server *s, uint64_t request);

#endif
