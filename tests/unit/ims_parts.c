/* ims_parts — the partitions of the IMS's store: letters, mailboxes, senders and acknowledgements, by operations alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ims_parts_scene.h"

/* -- what is there ------------------------------------------------------------------------------------------------ */

static struct ims_ack first_ack;

static bool
take_ack(void *arg, const struct kv_fact *f)
{
	(void)arg;
	assert_true(ims_ack_read(f->value, &first_ack));
	return false;
}

static void
see_first_ack(struct kv_txn *t, struct world *w)
{
	(void)w;
	kv_each_fact(t, FACT_ACK, (struct span) { 0 }, (struct span) { 0 }, take_ack, NULL);
}

/* The sender's OMS answers the first; late: one that was sent before. */
static void
answer(struct world *w, bool late)
{
	struct call c = { .w = w };

	look(w, ims_part_acks(SPAN_LIT("a.test")), see_first_ack);
	c.letter = (struct ims_letter_op) { .id = first_ack.id,
		.from_domain = first_ack.from_domain,
		.own_domain = first_ack.own_domain,
		.round = first_ack.round - late,
		.declined = first_ack.declined,
		.now_s = NOW };
	assert_int_equal(run(w, ims_part_letter(&c.letter.id), ims_letter_op_acked, &c),
	    REFUSAL_NONE);
}

/* -- tests ----------------------------------------------------------------------------------------------------------- */

static void
a_repeat_is_known(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;
	struct call c;

	(void)state;
	world_of(&w);
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	assert_false(c.accept.known);
	assert_int_equal(c.accept.number, 1);
	reopen(&w);
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	assert_true(c.accept.known);
	assert_int_equal(c.accept.number, 1);
	n.size = 1001;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_id_conflict);
	assert_int_equal(letter_is(&w, 1).refs, 1);
	assert_int_equal(letter_is(&w, 1).facts.state, MAILBOX_HELD);
	assert_sums(&w, 1);
	world_clear(&w);
}

/* The letter of that id is another one: what the mailbox had put is taken back. */
static void
the_id_of_another_letter_is_refused(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;
	struct call c;
	unsigned before;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.to = EVE;
	n.number = 2;
	accepts(&w, n);
	look(&w, ims_part_mailbox(EVE), see_mailbox);
	before = rows_of(&w, ims_part_mailbox(EVE));
	n.number = 1;
	n.size = 2000;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_id_conflict);
	assert_int_equal(rows_of(&w, ims_part_mailbox(EVE)), before);
	assert_sums(&w, 2);
	assert_int_equal(letter_is(&w, 1).refs, 1);
	n.size = 0;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	assert_false(c.accept.known);
	assert_int_equal(letter_is(&w, 1).refs, 2);
	world_clear(&w);
}

static void
a_letter_goes_with_its_last_notice(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ulid id = id_of(1);
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.to = EVE;
	accepts(&w, n);
	fetched(&w, 1, "file");
	assert_int_equal(letter_is(&w, 1).facts.state, MAILBOX_HERE);
	assert_string_equal(letter.file, "file");
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, true), REFUSAL_NONE);
	assert_int_equal(letter_is(&w, 1).refs, 1);
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, true), REFUSAL_no_such_number);
	assert_int_equal(change(&w, EVE, 1, ims_mailbox_drop, true), REFUSAL_NONE);
	assert_int_equal(letter_is(&w, 1).refs, 0);
	assert_string_equal(pending(&w), "DONE b.test"); /* is owed all the same */
	answer(&w, false);
	assert_string_equal(pending(&w), "");
	assert_int_equal(rows_of(&w, ims_part_letter(&id)), 0);
	assert_sums(&w, 0);
	world_clear(&w);
}

static void
done_is_pending_until_it_is_answered(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.to = DAVE;
	accepts(&w, n);
	assert_string_equal(pending(&w), "");
	fetched(&w, 1, "");
	reopen(&w);
	assert_int_equal(strlen(pending(&w)), strlen("DONE b.test, DONE c.test"));
	answer(&w, true);
	assert_int_equal(strlen(pending(&w)), strlen("DONE b.test, DONE c.test"));
	answer(&w, false);
	answer(&w, false);
	assert_string_equal(pending(&w), "");
	n.to = EVE; /* has the letter, too */
	accepts(&w, n);
	assert_string_equal(pending(&w), "DONE b.test");
	world_clear(&w);
}

