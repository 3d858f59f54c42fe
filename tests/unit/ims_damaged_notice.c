/* ims_damaged_notice — a notice that cannot be read goes with its mailbox, and its letter learns of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ims_store_scene.h"

static void
on_purged(void *arg, uint64_t notices, const struct err *e)
{
	(void)notices;
	on_done(arg, e);
}

/* Deletes the mailbox. */
static void
purge(struct world *w, const char *user)
{
	const struct ims_purge purge = { .user = user,
		.opened = true,
		.loop = w->loop,
		.done = on_purged,
		.arg = w };

	w->waiting++;
	ims_store_purge(w->store, &purge);
	wait_for(w);
	arrive(w);
}

static void
damage_first(struct world *w)
{
	ims_store_close(&w->store);
	damage(w, NOTICE);
	reopen(w);
}

/* The letter goes with its last notice. */
static void
a_deleted_mailbox_leaves_no_letter(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	for (unsigned i = 1; i <= 2; i++)
		accepts(&w, (struct notification) { .number = i, .to = BOB, .hold_s = DAY });
	damage_first(&w);
	purge(&w, BOB);
	assert_int_equal(entries(&w, MAILBOX), 0);
	assert_int_equal(entries(&w, NOTICE), 0);
	assert_int_equal(entries(&w, LETTER), 0);
	assert_int_equal(entries(&w, EVIDENCE), 0);
	world_clear(&w);
}

/* Another mailbox has a notice of the same letter: that one counts, and no other. */
static void
the_letter_stays_for_the_others(void **state)
{
	const char *gone = BOB, *other = EVE;
	struct world w;

	(void)state;
	world_of(&w);
	for (int i = 0; i < 2; i++)
		accepts(&w,
		    (struct notification) { .number = 1,
			.to = i == 0 ? gone : other,
			.hold_s = DAY });
	damage_first(&w);
	if (list(&w, gone, 0) > 0)
		gone = EVE, other = BOB;
	assert_int_equal(list(&w, gone, 0), 0);
	assert_int_equal(list(&w, other, 0), 1);
	purge(&w, gone);
	assert_int_equal(entries(&w, LETTER), 1);
	drop(&w, other, 1);
	assert_int_equal(w.why, REFUSAL_NONE);
	assert_int_equal(entries(&w, LETTER), 0);
	world_clear(&w);
}

/* What was dropped before, or is legible, states nothing a second time. */
static void
what_was_dropped_counts_once(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	for (unsigned i = 1; i <= 2; i++)
		accepts(&w, (struct notification) { .number = i, .to = BOB, .hold_s = DAY });
	accepts(&w, (struct notification) { .number = 1, .to = EVE, .hold_s = DAY });
	drop(&w, BOB, 1);
	purge(&w, BOB);
	assert_int_equal(entries(&w, LETTER), 1);
	assert_int_equal(list(&w, EVE, 0), 1);
	drop(&w, EVE, 1);
	assert_int_equal(entries(&w, LETTER), 0);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_deleted_mailbox_leaves_no_letter),
		cmocka_unit_test(the_letter_stays_for_the_others),
		cmocka_unit_test(what_was_dropped_counts_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
