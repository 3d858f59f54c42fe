/* part_given — a letter that came by SMTP, in the partitions of an IMS's store; for ims/store and its tests.
 *
 * A letter that came by SMTP is kept under the domain that pays for it: that of MAIL FROM, or where that is <> the host of
 * EHLO.  One operation on LETTER puts it whole and states GIVEN to the mailbox of each recipient, which judges what room
 * it has, puts the notice and states NOTICE back.  From then on it is as any letter that is here.  If a mailbox refuses,
 * the letter goes and states to all the others that GIVEN is gone, so none has it.  LMDB puts all of that in one commit,
 * or, where a letter to very many recipients was refused, takes back in those that follow at once; on a distributed
 * engine a mailbox may show the notice for the moment before it is taken back (kv.h "Promise").
 */
#ifndef IMS_STORE_PART_GIVEN_H
#define IMS_STORE_PART_GIVEN_H

#include "ims/store/part.h"

/* -- LETTER ----------------------------------------------------------------------------------------------- */

/* A letter that came by SMTP: it is here, for all recipients or for none. */
struct ims_giving {
	const struct ims_given *given;
	const char *file; /* "": inline */
	struct span octets;
	uint64_t size;                /* of the body */
	struct span evidence, papers; /* the record; what it cites */
	uint64_t sender_has; /* the sum of the payer when it was read, and what others may take */
	uint64_t store_size;
	bool groups;
};
/* What the letter takes of its payer's share, with all notices, at most. */
uint64_t ims_giving_takes(const struct ims_giving *x);
bool ims_letter_op_give(struct kv_txn *t, void *giving,
    struct err *e); /* sender_share, id_conflict */
bool ims_letter_refused(struct kv_txn *t, const struct kv_part *to, const struct kv_fact *fact,
    const struct err *why, void *arg, struct err *e);
/* The first octets of a letter that came by SMTP.  False: *e. */
bool ims_letter_head(struct kv_txn *t, struct span payer, struct span *octets, struct err *e);
/* The evidence of a letter that came by SMTP.  False: storage. */
bool ims_letter_given_evidence(struct kv_txn *t, struct span payer, struct span *value,
    struct err *e);

/* -- MAILBOX ---------------------------------------------------------------------------------------------- */

/* The name of GIVEN: which letter, and for which of its recipients. */
struct ims_given_name {
	struct ulid id;
	unsigned char payer_hash[PART_SHORT];
	uint32_t index;
};
/* What LETTER states to the mailbox of a recipient. */
struct ims_given_fact {
	struct span payer, user, from, to, issuer;
	struct mailbox_marks marks;
	int64_t received_s, date_s;
	uint64_t takes; /* octets of the letter with its evidence */
	bool pays;      /* its notice is charged with them in the payer's sum */
	bool groups;    /* a mailbox that is new to the payer states to a group */
	uint64_t mailbox_limit;
};
void ims_given_fact_write(struct buf *out, const struct ims_given_fact *f);
bool ims_given_fact_read(struct span value, struct ims_given_fact *f, struct err *e);
struct kv_key ims_given_fact_name(const struct ims_given_name *n);
bool ims_given_fact_name_read(struct span name, struct ims_given_name *n, struct err *e);
/* The notice that the fact makes, without its charges. */
void ims_given_notice(struct ims_notice_record *n, const struct ims_given_name *name,
    const struct ims_given_fact *f);
/* Judges, and puts the notice; was: the number of its notice.  e: mailbox_full, sender_mailbox_share. */
bool ims_mailbox_receive_given(struct kv_txn *t, const struct kv_part *from,
    const struct kv_fact *was, const struct kv_fact *now, struct err *e);

#endif
