/* store_private — the partitions of the OMS's spool: their names, rows, facts and effects.  Only for oms/store.
 *
 *	partition     name                    rows                               facts that it receives
 *	letter        id                      L the letter; B its inline body;   letter, from its user
 *	                                      D peer: a delivery
 *	user          hash(owner)             S sums; O id: a letter of the      outcome, from a letter: it is
 *	                                      outbox; T head and hash(token)              over; gone: it is forgotten
 *	queue         hash(own, peer), shard  I time, id: tries; E the           due, from a letter
 *	                                      earliest, and how many letters
 *	expiry        minute, shard           E: its directory was told of it,   end, from a letter
 *	                                      and how many letters
 *	peer          hash(domain)            P when it was seen
 *	users         shard                                                      entry, from a user
 *	queues        shard                                                      entry, from a queue: its earliest
 *	expiries      shard                                                      entry, from an expiry
 *	peers         shard                   N how many                         entry, from a peer: its end
 *	store         "0"                     F the number of its format
 *
 * The four before the last are directories (kv_dir.h).  The queue of a destination has shards, because a domain may be sent
 * any number of letters, and their entries lie in several directories, because each letter may change one.  A queue
 * tells its directory whether it has anything, and an earlier time than it told before; that its time is later now,
 * only if somebody looks for what is due and finds nothing.
 *
 * Rows: at most KV_ROWS (kv.h).  A user's outbox lists OMS_OUTBOX_MAX letters.  A queue and an expiry refuse a new letter
 * beyond struct oms_bounds: so a pair of domains has 32 x 48,000 letters that wait, and 11 x 96,000 letters end in one
 * minute.  A directory of expiries has 366 days x 1,440 minutes x 11 shards / 64 = 90,585 entries.  A directory of
 * queues has one for each pair and shard with letters, and one of users one for each user: 6,400,000 of either fill them
 * all.
 *
 *	operation            in          effects; "!": the operation awaits it
 *	a letter is kept     user        letter! -> due! -> entry!, end! -> entry; entry
 *	room for it is made  user        letter (gone) -> outcome (gone), end (gone)
 *	an attempt ended     letter      due -> entry; if the letter is over: outcome, end
 *	handed out           letter
 *	DONE, DECLINE        letter      due -> entry; if the letter is over: outcome, end
 *	its time has come    letter      as DONE, but awaited: due!, end!; if it is forgotten: outcome! (gone)
 *	a user is forgotten  letter      all of these
 *
 * Versions: a letter counts its own.  A user, a queue, an expiry or a peer may end and come again, so each version of
 *           its entry in a directory is a stamp (kv_stamp).
 */
#ifndef OMS_STORE_STORE_PRIVATE_H
#define OMS_STORE_STORE_PRIVATE_H

#include <pthread.h>

#include "common/base/record.h"
#include "common/store/kv_dir.h"
#include "common/store/kv_key.h"
#include "common/store/kv_question.h"
#include "common/store/kv_store.h"
#include "oms/policy/letter.h"
#include "oms/policy/token.h"
#include "oms/store/store.h"
#include "oms/store/store_kv.h"

enum oms_kind {
	OMS_LETTER,
	OMS_USER,
	OMS_QUEUE,
	OMS_EXPIRY,
	OMS_PEER,
	OMS_USERS,
	OMS_QUEUES,
	OMS_EXPIRIES,
	OMS_PEERS,
	OMS_WHOLE,
	OMS_KINDS
};

#define OMS_FACT         1  /* each partition receives facts of one kind */
#define OMS_HASH_BYTES   16 /* of an owner, a domain, a pair of domains, a token */
#define OMS_QUEUE_BYTES  (OMS_HASH_BYTES + 1)
#define OMS_QUEUE_SHARDS 32
#define OMS_QUEUE_GROUPS 8 /* of those shards; the entries of a group are in one directory */
#define OMS_EXPIRY_SHARDS                                                                          \
	11 /* 16 in earlier builds, whose ends stay where they are until their minute comes */
