/* store — the IMS's mailboxes: notices, fetched letters, evidence, and what each sender takes.
 *
 * Callers never see a transaction, a cursor or a key.  Each write changes one notice, its mailbox and its letter
 * (From domain, Id), or one letter, and is durable when `done` is called without an
 * error.  A question (struct kv_question) sees each write that was answered before it was asked.
 *
 * What is accepted, and what a letter and a notice may become, is decided in ims/policy; this is when each
 * step is durable:
 *
 *   ims_store_accept      the notice is here.  We promise (250) when its transaction has been committed.
 *   ims_store_lease       one of us fetches the letter.  After IMS_LEASE_S the lease is void, and the letter is held
 *              again.  After a crash it is void at once, where no other process can have opened the store; where
 *              one can (kv_is_alone), the holder may be that, and the lease lives until its time.  Where none can, the
 *              lease is in memory, and taking it is no write.
 *   ims_store_keep_take   the body is durable before the transaction names it; from then on we send DONE.
 *   ims_store_give_take   a letter that came by SMTP is here, for all its recipients or for none.
 *   ims_store_release     the fetch ended without the letter.
 *   ims_store_drop        with the last notice of a letter its record and body go.
 *
 * An acknowledgement (DONE, DECLINE) is pending from the transaction that causes it until the sender's
 * OMS answers it (ims_store_pending_acks, ims_store_acked).
 *
 * After a crash between our commit and our reply the sender repeats the notification.  The seen set,
 * written in the same transaction as the notice, answers `known`, and no notice appears twice.  Its
 * entries count against the share of the sender's domain until they go; a user who drops a notice leaves its
 * entry, and ims_store_purge does not.  Papers (seals, certificates, CRLs) that evidence cites are kept, and charged
 * to the domain that brought them, until about three weeks after the last letter that cites them: nobody counts these
 * letters, each renews its papers once a week.
 * After the start, body files that no record names are deleted.
 *
 * A mailbox numbers its notices upwards and never uses a number twice.
 * Async:   each `done` is called exactly once, on the caller's loop, never inside the call; of a question only
 *          until kv_question_drop.  It may come after ims_store_close: a question then fails with closing.
 *          A question may be asked of a store that was closed (NULL).
 * Units:   _s wall time.
 */
#ifndef IMS_STORE_STORE_H
#define IMS_STORE_STORE_H

#include "common/pki/trust.h"
#include "common/store/body.h"
#include "common/store/kv_opening.h"
#include "ims/policy/ack.h"
#include "ims/policy/letter.h"
#include "ims/policy/repeat.h"
#include "ims/policy/share.h"
#include "proto/mailbox.h"
#include "proto/notify_batch.h"

/* The seen set of a mailbox has at most IMS_MAILBOX_SEEN entries, and one for this many octets of the store: then they
 * take about a quarter of it.  Which entries make room: ims/policy/share.h. */
#define IMS_STORE_SEEN_OCTETS 1024
#define IMS_STORE_SPF_BYTES   512
#define IMS_STORE_USER_BYTES  288 /* what common/auth/accounts.h calls an owner */

struct loop;
struct kv;
struct ims_store;

bool ims_store_open_as(const struct kv_opening *o, struct ims_store **s, struct err *e);
bool ims_store_open(const char *folder, uint64_t size, struct offload *o, struct ims_store **s,
    struct err *e);
void ims_store_close(struct ims_store **s);

typedef void ims_store_done(void *arg, const struct err *e);

/* A question that waits for its answer.  Its handle is valid until `done` is called; kv_question_drop
 * (common/store/kv_question.h) forgets it.  What `done` is given is borrowed until it returns. */
struct kv_question;

/* -- accepting ------------------------------------------------------------------------------------ */

/* Kept with each statement, so that a third party can check it later. */
struct ims_evidence {
	struct span chain;                      /* DER, from chain_der */
	const unsigned char *chain_digest;      /* its SHA-256 */
	const struct crl_octets *crls;          /* that cover its certificates */
	size_t n_crls;                          /* at most CRL_CHAIN_MAX */
	const char *issuer;                     /* of the sender's certificate, for people */
	const char *host;                       /* the peer's address */
	const char (*spf)[IMS_STORE_SPF_BYTES]; /* of each statement: result and record */
	int64_t received_s;
	int64_t hold_limit_s; /* a later Hold-Until is cut to received_s + this */
	/* Octets that one sender's domain may take of the store and of each mailbox; 0: no limit. */
	uint64_t sender_limit, mailbox_limit;
};

