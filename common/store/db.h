/* db — the durable store's single writer: one commit for the waiting writes of all loops.
 *
 * The store is an LMDB environment.  db_write_take queues a write.  The writer thread applies the
 * queued writes in order in ONE transaction, commits it (one fsync for all of them), and then posts
 * each write's `done` to the loop that queued it.
 *
 * Disk:    when done(NULL) runs, the write is on the disk.  Never NOSYNC, NOMETASYNC, WRITEMAP.
 *          An I/O error at commit ends the process, because LMDB would go on as if nothing had been
 *          lost.  A full file system is no such error: the blocks of the file are allocated ahead,
 *          in steps, so a commit writes only to blocks that exist (db_disk.c).
 * Refuse:  apply judges before its first put.  If it returns false, that write alone is refused and
 *          nothing of it is committed.  If the transaction fails as a whole (a full map, a damaged
 *          record, a write that was refused after its first put), its writes are tried again one by
 *          one, and only those at fault are refused.
 * Full:    system_full refuses a write that would leave less than DB_RESERVE of the map, or less than
 *          the reserve of the disk when the file system has no room for another step.  A write
 *          marked `frees` may use both reserves, so deletions go on.  Each batch looks for space
 *          again; no restart is needed when it returns.
 *          A free page is not always a page that can be used: LMDB does not reuse what a transaction
 *          frees before the next but one, nor what an open reading may still look at.  So near the
 *          limit a write that puts is committed only if half the reserve can be used at once; a write
 *          that frees and finds nothing waits until no reading is open; and a large write that frees
 *          says what it `leaves`: it is refused rather than put less, since its caller can take a smaller one.
 * Records: each value has a CRC-32 over its key and itself.  A damaged value is an error (storage)
 *          and a line in the log, and is never handed out.
 * Threads: db_write_take from any thread.  Reads from any thread, in transactions of their own.
 *          Copy out and end them soon: an open reading keeps old pages alive, and the writer waits
 *          for it when the file grows.
 */
#ifndef COMMON_STORE_DB_H
#define COMMON_STORE_DB_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define DB_BATCH_WRITES  512
#define DB_BATCH_BYTES   (8 << 20)
#define DB_BATCH_PAGES   100000     /* LMDB ends a transaction at 131,071 */
#define DB_QUEUE_BYTES   (64 << 20) /* waiting; more: too_many_outstanding */
#define DB_KEY_MAX       511
#define DB_RESERVE_LEAST (1 << 20)
#define DB_RESERVE(size)                                                                           \
	((size) / 20 > DB_RESERVE_LEAST         ? (size) / 20                                      \
		: (size) / 4 > DB_RESERVE_LEAST ? DB_RESERVE_LEAST                                 \
						: (size) / 4)

struct db;
struct db_txn;
struct loop;

struct db_write {
	struct db_write *next; /* db's, after db_writes_take */
	/* On the writer's thread.  May run several times (a full map), so it overwrites what it keeps
	 * in `arg`.  False: *e, and nothing was put. */
	bool (*apply)(struct db_txn *t, void *arg, struct err *e);
	/* On `home`: durable (e NULL) or refused. */
	void (*done)(void *arg, const struct err *e);
	void *arg;
	struct loop *home; /* NULL: done runs on the writer's thread */
	size_t octets;     /* about how much it puts */
	bool frees;        /* it leaves as much room as there was, or more: may use the reserve */
	/* Octets that the write after it must find: system_full if there would be fewer.  0: any. */
	size_t leaves;
	/* db's.  A write that frees found no space; it is applied for the last time, and should put less. */
	bool last;
	bool leaves_enough; /* db's */
	struct err why;     /* db's */
	struct db *db;      /* db's */
};

/* Makes the folder (0700) and files (0600).  tables[i] is the name of table i, n <= 16.  False:
 * storage, system_full, or config (another process uses it, or others may read it). */
bool db_open(const char *folder, uint64_t size, const char *const *tables, size_t n,
    struct db **out, struct err *e);
/* Octets elsewhere that count against the map's size as if they were in it.  Call it before the
 * first write.  `beside` runs on the writer's thread and on that of db_counts. */
void db_share(struct db *d, uint64_t (*beside)(void *arg), void *arg);
/* Commits the queued writes and posts each `done`, then closes. */
void db_close(struct db **d);

