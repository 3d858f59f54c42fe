/* db — the durable store's one writer; see db.h. */
#include "common/svc/db.h"

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/base/log.h"
#include "common/svc/loop.h"

#define TABLES_MAX	16
#define READERS_MAX	512
#define CRC_BYTES	4
#define READERS_CHECK	4096		/* commits between two looks for dead readers */

#ifdef DB_NOSYNC_FOR_TESTS
#define ENV_FLAGS	(MDB_NOTLS | MDB_NOSYNC)	/* so that the test of durability can fail */
#else
#define ENV_FLAGS	MDB_NOTLS
#endif

struct queue {
	struct db_write	*first, **last;
	size_t		 octets, n;
};

struct db {
	MDB_env		*env;
	MDB_dbi		 table[TABLES_MAX];
	size_t		 n_tables;
	uint64_t	 size;
	pthread_t	 writer;
	bool		 started;
	pthread_mutex_t	 lock;		/* of what follows */
	pthread_cond_t	 some;
	struct queue	 waiting;
	bool		 closing;
	uint64_t	 writes, commits;
};

struct db_txn {
	struct db	*db;
	MDB_txn		*txn;
	int		 rc;		/* the first fault; 0: none */
	bool		 damaged;
};

/* -- inside a transaction ------------------------------------------------------------------------ */

static MDB_val
val(struct span s)
{
	return (MDB_val){ s.n, (void *)(uintptr_t)s.p };
}

/* Strips and checks the CRC. */
static bool
open_value(struct db_txn *t, const MDB_val *v, struct span *out)
{
	unsigned char	 want[CRC_BYTES];
	uLong		 crc;

	if (v->mv_size >= CRC_BYTES) {
		*out = span_of(v->mv_data, v->mv_size - CRC_BYTES);
		crc = crc32_z(0, (const Bytef *)out->p, out->n);
		for (int i = 0; i < CRC_BYTES; i++)
			want[i] = (unsigned char)(crc >> (24 - 8 * i));
		if (memcmp(want, out->p + out->n, CRC_BYTES) == 0)
			return true;
	}
	t->damaged = true;
	t->rc = MDB_CORRUPTED;
	return false;
}

bool
db_get(struct db_txn *t, unsigned table, struct span key, struct span *value)
{
	MDB_val	 k = val(key), v;
	int	 rc;

	if (t->rc != 0)
		return false;
	rc = mdb_get(t->txn, t->db->table[table], &k, &v);
	if (rc != 0) {
		t->rc = rc == MDB_NOTFOUND ? 0 : rc;
		return false;
	}
	return open_value(t, &v, value);
}

void
db_put(struct db_txn *t, unsigned table, struct span key, struct span value)
{
	MDB_val		 k = val(key), v = { value.n + CRC_BYTES, NULL };
	uLong		 crc = crc32_z(0, (const Bytef *)value.p, value.n);
	unsigned char	*to;

	if (t->rc != 0)
		return;
	t->rc = mdb_put(t->txn, t->db->table[table], &k, &v, MDB_RESERVE);
	if (t->rc != 0)
		return;
	to = v.mv_data;
	if (value.n > 0)
		memcpy(to, value.p, value.n);
	for (int i = 0; i < CRC_BYTES; i++)
		to[value.n + (size_t)i] = (unsigned char)(crc >> (24 - 8 * i));
}

void
db_del(struct db_txn *t, unsigned table, struct span key)
{
	MDB_val	 k = val(key);
	int	 rc;

	if (t->rc != 0)
		return;
	rc = mdb_del(t->txn, t->db->table[table], &k, NULL);
	if (rc != MDB_NOTFOUND)
		t->rc = rc;
}

bool
db_fault(const struct db_txn *t, struct err *e)
{
	if (t->rc == 0)
		return false;
	if (t->damaged)
		err_set(e, REFUSAL_storage, "a stored record is damaged");
	else if (t->rc == MDB_MAP_FULL || t->rc == MDB_TXN_FULL)
		err_set(e, REFUSAL_system_full, "%s", "");
	else
		err_set(e, REFUSAL_storage, "the store failed: %s", mdb_strerror(t->rc));
	return true;
}

void
db_each(struct db_txn *t, unsigned table, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	MDB_cursor	*c;
	MDB_val		 k = val(from), v;
	struct span	 value;
	int		 rc;

	if (t->rc != 0 || (t->rc = mdb_cursor_open(t->txn, t->db->table[table], &c)) != 0)
		return;
	rc = mdb_cursor_get(c, &k, &v, from.n > 0 ? MDB_SET_RANGE : MDB_FIRST);
	while (rc == 0) {
		if (!span_starts(span_of(k.mv_data, k.mv_size), prefix))
			break;
		if (!open_value(t, &v, &value) ||
		    !fn(arg, span_of(k.mv_data, k.mv_size), value))
			break;
		rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
	}
	if (rc != 0 && rc != MDB_NOTFOUND)
		t->rc = rc;
	mdb_cursor_close(c);
}