/* The most memory that the store takes for an open entry, and for a statement beside a copy of its text. */
#define IMS_STORE_ENTRY_BYTES     480
#define IMS_STORE_STATEMENT_BYTES 704

/* Judges each open entry of b, those of a mailbox in their order; there is at least one.  Each is judged on its own:
 * accepted (NOTIFY_NOTICED, NOTIFY_KNOWN) or refused (id_conflict,
 * mailbox_full, sender_share, sender_mailbox_share, system_full, storage).  users[i] names the mailbox
 * of entry i, where that is open.  The caller leaves batch, users and evidence alone until done, which comes
 * when all that is accepted is durable. */
typedef void ims_store_accepted(void *arg);
void ims_store_accept(struct ims_store *s, struct notify_batch *b,
    const char (*users)[IMS_STORE_USER_BYTES], const struct ims_evidence *ev, struct loop *l,
    ims_store_accepted *done, void *arg);

/* Has the mailbox ever had a notice from this domain?  Remembered until the mailbox is deleted, for
 * the first IMS_MAILBOX_KNOWN domains of a mailbox; for others while they have a notice there. */
typedef void ims_store_knows_done(void *arg, bool knows); /* false also where it cannot be read */
struct kv_question *ims_store_knows(struct ims_store *s, const char *user, struct span from_domain,
    struct loop *l, ims_store_knows_done *done, void *arg);

/* -- letters that came by SMTP: the inbound gateway of SMTP calls these ----------------------------------------------- */

/* A letter counts for the domain of MAIL FROM or, where that is <>, for the host of EHLO: its payer. */

/* What a transaction that has begun may take: others of the payer are judged as if it did. */
struct ims_claim;
struct ims_claim *ims_store_claim_new(struct ims_store *s, struct span payer, uint64_t octets);
void ims_store_claim_free(struct ims_claim **c);

/* Has the mailbox room for the octets of the claim?  A hint: other letters may take it until this one is given.  e:
 * mailbox_full, sender_mailbox_share, sender_share, system_full, storage. */
struct ims_room {
	const struct ims_claim *claim; /* alive until `done` */
	const char *user;
	uint64_t sender_limit, mailbox_limit; /* as in struct ims_evidence */
};
struct kv_question *ims_store_room(struct ims_store *s, const struct ims_room *r, struct loop *l,
    ims_store_done *done, void *arg);

#define IMS_GIVEN_TO_MAX   200 /* recipients of one letter: kv awaits that many (KV_EFFECTS_MAX) */
#define IMS_GIVEN_HEAD_MAX (128 * 1024) /* octets of its trace and header */

struct ims_given_to {
	const char *user;    /* whose mailbox */
	const char *address; /* as it is served here */
};
/* The caller leaves all of it alone until `done`. */
struct ims_given {
	struct ulid
	    id; /* new, and random; also in ims_store_body_in, with the payer as from_domain */
	struct domain payer;
	const char *from; /* MAIL FROM; "": <> */
	const struct mailbox_marks *marks;
	struct span head; /* the letter up to its body: trace, header, empty line */
	struct span
	    results; /* for the evidence: what SPF, DKIM and DMARC said, as in Authentication-Results */
	int64_t date_s; /* of its header; 0: it has none */
	const struct ims_given_to
	    *to;     /* in this order; one mailbox may be there with several addresses */
	size_t n_to; /* 1 to IMS_GIVEN_TO_MAX */
	/* spf: of the one statement that SMTP makes.  chain: empty if the host showed none.  hold_limit_s: unused. */
	const struct ims_evidence *evidence;
};
/* Takes kept, the body, and *claim, which may be NULL.  Durable, and in all mailboxes, when `done` is called without an
 * error.  Else no mailbox has it, and the body's file goes.  e: as ims_store_room, id_conflict. */
void ims_store_give_take(struct ims_store *s, const struct ims_given *g, struct body_kept *kept,
    struct ims_claim **claim, struct loop *loop, ims_store_done *done, void *arg);

/* -- reading a mailbox ------------------------------------------------------------------------------ */

