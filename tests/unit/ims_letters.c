/* ims_letters — letters at the IMS's store: announced, leased, kept, shared, dropped; past damage, and
 * past the store's own end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/store/body_orphans.h"
#include "common/store/kv_question.h"
#include "tests/unit/ims_store_scene.h"
#include "tests/unit/source_scene.h"

/* -- what is announced -------------------------------------------------------------------------------- */

static void
a_notice_is_shown_once(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ulid id;
	struct world w;

	(void)state;
	world_of(&w);
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	reopen(&w);
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	assert_int_equal(entries(&w, NOTICE), 1);
	assert_int_equal(find(&w, BOB, 1), REFUSAL_NONE);
	id = id_of(&w, 1);
	assert_true(ulid_eq(&w.row.letter.id, &id));
	assert_string_equal(w.row.from, "alice@a.test");
	assert_string_equal(w.row.to, BOB);
	assert_string_equal(w.row.issuer, "CN=CA");
	assert_int_equal(w.row.letter.state, MAILBOX_HELD);
	assert_int_equal(w.row.letter.size, 1000);
	assert_int_equal(w.row.received_s, w.now_s);
	assert_string_equal(w.row.letter.own_domain.text, "b.test");
	assert_string_equal(w.row.letter.from_domain.text, "a.test");
	assert_int_equal(find(&w, BOB, 2), REFUSAL_no_such_number);
	assert_int_equal(find(&w, EVE, 1), REFUSAL_no_such_number);
	world_clear(&w);
}

/* The same id with other facts: to the same recipient, and to another. */
static void
an_id_is_one_letter(void **state)
{
	struct notification bob = { .number = 1, .to = BOB, .hold_s = DAY },
			    eve = { .number = 1, .to = EVE, .hold_s = DAY };
	enum notify_done done;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, bob);
	bob.size = eve.size = 2000;
	assert_int_equal(accept_one(&w, &bob, &done), REFUSAL_id_conflict);
	assert_int_equal(accept_one(&w, &eve, &done), REFUSAL_id_conflict);
	assert_int_equal(entries(&w, NOTICE), 1);
	assert_int_equal(entries(&w, SEEN), 1);
	assert_int_equal(letter(&w, BOB, 1).size, 1000);
	bob.size = 0;
	bob.date_s = 1;
	assert_int_equal(accept_one(&w, &bob, &done), REFUSAL_id_conflict);
	eve.size = 0;
	assert_int_equal(accepts(&w, eve), NOTIFY_NOTICED);
	assert_int_equal(entries(&w, LETTER), 1);
	world_clear(&w);
}

static void
numbers_are_never_given_twice(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	for (n.number = 1; n.number <= 3; n.number++)
		accepts(&w, n);
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(drop(&w, BOB, i), REFUSAL_NONE);
	reopen(&w);
	accepts(&w, n);
	assert_true(letter(&w, BOB, 4).hold_until_s > 0);
	world_clear(&w);
}

/* The entries of a batch for one mailbox are one write, however many recipients' letters they are. */
static void
a_batch_is_one_write(void **state)
{
	struct ims_store_counts before, after;
	struct world w;

	(void)state;
	world_of(&w);
	sweep(&w, 0); /* what a store puts when it begins is over */
	before = counts(&w);
	accepts(&w,
	    (struct notification) { .number = 1, .to = BOB, .hold_s = DAY, .statements = 60 });
	after = counts(&w);
	assert_int_equal(after.writes - before.writes, 1);
	assert_int_equal(after.notices - before.notices, 60);
	assert_in_range(after.commits - before.commits, 1,
	    2); /* the writer may begin with the first */
	assert_int_equal(entries(&w, NOTICE), 60);
	assert_int_equal(entries(&w, EVIDENCE), 60);
	assert_int_equal(entries(&w, PAPER), 2);
	world_clear(&w);
}

static void
fill_up(struct kv_txn *t)
{
	struct ims_mailbox_is m;
	struct err e;

	assert_true(ims_mailbox_is(t, &m, &e));
	m.notices = IMS_MAILBOX_NOTICES - 1;
	ims_mailbox_put(t, &m);
}

static void
a_mailbox_holds_so_much(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	enum notify_done done;
	struct world w;

	(void)state;
	world_of(&w);
	operate(&w, ims_part_mailbox(BOB), fill_up);
	accepts(&w, n);
	n.number = 2;
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_mailbox_full);
	n.to = EVE;
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	n.to = BOB;
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	world_clear(&w);
}