/* So many of them take the letters of one second, those of the next second the next ones: what a commit puts lies in
 * few pages, and no shard takes every letter.  In formats up to 2 a letter's shard did not depend on its time. */
#define OMS_SHARDS_AT_ONCE 4

/* Letters that are being received by this process, by user.  What another node receives is not seen: the operation that
 * keeps a letter judges its user's share again, so that holds across nodes, and a letter may be refused after all. */
struct oms_claims {
	pthread_mutex_t lock;
	struct oms_claim *first;
};

#define OMS_COUNT_KEEP_MS 60000

/* The last count of all letters, where it took more than a page of users. */
struct oms_kept_count {
	pthread_mutex_t lock;
	uint64_t letters;
	int64_t at_ms; /* monotonic; 0: none */
	int64_t keep_ms;
};

struct oms_store {
	struct kv_store base;
	struct oms_claims claims;
	struct oms_kept_count counted;
	struct kv_dir_at peer_next; /* where the next sweep continues */
};

struct oms_store *oms_store_new(struct kv *kv); /* one reference; kv may come later */
struct oms_store *oms_store_hold(struct oms_store *s);
void oms_store_drop(struct oms_store **s);

/* -- questions and operations ---------------------------------------------------------------------------- */

/* The store of a question. */
struct oms_store *oms_store_of(const struct kv_question *q);

/* One `done` for several operations that are taken together. */
struct oms_several {
	struct kv_store *store; /* held */
	unsigned waiting; /* begin with 1, and end with oms_several_end, after the last was taken */
	struct err why;   /* the first refusal */
	void (*done)(struct oms_several *all, const struct err *e);
};
void oms_several_end(struct oms_several *all, const struct err *e); /* one of them */

/* -- names ------------------------------------------------------------------------------------------------ */

struct kv_part oms_part_letter(const struct ulid *id);
struct kv_part oms_part_user(const char *user);
struct kv_part oms_part_peer(const char *domain);
struct kv_part oms_part_queue(const char *own, const char *peer, const struct ulid *id);
/* The directory of a queue, by its name. */
struct kv_part oms_part_queues(const unsigned char queue[OMS_QUEUE_BYTES]);
struct kv_part oms_part_expiry(int64_t at_s, const struct ulid *id);
void oms_pair_hash(const char *own, const char *peer, unsigned char hash[OMS_HASH_BYTES]);
struct kv_key oms_row(char letter, struct span rest); /* the key of a row */

/* -- letters ------------------------------------------------------------------------------------------------ */

struct oms_letter_record {
	struct oms_letter facts;
	char token[SUBMIT_TOKEN_MAX + 1]; /* removed together with the letter */
	char file[BODY_NAME_BYTES];       /* "": inline */
	struct oms_life life;
	uint64_t price;   /* octets counted for its records; 0 in version 1 */
	uint64_t version; /* of the ends that it stated */
};
void oms_letter_write(struct buf *out, const struct oms_letter_record *r);
bool oms_letter_read(struct span value, struct oms_letter_record *r, struct err *e);

/* A delivery as it is stored. */
struct oms_stored {
	struct oms_delivery d;
	int64_t due_ms;   /* as it was stated; 0: it was not, or is gone */
	uint64_t version; /* of that */
};
void oms_delivery_write(struct buf *out, const struct oms_delivery *d);
/* The caller clears *d. */
bool oms_delivery_read(struct span value, struct oms_delivery *d, struct err *e);
/* When such a record is due, without the rest of it; not `awaited`. */
struct oms_due_fact;
bool oms_delivery_due(struct span value, struct ulid *id, struct oms_due_fact *out);
bool oms_stored_read(struct span value, struct oms_stored *s, struct err *e);
bool oms_damaged(struct err *e); /* false; *e: storage, a stored record cannot be read */

