/* db_private — what common/store/db*.c share; nobody else includes it. */
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

/* Readings that are open, for the writer moves the map only while there is none. */
struct db_gate {
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	struct db_txn *open;
	bool closed; /* the map moves: a thread without an open reading waits */
};

struct db {
	int held; /* the locked file: one process a store */
	MDB_env *env;
	MDB_dbi table[DB_TABLES_MAX];
	size_t n_tables;
	uint64_t size;      /* the configured limit, or what was there already */
	uint64_t allocated; /* octets of the file that have their blocks; the map ends there */
	uint64_t disk_reserve;
	bool disk_full; /* the last step could not be had */
	struct db_gate gate;
	uint64_t (*beside)(void *arg); /* NULL: nothing */
	void *beside_arg;
	pthread_t writer;
	bool started;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t some;
	struct db_queue waiting;
	bool closing;
	uint64_t writes, commits;
};

struct db_txn {
	struct db *db;
	struct db_txn *next; /* in the gate's list */
	pthread_t thread;    /* that reads */
	MDB_txn *txn;
	bool reading;
	int rc; /* the first fault; 0: none */
	bool damaged;
	bool torn;            /* a write was refused behind its first put */
	uint64_t changes;     /* puts and deletes so far */
	uint64_t writes;      /* that have changed something */
	uint64_t passed_over; /* damaged entries that db_each left out */
};

/* -- the file's blocks (db_disk.c) -------------------------------------------------------------- */

/* Before mdb_env_open: gives the lock file its blocks, for LMDB writes to it through a map, and a
 * block that is missing then is a SIGBUS.  0, or errno. */
int db_disk_prepare(const char *folder);
/* After mdb_env_open: gives the file's holes their blocks and takes the first step.  Sets
 * allocated; never fails for want of more than that.  0, or errno. */
int db_disk_open(struct db *d);
/* Allocates until the next commit can put `octets` beside the reserve.  On the writer's thread,
 * between transactions.  False: the file system is full, and disk_full is set. */
bool db_disk_ahead(struct db *d, uint64_t octets);
/* One step more, for a transaction that did not fit.  False: there is none to be had. */
bool db_disk_step(struct db *d);
/* Octets up to the last page that a commit has used. */
uint64_t db_disk_used(const struct db *d);

void db_gate_enter(struct db_txn *reading);
void db_gate_leave(struct db_txn *reading);

/* Of space, and so of one write; everything else is the disk's. */
bool db_is_full(int rc);
/* Ends the daemon: what was promised cannot be kept. */
_Noreturn void db_die(const char *what, int rc);

/* The writer's thread: takes what waits, batch by batch, until closing.  d: struct db. */
void *db_write_on(void *d);

#endif
