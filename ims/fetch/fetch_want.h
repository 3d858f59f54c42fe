/* fetch_want — a letter that is to come over some session.
 *
 * Owner:  whoever wants it, and its body once that has begun (`in`).
 * Async:  after fetch_link_ask or fetch_pair_ask exactly one of came, refused, again and failed, never inside the
 *         call, unless it is forgotten before.
 */
#ifndef IMS_FETCH_FETCH_WANT_H
#define IMS_FETCH_FETCH_WANT_H

#include <sys/queue.h>
#include <sys/socket.h>

#include "ims/store/store.h"

struct fetch_link;
struct fetch_pair;
struct fetch_request;

struct fetch_want_ops {
	void (*progress)(void *arg, uint64_t got);
	/* All octets are in `in`, to be made durable and judged. */
	void (*came)(void *arg, const char *host);
	/* The host at this address was asked, and does not give the letter. */
	void (
	    *refused)(void *arg, const struct sockaddr *by, const char *host, const struct err *e);
	/* The session ended, or was slow, before it was this letter's turn. */
	void (*again)(void *arg, const char *host, const struct err *e);
	/* No session came to be. */
	void (*failed)(void *arg, const struct err *e);
};

struct fetch_want {
	const struct fetch_want_ops *ops;
	void *arg;
	const struct ims_letter *letter; /* leased */
	struct body_in *in;
	struct fetch_pair *pair; /* waits there for a session; NULL: it does not */
	TAILQ_ENTRY(fetch_want) wait;
	struct fetch_link *link;       /* asked there; NULL: nowhere */
	struct fetch_request *request; /* ... by this */
};
TAILQ_HEAD(fetch_wants, fetch_want);

#endif
