/* db_private — what common/store/db*.c share; nobody else includes it. */
#ifndef COMMON_STORE_DB_PRIVATE_H
#define COMMON_STORE_DB_PRIVATE_H

#include <lmdb.h>
#include <pthread.h>

#include "common/store/db.h"

#define DB_TABLES_MAX 16

struct db_queue {
	struct db_write *first, **last;
	size_t octets;
};

struct db {
	int held; /* the locked file: one process a store */
	MDB_env *env;
	MDB_dbi table[DB_TABLES_MAX];
	size_t n_tables;
	uint64_t size;
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
	MDB_txn *txn;
	bool reading;
	int rc; /* the first fault; 0: none */
	bool damaged;
	bool torn;            /* a write was refused behind its first put */
	uint64_t changes;     /* puts and deletes so far */
	uint64_t writes;      /* that have changed something */
	uint64_t passed_over; /* damaged entries that db_each left out */
};

/* The writer's thread: takes what waits, batch by batch, until closing.  d: struct db. */
void *db_write_on(void *d);

#endif
