/* db_open — opens the store: its folder is durable, private, and used by no other process; see db.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/base/thread.h"
#include "common/store/db_private.h"

#define READERS_MAX     512
#define FIRST_MAP_BYTES 65536 /* or the size of the data; db_disk_open moves the end of the map */

#ifdef DB_NOSYNC_FOR_TESTS
#define ENV_FLAGS (MDB_NOTLS | MDB_NOSYNC) /* shows that the test of durability can fail */
#else
#define ENV_FLAGS MDB_NOTLS
#endif

static int
open_tables(struct db *d, const char *const *tables)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(d->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < d->n_tables && rc == 0; i++)
		rc = mdb_dbi_open(txn, tables[i], MDB_CREATE, &d->table[i]);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/* Makes the names of the new files, and of the folder, durable. */
static int
sync_names(const char *folder)
{
	static const char *const step[] = { ".", ".." };
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;
	int rc = dir < 0 ? errno : 0;

	for (size_t i = 0; i < 2 && rc == 0; i++) {
		if ((fd = openat(dir, step[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
			continue; /* no permission: the parent's owner made it durable */
		if (fsync(fd) != 0)
			rc = errno;
		close(fd);
	}
	if (dir >= 0)
		close(dir);
	return rc;
}

static int
open_env(struct db *d, const char *folder, const char *const *tables)
{
	uint64_t used;
	int rc, dead;

	if ((rc = db_disk_prepare(folder)) != 0 || (rc = mdb_env_create(&d->env)) != 0)
		return rc;
	if ((rc = mdb_env_set_mapsize(d->env, FIRST_MAP_BYTES)) != 0 ||
	    (rc = mdb_env_set_maxdbs(d->env, DB_TABLES_MAX)) != 0 ||
	    (rc = mdb_env_set_maxreaders(d->env, READERS_MAX)) != 0 ||
	    (rc = mdb_env_open(d->env, folder, ENV_FLAGS, 0600)) != 0)
		return rc;
	used = db_disk_used(d);
	if (d->size < used)
		d->size = used + (DB_RESERVE(used) | 4095) + 1; /* whole pages */
	if ((rc = db_disk_open(d)) != 0)
		return rc;
	mdb_reader_check(d->env, &dead);
	rc = open_tables(d, tables);
	return rc == 0 ? sync_names(folder) : rc;
}

/* Makes the folder private and locks it against other processes. */
static bool
hold_folder(struct db *d, const char *folder, struct err *e)
{
	char path[4096];
	struct stat st;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return err_set_errno(e, REFUSAL_storage, errno, "%s", folder);
	if (stat(folder, &st) != 0 || ((st.st_mode & 077) != 0 && chmod(folder, 0700) != 0))
		return err_set_errno(e, REFUSAL_config, errno, "%s cannot be closed to others",
		    folder);
	snprintf(path, sizeof path, "%s/held", folder);
	d->held = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->held < 0)
		return err_set_errno(e, REFUSAL_storage, errno, "%s", path);
	if (flock(d->held, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno == EWOULDBLOCK)
		return err_set(e, REFUSAL_config, "%s is in use by another process", folder);
	return err_set_errno(e, REFUSAL_storage, errno, "%s cannot be locked", path);
}

static int
start_writer(struct db *d)
{
	int rc = thread_start(&d->writer, db_write_on, d);

	d->started = rc == 0;
	return rc;
}

/* Waits by the monotonic clock. */
static void
init_some(pthread_cond_t *some)
{
	pthread_condattr_t how;

	pthread_condattr_init(&how);
	pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
	pthread_cond_init(some, &how);
	pthread_condattr_destroy(&how);
}

bool
db_open(const char *folder, uint64_t size, const char *const *tables, size_t n, struct db **out,
    struct err *e)
{
	struct db *d = memory_new(sizeof *d);
	bool good;
	int rc;

	if (n > DB_TABLES_MAX)
		abort();
	d->held = -1;
	d->size = size;
	d->n_tables = n;
	d->waiting.last = &d->waiting.first;
	pthread_mutex_init(&d->lock, NULL);
	init_some(&d->some);
	pthread_mutex_init(&d->gate.lock, NULL);
	pthread_cond_init(&d->gate.changed, NULL);
	good = hold_folder(d, folder, e);
	if (good && ((rc = open_env(d, folder, tables)) != 0 || (rc = start_writer(d)) != 0))
		good = err_set(e, db_is_full(rc) ? REFUSAL_system_full : REFUSAL_storage, "%s: %s",
		    folder, mdb_strerror(rc));
	if (good)
		*out = d;
	else
		db_close(&d);
	return good;
}

void
db_close(struct db **dp)
{
	struct db *d = *dp;

	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->closing = true;
	pthread_cond_signal(&d->some);
	pthread_mutex_unlock(&d->lock);
	if (d->started)
		pthread_join(d->writer, NULL);
	if (d->env != NULL)
		mdb_env_close(d->env);
	if (d->held >= 0)
		close(d->held);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->some);
	pthread_mutex_destroy(&d->gate.lock);
	pthread_cond_destroy(&d->gate.changed);
	free(d);
	*dp = NULL;
}
