/* db_writer — the durable store's writer; see db.h.  db_open.c opens and closes; db_txn.c has transactions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/store/db_private.h"

#define READERS_CHECK   4096         /* commits between two checks for dead readers */
#define PUT_BYTES       4096         /* pages of the trees, beside a write's octets */
#define PUT_ALONE_BYTES (256 * 1024) /* the same for a write in a transaction of its own */
#define NEAR_FULL_BYTES (4 * (uint64_t)DB_BATCH_BYTES)

/* -- the writer ---------------------------------------------------------------------------------- */

static void
post_done(void *arg)
{
	struct db_write *w = arg;
	struct err why = w->why;

	w->done(w->arg, why.why == REFUSAL_NONE ? NULL : &why);
}

static void
finish(struct db_write *list)
{
	while (list != NULL) {
		struct db_write *w = list;

		list = w->next;
		if (w->home != NULL)
			loop_post(w->home, post_done, w);
		else
			post_done(w);
	}
}

/* Octets in pages below the high-water mark that are not in the free list.  LMDB shows the free list to
 * readings only. */
static uint64_t
used_in(struct db *d, MDB_txn *reading)
{
	MDB_stat stat;
	MDB_cursor *c;
	MDB_val k, v;
	uint64_t free_pages = 0;

	mdb_env_stat(d->env, &stat);
	if (mdb_cursor_open(reading, 0, &c) == 0) {
		while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0) {
			size_t n;

			memcpy(&n, v.mv_data, sizeof n);
			free_pages += n;
		}
		mdb_cursor_close(c);
	}
	return db_disk_used(d) - free_pages * stat.ms_psize;
}

/* For any thread. */
static uint64_t
used_bytes(struct db *d)
{
	struct db_txn *t;
	uint64_t used;
	struct err e;

	if (!db_read(d, &t, &e))
		return d->size;
	used = used_in(d, t->txn);
	db_read_end(&t);
	return used;
}

/* For the writer, also within its transaction: it needs no gate, since nobody else closes that. */
static uint64_t
used_for_writer(struct db *d)
{
	MDB_txn *reading;
	uint64_t used;

	if (mdb_txn_begin(d->env, NULL, MDB_RDONLY, &reading) != 0)
		return d->size;
	used = used_in(d, reading);
	mdb_txn_abort(reading);
	return used;
}

static uint64_t
beside_bytes(struct db *d)
{
	uint64_t (*beside)(void *arg);
	void *arg;

	pthread_mutex_lock(&d->lock);
	beside = d->beside;
	arg = d->beside_arg;
	pthread_mutex_unlock(&d->lock);
	return beside == NULL ? 0 : beside(arg);
}

/* Octets that writes without `frees` may still put.  Walks the free list only if the high-water mark is
 * near the reserve, or the disk is full. */
static uint64_t
room_left(struct db *d)
{
	uint64_t bound = d->size - DB_RESERVE(d->size), used = db_disk_used(d);
	uint64_t beside = beside_bytes(d), room;

	bound -= beside < bound ? beside : bound;
	if (d->disk_full || used + NEAR_FULL_BYTES > bound)
		used = used_for_writer(d);
	room = used < bound ? bound - used : 0;
	if (!d->disk_full)
		return room;
	bound = d->allocated - (d->disk_reserve < d->allocated ? d->disk_reserve : d->allocated);
	bound = used < bound ? bound - used : 0;
	return room < bound ? room : bound;
}

static bool
leaves_free(struct db *d, uint64_t used, uint64_t octets)
{
	uint64_t all = used + beside_bytes(d);

	return all <= d->size && d->size - all >= octets &&
	    (!d->disk_full || (used <= d->allocated && d->allocated - used >= octets));
}

bool
db_has_free(struct db_txn *t, uint64_t octets)
{
	struct db *d = t->db;

	if (leaves_free(d, db_disk_used(d), octets))
		return true;
	if (d->used == UINT64_MAX)
		d->used = used_for_writer(d);
	return leaves_free(d, d->used, octets);
}

/* Only this write is at fault, not the disk and not a lack of space. */
static bool
is_own(const struct db_txn *t)
{
	return t->damaged || t->torn || t->rc == MDB_BAD_VALSIZE;
}

static int
commit(struct db_txn *t)
{
	int rc = t->rc;

	db_cursor_end(t);
	if (rc == 0)
		rc = mdb_txn_commit(t->txn);
	else
		mdb_txn_abort(t->txn);
	t->txn = NULL;
	if (rc != 0 && !db_is_full(rc) && !is_own(t))
		db_die("commit", rc);
	if (rc == 0) {
		pthread_mutex_lock(&t->db->lock);
		t->db->writes += t->writes;
		t->db->commits += t->changed;
		pthread_mutex_unlock(&t->db->lock);
	}
	return rc;
}

/* False: it would use the reserve. */
static bool
fits(const struct db_write *w, uint64_t *room, uint64_t least)
{
	uint64_t needs = w->octets + least;

	if (w->frees || !RULE(system_full))
		return true;
	if (needs > *room)
		return false;
	*room -= needs;
	return true;
}

