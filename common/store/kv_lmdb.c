/* kv_lmdb — see kv_lmdb.h.  One table has the rows of all partitions, another one the stored effects. */
#include "common/store/kv_lmdb.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/store/db.h"
#include "common/store/kv_private.h"

#define RETRY_MS 10000
/* Of what is stuck a transaction tries so many pairs, and the next one does not come at once: others commit. */
#define STUCK_TRIES  128
#define STUCK_PAUSES 100 /* in retry_ms */
#define SET_OCTETS                                                                                 \
	(2 *                                                                                       \
	    KV_COMMIT_OCTETS) /* of what waits for the end of a transaction, and of what was refused */

enum { ROWS, PENDING, TABLES };

_Static_assert(KV_COMMIT_UNITS == DB_BATCH_WRITES && KV_COMMIT_OCTETS == DB_BATCH_BYTES &&
	KV_COMMIT_PAGES == DB_BATCH_PAGES,
    "a run that kv lets pass is admitted alone to a transaction");

struct lmdb {
	struct kv kv;          /* first */
	atomic_uint refs;      /* the store's, until it is closed, and one of each read under way */
	struct db *db;         /* NULL: closed */
	struct kv_run run;     /* of the writer's thread; its set is put when a transaction ends */
	struct db_write drain; /* of stored effects */
	bool draining;         /* on the writer's thread: it is queued */
	bool waiting;          /* ... it will be, by the alarm */
	bool more;             /* the drain that runs has left some for the next commit */
	bool stuck;            /* what this pass over all pairs has met cannot be applied */
	bool again;            /* more were stored since it began */
	struct kv_view_key from, next; /* where it goes on; n = 0: it begins, it is at its end */
	size_t most;                   /* effects that it applies */
	_Atomic int64_t retry_ms;
};

static struct lmdb *
lmdb_of(struct kv *k)
{
	return (struct lmdb *)(void *)k;
}

/* -- the view ------------------------------------------------------------------------------------------ */

static unsigned
table_of(struct span key)
{
	return key.n > 0 && (unsigned char)key.p[0] == KV_KIND_PENDING ? PENDING : ROWS;
}

static bool
view_get(void *view, struct span key, struct span *value)
{
	return db_get(view, table_of(key), key, value);
}

static void
view_each(void *view, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	db_each(view, table_of(prefix), from, prefix, fn, arg);
}

static void
view_each_key(void *view, struct span from, struct span prefix,
    bool (*fn)(void *arg, struct span key, struct span value), void *arg)
{
	db_each_key(view, table_of(prefix), from, prefix, fn, arg);
}

static bool
view_next_key(void *view, struct span from, struct span prefix, struct span *key)
{
	return db_next_key(view, table_of(prefix), from, prefix, key);
}

static bool
view_prev_key(void *view, struct span before, struct span prefix, struct span *key)
{
	return db_prev_key(view, table_of(prefix), before, prefix, key);
}

static bool
view_fault(void *view, struct err *e)
{
	return db_fault(view, e);
}

static void
view_pardon(void *view)
{
	db_pardon(view);
}

static bool
view_passed_over(void *view)
{
	return db_passed_over(view) > 0;
}

static bool
view_has_free(void *view, uint64_t octets)
{
	return db_has_free(view, octets);
}

static bool
view_has_pending(void *view)
{
	return db_entries(view, PENDING) > 0;
}

static uint64_t
view_stamp(void *view, const struct kv_part *part)
{
	(void)part;
	return db_stamp(view);
}

static const struct kv_view view = {
	.get = view_get,
	.each = view_each,
	.each_key = view_each_key,
	.next_key = view_next_key,
	.prev_key = view_prev_key,
	.fault = view_fault,
	.pardon = view_pardon,
	.passed_over = view_passed_over,
	.has_free = view_has_free,
	.has_pending = view_has_pending,
	.stamp = view_stamp,
};

/* -- commits ------------------------------------------------------------------------------------------- */

/* The runs of one transaction share a write set, so a row that each of them changes is put once, and the rows of all
 * are put in the order of their keys.  A run reads what those before it have put from the set. */

static void
begin_commit(void *arg)
{
	struct lmdb *m = arg;

	kv_run_begin(&m->run, NULL);
}

static void
put_rows(struct db_txn *t, void *arg)
{
	struct lmdb *m = arg;
	const struct kv_row *first = kv_set_first(&m->run.set), *row;

	for (row = first; row != NULL; row = kv_set_next(row))
		if (row->state == KV_ROW_DELETED)
			db_del(t, table_of(row->key), row->key);
	for (row = first; row != NULL; row = kv_set_next(row))
		if (row->state == KV_ROW_PUT)
			db_put(t, table_of(row->key), row->key, row->value);
	kv_set_reset(&m->run.set);
}

static struct kv_run *
begin_run(struct lmdb *m, struct db_txn *t)
{
	if (m->run.set.held > SET_OCTETS)
		db_put_late(t);
	kv_run_follow(&m->run, t);
	return &m->run;
}

