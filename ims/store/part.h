/* part — the partitions of an IMS's store: their names, rows and facts; for ims/store and its tests.
 *
 * kind      name                        holds
 * MAILBOX   sha(user)(16)               a user's notices, changes, seen set, sums of each sender's domain
 * LETTER    id(16)                      the letters of that id, each under sha(From domain)(8): state, lease, body,
 *                                       evidence, and for each of our domains which acknowledgement is due
 * ACKS      sha(From domain)(16)        acknowledgements that the OMS of one sender's domain must get
 * SENDER    sha(From domain)(16)        what the domain takes of the store: one fact a mailbox, one a paper, one a group
 * GROUP     the same, shard(1)          the same of many mailboxes, once SENDER has IMS_SENDER_MAILBOXES facts
 * PAPER     sha(octets)(32)             octets that the evidence of many letters cites, who pays, kept until when
 * SCOPE     scope(32)                   kept CRLs of one scope by nextUpdate
 * EXPIRY    hour(4) shard(1)            mailboxes, letters and papers that are to be looked at in that hour
 * MAILBOXES, SENDERS, ACKERS, PAPERS    directories in 64 shards (common/store/kv_dir.h)
 *
 * Facts: what, who states it to whom, its name; (a): awaited.  Each version is a stamp (kv_stamp), because whoever
 * states a fact may end and come again; a notice keeps the one by which it was announced, for its repeats.
 *
 *	NOTICE     MAILBOX to LETTER (a)   sha(From domain)(8) sha(user)(16) number(8)
 *	GIVEN      LETTER to MAILBOX (a)   id(16) sha(payer)(8) recipient(8): part_given.h
 *	ACK        LETTER to ACKS          id(16) sha(From domain)(8) sha(own domain)(8); at most IMS_ACKS_MOST
 *	TAKES      MAILBOX to SENDER       "m" sha(user)(16)
 *	           MAILBOX to GROUP        the same
 *	           PAPER to SENDER         "p" sha(octets)(32)
 *	           GROUP to SENDER         "s" shard(1)
 *	LISTED     MAILBOX to MAILBOXES    user
 *	           SENDER to SENDERS       From domain
 *	           ACKS to ACKERS          From domain
 *	           PAPER to PAPERS         sha(octets)(32)
 *	PAYS       LETTER to MAILBOX       id(16) sha(From domain)(8): evidence with which no notice is
 *	                                   charged
 *	CITES      MAILBOX to PAPER (a)    sha(user)(16) number(8) number(8): of the
 *	                                   first and the last notice that an operation puts
 *	           LETTER to PAPER (a)     id(16) sha(From domain)(8)
 *	           MAILBOX to PAPER        sha(user)(16) version(8): that statement is taken back
 *	           and gone with it: it leaves no row
 *	REST       LETTER to itself        "z" or "t", sha(From domain)(8): it goes on with that
 *	LOOK       any to EXPIRY           its kind(1) name; of a letter also sha(From domain)(8)
 *
 * Promises (see store.h): 250 to a notification is said when the mailbox's row (which is the seen entry too), the
 * letter with its evidence, and the papers it cites are durable.  A repeat states NOTICE again, with the version of the
 * first, so it waits for the same; then its letter asks the papers that the first cites.  DONE is due from the commit of
 * the letter.
 *
 * A row's key begins with a letter that says what it is; numbers are put with the highest octet first.
 */
#ifndef IMS_STORE_PART_H
#define IMS_STORE_PART_H

#include "common/store/body.h"
#include "common/store/kv_dir.h"
#include "common/store/kv_key.h"
#include "ims/policy/ack.h"
#include "ims/policy/letter.h"
#include "ims/policy/notice.h"
#include "ims/policy/repeat.h"
#include "ims/policy/share.h"
#include "ims/store/store_record.h"

