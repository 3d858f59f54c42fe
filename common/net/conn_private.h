/* conn_private — the parts of a connection: its socket, its TLS stream, its loop's set.  conn.c and
 * conn_turn.c call them, and conn_end (conn_end_private.h); they do not call conn.c. */
#ifndef COMMON_NET_CONN_PRIVATE_H
#define COMMON_NET_CONN_PRIVATE_H

#include "common/base/engine.h"
#include "common/net/conn.h"
#include "common/tls/tls_session.h"

struct conn_set;
struct conn_way;

enum conn_state {
	CONN_WAITING,
	CONN_CONNECTING,
	CONN_PLAIN,
	CONN_SHAKING,
	CONN_UP,
	CONN_CLOSING,
	CONN_DEAD
};

/* -- a socket, and the memory BIOs between it and OpenSSL, or the engine (conn_wire.c) ------------ */

struct conn_wire {
	struct listen_incoming *in; /* has the descriptor; NULL: no socket yet */
	BIO *from, *to;             /* NULL: none yet */
	bool tried;                 /* connect was called */
	bool eof;
	uint64_t read, written;
	int64_t rate_ms;    /* when the minute began; 0: nothing waits for the peer */
	uint64_t rate_mark; /* octets that the peer had taken then */
};

bool conn_wire_init(struct conn_wire *w, struct err *e); /* makes the BIOs; false: internal */
void conn_wire_clear(struct conn_wire *w);               /* frees them, not the socket */
void conn_wire_attach(struct conn_wire *w, SSL *ssl);    /* from now on ssl uses them, too */
/* Opens a socket and begins to connect.  from: our own address, used where it is of the same family;
 * NULL or "": the system's choice.  False: unreachable. */
bool conn_wire_connect(struct conn_wire *w, const struct sockaddr *to, const char *from,
    struct err *e);
/* The result of connecting.  False: unreachable. */
bool conn_wire_connected(const struct conn_wire *w, struct err *e);
/* One read of at most CONN_READ_BYTES through `scratch`.  keep false: drops the octets.  Sets eof at the
 * end of the stream.  False: the socket failed, or memory ran out (internal). */
bool conn_wire_read(struct conn_wire *w, char *scratch, bool keep, struct err *e);
/* One write of the octets that wait.  False: the socket failed. */
bool conn_wire_write(struct conn_wire *w, char *scratch, struct err *e);
size_t conn_wire_waiting(const struct conn_wire *w); /* octets for the socket */
/* Octets of the peer that nobody has taken: read from the socket, or ready to be. */
bool conn_wire_holds(const struct conn_wire *w);
/* True: over the last CONN_RATE_MS the peer took less than CONN_RATE_MIN octets a second.  more: the engine
 * has octets now, which is false while its payload waits for the disk.  While the kernel has room nothing waits here, however long the rest of a
 * payload is. */
bool conn_wire_is_slow(struct conn_wire *w, bool more, int64_t now_ms);
void conn_wire_give_back(struct conn_wire *w); /* frees large buffers that are empty */

/* -- the stream, in plain or in TLS, and the engine at its end (conn_stream.c) ------------------- */

struct conn_stream {
	struct tls_session *session;
	SSL *ssl;              /* NULL: none yet; the octets are plain */
	struct engine *engine; /* NULL until `up` */
	struct buf input; /* octets that the engine has not taken yet; empty most of the time */
	uint64_t read, written;
	bool eof;     /* the peer's close_notify has come; in plain: the end of its octets */
	bool stopped; /* by a callback of the engine: nothing more may move */
};

enum conn_moved { CONN_MOVED_NOTHING, CONN_MOVED_SOME, CONN_MOVED_FAILED };

/* Gives the engine what has come.  SOME: something was read or taken.  FAILED: *e. */
enum conn_moved conn_stream_feed(struct conn_stream *s, const struct conn_wire *w, char *scratch,
    int64_t now_ms, struct err *e);
/* Takes the octets of the engine and its payload, until CONN_OUT_HIGH wait.  SOME: the engine's side
 * has room again.  FAILED: *e. */
enum conn_moved conn_stream_drain(struct conn_stream *s, const struct conn_wire *w, char *scratch,
    struct err *e);
/* As many octets wait for the engine as may: the peer is not read. */
bool conn_stream_is_full(const struct conn_stream *s);
/* Has the engine octets that were not taken yet? */
bool conn_stream_has_more(const struct conn_stream *s);
/* Are they in memory?  False: there are none, or the payload waits for its source. */
bool conn_stream_can_move(const struct conn_stream *s);
void conn_stream_end(struct conn_stream *s); /* close_notify goes into the BIO; in plain: nothing */

/* -- a loop's connections (conn_set.c) ----------------------------------------------------------- */

struct conn_entry { /* first in struct conn */
	struct conn_entry *next;
	uint64_t id;
	bool kicked; /* is in the set's list */
};

struct conn_set_ops {
	void (*move)(struct conn_entry *c); /* of a kicked one; may free it */
	void (*free)(struct conn_entry *c); /* at the loop's end */
};

struct conn_set;

struct conn_set *conn_set_of(struct loop *l, const struct conn_set_ops *ops); /* made once */
void conn_set_add(struct conn_set *s, struct conn_entry *c);                  /* sets its id */
void conn_set_remove(struct conn_set *s, struct conn_entry *c);
struct conn_entry *conn_set_find(struct conn_set *s, uint64_t id);
void conn_set_each(struct conn_set *s, void (*fn)(struct conn_entry *c, void *arg), void *arg);
void conn_set_kick(struct conn_set *s, struct conn_entry *c); /* ops->move soon */
char *conn_set_scratch(struct conn_set *s); /* CONN_READ_BYTES; until the next call */

/* -- the connection itself (conn.c, conn_turn.c; conn_facts.c reads it) ---------------------------- */

struct conn {
	struct conn_entry entry; /* first */
	struct loop *loop;
	struct conn_set *set;
	enum conn_state state;
	const struct conn_events *events;
	void *role;
	/* connecting side */
	struct conn_place *place; /* NULL: not counted */
	int64_t held_back_ms;     /* conn_held_back_ms */
	struct conn_way *way;     /* until it begins to connect */
	/* octets */
	struct loop_fd *watch; /* NULL: no socket yet */
	struct conn_wire wire;
	struct conn_stream stream;
	struct tls_session session;
	struct tls_peer peer;
	/* time */
	struct loop_timer *timer;
	int64_t armed_ms;    /* 0: not */
	int64_t deadline_ms; /* of the state; 0: none */
	int64_t shake_ms;    /* how long a handshake may take after a plain state */
	/* control flow */
	bool moving; /* conn_move is on the stack */
	bool again;
	bool close_asked;
	bool half_closed;
	bool has_why;
	bool met;    /* `up` was called */
	bool was_up; /* the handshake was completed */
	bool late;   /* the handshake was not over in time */
	struct err why;
};

bool conn_is_server(const struct conn *c);
bool conn_is_open(const struct conn *c); /* octets move between it and the engine */
void conn_log_refused(const struct conn *c, const struct err *why); /* in one line, with the peer */

#endif
