/* store — the IMS's mailboxes: notices, what was seen, letters that were fetched, evidence.
 *
 * Nothing above this header knows a transaction, a cursor or a key.  Each write touches one
 * statement and its recipients, one mailbox, or one letter (From domain, Id); it completes on the
 * caller's loop and is durable when `done` is called without an error.
 *
 * State of a letter (From domain, Id), shared by all its notices here:
 *
 *   S0 absent
 *   S1 HELD        announced; its octets are with the sender
 *   S2 FETCHING    somebody here has the lease and asks the sender's OMS for it
 *   S3 HERE        size and digest verified, durable; we own it (DONE is said to the sender)
 *   S4 GONE, RECALLED, BAD-SEAL, DECLINED   over, with the word why
 *
 *   S0 -> S1   ims_store_accept.  At the instant its transaction commits the promise is made: 250.
 *   S1 -> S2   ims_store_lease.  The lease has a fence: what comes with an older one is refused.
 *              After a crash or LEASE_S the lease is void, and the letter is HELD again.
 *   S2 -> S3   ims_store_keep: the body is durable before the transaction names it.
 *   S2 -> S1, S4   ims_store_release, with the word.
 *   S3 -> S0   the last notice of it was dropped.
 *
 * DONE and DECLINE are owed to the sender from the transaction that makes them true until they are
 * answered (ims_store_owed), whatever happens in between.
 *
 * A crash between our commit and our reply makes the sender repeat the notification: the seen set,
 * written in the same transaction as the notice, answers `known` and nothing is shown twice.
 * A body file that no record names is swept at start.
 *
 * Numbers of notices count up per mailbox and are never given twice.
 * Units: _s wall time.
 */
#ifndef IMS_STORE_STORE_H
#define IMS_STORE_STORE_H

#include "common/pki/trust.h"
#include "common/store/spool.h"
#include "proto/mailbox.h"
#include "proto/notify_batch.h"

#define IMS_STORE_LEASE_S     3600
#define IMS_STORE_NOTICES_MAX 100000        /* in one mailbox: mailbox_full */
#define IMS_STORE_SENDER_MAX  25000         /* of them from one sender's domain */
#define IMS_STORE_SEEN_S      (400 * 86400) /* repeats are known for so long at most */
/* One repeat is remembered for each so many octets of the store, so that however many letters come and
 * are dropped, memory takes about a quarter of it; where it is full, those whose promise ends first go. */
#define IMS_STORE_SEEN_OCTETS 1024
#define IMS_STORE_SPF_BYTES   512
#define IMS_STORE_USER_BYTES  288 /* what common/auth/accounts.h calls an owner */

struct loop;
struct offload;
struct db;
struct ims_store;

/* What a sender's domain takes: of the store, or of a mailbox. */
struct ims_share {
	uint64_t octets, notices;
};

bool ims_store_open(const char *folder, uint64_t size, struct offload *o, struct ims_store **s,
    struct err *e);
void ims_store_close(struct ims_store **s);

/* -- accepting ------------------------------------------------------------------------------------ */

/* What is kept beside each statement, so that a stranger can check it later. */
struct ims_evidence {
	struct span chain;                      /* DER, as chain_der says it */
	const struct crl_octets *crls;          /* that speak of it */
	size_t n_crls;                          /* at most CRL_CHAIN_MAX */
	const char *issuer;                     /* of the sender's certificate, for people */
	const char *host;                       /* the peer's address */
	const char (*spf)[IMS_STORE_SPF_BYTES]; /* of each statement: its result and the record */
	int64_t received_s;
	int64_t hold_limit_s; /* a later Hold-Until is cut to received_s + this */
	/* Octets that one sender's domain may take: in the store, and in each mailbox; 0: no limit. */
	uint64_t sender_limit, mailbox_limit;
};

/* b's open entries are judged: accepted (NOTIFY_NOTICED, NOTIFY_KNOWN) or refused (id_conflict,
 * mailbox_full, sender_share, sender_mailbox_share, system_full, storage).  users[i]: the mailbox of entry i, for the open ones.  The
 * batch, the users and the evidence stay untouched by the caller until done. */
