/* db_disk — allocates the blocks of the store's file before a commit needs them; see db.h "Disk".
 *
 * If the file system has no block for a page, LMDB reports EIO, just as for a failing disk.  So the map
 * ends where the allocated blocks end: a transaction that needs more gets MDB_MAP_FULL before its commit,
 * and a commit writes only to blocks that exist.
 *
 * The map moves when it grows.  LMDB allows this only while no transaction is open, so each reading
 * passes a gate.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/store/db_private.h"

#define LOCK_FILE_BYTES 65536 /* holds READERS_MAX readers */
#define PAGE_BYTES      4096
#define STEP_LEAST      ((uint64_t)1 << 20)
#define STEP_MOST       ((uint64_t)16 << 20)
#define RESERVE_MOST    ((uint64_t)16 << 20)

/* -- faults ------------------------------------------------------------------------------------- */

_Noreturn void
db_die(const char *what, int rc)
{
	log_fact(LOG_ERROR, "db.died", "what=%s why=%s", what, log_str(mdb_strerror(rc)));
	_exit(74);
}

bool
db_is_full(int rc)
{
	return rc == MDB_MAP_FULL || rc == MDB_TXN_FULL || rc == ENOSPC || rc == EDQUOT;
}

/* -- the gate ----------------------------------------------------------------------------------- */

static bool
has_open(const struct db_gate *g, pthread_t thread)
{
	for (const struct db_txn *t = g->open; t != NULL; t = t->next)
		if (pthread_equal(t->thread, thread))
			return true;
	return false;
}

/* A thread that has an open reading is let through: the map waits for that reading, which may end
 * only after this one. */
void
db_gate_enter(struct db_txn *t)
{
	struct db_gate *g = &t->db->gate;

	t->thread = pthread_self();
	pthread_mutex_lock(&g->lock);
	while (g->closed && !has_open(g, t->thread))
		pthread_cond_wait(&g->changed, &g->lock);
	t->next = g->open;
	g->open = t;
	pthread_mutex_unlock(&g->lock);
}

