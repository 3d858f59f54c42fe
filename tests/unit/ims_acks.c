/* ims_acks — acknowledgements that a sender's OMS must get: when they become pending, and for how long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ims_store_scene.h"

#define CAROL "carol@b.test"
#define DAVE  "dave@c.test"

/* "DONE b.test, DECLINE c.test", read one by one. */
static const char *
pending(struct world *w)
{
	static char out[1024];
	struct ims_ack a, *after = NULL;

	out[0] = '\0';
	for (;;) {
		if (list_acks(w, after, 1) == 0)
			return out;
		a = w->acks[0];
		snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s %s", out[0] ? ", " : "",
		    a.declined ? "DECLINE" : "DONE", a.own_domain.text);
		assert_string_equal(a.from_domain.text, "a.test");
		after = &a;
	}
}

/* The sender's OMS answers the first; late: one that was sent before it became pending anew. */
static void
answer(struct world *w, bool late)
{
	struct ims_ack a;

	assert_int_equal(list_acks(w, NULL, 1), 1);
	a = w->acks[0];
	if (late)
		a.round--;
	w->waiting++;
	ims_store_acked(w->store, &a, w->loop, on_done, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
}

static struct notification
to(const char *address, unsigned number)
{
	return (struct notification) { .number = number, .to = address, .hold_s = DAY };
}

static void
done_is_pending_until_it_is_answered(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, to(CAROL, 1));
	accepts(&w, to(DAVE, 1));
	assert_string_equal(pending(&w), "");
	fetched(&w, 1);
	reopen(&w);
	assert_int_equal(strlen(pending(&w)), strlen("DONE b.test, DONE c.test"));
	answer(&w, false);
	answer(&w, false);
	assert_string_equal(pending(&w), "");
	/* A domain that is notified later has the letter, too; and the sender may have missed an answer. */
	assert_int_equal(accepts(&w, to(EVE, 1)), NOTIFY_NOTICED);
	assert_string_equal(pending(&w), "DONE b.test");
	assert_int_equal(accepts(&w, to(EVE, 1)), NOTIFY_KNOWN);
	answer(&w, true);
	assert_string_equal(pending(&w), "DONE b.test");
	answer(&w, false);
	assert_string_equal(pending(&w), "");
	world_clear(&w);
}

/* Whoever fetched it tells its sender at once; the answer ends what is pending, unless it became so anew. */
static void
what_was_told_at_once_is_not_pending(void **state)
{
	struct ims_ack a = { .own_domain = { "b.test" }, .from_domain = { "a.test" } };
	struct world w;

	(void)state;
	world_of(&w);
	for (unsigned number = 1; number <= 2; number++) {
		fetched(&w, number);
		assert_string_equal(pending(&w), "DONE b.test");
		a.id = id_of(&w, number);
		a.round = w.round;
		if (number == 2)
			assert_int_equal(accepts(&w, to(BOB, 2)), NOTIFY_KNOWN);
		w.waiting++;
		ims_store_acked(w.store, &a, w.loop, on_done, &w);
		wait_for(&w);
		assert_int_equal(w.why, REFUSAL_NONE);
		assert_string_equal(pending(&w), number == 1 ? "" : "DONE b.test");
	}
	world_clear(&w);
}

/* However many of our domains were notified of the letter. */
static void
done_is_pending_for_each_of_our_domains(void **state)
{
	char address[32];
	struct world w;

	(void)state;
	world_of(&w);
	for (int i = 0; i < 100; i++) {
		snprintf(address, sizeof address, "bob@d%d.test", i);
		accepts(&w, to(address, 1));
	}
	fetched(&w, 1);
	assert_int_equal(list_acks(&w, NULL, 150), 101);
	assert_false(w.more);
	assert_int_equal(list_acks(&w, NULL, 100), 100);
	assert_true(w.more);
	assert_int_equal(list_acks(&w, NULL, 101), 101);
	assert_false(w.more);
	world_clear(&w);
}

