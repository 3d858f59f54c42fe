/* store_migrate — the OMS's spool: opens the store, made of one of an older version; see store_private.h.
 *
 * Older versions had a file with nine tables in the folder itself.  The new store is made in a folder beside it,
 * letter by letter, and gets its name once it is whole and on the disk.  A crash before that begins anew.  The old
 * file stays until the store is closed in order for the first time.  So do the old files of bodies, in bodies.old;
 * those that a letter names get a second name in bodies.new, by which their letter is found, and bodies.new becomes
 * bodies after the store has its name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/store/db.h"
#include "common/store/kv_lmdb.h"
#include "oms/store/store_private.h"

#define BATCH_LETTERS 1000
#define BATCH_OCTETS  (16 << 20)
/* What the new store has more than the old one, at most about: rows by which letters are found, and what the last
 * commits have freed. */
#define LETTER_MORE   1024
#define DELIVERY_MORE 1024
#define COMMITS_MORE  ((uint64_t)8 << 20)
#define RESERVE_MORE  ((uint64_t)16 << 20) /* that db keeps free on the disk, at most */
#define NO_BOUND      (1U << 30)           /* of remembered domains */

static const char *const tables[OMS_OLD_TABLES] = {
	[OMS_OLD_LETTER] = "letter",
	[OMS_OLD_BODY] = "body",
	[OMS_OLD_DELIVERY] = "delivery",
	[OMS_OLD_TOKEN] = "token",
	[OMS_OLD_PEER] = "peer",
};

struct migration {
	struct oms_store *store;
	struct db *old;
	struct db_txn *txn; /* a reading of all of it */
	const char *folder;
	struct bodies *bodies; /* the new folder */
	bool (*stops)(void *arg);
	void *stops_arg;
	uint64_t letters, all, lost;
	/* of the batch */
	size_t octets, n;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t waiting;
	struct err why; /* the first refusal */
};

/* -- operations, waited for ------------------------------------------------------------------------------ */

struct step {
	struct kv_op op; /* first */
	struct migration *of;
	struct oms_taking taking;
	struct oms_remembering peer;
};

static void
step_done(void *arg, const struct err *e)
{
	struct step *s = arg;
	struct migration *m = s->of;

	pthread_mutex_lock(&m->lock);
	if (e != NULL && m->why.why == REFUSAL_NONE)
		m->why = *e;
	if (--m->waiting == 0)
		pthread_cond_signal(&m->changed);
	pthread_mutex_unlock(&m->lock);
	buf_clear(&s->taking.packed);
	free(s);
}

/* It ends the migration. */
static bool
cannot_go_on(struct migration *m, const struct err *e)
{
	pthread_mutex_lock(&m->lock);
	if (m->why.why == REFUSAL_NONE)
		m->why = *e;
	pthread_mutex_unlock(&m->lock);
	return false;
}

static bool
may_go_on(struct migration *m)
{
	struct err e;

	if (m->stops == NULL || !m->stops(m->stops_arg))
		return true;
	log_fact(LOG_INFO, "store.migrating", "letters=%llu all=%llu stopped=yes",
	    (unsigned long long)m->letters, (unsigned long long)m->all);
	err_word(&e, REFUSAL_closing);
	return cannot_go_on(m, &e);
}

static bool
wait_for_batch(struct migration *m)
{
	pthread_mutex_lock(&m->lock);
	while (m->waiting > 0)
		pthread_cond_wait(&m->changed, &m->lock);
	pthread_mutex_unlock(&m->lock);
	m->n = m->octets = 0;
	return m->why.why == REFUSAL_NONE;
}

static bool
take(struct migration *m, struct step *s, size_t octets)
{
	struct err e;

	s->of = m;
	s->op.done = step_done;
	s->op.arg = s;
	s->op.octets = octets;
	pthread_mutex_lock(&m->lock);
	m->waiting++;
	pthread_mutex_unlock(&m->lock);
	m->n++;
	m->octets += octets;
	if (!kv_take(m->store->kv, &s->op, &e))
		step_done(s, &e);
	return (m->n < BATCH_LETTERS && m->octets < BATCH_OCTETS) ||
	    (wait_for_batch(m) && may_go_on(m));
}

/* -- letters ------------------------------------------------------------------------------------------------ */

static bool
apply_letter(struct kv_txn *t, void *arg, struct err *e)
{
	return oms_take_letter(t, &((struct step *)arg)->taking, e);
}

static bool
take_letter(struct migration *m, const struct oms_old_letter *l)
{
	struct step *s = memory_new(sizeof *s);

	s->taking = (struct oms_taking) {
		.letter = l->record,
		.token_until_s = l->token_until_s,
		.again = true,
	};
	oms_letter_pack(&s->taking.packed, &l->record, l->body, l->deliveries, l->n_deliveries);
	s->op.part = oms_part_user(l->record.facts.user);
	s->op.apply = apply_letter;
	return take(m, s, s->taking.packed.len + 512);
}

