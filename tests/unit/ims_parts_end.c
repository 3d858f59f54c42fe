/* ims_parts_end — how what lies in the partitions of the IMS's store ends: by time, with its sender, and page by page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ims_parts_scene.h"

/* -- pages ----------------------------------------------------------------------------------------------------------- */

static struct ims_numbers numbers;

static void
see_numbers(struct kv_txn *t, struct world *w)
{
	(void)w;
	ims_mailbox_numbers(t, &numbers);
}

/* Ends what `numbers` asks for, as if no letter were here.  How many were dropped. */
static uint64_t
end_page(struct world *w, bool forgets)
{
	struct ims_ended ended[MAILBOX_PAGE];
	struct call c = {
		.ending = { .most = MAILBOX_PAGE, .rows = ended, .forgets = forgets, .now_s = NOW }
	};

	look(w, ims_part_mailbox(BOB), see_numbers);
	for (size_t i = 0; i < numbers.n; i++)
		ended[i] = (struct ims_ended) { .number = numbers.number[i],
			.end = IMS_NOTICE_GOES,
			.has_letter = true,
			.letter = MAILBOX_HELD };
	c.ending.n = numbers.n;
	assert_int_equal(run(w, ims_part_mailbox(BOB), ims_mailbox_end, &c), REFUSAL_NONE);
	return c.ending.dropped;
}

static unsigned
pages(struct world *w, bool (*apply)(struct kv_txn *t, void *arg, struct err *e), int64_t at_s)
{
	struct call c = { .ending = { .most = MAILBOX_PAGE,
			      .now_s = NOW + at_s,
			      .keep_s = 30 * DAY,
			      .from_domain = SPAN_LIT("a.test"),
			      .more = true } };
	unsigned n = 0;

	for (; c.ending.more; n++)
		assert_int_equal(run(w, ims_part_mailbox(BOB), apply, &c), REFUSAL_NONE);
	return n;
}

static unsigned
looked_at(struct world *w, int64_t at_s)
{
	struct kv_part bob = ims_part_mailbox(BOB);

	return rows_of(w, ims_part_expiry(NOW + at_s, &bob));
}

static void
notices_and_repeats_end_by_time(void **state)
{
	struct notification n = { .to = BOB, .hold_s = 2 * DAY };
	struct world w;
	struct call c;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	assert_int_equal(looked_at(&w, 2 * DAY), 1);
	n.hold_s = DAY;
	for (n.number = 1; n.number <= 230; n.number++)
		accepts(&w, n);
	assert_int_equal(looked_at(&w, 2 * DAY), 0);
	assert_int_equal(looked_at(&w, DAY), 1);
	numbers = (struct ims_numbers) { .most = MAILBOX_PAGE, .due_s = NOW + DAY };
	assert_int_equal(end_page(&w, false), 0);
	assert_int_equal(pages(&w, ims_mailbox_expire, DAY + 1), 3);
	assert_int_equal(looked_at(&w, DAY), 0);
	assert_int_equal(looked_at(&w, 2 * DAY), 1); /* the first one's repeat */
	n.number = 1;
	n.hold_s = 2 * DAY;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE); /* nobody remembers it */
	assert_false(c.accept.known);
	n.number = 0;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	assert_true(c.accept.known);
	numbers = (struct ims_numbers) { .most = MAILBOX_PAGE, .due_s = NOW + DAY + 1 };
	assert_int_equal(end_page(&w, false), 100);
	assert_true(numbers.more);
	assert_int_equal(end_page(&w, false), 100);
	assert_int_equal(end_page(&w, false), 30);
	assert_false(numbers.more);
	pages(&w, ims_mailbox_expire, 3 * DAY);
	assert_int_equal(looked_at(&w, 2 * DAY), 0);
	assert_int_equal(looked_at(&w, 32 * DAY), 1); /* the notices of 0 and of 1 */
	assert_sums(&w, 2);
	world_clear(&w);
}

static void
a_sender_goes_with_what_is_remembered(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY };
	struct world w;
	struct call c;

	(void)state;
	world_of(&w);
	for (n.number = 1; n.number <= 150; n.number++)
		accepts(&w, n);
	n.from = "carl@other.test";
	n.number = 200;
	accepts(&w, n);
	numbers = (struct ims_numbers) { .most = MAILBOX_PAGE, .from_domain = SPAN_LIT("a.test") };
	assert_int_equal(end_page(&w, false), 100);
	assert_int_equal(end_page(&w, false), 50);
	assert_int_equal(end_page(&w, false), 0);
	assert_sums(&w, 0);
	look(&w, ims_part_sender(SPAN_LIT("a.test")), see_sender);
	assert_true(sum.octets > 0); /* remembered */
	pages(&w, ims_mailbox_forget, 0);
	look(&w, ims_part_sender(SPAN_LIT("a.test")), see_sender);
	assert_int_equal(sum.octets, 0);
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	assert_true(c.accept.known);
	numbers = (struct ims_numbers) { .most = MAILBOX_PAGE };
	assert_int_equal(end_page(&w, true), 1);
	pages(&w, ims_mailbox_delete, 0);
	assert_int_equal(rows_of(&w, ims_part_mailbox(BOB)), 0);
	look(&w, ims_part_sender(SPAN_LIT("other.test")), see_sender);
	assert_int_equal(sum.octets, 0);
	assert_int_equal(looked_at(&w, DAY), 0);
	assert_int_equal(accepts(&w, n), 1); /* a new mailbox of this name */
	world_clear(&w);
}

#define STATEMENTS 15000 /* more than one commit deletes */

