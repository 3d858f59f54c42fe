/* conn — a TLS socket and the engine behind it: moves octets both ways until either is done.
 *
 * libevent says when, OpenSSL works on memory BIOs, the engine is any of proto/.  The contract of
 * the mover is common/base/engine.h.
 *
 * State:   (WAITING ->) CONNECTING -> SHAKING -> UP -> CLOSING -> gone.
 *          WAITING: as many connections to the host as conn_limit allows are open.  No time runs.
 *          Handshake done within TLS_HANDSHAKE_MS (connecting side: timeout_ms from conn_connect).
 *          Accepting: `up` comes whatever the verdict on the peer; the role answers the first
 *          request by it (server_ops.admit with tls_peer_check).  Connecting: `up` comes only
 *          for a server that was judged good and names the domain; else `gone`, and no octet of
 *          ours was sent.
 *          CLOSING: our close_notify is out, the peer's octets are read and forgotten until it
 *          closes too, at most CONN_LINGER_MS; so the last reply arrives.
 * Async:   `up` at most once, `gone` exactly once, neither inside conn_accept or conn_connect, nor
 *          inside conn_kick, conn_close, conn_drop.  After gone returns the conn is freed; late
 *          answers find that out by conn_find.
 * Owner:   the role's session owns its engine and frees it in `gone` (or later).
 * Threads: a conn belongs to its loop's thread.
 * Memory:  while it idles about 28 KB, most of it OpenSSL's and the peer's certificates; at work at
 *          most 64 KiB of input and 64 KiB + 16 KiB of output besides what the engine holds.
 * Trust:   cut off without a TLS close: tls_truncated, never an end.  While there is
 *          output, also such as is only to be read from its source, the peer takes CONN_RATE_MIN
 *          octets a second over each CONN_RATE_MS, or is dropped: too_slow.
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
	/* why NULL: closed in order, by either side. */
	void (*gone)(struct conn *c, void *role, const struct err *why);
	/* While it is up: others wait for a connection to this host.  May be NULL. */
	void (*wanted)(struct conn *c, void *role);
};

enum conn_peers {
	CONN_MUTUAL, /* a certificate is asked for; the verdict starts as no_certificate */
	CONN_CLIENTS /* people: none is asked for, and the verdict stays no_certificate */
};

/* Takes `in`.  The role's `up` calls conn_set_engine. */
struct conn *conn_accept(struct loop *l, struct listen_incoming *in, struct tls_holder *h,
    enum conn_peers peers, const char *alpn, const struct conn_events *events, void *role);

struct conn_target {
	const struct sockaddr *address; /* with the port; copied */
	const char *own;                /* whose identity we show; NULL: none (mc) */
	const char *domain;             /* SNI, and what the server's certificate must name */
	const char *alpn;               /* of static life */
	const char *from;               /* our own address, for one of its family (conf's
						 * connect-from); NULL or "": the system's choice */
	int64_t timeout_ms;             /* for connect and handshake together */
	struct conn_limit *limit;       /* counted there, and it waits for its place; NULL: not */
	bool backs_off;                 /* unreachable at once where the host failed lately */
};

struct conn *conn_connect(struct loop *l, const struct conn_target *to, struct tls_holder *h,
    const struct conn_events *events, void *role);

void conn_set_engine(struct conn *c, struct engine *e); /* in `up`; its first octets go */
/* The role has changed the engine from outside (an answer came): look at it again soon. */
void conn_kick(struct conn *c);
/* Ends in order once what the engine has put out is sent. */
void conn_close(struct conn *c);
/* Ends at once; gone(why) follows, with a copy of *why (NULL: as closed in order). */
void conn_drop(struct conn *c, const struct err *why);
/* conn_drop for every connection of a loop, whose peers are told that it is the end (close_notify). */
void conn_drop_all(struct loop *l, const struct err *why);

uint64_t conn_id(const struct conn *c);              /* unique within the loop's life; never 0 */
struct conn *conn_find(struct loop *l, uint64_t id); /* NULL: gone */
struct loop *conn_loop(const struct conn *c);
struct tls_peer *conn_peer(struct conn *c);
/* The peer's address as the key of what it takes, and of its lines in the log. */
struct span conn_peer_key(const struct conn *c, char out[SHARE_KEY_ADDRESS_BYTES]);
struct tls_holder *conn_holder(const struct conn *c);
struct tls *conn_tls(const struct conn *c); /* borrowed: the generation it began with */
void *conn_role(const struct conn *c);
unsigned conn_count(struct loop *l);
bool conn_is_waiting(const struct conn *c); /* for its place; or it was refused one */
/* Should it end soon, for others wait for one to this host?  True is a promise: conn_limit.h. */
bool conn_is_wanted(struct conn *c);

/* EXPORTER-Channel-Binding (RFC 9266), for SCRAM-SHA-256-PLUS; false before the handshake is done. */
bool conn_exporter(const struct conn *c, unsigned char out[TLS_EXPORTER_BYTES]);

struct conn_counts {
	uint64_t in, out;           /* inside TLS: taken from the peer, given to TLS */
	uint64_t wire_in, wire_out; /* on the socket */
};
void conn_counts(const struct conn *c, struct conn_counts *out);

#endif
