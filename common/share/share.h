/* share — the one accounting of a daemon: what each peer, user and address may take of it.
 *
 * Memory, DNS questions, guesses at passwords, lines of log and the like are bounded by connection in
 * many places; here they are bounded by whoever causes them, and in all.  Each kind is a row of
 * SHARE_KINDS; how a row works is told by share_table.h.  A caller that is refused says so by the
 * kind's word, which is temporary:
 *
 *	if (RULE(batch_share) && !share_take(s, SHARE_gathered, key, n, now_ms, e))
 *		return false;
 *
 * What an operator may want to turn is a configuration key (struct share_limits): how many sessions and
 * questions a busy peer needs, how many typing errors a large provider makes, how many wrong passwords users
 * type.  The rest are constants.  What an address may take follows from what a domain or an account may.
 * Memory and all bounds for all keys together depend on what the machine has, which the daemon must not
 * exceed whoever asks; the log's keep a flood below what any disk takes; and floors and rows make the table
 * itself work.
 *
 * Keys:    share_key.h makes them: of a certified domain, of an address.
 * State:   volatile and of this process alone.  Shares of storage are the stores' own, and durable.
 * Threads: any; one lock around each call.  A struct share_hold is one thread's at a time.
 */
#ifndef COMMON_SHARE_SHARE_H
#define COMMON_SHARE_SHARE_H

#include "common/share/share_table.h"

#define SHARE_SECOND   INT64_C(1000)
#define SHARE_HOUR     INT64_C(3600000)
#define SHARE_MIB      (INT64_C(1) << 20)
#define SHARE_SEEN_MAX 64 /* rows that `status` shows */

/* An unknown recipient costs as many tokens as accepted ones earn. */
#define SHARE_UNKNOWN_COST 20
/* So many more answers than its share a domain may earn in an hour, and keep; an address five times as many. */
#define SHARE_UNKNOWN_EARNED 100

/* "connections of a.test" is how `status` shows a row to people.
 * name, for people, form, {a key's most, refill}, {all keys' most, refill}, per ms, credit of a bucket or floor of a gauge, rows, word */
/* clang-format off */
#define SHARE_KINDS(X)											\
	/* sessions of notify or of fetch; by the domain that is certified, and by address: one certificate may name many domains */	\
	X(sessions,   "connections",           SHARE_GAUGE,  200, 0,  0, 0,  0,  0,  4096,  too_many_connections)	\
	X(sessions_address, "connections", SHARE_GAUGE,  400, 0,  0, 0,  0,  0,  4096,  too_many_connections)	\
	/* sessions that a user has signed in to, on submit or on mailbox */				\
	X(sessions_user, "connections", SHARE_GAUGE,  200, 0,  0, 0,  0,  0,  65536,  too_many_connections)	\
	/* octets of batches that are not answered yet; by sender domain, and by address */		\
	X(gathered,   "memory for notices",             SHARE_GAUGE,  16 * SHARE_MIB, 0,  48 * SHARE_MIB, 0,  0,  SHARE_MIB / 16,  4096,  batch_share)	\
	X(gathered_address, "memory for notices", SHARE_GAUGE,  16 * SHARE_MIB, 0,  48 * SHARE_MIB, 0,  0,  SHARE_MIB / 16,  4096,  batch_share)	\
	/* lines of log: of one event by one peer, in share_log.c */					\
	X(log,        "lines of log",       SHARE_BUCKET,  50, 5,  5000, 500,  SHARE_SECOND,  0,  4096,  NONE)	\
	/* what became of each recipient: of one event by one domain of recipients, in share_log.c */	\
	X(log_letters, "lines of log",      SHARE_BUCKET,  1000, 100,  5000, 500,  SHARE_SECOND,  0,  4096,  NONE)	\
	/* of the first, what all peers may write together that are known by address alone, in share_log.c */		\
	X(log_strangers, "lines of log",    SHARE_BUCKET,  4000, 400,  0, 0,  SHARE_SECOND,  0,  1,  NONE)	\
	/* answers that a recipient is unknown, 20 an hour by sender domain, and 100 by address */		\
	X(unknown,    "unknown recipients", SHARE_BUCKET, 20 * SHARE_UNKNOWN_COST, 20 * SHARE_UNKNOWN_COST,  0, 0,		\
	                                    SHARE_HOUR,  SHARE_UNKNOWN_EARNED * SHARE_UNKNOWN_COST,  16384,  recipient_share)	\
	X(unknown_address, "unknown recipients", SHARE_BUCKET, 100 * SHARE_UNKNOWN_COST, 100 * SHARE_UNKNOWN_COST,  0, 0,	\
	                                    SHARE_HOUR,  5 * SHARE_UNKNOWN_EARNED * SHARE_UNKNOWN_COST,  16384,  recipient_share)	\
	/* what of the tokens of the two above came by accepted notices (share_peer_give) */		\
	X(unknown_earned, "recipients that earn", SHARE_BUCKET, SHARE_UNKNOWN_EARNED * SHARE_UNKNOWN_COST, SHARE_UNKNOWN_EARNED * SHARE_UNKNOWN_COST,  0, 0,	\
	  SHARE_HOUR, SHARE_UNKNOWN_EARNED * SHARE_UNKNOWN_COST,  16384,  NONE)	\
	X(unknown_earned_address, "recipients that earn", SHARE_BUCKET, 5 * SHARE_UNKNOWN_EARNED * SHARE_UNKNOWN_COST, 5 * SHARE_UNKNOWN_EARNED * SHARE_UNKNOWN_COST,  0, 0,	\
	  SHARE_HOUR, 5 * SHARE_UNKNOWN_EARNED * SHARE_UNKNOWN_COST,  16384,  NONE)	\
	/* different DNS questions under way; by the domain that they are about, and by the address that SPF judges */	\
	X(questions,  "DNS questions",      SHARE_GAUGE,  128, 0,  3072, 0,  0,  16,  16384,  question_share)	\
	X(questions_address, "DNS questions", SHARE_GAUGE,  256, 0,  0, 0,  0,  0,  16384,  question_share)	\
	/* letters that readers wait for while they are fetched; by user */				\
	X(reads,      "letters waited for", SHARE_GAUGE,  32, 0,  8192, 0,  0,  0,  8192,  too_many_outstanding)	\
	/* wrong passwords: common/auth/guess.h.  By address; by the /48 of an IPv6 address; */				\
	/* by account; then by account and address, by account together, and by account from known addresses */			\
	X(guess_address, "wrong passwords", SHARE_BUCKET, 30, 60,  0, 0,  SHARE_HOUR,  30,  16384,  password_share)	\
	X(guess_network, "wrong passwords", SHARE_BUCKET, 120, 240,  0, 0,  SHARE_HOUR,  120,  16384,  password_share)	\
	X(guess_account, "wrong passwords", SHARE_BUCKET, 10, 20,  0, 0,  SHARE_HOUR,  10,  16384,  password_share)	\
	X(guess_pair,    "wrong passwords", SHARE_BUCKET, 3, 6,  0, 0,  SHARE_HOUR,  3,  16384,  password_share)	\
	X(guess_pairs,   "wrong passwords from many addresses", SHARE_BUCKET, 48, 48,  0, 0,  SHARE_HOUR,  48,  16384,  password_share)	\
	X(guess_known,   "wrong passwords from known addresses", SHARE_BUCKET, 12, 12,  0, 0,  SHARE_HOUR,  12,  16384,  password_share)	\
	/* what the stores refuse by sums of their own (share_note): by sender's domain, by user */	\
	X(storage, "storage", SHARE_BUCKET, 1, 0,  0, 0,  SHARE_SECOND,  0,  4096,  sender_share)	\
	X(storage_mailbox, "storage of one mailbox", SHARE_BUCKET, 1, 0,  0, 0,  SHARE_SECOND,  0,  4096,  sender_mailbox_share)	\
	X(outbox, "letters kept", SHARE_BUCKET, 1, 0,  0, 0,  SHARE_SECOND,  0,  4096,  outbox_full)