/* The entry before the first one behind all that start with prefix. */
bool
db_last(struct db_txn *t, unsigned table, struct span prefix, struct span *key,
    struct span *value)
{
	unsigned char	 beyond[DB_KEY_MAX];
	MDB_cursor	*c;
	MDB_val		 k, v;
	bool		 found = false;
	int		 rc;

	if (t->rc != 0 || prefix.n >= sizeof beyond ||
	    (t->rc = mdb_cursor_open(t->txn, t->db->table[table], &c)) != 0)
		return false;
	memset(beyond, 0xff, sizeof beyond);
	if (prefix.n > 0)
		memcpy(beyond, prefix.p, prefix.n);
	k = (MDB_val){ sizeof beyond, beyond };
	rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
	rc = mdb_cursor_get(c, &k, &v, rc == 0 ? MDB_PREV : MDB_LAST);
	if (rc == 0 && span_starts(span_of(k.mv_data, k.mv_size), prefix) &&
	    open_value(t, &v, value)) {
		*key = span_of(k.mv_data, k.mv_size);
		found = true;
	} else if (rc != 0 && rc != MDB_NOTFOUND) {
		t->rc = rc;
	}
	mdb_cursor_close(c);
	return found;
}

/* -- the writer ------------------------------------------------------------------------------------ */

static void
post_done(void *arg)
{
	struct db_write	*w = arg;
	struct err	 why = w->why;

	w->done(w->arg, why.why == REFUSAL_NONE ? NULL : &why);
}

static void
finish(struct db_write *list)
{
	while (list != NULL) {
		struct db_write	*w = list;

		list = w->next;
		loop_post(w->home, post_done, w);
	}
}

/* Pages that are neither beyond the high-water mark nor in the free list. */
static uint64_t
used_bytes(struct db *d, MDB_txn *txn)
{
	MDB_envinfo	 info;
	MDB_stat	 stat;
	MDB_cursor	*c;
	MDB_val		 k, v;
	uint64_t	 free_pages = 0;

	mdb_env_info(d->env, &info);
	mdb_env_stat(d->env, &stat);
	if (mdb_cursor_open(txn, 0, &c) != 0)
		return d->size;
	while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0) {
		size_t	 n;

		memcpy(&n, v.mv_data, sizeof n);
		free_pages += n;
	}
	mdb_cursor_close(c);
	return (info.me_last_pgno + 1 - free_pages) * stat.ms_psize;
}

/* The free list is walked only once the high-water mark has reached the reserve. */
static bool
in_reserve(struct db *d, MDB_txn *txn)
{
	MDB_envinfo	 info;
	MDB_stat	 stat;
	uint64_t	 bound = d->size - DB_RESERVE(d->size);

	mdb_env_info(d->env, &info);
	mdb_env_stat(d->env, &stat);
	return (info.me_last_pgno + 1) * stat.ms_psize >= bound && used_bytes(d, txn) >= bound;
}

static void
die(const char *what, int rc)
{
	log_fact(LOG_ERROR, "db.died", "what=%s why=%s", what, log_str(mdb_strerror(rc)));
	_exit(74);
}

/* What is no matter of space is a matter of the disk, and nothing more can be promised. */
static bool
is_full(int rc)
{
	return rc == MDB_MAP_FULL || rc == MDB_TXN_FULL || rc == ENOSPC || rc == EDQUOT;
}

static int
commit(struct db_txn *t)
{
	int	 rc = t->rc;

	if (rc == 0)
		rc = mdb_txn_commit(t->txn);
	else
		mdb_txn_abort(t->txn);
	t->txn = NULL;
	if (rc != 0 && !is_full(rc) && !t->damaged)
		die("commit", rc);
	return rc;
}

/* Applies the list in one transaction; 0: all is durable, or refused alone by `why`. */
static int
apply_all(struct db *d, struct db_write *list)
{
	struct db_txn	 t = { .db = d };
	bool		 reserve;
	int		 rc = mdb_txn_begin(d->env, NULL, 0, &t.txn);

	if (rc != 0)
		die("begin", rc);
	reserve = in_reserve(d, t.txn);
	for (struct db_write *w = list; w != NULL && t.rc == 0; w = w->next) {
		w->why.why = REFUSAL_NONE;
		if (reserve && !w->frees)
			err_set(&w->why, REFUSAL_system_full, "%s", "");
		else if (!w->apply(&t, w->arg, &w->why) && w->why.why == REFUSAL_NONE)
			err_set(&w->why, REFUSAL_storage, "%s", "");
	}
	return commit(&t);
}

/* A batch that failed as a whole: each write alone, so that only the guilty are refused. */
static void
apply_singly(struct db *d, struct db_write *list)
{
	while (list != NULL) {
		struct db_write	*w = list;
		int		 rc;

		list = w->next;
		w->next = NULL;
		rc = apply_all(d, w);
		if (rc != 0)
			err_set(&w->why, is_full(rc) ? REFUSAL_system_full : REFUSAL_storage, "%s",
			    is_full(rc) ? "" : "a stored record is damaged");
		finish(w);
	}
}