static void
two_recipients_share_a_body(void **state)
{
	struct notification eve = { .number = 1, .to = EVE, .hold_s = DAY };
	struct ims_letter l;
	struct world w;
	char piece[100];

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	assert_int_equal(accepts(&w, eve), NOTIFY_NOTICED);
	l = letter(&w, EVE, 1);
	assert_int_equal(l.state, MAILBOX_HERE);
	assert_int_equal(body(&w, &l), REFUSAL_NONE);
	assert_int_equal(source_read(w.body, w.loop, BODY_BYTES - 50, piece, sizeof piece, NULL),
	    50);
	w.body->free(w.body);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(body(&w, &l), REFUSAL_NONE);
	w.body->free(w.body);
	assert_int_equal(drop(&w, EVE, 1), REFUSAL_NONE);
	arrive(&w);
	assert_int_equal(body(&w, &l), REFUSAL_no_such_number);
	assert_int_equal(files_left(&w), 0);
	world_clear(&w);
}

static void
a_mailbox_comes_in_pages(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY };
	struct ims_store_counts c;
	struct world w;
	uint64_t next = 1;

	(void)state;
	world_of(&w);
	for (n.number = 1; n.number <= 230; n.number++)
		accepts(&w, n);
	accepts(&w, (struct notification) { .number = 1, .to = EVE, .hold_s = DAY });
	do {
		assert_true(list(&w, BOB, next - 1) == WORLD_ROWS || !w.more);
		for (size_t i = 0; i < w.n_rows; i++, next++)
			assert_int_equal(w.rows[i].number, next);
	} while (w.more);
	assert_int_equal(next, 231);
	assert_int_equal(list(&w, BOB, 130), WORLD_ROWS); /* the last page is full */
	assert_false(w.more);
	assert_int_equal(list(&w, BOB, UINT64_MAX), 0);
	assert_false(w.more);
	assert_int_equal(list(&w, "nobody@b.test", 0), 0);
	c = counts(&w);
	assert_int_equal(c.mailboxes, 2);
	assert_int_equal(c.notices, 231);
	world_clear(&w);
}

static void
a_release_says_why(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_FETCHING);
	assert_int_equal(release(&w, MAILBOX_HELD, REFUSAL_NONE), REFUSAL_NONE);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HELD);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(release(&w, MAILBOX_RECALLED, REFUSAL_recalled), REFUSAL_NONE);
	reopen(&w);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_RECALLED);
	assert_int_equal(w.row.letter.why, REFUSAL_recalled);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE); /* over: it says so */
	assert_int_equal(w.leased.state, MAILBOX_RECALLED);
	world_clear(&w);
}

/* The sender's server may come back, and may announce the letter again. */
static void
what_was_gone_is_held_again(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	for (int asked = 0; asked < 2; asked++) {
		assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
		assert_int_equal(w.leased.state, MAILBOX_FETCHING);
		assert_int_equal(release(&w, MAILBOX_GONE, REFUSAL_gone), REFUSAL_NONE);
		assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_GONE);
	}
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(release(&w, MAILBOX_HELD, REFUSAL_NONE), REFUSAL_NONE);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HELD);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(release(&w, MAILBOX_GONE, REFUSAL_gone), REFUSAL_NONE);
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN); /* word for word */
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HELD);
	assert_int_equal(letter(&w, BOB, 1).why, REFUSAL_NONE);
	world_clear(&w);
}

/* Small ones lie in the database, others in files. */
static void
a_body_lives_as_long_as_its_notices(void **state)
{
	static const size_t sizes[] = { 1000, BODY_BYTES };
	struct ims_letter l;
	struct world w;
	char *octets = memory_new(BODY_BYTES);

	(void)state;
	world_of(&w);
	for (unsigned i = 0; i < 2; i++) {
		struct notification n = { .number = i, .to = BOB, .hold_s = DAY };

		accepts(&w, n);
		n.to = EVE;
		accepts(&w, n);
		assert_int_equal(lease(&w, BOB, i + 1), REFUSAL_NONE);
		assert_int_equal(keep_of(&w, &w.leased, sizes[i]), REFUSAL_NONE);
		reopen(&w);
		assert_int_equal(files(&w), i);
		assert_int_equal(drop(&w, BOB, i + 1), REFUSAL_NONE);
		l = letter(&w, EVE, i + 1);
		assert_int_equal(body(&w, &l), REFUSAL_NONE);
		for (size_t at = 0; at < sizes[i];) {
			ssize_t got = source_read(w.body, w.loop, at, octets, BODY_BYTES, NULL);

			assert_true(got > 0);
			at += (size_t)got;
		}
		w.body->free(w.body);
		assert_int_equal(drop(&w, EVE, i + 1), REFUSAL_NONE);
		assert_int_equal(entries(&w, BODY), 0);
	}
	assert_int_equal(files_left(&w), 0);
	free(octets);
	world_clear(&w);
}

