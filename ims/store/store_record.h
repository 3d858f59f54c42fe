/* store_record — the tables of an IMS's store, their keys and their records; for ims/store and its tests.
 *
 *	table        key                                  value
 *	MAILBOX      user                                 version, last number, notices, last change
 *	NOTICE       user NUL number(8)                   version, facts of the notice
 *	SEEN         letter, sha(recipient)(16)           user, number, what a repeat must bear, until
 *	LETTER       id(16), sha(From domain)(8)          version, facts, state, lease, references, file
 *	BODY         letter                               octets of an inline body
 *	EVIDENCE     letter, sha(own domain)(8),          digests of papers, statement, signature, ...
 *	             sha(statement)(8) or zeros
 *	PAPER        sha(octets)(32)                      DER of the certificates, a seal's text, DER of a CRL
 *	CITED        sha(octets)(32), EVIDENCE's key      -
 *	CHANGE       user NUL change(8)                   number; the newest change of each notice
 *	UNTIL        until_s(8), SEEN's key               -
 *	TOLD         letter, sha(own domain)(8)           version, own domain, notices that want it, declined
 *	OWED         letter, sha(own domain)(8)           version, id, both domains, which, times, until
 *	SHARE        see store_share.h                    version, octets, notices
 *	SENDER       sha(From domain)(16), user NUL       -
 *	             number(8)
 *	DUE          Hold-Until(8), user NUL number(8)    -
 *	KEPT         see store_paper.h                    who pays for a paper; the kept CRLs of a scope
 *	KNOWN        user NUL, sha(From domain)(16)       version, day of the last notice
 *
 * SEEN begins with the id, so that its keys rise with time; digests keep keys within LMDB's limit.
 */
#ifndef IMS_STORE_STORE_RECORD_H
#define IMS_STORE_STORE_RECORD_H

#include "common/pki/crl_set.h"
#include "common/store/db_key.h"
#include "ims/store/store.h"
#include "ims/store/store_paper.h"

enum ims_table {
	MAILBOX,
	NOTICE,
	SEEN,
	LETTER,
	BODY,
	EVIDENCE,
	PAPER,
	CITED,
	CHANGE,
	UNTIL,
	TOLD,
	OWED,
	SHARE,
	SENDER,
	DUE,
	KEPT,
	KNOWN,
	IMS_TABLES
};

#define IMS_STATEMENT_BYTES 8
#define IMS_DOMAIN_HASH     16
#define IMS_NOTICE_FIXED    100 /* octets of a notice's record beside its texts */

struct db_key ims_key_letter(const struct ulid *id, struct span from_domain);
struct db_key ims_key_seen(const struct db_key *letter, struct span recipient);
struct db_key ims_key_told(const struct db_key *letter, struct span own_domain);
/* digest NULL: the newest that only moved the promise. */
struct db_key ims_key_statement(const struct db_key *letter, struct span own_domain,
    const unsigned char *digest);
struct db_key ims_key_numbered(const char *user, uint64_t number); /* NOTICE, CHANGE */
struct db_key ims_key_user(const char *user);                      /* its prefix: user NUL */
struct db_key ims_key_domain(struct span from_domain);             /* prefix of SENDER */
struct db_key ims_key_sender(struct span from_domain, const char *user, uint64_t number);
struct db_key ims_key_due(int64_t hold_until_s, const char *user, uint64_t number);
struct db_key ims_key_until(int64_t until_s, const struct db_key *seen);
/* The user and the number at the end of a key of SENDER or DUE, which begins with `skip` other octets. */
bool ims_key_notice(struct span key, size_t skip, char user[IMS_STORE_USER_BYTES],
    uint64_t *number);
uint64_t ims_key_number(struct span key); /* the last eight octets */

struct ims_mailbox_record {
	uint64_t last, notices, change;
};
bool ims_mailbox_read(struct span value, struct ims_mailbox_record *m, struct err *e);
bool ims_mailbox_get(struct db_txn *t, const char *user, struct ims_mailbox_record *m,
    struct err *e);
void ims_mailbox_put(struct db_txn *t, const char *user, const struct ims_mailbox_record *m);

/* The user has a notice from this domain now.  Where as many pairs are known as may be, a new one is not. */
void ims_known_put(struct db_txn *t, const struct ims_store *s, const char *user,
    struct span from_domain, int64_t now_s);

struct ims_notice_record {
	struct ulid id;
	char from[ADDRESS_STR_BYTES], to[ADDRESS_STR_BYTES];
	int64_t received_s, date_s;
	unsigned flags;
	bool declined;
	uint64_t change;                              /* its newest */
	unsigned char statement[IMS_STATEMENT_BYTES]; /* of the digest: names the evidence */
	char issuer[MAILBOX_ISSUER_BYTES];
	int64_t due_s;           /* its row in DUE; 0: none */
	uint32_t charged;        /* to the sender's sum in this mailbox */
	uint32_t charged_domain; /* to the sender's sum in the store */
	bool indexed; /* it has its row in SENDER: false of those from before version 2 */
};
void ims_notice_write(struct buf *out, const struct ims_notice_record *n);
bool ims_notice_read(struct span value, struct ims_notice_record *n, struct err *e);
bool ims_notice_get(struct db_txn *t, const char *user, uint64_t number,
    struct ims_notice_record *n, struct err *e); /* no_such_number */
