/* submit_client — the user's side of submit: signs in, sends letters, reads the outbox.
 *
 * Flow:   2 of 8 (README "Life of a message").
 * Spec:   SPEC.md "submit".
 * State:  NEW --submit_client_auth--> signed_in --> requests --> QUIT.  Letters and other requests
 *         may be pipelined, but nothing can be sent while octets of a source are still to be sent
 *         (submit_client_may_send).
 * Async:  For each letter: `refused` for each FROM, TO or HOLD that was refused, then `taken` exactly once.
 *         For each status and outbox: `letter` and `recipient` for each row, then `page_end` exactly once.
 *         If the session breaks, `taken` and `page_end` are called with the error for each open request,
 *         then `lost` once, as the last call.  A letter that is sent again with the same token does not
 *         become a second letter.
 * Trust:  every octet comes from the peer.
 */
#ifndef PROTO_SUBMIT_CLIENT_H
#define PROTO_SUBMIT_CLIENT_H

#include "proto/sasl_client.h"
#include "proto/submit.h"

#define SUBMIT_CLIENT_LETTERS 64 /* under way at one time */

enum submit_part { SUBMIT_PART_FROM, SUBMIT_PART_TO, SUBMIT_PART_HOLD };

struct submit_client_ops {
	struct sasl_client_ops sasl; /* first */
	/* index: of the recipient in the letter's `to`; may be NULL. */
	void (*refused)(void *role, void *arg, enum submit_part part, size_t index,
	    const struct err *e);
	void (*taken)(void *role, void *arg, const struct ulid *id, const struct err *e);
	void (*letter)(void *role, void *arg, const struct submit_letter *l);
	void (*recipient)(void *role, void *arg, const struct submit_recipient *r);
	/* more: there are letters after the last one; ask again. */
	void (*page_end)(void *role, void *arg, bool more, const struct err *e);
	/* The session is over, also after submit_client_quit; the mover closes. */
	void (*lost)(void *role, const struct err *e);
};

/* A letter to be sent; copied before the call returns. */
struct submit_draft {
	const char *from; /* without brackets */
	const char *const *to;
	size_t n_to;
	unsigned hold_days; /* 0: the server's own */
	const char *token;
	uint64_t octets;
};

struct submit_sent {
	void *arg;
	size_t n_to, seen; /* recipients; replies so far */
	bool hold;
};

struct submit_client {
	struct sasl_client sasl; /* first; sasl.client.engine: what conn moves */
	const struct submit_client_ops *ops;
	struct submit_sent sent[SUBMIT_CLIENT_LETTERS];
	size_t head, count;
	struct buf kept; /* the beginning of a row */
	bool more;
	bool quitting;
};

void submit_client_init(struct submit_client *c, const struct submit_client_ops *ops, void *role);
/* Calls no op.  Call client_lost first to end open requests. */
void submit_client_clear(struct submit_client *c);

/* Each puts octets into the engine's out; call conn_kick afterwards.  False: too many requests are
 * outstanding, octets of a source are still to be sent, the session is over, or (for letters) *e says what is
 * wrong with the letter.  Then nothing was sent, and no op will be called for it. */
bool submit_client_auth(struct submit_client *c, const char *mechanism);
bool submit_client_may_send(const struct submit_client *c);
bool submit_client_send(struct submit_client *c, const struct submit_draft *d, struct span body,
    void *arg, struct err *e); /* d->octets: body.n */
/* Takes the source, even when it returns false. */
bool submit_client_send_take(struct submit_client *c, const struct submit_draft *d,
    struct source *body, void *arg, struct err *e);
bool submit_client_status(struct submit_client *c, const struct ulid *id, void *arg);
bool submit_client_outbox(struct submit_client *c, const struct ulid *after, void *arg);
bool submit_client_noop(struct submit_client *c);
bool submit_client_quit(struct submit_client *c); /* after the replies that are outstanding */

#endif
