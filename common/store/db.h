/* db — the durable store's one writer: operations from all loops, one commit for all that wait.
 *
 * LMDB stands behind it.  A write is handed over by db_write_take; the writer thread applies all
 * that wait, in order, in ONE transaction, commits (one fsync for all of them), and then posts
 * each one's `done` to the loop it came from.
 *
 * Disk:    when done(NULL) runs, the write is on the disk.  Never NOSYNC, NOMETASYNC, WRITEMAP.
 *          An I/O error at commit ends the process: nothing more can be promised.
 * Refuse:  apply judges before its first put; false refuses that write alone, and what it had put
 *          all the same is not committed.  What fails a batch as a whole (a full map, a damaged
 *          record, a write refused behind its first put) has its writes tried again one by one, so
 *          that only the guilty are refused: system_full where there is no room.  An ordinary write
 *          that would leave less than DB_RESERVE of the map is refused; one that frees space is not.
 * Records: each value carries a CRC-32 over its key and itself; a damaged one is an error (storage)
 *          and a line in the log, never a value.
 * Threads: db_write_take from any thread; reads from any thread, in transactions of their own,
 *          which must be short (copy out, end): a long one keeps old pages alive.
 */
#ifndef COMMON_STORE_DB_H
#define COMMON_STORE_DB_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define DB_BATCH_WRITES  512
#define DB_BATCH_BYTES   (8 << 20)
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
	struct db_write *next; /* db's */
	/* On the writer's thread.  May run twice (a full map): it keeps no state but in `arg`, which
	 * it overwrites.  False: *e, and nothing was put. */
	bool (*apply)(struct db_txn *t, void *arg, struct err *e);
	/* On `home`: durable (e NULL) or refused. */
	void (*done)(void *arg, const struct err *e);
	void *arg;
	struct loop *home; /* NULL: done runs on the writer's thread */
	size_t octets;     /* about what it puts */
	bool frees;        /* may use the reserve */
	struct err why;    /* db's */
	struct db *db;     /* db's */
};

/* Makes the folder (0700) and files (0600).  `tables` names them, n <= 16; table i is index i.
 * False: storage, or config (another process holds it, or it is open to others). */
bool db_open(const char *folder, uint64_t size, const char *const *tables, size_t n,
    struct db **out, struct err *e);
/* Octets elsewhere that count against the map's size, as if they stood in it.  Before the first
 * write; `beside` is asked on the writer's thread and on that of db_counts. */
void db_share(struct db *d, uint64_t (*beside)(void *arg), void *arg);
/* All that waits is committed, its `done`s posted; then closes. */
void db_close(struct db **d);

/* Takes w, which the caller's `done` frees.  False (too_many_outstanding): not taken. */
bool db_write_take(struct db *d, struct db_write *w, struct err *e);

struct db_counts {
	uint64_t writes, commits;        /* that changed something */
	uint64_t used_bytes, size_bytes; /* used: with what is beside the map */
};
void db_counts(struct db *d, struct db_counts *out);

/* -- inside apply, and inside a reading --------------------------------------------------------- */

/* Borrowed until the next put or the transaction's end.  False: not there, or a fault, which
 * db_fault tells apart; after a fault everything says false. */
bool db_get(struct db_txn *t, unsigned table, struct span key, struct span *value);
void db_put(struct db_txn *t, unsigned table, struct span key, struct span value);
void db_del(struct db_txn *t, unsigned table, struct span key); /* not there: fine */
/* True: *e is set.  In a reading a damaged record is a fault until it was told of here, once. */
bool db_fault(struct db_txn *t, struct err *e);
/* A write that can go on without the damaged record it met says so; what was put stays put. */
void db_pardon(struct db_txn *t);

/* Calls fn for each entry from `from` on, in key order, until it says false, the key no longer
 * starts with `prefix`, or the end.  fn may not put while it is called.  A reading passes over
 * damaged entries. */
void db_each(struct db_txn *t, unsigned table, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg);
uint64_t db_passed_over(const struct db_txn *t); /* how many those were */
/* The last entry whose key starts with prefix. */
bool db_last(struct db_txn *t, unsigned table, struct span prefix, struct span *key,
    struct span *value);
uint64_t db_entries(struct db_txn *t, unsigned table); /* how many; costs nothing */

/* -- reading, on any thread ----------------------------------------------------------------------- */

bool db_read(struct db *d, struct db_txn **t, struct err *e);
void db_read_end(struct db_txn **t);

#endif