typedef void ims_store_accepted(void *arg);
void ims_store_accept(struct ims_store *s, struct notify_batch *b,
    const char (*users)[IMS_STORE_USER_BYTES], const struct ims_evidence *ev, struct loop *l,
    ims_store_accepted *done, void *arg);

/* Has the mailbox ever had a notice from this domain?  It is remembered when the notice is dropped, until
 * the mailbox goes; for one pair of mailbox and domain in each IMS_STORE_KNOWN_OCTETS of the store. */
#define IMS_STORE_KNOWN_OCTETS 4096
bool ims_store_knows(struct ims_store *s, const char *user, struct span from_domain);

/* -- reading a mailbox ------------------------------------------------------------------------------ */

/* A letter's name here: what a fetch needs. */
struct ims_letter {
	struct ulid id;
	char from_domain[DOMAIN_BYTES];
	char own_domain[DOMAIN_BYTES]; /* the recipient's */
	enum mailbox_state state;
	enum refusal why; /* behind gone, bad-seal */
	uint64_t size, summary_size;
	unsigned char digest[DIGEST_BYTES], summary_digest[DIGEST_BYTES];
	int64_t hold_until_s;
	uint64_t fence; /* of the lease, while fetching */
};

/* Rows (proto/mailbox.h) of notices with numbers > after. */
bool ims_store_list(struct ims_store *s, const char *user, uint64_t after, struct buf *page,
    bool *more, struct err *e);
/* False: no_such_number. */
bool ims_store_notice(struct ims_store *s, const char *user, uint64_t number,
    struct mailbox_notice *n, struct ims_letter *l, struct err *e);
/* The verified octets of a letter that is HERE. */
bool ims_store_body(struct ims_store *s, const struct ims_letter *l, struct source **out,
    struct err *e);

/* What was kept of the sender's promise: see ims/evidence/evidence.h.  False: no_such_number, storage. */
struct ims_kept {
	struct buf statement, seal, signature;
	struct buf chain; /* DER: chain_parse */
	struct buf crls;  /* DER, one behind the other */
	char alg[32], host[64];
	struct buf spf;
	int64_t received_s;
};
bool ims_store_evidence(struct ims_store *s, const char *user, uint64_t number,
    struct ims_kept *out, struct err *e);
/* The first that was kept under this id, whoever sent it to whichever of our domains. */
bool ims_store_evidence_of(struct ims_store *s, const struct ulid *id, struct ims_kept *out,
    struct err *e); /* no_such_number, storage */
void ims_kept_clear(struct ims_kept *k);

/* -- fetching ------------------------------------------------------------------------------------------ */

typedef void ims_store_done(void *arg, const struct err *e);
/* l->fence is set; e: fetch_running, no_such_number (all notices dropped), or the letter's own word
 * where it is over or here already (then l->state says so and e is NULL). */
typedef void ims_store_leased(void *arg, const struct ims_letter *l, const struct err *e);
void ims_store_lease(struct ims_store *s, const struct ims_letter *l, struct loop *loop,
    ims_store_leased *done, void *arg);
/* kept is taken.  Durable before done. */
void ims_store_keep_take(struct ims_store *s, const struct ims_letter *l, struct spool_kept *kept,
    struct loop *loop, ims_store_done *done, void *arg);
/* HELD again, or over: GONE, RECALLED, BAD-SEAL. */
void ims_store_release(struct ims_store *s, const struct ims_letter *l, enum mailbox_state state,
    enum refusal why, struct loop *loop, ims_store_done *done, void *arg);
/* What is to be said to a sender's OMS until it answers: DONE of a letter that is here, DECLINE of one
 * that nobody at own_domain wants any more.  Written down in the transaction that makes it so. */
