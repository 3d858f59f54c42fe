/* store_private — the store itself, its questions and operations; for ims/store alone. */
#ifndef IMS_STORE_STORE_PRIVATE_H
#define IMS_STORE_STORE_PRIVATE_H

#include <pthread.h>

#include "common/store/kv_question.h"
#include "common/store/kv_store.h"
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

struct ims_store {
	struct kv_store base;
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
};

struct ims_store *ims_store_new(struct kv *kv, uint64_t size); /* kv: NULL, until it is opened */
/* A reference, or NULL for NULL. */
struct ims_store *ims_store_hold(struct ims_store *s);
void ims_store_let_go(struct ims_store **s);

struct kv_store *ims_base(struct ims_store *s);              /* NULL for NULL */
struct ims_store *ims_store_of(const struct kv_question *q); /* NULL: it was closed */

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
/* What those of the same domain may take that began before it, and what those took that ended since. */
uint64_t ims_claimed(struct ims_store *s, const struct ims_under_way *mine);
void ims_under_way_end(struct ims_store *s, struct ims_under_way *mine, uint64_t took);

int64_t ims_now_s(void);

/* Once, when it has been opened: sweeps go on from where they were, or begin now. */
void ims_begin_sweeps(struct ims_store *s);

/* How a store of an older version is made one on kv (store_migrate.c). */
extern const struct kv_upgrade_plan ims_upgrade;

#endif