static void
a_decline_is_pending_when_nobody_wants_the_letter(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.to = EVE;
	accepts(&w, n);
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_decline, false), REFUSAL_NONE);
	assert_string_equal(pending(&w), "");
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_decline, false), REFUSAL_NONE);
	assert_string_equal(pending(&w), ""); /* does not count twice */
	assert_int_equal(change(&w, EVE, 1, ims_mailbox_drop, false), REFUSAL_NONE);
	assert_string_equal(pending(&w), "DECLINE b.test");
	n.number = 1; /* word for word */
	n.to = EVE;
	accepts(&w, n);
	assert_string_equal(pending(&w), "DECLINE b.test");
	world_clear(&w);
}

static void
a_domain_has_its_shares(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .mailbox_limit = 20000 };
	struct world w;
	struct call c;
	enum refusal why = REFUSAL_NONE;

	(void)state;
	world_of(&w);
	for (n.number = 1; why == REFUSAL_NONE && n.number < 100; n.number++)
		why = accept_one(&w, n, &c);
	assert_int_equal(why, REFUSAL_sender_mailbox_share);
	look(&w, ims_part_mailbox(BOB), see_mailbox);
	assert_in_range(sum.octets, 15000, 20000);
	assert_int_equal(sum.notices, mailbox.notices);
	assert_sums(&w, n.number - 2);
	n.to = EVE;
	n.mailbox_limit = 0;
	n.sender_limit = 30000;
	look(&w, ims_part_sender(SPAN_LIT("a.test")), see_sender);
	n.has = sum.octets;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_NONE);
	n.number++;
	n.has = 30000;
	assert_int_equal(accept_one(&w, n, &c), REFUSAL_sender_share);
	world_clear(&w);
}

/* -- several entries in one operation ------------------------------------------------------------------------------ */

static void
each_entry_is_judged(void **state)
{
	struct notification n[] = {
		{ .number = 2, .to = BOB, .hold_s = DAY },
		{ .number = 1, .to = BOB, .hold_s = DAY, .size = 2000 }, /* another letter */
		{ .number = 3, .to = BOB, .hold_s = DAY },
		{ .number = 2, .to = BOB, .hold_s = DAY }, /* again */
		{ .number = 3, .to = BOB, .hold_s = DAY, .size = 2000 },
	};
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = EVE, .hold_s = DAY });
	assert_int_equal(accept_many(&w, n, 5), REFUSAL_id_conflict); /* by the letter */
	assert_true(many.call.all.judged);
	assert_int_equal(many.entry[0].why, REFUSAL_NONE);
	assert_int_equal(many.entry[1].why, REFUSAL_id_conflict);
	assert_int_equal(many.entry[2].why, REFUSAL_NONE);
	assert_int_equal(many.entry[3].why, REFUSAL_NONE);
	assert_true(many.entry[3].known && !many.entry[0].known);
	assert_int_equal(many.entry[3].number, many.entry[0].number);
	assert_int_equal(many.entry[4].why, REFUSAL_id_conflict);
	assert_sums(&w, 3);
	assert_int_equal(accept_many(&w, n, 5), REFUSAL_id_conflict);
	assert_true(many.entry[0].known && many.entry[2].known);
	assert_int_equal(accept_many(&w, n + 4, 1), REFUSAL_id_conflict); /* by the mailbox */
	assert_true(many.call.all.judged);
	assert_sums(&w, 3);
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(letter_is(&w, i).refs, 1);
	world_clear(&w);
}