/* A notice, and its letter as it is now. */
struct ims_row {
	uint64_t number;
	char from[ADDRESS_STR_BYTES], to[ADDRESS_STR_BYTES];
	char issuer[MAILBOX_ISSUER_BYTES]; /* of the sender's certificate */
	int64_t received_s, date_s;
	unsigned flags;
	bool declined;
	enum mailbox_road road;
	struct mailbox_marks marks; /* by SMTP */
	struct ims_letter letter;   /* own_domain: that of this notice */
};

/* e: no_such_number, storage. */
typedef void ims_store_found(void *arg, const struct ims_row *row, const struct err *e);
struct kv_question *ims_store_notice(struct ims_store *s, const char *user, uint64_t number,
    struct loop *l, ims_store_found *done, void *arg);
/* The first `max` notices with numbers > after; those that are damaged are left out.  more: others follow. */
typedef void ims_store_listed(void *arg, const struct ims_row *rows, size_t n, bool more,
    const struct err *e);
struct kv_question *ims_store_list(struct ims_store *s, const char *user, uint64_t after,
    size_t max, struct loop *l, ims_store_listed *done, void *arg);
/* The verified octets of a letter that is HERE.  The callee owns `body`. */
typedef void ims_store_body_found(void *arg, struct source *body, const struct err *e);
void ims_store_body(struct ims_store *s, const struct ims_letter *letter, struct loop *l,
    ims_store_body_found *done, void *arg);

/* The evidence of a sender's promise; see ims/evidence/evidence.h. */
struct ims_kept {
	struct buf statement, seal, signature;
	struct buf chain; /* DER: chain_parse */
	struct buf crls;  /* DER, concatenated */
	char alg[32], host[64];
	struct buf spf;
	int64_t received_s;
	/* by SMTP: nobody has promised it, so statement, seal and signature are empty, and perhaps the chain */
	bool by_smtp;
	char ehlo[DOMAIN_BYTES];
	struct buf results;
};
/* e: no_such_number, storage. */
typedef void ims_store_evidence_found(void *arg, const struct ims_kept *k, const struct err *e);
struct kv_question *ims_store_evidence(struct ims_store *s, const char *user, uint64_t number,
    struct loop *l, ims_store_evidence_found *done, void *arg);
/* The first evidence under this id, of any sender and any of our domains. */
struct kv_question *ims_store_evidence_of(struct ims_store *s, const struct ulid *id,
    struct loop *l, ims_store_evidence_found *done, void *arg);

/* -- fetching ------------------------------------------------------------------------------------------ */

/* Without an error l->fence is set, or l->state says that the letter is over or here already.  e:
 * fetch_running, no_such_number (all its notices were dropped). */
typedef void ims_store_leased(void *arg, const struct ims_letter *l, const struct err *e);
void ims_store_lease(struct ims_store *s, const struct ims_letter *l, struct loop *loop,
    ims_store_leased *done, void *arg);
/* round: of the DONE that l->own_domain now has pending. */
typedef void ims_store_kept(void *arg, uint64_t round, const struct err *e);
/* Takes kept.  Durable before done. */
void ims_store_keep_take(struct ims_store *s, const struct ims_letter *l, struct body_kept *kept,
    struct loop *loop, ims_store_kept *done, void *arg);
/* Ends the lease.  The letter is HELD again, or over: GONE, RECALLED, BAD-SEAL. */
void ims_store_release(struct ims_store *s, const struct ims_letter *l, enum mailbox_state state,
    enum refusal why, struct loop *loop, ims_store_done *done, void *arg);
/* A pending acknowledgement, repeated until the sender's OMS answers: DONE for a letter that is here,
 * DECLINE for one that nobody at own_domain wants any more. */
struct ims_ack {
	struct ulid id;
	struct domain from_domain;
	struct domain own_domain;
	bool declined;   /* else DONE */
	uint64_t round;  /* increases each time a new acknowledgement is needed */
	int64_t until_s; /* the sender's OMS has forgotten the letter by then */
};
/* The first `max` that follow `after` (NULL: from the beginning). */
typedef void ims_store_acks_done(void *arg, const struct ims_ack *acks, size_t n, bool more,
    const struct err *e);
struct kv_question *ims_store_pending_acks(struct ims_store *s, const struct ims_ack *after,
    size_t max, struct loop *l, ims_store_acks_done *done, void *arg);
/* The sender's OMS answered it: deletes it, unless a new one has become pending (round). */
void ims_store_acked(struct ims_store *s, const struct ims_ack *o, struct loop *loop,
    ims_store_done *done, void *arg);
