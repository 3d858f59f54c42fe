/* oms_given — a letter that an SMTP server may have: what the spool says of it before the answer, after it, and after a
 * stop in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/oms_store_scene.h"

static const struct oms_giving mx = { .now_s = 77, .host = { "mx.b.test" }, .secured = "ca+dane" };

static enum refusal
give(struct world *w, const struct oms_delivery *d)
{
	struct outcome o = { .world = w };

	w->waiting++;
	oms_store_give(w->store, d, &mx, w->loop, on_done, &o);
	wait_all(w);
	return o.why;
}

/* A letter to bob and carol at b.test; the server has accepted bob. */
static void
begin(struct world *w, struct ulid *id, struct oms_delivery *d)
{
	const struct letter l = { .size = 100 };

	world_init(w);
	assert_int_equal(put(w, &l, id), REFUSAL_NONE);
	arrive(w);
	assert_int_equal(due(w, "b.test", d, 1), 1);
	d->recipients[0].giving = true;
}

static void
answer(struct world *w, struct oms_delivery *d, enum submit_state bob, enum refusal why)
{
	struct err e;
	struct oms_giving g = mx;

	assert_true(oms_delivery_give(d, d, &g, &e));
	err_set(&e, why, "said of the letter");
	e.said = true;
	oms_recipient_said(&d->recipients[0], bob, &e, 99);
	d->tries = 1;
	d->next_ms = 1000;
	attempted(w, d);
	arrive(w);
}

static void
after_a_stop_it_says_that_the_answer_is_not_known(void **state)
{
	struct oms_delivery d, again;
	struct ulid id;
	struct world w;

	(void)state;
	begin(&w, &id, &d);
	assert_int_equal(give(&w, &d), REFUSAL_NONE);
	oms_delivery_clear(&d);
	reopen(&w);
	assert_int_equal(due(&w, "b.test", &again, 1), 1); /* it is tried again */
	assert_int_equal(again.road, OMS_ROAD_SMTP);
	assert_int_equal(again.recipients[0].state, SUBMIT_WAITING);
	assert_int_equal(again.recipients[0].given_s, 77);
	assert_string_equal(again.recipients[0].word, "answer-unknown");
	assert_string_equal(again.recipients[0].host.text, "mx.b.test");
	assert_string_equal(again.recipients[0].secured, "ca+dane");
	assert_false(again.recipients[0].giving);
	assert_int_equal(again.recipients[1].given_s, 0);
	assert_string_equal(again.recipients[1].word, "");
	assert_string_equal(again.recipients[1].host.text, "");
	oms_delivery_clear(&again);
	world_clear(&w);
}

static void
the_answer_is_kept_with_the_server_that_gave_it(void **state)
{
	struct oms_delivery d, left;
	struct ulid id;
	struct world w;

	(void)state;
	begin(&w, &id, &d);
	assert_int_equal(give(&w, &d), REFUSAL_NONE);
	answer(&w, &d, SUBMIT_BY_SMTP, REFUSAL_NONE);
	oms_delivery_clear(&d);
	reopen(&w);
	assert_int_equal(due(&w, "b.test", &left, 1), 1); /* carol waits */
	assert_int_equal(left.recipients[0].state, SUBMIT_BY_SMTP);
	assert_int_equal(left.recipients[0].since_s, 99);
	assert_int_equal(left.recipients[0].given_s, 77);
	assert_string_equal(left.recipients[0].host.text, "mx.b.test");
	assert_string_equal(left.recipients[0].text, "said of the letter");
	assert_int_equal(left.recipients[0].by, SUBMIT_SPEAKER_PEER);
	assert_int_equal(left.recipients[1].state, SUBMIT_WAITING);
	assert_int_equal(give(&w, &left), REFUSAL_gone); /* nobody of this attempt waits */
	oms_delivery_clear(&left);
	world_clear(&w);
}

static void
a_temporary_answer_leaves_nothing_given(void **state)
{
	struct oms_delivery d, left;
	struct ulid id;
	struct world w;

	(void)state;
	begin(&w, &id, &d);
	assert_int_equal(give(&w, &d), REFUSAL_NONE);
	answer(&w, &d, SUBMIT_WAITING, REFUSAL_refused_for_now);
	oms_delivery_clear(&d);
	assert_int_equal(due(&w, "b.test", &left, 1), 1);
	assert_int_equal(left.recipients[0].state, SUBMIT_WAITING);
	assert_int_equal(left.recipients[0].given_s, 0);
	assert_string_equal(left.recipients[0].word, "refused-for-now");
	oms_delivery_clear(&left);
	world_clear(&w);
}

/* It has expired while its content was on the way: the dot must not leave. */
static void
a_letter_that_is_over_is_not_given(void **state)
{
	struct oms_delivery d;
	struct outcome o;
	struct ulid id;
	struct world w;

	(void)state;
	begin(&w, &id, &d);
	o = (struct outcome) { .world = &w };
	w.waiting++;
	oms_store_sweep(w.store, d.hold_until_s + 1, w.loop, on_done, &o);
	wait_all(&w);
	assert_int_equal(o.why, REFUSAL_NONE);
	assert_int_equal(give(&w, &d), REFUSAL_gone);
	oms_delivery_clear(&d);
	world_clear(&w);
}

/* How each letter of the outbox came. */
static void
note_how(void *arg, const struct oms_listed *x)
{
	unsigned *how = arg;

	*how = (x->letter.null_sender ? 1U : 0U) | (x->letter.by_submission ? 2U : 0U);
}

static void
how_a_letter_came_is_kept(void **state)
{
	const struct letter l = { .size = 100 };

	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		unsigned found = 9, pages;
		struct putting x;
		struct outcome o;
		struct world w;

		world_init(&w);
		put_prepare(&w, &l, &x);
		x.put.letter.null_sender = (how & 1) != 0;
		x.put.letter.by_submission = (how & 2) != 0;
		put_take(&w, &x, &o);
		wait_all(&w);
		reopen(&w);
		ask_queue(w.store, w.loop, 7, note_how, &found, &pages);
		assert_int_equal(found, how);
		world_clear(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_a_stop_it_says_that_the_answer_is_not_known),
		cmocka_unit_test(the_answer_is_kept_with_the_server_that_gave_it),
		cmocka_unit_test(a_temporary_answer_leaves_nothing_given),
		cmocka_unit_test(a_letter_that_is_over_is_not_given),
		cmocka_unit_test(how_a_letter_came_is_kept),
	};

	return cmocka_run_group_tests_name("oms_given", tests, NULL, NULL);
}