struct ims_owed {
	struct ulid id;
	char from_domain[DOMAIN_BYTES];
	char own_domain[DOMAIN_BYTES];
	bool declined;   /* else DONE */
	uint64_t times;  /* counts up where it comes to be owed anew; 1 behind the first */
	int64_t until_s; /* the sender has forgotten it by then */
};
/* The first `max` behind `after` (NULL: from the beginning). */
bool ims_store_owed(struct ims_store *s, const struct ims_owed *after, struct ims_owed *out,
    size_t max, size_t *n, struct err *e);
/* It was said and answered, and is no longer owed: unless it came to be owed anew (times). */
void ims_store_paid(struct ims_store *s, const struct ims_owed *o, struct loop *loop,
    ims_store_done *done, void *arg);
struct spool *ims_store_spool(struct ims_store *s); /* where a fetch writes to */
/* For tests that count the rows of a table (ims/store/store_record.h). */
struct db *ims_store_db(struct ims_store *s);
/* The most entries of SEEN from now on; open sets it from the size of the map. */
void ims_store_seen_max(struct ims_store *s, uint64_t entries);

/* -- changes by the user ---------------------------------------------------------------------------- */

void ims_store_mark(struct ims_store *s, const char *user, uint64_t number, unsigned set,
    unsigned cleared, struct loop *loop, ims_store_done *done, void *arg);
/* declined: the notice stays and says so; else it goes, and the letter with the last of them. */
void ims_store_drop(struct ims_store *s, const char *user, uint64_t number, bool declined,
    struct loop *loop, ims_store_done *done, void *arg);

/* -- looking ---------------------------------------------------------------------------------------------- */

struct ims_store_counts {
	uint64_t mailboxes, notices, papers, writes, commits, used_bytes, size_bytes;
};
void ims_store_counts(struct ims_store *s, struct ims_store_counts *out);
/* For the operator: mailboxes with their numbers of notices, in order, those after `after` (NULL: from the
 * first), at most `max` a call, so that no reading transaction lasts.  *n: how many fn was given. */
bool ims_store_mailboxes(struct ims_store *s, const char *after, size_t max,
    void (*fn)(void *arg, const char *user, uint64_t notices), void *arg, size_t *n, struct err *e);
bool ims_store_has_mailbox(struct ims_store *s, const char *user, uint64_t *notices,
    struct err *e); /* no_such_user, storage */
/* The first notice after `after`.  False: no_such_number: there is none; storage. */
bool ims_store_next(struct ims_store *s, const char *user, uint64_t after, struct mailbox_notice *n,
    struct ims_letter *l, struct err *e);

/* -- many notices, page by page ----------------------------------------------------------------------- */

/* Each of these works in bounded writes, one after the other, so that other writes come between them. */

/* Drops what has come to its end: entries of the seen set whose statements' Hold-Until has passed, and
 * notices whose letters were never opened and whose Hold-Until passed keep_s ago. */
void ims_store_sweep(struct ims_store *s, int64_t now_s, int64_t keep_s, struct loop *loop,
    ims_store_done *done, void *arg);

struct ims_purge {
	const char
	    *from_domain; /* NULL: of all senders; then `user` is given, and its mailbox goes too */
	const char *user; /* NULL: in all mailboxes */
	bool opened;      /* also letters that are here */
	struct loop *loop;
	/* Now and then: how many notices are gone so far; NULL: nobody asks. */
	void (*progress)(void *arg, uint64_t notices);
	void (*done)(void *arg, uint64_t notices, const struct err *e);
	void *arg;
};
/* Drops notices and says nothing to the senders' OMS.  With a mailbox also its seen set. */
void ims_store_purge(struct ims_store *s, const struct ims_purge *p);

/* Sums of the senders' domains, page by page as ims_store_mailboxes. */
bool ims_store_senders(struct ims_store *s, const char *after, size_t max,
    void (*fn)(void *arg, const char *from_domain, const struct ims_share *sum), void *arg,
    size_t *n, struct err *e);
/* The sum of one domain, in the store or (user not NULL) in one mailbox; zeros where there is none. */
bool ims_store_share(struct ims_store *s, const char *from_domain, const char *user,
    struct ims_share *out, struct err *e);

#endif
