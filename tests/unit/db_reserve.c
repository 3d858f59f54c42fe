/* db_reserve — what is left when the store has no room for puts: a write that frees and changes pages
 * of nearly half the reserve fits after whatever put was accepted last, in a full map and on a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/loop/loop.h"
#include "common/store/db.h"
#include "tests/temp.h"
#include "tests/unit/full_scene.h"

#define PAGE         4096
#define VALUE        200  /* octets of a row */
#define ROWS_APART   20   /* so many rows are on two pages at least */
#define PAGES        1500 /* of rows */
#define FILLER_BYTES 60000
#define FILLERS_GONE 10
#define PUT_WAITS_MS 1000  /* then the reading ends, so that the put goes on */
#define MARK_MS      30000 /* never in a store that keeps its reserve */
#define OTHER_PAGES  28    /* that a write changes beside those of its rows */

enum { ROWS, FILLERS, TABLES };
static const char *const tables[TABLES] = { "rows", "fillers" };

struct world {
	char folder[128];
	struct full disk;
	bool mounted;
	uint64_t size, reserve;
	struct loop *loop;
	struct db *db;
};

/* -- writes ------------------------------------------------------------------------------------- */

struct op {
	struct db_write write;
	struct world *world;
	unsigned table, from, n, apart;
	size_t octets; /* of a value; 0: deletes */
	bool done;
	enum refusal why;
};

static bool
apply(struct db_txn *t, void *arg, struct err *e)
{
	static char value[FILLER_BYTES];
	struct op *o = arg;
	char key[16];

	memset(value, 'v', sizeof value);
	for (unsigned i = 0; i < o->n; i++) {
		snprintf(key, sizeof key, "%08u", o->from + i * o->apart);
		if (o->octets == 0)
			db_del(t, o->table, span_str(key));
		else
			db_put(t, o->table, span_str(key), span_of(value, o->octets));
	}
	return !db_fault(t, e);
}

static void
on_done(void *arg, const struct err *e)
{
	struct op *o = arg;

	o->why = e == NULL ? REFUSAL_NONE : e->why;
	o->done = true;
	loop_stop(o->world->loop);
}

static void
begin(struct world *w, struct op *o, bool frees)
{
	struct err e;

	o->world = w;
	o->write = (struct db_write) { .apply = apply,
		.done = on_done,
		.arg = o,
		.home = w->loop,
		.octets = o->n * o->octets,
		.frees = frees };
	assert_true(db_write_take(w->db, &o->write, &e));
}

static enum refusal
does(struct world *w, struct op o, bool frees)
{
	begin(w, &o, frees);
	loop_run(w->loop);
	return o.why;
}

static void
on_time(void *arg)
{
	struct world *w = arg;

	loop_stop(w->loop);
}

/* False: not within that time. */
static bool
is_done_in(struct world *w, const struct op *o, int64_t ms)
{
	struct loop_timer *t = loop_timer_new(w->loop, on_time, w);

	loop_timer_set_ms(t, ms);
	if (!o->done)
		loop_run(w->loop);
	loop_timer_free(&t);
	return o->done;
}

static enum refusal
changes(struct world *w, unsigned pages, bool frees)
{
	assert_in_range(pages, 1, PAGES);
	return does(w, (struct op) { .n = pages, .apart = ROWS_APART, .octets = VALUE }, frees);
}

/* -- worlds ------------------------------------------------------------------------------------- */

static void
add_rows(struct world *w)
{
	struct op rows = { .n = 1000, .apart = 1, .octets = VALUE };

	for (; rows.from < PAGES * ROWS_APART; rows.from += rows.n)
		assert_int_equal(does(w, rows, false), REFUSAL_NONE);
}

static void
fill(struct world *w)
{
	struct op filler = { .table = FILLERS, .n = 1, .apart = 1, .octets = FILLER_BYTES };
	enum refusal why;

	while ((why = does(w, filler, false)) == REFUSAL_NONE)
		assert_in_range(++filler.from, 1, 5000);
	assert_int_equal(why, REFUSAL_system_full);
}

static void
world_of(struct world *w, bool on_disk)
{
	struct err e;

	*w = (struct world) { .size = (uint64_t)(on_disk ? 1024 : 32) << 20 };
	w->mounted = on_disk;
	w->reserve = DB_RESERVE(w->size);
	if (on_disk) {
		full_mount(&w->disk, FULL_TMPFS);
		full_take(&w->disk, 24 << 20);
		snprintf(w->folder, sizeof w->folder, "%s/db", w->disk.disk);
		w->reserve = ((uint64_t)64 << 20) / 20;
	} else {
		temp_name(w->folder, sizeof w->folder, "tillcalled-reserve-XXXXXX");
		assert_non_null(mkdtemp(w->folder));
	}
	assert_true(loop_new(&w->loop, &e));
	if (!db_open(w->folder, w->size, tables, TABLES, &w->db, &e))
		fail_msg("%s", e.text);
	add_rows(w);
	fill(w);
	if (!on_disk)
		return;
	full_fill(&w->disk);
	fill(w); /* the last step may have been given */
}

