/* submit_server — the OMS's side of submit: signs in, takes letters, tells how they fare.
 *
 * Flow:   2 of 8 (README "Life of a message").
 * Spec:   SPEC.md "submit".
 * State:  NEW --AUTH--> READY.  The letter that FROM began is in `letter`; MESSAGE ends it,
 *         whatever the answer.
 * Disk:   250 to MESSAGE is the promise that the letter is durable: so `end` says PENDING, and
 *         the answer comes after the fsync.  The same user and token within SUBMIT_TOKEN_S: the
 *         same id, no second letter.
 * Async:  one request at a time.  PENDING is completed by one answer function with the request
 *         number that stood in the server's `request` when the op was called, never from inside
 *         the op.  An answer for a request that is gone is dropped (false).
 * Memory: the letter's octets pass through `body` in pieces, uncopied.  A session can end in
 *         their midst: the role learns it from its mover (conn's gone), not from here.
 * Trust:  every octet is the user's program's.
 */
#ifndef PROTO_SUBMIT_SERVER_H
#define PROTO_SUBMIT_SERVER_H

#include "proto/sasl_server.h"
#include "proto/submit.h"

/* What was said before MESSAGE, and on its line. */
struct submit_envelope {
	char from[ADDRESS_STR_BYTES];                      /* canonical; "": no FROM yet */
	char to[SUBMIT_RECIPIENTS_MAX][ADDRESS_STR_BYTES]; /* canonical, none twice */
	size_t n_to;
	unsigned hold_days; /* 0: not said, the domain's own */
	uint64_t octets;
	char token[SUBMIT_TOKEN_MAX + 1];
};

struct submit_server_ops {
	struct sasl_server_ops sasl; /* first */
	/* May the user write as this address (canonical)?  bad_from. */
	enum outcome (*from)(void *role, const char *address, struct err *e);
	/* Is it known already that this recipient cannot be written to? */
	enum outcome (*to)(void *role, const char *address, struct err *e);
	/* A letter begins; the envelope stays as it is until its answer.  False: message_too_big,
	 * system_full, bad_hold ...; its octets are then read past, and end is not called. */
	bool (*begin)(void *role, const struct submit_envelope *env, struct err *e);
	/* A fault found here is told by `end`. */
	void (*body)(void *role, struct span piece);
	/* All octets have come.  PENDING: submit_server_taken will come, after the fsync.  DONE:
	 * *id is set (a token seen before). */
	enum outcome (*end)(void *role, struct ulid *id, struct err *e);
	/* Append rows of one letter, or of a page of letters behind `after` (NULL: from the first),
	 * oldest first, at most ROW_PAGE_ROWS letters and until ROW_PAGE_BYTES are there.  DONE:
	 * *more says whether there are further ones. */
	enum outcome (*status)(void *role, const struct ulid *id, struct buf *page, struct err *e);
	enum outcome (*outbox)(void *role, const struct ulid *after, struct buf *page, bool *more,
	    struct err *e);
	domain_a_label_fn *a_label; /* NULL: only plain ASCII domains */
};

struct submit_server {
	struct sasl_server sasl; /* first; sasl.server.engine: what conn moves */
	const struct submit_server_ops *ops;
	enum submit_ask {
		SUBMIT_ASK_NONE,
		SUBMIT_ASK_FROM,
		SUBMIT_ASK_TO,
		SUBMIT_ASK_MESSAGE,
		SUBMIT_ASK_PAGE
	} asked;                        /* what the request under way is */
	struct submit_envelope *letter; /* NULL: none begun */
	bool faulty;                    /* FROM, TO or HOLD was refused: */
	struct err fault;               /* the first of them */
};

void submit_server_init(struct submit_server *s, const struct submit_server_ops *ops, void *role);
void submit_server_clear(struct submit_server *s);

/* After each the mover must be told (conn_kick).  To auth: sasl_server_answer(&s->sasl, ...). */
bool submit_server_answer(struct submit_server *s, uint64_t request, /* from, to */
    const struct err *e);
bool submit_server_taken(struct submit_server *s, uint64_t request, /* end */
    const struct ulid *id, const struct err *e);
bool submit_server_page(struct submit_server *s, uint64_t request, /* status, outbox */
    struct span page, bool more, const struct err *e);

#endif
