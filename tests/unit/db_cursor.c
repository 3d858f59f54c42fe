/* db_cursor — a write that looks for keys while it walks over others, and between what it puts and deletes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "common/loop/loop.h"
#include "common/store/db.h"
#include "tests/temp.h"

enum { T_ONE, T_TWO, TABLES };
static const char *const tables[TABLES] = { "one", "two" };

#define WALKED 3000 /* keys, in many pages */

struct walk {
	struct loop *loop;
	struct db_txn *txn;
	struct db_write write;
	unsigned next; /* of the walk */
	unsigned inner;
	bool good;
};

static const char *
walk_key(char out[16], unsigned n)
{
	snprintf(out, 16, "k%05u", n);
	return out;
}

static bool
on_inner(void *arg, struct span key, struct span value)
{
	struct walk *x = arg;
	char want[16];

	(void)value;
	x->good = x->good && span_eq(key, span_str(walk_key(want, x->inner)));
	return ++x->inner % 3 != 0;
}

/* Looks elsewhere, before and after where the walk is. */
static bool
on_walk(void *arg, struct span key, struct span value)
{
	struct walk *x = arg;
	unsigned other = x->next * 1009 % WALKED;
	char want[16], name[16];

	x->good = x->good && span_eq(key, span_str(walk_key(want, x->next))) &&
	    span_eq(value, key) && db_get(x->txn, T_ONE, span_str(walk_key(name, other)), &value) &&
	    span_eq(value, span_str(name)) && !db_get(x->txn, T_TWO, span_str(name), &value) &&
	    !db_get(x->txn, T_ONE, span_str(strcat(name, "x")), &value);
	if (x->next % 100 == 0) {
		x->inner = other - other % 3;
		db_each(x->txn, T_ONE, span_str(walk_key(name, x->inner)), SPAN_LIT("k"), on_inner,
		    x);
		x->good = x->good && x->inner == other - other % 3 + 3;
	}
	x->next++;
	return x->good;
}

static void
walk(struct walk *x)
{
	x->next = 0;
	db_each(x->txn, T_ONE, SPAN_LIT("k"), SPAN_LIT("k"), on_walk, x);
	x->good = x->good && x->next == WALKED;
}

static bool
apply_walk(struct db_txn *t, void *arg, struct err *e)
{
	struct walk *x = arg;
	struct span value;
	char name[16];

	x->good = true;
	x->txn = t;
	for (unsigned i = 0; i < WALKED; i++) { /* and each look-up sees the put before it */
		struct span key = span_str(walk_key(name, i * 7 % WALKED));

		x->good = x->good && !db_get(t, T_ONE, key, &value);
		db_put(t, T_ONE, key, key);
		x->good = x->good && db_get(t, T_ONE, key, &value) && span_eq(value, key);
	}
	walk(x);
	db_put(t, T_ONE, SPAN_LIT("k00001a"), SPAN_LIT("1"));
	x->good = x->good && db_get(t, T_ONE, SPAN_LIT("k00001a"), &value);
	db_del(t, T_ONE, SPAN_LIT("k00001a"));
	x->good = x->good && !db_get(t, T_ONE, SPAN_LIT("k00001a"), &value);
	walk(x);
	return !db_fault(t, e);
}

static void
walk_done(void *arg, const struct err *e)
{
	struct walk *x = arg;

	assert_null(e);
	loop_stop(x->loop);
}

static void
a_write_looks_elsewhere_while_it_walks(void **state)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "held" };
	char folder[128], path[160];
	struct walk x = { .good = false };
	struct db *d;
	struct err e;

	(void)state;
	temp_name(folder, sizeof folder, "tillcalled-db-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_true(loop_new(&x.loop, &e));
	assert_true(db_open(folder, (uint64_t)64 << 20, tables, TABLES, &d, &e));
	x.write = (struct db_write) { .apply = apply_walk,
		.done = walk_done,
		.arg = &x,
		.home = x.loop,
		.octets = WALKED * 50 };
	assert_true(db_write_take(d, &x.write, &e));
	loop_run(x.loop);
	assert_true(x.good);
	db_close(&d);
	loop_free(&x.loop);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_looks_elsewhere_while_it_walks),
	};

	return cmocka_run_group_tests_name("db_cursor", tests, NULL, NULL);
}