enum ims_part {
	PART_MAILBOX,
	PART_LETTER,
	PART_ACKS,
	PART_SENDER,
	PART_PAPER,
	PART_SCOPE,
	PART_EXPIRY,
	PART_MAILBOXES,
	PART_SENDERS,
	PART_ACKERS,
	PART_PAPERS,
	PART_GROUP, /* not in stores of before */
	IMS_PARTS
};
enum ims_fact {
	FACT_NOTICE,
	FACT_ACK,
	FACT_TAKES,
	FACT_LISTED,
	FACT_LOOK,
	FACT_CITES,
	FACT_CRL,
	FACT_REST,
	FACT_PAYS,
	FACT_GIVEN, /* not in stores of before */
	IMS_FACTS
};

#define PART_HASH      16 /* octets of the digest that names a partition */
#define PART_SHORT     8  /* octets of a digest within a key */
#define PART_LETTER_AT (ULID_BYTES + PART_SHORT)

struct kv_part ims_part_mailbox(const char *user);
struct kv_part ims_part_letter(const struct ulid *id);
/* The key in the names of its files. */
struct kv_key ims_letter_key(const struct ulid *id, struct span from_domain);
/* The letter that a file may belong to, by its name.  False: no letter. */
bool ims_part_of_file(const char *file, struct kv_part *part,
    unsigned char domain_hash[PART_SHORT]);
struct kv_part ims_part_acks(struct span from_domain);
struct kv_part ims_part_sender(struct span from_domain);
/* That of a mailbox, or of a shard below GROUP_SHARDS. */
#define GROUP_SHARDS 64
struct kv_part ims_part_group_of(struct span domain_hash, const struct kv_part *mailbox);
struct kv_part ims_part_group(struct span domain_hash, unsigned shard);
struct kv_part ims_part_paper(const unsigned char digest[DIGEST_BYTES]);

extern const struct kv_kind ims_parts[IMS_PARTS]; /* store_schema.c */

/* -- MAILBOX ----------------------------------------------------------------------------------------------
 *
 *	"r"                                    user, last number, notices, newest change, known domains
 *	"n" number(8)                          the notice
 *	"s" letter(24) sha(recipient)(16)      an entry of the seen set
 *	"g" sha(From domain)(16) until(8) "s"'s key   number of its notice
 *	"u" time(8) sha(From domain)(16)       -: one for each domain with entries, of which none ends before that time
 *	"d" sha(From domain)(16)               sums of the domain here; the day of its last notice; the time of its "u"
 *	"h" due(8) number(8)                   -: not for a notice that is due when its entry in the seen set ends
 */

/* Its rows, at most: it has more than KV_ROWS, because what is bounded is notices (IMS_MAILBOX_NOTICES), entries of the
 * seen set (IMS_MAILBOX_SEEN) and domains that are known without either (IMS_MAILBOX_KNOWN).  A notice has "n", perhaps
 * "h", and a fact PAYS; an entry "s" and "g"; each of both may be the only one of its domain, which has "d", and "u" if it
 * has entries.  Most mailboxes have three rows a notice, and a few a domain. */
#define IMS_MAILBOX_ROWS(notices, entries, known)                                                  \
	(1 + 4 * (uint64_t)(notices) + 4 * (uint64_t)(entries) + (uint64_t)(known))

/* What the open entries of a batch have in common. */
struct ims_accepting_batch {
	struct span from_domain, own_domain, issuer;
	struct span papers; /* that their evidence cites: ims_citing_add */
	int64_t received_s;
	uint64_t sender_limit, mailbox_limit, size;
	uint64_t seen_most; /* entries of the seen set of the mailbox */
	bool groups;        /* a mailbox that is new to the domain states to a group */
};
/* One of them.  The caller fills it in. */
struct ims_accepting {
	struct span from, to;            /* addresses */
	const struct ims_letter *letter; /* as the statement says; hold_until_s cut */
	unsigned char facts[DIGEST_BYTES];
	const unsigned char *statement; /* its digest */
	struct span evidence;           /* the record to keep */
	uint32_t evidence_takes;
	bool
	    pays; /* its domain is charged with the evidence; else with another entry of the statement */
	int64_t date_s, seen_until_s;
	uint64_t takes; /* at most, of the domain's share */
	size_t index;   /* the caller's */
	/* the answer */
	enum refusal why;
	bool known;
	uint64_t took; /* of the domain's share */
	uint64_t number;
	/* of a repeat: what its sender was told when the notice was dropped, or the statement that made the notice */
	enum ims_answered answered;
	bool has_first;
	unsigned char first[IMS_STATEMENT_BYTES];
};
/* Those for one mailbox, in one operation: each is judged on its own.  It is refused where all are, or where it cannot
 * be judged (`judged` is false): the caller may try with fewer. */
