/* conn_private — what conn*.c share: the connection's insides, and a loop's set of them. */
#ifndef COMMON_NET_CONN_PRIVATE_H
#define COMMON_NET_CONN_PRIVATE_H

#include "common/loop/loop.h"
#include "common/net/conn.h"
#include "common/net/conn_limit.h"
#include "common/tls/tls_session.h"

enum conn_state { CONN_WAITING, CONN_CONNECTING, CONN_SHAKING, CONN_UP, CONN_CLOSING, CONN_DEAD };

struct conn_set;
struct conn_way;

struct conn {
	struct loop *loop;
	struct conn_set *set;
	uint64_t id;
	struct conn *next; /* in its bucket */
	enum conn_state state;
	const struct conn_events *events;
	void *role;
	struct engine *engine; /* NULL until `up` */
	/* connecting side */
	struct conn_place *place; /* NULL: not counted */
	struct conn_way *way;     /* until it begins to connect */
	/* socket */
	struct listen_incoming *in;
	struct loop_fd *watch;
	bool wire_eof;
	/* TLS */
	SSL *ssl;                 /* NULL: WAITING, or gone from there */
	BIO *from_wire, *to_wire; /* the SSL's */
	struct tls_session session;
	struct tls_peer peer;
	bool tls_eof; /* the peer's close_notify has come */
	/* what the engine has not taken yet; empty most of the time */
	struct buf input;
	struct conn_counts counts;
	/* time */
	struct loop_timer *timer;
	int64_t armed_ms;    /* 0: not */
	int64_t deadline_ms; /* of the state; 0: none */
	int64_t rate_ms;     /* when the minute began; 0: there is nothing to take */
	uint64_t rate_mark;  /* conn_taken then */
	/* control flow */
	bool moving; /* conn_move is on the stack */
	bool again;
	bool kicked; /* is in the set's list */
	bool close_asked;
	bool half_closed;
	bool has_why;
	bool tried; /* connect was called */
	bool was_up;
	struct err why;
};

/* -- a loop's connections (conn_set.c) ---------------------------------------------------------- */

struct conn_set *conn_set_of(struct loop *l); /* made at the first call */
void conn_set_add(struct conn *c);            /* gives it its id */
void conn_set_remove(struct conn *c);
void conn_set_kick(struct conn *c);         /* conn_move soon */
char *conn_set_scratch(struct conn_set *s); /* CONN_READ_BYTES, good until the next call */

/* -- moving (conn_move.c) ----------------------------------------------------------------------- */

void conn_on_ready(void *conn, unsigned ready);
void conn_on_timer(void *conn);
void conn_move(struct conn *c);                        /* may free c */
void conn_fail(struct conn *c, const struct err *why); /* gone follows; NULL: in order */
void conn_fail_word(struct conn *c, enum refusal why, const char *text);

/* -- octets (conn_octets.c) --------------------------------------------------------------------- */

size_t conn_waiting(const struct conn *c); /* for the socket */
uint64_t conn_taken(const struct conn *c); /* octets that the peer has acknowledged */
void conn_read_wire(struct conn *c);
void conn_write_wire(struct conn *c);
bool conn_feed(struct conn *c);  /* true: something was read or taken */
bool conn_drain(struct conn *c); /* true: the engine's side has got room */
/* The stream is at its end; without the peer's close_notify somebody else may have ended it. */
void conn_at_end(struct conn *c, const char *how);
/* TLS says that this is the end, as far as the socket takes it at once: so the peer knows that it
 * was us, and nobody on the way. */
void conn_say_end(struct conn *c);
void conn_give_back(struct conn *c); /* idle connections keep no buffers */

/* -- handshake (conn_shake.c) ------------------------------------------------------------------- */

void conn_shake(struct conn *c);
void conn_log_refused(struct conn *c, const struct err *why);

/* -- beginning to connect, ending (conn.c) ------------------------------------------------------ */

void conn_begin(struct conn *c); /* it has its place */
void conn_free(struct conn *c, bool tell);

#endif
