/* store — the OMS's spool: letters, the state of each recipient, and what is due.
 *
 * It lies on common/store/kv: a letter, a user, the queue of a destination are partitions (store_private.h).
 * Code above this header sees none of that.  Each operation changes one letter (From domain, Id).  When its
 * `done` is called without an error, it is durable, and each question that is asked from then on is answered
 * by it.
 *
 * What a letter, a delivery and a user's share may become is decided in oms/policy (delivery.h has the table
 * of states); this is when each step is durable:
 *
 *   oms_store_put_take    the letter is kept and its recipients wait.  The promise (250) is made when the
 *             user's token and sums, the letter, and when it is due are all committed.
 *   oms_store_attempted   the peer's answers are recorded.  A crash between the answer and that commit
 *             repeats the notification; the IMS recognises it by (From domain, Id, recipient) and gives the
 *             same answer.
 *   oms_store_give        is durable before the final dot of the content leaves for an SMTP server.  A crash before
 *             its answer is recorded gives the letter again; until then the recipient says answer-unknown.
 *   oms_store_hand_out    is durable before the first octet leaves.  A domain all of whose recipients
 *             wait is served as well: the id is a capability, so a domain that knows it was notified, even
 *             if we crashed before we recorded that.  handed_s records it.
 *   oms_store_settle      the domain sends DONE, or DECLINE.  It may send either before we have recorded
 *             its notice: while the attempt is under way, or after an attempt whose answer was lost; see
 *             oms_delivery_settle.  Where a crash lost what would decide it, the recipients become
 *             NOTIFIED, and the domain, notified again, repeats its DONE or DECLINE.
 *   oms_store_sweep       what is open after hold_until expires; outcomes are forgotten.
 *
 * A crash can leave a body file that no letter names: it is removed after the next start.  A body file is durable
 * before the operation that names it begins, and that is committed before anything is acknowledged.
 *
 * A user's share of the spool (oms/policy/account.h) changes in the same operation as what it counts.  A
 * letter of version 1 has no price.
 *
 * The store also remembers domains of recipients until a time; oms/queue/downgrade.h says why.
 *
 * Async:   each `done` is called exactly once, on the caller's loop, never inside the call; of a question only
 *          until kv_question_drop.  It may come after oms_store_close: a question then fails with closing.
 * Order:   a user's letters by id (ULIDs rise with time).  There is none over users or destinations.
 * Units:   _ms and _s are wall time.
 */
#ifndef OMS_STORE_STORE_H
#define OMS_STORE_STORE_H

#include "common/store/body.h"
#include "common/store/kv_opening.h"
#include "oms/policy/account.h"
#include "oms/policy/delivery.h"

#define OMS_STORE_DUE_PAGE   64  /* deliveries in one reading */
#define OMS_STORE_USER_BYTES 288 /* what common/auth/accounts.h calls an owner */

struct loop;
struct oms_store;

bool oms_store_open_as(const struct kv_opening *o, struct oms_store **s, struct err *e);
bool oms_store_open(const char *folder, uint64_t size, struct offload *o, struct oms_store **s,
    struct err *e);
void oms_store_close(struct oms_store **s); /* commits what is queued first */

/* Where the octets of a letter go while it arrives. */
struct body_in *oms_store_body(struct oms_store *s, const struct ulid *id, struct loop *l);
struct bodies *oms_store_bodies(struct oms_store *s);

/* A question that waits for its answer.  Its handle is valid until `done` is called; kv_question_drop
 * (common/store/kv_question.h) forgets it. */
struct kv_question;

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
	bool
	    null_sender; /* sent with MAIL FROM:<>; `from` is the user's own address all the same */
	bool by_submission; /* came from a mail program that opens no outbox */
};

struct oms_claim;

/* Asked before a letter is received. */
struct oms_claim_query {
	const char *user, *token; /* copied */
	uint64_t octets;
	size_t n_recipients;
	struct oms_user_limits most;
};
/* Room in the user's share is claimed, so that letters that arrive at the same time cannot exceed it together;
 * the callee takes the claim.  NULL, without e: the letter with this token is already kept.  e: outbox_full,
 * or message_too_big (the letter alone exceeds the share). */
typedef void oms_store_claimed(void *arg, struct oms_claim *claim, const struct err *e);
struct kv_question *oms_store_claim(struct oms_store *s, const struct oms_claim_query *q,
    struct loop *l, oms_store_claimed *done, void *arg);
void oms_claim_free(struct oms_claim **c); /* also after oms_store_close; sets NULL */

