/* oms_damage — one row of the spool is damaged: it harms nothing but itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <lmdb.h>

#include "tests/unit/oms_store_scene.h"

/* Partitions as they lie in the file: their kind, and the octets of their names. */
struct kind {
	unsigned char number, name_bytes;
};
static const struct kind letters = { 0, 16 };
#define FACT 0xfe /* the first octet of the key of a fact */

static bool
is_row(MDB_val k, struct kind kind, unsigned char first)
{
	const unsigned char *key = k.mv_data;

	return key[0] == kind.number && key[1 + kind.name_bytes] == first;
}

static void
change(MDB_cursor *c, MDB_val *k, MDB_val v)
{
	static unsigned char copy[1 << 16];

	assert_true(v.mv_size > 0 && v.mv_size <= sizeof copy);
	memcpy(copy, v.mv_data, v.mv_size);
	copy[v.mv_size - 1] ^= 1;
	v.mv_data = copy;
	assert_int_equal(mdb_cursor_put(c, k, &v, MDB_CURRENT), 0);
}

/* The first row of that kind of partition whose key begins with this octet; the store is closed meanwhile. */
static void
spoil(struct world *w, struct kind kind, unsigned char first)
{
	char path[128];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *c;
	MDB_val k, v;

	oms_store_close(&w->store);
	snprintf(path, sizeof path, "%s/store", w->folder);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 24), 0);
	assert_int_equal(mdb_env_set_mapsize(env, SIZE), 0);
	assert_int_equal(mdb_env_open(env, path, MDB_NOTLS, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "rows", 0, &dbi), 0);
	assert_int_equal(mdb_cursor_open(txn, dbi, &c), 0);
	do
		assert_int_equal(mdb_cursor_get(c, &k, &v, MDB_NEXT), 0);
	while (!is_row(k, kind, first));
	change(c, &k, v);
	mdb_cursor_close(c);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
	reopen(w);
}

/* -- users ------------------------------------------------------------------------------------------- */

/* A letter is kept, and what says so is damaged.  Its client repeats it: nothing of the letter goes, so no later repeat
 * makes another one. */
static void
a_repeat_takes_no_kept_letter_away(void **state)
{
	const struct letter l = { .size = 10, .one = true, .token = "01234567890-token" };
	struct world w;
	struct ulid id, again;
	struct oms_delivery d;
	struct oms_user_counts before, after;

	(void)state;
	world_init(&w);
	put(&w, &l, &id);
	before = ask_user(w.store, w.loop, "alice@a.test");
	spoil(&w, letters, FACT);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(put(&w, &l, &again), REFUSAL_storage);
		assert_int_equal(ask_outbox(w.store, w.loop, "alice@a.test", NULL).n, 1);
	}
	after = ask_user(w.store, w.loop, "alice@a.test");
	assert_int_equal(after.letters, before.letters);
	assert_int_equal(after.octets, before.octets);
	assert_int_equal(due(&w, "b.test", &d, 1), 1);
	assert_true(ulid_eq(&d.id, &id));
	oms_delivery_clear(&d);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_repeat_takes_no_kept_letter_away),
	};

	return cmocka_run_group_tests_name("oms_damage", tests, NULL, NULL);
}