/* The file gets the name that its letter is found by.  A file that is lost harms no other letter. */
static bool
adopt_file(struct migration *m, struct oms_letter_record *r, struct err *e)
{
	unsigned char attempt[BODY_ATTEMPT_MAX];
	char path[4200];

	snprintf(path, sizeof path, "%s/bodies/%s", m->folder, r->file);
	if (r->file[0] == '\0' || !hex_parse(span_str(r->file), attempt, sizeof attempt))
		return true;
	body_name(r->file, span_of(r->facts.id.b, ULID_BYTES), span_of(attempt, sizeof attempt));
	return (access(path, F_OK) != 0 && errno == ENOENT) ||
	    body_adopt(m->bodies, path, r->file, e);
}

static bool
copy_letter(struct migration *m, struct oms_old_letter *l)
{
	struct err e;

	if (!adopt_file(m, &l->record, &e))
		return cannot_go_on(m, &e);
	m->lost += l->lost;
	if (!take_letter(m, l))
		return false;
	if (++m->letters % BATCH_LETTERS == 0)
		log_fact(LOG_INFO, "store.migrating", "letters=%llu all=%llu",
		    (unsigned long long)m->letters, (unsigned long long)m->all);
	return true;
}

static bool
on_letter(void *arg, struct span key, struct span value)
{
	struct migration *m = arg;
	struct oms_old_letter l;
	bool good;

	if (!oms_old_letter_read(m->txn, key, value, clock_wall_ms() / 1000, &l)) {
		m->lost++;
		return true;
	}
	good = copy_letter(m, &l);
	oms_old_letter_clear(&l);
	return good;
}

/* -- remembered domains ------------------------------------------------------------------------------------- */

static bool
apply_peer(struct kv_txn *t, void *arg, struct err *e)
{
	return oms_remember(t, &((struct step *)arg)->peer, e);
}

static bool
on_peer(void *arg, struct span key, struct span value)
{
	struct migration *m = arg;
	struct reader r = reader_of(value);
	struct step *s = memory_new(sizeof *s);
	uint8_t version = read_u8(&r);

	s->peer.until_s = (int64_t)read_u64(&r);
	if (version > 1)
		s->peer.answered_s = (int64_t)read_u64(&r);
	if (version < 1 || version > 2 || !reader_done(&r) ||
	    !span_copy(key, s->peer.domain.text, sizeof s->peer.domain.text)) {
		m->lost++;
		free(s);
		return true;
	}
	s->peer.max = NO_BOUND;
	s->op.part = oms_part_peer(s->peer.domain.text);
	s->op.apply = apply_peer;
	return take(m, s, 512);
}

/* -- the whole ---------------------------------------------------------------------------------------------- */

static uint64_t
room_needed(struct migration *m)
{
	struct db_counts c;

	db_counts(m->old, &c);
	return c.used_bytes + COMMITS_MORE + LETTER_MORE * db_entries(m->txn, OMS_OLD_LETTER) +
	    DELIVERY_MORE * db_entries(m->txn, OMS_OLD_DELIVERY);
}

/* The old store stays beside the new one until the first stop in order.  The size that is configured is no bound: a
 * spool that was nearly full is full now. */
static bool
has_room(struct migration *m, uint64_t needed, struct err *e)
{
	struct statvfs v;
	uint64_t has;

	if (statvfs(m->folder, &v) != 0)
		return true;
	has = (uint64_t)v.f_bavail * v.f_frsize;
	return has >= needed ||
	    err_set(e, REFUSAL_system_full,
		"the store in %s is to be migrated: that needs %llu free octets on this disk until the first "
		"stop, and there are %llu; free %llu more, and start again",
		m->folder, (unsigned long long)needed, (unsigned long long)has,
		(unsigned long long)(needed - has));
}

static bool
copy_all(struct migration *m, struct err *e)
{
	bool fault;

	m->all = db_entries(m->txn, OMS_OLD_LETTER);
	log_fact(LOG_INFO, "store.migrating", "letters=0 all=%llu", (unsigned long long)m->all);
	if (may_go_on(m)) {
		db_each(m->txn, OMS_OLD_LETTER, (struct span) { 0 }, (struct span) { 0 }, on_letter,
		    m);
		db_each(m->txn, OMS_OLD_PEER, (struct span) { 0 }, (struct span) { 0 }, on_peer, m);
	}
	m->lost += db_passed_over(m->txn);
	fault = db_fault(m->txn, e);
	if (!wait_for_batch(m)) {
		*e = m->why;
		return false;
	}
	if (!fault)
		log_fact(m->lost > 0 ? LOG_WARN : LOG_INFO, "store.migrated",
		    "letters=%llu unreadable=%llu", (unsigned long long)m->letters,
		    (unsigned long long)m->lost);
	return !fault;
}

