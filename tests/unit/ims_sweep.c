/* ims_sweep — sweeps and purges of the IMS's store: past what is damaged, to the end of what is there, and at no cost
 * where there is nothing to do.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ims_store_scene.h"

struct purged {
	struct world *world;
	uint64_t notices;
	enum refusal why;
};

static void
on_purged(void *arg, uint64_t notices, const struct err *e)
{
	struct purged *p = arg;

	p->notices = notices;
	p->why = e == NULL ? REFUSAL_NONE : e->why;
	stop(p->world);
}

/* The notices that it dropped are *n, unless NULL. */
static enum refusal
purge(struct world *w, const char *domain, const char *user, bool opened, uint64_t *n)
{
	struct purged p = { .world = w };
	const struct ims_purge purge = { .from_domain = domain,
		.user = user,
		.opened = opened,
		.loop = w->loop,
		.done = on_purged,
		.arg = &p };

	arrive(w);
	w->waiting++;
	ims_store_purge(w->store, &purge);
	wait_for(w);
	if (n != NULL)
		*n = p.notices;
	return p.why;
}

static uint64_t
pending(struct world *w)
{
	struct kv_counts c;

	kv_get_counts(ims_store_kv(w->store), &c);
	return c.pending;
}

static void
damaged(struct world *w, enum table table)
{
	ims_store_close(&w->store);
	damage(w, table);
	reopen(w);
}

/* -- damage ------------------------------------------------------------------------------------------------- */

/* The first letter's notice stays; the others, and their letters, go. */
static void
a_damaged_letter_takes_no_notice_with_it(void **state)
{
	struct notification n = { .number = 2, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	accepts(&w, n);
	damaged(&w, LETTER);
	sweep(&w, DAY + KEEP + 7200);
	assert_int_equal(entries(&w, NOTICE), 1);
	assert_int_equal(entries(&w, LETTER), 1);
	assert_int_equal(find(&w, BOB, 2), REFUSAL_no_such_number);
	assert_int_equal(pending(&w), 0);
	assert_int_equal(counts(&w).damaged, 1);
	world_clear(&w);
}

static void
a_purge_leaves_a_damaged_letter(void **state)
{
	struct notification n = { .number = 2, .to = BOB, .hold_s = DAY };
	struct world w;
	uint64_t dropped;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	accepts(&w, n);
	damaged(&w, LETTER);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(purge(&w, "a.test", NULL, false, &dropped), REFUSAL_storage);
		assert_int_equal(dropped, i == 0);
	}
	assert_int_equal(entries(&w, NOTICE), 1);
	assert_int_equal(entries(&w, LETTER), 1);
	assert_int_equal(pending(&w), 0);
	assert_int_equal(counts(&w).damaged, 1); /* once */
	world_clear(&w);
}

/* Its papers stay; those of others are renewed, and what comes after them is done. */
static void
a_damaged_letter_ends_no_sweep(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = 80 * DAY });
	damaged(&w, LETTER);
	accepts(&w, (struct notification) { .number = 2, .to = EVE, .hold_s = 2 * DAY });
	sweep(&w, 2 * DAY + KEEP + 7200);
	assert_int_equal(entries(&w, NOTICE), 1);
	assert_int_equal(counts(&w).damaged, 1);
	world_clear(&w);
}

static void
a_damaged_mailbox_ends_no_sweep(void **state)
{
	struct world w;
	uint64_t dropped;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	damaged(&w, MAILBOX);
	accepts(&w, (struct notification) { .number = 2, .to = EVE, .hold_s = 2 * DAY });
	sweep(&w, 100 * DAY);
	assert_int_equal(entries(&w, NOTICE), 1); /* of BOB */
	assert_int_equal(counts(&w).damaged, 1);
	for (unsigned i = 0; i < 70; i++) { /* in all orders of their names */
		char user[40];

		snprintf(user, sizeof user, "u%u@b.test", i);
		accepts(&w, (struct notification) { .number = 10 + i, .to = user, .hold_s = DAY });
	}
	assert_int_equal(purge(&w, "a.test", NULL, true, &dropped), REFUSAL_storage);
	assert_int_equal(dropped, 70);
	assert_int_equal(purge(&w, NULL, BOB, true, &dropped), REFUSAL_storage);
	assert_int_equal(purge(&w, NULL, EVE, true, &dropped), REFUSAL_NONE);
	assert_int_equal(counts(&w).damaged, 1);
	world_clear(&w);
}

/* It stays, and is not looked at again; those beside it go. */
static void
a_damaged_notice_stays_alone(void **state)
{
	struct world w;
	uint64_t dropped;

	(void)state;
	world_of(&w);
	for (unsigned i = 1; i <= 3; i++)
		accepts(&w, (struct notification) { .number = i, .to = BOB, .hold_s = DAY });
	damaged(&w, NOTICE);
	sweep(&w, DAY + KEEP + 7200);
	assert_int_equal(entries(&w, NOTICE), 1);
	assert_int_equal(entries(&w, DUE), 0);
	accepts(&w, (struct notification) { .number = 4, .to = BOB, .hold_s = DAY });
	purge(&w, "a.test", NULL, true, &dropped);
	assert_int_equal(dropped, 1);
	assert_int_equal(entries(&w, NOTICE), 1);
	assert_int_equal(pending(&w), 0);
	world_clear(&w);
}

