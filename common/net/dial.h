/* dial — connects to one of the hosts that a mail domain designates.
 *
 * Finds the designated hosts once, then connects to the next address each time it is asked.  The caller
 * decides what to send on a connection, and whether to try another address.
 *
 * Flow:   3 and 6 of 8.
 * Spec:   SPEC.md 10, 11; RFC 2782 (order), failover.
 * Async:  `ready` is called exactly once, never inside dial_new; not at all if the dial is freed before.
 * Owner:  the caller.  A connection does not need the dial that made it.
 * Trust:  as designation.h and conn.h: no octet of ours is sent to a host that was not judged good
 *         for the domain.
 */
#ifndef COMMON_NET_DIAL_H
#define COMMON_NET_DIAL_H

#include "common/dns/designation.h"
#include "common/net/conn.h"

#define DIAL_FRESH_MS 10000 /* a designation is used for at least this long, whatever its TTL */

struct dial;

struct dial_to {
	struct loop *loop;
	struct dns *dns;
	struct tls_holder *tls;
	const char *service;      /* DESIGNATION_..., of static life */
	const char *alpn;         /* of static life */
	const char *domain;       /* A-labels; this and the next two are copied */
	const char *own;          /* the domain whose identity we show */
	const char *from;         /* connect-from; NULL or "": the system's choice */
	struct conn_limit *limit; /* of connections to one host */
	bool backs_off;           /* does not try a port that failed lately for any domain */
	bool allow_private;
	int64_t timeout_ms; /* of one address, handshake included */
};

/* found and why are designation_find's, borrowed for the call.  why NULL: dial_next has at least one
 * address to offer. */
typedef void dial_ready(void *arg, const struct designation *found, const struct err *why);

struct dial *dial_new(const struct dial_to *to, dial_ready *ready, void *arg);
void dial_free(struct dial **d); /* NULL inside is fine; ready is not called */

/* Connects to the next address, once it is this connection's turn at that host; NULL: none is left. */
struct conn *dial_next(struct dial *d, const struct conn_events *events, void *role);
bool dial_is_over(const struct dial *d); /* none is left */
/* The address and port of the last dial_next; only after it.  Borrowed. */
const struct sockaddr *dial_address(const struct dial *d);
/* Is that the next address, or one of all? */
bool dial_is_next(const struct dial *d, const struct sockaddr *address);
bool dial_names(const struct dial *d, const struct sockaddr *address);
void dial_skip(struct dial *d);              /* the next address counts as dialled; one is left */
size_t dial_target(const struct dial *d);    /* of the last dial_next: which of the hosts, from 0 */
bool dial_is_whole(const struct dial *d);    /* it dials every host that the domain names */
const char *dial_host(const struct dial *d); /* of the last dial_next; "-" before it */
/* Has the DNS answer expired?  Then use a connection only for the request that it was made for, and dial
 * anew for others.  now_ms: the loop's. */
bool dial_is_stale(const struct dial *d, int64_t now_ms);

#endif