/* False: *e, and nothing of the run is put.  writes: that it counts for. */
static bool
end_run(struct db_txn *t, struct kv_run *r, bool good, size_t writes, struct err *e)
{
	struct db_load load = { writes, r->set.load.octets, r->set.load.pages };

	if (good && !db_admit(t, &load))
		good = err_word(e,
		    REFUSAL_system_full); /* it is applied again in the next transaction */
	if (good)
		db_put_later(t, kv_set_changes(&r->set));
	else
		kv_run_undo(r);
	return good;
}

/* -- stored effects ------------------------------------------------------------------------------------ */

static bool
apply_drain(struct db_txn *t, void *arg, struct err *e)
{
	struct lmdb *m = arg;
	struct kv_run *r = begin_run(m, t);
	size_t stores = r->stores;

	r->most = m->most;
	r->tries = STUCK_TRIES;
	r->from = m->from;
	m->more = false;
	if (m->from.n == 0)
		m->stuck = m->again = false;
	m->next.n = 0;
	if (stores == 0 && !view_has_pending(t))
		return true;
	kv_run_pending(r);
	if (!end_run(t, r, true, r->units, e))
		return false;
	m->more = r->more;
	m->next = r->from;
	m->stuck = m->stuck || r->stuck;
	m->again = m->again || r->stores != stores;
	return true;
}

static void retry(void *arg);

static void
drain_in(struct lmdb *m, int64_t in_ms)
{
	m->waiting = true;
	db_alarm(m->db, in_ms, retry, m);
}

static void
drain_later(struct lmdb *m)
{
	m->stuck = true;
	if (!m->waiting && !m->draining)
		drain_in(m, m->retry_ms);
}

/* On the writer's thread, and when the store opens.  It may be done before the call returns.  A queue that is full
 * takes it later. */
static void
take_drain(struct lmdb *m)
{
	struct err e;

	if (m->draining)
		return;
	m->draining = true;
	if (db_write_take(m->db, &m->drain, &e))
		return;
	m->draining = false;
	drain_later(m);
}

/* More effects are stored.  A drain that is queued may have been applied already, by the transaction that has stored
 * them since, or be beyond them. */
static void
drain(struct lmdb *m)
{
	m->again = true;
	take_drain(m);
}

static void
retry(void *arg)
{
	struct lmdb *m = arg;

	m->waiting = false;
	take_drain(m);
}

/* What finds no space may find enough for less. */
static void
drained(void *arg, const struct err *e)
{
	struct lmdb *m = arg;

	m->draining = false;
	if (e != NULL) {
		m->most = m->most > 1 ? m->most / 2 : 1;
		drain_later(m);
		return;
	}
	m->most = m->most < KV_COMMIT_UNITS / 2 ? 2 * m->most : KV_COMMIT_UNITS;
	m->from = m->next;
	if (m->more || m->again)
		take_drain(m);
	else if (m->from.n > 0)
		drain_in(m, m->retry_ms / STUCK_PAUSES);
	else if (m->stuck)
		drain_later(m);
}

void
kv_lmdb_set_retry_ms(struct kv *k, int64_t retry_ms)
{
	lmdb_of(k)->retry_ms = retry_ms;
}

/* -- operations ------------------------------------------------------------------------------------------ */

struct told {
	struct kv_part to;
	struct kv_fact fact; /* its spans are in `octets` of the job */
	struct err why;
};

struct job {
	struct db_write write;
	struct lmdb *lmdb;
	struct kv_op *op;
	struct told *told;
	size_t n_told;
	struct buf octets;
};

static void
forget_told(struct job *j)
{
	free(j->told);
	j->told = NULL;
	j->n_told = 0;
	buf_clear(&j->octets);
}

static struct span
keep(struct job *j, struct span s)
{
	buf_add(&j->octets, s.p, s.n);
	return s;
}

/* The arena of the run is another run's when `done` runs. */
static void
keep_told(struct job *j, const struct kv_run *r)
{
	size_t at = 0;

	forget_told(j);
	if (r->n_told == 0)
		return;
	j->told = memory_array(r->n_told, sizeof *j->told);
	j->n_told = r->n_told;
	for (size_t i = 0; i < r->n_told; i++) {
		const struct kv_effect *f = &r->effects[r->told[i].effect];

		j->told[i] = (struct told) { f->to, f->fact, r->told[i].why };
		keep(j, f->fact.name);
		keep(j, f->fact.value);
	}
	for (size_t i = 0; i < r->n_told; i++) {
		struct kv_fact *f = &j->told[i].fact;

		f->name = span_sub(buf_span(&j->octets), at, f->name.n);
		f->value = span_sub(buf_span(&j->octets), at + f->name.n, f->value.n);
		at += f->name.n + f->value.n;
	}
}

static bool
apply(struct db_txn *t, void *arg, struct err *e)
{
	struct job *j = arg;
	struct kv_run *r = begin_run(j->lmdb, t);

	r->defers = j->write.last;
	forget_told(j);
	if (!end_run(t, r, kv_run_op(r, j->op, e), 1, e))
		return false;
	if (r->more)
		drain(j->lmdb);
	else if (r->stuck)
		drain_later(j->lmdb);
	keep_told(j, r);
	return true;
}