/* As many as one operation takes are one write. */
static void
a_batch_is_one_write(void **state)
{
	struct notification n[MANY];
	struct kv_counts before, after;
	struct world w;

	(void)state;
	world_of(&w);
	for (unsigned i = 0; i < MANY; i++)
		n[i] = (struct notification) { .number = i, .to = BOB, .hold_s = DAY };
	kv_get_counts(w.kv, &before);
	assert_int_equal(accept_many(&w, n, MANY), REFUSAL_NONE);
	kv_get_counts(w.kv, &after);
	if (w.memory == NULL)
		assert_int_equal(after.writes - before.writes, 1);
	assert_sums(&w, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(letter_is(&w, i).refs, 1);
	world_clear(&w);
}

/* -- pages ----------------------------------------------------------------------------------------------------------- */

static uint64_t
draw(uint64_t *dice, uint64_t n)
{
	*dice = *dice * 6364136223846793005U + 1442695040888963407U;
	return (*dice >> 33) % n;
}

static void
do_anything(struct world *w, uint64_t *dice)
{
	static const char *const users[] = { BOB, EVE, DAVE };
	const char *user = users[draw(dice, 3)];
	unsigned what = (unsigned)draw(dice, 20), letter_number = (unsigned)draw(dice, 6);
	struct call c;

	if (what < 8)
		accept_one(w,
		    (struct notification) { .number = letter_number, .to = user, .hold_s = DAY },
		    &c);
	else if (what < 13)
		change(w, user, 1 + draw(dice, 40), ims_mailbox_drop, draw(dice, 2) == 0);
	else if (what < 15)
		change(w, user, 1 + draw(dice, 40), ims_mailbox_decline, false);
	else if (what < 16)
		change(w, user, 1 + draw(dice, 40), ims_mailbox_mark, false);
	else if (what < 18 && lease(w, letter_number, &c) == REFUSAL_NONE &&
	    c.letter.letter.state == MAILBOX_FETCHING)
		keep(w, &c, "");
	else if (what == 18 && pending(w)[0] != '\0')
		answer(w, draw(dice, 4) == 0);
	else if (what == 19)
		reopen(w);
}

/* The sums of all partitions are what they count, after anything. */
static void
sums_are_true_whatever_happens(void **state)
{
	static const char *const users[] = { BOB, EVE, DAVE };
	uint64_t dice = 20261130, notices;
	struct world w;

	(void)state;
	world_of(&w);
	for (int i = 1; i <= 600; i++) {
		uint32_t refs = 0;

		do_anything(&w, &dice);
		if (i % 30 != 0)
			continue;
		notices = 0;
		for (size_t u = 0; u < 3; u++) {
			look(&w, ims_part_mailbox(users[u]), see_mailbox);
			assert_int_equal(sum.notices, mailbox.notices);
			notices += mailbox.notices;
		}
		for (unsigned n = 0; n < 6; n++)
			refs += letter_is(&w, n).refs;
		assert_int_equal(refs, notices);
		assert_sums(&w, notices);
	}
	for (size_t u = 0; u < 3; u++)
		for (uint64_t n = 1; n < 600; n++)
			change(&w, users[u], n, ims_mailbox_drop, false);
	while (pending(&w)[0] != '\0')
		answer(&w, false);
	assert_sums(&w, 0);
	for (unsigned n = 0; n < 6; n++) {
		struct ulid id = id_of(n);

		assert_int_equal(rows_of(&w, ims_part_letter(&id)), 0);
	}
	world_clear(&w);
}

struct both {
	struct call call[2];
	struct kv_op op[2];
	enum refusal why[2];
	unsigned left;
};

static struct both both;

static void
one_done(void *arg, const struct err *e)
{
	size_t i = arg == &both.call[0] ? 0 : 1;

	both.why[i] = e == NULL ? REFUSAL_NONE : e->why;
	if (--both.left == 0)
		loop_stop(both.call[0].w->loop);
}

/* The first is refused by its letter, which may be decided long after the mailbox has put it: who repeats it meanwhile
 * is not told that it is known. */
static void
a_repeat_waits_for_what_it_repeats(void **state)
{
	struct notification eve = { .to = EVE, .hold_s = DAY }, bob = { .to = BOB, .hold_s = DAY };
	struct world w;
	struct err e;

	(void)state;
	world_of(&w);
	for (unsigned number = 1; number <= 40; number++) {
		eve.number = bob.number = number;
		accepts(&w, eve);
		bob.size = 2000;
		both = (struct both) { .left = 2 };
		for (int i = 0; i < 2; i++) {
			fill(bob, &both.call[i]);
			both.call[i].w = &w;
			both.op[i] = (struct kv_op) { .part = ims_part_mailbox(BOB),
				.apply = ims_mailbox_accept,
				.done = one_done,
				.arg = &both.call[i],
				.home = w.loop,
				.octets = 4096 };
			assert_true(kv_take(w.kv, &both.op[i], &e));
		}
		loop_run(w.loop);
		for (int i = 0; i < 2; i++)
			assert_int_equal(both.why[i], REFUSAL_id_conflict);
		bob.size = 0; /* the letter itself, at once again */
		accepts(&w, bob);
	}
	world_clear(&w);
}

int
main(void)
{
	enum { N = 10 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(a_repeat_is_known),
		cmocka_unit_test(a_repeat_waits_for_what_it_repeats),
		cmocka_unit_test(the_id_of_another_letter_is_refused),
		cmocka_unit_test(a_letter_goes_with_its_last_notice),
		cmocka_unit_test(done_is_pending_until_it_is_answered),
		cmocka_unit_test(a_decline_is_pending_when_nobody_wants_the_letter),
		cmocka_unit_test(a_domain_has_its_shares),
		cmocka_unit_test(each_entry_is_judged),
		cmocka_unit_test(a_batch_is_one_write),
		cmocka_unit_test(sums_are_true_whatever_happens),
	};

	return engines_run("ims_parts", tests, N, N);
}
