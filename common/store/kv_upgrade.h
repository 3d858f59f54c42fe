/* kv_upgrade — opens a store of kv in one LMDB file, made of a store of an older version if there is one.
 *
 * An older version had a file with tables of its own (common/store/db.h) in the folder itself:
 *
 *	FOLDER/data.mdb     the old store
 *	FOLDER/store.new    the new one, while it is made
 *	FOLDER/store        the new one
 *
 * Lock:    the old store is locked from before the first file is touched until the new one has its name, so no other
 *          process can do the same meanwhile.
 * Crash:   the new store is whole and on the disk before it gets its name.  A crash before that begins anew.
 * Room:    is looked for before: the old store stays beside the new one until the first stop in order.  The size that is
 *          configured is no bound: a store that was nearly full is full now.
 * Old:     it stays until kv_upgrade_remove_old, which the caller calls when it has closed in order.
 * Commits: of at most 1,000 steps; a line in the log tells of the progress.
 * Threads: all of it runs on the caller's, but `apply` and `clear` of a step.
 */
#ifndef COMMON_STORE_KV_UPGRADE_H
#define COMMON_STORE_KV_UPGRADE_H

#include "common/store/kv_lmdb.h"
#include "common/store/kv_opening.h"

struct db_txn;
struct kv_upgrade;

struct kv_upgrade_plan {
	const struct kv_schema *schema;
	const char *const *tables; /* of the old store */
	size_t n_tables;
	unsigned counted;   /* the table whose entries are counted, */
	const char *unit;   /* and what they are, in the lines of the log */
	const char *bodies; /* the folder beside a store's file that goes with it */
	uint64_t (*room)(struct kv_upgrade *u); /* octets that the new store takes, at most about */
	/* Takes all that the old store has (kv_upgrade_take).  False: *e, if no step was refused. */
	bool (*copy)(struct kv_upgrade *u, struct offload *o, struct err *e);
	/* Something beside the new store is to get its name, too, after it.  NULL: nothing is. */
	bool (*is_unsettled)(const char *folder);
	bool (*settle)(const char *folder, struct err *e);
};

/* *is_old: an old store is there.  False: as kv_lmdb_open, or closing. */
bool kv_upgrade_open(const struct kv_opening *o, const struct kv_upgrade_plan *plan,
    struct kv **out, bool *is_old, struct err *e);
/* The file goes last: while it is there, the next start knows that there is something to remove. */
void kv_upgrade_remove_old(const char *folder, const struct kv_upgrade_plan *plan);

/* -- inside room and copy --------------------------------------------------------------------------------------- */

struct kv *kv_upgrade_kv(const struct kv_upgrade *u); /* the new store */
const char *kv_upgrade_folder(const struct kv_upgrade *u);
const char *kv_upgrade_made(const struct kv_upgrade *u); /* the folder of the new store */
uint64_t kv_upgrade_size(const struct kv_upgrade *u);
uint64_t kv_upgrade_used(const struct kv_upgrade *u);      /* octets that the old store takes */
struct db_txn *kv_upgrade_old(const struct kv_upgrade *u); /* reads all of the old store */

/* *value is borrowed until copy returns.  False: there is none, or it cannot be read, which counts as lost. */
bool kv_upgrade_get(struct kv_upgrade *u, unsigned table, struct span key, struct span *value);

/* An operation of the new store. */
struct kv_upgrade_step {
	struct kv_part part;
	bool (*apply)(struct kv_txn *t, void *arg, struct err *e);
	void *arg;                                /* of apply */
	void (*clear)(struct kv_upgrade_step *s); /* it is over; frees it */
	size_t octets;                            /* about how much it puts */
	struct kv_upgrade *of;                    /* kv_upgrade's */
	struct kv_op op;                          /* kv_upgrade's */
};
/* Waits while a batch is full.  False: this step, or one before, was refused, and copy is to return false. */
bool kv_upgrade_take(struct kv_upgrade *u, struct kv_upgrade_step *s);
/* Until what was taken is on the disk.  False: some of it was refused. */
bool kv_upgrade_wait(struct kv_upgrade *u);
/* A fault that ends it, as the refusal of a step does.  Returns false. */
bool kv_upgrade_fail(struct kv_upgrade *u, const struct err *e);
/* One more entry of the table that is counted was taken. */
void kv_upgrade_count(struct kv_upgrade *u);
/* So many entries of the old store cannot be read. */
void kv_upgrade_lose(struct kv_upgrade *u, uint64_t n);

#endif