/* An entry of the seen set that cannot be read holds up neither its notice nor those beside it. */
static void
a_damaged_entry_holds_up_nothing(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	for (unsigned i = 1; i <= 3; i++)
		accepts(&w, (struct notification) { .number = i, .to = BOB, .hold_s = DAY });
	damaged(&w, SEEN);
	sweep(&w, DAY + KEEP + 7200);
	assert_int_equal(entries(&w, NOTICE), 0);
	sweep(&w, LIMIT + 2 * DAY);
	assert_int_equal(entries(&w, SEEN), 0);
	assert_int_equal(entries(&w, UNTIL), 0);
	assert_int_equal(pending(&w), 0);
	world_clear(&w);
}

/* Indexes that name no notice, before that of one that has come to its time. */
static void
put_rows_of_nothing(struct kv_txn *t)
{
	for (uint64_t i = 0; i < 2 * MAILBOX_PAGE + 10; i++) {
		struct kv_key k = { .n = 0 };

		kv_key_add_u8(&k, 'h');
		kv_key_add_u64(&k, 1);
		kv_key_add_u64(&k, 1000000 + i);
		kv_put(t, kv_key_span(&k), (struct span) { 0 });
	}
}

/* Each row of a mailbox that is deleted goes, also one that cannot be read. */
static void
a_damaged_row_keeps_no_mailbox(void **state)
{
	static const enum table tables[] = { NOTICE, SEEN, UNTIL, SEEN_BY, DUE, KNOWN };

	(void)state;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		uint64_t before;
		struct world w;

		world_of(&w);
		for (unsigned j = 1; j <= 3; j++)
			accepts(&w,
			    (struct notification) { .number = j, .to = BOB, .hold_s = DAY });
		if (tables[i] ==
		    DUE) /* its first notice is due by itself when its entry is forgotten */
			operate(&w, ims_part_mailbox(BOB), put_rows_of_nothing);
		if (tables[i] == KNOWN) /* else dropping them states anew what the domain takes */
			for (unsigned j = 1; j <= 3; j++)
				assert_int_equal(drop(&w, BOB, j), REFUSAL_NONE);
		before = share(&w, "a.test", NULL).octets;
		damaged(&w, tables[i]);
		assert_int_equal(purge(&w, NULL, BOB, true, NULL), REFUSAL_NONE);
		for (enum table of = MAILBOX; of <= KNOWN; of++)
			assert_int_equal(entries(&w, of), 0);
		assert_int_equal(pending(&w), 0);
		assert_true(share(&w, "a.test", NULL).octets < before);
		world_clear(&w);
	}
}

/* Its evidence and what our domains want of it go with it, also what of that cannot be read. */
static void
a_damaged_row_keeps_no_letter(void **state)
{
	static const enum table tables[] = { EVIDENCE, NOTIFIED };

	(void)state;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		struct world w;

		world_of(&w);
		accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
		accepts(&w,
		    (struct notification) { .number = 1, .to = "carol@c.test", .hold_s = DAY });
		assert_int_equal(entries(&w, NOTIFIED), 1);
		damaged(&w, tables[i]);
		assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
		assert_int_equal(drop(&w, "carol@c.test", 1), REFUSAL_NONE);
		assert_int_equal(pending(&w), 0);
		assert_int_equal(entries(&w, LETTER), 0);
		assert_int_equal(entries(&w, EVIDENCE), 0);
		world_clear(&w);
	}
}

/* -- to the end of what is there ------------------------------------------------------------------------------- */

static void
a_page_of_rows_that_name_nothing_ends(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	operate(&w, ims_part_mailbox(BOB), put_rows_of_nothing);
	sweep(&w, DAY + KEEP + 3600);
	assert_int_equal(entries(&w, NOTICE), 0);
	assert_int_equal(entries(&w, DUE), 0);
	world_clear(&w);
}

/* Entries of notices that are there come before those that are forgotten. */
static void
a_dropped_sender_is_forgotten_beyond_a_page(void **state)
{
	enum { HERE = MAILBOX_PAGE + 10, GONE = 5 };
	struct world w;

	(void)state;
	world_of(&w);
	for (unsigned i = 1; i <= HERE; i++)
		fetched(&w, i);
	for (unsigned i = HERE + 1; i <= HERE + GONE; i++) {
		accepts(&w, (struct notification) { .number = i, .to = BOB, .hold_s = 5 * DAY });
		assert_int_equal(drop(&w, BOB, i), REFUSAL_NONE);
	}
	assert_int_equal(entries(&w, SEEN), HERE + GONE);
	assert_int_equal(purge(&w, "a.test", NULL, false, NULL), REFUSAL_NONE);
	assert_int_equal(entries(&w, SEEN), HERE);
	assert_int_equal(entries(&w, NOTICE), HERE);
	world_clear(&w);
}