/* Waits, then takes what waits, up to the bounds of a batch; NULL: closing, and all is done. */
static struct db_write *
take_batch(struct db *d, size_t *n)
{
	struct db_write	*list, **end;
	size_t		 octets = 0;

	pthread_mutex_lock(&d->lock);
	while (d->waiting.first == NULL && !d->closing)
		pthread_cond_wait(&d->some, &d->lock);
	list = d->waiting.first;
	end = &list;
	for (*n = 0; *end != NULL && *n < DB_BATCH_WRITES &&
	    (*n == 0 || octets + (*end)->octets <= DB_BATCH_BYTES); ++*n) {
		octets += (*end)->octets;
		end = &(*end)->next;
	}
	d->waiting.first = *end;
	*end = NULL;
	if (d->waiting.first == NULL)
		d->waiting.last = &d->waiting.first;
	d->waiting.octets -= octets;
	d->writes += *n;
	d->commits += *n > 0;
	pthread_mutex_unlock(&d->lock);
	return list;
}

static void *
write_on(void *arg)
{
	struct db	*d = arg;
	struct db_write	*list;
	size_t		 n, commits = 0;
	int		 dead;

	while ((list = take_batch(d, &n)) != NULL) {
		if (apply_all(d, list) == 0)
			finish(list);
		else
			apply_singly(d, list);
		if (++commits % READERS_CHECK == 0)
			mdb_reader_check(d->env, &dead);
	}
	return NULL;
}

bool
db_write_take(struct db *d, struct db_write *w, struct err *e)
{
	bool	 first;

	w->next = NULL;
	w->db = d;
	pthread_mutex_lock(&d->lock);
	if (d->closing || d->waiting.octets > DB_QUEUE_BYTES) {
		pthread_mutex_unlock(&d->lock);
		return err_set(e, REFUSAL_too_many_outstanding, "%s", "");
	}
	first = d->waiting.first == NULL;
	*d->waiting.last = w;
	d->waiting.last = &w->next;
	d->waiting.octets += w->octets;
	pthread_mutex_unlock(&d->lock);
	if (first)
		pthread_cond_signal(&d->some);
	return true;
}

/* -- reading ------------------------------------------------------------------------------------------ */

bool
db_read(struct db *d, struct db_txn **out, struct err *e)
{
	struct db_txn	*t = calloc(1, sizeof *t);
	int		 rc;

	if (t == NULL)
		abort();
	t->db = d;
	if ((rc = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &t->txn)) != 0) {
		free(t);
		return err_set(e, REFUSAL_storage, "the store cannot be read: %s", mdb_strerror(rc));
	}
	*out = t;
	return true;
}

void
db_read_end(struct db_txn **t)
{
	if (*t == NULL)
		return;
	mdb_txn_abort((*t)->txn);
	free(*t);
	*t = NULL;
}

void
db_counts(struct db *d, struct db_counts *out)
{
	MDB_txn	*txn;

	pthread_mutex_lock(&d->lock);
	*out = (struct db_counts){ d->writes, d->commits, 0, d->size };
	pthread_mutex_unlock(&d->lock);
	if (mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn) == 0) {
		out->used_bytes = used_bytes(d, txn);
		mdb_txn_abort(txn);
	}
}

/* -- life ---------------------------------------------------------------------------------------------- */

static int
open_tables(struct db *d, const char *const *tables)
{
	MDB_txn	*txn;
	int	 rc = mdb_txn_begin(d->env, NULL, 0, &txn);

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

static int
open_env(struct db *d, const char *folder, const char *const *tables)
{
	int	 rc, dead;

	if ((rc = mdb_env_create(&d->env)) != 0)
		return rc;
	if ((rc = mdb_env_set_mapsize(d->env, d->size)) != 0 ||
	    (rc = mdb_env_set_maxdbs(d->env, TABLES_MAX)) != 0 ||
	    (rc = mdb_env_set_maxreaders(d->env, READERS_MAX)) != 0 ||
	    (rc = mdb_env_open(d->env, folder, ENV_FLAGS, 0600)) != 0)
		return rc;
	mdb_reader_check(d->env, &dead);
	return open_tables(d, tables);
}

bool
db_open(const char *folder, uint64_t size, const char *const *tables, size_t n, struct db **out,
    struct err *e)
{
	struct db	*d = calloc(1, sizeof *d);
	int		 rc;

	if (d == NULL || n > TABLES_MAX)
		abort();
	d->size = size;
	d->n_tables = n;
	d->waiting.last = &d->waiting.first;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->some, NULL);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		rc = errno;
	else
		rc = open_env(d, folder, tables);
	if (rc == 0 && (rc = pthread_create(&d->writer, NULL, write_on, d)) == 0)
		d->started = true;
	if (rc != 0) {
		db_close(&d);
		return err_set(e, REFUSAL_storage, "%s: %s", folder, mdb_strerror(rc));
	}
	*out = d;
	return true;
}

void
db_close(struct db **dp)
{
	struct db	*d = *dp;

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
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->some);
	free(d);
	*dp = NULL;
}