#define ACCEPT_PAGE 100
struct ims_accepting_all {
	const struct ims_accepting_batch *batch;
	const char *user;
	struct ims_accepting *entry;
	size_t n;            /* at most ACCEPT_PAGE */
	uint64_t sender_has; /* the sum of the domain when it was read, and what comes before */
	bool judged;
};
bool ims_mailbox_accept(struct kv_txn *t, void *accepting_all, struct err *e);
/* The operation was told that `to` has refused the fact: so are the entries that need it. */
void ims_accepting_told(struct ims_accepting_all *all, const struct kv_part *to,
    const struct kv_fact *fact, enum refusal why);
/* What its notice and its entry of the seen set take, without evidence. */
uint64_t ims_accepting_takes(const struct ims_accepting_batch *b, const char *user,
    const struct ims_accepting *a);

struct ims_changing {
	uint64_t number;
	int64_t now_s;
	unsigned set, cleared; /* of a mark */
	/* of a drop or a decline: the letter as it was read before */
	bool has_letter;
	enum mailbox_state letter;
};
bool ims_mailbox_mark(struct kv_txn *t, void *changing, struct err *e);
bool ims_mailbox_decline(struct kv_txn *t, void *changing, struct err *e);
bool ims_mailbox_drop(struct kv_txn *t, void *changing, struct err *e);

bool ims_mailbox_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e);
bool ims_mailbox_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e);

struct ims_mailbox_is {
	char user[IMS_STORE_USER_BYTES];
	uint64_t last, notices, change;
	uint64_t stated; /* version of what the operation states; not kept */
	uint64_t known;  /* domains that are remembered without a notice */
	uint64_t seen;   /* entries of the seen set */
	int64_t
	    look_s; /* the earliest time at which it has something to do, or before it; 0: none */
};
/* Zeros: there is none yet.  False: *e. */
bool ims_mailbox_is(struct kv_txn *t, struct ims_mailbox_is *m, struct err *e);
void ims_mailbox_put(struct kv_txn *t, const struct ims_mailbox_is *m);
bool ims_mailbox_notice(struct kv_txn *t, uint64_t number, struct ims_notice_record *n,
    struct err *e);      /* no_such_number */
#define MAILBOX_PAGE 100 /* notices that one operation drops, or entries that it forgets */

/* The next notice after *number that can be read.  False: there is none. */
bool ims_mailbox_next(struct kv_txn *t, uint64_t *number, struct ims_notice_record *n,
    struct err *e);

/* What becomes of notices whose letters were read before. */
struct ims_ended {
	uint64_t number;
	enum ims_notice_end end;
	int64_t due_s; /* of IMS_NOTICE_LATER */
	bool has_letter;
	enum mailbox_state letter;
};
struct ims_ending {
	const struct ims_ended *rows;
	size_t n;          /* at most MAILBOX_PAGE */
	bool forgets;      /* the entries of the seen set go, too */
	bool entries_only; /* of ims_mailbox_expire: before what is due is looked at */
	int64_t now_s, keep_s;
	struct span from_domain; /* of ims_mailbox_forget */
	struct kv_key after; /* of ims_mailbox_forget: where the page begins; empty: the first */
	size_t most;      /* entries or rows of the page of ims_mailbox_expire and those below it */
	uint64_t dropped; /* the answer */
	bool more;
	struct kv_key next; /* of ims_mailbox_forget: where the page after it begins */
	bool has_notices;   /* of ims_mailbox_delete */
};
bool ims_mailbox_end(struct kv_txn *t, void *ending, struct err *e);
/* Forgets repeats that are refused by now (hold_expired), a page of them, so their notices are in the order of what is
 * due; then says when it has something to do again. */
