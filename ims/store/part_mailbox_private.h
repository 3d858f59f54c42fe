/* part_mailbox_private — rows of a mailbox, for the files that make it up (part_mailbox*.c); see part.h. */
#ifndef IMS_STORE_PART_MAILBOX_PRIVATE_H
#define IMS_STORE_PART_MAILBOX_PRIVATE_H

#include "ims/store/part.h"

/* -- the record: part_mailbox.c ---------------------------------------------------------------------------------- */

/* States to the directory that the mailbox is there, with how many notices. */
void ims_mailbox_state_listed(struct kv_txn *t, const struct ims_mailbox_is *m);
/* Something was taken back, so it may hold nothing.  Puts it, and states which to the directory. */
void ims_mailbox_put_taken_back(struct kv_txn *t, struct ims_mailbox_is *m);
/* It has something to do at at_s.  The caller puts it. */
void ims_mailbox_look_by(struct kv_txn *t, struct ims_mailbox_is *m, int64_t at_s);
/* The time in the first row with that prefix, `at` octets from its beginning.  0: there is none. */
int64_t ims_mailbox_first_time(struct kv_txn *t, struct span prefix, size_t at);

/* -- a sender's domain: part_mailbox_sender.c ---------------------------------------------------------------------- */

struct ims_mailbox_sender {
	struct domain domain;
	struct ims_share here; /* notices, with their evidence */
	struct ims_share seen; /* entries of the seen set */
	uint64_t charged;      /* of `here`, to the domain's sum in the store */
	int64_t paid;          /* the same, for evidence of letters: PAYS; may be less than 0 */
	int64_t day;           /* of its last notice; 0: it is forgotten with that */
	uint64_t
	    known_by; /* version of the only statement for which it is remembered; 0: others are there */
	int64_t first_s; /* of its row "u": no entry ends before it; 0: it has none */
	bool kept;       /* it has a row */
	bool in_group;   /* what it takes is stated to a group, not to the sender */
	bool lost;       /* its row was damaged: it may have stated to either */
};

/* False: the row is damaged. */
bool ims_mailbox_read_sender(struct span value, struct ims_mailbox_sender *s);
/* A damaged row counts as none. */
void ims_mailbox_get_sender(struct kv_txn *t, struct span from_domain,
    struct ims_mailbox_sender *s);
/* The row k alone. */
void ims_mailbox_write_sender(struct kv_txn *t, const struct kv_key *k,
    const struct ims_mailbox_sender *s);
/* Puts it, and states what the domain takes of this mailbox. */
void ims_mailbox_put_sender(struct kv_txn *t, const struct ims_mailbox_is *m,
    const struct ims_mailbox_sender *s);
/* States to the sender what the domain takes of this mailbox; value: empty if nothing. */
void ims_mailbox_state_takes(struct kv_txn *t, const struct ims_mailbox_is *m,
    const struct kv_part *to, struct span value);
/* The domain is remembered without a notice, since that day; or not any more.  The caller puts both. */
void ims_mailbox_remember(struct ims_mailbox_is *m, struct ims_mailbox_sender *s, int64_t day);
void ims_mailbox_forget_sender(struct ims_mailbox_is *m, struct ims_mailbox_sender *s);
struct kv_key ims_mailbox_key_of_domain(unsigned what, struct span from_domain);

/* -- notices: part_mailbox.c ----------------------------------------------------------------------------------------- */

void ims_mailbox_put_notice(struct kv_txn *t, uint64_t number, const struct ims_notice_record *n);
/* Its rows go, and what they charged.  The caller puts the mailbox and the sender. */
void ims_mailbox_del_notice(struct kv_txn *t, struct ims_mailbox_is *m, uint64_t number,
    const struct ims_notice_record *n, struct ims_mailbox_sender *s);
/* Its row in the order of what is due. */
void ims_mailbox_put_due(struct kv_txn *t, uint64_t number, const struct ims_notice_record *n);
/* It is due at that time; 0: never.  Puts it. */
void ims_mailbox_move_due(struct kv_txn *t, uint64_t number, struct ims_notice_record *n,
    int64_t due_s);
/* States it to its letter; what: NULL where it is gone. */
void ims_mailbox_state_notice(struct kv_txn *t, const struct ims_mailbox_is *m, uint64_t number,
    const struct ims_notice_record *n, const struct ims_notice_fact *what, bool awaited);

/* -- the seen set: part_mailbox_seen.c ------------------------------------------------------------------------------- */

struct kv_key ims_seen_key(const struct ulid *id, struct span from_domain, struct span recipient);
/* False: e->why is REFUSAL_NONE where there is none. */
bool ims_seen_get(struct kv_txn *t, const struct kv_key *k, struct ims_seen_record *r,
    struct err *e);
/* A damaged entry counts as none: it must keep no notice from going. */
bool ims_seen_find(struct kv_txn *t, const struct kv_key *k, struct ims_seen_record *r);
/* The caller puts the mailbox and the sender. */
void ims_seen_put(struct kv_txn *t, struct ims_mailbox_is *m, struct span seen,
    struct ims_seen_record *r, struct ims_mailbox_sender *s);
void ims_seen_del(struct kv_txn *t, struct ims_mailbox_is *m, struct span seen,
    const struct ims_seen_record *r, struct ims_mailbox_sender *s);
/* Of an entry whose time and domain are as they were. */
void ims_seen_replace(struct kv_txn *t, struct span seen, const struct ims_seen_record *r);
/* The domain's row "u" is at that time; 0: it has none. */
void ims_seen_move_first(struct kv_txn *t, struct ims_mailbox_sender *s, int64_t at_s);
/* A notice that is due when its entry ends has a row "h" only once the entry is gone. */
void ims_seen_due_by_itself(struct kv_txn *t, uint64_t number, int64_t until_s);
/* Forgets an entry where the set is full.  s: the sender whose entry comes next. */
void ims_seen_make_room(struct kv_txn *t, struct ims_mailbox_is *m, struct ims_mailbox_sender *s,
    uint64_t most);

#endif