/* The new store is as large as that takes, and its reserve. */
static bool
make_store(struct migration *m, const char *made, uint64_t size, struct err *e)
{
	uint64_t needed = room_needed(m);
	uint64_t room = needed + needed / 8 > size ? needed + needed / 8 : size;
	uint64_t reserve = DB_RESERVE(room) < RESERVE_MORE ? DB_RESERVE(room) : RESERVE_MORE;
	char bodies[4200];
	bool good;

	snprintf(bodies, sizeof bodies, "%s/bodies.new", m->folder);
	good = has_room(m, needed + reserve, e) &&
	    kv_lmdb_open(made, room, &oms_schema, &m->store->kv, e) &&
	    bodies_open(bodies, size, NULL, &m->bodies, e) && copy_all(m, e) &&
	    oms_format_put(m->store->kv, e) && bodies_sync(m->bodies, e);
	bodies_free(&m->bodies);
	kv_close(&m->store->kv);
	return good;
}

static void
remove_files(const char *folder)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "held" };
	char path[4264];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		unlink(path);
	}
}

static void
remove_bodies(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *d;

	if (dir == NULL)
		return;
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			unlinkat(dirfd(dir), d->d_name, 0);
	closedir(dir);
	rmdir(folder);
}

/* The file of the store goes last: while it is there, the next start knows that there is something to remove. */
void
oms_store_remove_old(const char *folder)
{
	char bodies[4200];

	snprintf(bodies, sizeof bodies, "%s/bodies.old", folder);
	remove_bodies(bodies);
	remove_files(folder);
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

/* After the store has its name; a crash between leaves it to the next start. */
static bool
name_bodies(const char *folder, struct err *e)
{
	char here[4200], made[4200], old[4200];

	snprintf(here, sizeof here, "%s/bodies", folder);
	snprintf(made, sizeof made, "%s/bodies.new", folder);
	snprintf(old, sizeof old, "%s/bodies.old", folder);
	if (access(made, F_OK) != 0)
		return true;
	if ((rename(here, old) != 0 && errno != ENOENT) || rename(made, here) != 0)
		return err_set_errno(e, REFUSAL_storage, errno, "%s", here);
	return sync_folder(folder, e);
}

/* Fills `made` from the old store. */
static bool
fill(struct oms_store *s, struct db *old, const struct oms_store_opening *o, const char *made,
    struct err *e)
{
	struct migration m = {
		.store = s,
		.old = old,
		.folder = o->folder,
		.stops = o->stops,
		.stops_arg = o->arg,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	bool good;

	remove_files(made);
	if (!db_read(old, &m.txn, e))
		return false;
	good = make_store(&m, made, o->size, e);
	db_read_end(&m.txn);
	return good;
}

/* The old store is locked from before the first file is touched until the new one has its name: no other process can
 * be at the same. */
static bool
migrate(struct oms_store *s, const struct oms_store_opening *o, const char *here, struct err *e)
{
	struct db *old;
	char made[4200];
	bool good;

	snprintf(made, sizeof made, "%s/store.new", o->folder);
	if (!db_open(o->folder, o->size, tables, OMS_OLD_TABLES, &old, e))
		return false;
	good = access(here, F_OK) == 0 || fill(s, old, o, made, e);
	if (good && access(here, F_OK) != 0 && rename(made, here) != 0)
		good = err_set_errno(e, REFUSAL_storage, errno, "%s", here);
	good = good && sync_folder(o->folder, e) && name_bodies(o->folder, e);
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
oms_store_migrate(struct oms_store *s, const struct oms_store_opening *o, struct err *e)
{
	const char *folder = o->folder;
	char here[4200], old[4200], bodies[4200];
	bool is_old;

	snprintf(here, sizeof here, "%s/store", folder);
	snprintf(old, sizeof old, "%s/data.mdb", folder);
	if (!make_private(folder, e))
		return false;
	is_old = access(old, F_OK) == 0;
	snprintf(bodies, sizeof bodies, "%s/bodies.new", folder);
	if (is_old && (access(here, F_OK) != 0 || access(bodies, F_OK) == 0) &&
	    !migrate(s, o, here, e))
		return false;
	if (!kv_lmdb_open(here, o->size, &oms_schema, &s->kv, e))
		return false;
	if (is_old)
		snprintf(s->old, sizeof s->old, "%s", folder);
	return true;
}
