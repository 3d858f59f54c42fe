/* oms_sweep — rows of the spool are damaged: what can be read ends, and is forgotten, all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/store/kv_dir.h"
#include "common/store/kv_lmdb.h"
#include "tests/unit/oms_spoil.h"

#define ALICE "alice@a.test"

static enum refusal
try_sweep(struct world *w, int64_t now_s)
{
	struct outcome o = { .world = w };

	w->waiting++;
	oms_store_sweep(w->store, now_s, w->loop, on_done, &o);
	wait_all(w);
	return o.why;
}

/* -- ends -------------------------------------------------------------------------------------------------- */

static void
a_damaged_end_ends_no_sweep(void **state)
{
	const struct spoil end = { .kind = "expiry", .first = SPOIL_FACT };
	struct world w;
	struct ulid id[3];
	int64_t hold_s = clock_wall_ms() / 1000 + DAY;

	(void)state;
	world_init(&w);
	for (int i = 0; i < 3; i++)
		put(&w, &(struct letter) { .size = 10, .hold_until_s = hold_s, .same_shard = true },
		    &id[i]);
	assert_true(spoil(&w, &end) > 0);
	for (int i = 0; i < 2; i++) /* the minute ends before the second */
		assert_int_equal(try_sweep(&w, hold_s + (int64_t)120 * i), REFUSAL_NONE);
	for (int i = 0; i < 3; i++)
		assert_string_equal(states(&w, &id[i]), "expired expired expired");
	sweep(&w, hold_s + 31 * DAY);
	assert_int_equal(spoil(&w, &end), 0);
	world_clear(&w);
}

/* What lists the minute is damaged. */
static void
a_damaged_entry_hides_no_minute(void **state)
{
	const struct spoil minute = { .kind = "expiries", .first = SPOIL_FACT };
	struct world w;
	struct ulid id;
	int64_t hold_s = clock_wall_ms() / 1000 + DAY;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 10, .one = true, .hold_until_s = hold_s }, &id);
	assert_int_equal(spoil(&w, &minute), 1);
	sweep(&w, hold_s + 120);
	assert_string_equal(states(&w, &id), "expired");
	sweep(&w, hold_s + 31 * DAY);
	assert_int_equal(spoil(&w, &minute), 0);
	world_clear(&w);
}

#define MINUTE 230 /* letters: more than a round has */
#define LATER  8

static void
a_damaged_end_starves_no_other_minute(void **state)
{
	const struct spoil first = { .kind = "expiry", .first = SPOIL_FACT };
	static struct ulid id[MINUTE], later[LATER];
	struct world w;
	int64_t hold_s = clock_wall_ms() / 1000 + DAY;

	(void)state;
	world_init(&w);
	for (int i = 0; i < MINUTE; i++)
		put(&w, &(struct letter) { .size = 10, .one = true, .hold_until_s = hold_s },
		    &id[i]);
	assert_in_range(spoil(&w, &first), 1, MINUTE);
	for (int i = 0; i < LATER; i++)
		put(&w,
		    &(struct letter) { .size = 10,
			.one = true,
			.hold_until_s = hold_s + (int64_t)60 * (1 + i) },
		    &later[i]);
	assert_int_equal(try_sweep(&w, hold_s + 1800), REFUSAL_NONE);
	for (int i = 0; i < LATER; i++)
		assert_string_equal(states(&w, &later[i]), "expired");
	world_clear(&w);
}

/* A letter that ends at hold_s; the ids of all lie in one shard of each minute. */
static void
put_at(struct world *w, int64_t hold_s, struct ulid *id)
{
	struct putting x;
	struct outcome o;

	put_prepare(w, &(struct letter) { .size = 10, .one = true, .hold_until_s = hold_s }, &x);
	memset(x.put.letter.id.b, 1, 6); /* its time */
	x.put.letter.id.b[ULID_BYTES - 1] = 0;
	x.d[0].id = x.put.letter.id;
	put_take(w, &x, &o);
	wait_all(w);
	assert_int_equal(o.why, REFUSAL_NONE);
	*id = o.id;
}

