/* ims_again — a mailbox or a letter that ended and comes again within the same second: what it says then is newer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/ims_truth.h"
#include "tests/unit/ims_store_scene.h"

static void
on_purged(void *arg, uint64_t notices, const struct err *e)
{
	(void)notices;
	on_done(arg, e);
}

static void
delete_mailbox(struct world *w, const char *user)
{
	const struct ims_purge what = {
		.user = user,
		.opened = true,
		.loop = w->loop,
		.done = on_purged,
		.arg = w,
	};

	w->waiting++;
	ims_store_purge(w->store, &what);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
}

/* What the mailbox before has stated may not have arrived everywhere. */
static void
a_mailbox_made_again_speaks_anew(void **state)
{
	uint64_t files;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	arrive(&w);
	delete_mailbox(&w, BOB);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	arrive(&w);
	assert_int_equal(counts(&w).mailboxes, 1);
	assert_int_equal(entries(&w, LETTER), 1);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HELD);
	assert_sums_are_true(w.store, w.loop, &files);
	world_clear(&w);
}

static uint64_t looks;

static bool
see_look(void *arg, const struct kv_fact *f)
{
	(void)arg;
	looks += f->name.p[0] == PART_LETTER;
	return true;
}

static void
see_looks(struct kv_txn *t)
{
	looks = 0;
	kv_each_fact(t, FACT_LOOK, (struct span) { 0 }, (struct span) { 0 }, see_look, NULL);
}

/* Each letter renews its papers after a week, also one whose id was dropped before. */
static void
a_letter_announced_again_renews(void **state)
{
	struct kv_part part;
	struct world w;
	struct ulid id;

	(void)state;
	world_of(&w);
	w.now_s += 2; /* the clock must not get there while this runs */
	id = id_of(&w, 1);
	part = ims_part_letter(&id);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	accepts(&w, (struct notification) { .number = 1, .to = EVE, .hold_s = DAY });
	arrive(&w);
	assert_int_equal(entries(&w, LETTER), 1);
	operate(&w, ims_part_expiry(w.now_s + PAPER_RENEW_S, &part), see_looks);
	assert_int_equal(looks, 1);
	world_clear(&w);
}

/* A fetch of a letter that is gone keeps nothing for one that is announced under its id since. */
static void
a_fence_is_never_given_twice(void **state)
{
	struct ims_letter first;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	first = w.leased;
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	arrive(&w);
	accepts(&w, (struct notification) { .number = 1, .to = EVE, .hold_s = DAY, .size = 2222 });
	assert_int_equal(lease(&w, EVE, 1), REFUSAL_NONE);
	assert_true(w.leased.fence > first.fence);
	assert_int_equal(keep(&w, &first), REFUSAL_fetch_running);
	assert_int_equal(keep(&w, &w.leased), REFUSAL_NONE);
	world_clear(&w);
}

/* Only this engine has several nodes on one store. */
static void
a_living_node_keeps_its_lease(void **state)
{
	struct ims_letter l, first;
	struct ims_store *other;
	struct world w;
	char bodies[128];
	struct err e;

	(void)state;
	if (scene_engine != ENGINE_APART)
		return;
	world_of(&w);
	snprintf(bodies, sizeof bodies, "%s/bodies", w.folder);
	assert_true(ims_store_open_on(kv_memory_open(w.memory, &ims_schema), bodies, SIZE,
	    w.offload, &other, &e));
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	l = letter(&w, BOB, 1);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	first = w.leased;
	for (int i = 0; i < 2; i++) { /* also where the other one was the last that wrote */
		w.waiting++;
		ims_store_lease(other, &l, w.loop, on_leased, &w);
		wait_for(&w);
		assert_int_equal(w.why, REFUSAL_fetch_running);
		l.fence = 1;
		w.waiting++;
		ims_store_release(other, &l, MAILBOX_HELD, REFUSAL_NONE, w.loop, on_done, &w);
		wait_for(&w);
		assert_int_equal(w.why, REFUSAL_fetch_running);
	}
	assert_int_equal(keep(&w, &first), REFUSAL_NONE);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HERE);
	ims_store_close(&other);
	world_clear(&w);
}

int
main(void)
{
	enum { N = 4 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(a_mailbox_made_again_speaks_anew),
		cmocka_unit_test(a_letter_announced_again_renews),
		cmocka_unit_test(a_fence_is_never_given_twice),
		cmocka_unit_test(a_living_node_keeps_its_lease),
	};

	return engines_run("ims_again", tests, N, N);
}