bool ims_mailbox_expire(struct kv_txn *t, void *ending, struct err *e);
/* Forgets a page of the domain's entries that have no notice any more. */
bool ims_mailbox_forget(struct kv_txn *t, void *ending, struct err *e);
/* Deletes a page of what is left of a mailbox without notices; with the last of it, the mailbox.  Nothing where it has
 * notices, which may come between two pages: they are to be dropped first. */
bool ims_mailbox_delete(struct kv_txn *t, void *ending, struct err *e);

/* A page of the notices of the mailbox, or of the domain, or that are due before due_s. */
struct ims_numbers {
	struct span from_domain; /* empty: of all */
	int64_t due_s;           /* 0: of any time */
	size_t most;             /* at most MAILBOX_PAGE */
	struct kv_key after;     /* where the page begins; empty: the first */
	uint64_t number[MAILBOX_PAGE];
	size_t n;
	bool more;
	struct kv_key next; /* where the page after it begins, whatever becomes of these notices */
	size_t seen;        /* rows that were looked at; at most: */
#define MAILBOX_SCAN 1000
};
void ims_mailbox_numbers(struct kv_txn *t, struct ims_numbers *x);

/* What a domain takes of this mailbox: its notices with their evidence. */
void ims_mailbox_share(struct kv_txn *t, struct span from_domain, struct ims_share *out);
bool ims_mailbox_knows(struct kv_txn *t, struct span from_domain);

/* -- what an older version kept: store_migrate.c; each is put as it was, in a partition that has none of it ------ */

/* A mailbox, before its notices.  One whose record cannot be read begins with its first notice, and goes on after the
 * largest number that a notice or an entry of the seen set has. */
struct ims_old_mailbox {
	const char *user;
	uint64_t last, change;
};
bool ims_mailbox_import_record(struct kv_txn *t, void *old_mailbox, struct err *e);
struct ims_old_notice {
	const char *user;
	uint64_t number;
	struct ims_notice_record notice; /* with its charges */
	struct ims_letter letter;        /* as it was announced */
	int64_t now_s;
};
bool ims_mailbox_import(struct kv_txn *t, void *old_notice, struct err *e);
struct ims_old_seen {
	const char *user;
	struct span key; /* id, sha(From domain)(8), sha(recipient)(16) */
	struct ims_seen_record seen;
	int64_t now_s;
};
bool ims_mailbox_import_seen(struct kv_txn *t, void *old_seen, struct err *e);
struct ims_old_known {
	const char *user;
	struct span domain_hash;
	int64_t day;
};
bool ims_mailbox_import_known(struct kv_txn *t, void *old_known, struct err *e);

/* A page of a letter, whose notices were put before: it keeps their count.  Each page has its record. */
#define OLD_PAGE_ROWS   256 /* of evidence */
#define OLD_PAGE_OCTETS ((size_t)1 << 20)
struct ims_old_letter {
	bool has_record;
	struct ims_letter_record letter;
	struct span domain_hash;
	struct span body; /* empty: inline, and of another page; or it has none */
	struct ims_old_row {
		struct span key, value;
	} * evidence; /* key: sha(own)(8) statement(8) */
	size_t n_evidence;
	struct ims_old_own {
		struct domain domain;
		bool has_wants; /* else they are what its notices made them */
		struct ims_wants is;
		bool pending;
		struct ims_ack ack;
	} * own;
	size_t n_own; /* at most LETTER_PAGE */
};
bool ims_letter_import(struct kv_txn *t, void *old_letter, struct err *e);

/* -- LETTER -----------------------------------------------------------------------------------------------
 *
 *	"l" sha(From domain)(8)                       facts, lease, file, notices, what "o" has of its first own domain,
 *	                                              when it is to renew its papers
 *	"b" sha(From domain)(8)                       octets of an inline body
 *	"e" sha(From domain)(8) sha(own)(8) statement(8) or zeros    evidence; by SMTP of no own domain, and zeros
 *	"o" sha(From domain)(8) sha(own)(8)           own domain, notices that want it, declined, round, what is due: of
 *	                                              the others, and where the letter is gone
 *	"h" sha(payer)(8)                             by SMTP: trace and header; "b" or the file has what follows
 *	"g" sha(payer)(8)                             by SMTP: version of GIVEN, and sha(user)(16) of each recipient
 *	"t" sha(From domain)(8)                       sha(own)(8): those up to it were told of DONE; more are to come
 *	"z" sha(From domain)(8)                       the letter is gone, and not yet all of "e" and "o": the last "o" that
 *	                                              was looked at, or nothing
 */