/* A copy that is here no more must be fetched again: the sender must not hear that we have it. */
static void
a_letter_that_is_announced_anew_has_no_done(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_string_equal(pending(&w), "DONE b.test");
	assert_int_equal(accepts(&w, to(CAROL, 1)), NOTIFY_NOTICED);
	assert_int_equal(letter(&w, CAROL, 1).state, MAILBOX_HELD);
	assert_string_equal(pending(&w), "");
	world_clear(&w);
}

static void
a_decline_is_pending_when_nobody_wants_the_letter(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, to(BOB, 1));
	accepts(&w, to(CAROL, 1));
	assert_int_equal(decline(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(find(&w, BOB, 1), REFUSAL_NONE);
	assert_true(w.row.declined);
	assert_int_equal(letter(&w, CAROL, 1).state, MAILBOX_HELD);
	assert_string_equal(pending(&w), "");
	assert_int_equal(decline(&w, BOB, 1), REFUSAL_NONE); /* does not count twice */
	assert_string_equal(pending(&w), "");
	assert_int_equal(drop(&w, CAROL, 1), REFUSAL_NONE);
	assert_string_equal(pending(&w), "DECLINE b.test");
	accepts(&w, to(EVE, 1)); /* wants it again */
	assert_string_equal(pending(&w), "");
	assert_int_equal(decline(&w, EVE, 1), REFUSAL_NONE);
	assert_string_equal(pending(&w), "DECLINE b.test");
	answer(&w, false);
	/* A notice that is dropped without a word declines nothing. */
	accepts(&w, to(BOB, 2));
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE);
	assert_string_equal(pending(&w), "");
	world_clear(&w);
}

/* What became of the copies of bob and carol, both at b.test, before the sender repeats a notice of theirs. */
enum fate { UNREAD, READ, DECLINED, READ_DROPPED, DECLINED_DROPPED, UNREAD_DROPPED, FATES };

static void
meets(struct world *w, const char *user, unsigned number, enum fate fate)
{
	if (fate == READ || fate == READ_DROPPED) {
		if (letter(w, user, number).state != MAILBOX_HERE) {
			assert_int_equal(lease(w, user, number), REFUSAL_NONE);
			assert_int_equal(keep(w, &w->leased), REFUSAL_NONE);
		}
	}
	if (fate == DECLINED || fate == DECLINED_DROPPED)
		assert_int_equal(decline(w, user, number), REFUSAL_NONE);
	if (fate >= READ_DROPPED)
		assert_int_equal(drop(w, user, number), REFUSAL_NONE);
}

static const char *
owed(const enum fate fate[2], bool both)
{
	bool unread = false, read = false, declined = false, here = false;

	for (int i = 0; i < 2; i++) {
		unread = unread || fate[i] == UNREAD;
		read = read || fate[i] == READ_DROPPED;
		here = here || fate[i] == READ;
		declined = declined || fate[i] == DECLINED || fate[i] == DECLINED_DROPPED;
	}
	if (unread) /* the copy is kept for it, or must be fetched */
		here = here || fate[1] == READ_DROPPED || (both && fate[0] == READ_DROPPED);
	if (here)
		return "DONE b.test";
	if (unread)
		return "";
	return read ? "DONE b.test" : declined ? "DECLINE b.test" : "";
}

/* The sender's OMS lost what it had recorded, and repeats its notices: what it was told of the letter it is
 * told again, unless somebody may still fetch it. */