/* In the partition of the letter.  False with e->why unknown_id: there is none. */
bool oms_letter_get(struct kv_txn *t, struct oms_letter_record *r, struct err *e);
void oms_letter_put(struct kv_txn *t, const struct oms_letter_record *r);
int64_t oms_letter_end_s(const struct oms_letter_record *r); /* when its time comes */
bool oms_stored_get(struct kv_txn *t, const char *peer, struct oms_stored *s, struct err *e);
/* Replaces the record, and states when it is due if that has changed. */
void oms_stored_put(struct kv_txn *t, struct oms_stored *s, bool awaited);
/* Calls fn for each delivery that can be read, which fn clears. */
void oms_each_stored(struct kv_txn *t, bool (*fn)(void *arg, struct oms_stored *s), void *arg);
/* Call it when a delivery is over.  After the letter's last delivery the body is removed; the caller removes
 * its file, named in `file`, after the commit (body_remove). */
bool oms_letter_delivery_over(struct kv_txn *t, int64_t now_s, bool awaited,
    char file[BODY_NAME_BYTES], struct err *e);
/* Its end lies in another partition now, or it is forgotten: what it stated to this one is gone.  Awaited. */
void oms_end_gone(struct kv_txn *t, const struct kv_part *expiry, const struct ulid *id,
    uint64_t version);
/* It is forgotten: its rows go, and its user is told.  Awaited. */
void oms_letter_forget(struct kv_txn *t, const struct ulid *id, const char *user);

#define OMS_VERSION_FIRST 1 /* of the letter: its first end is stated with it */
/* The letter as its user states it: all that its partition begins with.  again: it was kept before, and no queue
 * refuses it. */
void oms_letter_pack(struct buf *out, const struct oms_letter_record *r, struct span body,
    const struct oms_delivery *d, size_t n, bool again);

kv_receive oms_letter_receive, oms_user_receive, oms_queue_receive, oms_expiry_receive,
    oms_peers_receive;
kv_refused oms_letter_refused, oms_user_refused, oms_peer_refused;

/* For body_orphans.h: does a letter name each file of the page? */
struct body_page;
void oms_ask_files(void *store, struct body_page *p);

/* -- queues ------------------------------------------------------------------------------------------------- */

/* When a delivery is due, as its letter states it. */
struct oms_due_fact {
	int64_t next_ms;
	uint64_t tries;
	bool awaited; /* by whoever gave the letter */
	bool judged;  /* it is new: it is refused where too many wait */
	struct domain own, peer;
};
void oms_due_write(struct buf *out, const struct oms_due_fact *f);
bool oms_due_read(struct span value, struct oms_due_fact *f);
/* The earliest letter of a queue. */
struct oms_first {
	int64_t next_ms; /* 0: there is none */
	uint64_t tries;
};
/* For kv_each over its rows: takes one, and stops.  arg: an oms_first. */
bool oms_first_take(void *arg, struct span key, struct span value);
/* An entry of its directory. */
bool oms_entry_read(const struct kv_fact *f, struct oms_pair *p);
/* What the directory was told to be due is due later: it is told so.  Without this, each look would find that again. */
void oms_queue_later(struct kv_question *q, const struct kv_part *queue, const struct domain *own,
    const struct domain *peer);
/* The entry of a queue is damaged: its directory is told anew. */
void oms_queue_anew(struct kv_question *q, const unsigned char queue[OMS_QUEUE_BYTES]);
/* A row of the queue that its letter does not have goes, unless the queue knows that the letter states it: then the letter
 * has changed since, and will state that.  Damage leaves such rows. */
void oms_queue_check(struct kv_question *q, const struct kv_part *queue, const struct ulid *id,
    int64_t at_ms);
/* In a queue: tells its directory what it has first, whatever it told before.  Awaited. */
void oms_queue_tell(struct kv_txn *t, const struct domain *own, const struct domain *peer);

/* -- many letters in one partition: store_crowd.c ------------------------------------------------------------ */

/* Another letter comes.  *letters: how many facts of letters the partition has; 0: they are few, or were not counted.
 * The caller keeps it in a row that it has anyway, so nothing is written while they are few.  id: of the letter; one of
 * a thousand or two has them counted.  judged: it is refused beyond `most` (queue_full). */