/* The next minute after hold_s at which such a letter's end is listed where the others are. */
static int64_t
next_listed(struct kv_part place, int64_t hold_s)
{
	const unsigned char dir = spoil_kind("expiries");

	do {
		hold_s += 60;
		for (int i = 0; i < 8; i++)
			place.name[i] = (unsigned char)((uint64_t)(hold_s / 60) >> (56 - 8 * i));
	} while (kv_dir_part(dir, span_of(place.name, place.n)).name[0] != 0);
	return hold_s;
}

/* More places than one look finds have nothing that can be read. */
static void
damaged_minutes_starve_no_other(void **state)
{
	enum { PLACES = 257 };
	const struct spoil all = { .kind = "expiry", .first = SPOIL_FACT, .most = SPOIL_ALL };
	struct world w;
	struct ulid id;
	struct kv_part place;
	int64_t hold_s = clock_wall_ms() / 1000 + DAY;

	(void)state;
	world_init(&w);
	put_at(&w, hold_s, &id);
	assert_int_equal(spoil_rows(&w, &all, &place), 1);
	for (int i = 0; i < PLACES; i++)
		put_at(&w, hold_s = next_listed(place, hold_s), &id);
	assert_int_equal(spoil(&w, &all), PLACES + 1);
	put_at(&w, hold_s = next_listed(place, hold_s), &id);
	assert_int_equal(try_sweep(&w, hold_s + 60), REFUSAL_NONE);
	assert_string_equal(states(&w, &id), "expired");
	world_clear(&w);
}

/* -- letters ----------------------------------------------------------------------------------------------- */

/* One of two deliveries is damaged: the letter is over when the other one is, and then it is forgotten. */
static void
a_damaged_delivery_keeps_no_other_from_expiring(void **state)
{
	const struct spoil bobs = { .kind = "letter", .first = 'D', .rest = SPAN_LIT("b.test") };
	struct world w;
	struct ulid id;
	int64_t now_s = clock_wall_ms() / 1000;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 300000, .hold_until_s = now_s + DAY }, &id);
	wait_for_files(&w, 1);
	assert_int_equal(spoil(&w, &bobs), 1);
	sweep(&w, now_s + 2 * DAY);
	assert_string_equal(states(&w, &id), "expired");
	assert_int_equal(ask_user(w.store, w.loop, ALICE).letters, 0);
	assert_int_equal(due(&w, "b.test", NULL, 0), 0);
	wait_for_files(&w, 0);
	sweep(&w, now_s + 33 * DAY);
	assert_string_equal(states(&w, &id), "unknown-id");
	assert_int_equal(ask_user(w.store, w.loop, ALICE).octets, 0);
	assert_int_equal(spoil(&w, &bobs), 0);
	world_clear(&w);
}

/* -- users ------------------------------------------------------------------------------------------------- */

static enum refusal
try_forget(struct world *w)
{
	struct outcome o = { .world = w };

	w->waiting++;
	oms_store_forget_user(w->store, ALICE, clock_wall_ms() / 1000, w->loop, on_done, &o);
	wait_all(w);
	return o.why;
}

/* Nobody is notified any more of a letter whose user is forgotten. */
static void
a_forgotten_letter_is_not_due(void **state)
{
	const struct spoil bobs = { .kind = "letter", .first = 'D', .rest = SPAN_LIT("b.test") };
	struct world w;
	struct ulid id;
	struct oms_delivery d;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 300000 }, &id);
	assert_int_equal(spoil(&w, &bobs), 1);
	assert_int_equal(try_forget(&w), REFUSAL_NONE);
	assert_int_equal(due(&w, "c.test", &d, 1), 0);
	assert_int_equal(next_due(&w, "c.test"), 0);
	assert_false(ask_knows(w.store, w.loop, ALICE));
	wait_for_files(&w, 0);
	assert_int_equal(spoil(&w, &bobs), 0);
	world_clear(&w);
}

