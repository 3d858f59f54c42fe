/* conn — a connection, its TLS and its protocol engine: moves octets both ways until either is done.
 *
 * The loop reports events, OpenSSL works on memory BIOs, and the engine is any of proto/.  The contract
 * between engine and connection is common/base/engine.h.
 *
 * State:   (WAITING ->) CONNECTING (-> PLAIN) -> SHAKING -> UP -> CLOSING -> freed.
 *          WAITING: as many connections to the host as conn_limit allows are open.  No time runs.
 *          The handshake must end within TLS_HANDSHAKE_MS (connecting side: timeout_ms).
 *          Accepting: `up` is called with any verdict on the peer; the role answers the first
 *          request by the verdict (server_ops.admit with tls_peer_check).  Connecting: `up` is called
 *          only if the server was judged good and names the domain; otherwise `forget_conn` is called,
 *          and no octet of the engine was sent.
 *          PLAIN, for the kinds that begin so (tls_profile.h): `up` is called at once.  Octets move in plain
 *          until the engine sets wants_tls, or for ever.  Then its output is sent; an octet of input that is
 *          here before the handshake begins ends the connection: octets_before_tls.  After the handshake `secured`
 *          is called with any verdict, and then the engine's own.  The time in plain is the engine's deadline.
 *          CLOSING: close_notify was sent; the peer's octets are read and dropped until it closes
 *          too, at most CONN_LINGER_MS, so that the last reply arrives.
 * Async:   `up` is called at most once, `forget_conn` exactly once, neither inside a function of this
 *          header.  The conn is freed after `forget_conn` returns; conn_find tells a late answer so.
 * Owner:   the role's session owns its engine and frees it in `forget_conn` or later.
 * Threads: a conn belongs to its loop's thread.
 * Memory:  about 28 KB while idle, mostly OpenSSL's and the peer's certificates; at work at most
 *          64 KiB of input and 80 KiB of output more, besides the engine's own memory.
 * Trust:   a stream that ends without close_notify is tls_truncated, never an orderly end; in plain nobody can
 *          tell, and the end of the peer's octets is an orderly end, even within a line.  While
 *          there is output, or payload to be read, the peer must take CONN_RATE_MIN octets a second
 *          over each CONN_RATE_MS, or it is dropped: too_slow.  A system call that fails for one
 *          connection ends that connection alone.
 */
#ifndef COMMON_NET_CONN_H
#define COMMON_NET_CONN_H

#include "common/base/engine.h"
#include "common/net/listen.h"
#include "common/share/share_key.h"
#include "common/tls/tls.h"

#define CONN_LINGER_MS  2000
#define CONN_READ_BYTES 16384 /* one read */
#define CONN_OUT_LOW    16384 /* payload is pulled while less than this waits ... */
#define CONN_OUT_HIGH   65536 /* ... up to this */
#define CONN_RATE_MS    60000
#define CONN_RATE_MIN   500

struct conn;
struct conn_limit;
struct loop;

struct conn_events {
	void (*up)(struct conn *c, void *role);
	/* The connection has ended; the role lets go of it.  why NULL: either side closed it in order. */
	void (*forget_conn)(struct conn *c, void *role, const struct err *why);
	/* Others wait for a connection to this host; called only while it is up.  May be NULL. */
	void (*wanted)(struct conn *c, void *role);
	/* TLS came after a plain state, and conn_peer has the verdict.  The role goes on, or calls conn_close or
	 * conn_drop; then the engine says nothing more.  May be NULL. */
	void (*secured)(struct conn *c, void *role);
};

/* Takes `in`.  The role's `up` calls conn_set_engine.  kind: of those that accept (tls_profile.h).  alpn: of static
 * life; NULL where the kind has none. */
struct conn *conn_accept(struct loop *l, struct listen_incoming *in, struct tls_holder *h,
    enum tls_kind kind, const char *alpn, const struct conn_events *events, void *role);

struct conn_target {
	enum tls_kind kind;             /* of those that connect */
	const struct sockaddr *address; /* with the port; copied */
	const char *own;    /* the domain whose identity we show; NULL: none, or the host's
					 * where the kind shows that */
	const char *domain; /* SNI, and what the server's certificate must name; SMTP: a host */
	const char *alpn;   /* of static life; NULL where the kind has none */
	const char *from;   /* our own address, for one of its family (conf's
					 * connect-from); NULL or "": the system's choice */
	int64_t timeout_ms; /* for connect and handshake together; in PLAIN: for each */
	struct conn_limit *limit; /* where it waits for its place; NULL: it does not wait */
	bool backs_off;           /* fails at once as unreachable if the port failed lately */
	unsigned most;            /* as of conn_caller (conn_limit.h) */
};

struct conn *conn_connect(struct loop *l, const struct conn_target *to, struct tls_holder *h,
    const struct conn_events *events, void *role);

void conn_set_engine(struct conn *c, struct engine *e); /* in `up`; sends its first octets */
/* The role has changed the engine (an answer came): schedules its next turn. */
void conn_kick(struct conn *c);
/* Ends the connection in order, after the engine's output is sent. */
void conn_close(struct conn *c);
/* Ends the connection at once; forget_conn follows with a copy of *why (NULL: as closed in order). */
void conn_drop(struct conn *c, const struct err *why);
/* conn_drop for every connection of a loop; sends close_notify first. */
void conn_drop_all(struct loop *l, const struct err *why);

uint64_t conn_id(const struct conn *c);              /* unique within the loop's life; never 0 */
struct conn *conn_find(struct loop *l, uint64_t id); /* NULL: it has ended */
struct tls_peer *conn_peer(struct conn *c);
/* The peer's address as the key of its shares and of its lines in the log. */
struct span conn_peer_key(const struct conn *c, char out[SHARE_KEY_ADDRESS_BYTES]);
struct tls_holder *conn_holder(const struct conn *c);
struct tls *conn_tls(const struct conn *c); /* borrowed: the generation that it began with */
/* Does it show the identity that our newest generation has for `own` (SMTP: for the host)?  Generations share what
 * has not changed.  Where we have none any more: true. */
bool conn_shows_newest(const struct conn *c, const char *own);
void *conn_role(const struct conn *c);
bool conn_is_waiting(const struct conn *c); /* for its place, or was refused one */
/* In `forget_conn`: for how many ms the port may not be tried, because it failed lately and this connection was
 * not tried.  0: it was tried, or ended for another reason. */
int64_t conn_held_back_ms(const struct conn *c);
/* Should it end soon because others wait for this host?  True is a promise to end (conn_limit.h). */
bool conn_is_wanted(struct conn *c);

/* Is TLS up?  Then what it uses, for trace fields and logs: "TLSv1.3", "TLS_AES_256_GCM_SHA384"; else "-". */
bool conn_is_secured(const struct conn *c);
const char *conn_tls_version(const struct conn *c);
const char *conn_tls_suite(const struct conn *c);
/* EXPORTER-Channel-Binding (RFC 9266), for SCRAM-SHA-256-PLUS.  False: the handshake is not done, or the version is
 * TLS 1.2, for which RFC 9266 demands more than we check. */
bool conn_exporter(const struct conn *c, unsigned char out[TLS_EXPORTER_BYTES]);

struct conn_counts {
	uint64_t in, out; /* of the engine, in plain or inside TLS: from the peer, to the peer */
	uint64_t wire_in, wire_out; /* on the socket */
};
void conn_counts(const struct conn *c, struct conn_counts *out);

#endif
