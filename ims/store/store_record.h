/* store_record — the records of an IMS's store; for ims/store and its tests. */
#ifndef IMS_STORE_STORE_RECORD_H
#define IMS_STORE_STORE_RECORD_H

#include "common/base/record.h"
#include "common/pki/crl_set.h"
#include "ims/store/store.h"

#define IMS_NOTICE_FIXED    100 /* octets of a notice's record without its texts, rounded up */
#define IMS_STATEMENT_BYTES 8
#define IMS_PAPERS_MAX      (2 + CRL_CHAIN_MAX)

bool ims_damaged(struct err *e); /* false; *e: storage, a stored record cannot be read */

/* What a record takes, by the lengths of its key and value. */
uint64_t ims_takes(size_t key, size_t value);

struct ims_notice_record {
	struct ulid id;
	char from[ADDRESS_STR_BYTES], to[ADDRESS_STR_BYTES];
	int64_t received_s, date_s;
	unsigned flags;
	bool declined;
	uint64_t change;                              /* its newest */
	unsigned char statement[IMS_STATEMENT_BYTES]; /* of the digest: names the evidence */
	char issuer[MAILBOX_ISSUER_BYTES];
	int64_t due_s;    /* time of its row in the order of times; 0: it has none */
	uint64_t charged; /* to the payer's sum in this mailbox; by SMTP more than 4 GiB, too */
	uint64_t charged_domain; /* to the payer's sum in the store */
	bool indexed;            /* false in version 1, which has no charges */
	uint64_t stated; /* version by which its letter was told of it; 0: before version 3 */
	/* of a letter that came by SMTP */
	enum mailbox_road road;
	struct domain payer; /* what it takes counts for this domain; "": for that of `from` */
	uint32_t index;      /* of its recipient: names the fact GIVEN */
	struct mailbox_marks marks; /* what the gateway has found out */
};
void ims_marks_write(struct buf *out, const struct mailbox_marks *m);
void ims_marks_read(struct reader *r, struct mailbox_marks *m); /* sticky, as the reader */
/* The domain that pays for it, under which its letter is kept. */
struct span ims_notice_payer(const struct ims_notice_record *n);
void ims_notice_write(struct buf *out, const struct ims_notice_record *n);
bool ims_notice_read(struct span value, struct ims_notice_record *n, struct err *e);
uint64_t ims_notice_takes(const struct ims_notice_record *n);

struct ims_seen_record {
	char user[IMS_STORE_USER_BYTES];
	uint64_t number;
	unsigned char facts[DIGEST_BYTES]; /* of Size, Digest, Date, Summary fields */
	int64_t until_s;
	struct domain domain; /* that pays; "": of an earlier version, and no longer known */
	uint32_t charged;     /* to its sum in the store */
	bool indexed;         /* false in version 1 */
	enum ims_answered answered;
};
void ims_seen_write(struct buf *out, const struct ims_seen_record *r);
bool ims_seen_read(struct span value, struct ims_seen_record *r, struct err *e);
/* What an entry takes, with its other rows. */
uint64_t ims_seen_takes(struct span user, struct span domain);

/* What one of our domains wants of a letter, and which acknowledgement of it is pending. */
enum ims_due { IMS_DUE_NOTHING, IMS_DUE_DONE, IMS_DUE_DECLINE };
struct ims_own {
	struct ims_wants is;
	uint64_t round;
	enum ims_due due;
};
void ims_own_write(struct buf *out, const struct ims_own *o);
bool ims_own_read(struct reader *in, struct ims_own *o); /* false: it is damaged */

/* What no notice of the letter is charged with (PAYS in part.h), and the notice whose mailbox is. */
struct ims_payer {
	unsigned char mailbox[16]; /* PART_HASH octets of the digest of its user */
	uint64_t number;
	int64_t octets; /* less than 0: notices are charged with more than is kept */
};

struct ims_letter_record {
	struct ims_letter facts; /* own_domain: the first of ours that was notified */
	struct ims_lease lease;  /* the newest */
	uint32_t refs;           /* notices */
	char file[BODY_NAME_BYTES];
	struct ims_own own; /* of own_domain */
	int64_t renew_s;    /* when it is looked at: it renews its papers; 0: never */
	struct ims_payer pays;
	uint64_t
	    takes; /* octets that its head and body take, with which notices are charged; 0: not by SMTP */
};
void ims_letter_write(struct buf *out, const struct ims_letter_record *r);
bool ims_letter_read(struct span value, struct ims_letter_record *r, struct err *e);

/* -- evidence: store_record_evidence.c ------------------------------------------------------------------------------- */

struct ims_evidence_record {
	size_t n_papers; /* chain, seal if has_seal, CRLs */
	unsigned char paper[IMS_PAPERS_MAX][DIGEST_BYTES];
	bool has_seal; /* among the papers; else `seal` is its text */
	struct span statement, alg, signature, host, spf, seal;
	int64_t received_s;
	/* of a letter that came by SMTP: it has no statement, seal and signature */
	bool by_smtp;
	struct span ehlo, results; /* the host's name; what SPF, DKIM and DMARC said, RFC 8601 */
};
/* Returns what the record takes. */
uint64_t ims_evidence_pack(struct buf *out, const struct ims_evidence_record *e);
/* What the record takes. */
uint64_t ims_evidence_takes(struct span value);
/* Borrows from value. */
bool ims_evidence_read(struct span value, struct ims_evidence_record *r, struct err *e);

#endif