/* Of a user whose records are damaged nothing stays. */
static void
forgets_after(const struct spoil *s, unsigned many)
{
	struct world w;
	struct ulid id[3];

	world_init(&w);
	for (int i = 0; i < 3; i++)
		put(&w,
		    &(struct letter) { .size = 300000,
			.one = true,
			.token = i == 0 ? "01234567890-token" : "" },
		    &id[i]);
	assert_int_equal(settle(&w, &id[0], "b.test", false), REFUSAL_NONE);
	assert_string_equal(states(&w, &id[0]), "fetched");
	assert_int_equal(spoil(&w, s), many);
	assert_int_equal(try_forget(&w), REFUSAL_NONE);
	assert_false(ask_knows(w.store, w.loop, ALICE));
	for (int i = 0; i < 3; i++)
		assert_string_equal(states(&w, &id[i]), "unknown-id");
	wait_for_files(&w, 0);
	assert_int_equal(spoil(&w, &(struct spoil) { .kind = "user", .first = 'O' }), 0);
	assert_int_equal(spoil(&w, &(struct spoil) { .kind = "user", .first = 'T' }), 0);
	assert_int_equal(spoil(&w, &(struct spoil) { .kind = "user", .first = 'S' }), 0);
	assert_int_equal(spoil(&w, &(struct spoil) { .kind = "user", .first = SPOIL_FACT }), 0);
	world_clear(&w);
}

static void
a_damaged_row_of_the_outbox_keeps_no_user(void **state)
{
	(void)state;
	forgets_after(&(struct spoil) { .kind = "user", .first = 'O', .most = SPOIL_ALL }, 3);
	forgets_after(&(struct spoil) { .kind = "user", .first = 'O' }, 1);
}

static void
a_damaged_outcome_keeps_no_user(void **state)
{
	(void)state;
	forgets_after(&(struct spoil) { .kind = "user", .first = SPOIL_FACT }, 1);
}

static void
damaged_sums_keep_no_user(void **state)
{
	(void)state;
	forgets_after(&(struct spoil) { .kind = "user", .first = 'S' }, 1);
}

/* They are made anew. */
static void
damaged_sums_are_counted_again(void **state)
{
	const struct spoil sums = { .kind = "user", .first = 'S' };
	struct world w;
	struct ulid id;
	struct oms_user_counts before, after;

	(void)state;
	world_init(&w);
	for (int i = 0; i < 3; i++)
		put(&w, &(struct letter) { .size = 300 + (size_t)i, .one = true }, &id);
	notify(&w, "b.test", NULL);
	assert_int_equal(settle(&w, &id, "b.test", false), REFUSAL_NONE);
	before = ask_user(w.store, w.loop, ALICE);
	assert_int_equal(spoil(&w, &sums), 1);
	after = ask_user(w.store, w.loop, ALICE);
	assert_int_equal(after.letters, before.letters);
	assert_int_equal(after.octets, before.octets);
	assert_int_equal(put(&w, &(struct letter) { .size = 10 }, &id), REFUSAL_NONE);
	after = ask_user(w.store, w.loop, ALICE);
	assert_int_equal(after.letters, before.letters + 1);
	world_clear(&w);
}

/* -- the outbox -------------------------------------------------------------------------------------------- */

struct misfit {
	struct kv_op op;
	struct span key;
};

static bool
put_misfit(struct kv_txn *t, void *arg, struct err *e)
{
	(void)e;
	kv_put(t, ((struct misfit *)arg)->key, SPAN_LIT("?"));
	return true;
}

static void
misfit_put(void *arg, const struct err *e)
{
	(void)arg;
	assert_null(e);
}

/* The row of a letter in the outbox is whole, but says nothing. */
static void
make_misfit(struct world *w, const struct ulid *id)
{
	char key[1 + ULID_BYTES] = "O", path[128];
	struct misfit m = {
		.op = { .apply = put_misfit, .done = misfit_put, .arg = &m, .octets = 64 },
		.key = span_of(key, sizeof key),
	};
	struct kv *k;
	struct err e;

	memcpy(key + 1, id->b, ULID_BYTES);
	assert_int_equal(spoil_rows(w, &(struct spoil) { .kind = "user", .first = 'O' },
			     &m.op.part),
	    1);
	oms_store_close(&w->store);
	snprintf(path, sizeof path, "%s/store", w->folder);
	assert_true(kv_lmdb_open(path, SIZE, &oms_schema, &k, &e));
	assert_true(kv_take(k, &m.op, &e));
	kv_close(&k); /* commits it */
	reopen(w);
}