/* Takes w; the caller's `done` frees it.  False (too_many_outstanding, or the store closes): not taken. */
bool db_write_take(struct db *d, struct db_write *w, struct err *e);
/* The same for writes that are linked by `next`: they are taken together or not at all, and share a commit as far as
 * a batch holds them. */
bool db_writes_take(struct db *d, struct db_write *list, struct err *e);

/* On the writer's thread: fn runs there in so many milliseconds, between two transactions.  It replaces what was
 * set before; when the store closes first, it does not run. */
void db_alarm(struct db *d, int64_t in_ms, void (*fn)(void *arg), void *arg);

/* For writes that keep back what they put, so that it is put once for all of a transaction, in the order of the
 * keys.  Both run on the writer's thread. */
struct db_late {
	void (*begin)(void *arg); /* a transaction begins, perhaps again: nothing is kept back */
	void (*put)(struct db_txn *t, void *arg); /* now: it is to be committed or measured */
	void *arg;
};
/* Before the first write. */
void db_set_late(struct db *d, const struct db_late *late);

struct db_counts {
	uint64_t writes;  /* that put or deleted something, also what was not there */
	uint64_t commits; /* that changed something */
	uint64_t used_bytes, size_bytes; /* used: includes what db_share counts */
};
void db_counts(struct db *d, struct db_counts *out);

/* -- inside apply, and inside a reading --------------------------------------------------------- */

/* *value is borrowed until the next put or the transaction's end.  False: no such key, or a fault;
 * db_fault tells which.  After a fault every call returns false. */
bool db_get(struct db_txn *t, unsigned table, struct span key, struct span *value);
/* Cheaper if the keys of one table come in their order, with no deletion between them. */
void db_put(struct db_txn *t, unsigned table, struct span key, struct span value);
void db_del(struct db_txn *t, unsigned table, struct span key); /* no such key: fine */
/* Inside apply: so many puts and deletes are kept back (db_late). */
void db_put_later(struct db_txn *t, size_t changes);
/* Inside apply: they are put now, with all that was kept back. */
void db_put_late(struct db_txn *t);
/* True: *e is set.  In a reading the fault of a damaged record is cleared by this call. */
bool db_fault(struct db_txn *t, struct err *e);
bool db_damaged(struct err *e); /* false; *e: storage, a stored record cannot be read */
/* Inside apply: were so many octets free, the reserve included, when the batch of writes began?  Reads the
 * list of free pages at most once a batch, and only if the file was once larger than that. */
bool db_has_free(struct db_txn *t, uint64_t octets);
struct db_load {
	size_t writes; /* and what else counts as one */
	size_t octets; /* of keys and values */
	size_t pages;  /* written */
};
/* Inside apply, before the first put: may the transaction take so much more (DB_BATCH_WRITES, DB_BATCH_BYTES,
 * DB_BATCH_PAGES)?  False: apply returns false, and the write is the first of the next transaction.  The first
 * of a transaction is always admitted. */
bool db_admit(struct db_txn *t, const struct db_load *load);
/* Inside apply: a number that increases with each call, also over commits and openings. */
uint64_t db_stamp(struct db_txn *t);
/* For a write that can go on without the damaged record it met.  What was put remains. */
void db_pardon(struct db_txn *t);

/* Calls fn for each entry in key order, beginning at `from`, until fn returns false or the key does
 * not start with `prefix`.  fn must not put.  A reading skips damaged entries. */
void db_each(struct db_txn *t, unsigned table, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg);
/* The same without the values, which are not looked at: fn is given an empty one. */
void db_each_key(struct db_txn *t, unsigned table, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg);
uint64_t db_passed_over(const struct db_txn *t); /* how many were skipped */
/* The last entry whose key starts with prefix. */
bool db_last(struct db_txn *t, unsigned table, struct span prefix, struct span *key,
    struct span *value);
/* The first key at or after `from` that starts with prefix.  Its value is not looked at. */
bool db_next_key(struct db_txn *t, unsigned table, struct span from, struct span prefix,
    struct span *key);
/* The same for the last key before `before`. */
bool db_prev_key(struct db_txn *t, unsigned table, struct span before, struct span prefix,
    struct span *key);
uint64_t db_entries(struct db_txn *t, unsigned table); /* a counter, no walk */

/* -- reading, on any thread ----------------------------------------------------------------------- */

bool db_read(struct db *d, struct db_txn **t, struct err *e);
void db_read_end(struct db_txn **t);

#endif