/* clang-format on */

enum share_kind {
#define X(name, shown, form, most, refill, all, all_refill, per, credit, rows, word) SHARE_##name,
	SHARE_KINDS(X)
#undef X
	    SHARE__COUNT
};

struct share;

struct share *share_new(void);
void share_free(struct share **s); /* nothing is held any more */

/* What the configuration says (common/conf/conf_keys.c). */
struct share_limits {
	int64_t sessions;  /* of a domain, and of a user; of an address twice as many */
	int64_t questions; /* of a domain; of an address twice as many */
	int64_t unknown;   /* recipients an hour, of a domain; of an address five times as many */
	int64_t guesses; /* wrong passwords an hour, of an account; the other kinds in proportion */
};
/* From now on.  share_new begins with 200, 128, 20, 20, as the configuration does. */
void share_limit(struct share *s, const struct share_limits *l);

/* As share_table_* (share_table.h). */
bool share_take(struct share *s, enum share_kind k, struct span key, int64_t n, int64_t now_ms,
    struct err *e);
bool share_has(struct share *s, enum share_kind k, struct span key, int64_t n, int64_t now_ms,
    struct err *e);
void share_note(struct share *s, enum share_kind k, struct span key, int64_t now_ms);
void share_give(struct share *s, enum share_kind k, struct span key, int64_t n, int64_t now_ms);
/* Gives at most n, and not more than it can take from the key's bucket of `earned`. */
void share_earn(struct share *s, enum share_kind k, enum share_kind earned, struct span key,
    int64_t n, int64_t now_ms);
bool share_hold(struct share *s, struct share_hold *h, enum share_kind k, struct span key,
    int64_t n, int64_t now_ms, struct err *e);
bool share_force(struct share *s, struct share_hold *h, enum share_kind k, struct span key,
    int64_t n, int64_t now_ms);
void share_release(struct share *s, struct share_hold *h, int64_t n, int64_t now_ms);
int64_t share_held(struct share *s, enum share_kind k);
uint64_t share_missed(struct share *s, enum share_kind k, struct span key);
bool share_missed_next(struct share *s, enum share_kind k, int64_t now_ms, int64_t quiet_ms,
    struct share_seen *out);
size_t share_seen(struct share *s, int64_t now_ms, struct share_seen *out, size_t max);

/* As share_known_* (share_known.h). */
void share_remember(struct share *s, struct span account, struct span address);
bool share_knows(struct share *s, struct span account, struct span address);

#endif