void ims_notice_put(struct db_txn *t, const char *user, uint64_t number,
    const struct ims_notice_record *n);
/* Puts a notice that is new, or from before version 2, with its rows in SENDER and DUE, and charges it
 * to its sender: what the notice takes to the domain, that and `evidence` to the (mailbox, domain). */
void ims_notice_add(struct db_txn *t, const char *user, uint64_t number,
    struct ims_notice_record *n, int64_t hold_until_s, uint64_t evidence);
uint64_t ims_notice_takes(const char *user, const struct ims_notice_record *n);
/* Moves its row in DUE; due_s 0: it has none any more. */
void ims_notice_due(struct db_txn *t, const char *user, uint64_t number,
    struct ims_notice_record *n, int64_t due_s);
/* Deletes it with all its rows, and gives back what was charged. */
void ims_notice_del(struct db_txn *t, const char *user, uint64_t number,
    const struct ims_notice_record *n);

/* The mailbox's next change is one of this notice; *change, its newest until now (0: none), is
 * forgotten for it. */
void ims_change_put(struct db_txn *t, const char *user, struct ims_mailbox_record *m,
    uint64_t number, uint64_t *change);
void ims_change_del(struct db_txn *t, const char *user, struct ims_mailbox_record *m,
    uint64_t change); /* counts as one */

struct ims_letter_record {
	struct ims_letter facts; /* without own_domain's key: the first that was told */
	int64_t leased_s;        /* fetching: since */
	uint64_t leased_by;      /* ims_store.run */
	uint32_t refs;           /* notices */
	char file[SPOOL_NAME_BYTES];
};
void ims_letter_write(struct buf *out, const struct ims_letter_record *r);
bool ims_letter_read(struct span value, struct ims_letter_record *r, struct err *e);
/* A lease that is void shows as HELD.  False with no_such_number: not there. */
bool ims_letter_get(struct db_txn *t, const struct ims_store *s, const struct db_key *k,
    struct ims_letter_record *r, struct err *e);
void ims_letter_put(struct db_txn *t, const struct db_key *k, const struct ims_letter_record *r);

struct ims_seen_record {
	char user[IMS_STORE_USER_BYTES];
	uint64_t number;
	unsigned char facts[DIGEST_BYTES]; /* of Size, Digest, Date, Summary fields */
	int64_t until_s;
};
void ims_seen_write(struct buf *out, const struct ims_seen_record *r);
bool ims_seen_read(struct span value, struct ims_seen_record *r, struct err *e);

/* A notice more of one of our domains; the same notice announced again; one less (dropped, or
 * declined) that was neither before.  `l` is the letter as it stands. */
void ims_told_add(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l,
    struct span own);
void ims_told_again(struct db_txn *t, const struct ims_letter *l, struct span own);
void ims_told_less(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l,
    struct span own, bool declined);
/* The letter has come: DONE is owed by each of our domains; it has gone with its last notice. */
void ims_told_here(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l);
void ims_told_del(struct db_txn *t, const struct db_key *letter);

/* -- dropping a notice: store_change.c ------------------------------------------------------------ */

struct ims_dropping {
	struct ims_notice_record notice;
	struct ims_mailbox_record mailbox;
	struct db_key letter_key;
	struct ims_letter_record letter; /* refs 0: there is none */
};
bool ims_drop_get(struct db_txn *t, const struct ims_store *s, const char *user, uint64_t number,
    struct ims_dropping *d, struct err *e); /* no_such_number, storage */
/* declined: the notice stays and says so; else it goes, and the letter with the last of them.  file:
 * that of a body which no record names any more; "" where there is none. */
void ims_drop_put(struct db_txn *t, const char *user, uint64_t number, struct ims_dropping *d,
    bool declined, char file[SPOOL_NAME_BYTES]);

/* -- evidence: store_evidence.c ------------------------------------------------------------------- */

#define IMS_EVIDENCE_KEY    40  /* octets of its key */
#define IMS_EVIDENCE_LETTER 512 /* the rows of LETTER and TOLD, which come with it */

struct ims_evidence_record {
	struct ims_papers papers; /* when read: their digests */
	struct span statement, alg, signature, host, spf;
	struct span seal; /* when read, and of before version 3: there it was in the record */
	int64_t received_s;
};
/* Charges the record and its papers to `domain`.  Returns what the record alone takes. */
uint64_t ims_evidence_put(struct db_txn *t, const struct db_key *k, struct span domain,
    const struct ims_evidence_record *e);
/* Borrows from value. */
bool ims_evidence_read(struct span value, struct ims_evidence_record *r, struct err *e);
void ims_evidence_del(struct db_txn *t, const struct db_key *letter, struct span domain);
/* Brings the letter's evidence to the newest version.  What the record under k takes goes to *takes. */
bool ims_evidence_upgrade(struct db_txn *t, const struct db_key *letter, struct span domain,
    const struct db_key *k, uint64_t *takes, struct err *e);

#endif
