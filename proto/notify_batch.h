/* notify_batch — the statements under one seal, their recipients, and what becomes of each.
 *
 * Flow:   4 of 8 (README "Life of a message").
 * Spec:   SPEC.md "notify".
 * State:  gathered line by line (notify_batch_add_*), judged once at its seal (notify_batch_judge),
 *         then the role's: it accepts or refuses each entry that is not judged yet, and has the
 *         engine answer.
 * Owner:  the engine until accept_take, then the role.  A batch points into nothing of the
 *         session, so it may outlive it and be worked on by another thread (one at a time).
 * Trust:  after notify_batch_judge the open entries and their statements are of canonical form and
 *         bound to the seal, the two domains and each other; who signed is the seal's business.
 */
#ifndef PROTO_NOTIFY_BATCH_H
#define PROTO_NOTIFY_BATCH_H

#include "proto/notify.h"

/* What an accepted recipient or recall is told. */
enum notify_done {
	NOTIFY_NOTICED, /* 250 2.1.5 noticed */
	NOTIFY_KNOWN,   /* 250 2.1.5 noticed before */
	NOTIFY_RECALLED /* 250 2.1.5 recalled */
};

#define NOTIFY_ROLE_BYTES   1024
#define NOTIFY_NO_STATEMENT SIZE_MAX /* none that was kept; the entry is judged */

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
	struct statement *statements; /* in the order they came; of a faulty one nothing but
						 * text is set, and its entries are judged already */
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

/* What becomes of entry i, which is not judged yet; of all that are not. */
void notify_batch_accept(struct notify_batch *b, size_t i, enum notify_done done);
void notify_batch_refuse(struct notify_batch *b, size_t i, const struct err *e);
void notify_batch_refuse_all(struct notify_batch *b, const struct err *e);
void notify_batch_free(struct notify_batch **b);
/* The memory that the batch takes now, faulty entries and the texts of refusals included, and what its
 * role takes beside it to answer: at most NOTIFY_ROLE_BYTES for each entry and statement. */
size_t notify_batch_bytes(const struct notify_batch *b);

/* -- for the engine ---------------------------------------------------------------------- */

struct notify_bounds { /* what a batch is held against; canonical domains */
	struct span peer, served;
	int64_t now_s;
	statement_sha256_fn *sha256;
};

struct notify_batch *notify_batch_new(uint64_t id);
/* An RCPT line; e set: it was faulty, and its entry is refused by that. */
void notify_batch_add_rcpt(struct notify_batch *b, struct span address,
    const unsigned char salt[STATEMENT_SALT_BYTES], const struct err *e);
/* A STATEMENT line: it takes the entries that wait for one, or makes one where none does.  e set:
 * its octets will not be taken.  Otherwise they are appended to b->octets, then _end. */
void notify_batch_add_statement(struct notify_batch *b, const struct err *e);
void notify_batch_end_statement(struct notify_batch *b);

/* The seal's text and signature have come: takes them.  False: *e refuses the whole batch. */
bool notify_batch_seal(struct notify_batch *b, struct span text, enum seal_alg alg,
    struct span signature, const struct notify_bounds *bounds, struct err *e);
/* Judges each statement and each entry by the seal. */
void notify_batch_judge(struct notify_batch *b, const struct notify_bounds *bounds);
/* One reply line per entry; all are judged. */
void notify_batch_reply(const struct notify_batch *b, struct buf *out);

#endif
