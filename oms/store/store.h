/* store — the OMS's spool: letters, what became of them per recipient domain, what is due.
 *
 * Nothing above this header knows a transaction, a cursor or a key.  Each write touches one letter
 * (From domain, Id) or one delivery of it, completes on the caller's loop, and is durable when
 * `done` is called without an error.
 *
 * State of each recipient; the recipients of one letter at one domain are a delivery:
 *
 *   S0 absent
 *   S1 WAITING       due index has it; its notification is to be sent at next_ms
 *   S2 NOTIFIED      the domain's IMS has a durable notice; served on demand until hold_until
 *   S3 HANDED-OUT    an octet of the body may have left; never recalled from here on
 *   S4 FETCHED       the IMS has said DONE: it owns the letter
 *   S5 REFUSED, EXPIRED, RECALLED, TOO-LATE: over, with the other side's words
 *
 *   S0 -> S1  oms_store_put.  At the instant its transaction commits the promise is made: 250.
 *   S1 -> S2, S5  oms_store_attempted, in the transaction that records the peer's answer.  A crash
 *             between the answer and that commit repeats the notification; the IMS knows it by
 *             (From domain, Id, recipient) and answers the same.
 *   S2 -> S3  oms_store_hand_out, before the first octet leaves.  Recipients in S1 stay there and
 *             are still notified: another's copy is not theirs.  Yet a domain all of whose
 *             recipients are in S1 is served: the id is a capability, and who knows it was told,
 *             though we may have gone down before we wrote that down; handed_s remembers it.
 *   S2, S3 -> S4, S5  oms_store_settle: the domain says DONE, or that nobody there wants it.
 *   S1 -> S4, S5  The domain may say so before we have recorded that it was told: while the attempt is
 *             under way, or after one whose answer was lost.  A letter's only recipient at the domain
 *             is over at once.  Of several, oms_store_attempted finds out later who was meant
 *             (settles, settled_tries) and never takes a letter from one who may not have been.
 *   S1..S3 -> S5  oms_store_sweep, when hold_until has passed.
 *   A delivery is over when all its recipients are S4 or S5; a letter whose deliveries are all over
 *   loses its body at once, and its record (kept for the outbox) after OMS_STORE_OUTCOME_S.
 *
 * A crash leaves: a body file that no record names (swept at start); a record whose body file was
 * to be removed (removed by the sweep that finds it).  Each record names its body before anything
 * is acknowledged, for the file is durable before the transaction begins.
 *
 * A user's share of the spool: the letters whose bodies are kept are counted, and the octets: of the
 * bodies, and a fixed price for the records of each letter and each recipient until they are forgotten.
 * The sums change in the transaction that changes what they count.  A letter of version 1 has no price.
 *
 * Besides the letters it remembers domains of recipients until a time; as what, says oms/notify/downgrade.h.
 *
 * Keys:    letters by id (ULIDs rise with time); due by (pair of domains, time, id).
 * Units:   _ms and _s are wall time.
 */
#ifndef OMS_STORE_STORE_H
#define OMS_STORE_STORE_H

#include "common/store/spool.h"
#include "proto/statement.h"
#include "proto/submit.h"

#define OMS_STORE_OUTCOME_S       (30 * 86400) /* outcomes stay in the outbox for so long */
#define OMS_STORE_DUE_PAGE        64           /* deliveries in one reading */
#define OMS_STORE_USER_BYTES      288          /* what common/auth/accounts.h calls an owner */
#define OMS_STORE_LETTER_PRICE    1024         /* octets */
#define OMS_STORE_RECIPIENT_PRICE 1024

struct loop;
struct offload;
struct oms_store;

bool oms_store_open(const char *folder, uint64_t size, struct offload *o, struct oms_store **s,
    struct err *e);
void oms_store_close(struct oms_store **s); /* what waits is committed first */

struct spool *oms_store_spool(struct oms_store *s); /* where a letter is written to as it arrives */

/* -- taking a letter --------------------------------------------------------------------------- */

struct oms_letter {
	struct ulid id;
	char user[OMS_STORE_USER_BYTES]; /* whose outbox it is in */
	char from[ADDRESS_STR_BYTES];    /* canonical */
	int64_t date_s, hold_until_s;
	uint64_t size;
	unsigned char digest[DIGEST_BYTES];
	uint64_t summary_size;
	unsigned char summary_digest[DIGEST_BYTES];
};