struct oms_put {
	struct oms_letter letter;
	char token[SUBMIT_TOKEN_MAX + 1]; /* "": none */
	const struct oms_claim *claim;    /* for the same user and token; NULL: none */
	struct body_kept *kept;           /* taken */
	struct oms_delivery *deliveries;  /* borrowed during the call */
	size_t n_deliveries;
	struct oms_user_limits most; /* this letter included */
};

/* id: the new letter's, or that of an earlier letter with the same user and token (then nothing new is
 * stored).  e: system_full, outbox_full, storage ... */
typedef void oms_store_put_done(void *arg, const struct ulid *id, const struct err *e);
void oms_store_put_take(struct oms_store *s, const struct oms_put *p, struct loop *l,
    oms_store_put_done *done, void *arg);

/* -- notifying ------------------------------------------------------------------------------------ */

typedef void oms_store_done(void *arg, const struct err *e);

/* A pair of domains that has something due, and its earliest delivery. */
struct oms_pair {
	struct domain own, peer;
	int64_t first_ms;
	uint64_t tries; /* of that delivery, so far */
};

/* A position in the list of pairs; zeroed: before the first. */
struct oms_pair_cursor {
	unsigned shard;
	unsigned char next[16];
	bool begun;
	bool ended; /* that was the last page */
};

#define OMS_STORE_PAIRS_PAGE 64

/* The next page of at most `max` pairs (OMS_STORE_PAIRS_PAGE), in an arbitrary order; it is borrowed.  `next`: where
 * the walk continues.  A walk over several pages finds every pair that exists from its first page to its last, a
 * pair with many letters more than once.  first_ms may be earlier than the truth, which oms_store_due knows. */
typedef void oms_store_pairs_done(void *arg, const struct oms_pair *page, size_t n,
    const struct oms_pair_cursor *next, const struct err *e);
struct kv_question *oms_store_pairs(struct oms_store *s, const struct oms_pair_cursor *at,
    size_t max, struct loop *l, oms_store_pairs_done *done, void *arg);

struct oms_due_query {
	const char *own, *peer;
	int64_t now_ms;
	/* A clock that ran fast wrote an earliest time beyond this: what is due at that time is due now. */
	int64_t latest_ms;
	size_t max;                   /* at most OMS_STORE_DUE_PAGE */
	const struct ulid *under_way; /* are left out; copied */
	size_t n_under_way;
};
struct oms_due {
	/* Due by now_ms, in the order of their times; those that are due first come with the first
	 * pages.  Whoever keeps one clears it, and sets n to 0. */
	struct oms_delivery *deliveries;
	size_t n;
	int64_t first_ms; /* when the pair's earliest delivery is due; 0: there is none */
	uint64_t tries;   /* of that delivery, so far; only where `max` is 0 */
};
/* e: `due` is empty. */
typedef void oms_store_due_done(void *arg, struct oms_due *due, const struct err *e);
struct kv_question *oms_store_due(struct oms_store *s, const struct oms_due_query *q,
    struct loop *l, oms_store_due_done *done, void *arg);
/* Records an attempt: the recipients' states and words, tries and next_ms from `d`.  A recipient that was
 * handed out or settled meanwhile keeps its state.  Each delivery is an operation of its own; done is called once,
 * after all of them, with the first refusal.  `d` is copied before the call returns. */
void oms_store_attempted(struct oms_store *s, const struct oms_delivery *d, size_t n,
    struct loop *l, oms_store_done *done, void *arg);

/* An SMTP server has the content of d, but for its final dot: oms_delivery_give.  When done is called without e, that is
 * durable and the dot may leave.  e: gone, nobody waits for it any more; unknown_id; storage.  `d` and `g` are copied. */
void oms_store_give(struct oms_store *s, const struct oms_delivery *d, const struct oms_giving *g,
    struct loop *l, oms_store_done *done, void *arg);

/* -- serving --------------------------------------------------------------------------------------- */

/* e: unknown_id (also for a domain that has no recipient of it, or whose recipients all refused it),
 * recalled, gone.  The callee takes source and borrows letter. */
typedef void oms_store_handed(void *arg, const struct oms_letter *letter, struct source *source,
    const struct err *e);
/* S3 is durable before done is called.  A repeated request costs no write. */
void oms_store_hand_out(struct oms_store *s, const struct ulid *id, const char *peer,
    struct loop *l, oms_store_handed *done, void *arg);
/* For the summary, of letter->summary_size octets, and for SMTP: the source has the whole letter.  Changes no state.  done as that of oms_store_hand_out. */
void oms_store_summary(struct oms_store *s, const struct ulid *id, const char *peer, struct loop *l,
    oms_store_handed *done, void *arg);
