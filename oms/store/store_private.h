/* store_private — the spool's tables, keys and records.  Only for oms/store.
 *
 *	table        key                                    value
 *	LETTER       id                                     version, facts, token, file, deliveries left,
 *	                                                    price (since version 2)
 *	BODY         id                                     octets of an inline body
 *	DELIVERY     id, peer                               version, own, statement, recipients, tries, next,
 *	                                                    sends (since version 3)
 *	DUE          pair(16), next_ms(8), id               own NUL peer
 *	TOKEN        user NUL token                         id, until_s
 *	OUTBOX       user NUL id                            -
 *	END          time_s(8), id                          -
 *	USER         user                                   version, letters, octets in use
 *	PEER         domain                                 version, until_s
 *
 * pair = the first 16 octets of SHA-256(own NUL peer), so that a key stays within LMDB's limit.
 */
#ifndef OMS_STORE_STORE_PRIVATE_H
#define OMS_STORE_STORE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/store/db_key.h"
#include "oms/policy/letter.h"
#include "oms/policy/token.h"
#include "oms/store/store.h"

enum oms_table { LETTER, BODY, DELIVERY, DUE, TOKEN, OUTBOX, END, USER, PEER, OMS_TABLES };

/* Letters that are being received, by user. */
struct oms_claims {
	pthread_mutex_t lock;
	struct oms_claim *first;
};

/* Reference-counted: an operation holds it, because its `done` may be called after oms_store_close. */
struct oms_store {
	atomic_uint refs;
	struct db *db; /* NULL: closed */
	struct bodies *bodies;
	struct oms_claims claims;
	struct db_key peer_next; /* where the next sweep continues */
};

struct oms_store *oms_store_hold(struct oms_store *s);
void oms_store_drop(struct oms_store **s);

/* The first member of each question.  It is on the heap; the answer frees it. */
struct oms_question {
	struct oms_store *store;
	/* Reads, and copies out.  False: *e is the answer. */
	bool (*look)(struct db_txn *t, struct oms_question *q, struct err *e);
	void (*tell)(struct oms_question *q, const struct err *e); /* calls the caller's `done` */
	void (*clear)(struct oms_question *q);                     /* NULL: it holds nothing */
	bool dropped;
};
struct oms_question *oms_ask(struct oms_question *q, struct oms_store *s, struct loop *l);
/* As db_write_take, also when the store is closed. */
bool oms_write_take(struct oms_store *s, struct db_write *w, struct err *e);

struct oms_letter_record {
	struct oms_letter facts;
	char token[SUBMIT_TOKEN_MAX + 1]; /* removed together with the letter */
	char file[BODY_NAME_BYTES];       /* "": inline */
	struct oms_life life;
	uint64_t price; /* octets counted for its records; 0 in version 1 */
};

struct db_key oms_key_id(const struct ulid *id);
struct db_key oms_key_delivery(const struct ulid *id, const char *peer);
struct db_key oms_key_pair(const char *own, const char *peer);
struct db_key oms_key_due(const char *own, const char *peer, int64_t next_ms,
    const struct ulid *id);
struct db_key oms_key_due_of(const struct db_key *pair, int64_t next_ms, const struct ulid *id);
struct db_key oms_key_named(const char *name, struct span rest); /* name NUL rest */
struct db_key oms_key_end(int64_t at_s, const struct ulid *id);
int64_t oms_key_time(struct span key, size_t at);

void oms_letter_write(struct buf *out, const struct oms_letter_record *r);
bool oms_letter_read(struct span value, struct oms_letter_record *r, struct err *e);
void oms_delivery_write(struct buf *out, const struct oms_delivery *d);
/* The caller clears *d. */
bool oms_delivery_read(struct span value, struct oms_delivery *d, struct err *e);

/* Whole records by key.  False with e->why unknown_id: there is none. */
bool oms_letter_get(struct db_txn *t, const struct ulid *id, struct oms_letter_record *r,
    struct err *e);
void oms_letter_put(struct db_txn *t, const struct oms_letter_record *r);
bool oms_delivery_get(struct db_txn *t, const struct ulid *id, const char *peer,
    struct oms_delivery *d, struct err *e);
/* Replaces the record and moves its due entry from was_ms to d->next_ms (0: none). */
void oms_delivery_put(struct db_txn *t, const struct oms_delivery *d, int64_t was_ms);

/* True: the token is valid at now_s, and *id is its letter. */
bool oms_token_read(struct span value, struct oms_token *token);
bool oms_token_get(struct db_txn *t, const char *user, const char *token, int64_t now_s,
    struct ulid *id);

bool oms_user_get(struct db_txn *t, const char *user, struct oms_user_counts *c, struct err *e);
/* Adds a letter's body and price to its user's sums.  False: outbox_full; nothing was written. */
bool oms_user_add_letter(struct db_txn *t, const struct oms_letter_record *r,
    const struct oms_user_limits *most, struct err *e);
bool oms_user_drop_body(struct db_txn *t, const struct oms_letter_record *r, struct err *e);
bool oms_user_drop_outcome(struct db_txn *t, const struct oms_letter_record *r, struct err *e);

/* State changes of recipients within one write.  Each apply begins it again; its done logs it. */
struct oms_outcome {
	struct ulid id;
	char to[ADDRESS_STR_BYTES];
	enum submit_state state;
	char word[SUBMIT_WORD_BYTES];
};
struct oms_news {
	struct oms_outcome *was; /* recipients of the delivery before the change */
	struct oms_outcome *changed;
	size_t n, room;
};
void oms_news_begin(struct oms_news *n);
void oms_news_before(struct oms_news *n, const struct oms_delivery *d);
void oms_news_after(struct oms_news *n, const struct oms_delivery *d);
void oms_news_log(const struct oms_news *n);
void oms_news_clear(struct oms_news *n);

#define OMS_PEERS_SWEEP 200 /* forgotten in one sweep */

/* Domains that are to be forgotten. */
struct oms_peers {
	struct domain name[OMS_PEERS_SWEEP];
	size_t n;
};
void oms_peers_look(struct oms_store *s, int64_t now_s, struct oms_peers *ended);
/* The n that begin at `first`. */
void oms_peers_forget(struct db_txn *t, const struct oms_peers *ended, size_t first, size_t n,
    int64_t now_s);

/* Call it when a delivery is over.  After the letter's last delivery the body is removed; the caller removes
 * its file, named in `file`, after the commit (body_remove). */
bool oms_letter_delivery_over(struct db_txn *t, const struct ulid *id, int64_t now_s,
    char file[BODY_NAME_BYTES], struct err *e);

#endif