struct oms_recipient {
	char address[ADDRESS_STR_BYTES]; /* canonical */
	unsigned char salt[STATEMENT_SALT_BYTES];
	enum submit_state state;
	int64_t since_s;
	char word[SUBMIT_WORD_BYTES]; /* of the last refusal; "" */
	char text[SUBMIT_TEXT_BYTES];
	bool known; /* oms_store_attempted: the answer was that of a repeat; not kept */
};

bool oms_recipient_is_over(const struct oms_recipient *r); /* fetched, refused, expired ... */

/* One letter's recipients at one domain. */
struct oms_delivery {
	struct ulid id;
	char own[DOMAIN_BYTES], peer[DOMAIN_BYTES];
	struct buf statement; /* exact octets; signed anew in each seal */
	struct oms_recipient *recipients;
	size_t n_recipients;
	uint64_t tries;
	int64_t next_ms; /* of clock_steady_ms; 0: not due any more */
	int64_t hold_until_s;
	/* the store's; an attempt brings them back as they were read */
	int64_t handed_s;       /* when an octet may first have left; 0: none has */
	uint64_t settles;       /* how often the domain said DONE or DECLINE */
	bool declined;          /* what it said last */
	uint64_t settled_tries; /* `tries` when it said so last */
};

void oms_delivery_clear(struct oms_delivery *d);

/* What one user may have; 0: no bound. */
struct oms_user_limits {
	uint64_t letters, octets;
};

struct oms_claim;

/* Before a letter is received: claims its place in the user's share, so that letters that arrive at
 * the same time stay within it too.  *out NULL: the letter with this token is kept already.  False:
 * outbox_full, message_too_big (it fits into no share). */
bool oms_store_claim(struct oms_store *s, const char *user, const char *token, uint64_t size,
    size_t n_recipients, struct oms_user_limits most, struct oms_claim **out, struct err *e);
void oms_claim_free(struct oms_claim **c); /* also after oms_store_close; sets NULL */

struct oms_put {
	struct oms_letter letter;
	char token[SUBMIT_TOKEN_MAX + 1]; /* "": none */
	struct spool_kept *kept;          /* taken */
	struct oms_delivery *deliveries;  /* borrowed during the call */
	size_t n_deliveries;
	struct oms_user_limits most; /* this letter included */
};

/* id: the letter's own; or of the letter that came with this user and token before (then nothing
 * new is stored).  e: system_full, outbox_full, storage ... */
typedef void oms_store_put_done(void *arg, const struct ulid *id, const struct err *e);
void oms_store_put_take(struct oms_store *s, const struct oms_put *p, struct loop *l,
    oms_store_put_done *done, void *arg);

/* -- notifying ------------------------------------------------------------------------------------ */

typedef void oms_store_done(void *arg, const struct err *e);

/* A pair of domains that has something due, and its earliest delivery. */
struct oms_pair {
	char own[DOMAIN_BYTES], peer[DOMAIN_BYTES];
	int64_t first_ms;
	uint64_t tries; /* of that delivery, so far */
};

/* Where a reading of all pairs goes on; { 0 } is the beginning. */
struct oms_pair_cursor {
	unsigned char next[16];
	bool begun;
	bool ended; /* that was the last page */
};

/* Reads the next page of at most `max` pairs, in no order that has a meaning.  A reading that takes
 * many pages finds every pair that is there from its beginning to its end. */
bool oms_store_pairs(struct oms_store *s, struct oms_pair_cursor *at, struct oms_pair *out,
    size_t max, size_t *n, struct err *e);
/* One of them; first_ms 0: nothing is due for it. */
bool oms_store_pair(struct oms_store *s, const char *own, const char *peer, struct oms_pair *out,
    struct err *e);
struct oms_due_query {
	const char *own, *peer;
	int64_t now_ms;
	size_t max; /* at most OMS_STORE_DUE_PAGE */
	/* True: leave this one out, it is under way. */
	bool (*skip)(void *arg, const struct ulid *id);
	void *arg;
};
/* The pair's deliveries that are due by now_ms, oldest due first; the caller clears each. */
bool oms_store_due(struct oms_store *s, const struct oms_due_query *q, struct oms_delivery *out,
    size_t *n, struct err *e);
/* When the pair's next delivery is due; 0: none. */
bool oms_store_next_due(struct oms_store *s, const char *own, const char *peer, int64_t *next_ms,
    struct err *e);
