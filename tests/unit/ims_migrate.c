/* ims_migrate — a store of the IMS that an older version left, changed before it is opened: mailboxes without notices,
 * letters of many statements, records of the versions before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/record.h"
#include "common/store/db.h"
#include "common/store/db_key.h"
#include "tests/fixture.h"
#include "tests/unit/ims_store_scene.h"

enum { OLD_MAILBOX, OLD_NOTICE, OLD_SEEN, OLD_EVIDENCE, OLD_TABLES };

static const char *const old_tables[OLD_TABLES] = { "mailbox", "notice", "seen", "evidence" };

/* Changes the old store. */
static void
change_old(struct world *w, bool (*apply)(struct db_txn *t, void *arg, struct err *e),
    unsigned times)
{
	struct db_write write = { .apply = apply,
		.done = on_done,
		.arg = w,
		.home = w->loop,
		.octets = 1 << 20 };
	struct err e;
	struct db *d;

	assert_true(db_open(w->folder, w->size, old_tables, OLD_TABLES, &d, &e));
	for (; times > 0; times--) {
		w->waiting++;
		assert_true(db_write_take(d, &write, &e));
		wait_for(w);
		assert_int_equal(w->why, REFUSAL_NONE);
	}
	db_close(&d);
}

static void
old_world(struct world *w)
{
	world_bare(w);
	w->size = 4 * SIZE;
	fixture_unpack("ims", w->folder);
}

/* -- mailboxes -------------------------------------------------------------------------------------------------- */

static uint64_t last_number;

static bool
delete_notices(struct db_txn *t, void *arg, struct err *e)
{
	struct span value;
	struct reader r;

	(void)arg;
	(void)e;
	assert_true(db_get(t, OLD_MAILBOX, SPAN_LIT(BOB), &value));
	r = reader_of(value);
	read_u8(&r);
	last_number = read_u64(&r);
	for (uint64_t number = 1; number <= last_number; number++) {
		struct db_key k = { .n = 0 };

		db_key_add_text(&k, BOB);
		db_key_add_u64(&k, number);
		db_del(t, OLD_NOTICE, db_key_span(&k));
	}
	return true;
}

static bool
delete_seen(struct db_txn *t, void *arg, struct err *e)
{
	struct db_key all[200];
	size_t n = 0;

	(void)arg;
	(void)e;
	for (; n < 200; n++) {
		all[n].n = 0;
		db_each(t, OLD_SEEN, n == 0 ? (struct span) { 0 } : db_key_span(&all[n - 1]),
		    (struct span) { 0 }, db_key_take_first, &all[n]);
		if (all[n].n == 0)
			break;
		db_del(t, OLD_SEEN, db_key_span(&all[n]));
	}
	return true;
}

static bool
spoil_mailbox(struct db_txn *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	db_put(t, OLD_MAILBOX, SPAN_LIT(BOB), SPAN_LIT("?"));
	return true;
}

/* A number is never given again, whatever is left of the mailbox. */
static void
an_old_mailbox_gives_no_number_twice(void **state)
{
	enum { RECORD, SEEN_SET, CASES };
	struct ims_store_counts c;
	struct world w;

	(void)state;
	for (int left = 0; left < CASES; left++) {
		old_world(&w);
		change_old(&w, delete_notices, 1);
		change_old(&w, left == RECORD ? delete_seen : spoil_mailbox, 1);
		reopen(&w);
		c = counts(&w);
		assert_int_equal(c.mailboxes, 4);
		assert_int_equal(mailbox_notices(&w, BOB), 0);
		assert_true(knows(&w, BOB, "a.test"));
		accepts(&w, (struct notification) { .number = 500, .to = BOB, .hold_s = DAY });
		list(&w, BOB, 0);
		assert_int_equal(w.n_rows, 1);
		assert_int_equal(w.rows[0].number, last_number + 1);
		assert_int_equal(counts(&w).mailboxes, 4);
		world_clear(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_old_mailbox_gives_no_number_twice),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("ims_migrate", tests, NULL, NULL);
}