bool oms_crowd_more(struct kv_txn *t, uint64_t *letters, struct span id, uint64_t most, bool judged,
    struct err *e);
/* One has gone. */
void oms_crowd_less(uint64_t *letters, uint64_t most);

/* -- users -------------------------------------------------------------------------------------------------- */

/* The row of a user's sums. */
struct oms_sums {
	struct oms_user_counts counts;
	uint64_t listed;    /* letters of the outbox: kept, and outcomes */
	bool has_old_names; /* of tokens: the row is from a format up to 2 */
};
/* May the outbox list one more letter, perhaps instead of an outcome?  e: outbox_full. */
bool oms_outbox_judge(struct kv_txn *t, const struct oms_sums *s,
    const struct oms_user_limits *most, int64_t now_s, struct err *e);
bool oms_sums_get(struct kv_txn *t, struct oms_sums *s, struct err *e);
void oms_sums_put(struct kv_txn *t, const struct oms_sums *s);

/* A token in the key of a row: its first octets, and a hash of it.  Tokens that begin with a time lie
 * in its order, so those of a commit are in few pages.  In formats up to 2 it was the hash alone. */
#define OMS_TOKEN_HEAD  10
#define OMS_TOKEN_BYTES (OMS_TOKEN_HEAD + OMS_HASH_BYTES)
struct oms_token_name {
	unsigned char n; /* 0: no token */
	unsigned char b[OMS_TOKEN_BYTES];
};

/* The row of a letter in the outbox. */
struct oms_outbox_row {
	uint64_t size, price;
	struct oms_token_name token;
};
struct oms_token_name oms_token_name(const char *token);
/* s: the user's sums. */
bool oms_token_get(struct kv_txn *t, const struct oms_sums *s, const struct oms_token_name *name,
    int64_t now_s, struct ulid *id);

/* The names that a claim has made already. */
void oms_claim_names(const struct oms_claim *c, struct kv_part *user, struct oms_token_name *token);

/* A page of a user's letters. */
struct oms_ids {
	struct ulid *id; /* room for `max` */
	size_t n, max;
	bool more;
	bool begun, with; /* from `from`: itself too */
	struct ulid from;
};
void oms_look_ids(struct kv_txn *t, void *ids);

/* -- taking, again ------------------------------------------------------------------------------------------- */

struct oms_taking {
	struct oms_letter_record letter;
	struct oms_token_name token;
	struct oms_user_limits most;
	int64_t token_until_s;
	struct buf packed;
	bool again;     /* it was kept before, by an older version: it is not judged */
	struct ulid id; /* the answer */
	bool known;     /* the token came before */
	bool crowded;   /* the outbox lists more than it may: oms_outbox_trim */
};
/* In the partition of the user; arg: an oms_taking. */
bool oms_take_letter(struct kv_txn *t, void *arg, struct err *e);
/* The same, once the letter is kept: the oldest outcomes make room for it.  Not before, because a letter that is refused
 * needs none. */
bool oms_outbox_trim(struct kv_txn *t, void *arg, struct err *e);

/* Remembers a peer; arg: an oms_remembering. */
struct oms_remembering {
	struct domain domain;
	int64_t until_s, answered_s;
	uint64_t max;
};
bool oms_remember(struct kv_txn *t, void *arg, struct err *e);

/* Forgets a peer whose time has come.  False: it stays. */
bool oms_forget_peer(struct kv_txn *t, int64_t now_s);

/* How a store of an older version is made one on kv (store_migrate.c). */
extern const struct kv_upgrade_plan oms_upgrade;

/* The format of a store on kv (store_format.c).  Before its first operation: a store without the number is brought to
 * this format.  False: it has a later one (config), or *e is another fault; the next opening goes on. */
bool oms_format_open(struct kv *kv, const struct kv_opening *o, struct err *e);
/* The store is of this format. */
bool oms_format_put(struct kv *kv, struct err *e);

/* -- news ---------------------------------------------------------------------------------------------------- */

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

#endif
