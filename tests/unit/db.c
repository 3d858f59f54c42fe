/* db — one writer, one commit for all that wait; what is refused alone; full, damaged, held. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
#include "tests/unit/full_scene.h"

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

static bool
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

static void
done(void *arg, const struct err *e)
{
	struct op *o = arg;

	assert_false(o->done);
	o->done = true;
	o->why = e == NULL ? REFUSAL_NONE : e->why;
	if (--o->world->waiting == 0)
		loop_stop(o->world->loop);
}

static void
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

static void
submit(struct world *w, struct op *o, enum act act, const char *key, size_t n)
{
	submit_claiming(w, o, act, key, n, n);
}

static void
wait_all(struct world *w)
{
	if (w->waiting > 0)
		loop_run(w->loop);
}

static enum refusal
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
static long
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

static void
reopen(struct world *w)
{
	struct err e;

	db_close(&w->db);
	if (!db_open(w->folder, w->size, tables, TABLES, &w->db, &e))
		fail_msg("%s", e.text);
}

static void
world_of(struct world *w, uint64_t size)
{
	struct err e;

	*w = (struct world) { .size = size };
	temp_name(w->folder, sizeof w->folder, "tillcalled-db-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	assert_true(loop_new(&w->loop, &e));
	reopen(w);
}

static void
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

/* -- tests --------------------------------------------------------------------------------------- */

static void
what_was_acknowledged_is_there_after_a_restart(void **state)
{
	struct world w;

	(void)state;
	world_of(&w, SIZE);
	assert_int_equal(now(&w, PUT, "a", 100), REFUSAL_NONE);
	assert_int_equal(now(&w, PUT, "b", 0), REFUSAL_NONE);
	assert_int_equal(now(&w, PUT, "big", 200000), REFUSAL_NONE);
	assert_int_equal(now(&w, PUT, "c", 5), REFUSAL_NONE);
	assert_int_equal(now(&w, DEL, "c", 0), REFUSAL_NONE);
	assert_int_equal(now(&w, DEL, "never", 0), REFUSAL_NONE);
	reopen(&w);
	assert_int_equal(look(&w, "a"), 100);
	assert_int_equal(look(&w, "b"), 0);
	assert_int_equal(look(&w, "big"), 200000);
	assert_int_equal(look(&w, "c"), -1);
	world_clear(&w);
}