static void
world_clear(struct world *w)
{
	char command[160];

	db_close(&w->db);
	loop_drain(w->loop);
	loop_free(&w->loop);
	snprintf(command, sizeof command, "rm -r %s", w->folder);
	assert_int_equal(system(command), 0);
	if (w->mounted) {
		full_relieve(&w->disk);
		full_unmount(&w->disk);
	}
}

/* Pages that may hold something else: freed ones, and those above the last. */
static unsigned
free_pages(struct world *w)
{
	struct db_counts c;
	struct stat st;
	char path[160];

	db_counts(w->db, &c);
	snprintf(path, sizeof path, "%s/data.mdb", w->folder);
	assert_int_equal(stat(path, &st), 0);
	assert_true((uint64_t)st.st_size >= c.used_bytes);
	return (unsigned)(((uint64_t)st.st_size - c.used_bytes) / PAGE);
}

/* -- tests -------------------------------------------------------------------------------------- */

/* LMDB uses no page again that one of the last two transactions has freed. */
static void
settles(struct world *w)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(changes(w, 1, true), REFUSAL_NONE);
}

/* Pages of rows, of which a change with all that belongs to it takes no more. */
static unsigned
half_the_reserve(const struct world *w)
{
	return (unsigned)(w->reserve / 2 / PAGE) - OTHER_PAGES;
}

static void
expect_half_the_reserve(struct world *w, unsigned put)
{
	unsigned pages = half_the_reserve(w);
	enum refusal why = changes(w, pages, true);

	if (why != REFUSAL_NONE)
		fail_msg("a change of %u pages after a put of %u, %u free: %s", pages, put,
		    free_pages(w), refusal_word(why));
}

/* Each put changes a page more, until even the last free page would be used. */
static void
grow_puts(struct world *w)
{
	unsigned half = (unsigned)(w->reserve / 2 / PAGE), most = free_pages(w);
	unsigned accepted = 0, refused = 0;

	for (unsigned n = most - half - 60; n < most + 4; n += 3) {
		enum refusal why = changes(w, n, false);

		if (why == REFUSAL_NONE)
			accepted++;
		else
			refused += why == REFUSAL_system_full;
		expect_half_the_reserve(w, n);
		settles(w);
	}
	assert_true(accepted > 5 && refused > 5);
}

/* While a reading is open, no freed page is used again.  A put that would leave too little waits for it; what
 * frees after any other put does not. */
static void
put_beside_a_reading(struct world *w)
{
	struct op put = { .n = 50, .apart = ROWS_APART, .octets = VALUE }, last;
	struct op mark = put;
	struct db_txn *t;
	unsigned accepted = 0;
	struct err e;

	mark.n = half_the_reserve(w);
	assert_true(db_read(w->db, &t, &e));
	for (;; accepted++) {
		last = put;
		begin(w, &last, false);
		if (!is_done_in(w, &last, accepted == 0 ? MARK_MS : PUT_WAITS_MS))
			break;
		assert_int_equal(last.why, REFUSAL_NONE);
		mark.done = false;
		begin(w, &mark, true);
		if (!is_done_in(w, &mark, MARK_MS))
			fail_msg("what frees waits for a reading after %u puts", accepted + 1);
		assert_int_equal(mark.why, REFUSAL_NONE);
	}
	db_read_end(&t);
	while (!last.done)
		loop_run(w->loop);
	assert_true(accepted > 0);
}

static void
what_frees_fits(bool on_disk)
{
	struct op gone = { .table = FILLERS, .n = FILLERS_GONE, .apart = 1 };
	struct world w;

	world_of(&w, on_disk);
	assert_in_range(free_pages(&w) * (uint64_t)PAGE, w.reserve, 3 * w.reserve);
	expect_half_the_reserve(&w, 1);
	settles(&w);
	assert_int_equal(does(&w, gone, true), REFUSAL_NONE);
	settles(&w);
	grow_puts(&w);
	put_beside_a_reading(&w);
	world_clear(&w);
}

static void
in_a_full_map(void **state)
{
	(void)state;
	what_frees_fits(false);
}

static void
on_a_full_disk(void **state)
{
	(void)state;
	what_frees_fits(true);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_full_map),
		cmocka_unit_test(on_a_full_disk),
	};

	log_open("db_reserve", LOG_ERROR);
	return cmocka_run_group_tests_name("db_reserve", tests, NULL, NULL);
}