static void
finish(struct job *j, const struct err *e)
{
	struct kv_op *op = j->op;

	if (e == NULL && j->n_told > 0)
		e = &j->told[0].why;
	if (op->told != NULL)
		for (size_t i = 0; i < j->n_told; i++)
			op->told(op->arg, &j->told[i].to, &j->told[i].fact, &j->told[i].why);
	op->done(op->arg, e);
	forget_told(j);
	free(j);
}

static void
done(void *arg, const struct err *e)
{
	struct job *j = arg;

	if (e != NULL) /* of a run that did not count */
		forget_told(j);
	finish(j, e);
}

static struct job *
job_new(struct kv *k, struct kv_op *op)
{
	struct job *j = memory_new(sizeof *j);

	j->lmdb = lmdb_of(k);
	j->op = op;
	j->write = (struct db_write) { .apply = apply,
		.done = done,
		.arg = j,
		.home = op->home,
		.octets = op->octets,
		.frees = op->frees,
		.leaves = op->leaves };
	return j;
}

static bool
take_several(struct kv *k, struct kv_op *const *ops, size_t n, struct err *e)
{
	struct job *first = NULL, *j;
	struct db_write *next;

	for (size_t i = n; i-- > 0; first = j) {
		j = job_new(k, ops[i]);
		j->write.next = first == NULL ? NULL : &first->write;
	}
	if (n == 0 || db_writes_take(lmdb_of(k)->db, &first->write, e))
		return true;
	for (struct db_write *w = &first->write; w != NULL; w = next) {
		next = w->next;
		free(w->arg);
	}
	return false;
}

static bool
take(struct kv *k, struct kv_op *op, struct err *e)
{
	return take_several(k, &op, 1, e);
}

/* -- reads ------------------------------------------------------------------------------------------------ */

static void
drop(struct lmdb *m)
{
	if (atomic_fetch_sub(&m->refs, 1) > 1)
		return;
	kv_run_clear(&m->run);
	free(m);
}

/* The store may have been closed since. */
static void
look_now(void *arg)
{
	struct kv_look *l = arg;
	struct lmdb *m = lmdb_of(l->kv);
	struct db_txn *t;
	struct err e;

	if (m->db == NULL) {
		err_word(&e, REFUSAL_closing);
	} else if (db_read(m->db, &t, &e)) {
		kv_look_at(l->kv, &view, t, l, &e);
		db_read_end(&t);
	}
	l->done(l->arg, e.why == REFUSAL_NONE ? NULL : &e);
	drop(m);
}

static void
read_later(struct kv *k, struct kv_look *l)
{
	atomic_fetch_add(&lmdb_of(k)->refs, 1);
	loop_later(l->home, look_now, l);
}

/* -- the store --------------------------------------------------------------------------------------------- */

static bool
owns(struct kv *k, const struct kv_part *part, uint64_t *fence)
{
	(void)k;
	(void)part;
	*fence = 0;
	return true;
}

static void
share(struct kv *k, uint64_t (*beside)(void *arg), void *arg)
{
	db_share(lmdb_of(k)->db, beside, arg);
}

static void
counts(struct kv *k, struct kv_counts *out)
{
	struct db *db = lmdb_of(k)->db;
	struct db_counts c;
	struct db_txn *t;
	struct err e;

	db_counts(db, &c);
	*out = (struct kv_counts) { c.writes, c.commits, c.used_bytes, c.size_bytes, 0 };
	if (!db_read(db, &t, &e))
		return;
	out->pending = db_entries(t, PENDING);
	db_read_end(&t);
}

static void
close_store(struct kv *k)
{
	struct lmdb *m = lmdb_of(k);

	db_close(&m->db);
	drop(m);
}

static const struct kv_engine engine = {
	.close = close_store,
	.take = take,
	.take_several = take_several,
	.read = read_later,
	.owns = owns,
	.share = share,
	.counts = counts,
};

bool
kv_lmdb_open(const char *folder, uint64_t size, const struct kv_schema *schema, struct kv **out,
    struct err *e)
{
	static const char *const tables[TABLES] = { "rows", "effects" };
	struct lmdb *m = memory_new(sizeof *m);

	atomic_init(&m->refs, 1);
	kv_begin(&m->kv, &engine, schema);
	kv_run_init(&m->run, &m->kv, &view);
	m->drain = (struct db_write) { .apply = apply_drain,
		.done = drained,
		.arg = m,
		.frees = true };
	if (!db_open(folder, size, tables, TABLES, &m->db, e)) {
		close_store(&m->kv);
		return false;
	}
	db_set_late(m->db, &(struct db_late) { begin_commit, put_rows, m });
	m->most = KV_COMMIT_UNITS;
	m->retry_ms = RETRY_MS;
	drain(m);
	*out = &m->kv;
	return true;
}
