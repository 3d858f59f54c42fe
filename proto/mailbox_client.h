/* mailbox_client — the user's side of mailbox: signs in, lists, reads, drops.
 *
 * Flow:   5 and 6 of 8 (README "Life of a message").
 * Spec:   SPEC.md "mailbox".
 * State:  NEW --mailbox_client_auth--> signed_in --> requests, pipelined freely --> QUIT.
 * Async:  per request: for list `notice` for each row; for summary and read `progress` while it is
 *         fetched, `found`, and the octets in pieces; and for each request `end`, exactly once.  When
 *         the session breaks, `end` reports it for each open request, then `lost` comes, once and
 *         last.
 * Trust:  every octet is the peer's; the letter's digest is checked by the role.
 */
#ifndef PROTO_MAILBOX_CLIENT_H
#define PROTO_MAILBOX_CLIENT_H

#include "proto/mailbox.h"
#include "proto/sasl_client.h"

struct mailbox_client_ops {
	struct sasl_client_ops sasl; /* first */
	void (*notice)(void *role, void *arg, const struct mailbox_notice *n);
	void (*progress)(void *role, void *arg, uint64_t got, uint64_t size); /* may be NULL */
	/* `octets` octets follow.  False: they are not wanted, *e says why; the session ends. */
	bool (*found)(void *role, void *arg, uint64_t octets, struct err *e);
	void (*payload)(void *role, void *arg, struct span piece);
	/* e NULL: the request is done.  more (of list): ask again after the last number. */
	void (*end)(void *role, void *arg, bool more, const struct err *e);
	/* The session is over, also after mailbox_client_quit; the mover closes. */
	void (*lost)(void *role, const struct err *e);
};

struct mailbox_client {
	struct sasl_client sasl; /* first; sasl.client.engine: what conn moves */
	const struct mailbox_client_ops *ops;
	struct buf kept; /* the beginning of a row */
	bool more;
	bool quitting;
};

void mailbox_client_init(struct mailbox_client *c, const struct mailbox_client_ops *ops,
    void *role);
/* Calls no op: end what is open with client_lost first. */
void mailbox_client_clear(struct mailbox_client *c);

/* Each puts a request into the engine's `out`; the caller then tells the mover (conn_kick).  False:
 * too many requests are open, or the session is over; nothing was sent, nothing will be called. */
bool mailbox_client_auth(struct mailbox_client *c, const char *mechanism);
bool mailbox_client_list(struct mailbox_client *c, uint64_t after, void *arg);
bool mailbox_client_summary(struct mailbox_client *c, uint64_t number, void *arg);
bool mailbox_client_read(struct mailbox_client *c, uint64_t number, uint64_t offset, void *arg);
bool mailbox_client_mark(struct mailbox_client *c, uint64_t number, unsigned set, unsigned cleared,
    void *arg);
bool mailbox_client_drop(struct mailbox_client *c, uint64_t number, void *arg);
bool mailbox_client_decline(struct mailbox_client *c, uint64_t number, void *arg);
bool mailbox_client_noop(struct mailbox_client *c);
bool mailbox_client_quit(struct mailbox_client *c); /* after the replies that are due */

#endif
