/* submit_server — the OMS's side of submit: signs users in, receives letters, serves the outbox.
 *
 * Flow:   2 of 8 (README "Life of a message").
 * Spec:   SPEC.md "submit".
 * State:  NEW --AUTH--> READY.  `letter` is what FROM began; MESSAGE ends it, whatever the reply.
 * Disk:   The reply 250 to MESSAGE promises that the letter is durable.  So `end` returns PENDING, and the
 *         answer comes after the fsync.  The same user and token within SUBMIT_TOKEN_S get the same id and
 *         no second letter.
 * Async:  One request at a time.  PENDING is completed by one answer function, with the number that the
 *         server's `request` had when the op was called, and never from inside the op.  An answer to a
 *         request that has ended is dropped (false).
 * Memory: The letter's octets pass through `body` in pieces, uncopied.  If the session ends before the last
 *         of them, the role learns it from conn (gone), not from here.
 * Trust:  every octet comes from the user's program.
 */
#ifndef PROTO_SUBMIT_SERVER_H
#define PROTO_SUBMIT_SERVER_H

#include "proto/sasl_server.h"
#include "proto/submit.h"

/* From FROM, TO, HOLD and the line of MESSAGE. */
struct submit_envelope {
	char from[ADDRESS_STR_BYTES];                      /* canonical; "": no FROM yet */
	char to[SUBMIT_RECIPIENTS_MAX][ADDRESS_STR_BYTES]; /* canonical, without duplicates */
	size_t n_to;
	unsigned hold_days; /* 0: not given, the domain's default */
	uint64_t octets;
	char token[SUBMIT_TOKEN_MAX + 1];
};

struct submit_server_ops {
	struct sasl_server_ops sasl; /* first */
	/* May the user write as this address (canonical)?  bad_from. */
	enum outcome (*from)(void *role, const char *address, struct err *e);
	/* REFUSED: this recipient cannot receive mail. */
	enum outcome (*to)(void *role, const char *address, struct err *e);
	/* A letter begins; the envelope does not change until its reply.  REFUSED: message_too_big,
	 * outbox_full, bad_hold ...; then its octets are read past, and end is not called.  PENDING: none of
	 * its octets is read before the answer. */
	enum outcome (*begin)(void *role, const struct submit_envelope *env, struct err *e);
	/* A fault that is found here is returned by `end`.  It may call submit_server_pause. */
	void (*body)(void *role, struct span piece);
	/* All octets have arrived.  PENDING: submit_server_taken follows after the fsync.  DONE: *id is set
	 * (the token was seen before). */
	enum outcome (*end)(void *role, struct ulid *id, struct err *e);
	/* Each appends rows: of one letter, or of a page of letters after `after` (NULL: from the first),
	 * oldest first, at most ROW_PAGE_ROWS letters, until the page has ROW_PAGE_BYTES.  DONE: *more
	 * says whether there are more. */
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
		SUBMIT_ASK_BEGIN,
		SUBMIT_ASK_MESSAGE,
		SUBMIT_ASK_PAGE
	} asked;                        /* what the request under way is */
	struct submit_envelope *letter; /* NULL: none begun */
	bool faulty;                    /* FROM, a TO or HOLD was refused */
	struct err fault;               /* the first of these refusals */
};

void submit_server_init(struct submit_server *s, const struct submit_server_ops *ops, void *role);
void submit_server_clear(struct submit_server *s);

/* While it is set, no more octets of the letter are taken: the mover keeps them.  `end` ends it. */
void submit_server_pause(struct submit_server *s, bool paused);

/* Call conn_kick after each.  The answer to auth is sasl_server_answer(&s->sasl, ...). */
bool submit_server_answer(struct submit_server *s, uint64_t request, /* from, to, begin */
    const struct err *e);
bool submit_server_taken(struct submit_server *s, uint64_t request, /* end */
    const struct ulid *id, const struct err *e);
bool submit_server_page(struct submit_server *s, uint64_t request, /* status, outbox */
    struct span page, bool more, const struct err *e);

#endif