/* A write that put something before it was refused fails the transaction, so that nothing of it is
 * committed with the others. */
static void
apply_one(struct db_txn *t, struct db_write *w)
{
	uint64_t changes = t->changes;

	if (w->apply(t, w->arg, &w->why)) {
		w->why.why = REFUSAL_NONE; /* set by a look-up that apply went on without */
		t->writes += t->changes != changes;
		t->puts = t->puts || (!w->frees && t->changes != changes);
		if (w->leaves > 0 && !w->leaves_enough) {
			db_put_late(t);
			db_leave(t, w->leaves);
			w->leaves_enough = t->rc == 0;
		}
		return;
	}
	if (t->postponed)
		return;
	if (w->why.why == REFUSAL_NONE)
		err_word(&w->why, REFUSAL_storage);
	if (t->changes != changes && t->rc == 0) {
		t->rc = MDB_BAD_TXN;
		t->torn = true;
	}
}

/* Whatever was put: the next write, which may be one that frees, can have so much at once. */
static void
leave_reserve(struct db_txn *t, bool *left)
{
	const struct db *d = t->db;

	if (*left || !d->near_full || !t->puts || t->trial || t->rc != 0)
		return;
	db_leave(t, (d->disk_full ? d->disk_reserve : DB_RESERVE(d->size)) / 2);
	*left = t->rc == 0;
}

/* True: it was a trial, and is to be begun again.  left: the reserve was looked at.  *rest: the first write that
 * is for the next transaction. */
static bool
apply_list(struct db_txn *t, struct db_write *list, uint64_t *room, bool *left,
    struct db_write **rest)
{
	struct db *d = t->db;
	int rc = mdb_txn_begin(d->env, NULL, 0, &t->txn);

	if (rc != 0)
		db_die("begin", rc);
	*rest = NULL;
	if (d->late.begin != NULL)
		d->late.begin(d->late.arg);
	for (struct db_write *w = list; w != NULL && t->rc == 0 && !t->trial; w = w->next) {
		w->why.why = REFUSAL_NONE;
		if (!fits(w, room, d->disk_full ? PUT_ALONE_BYTES : PUT_BYTES))
			err_word(&w->why, REFUSAL_system_full);
		else
			apply_one(t, w);
		if (t->postponed) {
			*rest = w;
			break;
		}
	}
	if (!t->trial)
		db_put_late(t);
	leave_reserve(t, left);
	if (t->rc != 0 || !t->trial)
		return false;
	db_cursor_end(t);
	mdb_txn_abort(t->txn);
	return true;
}

/* Applies the list, up to *rest, in one transaction.  0: each write is durable, or refused by its `why`. */
static int
apply_all(struct db *d, struct db_write *list, uint64_t *room, struct db_write **rest)
{
	uint64_t before = *room;
	struct db_txn t = { .db = d };
	bool left = false;

	while (apply_list(&t, list, room, &left, rest)) {
		t = (struct db_txn) { .db = d };
		*room = before;
	}
	return commit(&t);
}

/* The same; lets the file grow and tries again while that helps. */
static int
apply_growing(struct db *d, struct db_write *list, uint64_t *room, struct db_write **rest)
{
	uint64_t left = *room;
	int rc = apply_all(d, list, room, rest);

	while (rc == MDB_MAP_FULL && db_disk_step(d)) {
		*room = left;
		rc = apply_all(d, list, room, rest);
	}
	return rc;
}

/* Applies each write in a transaction of its own, so that only those at fault are refused. */
static void
apply_singly(struct db *d, struct db_write *list)
{
	uint64_t room = room_left(d);

	while (list != NULL) {
		struct db_write *w = list, *rest;
		int rc;

		list = w->next;
		w->next = NULL;
		rc = apply_growing(d, w, &room, &rest);
		if (rc == MDB_MAP_FULL) {
			db_disk_settle(d);
			room = room_left(d);
			rc = apply_growing(d, w, &room, &rest);
		}
		if (rc == MDB_MAP_FULL && w->frees && w->leaves == 0) {
			w->last = true;
			rc = apply_growing(d, w, &room, &rest);
		}
		if (db_is_full(rc))
			err_word(&w->why, REFUSAL_system_full);
		else if (rc != 0 && w->why.why == REFUSAL_NONE)
			db_damaged(&w->why);
		finish(w);
	}
}

/* Cuts the list before *rest, which goes back to the front of the queue. */
static void
give_back(struct db *d, struct db_write *list, struct db_write *rest)
{
	struct db_write **end = &rest;

	if (rest == NULL)
		return;
	while (list->next != rest)
		list = list->next;
	list->next = NULL;
	pthread_mutex_lock(&d->lock);
	for (; *end != NULL; end = &(*end)->next)
		d->waiting.octets += (*end)->octets;
	*end = d->waiting.first;
	if (d->waiting.first == NULL)
		d->waiting.last = end;
	d->waiting.first = rest;
	pthread_mutex_unlock(&d->lock);
}

