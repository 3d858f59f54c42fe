/* notify_session — the way from one of our domains to one recipient domain's designated IMS.
 *
 * Finds the designated hosts, tries their addresses in the order of RFC 2782, signs on as our
 * domain, and keeps the session while there is something to say.  What is said is the notifier's.
 *
 * Flow:    3 of 8 (README "Life of a message").
 * Spec:    SPEC.md "notify"; PROTOCOL "Designation and identity".
 * State:   IDLE --route_want--> FINDING -> CONNECTING -> GREETING -> READY --silence, end--> IDLE
 *          Any failure: `failed` once, then IDLE; when to try again is the notifier's choice.
 *          Where others wait for a connection to the host (conn_limit.h), the session ends once it has
 *          had its turn: a batch was answered, or there is nothing to say.
 * Threads: the home worker of the pair; one session a route.
 * Trust:   the recipient domain's DNS and host are hostile until the host's certificate was judged
 *          good and names the domain; before that no octet of ours is sent.
 */
#ifndef OMS_NOTIFY_NOTIFY_SESSION_H
#define OMS_NOTIFY_NOTIFY_SESSION_H

#include "common/dns/designation.h"
#include "common/tls/tls.h"
#include "proto/notify_client.h"

#define ROUTE_CONNECT_MS 10000 /* one address, handshake included */
#define ROUTE_IDLE_MS    30000 /* a session with nothing to say ends */

struct route;

struct route_ops {
	/* What DNS said of the peer's servers: a designation_done.  False: *e is the end, not why. */
	bool (
	    *found)(void *role, const struct designation *d, const struct err *why, struct err *e);
	void (*ready)(void *role);  /* welcomed: route_client may be sent to */
	void (*wanted)(void *role); /* others wait: look at route_is_current, route_is_wanted */
	/* The session is over or never came to be.  why NULL: it ended in order.  permanent: the
	 * domain itself said so, by its DNS or by its answer to our HELLO; what stands between us
	 * and its host, its certificate too, may be mended. */
	void (*ended)(void *role, const struct err *why, bool permanent);
	/* As notify_client_ops. */
	void (*result)(void *role, void *arg, size_t index, struct span text, const struct err *e);
	void (*batch_end)(void *role, void *arg, size_t answered, const struct err *e);
};

struct route_place {
	struct loop *loop;
	struct dns *dns;
	struct tls_holder *tls;
	struct conn_limit *limit; /* of connections to one host */
	bool allow_private;
	const char *own, *peer; /* canonical domains, copied */
	const char *from;       /* conf's connect-from, copied; NULL or "": none */
};

struct route *route_new(const struct route_place *place, const struct route_ops *ops, void *role);
void route_free(struct route **r); /* silently: no callback comes any more */

void route_want(struct route *r);                    /* have a session, if there is none */
bool route_is_idle(const struct route *r);           /* nothing is tried, nothing is up */
struct notify_client *route_client(struct route *r); /* NULL: not READY */
/* The key of the certificate that the session shows, which its seals are to be made with: after a
 * reload we may have another.  Borrowed while the session lasts; only where route_client is not NULL. */
struct evp_pkey_st *route_key(const struct route *r);
/* May the session be used for more: it has time left in its hour, shows our newest certificate, and it
 * has had no turn yet, or DNS still vouches for its host and nobody waits for one?  The first turn is had
 * on what DNS said when we set out, however long the way was: else a slow one would never be gone. */
bool route_is_current(const struct route *r);
/* There is nothing to say now: does somebody else wait for the host?  Then the session is to end. */
bool route_is_wanted(const struct route *r);
/* Before anything is said: is the peer's certificate still good?  False: the session is cut off, and
 * `ended` follows with the reason. */
bool route_vouched(struct route *r);
void route_end(struct route *r);               /* once nothing is outstanding; `ended` follows */
void route_kick(struct route *r);              /* octets were put into the client */
const char *route_host(const struct route *r); /* the host last tried; "-": none */

#endif