static void
marks_stay(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	accepts(&w, (struct notification) { .number = 1, .to = EVE, .hold_s = DAY });
	assert_int_equal(mark(&w, BOB, 1, MAILBOX_SEEN | MAILBOX_FLAGGED, 0), REFUSAL_NONE);
	assert_int_equal(mark(&w, BOB, 1, MAILBOX_ANSWERED, MAILBOX_FLAGGED), REFUSAL_NONE);
	assert_int_equal(mark(&w, BOB, 2, MAILBOX_SEEN, 0), REFUSAL_no_such_number);
	reopen(&w);
	assert_int_equal(find(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(w.row.flags, MAILBOX_SEEN | MAILBOX_ANSWERED);
	assert_int_equal(find(&w, EVE, 1), REFUSAL_NONE);
	assert_int_equal(w.row.flags, 0);
	world_clear(&w);
}

/* -- leases ------------------------------------------------------------------------------------------------- */

/* Also where we were up again within the second in which it was taken. */
static void
a_lease_ends_with_the_process(void **state)
{
	struct ims_letter before, after;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_fetch_running);
	before = w.leased;
	reopen(&w);
	if (scene_engine == ENGINE_APART) { /* its holder may be another node, which lives */
		assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_FETCHING);
		assert_int_equal(lease(&w, BOB, 1), REFUSAL_fetch_running);
		assert_int_equal(keep(&w, &before), REFUSAL_NONE);
		world_clear(&w);
		return;
	}
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HELD);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_true(w.leased.fence > before.fence);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_FETCHING);
	assert_int_equal(keep(&w, &before), REFUSAL_fetch_running);
	after = w.leased;
	w.leased = before;
	assert_int_equal(release(&w, MAILBOX_GONE, REFUSAL_gone), REFUSAL_fetch_running);
	w.leased = after;
	assert_int_equal(keep(&w, &w.leased), REFUSAL_NONE);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HERE);
	assert_int_equal(keep(&w, &w.leased), REFUSAL_fetch_running);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE); /* it is here: it says so */
	assert_int_equal(w.leased.state, MAILBOX_HERE);
	assert_int_equal(files_left(&w), 1);
	world_clear(&w);
}

/* It costs the reader no commit.  Each is newer than all before it, also after a release. */
static void
a_lease_is_no_write(void **state)
{
	struct ims_letter before;
	struct world w;
	uint64_t n;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	n = counts(&w).writes;
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_fetch_running);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_FETCHING);
	assert_int_equal(counts(&w).writes, n);
	before = w.leased;
	assert_int_equal(release(&w, MAILBOX_HELD, REFUSAL_NONE), REFUSAL_NONE);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HELD);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_true(w.leased.fence > before.fence);
	assert_int_equal(keep(&w, &before), REFUSAL_fetch_running);
	assert_int_equal(keep(&w, &w.leased), REFUSAL_NONE);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HERE);
	world_clear(&w);
}

static void
without_a_lease_nothing_is_kept(void **state)
{
	struct ims_letter l;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	l = letter(&w, BOB, 1);
	assert_int_equal(keep(&w, &l), REFUSAL_fetch_running);
	assert_int_equal(files_left(&w), 0);
	world_clear(&w);
}

/* -- the store's end, and damage ------------------------------------------------------------------------------ */

static void
on_late_drop(void *arg, const struct err *e)
{
	struct world *w = arg;

	assert_non_null(e);
	assert_int_equal(e->why, REFUSAL_closing);
	stop(w);
}

/* A request made before the end is carried out, or refused with `closing`, as a drop, which reads first; it is answered in
 * either case, after it. */
