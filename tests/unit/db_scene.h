/* db_scene — a store, its writes and what came of them; after <cmocka.h>. */
#ifndef TESTS_UNIT_DB_SCENE_H
#define TESTS_UNIT_DB_SCENE_H

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/memory.h"
#include "common/loop/loop.h"
#include "common/store/db.h"
#include "tests/temp.h"

#define SIZE ((uint64_t)64 << 20)

enum { T_ONE, T_TWO, TABLES };
static const char *const tables[TABLES] = { "one", "two" };

struct world {
	char folder[128];
	uint64_t size;
	struct db *db;
	struct loop *loop;
	unsigned waiting;
};

/* -- a write, and what came of it ------------------------------------------------------------- */

enum act { PUT, DEL, JUDGE, LOOK, TORN, WRONG_KEY, NOTHING };

struct op {
	struct db_write write;
	struct world *world;
	enum act act;
	char key[64];
	struct buf value;
	unsigned runs; /* of apply */
	bool done;
	enum refusal why;
	pthread_mutex_t *gate; /* apply waits for it */
};

static inline bool
apply(struct db_txn *t, void *arg, struct err *e)
{
	struct op *o = arg;

	o->runs++;
	if (o->gate != NULL) {
		pthread_mutex_lock(o->gate);
		pthread_mutex_unlock(o->gate);
	}
	if (o->act == JUDGE)
		return err_word(e, REFUSAL_id_conflict);
	if (o->act == NOTHING)
		return true;
	if (o->act == LOOK)
		err_word(e, REFUSAL_unknown_id); /* and goes on without it */
	if (o->act == WRONG_KEY)
		db_put(t, T_ONE, (struct span) { 0 }, buf_span(&o->value));
	else if (o->act == DEL)
		db_del(t, T_ONE, span_str(o->key));
	else
		db_put(t, T_ONE, span_str(o->key),
		    o->value.len > 0 ? buf_span(&o->value) : (struct span) { 0 });
	if (o->act == TORN)
		return err_word(e, REFUSAL_duplicate);
	return !db_fault(t, e);
}

static inline void
done(void *arg, const struct err *e)
{
	struct op *o = arg;

	assert_false(o->done);
	o->done = true;
	o->why = e == NULL ? REFUSAL_NONE : e->why;
	if (--o->world->waiting == 0)
		loop_stop(o->world->loop);
}

static inline void
submit_claiming(struct world *w, struct op *o, enum act act, const char *key, size_t n,
    size_t octets)
{
	struct err e;

	*o = (struct op) { .world = w, .act = act };
	snprintf(o->key, sizeof o->key, "%s", key);
	memset(buf_room(&o->value, n + 1), 'v', n);
	o->value.len = n;
	o->write = (struct db_write) { .apply = apply,
		.done = done,
		.arg = o,
		.home = w->loop,
		.octets = octets,
		.frees = act == DEL };
	w->waiting++;
	assert_true(db_write_take(w->db, &o->write, &e));
}

static inline void
submit(struct world *w, struct op *o, enum act act, const char *key, size_t n)
{
	submit_claiming(w, o, act, key, n, n);
}

static inline void
wait_all(struct world *w)
{
	if (w->waiting > 0)
		loop_run(w->loop);
}

static inline enum refusal
now(struct world *w, enum act act, const char *key, size_t n)
{
	struct op o;

	submit(w, &o, act, key, n);
	wait_all(w);
	assert_true(o.done);
	buf_clear(&o.value);
	return o.why;
}

/* The value's size; -1: not there; -2: a fault. */
static inline long
look(struct world *w, const char *key)
{
	struct db_txn *t;
	struct span value;
	struct err e;
	long n = -1;

	assert_true(db_read(w->db, &t, &e));
	if (db_get(t, T_ONE, span_str(key), &value)) {
		n = (long)value.n;
	} else if (db_fault(t, &e)) {
		assert_int_equal(e.why, REFUSAL_storage);
		n = -2;
	}
	db_read_end(&t);
	return n;
}

/* -- worlds ------------------------------------------------------------------------------------ */

static inline void
reopen(struct world *w)
{
	struct err e;

	db_close(&w->db);
	if (!db_open(w->folder, w->size, tables, TABLES, &w->db, &e))
		fail_msg("%s", e.text);
}

static inline void
world_of(struct world *w, uint64_t size)
{
	struct err e;

	*w = (struct world) { .size = size };
	temp_name(w->folder, sizeof w->folder, "tillcalled-db-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	assert_true(loop_new(&w->loop, &e));
	reopen(w);
}

static inline void
world_clear(struct world *w)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "held" };
	char path[160];

	db_close(&w->db);
	loop_free(&w->loop);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", w->folder, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(w->folder), 0);
}

#endif
