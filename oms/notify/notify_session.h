/* notify_session — a session of one of our domains with one recipient domain's designated IMS.
 *
 * Finds the designated hosts, tries their addresses in the order of RFC 2782, says HELLO as our domain
 * and keeps the session while there is something to send.  What is sent is the destination's choice.
 *
 * Flow:    3 of 8 (README "Life of a message").
 * Spec:    SPEC.md 10.
 * State:   IDLE --notify_session_want--> FINDING -> CONNECTING -> GREETING -> READY --silence, end--> IDLE
 *          Any failure: `ended` or `held_back` once, then IDLE; the destination decides when to try again.
 *          Where others wait for a connection to the host (conn_limit.h), the session ends once it has
 *          had its turn: a seal was answered, or there is nothing to send.
 * Threads: the home worker of the pair.
 * Trust:   the recipient domain's DNS and host are hostile until the host's certificate was judged
 *          good and names the domain; before that no octet of ours is sent.
 */
#ifndef OMS_NOTIFY_NOTIFY_SESSION_H
#define OMS_NOTIFY_NOTIFY_SESSION_H

#include "common/dns/designation.h"
#include "common/tls/tls.h"
#include "proto/notify_client.h"
#include "proto/server.h"

#define NOTIFY_SESSION_CONNECT_MS 10000 /* one address, handshake included */
#define NOTIFY_SESSION_SLOW_MS    2000  /* until `slow` tells that one does not get on */
#define NOTIFY_SESSION_IDLE_MS    30000 /* a session with nothing to send ends */

struct conf;
struct notify_session;

struct notify_session_ops {
	/* What DNS said of the peer's servers: a designation_done.  DONE: go on.  REFUSED: *e is the end.
	 * PENDING, only where there is a `why`: notify_session_absent follows. */
	enum outcome (
	    *found)(void *role, const struct designation *d, const struct err *why, struct err *e);
	/* It waits for its turn at the host, or the host is slow to answer.  It may yet become ready. */
	void (*slow)(void *role);
	void (*ready)(void *role);  /* welcomed: notify_session_client may be sent to */
	void (*wanted)(void *role); /* others wait for the host: see notify_session_is_current */
	/* The session is over or never came to be.  why NULL: it ended in order.  final: DNS said why,
	 * and DNSSEC vouches for that; anything else between us and the host may be mended. */
	void (*ended)(void *role, const struct err *why, bool final);
	/* Instead of `ended`, where nothing was tried: each address failed for others lately.  One of them
	 * may be tried again in in_ms. */
	void (*held_back)(void *role, const struct err *why, int64_t in_ms);
	/* As notify_client_ops. */
	void (*result)(void *role, void *arg, size_t index, struct span text, const struct err *e);
	void (*batch_end)(void *role, void *arg, size_t answered, const struct err *e);
};

struct notify_session_place {
	struct loop *loop;
	struct dns *dns;
	struct tls_holder *tls;
	struct conn_limit *limit; /* of connections to one host */
	const char *own, *peer;   /* canonical domains, copied */
};

struct notify_session *notify_session_new(const struct notify_session_place *place,
    const struct notify_session_ops *ops, void *role);
void notify_session_free(struct notify_session **s); /* silently: no callback comes any more */

/* Begins one, unless there is one, by the configuration of the moment; `c` is borrowed. */
void notify_session_want(struct notify_session *s, const struct conf *c);
/* The answer to a PENDING `found`: the session ends with e, never inside `found`; in order where e is NULL, because the
 * letters go another way. */
void notify_session_absent(struct notify_session *s, const struct err *e);
bool notify_session_is_idle(const struct notify_session *s); /* nothing is tried, nothing is up */
struct notify_client *notify_session_client(struct notify_session *s); /* NULL: not READY */
/* The key of the certificate that the session shows; its seals must be made with it, for after a
 * reload we may have another.  Borrowed while the session lasts; only where notify_session_client is
 * not NULL. */
struct evp_pkey_st *notify_session_key(const struct notify_session *s);
/* May the session be used for more?  It has time left in its hour and shows our newest certificate; and
 * it has had no turn yet, or DNS still vouches for its host and nobody waits for one.  The first turn
 * uses the DNS answer from when the session was started, even if that was long ago: otherwise a slow
 * session would never send anything. */
bool notify_session_is_current(const struct notify_session *s);
/* There is nothing to send now: does somebody else wait for the host?  Then the session is to end. */
bool notify_session_is_wanted(const struct notify_session *s);
/* Before anything is sent: is the peer's certificate still good?  False: the session is cut off, and
 * `ended` follows with the reason. */
bool notify_session_vouched(struct notify_session *s);
void notify_session_end(
    struct notify_session *s); /* once nothing is outstanding; `ended` follows */
void notify_session_kick(struct notify_session *s); /* octets were put into the client */
const char *notify_session_host(const struct notify_session *s); /* the last tried; "-": none */

#endif