/* A domain sent DONE (fetched) or DECLINE; may be repeated. */
void oms_store_settle(struct oms_store *s, const struct ulid *id, const char *peer, bool declined,
    struct loop *l, oms_store_done *done, void *arg);

/* -- remembering domains ------------------------------------------------------------------------- */

struct oms_peer {
	int64_t until_s;    /* 0: it is not remembered */
	int64_t answered_s; /* when a session with its server was last recorded; 0: never */
};

/* e NULL: p, borrowed. */
typedef void oms_store_peer_done(void *arg, const struct oms_peer *p, const struct err *e);
struct kv_question *oms_store_peer(struct oms_store *s, const char *domain, struct loop *l,
    oms_store_peer_done *done, void *arg);
/* Replaces until_s.  e: system_full also if about `max` other domains are remembered already: each shard of
 * their directory takes its part of that. */
void oms_store_remember(struct oms_store *s, const char *domain, int64_t until_s, uint64_t max,
    struct loop *l, oms_store_done *done, void *arg);
/* Sets answered_s of a domain that is remembered; does nothing for others. */
void oms_store_answered(struct oms_store *s, const char *domain, int64_t now_s, struct loop *l,
    oms_store_done *done, void *arg);

/* -- looking ------------------------------------------------------------------------------------------ */

#define OMS_STORE_LIST_PAGE       100  /* letters, or deliveries of the queue */
#define OMS_STORE_LIST_RECIPIENTS 1000 /* a page that has as many ends, at a whole letter */

/* A letter and deliveries of it. */
struct oms_listed {
	struct oms_letter letter;
	struct oms_delivery *deliveries;
	size_t n;
};
/* The letters are borrowed.  more: there are others after the last one. */
typedef void oms_store_listed(void *arg, const struct oms_listed *letters, size_t n, bool more,
    const struct err *e);
/* One letter of the user; e: unknown_id. */
struct kv_question *oms_store_status(struct oms_store *s, const char *user, const struct ulid *id,
    struct loop *l, oms_store_listed *done, void *arg);
/* The user's letters after `after` (NULL: from the first), the oldest first. */
struct kv_question *oms_store_outbox(struct oms_store *s, const char *user,
    const struct ulid *after, struct loop *l, oms_store_listed *done, void *arg);

/* A position in the queue; zeroed: before the first delivery. */
struct oms_place {
	unsigned shard;
	unsigned char user[16];
	bool in_user; /* after this letter, or after this delivery of it */
	struct ulid id;
	struct domain peer;
};
/* For the operator: a page of up to `max` deliveries (OMS_STORE_LIST_PAGE) after *at, each with its letter.  A
 * delivery that cannot be read is left out.  next: where the page ends. */
typedef void oms_store_queued(void *arg, const struct oms_listed *page, size_t n,
    const struct oms_place *next, bool more, const struct err *e);
struct kv_question *oms_store_queue(struct oms_store *s, const struct oms_place *at, size_t max,
    struct loop *l, oms_store_queued *done, void *arg);

struct oms_store_counts {
	uint64_t letters, writes, commits, used_bytes, size_bytes, domains;
};
typedef void oms_store_counted(void *arg, const struct oms_store_counts *c, const struct err *e);
/* Reads the sums of the users in pages, and lets the loop serve others in between.  `letters` may be a minute old where
 * more than a page of users has letters. */
struct kv_question *oms_store_counts(struct oms_store *s, struct loop *l, oms_store_counted *done,
    void *arg);

typedef void oms_store_user_done(void *arg, const struct oms_user_counts *c, const struct err *e);
struct kv_question *oms_store_user(struct oms_store *s, const char *user, struct loop *l,
    oms_store_user_done *done, void *arg);

/* Expires deliveries and forgets outcomes whose time has come, in bounded writes, until none is left.
 * Each call also examines some of the remembered domains, in turn.  Call it again only after `done`. */
void oms_store_sweep(struct oms_store *s, int64_t now_s, struct loop *l, oms_store_done *done,
    void *arg);

/* Forgets all letters, outcomes and tokens of a user (accounts.h: an owner), in bounded writes.  For a
 * removed user whose data are no longer kept. */
void oms_store_forget_user(struct oms_store *s, const char *user, int64_t now_s, struct loop *l,
    oms_store_done *done, void *arg);
/* Does the store have a letter or an outcome of the user? */
typedef void oms_store_knows_done(void *arg, bool known, const struct err *e);
struct kv_question *oms_store_knows_user(struct oms_store *s, const char *user, struct loop *l,
    oms_store_knows_done *done, void *arg);

#endif
