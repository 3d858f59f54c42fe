/* fetch_client — the IMS's side of fetch: asks for summaries and letters, says when they are kept.
 *
 * Flow:   6 of 8 (README "Life of a message").
 * Spec:   SPEC.md "fetch".
 * State:  NEW --fetch_client_hello--> 250 --> requests, freely pipelined --> QUIT.
 *         Requests may be made before the welcome has come.
 * Async:  a granted summary or fetch gets `found`, then the octets in pieces; every request gets `end`,
 *         exactly once.  If the session breaks or HELLO is refused, `end` reports it for each open request
 *         (client.over is set: this is the end of the session and no reply), then `lost` comes, once
 *         and last.
 * Owner:  pieces are borrowed until `payload` returns.
 * Trust:  the role checks sizes and digests; `found` gives the size that the peer announces.
 */
#ifndef PROTO_FETCH_CLIENT_H
#define PROTO_FETCH_CLIENT_H

#include "proto/client.h"
#include "proto/fetch.h"
#include "proto/id.h"

struct fetch_client_ops {
	/* e NULL: welcome.  Otherwise lost follows.  May be NULL. */
	void (*hello)(void *role, const struct err *e);
	/* SUMMARY or FETCH is granted: `octets` octets follow, in pieces.  False: they are not wanted (*e:
	 * why); the session ends.  Both may be NULL for a role that sends neither request. */
	bool (*found)(void *role, void *arg, uint64_t octets, struct err *e);
	void (*payload)(void *role, void *arg, struct span piece);
	/* e NULL: granted, and all octets have come. */
	void (*end)(void *role, void *arg, const struct err *e);
	/* The session is over, also after fetch_client_quit; the mover closes. */
	void (*lost)(void *role, const struct err *e);
};

struct fetch_client {
	struct client client; /* first; client.engine is what conn moves */
	const struct fetch_client_ops *ops;
	void *role;
	bool ready; /* welcomed, not quitting */
};

void fetch_client_init(struct fetch_client *c, const struct fetch_client_ops *ops, void *role);
/* Calls no op: end what is open with client_lost first. */
void fetch_client_clear(struct fetch_client *c);

/* All put octets into client.engine.out: call conn_kick after them.  False: too
 * many are outstanding, or the session is over; nothing was sent and nothing will be called. */
bool fetch_client_hello(struct fetch_client *c, const char *domain);
bool fetch_client_summary(struct fetch_client *c, const struct ulid *id, void *arg);
bool fetch_client_fetch(struct fetch_client *c, const struct ulid *id, uint64_t offset, void *arg);
bool fetch_client_done(struct fetch_client *c, const struct ulid *id, void *arg);
bool fetch_client_decline(struct fetch_client *c, const struct ulid *id, void *arg);
bool fetch_client_noop(struct fetch_client *c); /* keeps an idle session alive */
bool fetch_client_quit(struct fetch_client *c); /* after the answers that are due */

#endif
