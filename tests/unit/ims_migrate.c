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
#include "tests/ims_truth.h"
#include "tests/unit/ims_store_scene.h"

enum { OLD_MAILBOX, OLD_NOTICE, OLD_SEEN, OLD_EVIDENCE, OLD_OWED, OLD_TABLES };

static const char *const old_tables[OLD_TABLES] = { "mailbox", "notice", "seen", "evidence",
	"owed" };

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

/* -- letters ---------------------------------------------------------------------------------------------------- */

/* A statement for each of many recipients. */
enum { STATEMENTS = 15000, AT_ONCE = 1000 };

static struct buf first_value;

static bool
take_value(void *arg, struct span key, struct span value)
{
	(void)arg;
	(void)key;
	buf_add(&first_value, value.p, value.n);
	return false;
}

static uint64_t statement;

static bool
put_statements(struct db_txn *t, void *arg, struct err *e)
{
	struct db_key first = { .n = 0 };

	(void)arg;
	(void)e;
	buf_reset(&first_value);
	db_each(t, OLD_EVIDENCE, (struct span) { 0 }, (struct span) { 0 }, db_key_take_first,
	    &first);
	db_each(t, OLD_EVIDENCE, (struct span) { 0 }, (struct span) { 0 }, take_value, NULL);
	for (unsigned i = 0; i < AT_ONCE; i++) {
		struct db_key k = { .n = 0 };

		db_key_add(&k, first.b, first.n - IMS_STATEMENT_BYTES);
		db_key_add_u64(&k, UINT64_MAX / 2 + statement++);
		db_put(t, OLD_EVIDENCE, db_key_span(&k), buf_span(&first_value));
	}
	return true;
}

static void
an_old_letter_of_many_statements_opens(void **state)
{
	uint64_t before;
	struct world w;

	(void)state;
	old_world(&w);
	reopen(&w);
	before = entries(&w, EVIDENCE);
	world_clear(&w);
	old_world(&w);
	change_old(&w, put_statements, STATEMENTS / AT_ONCE);
	reopen(&w);
	assert_int_equal(entries(&w, EVIDENCE), before + STATEMENTS);
	buf_clear(&first_value);
	world_clear(&w);
}

/* More domains of ours than one operation may state to. */
enum { DOMAINS = 300 };

static bool
put_owed(struct db_txn *t, void *arg, struct err *e)
{
	struct db_key first = { .n = 0 };
	struct buf value = BUF_INIT;
	struct span row;
	struct ims_ack a;

	(void)arg;
	(void)e;
	db_each(t, OLD_OWED, (struct span) { 0 }, (struct span) { 0 }, db_key_take_first, &first);
	assert_true(db_get(t, OLD_OWED, db_key_span(&first), &row) && ims_ack_read(row, &a));
	for (unsigned i = 0; i < DOMAINS; i++) {
		struct db_key k = { .n = 0 };

		snprintf(a.own_domain.text, sizeof a.own_domain.text, "d%u.test", i);
		buf_reset(&value);
		ims_ack_write(&value, &a);
		db_key_add(&k, first.b, PART_LETTER_AT);
		db_key_add_hash(&k, domain_span(&a.own_domain), PART_SHORT);
		db_put(t, OLD_OWED, db_key_span(&k), buf_span(&value));
	}
	buf_clear(&value);
	return true;
}

static size_t
all_acks(struct world *w)
{
	struct ims_ack last, *after = NULL;
	size_t n = 0;

	do {
		n += list_acks(w, after, WORLD_ACKS);
		last = w->acks[w->n_acks - 1];
		after = &last;
	} while (w->more);
	return n;
}

static void
an_old_letter_is_pending_at_many_domains(void **state)
{
	struct world w;
	size_t before;

	(void)state;
	old_world(&w);
	reopen(&w);
	before = all_acks(&w);
	world_clear(&w);
	old_world(&w);
	change_old(&w, put_owed, 1);
	reopen(&w);
	assert_int_equal(all_acks(&w), before + DOMAINS);
	world_clear(&w);
}

/* -- records of the first version --------------------------------------------------------------------------------- */

static struct db_key keys[400];
static size_t n_keys;

static bool
take_key(void *arg, struct span key, struct span value)
{
	(void)arg;
	(void)value;
	assert_true(n_keys < sizeof keys / sizeof *keys);
	db_key_copy(&keys[n_keys++], key);
	return true;
}