/* A letter that stays is not asked for its file; so there is room to remember those of others, some of which are still
 * named when their notices go. */
static void
files_that_stay_are_not_asked_for(void **state)
{
	enum { MANY = 1100, GONE = 20 }; /* more than are remembered at once */
	struct world w;
	char user[40];

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(user, sizeof user, "u%u@b.test", i);
		accepts(&w, (struct notification) { .number = 1, .to = user, .hold_s = DAY });
	}
	sweep(&w, DAY + KEEP + 7200);
	assert_int_equal(entries(&w, NOTICE), MANY + 1);
	for (unsigned i = 2; i < 2 + GONE; i++)
		fetched(&w, i);
	for (unsigned i = 2; i < 2 + GONE; i++)
		assert_int_equal(drop(&w, BOB, i), REFUSAL_NONE);
	sweep(&w, 0); /* each was asked for by now */
	assert_int_equal(files_left(&w), 1);
	world_clear(&w);
}

/* -- at no cost ------------------------------------------------------------------------------------------------- */

/* A mailbox that has something to do later in this hour is not written. */
static void
an_hour_that_has_not_passed_costs_nothing(void **state)
{
	enum { USERS = 50 };
	struct ims_store_counts before, after;
	struct world w;
	int64_t hour;
	char user[40];

	(void)state;
	world_of(&w);
	hour = (w.now_s + 2 * DAY) / EXPIRY_S * EXPIRY_S;
	for (unsigned i = 0; i < USERS; i++) {
		snprintf(user, sizeof user, "u%u@b.test", i);
		accepts(&w,
		    (struct notification) { .number = i + 1,
			.to = user,
			.hold_s = hour + EXPIRY_S - 10 - w.now_s });
	}
	sweep(&w, hour - w.now_s - 10);
	before = counts(&w);
	for (int i = 1; i <= 10; i++)
		sweep(&w, hour - w.now_s + (int64_t)60 * i);
	after = counts(&w);
	assert_in_range(after.writes - before.writes, 0, 2); /* the cursor */
	world_clear(&w);
}

/* Letters that renew their papers share commits. */
static void
many_letters_renew_together(void **state)
{
	enum { BATCHES = 20, LETTERS = 50 };
	struct ims_store_counts before, after;
	struct world w;

	(void)state;
	world_of(&w);
	for (unsigned i = 0; i < BATCHES; i++)
		accepts(&w,
		    (struct notification) { .number = 1 + LETTERS * i,
			.to = BOB,
			.hold_s = 80 * DAY,
			.statements = LETTERS });
	sweep(&w, 0);
	before = counts(&w);
	sweep(&w, PAPER_RENEW_S + DAY);
	after = counts(&w);
	assert_in_range(after.writes - before.writes, BATCHES * LETTERS,
	    BATCHES * LETTERS + BATCHES * LETTERS / 10);
	assert_in_range(after.commits - before.commits, 1, BATCHES * LETTERS / 10);
	assert_int_equal(entries(&w, PAPER), 1 + BATCHES);
	sweep(&w, PAPER_RENEW_S + PAPER_KEEP_S); /* the papers are there as long as their letters */
	sweep(&w, PAPER_RENEW_S + 2 * PAPER_KEEP_S);
	assert_int_equal(entries(&w, PAPER), 1 + BATCHES);
	world_clear(&w);
}

int
main(void)
{
	enum { EACH = 4, FILE = 9 };
	const struct CMUnitTest tests[EACH + FILE] = {
		cmocka_unit_test(a_dropped_sender_is_forgotten_beyond_a_page),
		cmocka_unit_test(files_that_stay_are_not_asked_for),
		cmocka_unit_test(an_hour_that_has_not_passed_costs_nothing),
		cmocka_unit_test(a_page_of_rows_that_name_nothing_ends),
		/* with a file */
		cmocka_unit_test(many_letters_renew_together),
		cmocka_unit_test(a_damaged_letter_takes_no_notice_with_it),
		cmocka_unit_test(a_purge_leaves_a_damaged_letter),
		cmocka_unit_test(a_damaged_letter_ends_no_sweep),
		cmocka_unit_test(a_damaged_mailbox_ends_no_sweep),
		cmocka_unit_test(a_damaged_notice_stays_alone),
		cmocka_unit_test(a_damaged_entry_holds_up_nothing),
		cmocka_unit_test(a_damaged_row_keeps_no_mailbox),
		cmocka_unit_test(a_damaged_row_keeps_no_letter),
	};

	return engines_run("ims_sweep", tests, EACH, EACH + FILE);
}
