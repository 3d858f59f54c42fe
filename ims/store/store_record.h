/* store_record — the records of an IMS's store; for ims/store and its tests.  Their keys: store_key.h. */
#ifndef IMS_STORE_STORE_RECORD_H
#define IMS_STORE_STORE_RECORD_H

#include "common/pki/crl_set.h"
#include "ims/store/store.h"
#include "ims/store/store_key.h"
#include "ims/store/store_paper.h"

#define IMS_NOTICE_FIXED 100 /* octets of a notice's record without its texts, rounded up */

struct ims_mailbox_record {
	uint64_t last, notices, change;
};
bool ims_mailbox_read(struct span value, struct ims_mailbox_record *m, struct err *e);
bool ims_mailbox_get(struct db_txn *t, const char *user, struct ims_mailbox_record *m,
    struct err *e);
void ims_mailbox_put(struct db_txn *t, const char *user, const struct ims_mailbox_record *m);

/* Remembers that the user has had a notice from this domain.  When the table is full, forgets nobody and
 * remembers nobody new. */
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
	int64_t due_s;           /* time of its row in DUE; 0: it has none */
	uint32_t charged;        /* to the sender's sum in this mailbox */
	uint32_t charged_domain; /* to the sender's sum in the store */
	bool indexed;            /* has a row in SENDER; false in version 1 */
};
void ims_notice_write(struct buf *out, const struct ims_notice_record *n);
bool ims_notice_read(struct span value, struct ims_notice_record *n, struct err *e);
bool ims_notice_get(struct db_txn *t, const char *user, uint64_t number,
    struct ims_notice_record *n, struct err *e); /* no_such_number */
void ims_notice_put(struct db_txn *t, const char *user, uint64_t number,
    const struct ims_notice_record *n);
/* Puts a notice that is new, or of version 1, with its rows in SENDER and DUE.  Charges its sender: the
 * domain with what the notice takes, the domain in this mailbox with that and `evidence`. */
void ims_notice_add(struct db_txn *t, const char *user, uint64_t number,
    struct ims_notice_record *n, int64_t hold_until_s, uint64_t evidence);
uint64_t ims_notice_takes(const char *user, const struct ims_notice_record *n);
/* Moves its row in DUE to due_s; 0: deletes the row. */
void ims_notice_due(struct db_txn *t, const char *user, uint64_t number,
    struct ims_notice_record *n, int64_t due_s);
/* Deletes the notice and its rows in SENDER and DUE, and discharges its sender. */
void ims_notice_del(struct db_txn *t, const char *user, uint64_t number,
    const struct ims_notice_record *n);

/* Records a change of this notice under the mailbox's next change number, in place of *change, its newest
 * so far (0: none). */
void ims_change_put(struct db_txn *t, const char *user, struct ims_mailbox_record *m,
    uint64_t number, uint64_t *change);
void ims_change_del(struct db_txn *t, const char *user, struct ims_mailbox_record *m,
    uint64_t change); /* is a change itself */

struct ims_letter_record {
	struct ims_letter facts; /* own_domain: the first of ours that was notified */
	struct ims_lease lease;  /* the newest */
	uint32_t refs;           /* notices */
	char file[BODY_NAME_BYTES];
};
void ims_letter_write(struct buf *out, const struct ims_letter_record *r);
bool ims_letter_read(struct span value, struct ims_letter_record *r, struct err *e);
/* Shows a void lease as HELD.  False: no_such_number (there is no such letter), storage. */
bool ims_letter_get(struct db_txn *t, const struct ims_store *s, const struct db_key *k,
    int64_t now_s, struct ims_letter_record *r, struct err *e);
void ims_letter_put(struct db_txn *t, const struct db_key *k, const struct ims_letter_record *r);

/* What the sender was told of a recipient's copy when its notice was dropped. */

/* One of our domains has one more notice; was notified again of the same; has one notice less that wants
 * the letter (it was dropped, or declined).  `l` is the letter's present state. */
void ims_notified_add(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l,
    struct span own);
void ims_notified_again(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l,
    struct span own, enum ims_answered answered);
void ims_notified_less(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l,
    struct span own, bool declined);
/* The letter was fetched: each of our domains has a DONE to send.  The letter is deleted. */
void ims_notified_here(struct db_txn *t, const struct db_key *letter, const struct ims_letter *l);
void ims_notified_del(struct db_txn *t, const struct db_key *letter);

/* -- dropping a notice: store_change.c ------------------------------------------------------------ */

struct ims_dropping {
	struct ims_notice_record notice;
	struct ims_mailbox_record mailbox;
	struct db_key letter_key;
	struct ims_letter_record letter; /* refs 0: there is none */
};
bool ims_drop_get(struct db_txn *t, const struct ims_store *s, const char *user, uint64_t number,
    int64_t now_s, struct ims_dropping *d, struct err *e); /* no_such_number, storage */
/* declined: marks the notice as declined.  Else deletes it, and with the last notice the letter.  file:
 * the body's file that no record names any more, or "". */
void ims_drop_put(struct db_txn *t, const char *user, uint64_t number, struct ims_dropping *d,
    bool declined, char file[BODY_NAME_BYTES]);

/* -- evidence: store_evidence.c ------------------------------------------------------------------- */

#define IMS_EVIDENCE_KEY    40  /* octets of its key */
#define IMS_EVIDENCE_LETTER 512 /* the rows of LETTER and NOTIFIED, which come with it */

struct ims_evidence_record {
	struct ims_papers papers; /* when read: their digests */
	struct span statement, alg, signature, host, spf;
	struct span seal; /* when read from a record of version 1 or 2, which holds it */
	int64_t received_s;
};
/* Charges the record and its new papers to `domain`.  Returns what the record without papers takes. */
uint64_t ims_evidence_put(struct db_txn *t, const struct db_key *k, struct span domain,
    const struct ims_evidence_record *e);
/* What the record under k takes; 0: there is none, or it is of an earlier version. */
uint64_t ims_evidence_takes(struct db_txn *t, const struct db_key *k);
/* Borrows from value. */
bool ims_evidence_read(struct span value, struct ims_evidence_record *r, struct err *e);
void ims_evidence_del(struct db_txn *t, const struct db_key *letter, struct span domain);
/* Rewrites the letter's evidence in the newest version.  *takes: what the record under k takes. */
bool ims_evidence_upgrade(struct db_txn *t, const struct db_key *letter, struct span domain,
    const struct db_key *k, uint64_t *takes, struct err *e);

#endif