struct ims_letter_op {
	struct ulid id;
	struct domain from_domain, own_domain;
	uint64_t run; /* of the store */
	int64_t now_s;
	uint64_t fence;
	uint64_t lease_of;        /* in_memory: the letter's lease.by */
	bool in_memory;           /* the lease with that fence is, and still the holder's */
	struct ims_letter letter; /* the answer; of a repeat: as the statement says */
	/* of a keep */
	const char *file; /* "": inline */
	struct span octets;
	/* of a release */
	enum mailbox_state state;
	enum refusal why;
	/* of a repeat */
	struct span evidence, papers;
	const unsigned char *first; /* the statement that made the notice; NULL: it is gone */
	enum ims_answered answered;
	/* of an answer from the sender's OMS; of a keep: of the DONE that own_domain has pending */
	uint64_t round;
	bool declined;
};
bool ims_letter_op_lease(struct kv_txn *t, void *op, struct err *e);
bool ims_letter_op_keep(struct kv_txn *t, void *op, struct err *e);
bool ims_letter_op_release(struct kv_txn *t, void *op, struct err *e);
bool ims_letter_op_repeat(struct kv_txn *t, void *op, struct err *e);
bool ims_letter_op_acked(struct kv_txn *t, void *op, struct err *e);
/* Does the letter name the file?  True also if its record is unreadable: it may name any of its key. */
struct ims_naming {
	const char *file;
	unsigned char domain_hash[PART_SHORT];
	bool named;
};
bool ims_letter_op_names(struct kv_txn *t, void *naming, struct err *e);
/* The octets of an inline body.  False: *e. */
bool ims_letter_body(struct kv_txn *t, struct span from_domain, struct span *octets, struct err *e);
/* The evidence of a statement, or the first of any.  False: no_such_number, storage. */
bool ims_letter_evidence(struct kv_txn *t, struct span from_domain, struct span own_domain,
    const unsigned char *statement, struct span *value, struct err *e);
bool ims_letter_any_evidence(struct kv_txn *t, struct span *value, struct err *e);
/* False: no_such_number, storage. */
bool ims_letter_is(struct kv_txn *t, struct span from_domain, uint64_t run, int64_t now_s,
    struct ims_letter_record *r, struct err *e);

/* The papers that a page of the evidence of a letter cites, each once: digests one after the other.  from: where the
 * page begins; n 0: the first.  True: *next is where the next one does. */
#define EVIDENCE_PAGE 64
bool ims_letter_papers(struct kv_txn *t, const unsigned char domain_hash[PART_SHORT],
    const struct kv_key *from, struct kv_key *next, struct buf *out);
/* They were renewed; the letter says when they are next. */
struct ims_renewing {
	unsigned char domain_hash[PART_SHORT];
	int64_t now_s;
	bool damaged; /* the answer: it cannot be read; it is looked at again */
};
bool ims_letter_renewed(struct kv_txn *t, void *renewing, struct err *e);

bool ims_letter_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e);

/* The value of NOTICE.  What LETTER keeps of it is `state`, `own_domain` and `pays`; by SMTP it has no more. */
struct ims_notice_fact {
	enum ims_notice_is state;
	enum mailbox_road road;
	uint32_t index; /* by SMTP: of its recipient */
	struct span from_domain, own_domain;
	struct ims_letter letter; /* as the statement says */
	unsigned char statement[IMS_STATEMENT_BYTES];
	struct span evidence; /* empty: it is kept already */
	uint64_t
	    pays; /* octets of it that the notice is charged with; by SMTP of the whole letter */
	int64_t now_s;
};
void ims_notice_fact_write(struct buf *out, const struct ims_notice_fact *f);
bool ims_notice_fact_read(struct span value, struct ims_notice_fact *f, struct err *e);
/* Keeps of the fact what LETTER keeps. */
void ims_notice_fact_keep(struct kv_txn *t, const struct ims_notice_fact *f);
struct kv_key ims_notice_fact_name(struct span from_domain, const struct kv_part *mailbox,
    uint64_t number);