static void
age_notice(struct buf *out, struct span value)
{
	struct ims_notice_record n;
	struct err e;

	assert_true(ims_notice_read(value, &n, &e));
	n.indexed = false;
	ims_notice_write(out, &n);
}

static void
age_seen(struct buf *out, struct span value)
{
	struct ims_seen_record r;
	struct err e;

	assert_true(ims_seen_read(value, &r, &e));
	r.indexed = false;
	ims_seen_write(out, &r);
}

/* Writes each row as the first version did: without charges, the domain that pays, and the answer. */
static void
age_table(struct db_txn *t, unsigned table, void (*age)(struct buf *out, struct span value))
{
	struct buf out = BUF_INIT;
	struct span value;

	n_keys = 0;
	db_each(t, table, (struct span) { 0 }, (struct span) { 0 }, take_key, NULL);
	for (size_t i = 0; i < n_keys; i++) {
		assert_true(db_get(t, table, db_key_span(&keys[i]), &value));
		buf_reset(&out);
		age(&out, value);
		db_put(t, table, db_key_span(&keys[i]), buf_span(&out));
	}
	buf_clear(&out);
}

static bool
age_all(struct db_txn *t, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	age_table(t, OLD_NOTICE, age_notice);
	age_table(t, OLD_SEEN, age_seen);
	return true;
}

static const char *const senders[] = { "a.test", "d.test", "xn--bcher-kva.test", "e.test" };

/* Notices are charged for themselves and their evidence, entries to the domain of which a notice is here. */
static void
records_of_the_first_version_are_counted_once(void **state)
{
	enum { SENDERS = sizeof senders / sizeof *senders };
	struct ims_share before[SENDERS], after;
	uint64_t falsely;
	struct world w;

	(void)state;
	old_world(&w);
	reopen(&w);
	for (size_t i = 0; i < SENDERS; i++)
		before[i] = share(&w, senders[i], NULL);
	world_clear(&w);
	old_world(&w);
	change_old(&w, age_all, 1);
	for (int opening = 0; opening < 2; opening++) {
		reopen(&w);
		assert_sums_are_true(w.store, w.loop, &falsely);
		for (size_t i = 0; i < SENDERS; i++) {
			after = share(&w, senders[i], NULL);
			assert_int_equal(after.notices, before[i].notices);
			/* rows take a little more by now */
			assert_in_range(after.octets, before[i].octets, before[i].octets * 5 / 4);
		}
	}
	world_clear(&w);
}

/* -- times ------------------------------------------------------------------------------------------------------ */

static uint64_t
writes_until(struct world *w, int64_t at_s)
{
	uint64_t before = counts(w).writes;

	sweep(w, at_s);
	return counts(w).writes - before;
}

/* What is migrated at once does not come to its time at once, and not at once each week. */
static void
old_letters_renew_throughout_the_week(void **state)
{
	enum { SOME = 20 };
	struct world w;
	uint64_t letters;

	(void)state;
	old_world(&w);
	reopen(&w);
	letters = entries(&w, LETTER);
	assert_true(letters > 4 * SOME);
	sweep(&w, 0);
	assert_true(writes_until(&w, PAPER_RENEW_S / 2) > SOME);
	assert_true(writes_until(&w, PAPER_RENEW_S) > SOME);
	sweep(&w, 2 * PAPER_RENEW_S); /* all at once: the store was stopped */
	sweep(&w, 3 * PAPER_RENEW_S - PAPER_SLACK_S - EXPIRY_S);
	assert_true(writes_until(&w, 3 * PAPER_RENEW_S - PAPER_SLACK_S / 2) > SOME);
	assert_true(writes_until(&w, 3 * PAPER_RENEW_S) > SOME);
	assert_int_equal(entries(&w, LETTER), letters);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_old_mailbox_gives_no_number_twice),
		cmocka_unit_test(an_old_letter_of_many_statements_opens),
		cmocka_unit_test(an_old_letter_is_pending_at_many_domains),
		cmocka_unit_test(old_letters_renew_throughout_the_week),
		cmocka_unit_test(records_of_the_first_version_are_counted_once),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("ims_migrate", tests, NULL, NULL);
}
