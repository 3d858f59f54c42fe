/* db_private — the store's insides, for db*.c. */
#ifndef COMMON_STORE_DB_PRIVATE_H
#define COMMON_STORE_DB_PRIVATE_H

#include <lmdb.h>
#include <pthread.h>

#include "common/store/db.h"

#define DB_TABLES_MAX 24

struct db_queue {
	struct db_write *first, **last;
	size_t octets;
};

/* The open readings: the writer moves the map only while there is none. */
struct db_gate {
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct db_txn *open;
	bool closed; /* the map moves; a thread without an open reading must wait */
};

struct db {
	int held; /* the lock file: one process a store */
	MDB_env *env;
	MDB_dbi table[DB_TABLES_MAX];
	size_t n_tables;
	uint64_t size; /* the configured limit, or what was there already and room to delete it */
	uint64_t allocated; /* octets of the file that have blocks; the map ends there */
	uint64_t disk_reserve;
	bool disk_full; /* the file system had no room for the last step */
	bool
	    near_full; /* what is put in this batch must leave half the reserve to the next write */
	uint64_t used; /* octets when this batch began; UINT64_MAX: not looked at yet */
	struct db_gate gate;
	uint64_t (*beside)(void *arg); /* NULL: nothing */
	void *beside_arg;
	struct db_late late; /* put NULL: no write keeps anything back */
	pthread_t writer;
	bool started;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t some;
	struct db_queue waiting;
	bool closing;
	uint64_t writes, commits;
	/* of the writer's thread */
	void (*alarm)(void *arg); /* NULL: none */
	void *alarm_arg;
	int64_t alarm_at_ms; /* monotonic */
	uint64_t stamp;      /* the last of db_stamp */
};

#define DB_NEAR 8

struct db_cursor {
	MDB_cursor *at; /* NULL: none */
	unsigned table;
	bool held; /* by a db_each */
};

struct db_txn {
	struct db *db;
	struct db_txn *next; /* in the gate's list */
	pthread_t thread;    /* that reads */
	MDB_txn *txn;
	struct db_cursor put; /* where the last put was */
	struct db_cursor
	    near[DB_NEAR]; /* where the last look-ups were, by the first octet of the key */
	bool looks;        /* one of them may be open */
	bool reading;
	int rc; /* the first fault; 0: none */
	bool damaged;
	bool torn;            /* a write was refused after its first put */
	bool late;            /* puts what db_put_later has counted */
	bool trial;           /* db_leave filled it: not to be committed */
	bool puts;            /* a write that does not free has changed something */
	uint64_t changes;     /* puts and deletes so far, also those kept back */
	bool changed;         /* a row was put, or deleted */
	uint64_t writes;      /* that have put or deleted something */
	uint64_t passed_over; /* damaged entries that db_each skipped */
	struct db_load load;  /* admitted so far */
	bool postponed;       /* a write was not admitted: it begins the next transaction */
};

/* -- the file's blocks (db_disk.c) -------------------------------------------------------------- */

/* Before mdb_env_open: allocates the blocks of the lock file.  LMDB writes to it through a map, and a
 * missing block would raise SIGBUS.  Returns 0 or errno. */
int db_disk_prepare(const char *folder);
/* After mdb_env_open: allocates blocks for the holes of the file, sets `allocated`, and tries to take
 * the first step.  Returns 0 or errno; a full disk is an error only if a hole cannot be filled. */
int db_disk_open(struct db *d);
/* Lets the file grow until the next commit can put `octets` without the reserve.  On the writer's
 * thread, between transactions.  False: the file system is full; sets disk_full. */
bool db_disk_ahead(struct db *d, uint64_t octets);
/* Grows by one step, for a transaction that did not fit.  False: at the limit, or the disk is full. */
bool db_disk_step(struct db *d);
/* Octets up to the last page of the last commit. */
uint64_t db_disk_used(const struct db *d);

/* On the writer's thread, between transactions: waits until no reading is open, and commits a change, so
 * that the pages freed so far can be used. */
void db_disk_settle(struct db *d);

void db_gate_enter(struct db_txn *reading);
void db_gate_leave(struct db_txn *reading);

/* Is it a lack of space, which refuses one write?  Any other error ends the daemon. */
bool db_is_full(int rc);
/* Ends the daemon (74), because acknowledged writes may be lost otherwise. */
_Noreturn void db_die(const char *what, int rc);

/* -- cursors (db_cursor.c) ------------------------------------------------------------------------ */

/* As mdb_get, and mdb_put with MDB_RESERVE. */
int db_cursor_get(struct db_txn *t, unsigned table, MDB_val *key, MDB_val *value);
int db_cursor_put(struct db_txn *t, unsigned table, MDB_val *key, MDB_val *value);
/* *out: a cursor for look-ups from `key` on, which nobody else moves until it is released; perhaps *own. */
int db_cursor_hold(struct db_txn *t, unsigned table, const MDB_val *key, struct db_cursor *own,
    struct db_cursor **out);
void db_cursor_release(struct db_cursor *c, struct db_cursor *own);
/* Before the transaction ends, and before LMDB changes something without these. */
void db_cursor_end(struct db_txn *t);

/* Takes `octets` of free pages, if it is not clear that so many are left.  A fault: they are not.  Else
 * the transaction is a trial: it must be aborted, and its writes applied again. */
void db_leave(struct db_txn *t, size_t octets);

/* The writer's thread; ends when the store closes.  d: struct db. */
void *db_write_on(void *d);

#endif