static void
a_repeat_is_answered_as_before(void **state)
{
	struct world w;

	(void)state;
	for (unsigned i = 0; i < FATES * FATES * 2; i++) {
		const enum fate fate[2] = { i / 2 % FATES, i / 2 / FATES };
		bool both = i % 2 == 0; /* carol's notice comes before bob's fate; else after it */
		const char *want = owed(fate, both);

		world_of(&w);
		assert_int_equal(accepts(&w, to(BOB, 1)), NOTIFY_NOTICED);
		if (both)
			assert_int_equal(accepts(&w, to(CAROL, 1)), NOTIFY_NOTICED);
		meets(&w, BOB, 1, fate[0]);
		if (!both)
			assert_int_equal(accepts(&w, to(CAROL, 1)), NOTIFY_NOTICED);
		meets(&w, CAROL, 1, fate[1]);
		while (pending(&w)[0] != '\0')
			answer(&w, false);
		reopen(&w);
		assert_int_equal(accepts(&w, to(BOB, 1)), NOTIFY_KNOWN);
		assert_int_equal(accepts(&w, to(CAROL, 1)), NOTIFY_KNOWN);
		if (strcmp(pending(&w), want) != 0)
			fail_msg("bob %d carol %d both %d: '%s', not '%s'", fate[0], fate[1], both,
			    pending(&w), want);
		world_clear(&w);
	}
}

/* An entry of version 2 ends before `answered`. */
static void
an_older_entry_says_nothing_of_an_answer(void **state)
{
	struct ims_seen_record r = { .number = 7,
		.until_s = 8,
		.indexed = true,
		.charged = 9,
		.answered = IMS_ANSWERED_DECLINE,
		.user = BOB,
		.domain = { "a.test" } };
	struct buf v = BUF_INIT;
	struct err e;

	(void)state;
	ims_seen_write(&v, &r);
	assert_true(ims_seen_read(buf_span(&v), &r, &e));
	assert_int_equal(r.answered, IMS_ANSWERED_DECLINE);
	v.data[0] = 2;
	assert_false(ims_seen_read(buf_span(&v), &r, &e));
	assert_true(ims_seen_read(span_sub(buf_span(&v), 0, v.len - 1), &r, &e));
	assert_int_equal(r.answered, IMS_ANSWERED_NOTHING);
	assert_int_equal(r.charged, 9);
	assert_true(r.indexed);
	buf_clear(&v);
}

static void
what_was_dropped_during_its_fetch_is_not_kept(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, to(BOB, 1));
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(keep(&w, &w.leased), REFUSAL_no_such_number);
	assert_string_equal(pending(&w), "");
	assert_int_equal(files_left(&w), 0);
	world_clear(&w);
}

static bool is_idle;

static void
see_idle(struct kv_txn *t)
{
	is_idle = ims_acks_are_idle(t, clock_wall_ms() / 1000);
}

/* So its domain is not listed for ever. */
static void
whoever_lists_them_notes_a_domain_that_has_none(void **state)
{
	struct kv_part acks = ims_part_acks(SPAN_LIT("a.test"));
	struct world w;

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	assert_int_equal(list_acks(&w, NULL, WORLD_ACKS), 1);
	operate(&w, acks, see_idle);
	assert_false(is_idle);
	w.waiting++;
	ims_store_acked(w.store, &w.acks[0], w.loop, on_done, &w);
	wait_for(&w);
	arrive(&w);
	operate(&w, acks, see_idle);
	assert_true(is_idle);
	assert_int_equal(list_acks(&w, NULL, WORLD_ACKS), 0);
	operate(&w, acks,
	    see_idle); /* after it was noted: until a day is over there is nothing to note */
	assert_false(is_idle);
	world_clear(&w);
}

int
main(void)
{
	enum { N = 9 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(done_is_pending_until_it_is_answered),
		cmocka_unit_test(what_was_told_at_once_is_not_pending),
		cmocka_unit_test(done_is_pending_for_each_of_our_domains),
		cmocka_unit_test(a_letter_that_is_announced_anew_has_no_done),
		cmocka_unit_test(a_decline_is_pending_when_nobody_wants_the_letter),
		cmocka_unit_test(a_repeat_is_answered_as_before),
		cmocka_unit_test(an_older_entry_says_nothing_of_an_answer),
		cmocka_unit_test(what_was_dropped_during_its_fetch_is_not_kept),
		cmocka_unit_test(whoever_lists_them_notes_a_domain_that_has_none),
	};

	return engines_run("ims_acks", tests, N, N);
}