void
db_gate_leave(struct db_txn *t)
{
	struct db_gate *g = &t->db->gate;
	struct db_txn **at = &g->open;

	pthread_mutex_lock(&g->lock);
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	if (g->open == NULL && g->closed)
		pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

static void
close_gate(struct db_gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->closed = true;
	while (g->open != NULL)
		pthread_cond_wait(&g->changed, &g->lock);
}

static void
open_gate(struct db_gate *g)
{
	g->closed = false;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

static void
move_map(struct db *d, uint64_t size)
{
	int rc;

	close_gate(&d->gate);
	rc = mdb_env_set_mapsize(d->env, size);
	open_gate(&d->gate);
	if (rc != 0)
		db_die("map", rc); /* LMDB has given up the old one */
}

/* Puts a row and deletes it: a transaction without a change would not count as one. */
static int
commit_a_change(struct db *d)
{
	unsigned char key[17];
	MDB_val k = { sizeof key, key }, v = { sizeof key, key };
	MDB_txn *txn;
	int rc = mdb_txn_begin(d->env, NULL, 0, &txn);

	if (rc != 0)
		return rc;
	memset(key, 0xff, sizeof key);
	if ((rc = mdb_put(txn, d->table[0], &k, &v, 0)) == 0)
		rc = mdb_del(txn, d->table[0], &k, NULL);
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

void
db_disk_settle(struct db *d)
{
	int rc;

	close_gate(&d->gate);
	rc = commit_a_change(d);
	open_gate(&d->gate);
	if (rc != 0 && !db_is_full(rc))
		db_die("commit", rc);
}

/* -- blocks ------------------------------------------------------------------------------------- */

static uint64_t
whole_pages(uint64_t octets)
{
	return (octets + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static int
file_of(const struct db *d)
{
	int fd = -1;

	mdb_env_get_fd(d->env, &fd);
	return fd;
}

static int
give_blocks(int fd, uint64_t from, uint64_t to)
{
	int rc;

	if (to <= from)
		return 0;
	do
		rc = posix_fallocate(fd, (off_t)from, (off_t)(to - from));
	while (rc == EINTR);
	return rc;
}

/* A step that does not fit is not begun, so the last blocks are left to others. */
static bool
has_blocks(int fd, uint64_t octets)
{
	struct statvfs fs;

	return fstatvfs(fd, &fs) != 0 || (uint64_t)fs.f_bavail * fs.f_frsize > octets;
}

static bool
allocate(struct db *d, uint64_t to)
{
	int fd = file_of(d), rc;

	to = whole_pages(to);
	if (to > d->size)
		to = d->size;
	if (to <= d->allocated)
		return true;
	if (!has_blocks(fd, to - d->allocated))
		return false;
	if ((rc = give_blocks(fd, d->allocated, to)) == EIO)
		db_die("allocate", rc);
	if (rc != 0) {
		/* Gives back what the failed step has taken; harmless if this fails. */
		(void)!ftruncate(fd, (off_t)d->allocated);
		return false;
	}
	move_map(d, to);
	d->allocated = to;
	return true;
}

uint64_t
db_disk_used(const struct db *d)
{
	MDB_envinfo info;
	MDB_stat stat;

	mdb_env_info(d->env, &info);
	mdb_env_stat(d->env, &stat);
	return (info.me_last_pgno + 1) * stat.ms_psize;
}

static uint64_t
step_of(const struct db *d)
{
	uint64_t step = d->size / 64;

	return step < STEP_LEAST ? STEP_LEAST : step > STEP_MOST ? STEP_MOST : step;
}

static void
note(struct db *d, bool full)
{
	if (full != d->disk_full)
		log_fact_of(SPAN_LIT("db"), full ? LOG_WARN : LOG_INFO,
		    full ? "db.disk_full" : "db.disk_room", "allocated=%llu used=%llu",
		    (unsigned long long)d->allocated, (unsigned long long)db_disk_used(d));
	d->disk_full = full;
}

bool
db_disk_ahead(struct db *d, uint64_t octets)
{
	uint64_t least = db_disk_used(d) + d->disk_reserve + octets;
	bool had = d->allocated >= least || d->allocated == d->size ||
	    allocate(d, least + step_of(d)) || allocate(d, least);

	note(d, !had);
	return had;
}

bool
db_disk_step(struct db *d)
{
	if (d->allocated == d->size)
		return false;
	note(d, !allocate(d, d->allocated + step_of(d)));
	return !d->disk_full;
}

/* -- opening ------------------------------------------------------------------------------------ */

int
db_disk_prepare(const char *folder)
{
	char path[4096];
	int fd, rc;

	snprintf(path, sizeof path, "%s/lock.mdb", folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno;
	rc = give_blocks(fd, 0, LOCK_FILE_BYTES);
	close(fd);
	return rc;
}

/* At most a twentieth of the file system, because bodies need room too. */
static uint64_t
reserve_of(const struct db *d)
{
	uint64_t reserve = DB_RESERVE(d->size), of_disk = RESERVE_MOST;
	struct statvfs fs;

	if (fstatvfs(file_of(d), &fs) == 0)
		of_disk = (uint64_t)fs.f_blocks * fs.f_frsize / 20;
	if (of_disk < DB_RESERVE_LEAST)
		of_disk = DB_RESERVE_LEAST;
	if (of_disk > RESERVE_MOST)
		of_disk = RESERVE_MOST;
	return reserve < of_disk ? reserve : of_disk;
}

/* The file has a hole where a page was freed before it was ever written. */
int
db_disk_open(struct db *d)
{
	uint64_t used = db_disk_used(d);
	int fd = file_of(d), rc;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return errno;
	d->allocated = whole_pages((uint64_t)st.st_size);
	if (d->allocated < used)
		d->allocated = used;
	if (d->allocated > d->size) {
		d->allocated = d->size;
		if (ftruncate(fd, (off_t)d->allocated) != 0)
			return errno;
	}
	if ((rc = give_blocks(fd, 0, d->allocated)) != 0)
		return rc;
	move_map(d, d->allocated);
	d->disk_reserve = reserve_of(d);
	db_disk_ahead(d, DB_BATCH_BYTES / 8);
	return 0;
}