static void
answers_may_come_after_the_end(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	assert_int_equal(files(&w), 1);
	w.waiting = 3;
	ims_store_mark(w.store, BOB, 1, MAILBOX_SEEN, 0, w.loop, on_done, &w);
	ims_store_sweep(w.store, w.now_s, KEEP, w.loop, on_done, &w);
	ims_store_drop(w.store, BOB, 1, false, w.loop, on_late_drop, &w);
	ims_store_close(&w.store);
	loop_drain(w.loop);
	assert_int_equal(w.waiting, 0);
	assert_int_equal(w.why, REFUSAL_NONE); /* of the others */
	reopen(&w);
	assert_int_equal(find(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(w.row.flags, MAILBOX_SEEN);
	assert_int_equal(files(&w), 1);
	world_clear(&w);
}

/* The store's end comes before the answer: the question fails.  One that was dropped has no answer. */
static void
a_question_may_be_dropped_or_come_too_late(void **state)
{
	struct kv_question *q;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	w.waiting = 1;
	q = ims_store_notice(w.store, BOB, 1, w.loop, on_found, &w);
	assert_int_equal(w.waiting, 1); /* never inside the call */
	kv_question_drop(&q);
	assert_null(q);
	kv_question_drop(&q);
	loop_drain(w.loop);
	assert_int_equal(w.waiting, 1);
	ims_store_list(w.store, BOB, 0, 10, w.loop, on_listed, &w);
	ims_store_close(&w.store);
	loop_drain(w.loop);
	assert_int_equal(w.waiting, 0);
	assert_int_equal(w.why, REFUSAL_closing);
	assert_int_equal(w.n_rows, 0);
	assert_int_equal(find(&w, BOB, 1), REFUSAL_closing);
	world_clear(&w);
}

static void
a_question_sees_what_was_answered(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	w.waiting = 1;
	ims_store_mark(w.store, BOB, 1, MAILBOX_SEEN, 0, w.loop, on_done, &w);
	wait_for(&w);
	assert_int_equal(find(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(w.row.flags, MAILBOX_SEEN);
	world_clear(&w);
}

static void
wait_for_orphans(struct world *w)
{
	for (int i = 0; i < 10000 && !body_orphans_over(ims_store_bodies(w->store)); i++) {
		arrive(w); /* no loop asks */
		usleep(1000);
	}
	assert_true(body_orphans_over(ims_store_bodies(w->store)));
}

/* The process died between the body and its record: the letter has another file, or none. */
static void
a_body_that_no_record_names_goes(void **state)
{
	struct ims_letter others;
	struct body_in *in;
	char *octets = memory_new(BODY_BYTES);
	struct world w;

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	assert_int_equal(find(&w, BOB, 1), REFUSAL_NONE);
	others = w.row.letter;
	others.id.b[0] ^= 1;
	for (int i = 0; i < 2; i++) {
		in = ims_store_body_in(w.store, i == 0 ? &w.row.letter : &others, w.loop);
		body_add(in, span_of(octets, BODY_BYTES));
		w.waiting = 1;
		body_end_take(in, on_kept, &w);
		wait_for(&w);
		body_kept_clear(&w.kept);
	}
	assert_int_equal(files(&w), 3);
	reopen(&w);
	wait_for_orphans(&w);
	assert_int_equal(files(&w), 1);
	assert_int_equal(bodies_used(ims_store_bodies(w.store)), BODY_BYTES);
	assert_int_equal(body(&w, &w.row.letter), REFUSAL_NONE);
	w.body->free(w.body);
	free(octets);
	world_clear(&w);
}

/* A letter that cannot be read: the others are shown, it is never taken for one that is not there,
 * and its body is not swept away. */
static void
a_damaged_letter_spoils_no_other(void **state)
{
	struct notification n = { .number = 1, .to = EVE, .hold_s = DAY };
	enum notify_done done;
	struct world w;

	(void)state;
	world_of(&w);
	for (unsigned i = 1; i <= 3; i++)
		fetched(&w, i);
	ims_store_close(&w.store);
	damage(&w, LETTER);
	reopen(&w);
	wait_for_orphans(&w);
	assert_int_equal(files(&w), 3);
	assert_int_equal(list(&w, BOB, 0), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(w.rows[i].number, i + 2);
		assert_int_equal(w.rows[i].letter.state, MAILBOX_HERE);
	}
	assert_false(w.more);
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_storage);
	n.statements = 3; /* in one batch: the first alone is refused */
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_NONE);
	assert_int_equal(list(&w, EVE, 0), 2);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_storage);
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE);
	world_clear(&w);
}

int
main(void)
{
	enum { N = 19 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(a_notice_is_shown_once),
		cmocka_unit_test(an_id_is_one_letter),
		cmocka_unit_test(numbers_are_never_given_twice),
		cmocka_unit_test(a_mailbox_holds_so_much),
		cmocka_unit_test(two_recipients_share_a_body),
		cmocka_unit_test(a_body_lives_as_long_as_its_notices),
		cmocka_unit_test(a_body_that_no_record_names_goes),
		cmocka_unit_test(marks_stay),
		cmocka_unit_test(a_mailbox_comes_in_pages),
		cmocka_unit_test(a_release_says_why),
		cmocka_unit_test(what_was_gone_is_held_again),
		cmocka_unit_test(a_lease_ends_with_the_process),
		cmocka_unit_test(without_a_lease_nothing_is_kept),
		cmocka_unit_test(answers_may_come_after_the_end),
		cmocka_unit_test(a_question_may_be_dropped_or_come_too_late),
		cmocka_unit_test(a_question_sees_what_was_answered),
		/* with a file */
		cmocka_unit_test(a_lease_is_no_write),
		cmocka_unit_test(a_batch_is_one_write),
		cmocka_unit_test(a_damaged_letter_spoils_no_other),
	};

	return engines_run("ims_letters", tests, N - 3, N);
}
