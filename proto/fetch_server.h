/* fetch_server — the OMS's side of fetch: says hello, hands letters out.
 *
 * Flow:   6 of 8 (README "Life of a message").
 * Spec:   SPEC.md "fetch".
 * State:  NEW --HELLO--> READY.  A refused HELLO ends the session.
 * Disk:   before the first octet of a letter leaves, the role has recorded durably that it was
 *         handed out to the domain: so `fetch` says PENDING, and the answer comes after the fsync.
 * Async:  one request at a time.  PENDING is completed by one answer function with the request
 *         number that stood in server.request when the op was called, never from inside the op.
 *         An answer for a request that is gone is dropped (false).
 * Owner:  a source that is given to the engine is its own, also where it is dropped.
 * Trust:  every octet is the peer's.  A letter that the domain was not notified of must be
 *         answered exactly like an id that never was (unknown_id).
 */
#ifndef PROTO_FETCH_SERVER_H
#define PROTO_FETCH_SERVER_H

#include "common/base/address.h"
#include "proto/fetch.h"
#include "proto/id.h"
#include "proto/server.h"

/* What a request for octets found. */
struct fetch_found {
	struct source *source; /* of the whole letter, or of the whole summary; not NULL */
	uint64_t size;         /* octets of it */
};

struct fetch_server_ops {
	struct server_ops server; /* first */
	/* Does the certificate name the domain (canonical), and is the address designated?  The
	 * role keeps the domain: it is who asks from here on. */
	enum outcome (*hello)(void *role, const char *domain, struct err *e);
	/* DONE: *found is set. */
	enum outcome (
	    *summary)(void *role, const struct ulid *id, struct fetch_found *found, struct err *e);
	/* offset > size is refused by the role (bad_offset), before it records anything. */
	enum outcome (*fetch)(void *role, const struct ulid *id, uint64_t offset,
	    struct fetch_found *found, struct err *e);
	/* DONE (the outcome) only once it is durable; both may be repeated. */
	enum outcome (*done)(void *role, const struct ulid *id, struct err *e);
	enum outcome (*decline)(void *role, const struct ulid *id, struct err *e);
	domain_a_label_fn *a_label; /* NULL: only plain ASCII domains */
};

struct fetch_server {
	struct server server; /* first; server.engine is what conn moves */
	const struct fetch_server_ops *ops;
	enum { FETCH_ASK_NONE, FETCH_ASK_CHANGE, FETCH_ASK_OCTETS } asked; /* the last request */
	uint64_t offset;    /* of the FETCH under way */
	unsigned unknown;   /* requests refused so far with unknown_id */
	struct domain peer; /* of HELLO */
};

void fetch_server_init(struct fetch_server *s, const struct fetch_server_ops *ops, void *role);
void fetch_server_clear(struct fetch_server *s);

/* Answers to a PENDING hello, done or decline: e NULL is 250.  After each the mover must be told
 * (conn_kick). */
bool fetch_server_answer(struct fetch_server *s, uint64_t request, const struct err *e);
/* Answers to a PENDING summary or fetch: either `found` (its source is taken) or e. */
bool fetch_server_found_take(struct fetch_server *s, uint64_t request,
    const struct fetch_found *found, const struct err *e);

#endif