/* On a full disk each write has its own transaction: how much a batch needs is known only afterwards,
 * and might be the whole reserve. */
static void
apply_batch(struct db *d, struct db_write *list, uint64_t octets)
{
	bool roomy = db_disk_ahead(d, octets);
	uint64_t room = room_left(d);
	struct db_write *rest;

	d->used = UINT64_MAX;
	d->near_full = room < octets + NEAR_FULL_BYTES;
	if (roomy && apply_growing(d, list, &room, &rest) == 0) {
		give_back(d, list, rest);
		finish(list);
	} else {
		apply_singly(d, list);
	}
}

/* -- the alarm ------------------------------------------------------------------------------------ */

void
db_alarm(struct db *d, int64_t in_ms, void (*fn)(void *arg), void *arg)
{
	d->alarm = fn;
	d->alarm_arg = arg;
	d->alarm_at_ms = clock_mono_ms() + in_ms;
}

static void
ring(struct db *d)
{
	void (*fn)(void *arg) = d->alarm;

	if (fn == NULL || clock_mono_ms() < d->alarm_at_ms)
		return;
	d->alarm = NULL;
	fn(d->alarm_arg);
}

/* With the lock, and without it while the alarm rings: until there are writes, or the store closes. */
static void
wait_for_some(struct db *d)
{
	while (d->waiting.first == NULL && !d->closing) {
		struct timespec until = { (time_t)(d->alarm_at_ms / 1000),
			(long)(d->alarm_at_ms % 1000) * 1000000 };

		if (d->alarm == NULL) {
			pthread_cond_wait(&d->some, &d->lock);
		} else if (pthread_cond_timedwait(&d->some, &d->lock, &until) == ETIMEDOUT) {
			pthread_mutex_unlock(&d->lock);
			ring(d);
			pthread_mutex_lock(&d->lock);
		}
	}
}

/* Waits for writes and takes at most a batch of them.  NULL: closing, and the queue is empty. */
static struct db_write *
take_batch(struct db *d, uint64_t *needs)
{
	struct db_write *list, **end;
	size_t octets = 0, n = 0;

	pthread_mutex_lock(&d->lock);
	wait_for_some(d);
	list = d->waiting.first;
	end = &list;
	for (; *end != NULL && n < DB_BATCH_WRITES &&
	     (n == 0 || octets + (*end)->octets <= DB_BATCH_BYTES);
	     n++) {
		octets += (*end)->octets;
		end = &(*end)->next;
	}
	d->waiting.first = *end;
	*end = NULL;
	if (d->waiting.first == NULL)
		d->waiting.last = &d->waiting.first;
	d->waiting.octets -= octets;
	*needs = 2 * (uint64_t)octets + n * PUT_BYTES + PUT_ALONE_BYTES;
	pthread_mutex_unlock(&d->lock);
	return list;
}

void *
db_write_on(void *arg)
{
	struct db *d = arg;
	struct db_write *list;
	uint64_t needs;
	size_t commits = 0;
	int dead;

	while ((list = take_batch(d, &needs)) != NULL) {
		apply_batch(d, list, needs);
		ring(d);
		if (++commits % READERS_CHECK == 0)
			mdb_reader_check(d->env, &dead);
	}
	return NULL;
}

bool
db_write_take(struct db *d, struct db_write *w, struct err *e)
{
	w->next = NULL;
	return db_writes_take(d, w, e);
}

bool
db_writes_take(struct db *d, struct db_write *list, struct err *e)
{
	struct db_write *last = list;
	size_t octets = 0;
	bool first;

	for (struct db_write *w = list; w != NULL; w = w->next) {
		w->db = d;
		w->leaves_enough = w->last = false;
		octets += w->octets;
		last = w;
	}
	pthread_mutex_lock(&d->lock);
	if (d->closing || d->waiting.octets > DB_QUEUE_BYTES) {
		pthread_mutex_unlock(&d->lock);
		return err_word(e, REFUSAL_too_many_outstanding);
	}
	first = d->waiting.first == NULL;
	*d->waiting.last = list;
	d->waiting.last = &last->next;
	d->waiting.octets += octets;
	pthread_mutex_unlock(&d->lock);
	if (first)
		pthread_cond_signal(&d->some);
	return true;
}

void
db_counts(struct db *d, struct db_counts *out)
{
	pthread_mutex_lock(&d->lock);
	*out = (struct db_counts) { d->writes, d->commits, 0, d->size };
	pthread_mutex_unlock(&d->lock);
	out->used_bytes = used_bytes(d) + beside_bytes(d);
}

void
db_set_late(struct db *d, const struct db_late *late)
{
	d->late = *late;
}

void
db_share(struct db *d, uint64_t (*beside)(void *arg), void *arg)
{
	pthread_mutex_lock(&d->lock); /* kv's writer may be at work already */
	d->beside = beside;
	d->beside_arg = arg;
	pthread_mutex_unlock(&d->lock);
}