/* Records an attempt: recipients' states, words, tries and next_ms as they stand in `d` (those that
 * were handed out or settled meanwhile keep what they have).  Copied before the call returns. */
void oms_store_attempted(struct oms_store *s, const struct oms_delivery *d, size_t n,
    struct loop *l, oms_store_done *done, void *arg);

/* -- serving --------------------------------------------------------------------------------------- */

/* e: unknown_id (also for a domain that is no recipient, or whose recipients all refused it),
 * recalled, gone.  source is taken by the callee; letter is borrowed. */
typedef void oms_store_handed(void *arg, const struct oms_letter *letter, struct source *source,
    const struct err *e);
/* Durable before done: S3.  Asked again it costs no write. */
void oms_store_hand_out(struct oms_store *s, const struct ulid *id, const char *peer,
    struct loop *l, oms_store_handed *done, void *arg);
/* The summary alone: no change of state.  At once, on this thread. */
bool oms_store_summary(struct oms_store *s, const struct ulid *id, const char *peer,
    struct source **out, uint64_t *size, struct err *e);
/* DONE (fetched) or DECLINE of a domain; may be repeated. */
void oms_store_settle(struct oms_store *s, const struct ulid *id, const char *peer, bool declined,
    struct loop *l, oms_store_done *done, void *arg);

/* -- remembering domains ------------------------------------------------------------------------- */

struct oms_peer {
	int64_t until_s;    /* 0: it is not remembered */
	int64_t answered_s; /* when a session with its server was last recorded; 0: never */
};

/* At once, on this thread. */
bool oms_store_peer(struct oms_store *s, const char *domain, struct oms_peer *out, struct err *e);
/* Replaces until_s.  e: system_full also where there are `max` already and this is not one of them. */
void oms_store_remember(struct oms_store *s, const char *domain, int64_t until_s, uint64_t max,
    struct loop *l, oms_store_done *done, void *arg);
/* Sets answered_s of a domain that is remembered; does nothing for others. */
void oms_store_answered(struct oms_store *s, const char *domain, int64_t now_s, struct loop *l,
    oms_store_done *done, void *arg);

/* -- looking ------------------------------------------------------------------------------------------ */

/* Appends rows (proto/submit.h) of one letter of the user; false: unknown_id. */
bool oms_store_status(struct oms_store *s, const char *user, const struct ulid *id,
    struct buf *page, struct err *e);
/* Rows of the user's letters behind `after`. */
bool oms_store_outbox(struct oms_store *s, const char *user, const struct ulid *after,
    struct buf *page, bool *more, struct err *e);
/* Where a walk through the queue is; zeroed: at the first delivery. */
struct oms_place {
	bool begun;
	struct ulid id;
	char peer[DOMAIN_BYTES];
};
/* For the operator: tells of up to `max` deliveries from *at on and moves it; *more: call it again.  A
 * page is copied out in one short reading before fn is called. */
bool oms_store_queue(struct oms_store *s, struct oms_place *at, size_t max,
    void (*fn)(void *arg, const struct oms_letter *l, const struct oms_delivery *d), void *arg,
    bool *more, struct err *e);

struct oms_store_counts {
	uint64_t letters, writes, commits, used_bytes, size_bytes, domains;
};
void oms_store_counts(struct oms_store *s, struct oms_store_counts *out);

struct oms_user_counts {
	uint64_t letters, octets;
};
bool oms_store_user(struct oms_store *s, const char *user, struct oms_user_counts *out,
    struct err *e);

/* What has come to its end by now_s: expired deliveries, forgotten outcomes; in bounded writes, one
 * after the other, until nothing is left.  Of the domains remembered each call looks at some, in
 * turn.  One at a time. */
void oms_store_sweep(struct oms_store *s, int64_t now_s, struct loop *l, oms_store_done *done,
    void *arg);

/* Forgets every letter of the user, whatever it waits for, with its outcomes and tokens; in bounded
 * writes.  For a user (accounts.h: an owner) who was removed, and whose time is over. */
void oms_store_forget_user(struct oms_store *s, const char *user, int64_t now_s, struct loop *l,
    oms_store_done *done, void *arg);
/* Is there a letter of the user, or an outcome of one? */
bool oms_store_knows_user(struct oms_store *s, const char *user);

#endif
