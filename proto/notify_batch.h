/* notify_batch — the statements under one seal, their recipients, and the answer to each.
 *
 * Flow:   4 of 8 (README "Life of a message").
 * Spec:   SPEC.md "notify".
 * State:  the engine gathers it line by line (notify_batch_add_*) and judges it once, at its seal
 *         (notify_batch_judge).  Then the role accepts or refuses each entry that is not judged yet, and
 *         has the engine answer.
 * Owner:  the engine until accept_take, then the role.  A batch has no pointer into its session, so it may
 *         outlive it, and another thread may work on it (one at a time).
 * Trust:  after notify_batch_judge the open entries and their statements are in canonical form and bound
 *         to the seal, to the two domains and to each other.  It does not say whose signature it is.
 */
#ifndef PROTO_NOTIFY_BATCH_H
#define PROTO_NOTIFY_BATCH_H

#include "proto/notify.h"

/* The answer to an accepted recipient or recall. */
enum notify_done {
	NOTIFY_NOTICED, /* 250 2.1.5 noticed */
	NOTIFY_KNOWN,   /* 250 2.1.5 noticed before */
	NOTIFY_RECALLED /* 250 2.1.5 recalled */
};

#define NOTIFY_ROLE_BYTES   1024
#define NOTIFY_NO_STATEMENT SIZE_MAX /* it was not kept; the entry is judged */

struct notify_entry {        /* one reply line: a recipient, or a recall */
	struct span address; /* canonical; empty: no RCPT, a recall */
	unsigned char salt[STATEMENT_SALT_BYTES];
	size_t statement; /* index of its statement, or NOTIFY_NO_STATEMENT */
	bool judged;      /* by the engine, or by the role since */
	enum notify_done done;
	enum refusal why; /* REFUSAL_NONE: accepted, see done */
	size_t text;      /* of the refusal, in `texts` */
	size_t at;        /* while gathering: of the address, in `octets` */
};

struct notify_batch {
	uint64_t id;                  /* of the batch in its session */
	struct statement *statements; /* in the order they came; a faulty one has only its
						 * text, and its entries are judged already */
	unsigned char (*digests)[STATEMENT_HASH_BYTES]; /* of each statement's text */
	size_t *starts; /* while gathering: of each text, in `octets` */
	size_t n_statements, cap_statements;
	struct notify_entry *entries; /* in the order of their replies */
	size_t n_entries, cap_entries;
	size_t n_open;  /* entries that the role has to judge */
	size_t waiting; /* while gathering: first entry without statement */
	struct seal seal;
	enum seal_alg alg;
	struct span signature;
	struct buf octets; /* what all spans point into */
	struct buf texts;  /* of refusals, each with its NUL */
};

/* -- for the role ----------------------------------------------------------------------- */

/* Judges entry i, which is not judged yet, or all such entries. */
void notify_batch_accept(struct notify_batch *b, size_t i, enum notify_done done);
void notify_batch_refuse(struct notify_batch *b, size_t i, const struct err *e);
void notify_batch_refuse_all(struct notify_batch *b, const struct err *e);
void notify_batch_free(struct notify_batch **b);
/* The memory that the batch takes now, faulty entries and the texts of refusals included, and what its
 * role takes beside it to answer: at most NOTIFY_ROLE_BYTES for each entry and statement. */
size_t notify_batch_bytes(const struct notify_batch *b);

/* -- for the engine ---------------------------------------------------------------------- */

struct notify_bounds { /* what a batch is checked against; canonical domains */
	struct span peer, served;
	int64_t now_s;
	statement_sha256_fn *sha256;
};

struct notify_batch *notify_batch_new(uint64_t id);
/* An RCPT line.  e not NULL: it was malformed, and its entry is refused by *e. */
void notify_batch_add_rcpt(struct notify_batch *b, struct span address,
    const unsigned char salt[STATEMENT_SALT_BYTES], const struct err *e);
/* A STATEMENT line: the entries that wait for a statement get this one; if there is none, an entry is made.
 * e not NULL: its octets will not be kept.  Otherwise the caller appends them to b->octets, then calls _end. */
void notify_batch_add_statement(struct notify_batch *b, const struct err *e);
void notify_batch_end_statement(struct notify_batch *b);

/* Takes the seal's text and signature.  False: *e refuses the whole batch. */
bool notify_batch_seal(struct notify_batch *b, struct span text, enum seal_alg alg,
    struct span signature, const struct notify_bounds *bounds, struct err *e);
/* Judges each statement and each entry against the seal. */
void notify_batch_judge(struct notify_batch *b, const struct notify_bounds *bounds);
/* Appends one reply line per entry, all of which are judged. */
void notify_batch_reply(const struct notify_batch *b, struct buf *out);

#endif
