/* kv_upgrade — opens a store, made of one of an older version; see kv_upgrade.h. */
#include "common/store/kv_upgrade.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/store/db.h"

#define BATCH_STEPS  1000
#define BATCH_OCTETS (16 << 20)
#define RESERVE_MORE ((uint64_t)16 << 20) /* that db keeps free on the disk, at most */
#define PATH_BYTES   4200

struct kv_upgrade {
	const struct kv_upgrade_plan *plan;
	const struct kv_opening *opening;
	const char *made;
	struct db *old;
	struct db_txn *txn;
	struct kv *kv;
	uint64_t taken, all, lost;
	/* of the batch */
	size_t octets, n;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t waiting;
	struct err why; /* the first refusal */
};

struct kv *
kv_upgrade_kv(const struct kv_upgrade *u)
{
	return u->kv;
}

const char *
kv_upgrade_folder(const struct kv_upgrade *u)
{
	return u->opening->folder;
}

const char *
kv_upgrade_made(const struct kv_upgrade *u)
{
	return u->made;
}

uint64_t
kv_upgrade_size(const struct kv_upgrade *u)
{
	return u->opening->size;
}

uint64_t
kv_upgrade_used(const struct kv_upgrade *u)
{
	struct db_counts c;

	db_counts(u->old, &c);
	return c.used_bytes;
}

struct db_txn *
kv_upgrade_old(const struct kv_upgrade *u)
{
	return u->txn;
}

/* -- steps --------------------------------------------------------------------------------------------- */

bool
kv_upgrade_fail(struct kv_upgrade *u, const struct err *e)
{
	pthread_mutex_lock(&u->lock);
	if (u->why.why == REFUSAL_NONE)
		u->why = *e;
	pthread_mutex_unlock(&u->lock);
	return false;
}

static void
step_done(void *arg, const struct err *e)
{
	struct kv_upgrade_step *s = arg;
	struct kv_upgrade *u = s->of;

	if (e != NULL)
		kv_upgrade_fail(u, e);
	s->clear(s);
	pthread_mutex_lock(&u->lock);
	if (--u->waiting == 0)
		pthread_cond_signal(&u->changed);
	pthread_mutex_unlock(&u->lock);
}

static bool
apply_step(struct kv_txn *t, void *arg, struct err *e)
{
	struct kv_upgrade_step *s = arg;

	return s->apply(t, s->arg, e);
}

bool
kv_upgrade_wait(struct kv_upgrade *u)
{
	bool good;

	pthread_mutex_lock(&u->lock);
	while (u->waiting > 0)
		pthread_cond_wait(&u->changed, &u->lock);
	good = u->why.why == REFUSAL_NONE;
	pthread_mutex_unlock(&u->lock);
	u->n = u->octets = 0;
	return good;
}

static bool
may_go_on(struct kv_upgrade *u)
{
	struct err e;

	if (u->opening->stops == NULL || !u->opening->stops(u->opening->arg))
		return true;
	log_fact(LOG_INFO, "store.migrating", "%s=%" PRIu64 " all=%" PRIu64 " stopped=yes",
	    u->plan->unit, u->taken, u->all);
	err_word(&e, REFUSAL_closing);
	return kv_upgrade_fail(u, &e);
}

bool
kv_upgrade_take(struct kv_upgrade *u, struct kv_upgrade_step *s)
{
	struct err e;

	s->of = u;
	s->op = (struct kv_op) {
		.part = s->part,
		.apply = apply_step,
		.done = step_done,
		.arg = s,
		.octets = s->octets,
	};
	u->n++;
	u->octets += s->octets;
	pthread_mutex_lock(&u->lock);
	u->waiting++;
	pthread_mutex_unlock(&u->lock);
	if (!kv_take(u->kv, &s->op, &e))
		step_done(s, &e);
	return (u->n < BATCH_STEPS && u->octets < BATCH_OCTETS) ||
	    (kv_upgrade_wait(u) && may_go_on(u));
}

void
kv_upgrade_lose(struct kv_upgrade *u, uint64_t n)
{
	u->lost += n;
}

bool
kv_upgrade_get(struct kv_upgrade *u, unsigned table, struct span key, struct span *value)
{
	struct err e;

	if (db_get(u->txn, table, key, value))
		return true;
	if (db_fault(u->txn, &e))
		u->lost++;
	return false;
}

static void
log_progress(const struct kv_upgrade *u)
{
	log_fact(LOG_INFO, "store.migrating", "%s=%" PRIu64 " all=%" PRIu64, u->plan->unit,
	    u->taken, u->all);
}

void
kv_upgrade_count(struct kv_upgrade *u)
{
	if (++u->taken % BATCH_STEPS == 0)
		log_progress(u);
}

/* -- files --------------------------------------------------------------------------------------------- */

static void
remove_folder(const char *folder, const char *name)
{
	char path[PATH_BYTES + 64];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), d->d_name, 0); /* no folder */
	closedir(dir);
	rmdir(path);
}