static bool
put_statements(struct kv_txn *t, void *arg, struct err *e)
{
	int64_t from = ((struct call *)arg)->now_s;

	(void)e;
	for (int64_t i = from; i < from + 1000; i++) {
		struct kv_key k = { .n = 0 };

		kv_key_add_u8(&k, 'e');
		kv_key_add_hash(&k, SPAN_LIT("a.test"), PART_SHORT);
		kv_key_add_hash(&k, SPAN_LIT("b.test"), PART_SHORT);
		kv_key_add_u64(&k, (uint64_t)i);
		kv_put(t, kv_key_span(&k), SPAN_LIT("evidence"));
	}
	return true;
}

/* Also while one of its id is announced, which waits for its end. */
static void
a_letter_of_many_statements_goes(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ulid id = id_of(1);
	struct kv_part letter_1 = ims_part_letter(&id);
	struct call c = { .w = NULL };
	enum refusal why;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	for (c.now_s = 1; c.now_s < STATEMENTS; c.now_s += 1000)
		assert_int_equal(run(&w, letter_1, put_statements, &c), REFUSAL_NONE);
	assert_true(rows_of(&w, letter_1) > STATEMENTS);
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, false), REFUSAL_NONE);
	n.to = EVE;
	while ((why = accept_one(&w, n, &c)) != REFUSAL_NONE)
		assert_int_equal(why, REFUSAL_too_many_outstanding);
	assert_int_equal(change(&w, EVE, c.accept.number, ims_mailbox_drop, false), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, letter_1), 0);
	world_clear(&w);
}

/* More of our domains than one operation may tell. */
static void
done_is_pending_for_any_number_of_our_domains(void **state)
{
	struct notification n = { .number = 1, .hold_s = DAY };
	struct kv_part acks = ims_part_acks(SPAN_LIT("a.test"));
	struct call c = { .w = NULL };
	char to[32];
	struct world w;

	(void)state;
	world_of(&w);
	n.to = to;
	for (int i = 0; i < 2 * LETTER_PAGE + 1; i++) {
		snprintf(to, sizeof to, "bob@d%d.test", i);
		accepts(&w, n);
	}
	assert_int_equal(lease(&w, 1, &c), REFUSAL_NONE);
	assert_int_equal(keep(&w, &c, ""), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, acks), 2 * LETTER_PAGE + 2); /* and their sum */
	world_clear(&w);
}

/* It goes with the last that is summed, and comes again. */
static void
a_sum_of_nothing_goes(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct kv_part sender = ims_part_sender(SPAN_LIT("a.test"));
	struct call c;
	struct world w;

	(void)state;
	world_of(&w);
	for (uint64_t i = 0; i < 2; i++) {
		accepts(&w, n);
		assert_int_equal(change(&w, BOB, 1 + i, ims_mailbox_drop, false), REFUSAL_NONE);
		assert_int_equal(rows_of(&w, sender), 2); /* of what is remembered */
		c = (struct call) {
			.ending = { .most = MAILBOX_PAGE, .now_s = NOW + 2 * DAY },
		};
		assert_int_equal(run(&w, ims_part_mailbox(BOB), ims_mailbox_expire, &c),
		    REFUSAL_NONE);
		assert_int_equal(rows_of(&w, sender), 0);
	}
	world_clear(&w);
}

/* So its directory and its hour hear nothing of an acknowledgement that comes and goes. */
static void
a_domain_stays_listed_for_a_day_after_its_last_acknowledgement(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = 3 * DAY };
	struct kv_part acks = ims_part_acks(SPAN_LIT("a.test")),
		       shard = kv_dir_part(PART_ACKERS, SPAN_LIT("a.test"));
	struct call c = { .w = NULL };
	struct world w;

	(void)state;
	world_of(&w);
	for (n.number = 1; n.number <= 2; n.number++) {
		accepts(&w, n);
		assert_int_equal(lease(&w, n.number, &c), REFUSAL_NONE);
		assert_int_equal(keep(&w, &c, ""), REFUSAL_NONE);
		assert_int_equal(rows_of(&w, shard), 2); /* and their sum */
		c.letter.declined = false;
		assert_int_equal(run(&w, ims_part_letter(&c.letter.id), ims_letter_op_acked, &c),
		    REFUSAL_NONE);
		assert_string_equal(pending(&w), "");
		assert_int_equal(rows_of(&w, shard), 2);
		/* whoever looks finds none */
		c.now_s = NOW + (n.number - 1) * DAY / 2;
		assert_int_equal(run(&w, acks, ims_acks_idle, &c), REFUSAL_NONE);
	}
	c.now_s = NOW + DAY + 10; /* since the last one it is only half a day */
	assert_int_equal(run(&w, acks, ims_acks_idle, &c), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, shard), 2);
	c.now_s = NOW + 3 * DAY / 2;
	assert_int_equal(run(&w, acks, ims_acks_idle, &c), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, shard), 0);
	assert_int_equal(rows_of(&w, acks), 0);
	world_clear(&w);
}

int
main(void)
{
	enum { N = 6 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(notices_and_repeats_end_by_time),
		cmocka_unit_test(a_sender_goes_with_what_is_remembered),
		cmocka_unit_test(a_letter_of_many_statements_goes),
		cmocka_unit_test(done_is_pending_for_any_number_of_our_domains),
		cmocka_unit_test(a_sum_of_nothing_goes),
		cmocka_unit_test(a_domain_stays_listed_for_a_day_after_its_last_acknowledgement),
	};

	return engines_run("ims_parts_end", tests, N, N);
}