/* Charges of evidence: a notice is charged with that of its statement if it is the first recipient's.  That one may be
 * refused or known, or go before the letter; evidence that prolongs a promise comes with no notice.  So a letter keeps
 * what its evidence takes less what its notices are charged with.  It states this balance to the mailbox of some notice
 * of its, by a fact PAYS, while it is not 0.  When that notice goes, another takes its place. */

/* The balance changes by so many octets.  notice: the name of a NOTICE that pays if none does; empty: any. */
void ims_pays_change(struct kv_txn *t, struct ims_letter_record *r, struct span notice,
    int64_t octets);
/* The notice has gone, which was charged with so many octets; r->refs does not count it any more. */
void ims_pays_without(struct kv_txn *t, struct ims_letter_record *r, struct span notice,
    uint64_t octets);
/* The octets that the fact states.  NULL: 0. */
int64_t ims_pays_read(const struct kv_fact *f, struct span *from_domain);

/* -- PAPER, SCOPE ------------------------------------------------------------------------------------------
 *
 *	"r"            who pays, octets, kept until, scope and nextUpdate of a CRL
 *	"w"            who pays, octets, scope and nextUpdate: for the end of a paper whose "r" is damaged
 *	"x" index(4)   the octets, PAPER_PIECE of them each
 *
 * A paper is kept until a time, which each letter that cites it raises: when it keeps evidence, and then each
 * PAPER_RENEW_S.  The time is raised with some slack, so a paper is written at most once in PAPER_SLACK_S, however many
 * letters cite it; nobody counts these letters.  So a paper, and what it charges, goes PAPER_KEEP_S to PAPER_KEEP_S +
 * PAPER_SLACK_S after the last letter that cited it renewed it.
 *
 * A chain and a seal come with the notices: the mailbox states them, once for all notices that one operation puts, so
 * nothing is left of what a mailbox has refused.  Where a paper is refused, the mailbox takes these notices back.  Where
 * letters refuse all of them, it takes back the papers: a paper keeps which statement brought it, until another cites it
 * or its letters renew it.  A batch brings a paper again that only one statement cites, as that may be taken back.  A
 * CRL, which may be larger than a fact, is put by an operation of its own before.  A seal of a few statements is no
 * paper: the evidence of each has it.
 * SCOPE has the fact CRL of each kept CRL: its name is nextUpdate(8) sha(octets)(32), its value thisUpdate. */

#define DELETE_PAGE 512 /* rows of a letter that go in one operation */
#define LETTER_PAGE 128 /* of our domains that one operation states DONE for */

#define PAPER_PIECE   ((size_t)512 * 1024)
#define PAPER_SLACK_S ((int64_t)86400)
/* A letter that is kept renews its papers after the one time, for the other. */
#define PAPER_RENEW_S ((int64_t)7 * 86400)
#define PAPER_KEEP_S  ((int64_t)21 * 86400)

/* A statement of CITES: its source (of the name, the last 8 octets) and its version. */
struct ims_citer {
	uint64_t source, version;
};
struct ims_keeping {
	struct span octets;
	struct span domain; /* that pays, if it is new */
	int64_t until_s, now_s;
	const struct crl_octets *crl; /* NULL: it is none */
	struct ims_citer by;          /* zeros: any */
	/* of an expiry: until_s is the time at which it was found; the answer: */
	bool gone;
};
bool ims_paper_keep(struct kv_txn *t, void *keeping, struct err *e);
/* One more of the papers that evidence cites.  octets empty: it is kept, and its time is raised; else that is
 * refused. */
void ims_citing_add(struct buf *out, const unsigned char digest[DIGEST_BYTES], struct span octets,
    int64_t until_s);
/* States them to the papers by a fact of that name; the domain pays for what is new. */
void ims_state_citing(struct kv_txn *t, struct span name, struct span papers,
    struct span from_domain, int64_t now_s, uint64_t version);