/* The same for several, which may share a commit; done is called once. */
void ims_store_acked_several(struct ims_store *s, const struct ims_ack *acks, size_t n,
    struct loop *loop, ims_store_done *done, void *arg);
/* Where the octets of a leased letter go while they arrive. */
struct body_in *ims_store_body_in(struct ims_store *s, const struct ims_letter *letter,
    struct loop *l);
struct bodies *ims_store_bodies(struct ims_store *s);
struct kv *ims_store_kv(struct ims_store *s); /* for tests */
/* The most entries of the seen set of a mailbox; for tests. */
void ims_store_seen_max(struct ims_store *s, uint64_t entries);

/* -- changes by the user ---------------------------------------------------------------------------- */

void ims_store_mark(struct ims_store *s, const char *user, uint64_t number, unsigned set,
    unsigned cleared, struct loop *loop, ims_store_done *done, void *arg);
/* declined: marks the notice as declined.  Else deletes it, and with the last notice the letter. */
void ims_store_drop(struct ims_store *s, const char *user, uint64_t number, bool declined,
    struct loop *loop, ims_store_done *done, void *arg);

/* -- looking ---------------------------------------------------------------------------------------------- */

struct ims_store_counts {
	uint64_t mailboxes, notices, papers, writes, commits, used_bytes, size_bytes;
	uint64_t
	    damaged; /* mailboxes, letters and so on that a sweep or a purge has passed over since the start */
};
typedef void ims_store_counted(void *arg, const struct ims_store_counts *c, const struct err *e);
void ims_store_counts(struct ims_store *s, struct loop *l, ims_store_counted *done, void *arg);
/* e: no_such_user, storage. */
typedef void ims_store_has(void *arg, uint64_t notices, const struct err *e);
struct kv_question *ims_store_has_mailbox(struct ims_store *s, const char *user, struct loop *l,
    ims_store_has *done, void *arg);
struct ims_mailbox {
	char user[IMS_STORE_USER_BYTES];
	uint64_t notices;
};
/* The first `max` that follow `after` ("": from the first), in an order of the store's own.  more: others follow. */
typedef void ims_store_mailboxes_done(void *arg, const struct ims_mailbox *rows, size_t n,
    bool more, const struct err *e);
struct kv_question *ims_store_mailboxes(struct ims_store *s, const char *after, size_t max,
    struct loop *l, ims_store_mailboxes_done *done, void *arg);

/* The sums of senders' domains, in pages as ims_store_mailboxes. */
struct ims_sender {
	struct domain domain;
	struct ims_share sum;
};
typedef void ims_store_senders_done(void *arg, const struct ims_sender *rows, size_t n, bool more,
    const struct err *e);
struct kv_question *ims_store_senders(struct ims_store *s, const char *after, size_t max,
    struct loop *l, ims_store_senders_done *done, void *arg);
/* The sum of one domain in the store or, with a user, in that mailbox.  Zeros: it takes nothing. */
typedef void ims_store_share_done(void *arg, const struct ims_share *sum, const struct err *e);
struct kv_question *ims_store_share(struct ims_store *s, const char *from_domain, const char *user,
    struct loop *l, ims_store_share_done *done, void *arg);

/* -- many notices, page by page ----------------------------------------------------------------------- */

/* These work in bounded writes, one after the other, so that other writes can come in between. */

/* Deletes entries of the seen set whose statements' Hold-Until has passed, and notices whose letters were
 * never opened and whose Hold-Until passed keep_s ago.  What cannot be read is passed over: logged and counted. */
void ims_store_sweep(struct ims_store *s, int64_t now_s, int64_t keep_s, struct loop *loop,
    ims_store_done *done, void *arg);

struct ims_purge {
	const char
	    *from_domain; /* NULL: all senders; then `user` is given, and its mailbox is deleted */
	const char *user; /* NULL: in all mailboxes */
	bool opened;      /* also letters that are here */
	struct loop *loop;
	/* After each page: how many notices were dropped so far.  May be NULL. */
	void (*progress)(void *arg, uint64_t notices);
	void (*done)(void *arg, uint64_t notices, const struct err *e);
	void *arg;
};
/* Drops notices without a DECLINE, with their entries of the seen set.  Dropping a sender's also deletes the
 * entries of its notices that are gone already, so that its share is free again.  What cannot be read stays:
 * `done` is told (storage) when all the rest is done. */
void ims_store_purge(struct ims_store *s, const struct ims_purge *p);

#endif