void
kv_upgrade_remove_old(const char *folder, const struct kv_upgrade_plan *plan)
{
	static const char *const files[] = { "held", "lock.mdb", "data.mdb" };
	char path[PATH_BYTES + 64];

	remove_folder(folder, plan->bodies);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		unlink(path);
	}
}

static bool
sync_folder(const char *folder, struct err *e)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (!good)
		err_set_errno(e, REFUSAL_storage, errno, "%s", folder);
	if (fd >= 0)
		close(fd);
	return good;
}

static bool
has_room(const struct kv_upgrade *u, uint64_t needed, struct err *e)
{
	const char *folder = u->opening->folder;
	struct statvfs v;
	uint64_t has;

	if (statvfs(folder, &v) != 0)
		return true;
	has = (uint64_t)v.f_bavail * v.f_frsize;
	return has >= needed ||
	    err_set(e, REFUSAL_system_full,
		"the store in %s is to be migrated: that needs %" PRIu64
		" free octets on this disk until the first stop, and there are %" PRIu64
		"; free %" PRIu64 " more, and start again",
		folder, needed, has, needed - has);
}

/* -- the whole ------------------------------------------------------------------------------------------- */

static bool
copy_all(struct kv_upgrade *u, struct err *e)
{
	bool good;

	u->all = db_entries(u->txn, u->plan->counted);
	log_progress(u);
	good = may_go_on(u) && u->plan->copy(u, u->opening->offload, e);
	if (!kv_upgrade_wait(u)) {
		*e = u->why;
		good = false;
	}
	u->lost += db_passed_over(u->txn);
	good = good && !db_fault(u->txn, e);
	if (good)
		log_fact(u->lost > 0 ? LOG_WARN : LOG_INFO, "store.migrated",
		    "%s=%" PRIu64 " unreadable=%" PRIu64, u->plan->unit, u->taken, u->lost);
	return good;
}

/* The new store is as large as that takes, and its reserve. */
static bool
make_store(struct kv_upgrade *u, struct err *e)
{
	uint64_t needed = u->plan->room(u), size = kv_upgrade_size(u);
	uint64_t room = needed + needed / 8 > size ? needed + needed / 8 : size;
	uint64_t reserve = DB_RESERVE(room) < RESERVE_MORE ? DB_RESERVE(room) : RESERVE_MORE;
	bool good;

	good = has_room(u, needed + reserve, e) &&
	    kv_lmdb_open(u->made, room, u->plan->schema, &u->kv, e) && copy_all(u, e);
	kv_close(&u->kv);
	return good;
}

/* Fills `made` from the old store. */
static bool
fill(const struct kv_opening *o, const struct kv_upgrade_plan *plan, struct db *old,
    const char *made, struct err *e)
{
	struct kv_upgrade u = {
		.plan = plan,
		.opening = o,
		.made = made,
		.old = old,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	bool good;

	kv_upgrade_remove_old(made, plan);
	if (!db_read(old, &u.txn, e))
		return false;
	good = make_store(&u, e);
	db_read_end(&u.txn);
	return good;
}

static bool
upgrade(const struct kv_opening *o, const struct kv_upgrade_plan *plan, const char *here,
    struct err *e)
{
	char made[PATH_BYTES];
	struct db *old;
	bool good, is_there;

	snprintf(made, sizeof made, "%s/store.new", o->folder);
	if (!db_open(o->folder, o->size, plan->tables, plan->n_tables, &old, e))
		return false;
	is_there = access(here, F_OK) == 0;
	good = is_there || fill(o, plan, old, made, e);
	if (good && !is_there && rename(made, here) != 0)
		good = err_set_errno(e, REFUSAL_storage, errno, "%s", here);
	good = good && sync_folder(o->folder, e);
	if (good && plan->settle != NULL)
		good = plan->settle(o->folder, e) && sync_folder(o->folder, e);
	db_close(&old);
	return good;
}

static bool
make_private(const char *folder, struct err *e)
{
	struct stat st;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return err_set_errno(e, REFUSAL_storage, errno, "%s", folder);
	if (stat(folder, &st) != 0 || ((st.st_mode & 077) != 0 && chmod(folder, 0700) != 0))
		return err_set_errno(e, REFUSAL_config, errno, "%s cannot be closed to others",
		    folder);
	return true;
}

bool
kv_upgrade_open(const struct kv_opening *o, const struct kv_upgrade_plan *plan, struct kv **out,
    bool *is_old, struct err *e)
{
	char here[PATH_BYTES], old[PATH_BYTES];

	snprintf(here, sizeof here, "%s/store", o->folder);
	snprintf(old, sizeof old, "%s/data.mdb", o->folder);
	if (!make_private(o->folder, e))
		return false;
	*is_old = access(old, F_OK) == 0;
	if (*is_old &&
	    (access(here, F_OK) != 0 ||
		(plan->is_unsettled != NULL && plan->is_unsettled(o->folder))) &&
	    !upgrade(o, plan, here, e))
		return false;
	return kv_lmdb_open(here, o->size, plan->schema, out, e);
}
