/* dial — from a mail domain to a connection with one of the hosts it designates.
 *
 * Finds the designated hosts once, then connects to one address after another, one each time it is
 * asked.  The caller decides what is sent on a connection and whether another address might do better.
 *
 * Flow:   3 and 6 of 8.
 * Spec:   SPEC.md 10, 11; RFC 2782 (order), failover.
 * Async:  `ready` is called exactly once, never inside dial_new, unless freed before.
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
	const char *own;          /* whose identity we show */
	const char *from;         /* connect-from; NULL or "": the system's choice */
	struct conn_limit *limit; /* of connections to one host */
	bool backs_off;           /* a port that failed lately, for whomever, is not tried */
	bool allow_private;
	int64_t timeout_ms; /* of one address, handshake included */
};

/* found and why are designation_find's, borrowed for the call.  why NULL: dial_next has at least one
 * address to offer. */
typedef void dial_ready(void *arg, const struct designation *found, const struct err *why);

struct dial *dial_new(const struct dial_to *to, dial_ready *ready, void *arg);
void dial_free(struct dial **d); /* NULL inside is fine; ready is not called */

/* Connects to the next address, when its turn at that host comes; NULL: none is left. */
struct conn *dial_next(struct dial *d, const struct conn_events *events, void *role);
bool dial_is_over(const struct dial *d);     /* none is left */
size_t dial_target(const struct dial *d);    /* of the last dial_next: which of the hosts, from 0 */
bool dial_is_whole(const struct dial *d);    /* every host that the domain names is dialled */
const char *dial_host(const struct dial *d); /* of the last dial_next; "-" before it */
/* Has the DNS answer run out?  Then a connection is used only for the request it was made for; for
 * others the caller dials anew.  now_ms: the loop's. */
bool dial_is_stale(const struct dial *d, int64_t now_ms);

#endif
