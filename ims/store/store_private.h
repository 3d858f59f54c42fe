/* store_private — the store itself, its questions and operations; for ims/store alone. */
#ifndef IMS_STORE_STORE_PRIVATE_H
#define IMS_STORE_STORE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "ims/store/part.h"
#include "ims/store/store_kv.h"

#define IMS_SILENT_MAX 64
#define IMS_NAMED_MAX  1000
#define IMS_HELD       256
#define IMS_DAMAGE_MAX 256

/* The result of a search for a certificate's serial number in a kept CRL. */
struct ims_silent {
	unsigned char name[DIGEST_BYTES]; /* of both */
	bool silent;
};

/* What a batch that is being accepted may take: a sum that is read does not have it yet.  Only batches of this process
 * are seen.  Where several nodes accept for one store, a domain may exceed its share of the store by what the others
 * have under way when it is judged; once that is committed, the sum has it.  What it has in a mailbox is judged by the
 * mailbox's own operation, so that bound holds across nodes. */
struct ims_under_way {
	struct ims_under_way *next;
	struct domain from_domain;
	uint64_t octets; /* at most */
	uint64_t ended;  /* what others took that ended since it began */
	bool counted;    /* it has read the sum */
};

/* A letter that one of us fetches.  No write says so: it is held again when the process ends. */
struct ims_held {
	struct ims_held *next;
	struct ulid id;
	struct domain from_domain;
	uint64_t fence; /* 0: the letter is being read */
	uint64_t of;    /* the letter's lease.by: one that is announced again is another */
	int64_t since_s;
};

/* A file whose letter is asked for it again. */
struct ims_named_file {
	struct ims_named_file *next;
	char file[BODY_NAME_BYTES];
};

/* Reference-counted: a question and an operation hold it, because their `done` may be called after the end. */
struct ims_store {
	atomic_uint holders;
	struct kv *kv; /* NULL: closed */
	struct bodies *bodies;
	uint64_t size;                   /* octets that it may take */
	uint64_t run;                    /* random, of this opening: the holder of its leases */
	struct ims_held *held[IMS_HELD]; /* leases in memory, by id; under lock */
	uint64_t last_fence;             /* of them; under lock */
	uint64_t seen_max;  /* entries of the seen set of a mailbox; 0: as the size says */
	int64_t swept_hour; /* the hours before this were looked at since the store was opened */
	pthread_mutex_t lock;
	struct ims_silent silent[IMS_SILENT_MAX]; /* under lock */
	struct ims_under_way *under_way;          /* batches; under lock */
	struct ims_named_file *named;             /* store_files.c; under lock */
	size_t n_named;
	/* Partitions that were found damaged since the store was opened; under lock. */
	struct kv_part damage[IMS_DAMAGE_MAX];
	size_t n_damage;
	char old
	    [4096]; /* the folder with files of an older version, which go when we close; "": none */
};

struct ims_store *ims_store_new(struct kv *kv, uint64_t size); /* kv: NULL, until it is opened */
/* A reference, or NULL for NULL. */
struct ims_store *ims_store_hold(struct ims_store *s);
void ims_store_let_go(struct ims_store **s);

/* The first member of each question.  It is on the heap; the answer frees it.  It looks at partitions in steps:
 * ims_look any number of times, then `next`, until ims_answer. */
struct ims_question {
	struct ims_store *store; /* NULL: it was closed */
	struct loop *loop;
	void (*next)(struct ims_question *q); /* all that was looked at was read */
	void (*tell)(struct ims_question *q, const struct err *e); /* calls the caller's `done` */
	void (*clear)(struct ims_question *q);                     /* NULL: it holds nothing */
	unsigned waiting;
	bool dropped;
	struct err why; /* the first that a look met */
};
void ims_ask(struct ims_question *q, struct ims_store *s, struct loop *l);
/* look: as that of a kv_look, so it may run several times; `arg` is valid until `next`.  It may set *why: then the
 * question fails. */
void ims_look(struct ims_question *q, struct kv_part part,
    void (*look)(struct kv_txn *t, void *arg, struct err *why), void *arg);
/* Tells, and frees it. */
void ims_answer(struct ims_question *q);

/* Takes op, whose members but `home` are set.  Where the store is closed or has too much to do, `done` is called
 * later with the reason. */
struct ims_op {
	struct kv_op op;
	enum refusal why;
};
void ims_take(struct ims_store *s, struct ims_op *op, struct loop *l);
/* The same for several, which may share a commit. */
void ims_take_several(struct ims_store *s, struct ims_op *const *ops, size_t n, struct loop *l);

/* Removes the file, unless a letter names it; then that letter is asked again by the next sweep. */
void ims_file_dropped(struct ims_store *s, const char *file, struct loop *l);
void ims_files_asked_again(struct ims_store *s, struct loop *l);
/* Which of the files of bodies are named by letters: body_asker.ask of body_orphans.h. */
struct body_page;
void ims_ask_files(void *store, struct body_page *p);

/* Logs and counts the partition once, and the first IMS_DAMAGE_MAX partitions alone. */
void ims_damage_found(struct ims_store *s, const struct kv_part *part);
uint64_t ims_damage_count(struct ims_store *s);

/* Leases in memory (store_lease.c), for a letter that no other process can have. */
void ims_lease_ask(struct ims_store *s, const struct ims_letter *l, struct loop *loop,
    ims_store_leased *done, void *arg);
/* Is this letter's lease, with its fence, one of them?  Does a newer one exist?  Ends it, if it is. */
bool ims_lease_is(struct ims_store *s, const struct ims_letter *l, uint64_t *of);
bool ims_lease_passed_on(struct ims_store *s, const struct ims_letter *l);
void ims_lease_end(struct ims_store *s, const struct ims_letter *l);
/* ims_letter_is, and the letter is FETCHING if it is leased in memory. */
bool ims_letter_now(struct kv_txn *t, struct ims_store *s, struct span from_domain, int64_t now_s,
    struct ims_letter_record *r, struct err *e);

/* Before the sum is read.  A batch counts those of its domain that began before it: by what they may take while they are
 * under way, and by what they took if they end before it has read the sum, which may have them or not.  s: or NULL. */
void ims_under_way_begin(struct ims_store *s, struct ims_under_way *mine);
/* When the sum was read: what others may take, or took.  takes: of its own, at most, exactly. */
uint64_t ims_under_way_count(struct ims_store *s, struct ims_under_way *mine, uint64_t takes);
void ims_under_way_end(struct ims_store *s, struct ims_under_way *mine, uint64_t took);

int64_t ims_now_s(void);

/* Once, when it has been opened: sweeps go on from where they were, or begin now. */
void ims_begin_sweeps(struct ims_store *s);

/* Opens the store, made of one of an older version if there is one (store_migrate.c). */
bool ims_store_migrate(struct ims_store *s, const struct ims_store_opening *o, struct err *e);
void ims_store_remove_old(const char *folder); /* and its bodies */

#endif