static void
folder_and_files_are_ours_alone(void **state)
{
	struct world w;
	struct stat st;
	struct db *second;
	struct err e;
	char path[160];

	(void)state;
	world_of(&w, SIZE);
	assert_int_equal(stat(w.folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	snprintf(path, sizeof path, "%s/data.mdb", w.folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_false(db_open(w.folder, SIZE, tables, TABLES, &second, &e));
	assert_int_equal(e.why, REFUSAL_config);
	db_close(&w.db);
	assert_int_equal(chmod(w.folder, 0755), 0);
	reopen(&w);
	assert_int_equal(stat(w.folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	world_clear(&w);
}

static void
what_changes_nothing_is_no_write(void **state)
{
	struct world w;
	struct db_counts before, c;

	(void)state;
	world_of(&w, SIZE);
	db_counts(w.db, &before);
	assert_int_equal(now(&w, NOTHING, "a", 1), REFUSAL_NONE);
	db_counts(w.db, &c);
	assert_int_equal(c.writes, before.writes);
	assert_int_equal(c.commits, before.commits);
	assert_int_equal(now(&w, PUT, "a", 1), REFUSAL_NONE);
	db_counts(w.db, &c);
	assert_int_equal(c.writes, before.writes + 1);
	world_clear(&w);
}

#define MANY 5000

static void
many_writes_share_a_commit(void **state)
{
	struct world w;
	struct op *o = memory_array(MANY, sizeof *o);
	struct db_counts before, c;
	char key[32];

	(void)state;
	world_of(&w, SIZE);
	db_counts(w.db, &before);
	for (int i = 0; i < MANY; i++) {
		snprintf(key, sizeof key, "%08d", i);
		submit(&w, &o[i], PUT, key, 50);
	}
	wait_all(&w);
	db_counts(w.db, &c);
	assert_int_equal(c.writes - before.writes, MANY);
	assert_true(c.commits - before.commits <= MANY / 10);
	assert_true(c.commits - before.commits >= MANY / DB_BATCH_WRITES);
	assert_true(c.used_bytes > 0 && c.used_bytes < c.size_bytes);
	for (int i = 0; i < MANY; i++) {
		assert_true(o[i].done && o[i].why == REFUSAL_NONE && o[i].runs == 1);
		buf_clear(&o[i].value);
	}
	free(o);
	world_clear(&w);
}

static void
a_write_is_refused_alone(void **state)
{
	struct world w;
	struct op o[64];
	char key[32];

	(void)state;
	world_of(&w, SIZE);
	for (int i = 0; i < 64; i++) {
		snprintf(key, sizeof key, "%08d", i);
		submit(&w, &o[i], i % 3 == 1 ? JUDGE : PUT, key, 50);
	}
	wait_all(&w);
	reopen(&w);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(o[i].why, i % 3 == 1 ? REFUSAL_id_conflict : REFUSAL_NONE);
		assert_int_equal(look(&w, o[i].key), i % 3 == 1 ? -1 : 50);
		buf_clear(&o[i].value);
	}
	world_clear(&w);
}

/* Refused after its first put, or with a key that cannot be one: nothing of it is committed, and
 * the others are not touched by it. */
static void
a_torn_write_is_not_committed(void **state)
{
	static const enum refusal want[] = {
		REFUSAL_NONE,
		REFUSAL_duplicate,
		REFUSAL_storage,
		REFUSAL_NONE,
	};
	struct world w;
	struct op o[4];

	(void)state;
	world_of(&w, SIZE);
	submit(&w, &o[0], PUT, "a", 10);
	submit(&w, &o[1], TORN, "b", 10);
	submit(&w, &o[2], WRONG_KEY, "c", 10);
	submit(&w, &o[3], PUT, "d", 10);
	wait_all(&w);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(o[i].why, want[i]);
		assert_int_equal(look(&w, o[i].key), want[i] == REFUSAL_NONE ? 10 : -1);
		buf_clear(&o[i].value);
	}
	world_clear(&w);
}

/* What apply looked for and did not find is no refusal once it says true. */
static void
true_is_true(void **state)
{
	struct world w;

	(void)state;
	world_of(&w, SIZE);
	assert_int_equal(now(&w, LOOK, "a", 10), REFUSAL_NONE);
	assert_int_equal(look(&w, "a"), 10);
	world_clear(&w);
}

static uint64_t
beside(void *arg)
{
	return *(const uint64_t *)arg;
}

/* Letters' files count like what is in the map; what frees room is taken all the same. */
static void
what_is_beside_the_map_counts(void **state)
{
	struct world w;
	struct db_counts before, c;
	uint64_t octets = 0;

	(void)state;
	world_of(&w, SIZE);
	db_counts(w.db, &before);
	db_share(w.db, beside, &octets);
	assert_int_equal(now(&w, PUT, "a", 1000), REFUSAL_NONE);
	octets = SIZE;
	assert_int_equal(now(&w, PUT, "b", 1000), REFUSAL_system_full);
	db_counts(w.db, &c);
	assert_true(c.used_bytes >= before.used_bytes + SIZE);
	assert_int_equal(now(&w, DEL, "a", 0), REFUSAL_NONE);
	octets = 0;
	assert_int_equal(now(&w, PUT, "b", 1000), REFUSAL_NONE);
	world_clear(&w);
}

/* Fills, deletes by the reserve, and fills again, without a restart. */
static void
a_full_map_refuses_puts_and_takes_deletes(void **state)
{
	struct world w;
	char key[32];
	int n[3] = { 0 };

	(void)state;
	world_of(&w, (uint64_t)6 << 20);
	for (int round = 0; round < 3; round++) {
		for (; n[round] < 10000; n[round]++) {
			snprintf(key, sizeof key, "%08d", n[round]);
			if (now(&w, PUT, key, 20000) == REFUSAL_system_full)
				break;
			assert_int_equal(look(&w, key), 20000);
		}
		assert_in_range(n[round], 100, 9000);
		for (int i = 0; i < n[round]; i++) {
			snprintf(key, sizeof key, "%08d", i);
			assert_int_equal(look(&w, key), 20000);
			assert_int_equal(now(&w, DEL, key, 0), REFUSAL_NONE);
		}
	}
	assert_in_range(n[2], n[0] * 8 / 10, n[0] + 10);
	world_clear(&w);
}

/* -- the reserve --------------------------------------------------------------------------------- */

#define STRIDE 1009 /* a prime: each key is in another page of the tree than the one before it */
#define SMALL  6000 /* rows that are there from the start */
#define ROWS   12   /* that one drop deletes, each in another page */
#define ALIKE  60   /* puts that wait at once */

struct stock {
	struct world w;
	struct db_write write;
	int taken; /* small rows that are deleted */
	int puts;
	atomic_uint drops;
	atomic_bool end;
	enum refusal why;
};

static bool
apply_drop(struct db_txn *t, void *arg, struct err *e)
{
	const struct stock *s = arg;
	char key[32];

	for (int i = s->taken; i < s->taken + ROWS; i++) {
		snprintf(key, sizeof key, "s%07d", (int)((long long)i * STRIDE % SMALL));
		db_del(t, T_ONE, span_str(key));
	}
	return !db_fault(t, e);
}

static void
dropped(void *arg, const struct err *e)
{
	struct stock *s = arg;

	s->why = e == NULL ? REFUSAL_NONE : e->why;
	if (--s->w.waiting == 0)
		loop_stop(s->w.loop);
}

/* As a DROP does it: a few rows here and there, each with a whole path of pages to copy. */
static void
drop(struct stock *s)
{
	struct err e;

	s->write = (struct db_write) { .apply = apply_drop,
		.done = dropped,
		.arg = s,
		.home = s->w.loop,
		.octets = 1024,
		.frees = true };
	s->w.waiting++;
	assert_true(db_write_take(s->w.db, &s->write, &e));
	wait_all(&s->w);
	if (s->why != REFUSAL_NONE)
		fail_msg("drop %d: %s", s->taken / ROWS, refusal_word(s->why));
	s->taken += ROWS;
	s->drops++;
}

/* Replaces so many small rows by larger ones, all of them waiting at once.  Returns how many were. */
static int
put_alike(struct stock *s, size_t octets)
{
	static struct op ops[ALIKE];
	char key[32];
	int n = 0;

	for (int i = 0; i < ALIKE; i++) {
		snprintf(key, sizeof key, "s%07d",
		    (int)((long long)(SMALL - 1 - s->puts++ % (SMALL / 2)) * STRIDE % SMALL));
		submit(&s->w, &ops[i], PUT, key, octets);
	}
	wait_all(&s->w);
	for (int i = 0; i < ALIKE; i++) {
		n += ops[i].why == REFUSAL_NONE;
		buf_clear(&ops[i].value);
	}
	return n;
}

static void
stock(struct stock *s, uint64_t size)
{
	struct op *ops = memory_array(SMALL, sizeof *ops);
	char key[32];

	*s = (struct stock) { .taken = 0 };
	world_of(&s->w, size);
	for (int i = 0; i < SMALL; i++) {
		snprintf(key, sizeof key, "s%07d", i);
		submit(&s->w, &ops[i], PUT, key, 200);
	}
	wait_all(&s->w);
	for (int i = 0; i < SMALL; i++) {
		assert_int_equal(ops[i].why, REFUSAL_NONE);
		buf_clear(&ops[i].value);
	}
	free(ops);
}

/* From large puts to small ones until each is refused, with a drop after each. */
static void
fill_and_drop(struct stock *s)
{
	static const size_t sizes[] = { 100000, 20000, 3000, 1000, 300 };
	char key[32];
	enum refusal why;

	for (int n = 0; s->taken < SMALL / 8; n++) {
		snprintf(key, sizeof key, "large-%05d", n);
		why = now(&s->w, PUT, key, 900000);
		drop(s);
		if (why == REFUSAL_system_full)
			break;
	}
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		do
			why = put_alike(s, sizes[i]) > 0 ? REFUSAL_NONE : REFUSAL_system_full;
		while ((drop(s), why == REFUSAL_NONE) && s->taken < (int)(SMALL / 8 + i * 400));
}

static void
a_drop_fits_whatever_was_put_before_it(void **state)
{
	struct stock s;

	(void)state;
	for (uint64_t mib = 5; mib <= 14; mib += 3) {
		stock(&s, mib << 20);
		fill_and_drop(&s);
		world_clear(&s.w);
	}
}

/* Keeps old pages while drops go on, and ends when they have come to a stop. */
static void *
read_long(void *arg)
{
	struct stock *s = arg;
	struct db_txn *t;
	struct err e;
	unsigned seen;

	while (!s->end) {
		assert_true(db_read(s->w.db, &t, &e));
		do {
			seen = s->drops;
			usleep(20000);
		} while (s->drops != seen);
		db_read_end(&t);
	}
	return NULL;
}

static void
a_drop_fits_while_another_reads(void **state)
{
	pthread_t thread;
	struct stock s;

	(void)state;
	stock(&s, (uint64_t)7 << 20);
	assert_int_equal(pthread_create(&thread, NULL, read_long, &s), 0);
	fill_and_drop(&s);
	while (s.taken < SMALL / 2)
		drop(&s);
	s.end = true;
	pthread_join(thread, NULL);
	world_clear(&s.w);
}

/* What one commit has freed is room for the next put, though nothing else is written between them. */
static void
what_was_freed_at_once_is_room(void **state)
{
	struct world w;

	(void)state;
	world_of(&w, (uint64_t)8 << 20);
	assert_int_equal(now(&w, PUT, "a", 6 << 20), REFUSAL_NONE);
	assert_int_equal(now(&w, PUT, "b", 6 << 20), REFUSAL_system_full);
	assert_int_equal(now(&w, DEL, "a", 0), REFUSAL_NONE);
	assert_int_equal(now(&w, PUT, "b", 6 << 20), REFUSAL_NONE);
	world_clear(&w);
}

/* -- a file system without a block left ----------------------------------------------------------- */

#define VALUE 240000 /* 59 pages */

/* How many were taken until one was refused for want of space. */
static int
put_until_full(struct world *w, int from)
{
	char key[32];
	enum refusal why;

	for (int n = from; n < 10000; n++) {
		snprintf(key, sizeof key, "%08d", n);
		if ((why = now(w, PUT, key, VALUE)) == REFUSAL_NONE)
			continue;
		assert_int_equal(why, REFUSAL_system_full);
		return n - from;
	}
	return 10000 - from;
}

static void
remove_keys(struct world *w, int from, int n)
{
	char key[32];

	for (int i = from; i < from + n; i++) {
		snprintf(key, sizeof key, "%08d", i);
		assert_int_equal(now(w, DEL, key, 0), REFUSAL_NONE);
		assert_int_equal(look(w, key), -1);
	}
}

static void
world_on(struct world *w, const struct full *f)
{
	struct err e;

	*w = (struct world) { .size = (uint64_t)1 << 30 };
	snprintf(w->folder, sizeof w->folder, "%s/db", f->disk);
	assert_true(loop_new(&w->loop, &e));
	reopen(w);
}

/* Fills by itself; is full because of others; space returns; all without a restart. */
static void
full_disk(enum full_kind kind)
{
	struct full f;
	struct world w;
	int n;

	full_mount(&f, kind);
	full_take(&f, 16 << 20);
	world_on(&w, &f);
	n = put_until_full(&w, 0);
	assert_in_range(n, 100, 230);
	full_fill(&f);
	assert_int_equal(now(&w, PUT, "more", VALUE), REFUSAL_system_full);
	assert_int_equal(look(&w, "00000000"), VALUE);
	remove_keys(&w, 0, 25);
	assert_int_equal(now(&w, PUT, "more", VALUE), REFUSAL_NONE); /* where the deleted were */
	assert_in_range(put_until_full(&w, 0), 10, 25);
	remove_keys(&w, 0, 10);
	reopen(&w); /* a full disk does not keep it from starting either */
	assert_int_equal(look(&w, "more"), VALUE);
	remove_keys(&w, n - 50, 50);
	assert_in_range(put_until_full(&w, n - 50), 25, 75);
	full_relieve(&f);
	assert_in_range(put_until_full(&w, 4000), 25, 100);
	assert_int_equal(look(&w, "more"), VALUE);
	world_clear(&w);
	full_unmount(&f);
}

static void
a_full_tmpfs_refuses_puts_and_takes_deletes(void **state)
{
	(void)state;
	full_disk(FULL_TMPFS);
}

static void
a_full_ext4_refuses_puts_and_takes_deletes(void **state)
{
	(void)state;
	full_disk(FULL_EXT4);
}

/* What others have taken while it was small: the reserve is there all the same. */
static void
others_fill_the_disk(void **state)
{
	(void)state;
	for (enum full_kind kind = 0; kind < FULL_KINDS; kind++) {
		struct full f;
		struct world w;

		full_mount(&f, kind);
		world_on(&w, &f);
		assert_int_equal(now(&w, PUT, "00000000", VALUE), REFUSAL_NONE);
		full_fill(&f);
		put_until_full(&w, 1);
		remove_keys(&w, 0, 1);
		reopen(&w);
		full_relieve(&f);
		assert_true(put_until_full(&w, 0) > 100);
		world_clear(&w);
		full_unmount(&f);
	}
}

/* A store whose file has holes, as an earlier version left it: it opens, and has its blocks then.  Where
 * the disk has none for the holes it does not start, and says why; a commit would meet them. */
static void
a_sparse_store_gets_its_blocks(void **state)
{
	struct full f;
	struct world w;
	struct stat st;
	char path[160];
	struct err e;

	(void)state;
	full_mount(&f, FULL_TMPFS);
	world_on(&w, &f);
	for (int i = 0; i < 8; i++)
		assert_int_equal(now(&w, PUT, i % 2 ? "odd" : "even", 1 << 20), REFUSAL_NONE);
	db_close(&w.db);
	full_shell("cd $1/disk/db; rm lock.mdb; cp --sparse=always data.mdb copy; mv copy data.mdb",
	    f.folder);
	full_fill(&f);
	assert_false(db_open(w.folder, w.size, tables, TABLES, &w.db, &e));
	assert_int_equal(e.why, REFUSAL_system_full);
	full_relieve(&f);
	reopen(&w);
	snprintf(path, sizeof path, "%s/data.mdb", w.folder);
	assert_int_equal(stat(path, &st), 0);
	assert_true((off_t)st.st_blocks * 512 >= st.st_size);
	assert_int_equal(look(&w, "odd"), 1 << 20);
	assert_int_equal(now(&w, PUT, "more", VALUE), REFUSAL_NONE);
	world_clear(&w);
	full_unmount(&f);
}

/* One that does not fit although it said it would: it alone is refused. */
static void
a_batch_that_does_not_fit_is_tried_singly(void **state)
{
	struct world w;
	struct op o[9];
	char key[32];

	(void)state;
	world_of(&w, (uint64_t)8 << 20);
	for (int i = 0; i < 9; i++) {
		snprintf(key, sizeof key, "%08d", i);
		submit_claiming(&w, &o[i], PUT, key, i == 4 ? (size_t)9 << 20 : 100, 100);
	}
	wait_all(&w);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(o[i].why, i == 4 ? REFUSAL_system_full : REFUSAL_NONE);
		assert_int_equal(look(&w, o[i].key), i == 4 ? -1 : 100);
		buf_clear(&o[i].value);
	}
	world_clear(&w);
}

static void
the_queue_is_bounded(void **state)
{
	struct world w;
	struct op o[2], more = { .act = PUT };
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	struct err e;

	(void)state;
	world_of(&w, SIZE);
	pthread_mutex_lock(&gate);
	o[0] = (struct op) { .world = &w, .act = PUT, .key = "held", .gate = &gate };
	o[0].write = (struct db_write) { .apply = apply,
		.done = done,
		.arg = &o[0],
		.home = w.loop };
	w.waiting = 1;
	assert_true(db_write_take(w.db, &o[0].write, &e));
	usleep(20000); /* the writer has it */
	submit(&w, &o[1], PUT, "much", 100);
	more.write.octets = DB_QUEUE_BYTES + 1;
	more.write.apply = apply;
	more.write.done = done;
	more.write.arg = &more;
	more.write.home = w.loop;
	more.world = &w;
	more.act = JUDGE;
	w.waiting++;
	assert_true(db_write_take(w.db, &more.write, &e)); /* one may pass the bound */
	struct op last = { .world = &w };
	assert_false(db_write_take(w.db, &last.write, &e));
	assert_int_equal(e.why, REFUSAL_too_many_outstanding);
	pthread_mutex_unlock(&gate);
	wait_all(&w);
	assert_int_equal(now(&w, PUT, "again", 10), REFUSAL_NONE);
	buf_clear(&o[1].value);
	world_clear(&w);
}

static bool
count(void *arg, struct span key, struct span value)
{
	(void)key;
	(void)value;
	++*(unsigned *)arg;
	return true;
}

/* Turns an octet of the value that follows `mark` in the file, in each copy of it. */
static void
damage(const struct world *w, const char *mark)
{
	char path[160], *octets, *at;
	off_t n;
	int fd;

	snprintf(path, sizeof path, "%s/data.mdb", w->folder);
	assert_true((fd = open(path, O_RDWR)) >= 0);
	n = lseek(fd, 0, SEEK_END);
	octets = memory_new((size_t)n);
	assert_int_equal(pread(fd, octets, (size_t)n, 0), n);
	for (at = octets; (at = memmem(at, (size_t)(octets + n - at), mark, strlen(mark))) != NULL;
	     at += strlen(mark))
		at[strlen(mark) + 3] ^= 1;
	assert_int_equal(pwrite(fd, octets, (size_t)n, 0), n);
	free(octets);
	close(fd);
}

static void
a_damaged_record_is_an_error(void **state)
{
	struct world w;
	struct db_txn *t;
	struct span value;
	struct err e;
	unsigned n = 0;

	(void)state;
	world_of(&w, SIZE);
	now(&w, PUT, "alpha", 30);
	now(&w, PUT, "broken-one", 30);
	now(&w, PUT, "gamma", 30);
	db_close(&w.db);
	damage(&w, "broken-one");
	reopen(&w);
	assert_int_equal(look(&w, "alpha"), 30);
	assert_int_equal(look(&w, "broken-one"), -2);
	assert_true(db_read(w.db, &t, &e));
	db_each(t, T_ONE, (struct span) { 0 }, (struct span) { 0 }, count, &n);
	assert_int_equal(n, 2);
	assert_false(db_fault(t, &e));
	assert_int_equal(db_entries(t, T_ONE), 3);
	/* a fault until it was told of */
	assert_false(db_get(t, T_ONE, SPAN_LIT("broken-one"), &value));
	assert_false(db_get(t, T_ONE, SPAN_LIT("alpha"), &value));
	assert_true(db_fault(t, &e));
	assert_true(db_get(t, T_ONE, SPAN_LIT("alpha"), &value));
	db_read_end(&t);
	assert_int_equal(now(&w, PUT, "broken-one", 40), REFUSAL_NONE);
	assert_int_equal(look(&w, "broken-one"), 40);
	world_clear(&w);
}

static bool
apply_get(struct db_txn *t, void *arg, struct err *e)
{
	struct op *o = arg;
	struct span value;

	if (!db_get(t, T_ONE, span_str(o->key), &value) && db_fault(t, e))
		return false;
	db_put(t, T_TWO, span_str(o->key), SPAN_LIT("copied"));
	return !db_fault(t, e);
}

/* A write that reads a damaged record is refused; others of the same batch are not. */
static void
a_damaged_record_refuses_its_writer_alone(void **state)
{
	struct world w;
	struct op o[3];
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

	(void)state;
	world_of(&w, SIZE);
	now(&w, PUT, "broken-one", 30);
	db_close(&w.db);
	damage(&w, "broken-one");
	reopen(&w);
	pthread_mutex_lock(&gate);
	for (int i = 0; i < 3; i++) {
		o[i] = (struct op) { .world = &w, .act = PUT, .gate = i == 0 ? &gate : NULL };
		snprintf(o[i].key, sizeof o[i].key, i == 1 ? "broken-one" : "good%d", i);
		o[i].write = (struct db_write) { .apply = i == 1 ? apply_get : apply,
			.done = done,
			.arg = &o[i],
			.home = w.loop };
		w.waiting++;
		assert_true(db_write_take(w.db, &o[i].write, &(struct err) { 0 }));
	}
	pthread_mutex_unlock(&gate);
	wait_all(&w);
	assert_int_equal(o[0].why, REFUSAL_NONE);
	assert_int_equal(o[1].why, REFUSAL_storage);
	assert_int_equal(o[2].why, REFUSAL_NONE);
	world_clear(&w);
}

static void
the_last_of_a_prefix(void **state)
{
	struct world w;
	struct db_txn *t;
	struct span key, value;
	struct err e;
	unsigned n = 0;

	(void)state;
	world_of(&w, SIZE);
	now(&w, PUT, "a1", 1);
	now(&w, PUT, "a2", 2);
	now(&w, PUT, "b1", 3);
	assert_true(db_read(w.db, &t, &e));
	assert_true(db_last(t, T_ONE, SPAN_LIT("a"), &key, &value));
	assert_true(span_eq(key, SPAN_LIT("a2")) && value.n == 2);
	assert_true(db_last(t, T_ONE, SPAN_LIT("b"), &key, &value));
	assert_true(span_eq(key, SPAN_LIT("b1")));
	assert_false(db_last(t, T_ONE, SPAN_LIT("c"), &key, &value));
	assert_false(db_last(t, T_TWO, (struct span) { 0 }, &key, &value));
	db_each(t, T_ONE, SPAN_LIT("a2"), SPAN_LIT("a"), count, &n);
	assert_int_equal(n, 1);
	db_read_end(&t);
	world_clear(&w);
}

/* What cannot be written ends the process with 74, and nothing is acknowledged. */
static void
an_io_error_at_commit_ends_the_process(void **state)
{
	char folder[64];
	struct world w = { .size = SIZE };
	int status;
	pid_t pid;

	(void)state;
	temp_name(folder, sizeof folder, "tillcalled-db-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(w.folder, sizeof w.folder, "%s", folder);
	if ((pid = fork()) == 0) {
		static struct op o;
		struct rlimit least = { 40960, 40960 };
		struct err e;

		signal(SIGXFSZ, SIG_IGN);
		if (!loop_new(&w.loop, &e) ||
		    !db_open(w.folder, w.size, tables, TABLES, &w.db, &e) ||
		    setrlimit(RLIMIT_FSIZE, &least) != 0)
			_exit(2);
		close(2);
		submit(&w, &o, PUT, "a", 100000);
		loop_run(w.loop); /* until it is acknowledged */
		_exit(3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 74);
	{
		struct err e;

		assert_true(loop_new(&w.loop, &e));
		reopen(&w);
		assert_int_equal(look(&w, "a"), -1);
		assert_int_equal(now(&w, PUT, "a", 7), REFUSAL_NONE);
	}
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_io_error_at_commit_ends_the_process),
		cmocka_unit_test(what_was_acknowledged_is_there_after_a_restart),
		cmocka_unit_test(folder_and_files_are_ours_alone),
		cmocka_unit_test(what_changes_nothing_is_no_write),
		cmocka_unit_test(many_writes_share_a_commit),
		cmocka_unit_test(a_write_is_refused_alone),
		cmocka_unit_test(a_torn_write_is_not_committed),
		cmocka_unit_test(true_is_true),
		cmocka_unit_test(what_is_beside_the_map_counts),
		cmocka_unit_test(a_full_map_refuses_puts_and_takes_deletes),
		cmocka_unit_test(a_drop_fits_whatever_was_put_before_it),
		cmocka_unit_test(a_drop_fits_while_another_reads),
		cmocka_unit_test(what_was_freed_at_once_is_room),
		cmocka_unit_test(a_full_tmpfs_refuses_puts_and_takes_deletes),
		cmocka_unit_test(a_full_ext4_refuses_puts_and_takes_deletes),
		cmocka_unit_test(others_fill_the_disk),
		cmocka_unit_test(a_sparse_store_gets_its_blocks),
		cmocka_unit_test(a_batch_that_does_not_fit_is_tried_singly),
		cmocka_unit_test(the_queue_is_bounded),
		cmocka_unit_test(a_damaged_record_is_an_error),
		cmocka_unit_test(a_damaged_record_refuses_its_writer_alone),
		cmocka_unit_test(the_last_of_a_prefix),
	};

	return cmocka_run_group_tests_name("db", tests, NULL, NULL);
}