/* Takes back what this partition stated with version `cited`: a paper that only this cited goes.  paper: digests. */
void ims_state_not_citing(struct kv_txn *t, struct span name, const unsigned char *const *paper,
    size_t n, uint64_t cited);
bool ims_paper_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e);
/* Deletes it, if its time has passed, or if it is damaged; else it is to be looked at again then. */
bool ims_paper_expire(struct kv_txn *t, void *keeping, struct err *e);
struct ims_paper_is {
	struct domain payer; /* "": nobody */
	uint64_t octets, charged;
	int64_t until_s;
	bool undecided; /* only the statement that brought it cites it, and may be taken back */
};
bool ims_paper_is(struct kv_txn *t, struct ims_paper_is *p); /* false: it is not kept */
/* Appends its octets.  False: it is not kept. */
bool ims_paper_read(struct kv_txn *t, struct buf *out, struct err *e);

/* -- EXPIRY -----------------------------------------------------------------------------------------------
 *
 * A thing that has something to do at a time states LOOK to the hour of that time, under its kind and name; a sweep
 * reads the hours that have passed. */

#define EXPIRY_S      3600
#define EXPIRY_SHARDS 64

struct kv_part ims_part_expiry(int64_t at_s, const struct kv_part *thing);
/* 0 to over_s - 1, by its name.  What comes to its time at once, as after a migration or a stop, is spread, so that it
 * is not in one hour each time again. */
int64_t ims_spread_s(const struct kv_part *thing, int64_t over_s);
/* Emits LOOK for this partition, or what `within` names in it, at at_s; was_s: where it was stated before, 0:
 * nowhere. */
void ims_look_at(struct kv_txn *t, struct span within, int64_t was_s, int64_t at_s);

/* -- sums, acknowledgements ------------------------------------------------------------------------------- */

bool ims_sender_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e);
bool ims_acks_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e);
bool ims_list_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e);

/* A domain stays listed for a day after its last acknowledgement was answered, so its directory hears nothing of one
 * that comes and goes.  Whoever finds none asks whether that is to be noted, and notes it. */
#define ACKS_KEEP_S 86400
bool ims_acks_are_idle(struct kv_txn *t, int64_t now_s);
bool ims_acks_idle(struct kv_txn *t, void *now_s, struct err *e);
/* An OMS may never take what it is to be told.  A domain's partition has so many: what comes after waits with its letter,
 * as an effect that cannot be applied, and comes in as others are answered or their time ends (until_s). */
#define IMS_ACKS_MOST (KV_ROWS - 1)
/* The `arg` of a schema.  NULL: these. */
struct ims_bounds {
	uint64_t acks;
};

/* What a shard of the directory of mailboxes lists, and how many notices these have. */
void ims_list_sums(struct kv_txn *t, uint64_t *entries, struct ims_share *sum);

void ims_share_write(struct buf *out, const struct ims_share *s);
/* A sender's partition has a fact for each mailbox where the domain takes something, and for each paper that it pays for.
 * Once it has so many facts, mailboxes that are new to the domain state to a group of them instead, which states their
 * sum: 64 groups of KV_ROWS take 6,400,000 mailboxes.  It has so many papers; then a seal is kept with the evidence of
 * each statement.  So it has 90,065 rows, and a few more by batches that are under way when a bound is reached. */
#define IMS_SENDER_MAILBOXES 40000
#define IMS_SENDER_PAPERS    50000
struct ims_sender_is {
	struct ims_share sum; /* zeros: it takes nothing */
	bool has_papers;      /* as many as it may pay for */
	bool has_mailboxes;   /* those that come state to groups */
};
void ims_sender_is(struct kv_txn *t, struct ims_sender_is *out);
void ims_sender_sum(struct kv_txn *t, struct ims_share *out); /* that alone */
bool ims_group_receive(struct kv_txn *t, const struct kv_part *from, const struct kv_fact *was,
    const struct kv_fact *now, void *arg, struct err *e);
void ims_ack_write(struct buf *out, const struct ims_ack *a);
bool ims_ack_read(struct span value, struct ims_ack *a);
struct kv_key ims_ack_name(const struct ims_ack *a); /* of its fact */

#endif
