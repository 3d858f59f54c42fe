/* part_letter_private — rows of a letter, for the files that make it up (part_letter*.c); see part.h. */
#ifndef IMS_STORE_PART_LETTER_PRIVATE_H
#define IMS_STORE_PART_LETTER_PRIVATE_H

#include "ims/store/part.h"

/* -- the record: part_letter.c ------------------------------------------------------------------------------------- */

struct kv_key ims_letter_key_of(unsigned what, struct span from_domain);
struct kv_key ims_letter_key_by_hash(unsigned what, struct span domain_hash);
struct kv_key ims_letter_key_of_own(unsigned what, struct span from_domain, struct span own);
/* statement NULL: the newest that only prolonged the promise. */
struct kv_key ims_letter_key_of_evidence(struct span from_domain, struct span own,
    const unsigned char *statement);

/* A lease is looked at when it matters; here its state is as it was written.  refs 0: there is none.  False: *e. */
bool ims_letter_get(struct kv_txn *t, struct span from_domain, struct ims_letter_record *r,
    struct err *e);
void ims_letter_put(struct kv_txn *t, const struct ims_letter_record *r);
/* When the papers are renewed; 0: never.  The caller puts the letter. */
void ims_letter_renew_at(struct kv_txn *t, struct ims_letter_record *r, int64_t at_s);

/* -- our domains: part_letter_own.c ----------------------------------------------------------------------------------
 *
 * The record of the letter has what its first domain wants; of the others, and where the letter is gone, rows do. */

struct ims_letter_own {
	struct domain domain;
	struct ims_own has;
};

/* False: it is damaged. */
bool ims_letter_read_own(struct span value, struct ims_letter_own *o);
void ims_letter_put_own_at(struct kv_txn *t, struct span key, const struct ims_letter_own *o);
void ims_letter_put_own_row(struct kv_txn *t, struct span from_domain,
    const struct ims_letter_own *o);
bool ims_letter_is_first(const struct ims_letter_record *r, struct span own);
/* False: there is none, or it is damaged; *o wants nothing. */
bool ims_letter_get_own(struct kv_txn *t, const struct ims_letter_record *r, struct span own,
    struct ims_letter_own *o);
/* That of the first domain is put with the letter, by the caller. */
void ims_letter_put_own(struct kv_txn *t, struct ims_letter_record *r,
    const struct ims_letter_own *o);
/* Each statement of what is due has a round of its own, so an answer to an older one ends nothing.  The caller puts
 * own. */
void ims_letter_state_due(struct kv_txn *t, const struct ims_letter *l, struct ims_letter_own *own,
    enum ims_due due);
void ims_letter_change_due(struct kv_txn *t, const struct ims_letter *l, struct ims_letter_own *o,
    enum ims_ack_due what);
/* A deletion left what was due in a row; the record takes it over. */
void ims_letter_take_first(struct kv_txn *t, struct ims_letter_record *r);

/* -- by SMTP: part_letter_given.c ----------------------------------------------------------------------------------- */

/* The rows that no other letter has. */
void ims_letter_delete_given(struct kv_txn *t, struct span payer);
/* The recipient's notice is gone, so its mailbox need not remember that it was given. */
void ims_letter_given_gone(struct kv_txn *t, const struct kv_part *mailbox, struct span payer,
    uint32_t index);
/* The papers that evidence cites, stated to them; as one statement of the letter.  Awaited. */
void ims_letter_state_papers(struct kv_txn *t, struct span domain, struct span papers,
    int64_t now_s, uint64_t version);

/* -- what takes several operations: part_letter_rest.c --------------------------------------------------------------- */

/* The letter, whose last notice has gone. */
void ims_letter_delete(struct kv_txn *t, struct ims_letter_record *r);
/* No letter is put until this is over. */
bool ims_letter_is_being_deleted(struct kv_txn *t, struct span from_domain);
/* States DONE for a page of our domains.  True: more are to come; a row has the last of them.  The caller puts the
 * letter. */
bool ims_letter_state_here(struct kv_txn *t, struct ims_letter_record *r);
/* key: of the row that says where it is.  more: else it is done. */
void ims_letter_go_on(struct kv_txn *t, const struct kv_key *key, bool more);
/* A fact of the letter itself. */
bool ims_letter_receive_rest(struct kv_txn *t, const struct kv_fact *now, struct err *e);

#endif
