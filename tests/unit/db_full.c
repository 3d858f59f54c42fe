/* db_full — a full map, its reserve, and a file system without a block left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/db_scene.h"
#include "tests/unit/full_scene.h"

/* -- tests --------------------------------------------------------------------------------------- */

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests_name("db_full", tests, NULL, NULL);
}