/* A user is forgotten in one course: it does not begin again with a row that says nothing. */
static void
a_row_that_says_nothing_keeps_no_user(void **state)
{
	struct world w;
	struct ulid id[2];

	(void)state;
	world_init(&w);
	for (int i = 0; i < 2; i++)
		put(&w, &(struct letter) { .size = 10, .one = true }, &id[i]);
	make_misfit(&w, &id[1]);
	assert_int_equal(try_forget(&w), REFUSAL_NONE);
	assert_false(ask_knows(w.store, w.loop, ALICE));
	for (int i = 0; i < 2; i++)
		assert_string_equal(states(&w, &id[i]), "unknown-id");
	world_clear(&w);
}

/* What a letter states of its end is heard although its row is damaged. */
static void
a_damaged_row_of_the_outbox_holds_up_no_outcome(void **state)
{
	const struct spoil row = { .kind = "user", .first = 'O' };
	struct world w;
	struct ulid id;
	int64_t now_s = clock_wall_ms() / 1000;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 10, .one = true }, &id);
	assert_int_equal(spoil(&w, &row), 1);
	assert_int_equal(settle(&w, &id, "b.test", false), REFUSAL_NONE);
	assert_int_equal(ask_user(w.store, w.loop, ALICE).letters, 0);
	sweep(&w, now_s + 31 * DAY);
	assert_string_equal(states(&w, &id), "unknown-id");
	assert_false(ask_knows(w.store, w.loop, ALICE));
	world_clear(&w);
}

/* The outbox is full, and the oldest outcome is damaged: it makes room all the same. */
static void
a_damaged_outcome_makes_room(void **state)
{
	const struct spoil outcome = { .kind = "user", .first = SPOIL_FACT };
	const struct letter l = { .size = 10, .one = true, .max_listed = 2 };
	struct world w;
	struct ulid id[3];

	(void)state;
	world_init(&w);
	for (int i = 0; i < 2; i++)
		assert_int_equal(put(&w, &l, &id[i]), REFUSAL_NONE);
	assert_int_equal(settle(&w, &id[0], "b.test", false), REFUSAL_NONE);
	assert_int_equal(spoil(&w, &outcome), 1);
	assert_int_equal(put(&w, &l, &id[2]), REFUSAL_NONE);
	assert_string_equal(states(&w, &id[0]), "unknown-id");
	assert_string_equal(states(&w, &id[1]), "waiting");
	assert_int_equal(put(&w, &l, &id[0]), REFUSAL_outbox_full);
	world_clear(&w);
}

/* -- files ------------------------------------------------------------------------------------------------- */

/* The record that named a letter's file is damaged. */
static void
a_forgotten_letter_leaves_no_file(void **state)
{
	struct world w;
	struct ulid id, other;

	(void)state;
	for (int i = 0; i < 2; i++) {
		world_init(&w);
		put(&w, &(struct letter) { .size = 300000 }, &id);
		put(&w, &(struct letter) { .size = 300000, .user = "u1@a.test" }, &other);
		assert_int_equal(spoil(&w,
				     &(struct spoil) { .kind = "letter",
					 .name = spoil_id(&id),
					 .first = 'L' }),
		    1);
		if (i == 0)
			wait_for_orphans(&w);
		assert_int_equal(try_forget(&w), REFUSAL_NONE);
		wait_for_files(&w, 1);
		wait_for_orphans(&w);
		wait_for_files(&w, 1);
		world_clear(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_damaged_end_ends_no_sweep),
		cmocka_unit_test(a_damaged_entry_hides_no_minute),
		cmocka_unit_test(a_damaged_end_starves_no_other_minute),
		cmocka_unit_test(damaged_minutes_starve_no_other),
		cmocka_unit_test(a_damaged_delivery_keeps_no_other_from_expiring),
		cmocka_unit_test(a_forgotten_letter_is_not_due),
		cmocka_unit_test(a_damaged_row_of_the_outbox_keeps_no_user),
		cmocka_unit_test(a_damaged_outcome_keeps_no_user),
		cmocka_unit_test(damaged_sums_keep_no_user),
		cmocka_unit_test(damaged_sums_are_counted_again),
		cmocka_unit_test(a_row_that_says_nothing_keeps_no_user),
		cmocka_unit_test(a_damaged_row_of_the_outbox_holds_up_no_outcome),
		cmocka_unit_test(a_damaged_outcome_makes_room),
		cmocka_unit_test(a_forgotten_letter_leaves_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
