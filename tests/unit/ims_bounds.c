/* ims_bounds — no partition of the IMS's store grows without bound, whatever its senders and users do or leave undone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/store/kv_lmdb.h"
#include "tests/unit/ims_store_scene.h"

#define RETRY_MS 20

struct bounded {
	struct world w;
	struct ims_bounds bounds;
};

static void
bounded_of(struct bounded *b, uint64_t acks)
{
	struct kv_schema schema = ims_schema;
	struct world *w = &b->w;
	char store[128], bodies[128];
	struct kv *kv;
	struct err e;

	b->bounds = (struct ims_bounds) { acks };
	world_bare(w);
	schema.arg = &b->bounds;
	w->memory = engine_memory(SIZE);
	snprintf(store, sizeof store, "%s/store", w->folder);
	snprintf(bodies, sizeof bodies, "%s/store/bodies", w->folder);
	if (w->memory != NULL) {
		assert_int_equal(mkdir(store, 0700), 0);
		kv = kv_memory_open(w->memory, &schema);
	} else {
		assert_true(kv_lmdb_open(store, SIZE, &schema, &kv, &e));
		kv_lmdb_set_retry_ms(kv, RETRY_MS);
	}
	assert_true(ims_store_open_on(kv, bodies, SIZE, w->offload, &w->store, &e));
}

/* -- acknowledgements that nobody takes ------------------------------------------------------------------ */

/* A letter that is here by the end. */
static void
fetch(struct world *w, unsigned number)
{
	accepts(w, (struct notification) { .number = number, .to = BOB, .hold_s = DAY });
	assert_int_equal(lease(w, BOB, number), REFUSAL_NONE);
	assert_int_equal(keep(w, &w->leased), REFUSAL_NONE);
	arrive(w);
}

static struct ims_ack
answer_first(struct world *w)
{
	struct ims_ack a;

	assert_true(list_acks(w, NULL, 1) == 1);
	a = w->acks[0];
	w->waiting++;
	ims_store_acked(w->store, &a, w->loop, on_done, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	return a;
}

static uint64_t
waiting(const struct world *w)
{
	struct kv_counts c;

	kv_get_counts(ims_store_kv(w->store), &c);
	return c.pending;
}

/* What waits comes in later: by the engine's time, or its next commit. */
static void
wait_for_acks(struct world *w, size_t n)
{
	for (int i = 0; i < 1000 && list_acks(w, NULL, WORLD_ACKS) != n; i++)
		usleep(10000);
	assert_int_equal(list_acks(w, NULL, WORLD_ACKS), n);
}

static void
so_many_acknowledgements_are_due(void **state)
{
	enum { MOST = 3, LETTERS = MOST + 2 };
	unsigned char answered[LETTERS] = { 0 };
	struct bounded b;
	struct world *w = &b.w;

	(void)state;
	bounded_of(&b, MOST);
	for (unsigned i = 1; i <= LETTERS; i++) {
		fetch(w, i);
		assert_int_equal(list_acks(w, NULL, WORLD_ACKS), i < MOST ? i : MOST);
		if (i == MOST)
			assert_int_equal(waiting(w), 0);
	}
	assert_int_equal(waiting(w), LETTERS - MOST);
	for (unsigned i = 0; i < LETTERS; i++) {
		const struct ims_ack a = answer_first(w);

		for (unsigned k = 1; k <= LETTERS; k++) {
			const struct ulid id = id_of(w, k);

			answered[k - 1] += ulid_eq(&id, &a.id);
		}
		wait_for_acks(w, i + MOST < LETTERS ? MOST : LETTERS - i - 1);
	}
	for (unsigned i = 0; i < LETTERS; i++)
		assert_int_equal(answered[i], 1);
	assert_int_equal(waiting(w), 0);
	world_clear(w);
}

/* A letter goes whose acknowledgement has not come in: nothing is left of either that it would be due for ever. */
static void
a_letter_goes_whose_acknowledgement_waits(void **state)
{
	struct bounded b;
	struct world *w = &b.w;

	(void)state;
	bounded_of(&b, 1);
	fetch(w, 1);
	fetch(w, 2);
	drop(w, BOB, 2);
	assert_int_equal(w->why, REFUSAL_NONE);
	drop(w, BOB, 1);
	assert_int_equal(entries(w, LETTER), 0);
	for (int i = 0; i < 2; i++) {
		wait_for_acks(w, 1);
		answer_first(w);
	}
	wait_for_acks(w, 0);
	world_clear(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_acknowledgements_are_due),
		cmocka_unit_test(a_letter_goes_whose_acknowledgement_waits),
	};
	size_t n = sizeof tests / sizeof *tests;

	return engines_run("ims_bounds", tests, n, n);
}
