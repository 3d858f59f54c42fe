/* oms_store — the life of a letter in the OMS's spool: kept, due, served, settled, expired; and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/oms_pairs_scene.h"

/* -- tests --------------------------------------------------------------------------------------- */

static void
a_letter_is_there_after_a_restart(void **state)
{
	struct world w;
	struct ulid small, big;
	struct oms_delivery d[4];
	struct oms_store_counts c;

	(void)state;
	world_init(&w);
	assert_int_equal(put(&w, &(struct letter) { .size = 1000 }, &small), REFUSAL_NONE);
	assert_int_equal(put(&w, &(struct letter) { .size = 300000 }, &big), REFUSAL_NONE);
	reopen(&w);
	assert_int_equal(files(&w), 1);
	assert_string_equal(states(&w, &small), "waiting waiting waiting");
	assert_int_equal(due(&w, "b.test", d, 4), 2);
	assert_string_equal(d[0].recipients[1].address, "carol@b.test");
	assert_int_equal(d[0].recipients[1].salt[0], 2);
	assert_true(
	    span_eq(buf_span(&d[0].statement), SPAN_LIT("Tillcalled-Notification: 1 for b.test")));
	oms_delivery_clear(&d[0]);
	oms_delivery_clear(&d[1]);
	assert_int_equal(due(&w, "d.test", d, 4), 0);
	c = ask_counts(w.store, w.loop);
	assert_int_equal(c.letters, 2);
	notify(&w, "b.test", NULL);
	notify(&w, "b.test", NULL);
	assert_int_equal(hand_out(&w, &small, "b.test"), REFUSAL_NONE);
	assert_int_equal(hand_out(&w, &big, "b.test"), REFUSAL_NONE);
	world_clear(&w);
}

static void
the_same_token_is_the_same_letter(void **state)
{
	struct world w;
	struct ulid first, again, later;
	int64_t now_s = clock_wall_ms() / 1000;
	struct oms_store_counts c;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 300000, .token = "t1", .one = true }, &first);
	put(&w, &(struct letter) { .size = 300000, .token = "t1", .one = true }, &again);
	assert_true(ulid_eq(&first, &again));
	wait_for_files(&w, 1); /* the second body went */
	reopen(&w);
	put(&w, &(struct letter) { .size = 100, .token = "t1", .one = true }, &again);
	assert_true(ulid_eq(&first, &again));
	put(&w, &(struct letter) { .size = 100, .token = "t2", .one = true }, &again);
	assert_false(ulid_eq(&first, &again));
	put(&w,
	    &(struct letter) { .size = 100,
		.token = "t1",
		.one = true,
		.date_s = now_s + SUBMIT_TOKEN_S - 60 },
	    &again);
	assert_true(ulid_eq(&first, &again));
	put(&w,
	    &(struct letter) { .size = 100,
		.token = "t1",
		.one = true,
		.date_s = now_s + SUBMIT_TOKEN_S + 60 },
	    &later);
	assert_false(ulid_eq(&first, &later));
	c = ask_counts(w.store, w.loop);
	assert_int_equal(c.letters, 3);
	world_clear(&w);
}

/* The first letter may still be refused: whoever repeats it gets the same answer, not an earlier one. */
static void
a_token_awaits_the_verdict_on_its_letter(void **state)
{
	const struct letter l = { .size = 100000, .token = "t", .one = true };
	unsigned refused = 0;
	struct world w;

	(void)state;
	for (int i = 0; i < 30; i++) {
		struct outcome first, again;
		struct putting x[2];

		scene_memory = i % 2 == 0 ? 64 << 10 : 0; /* no room for the letter, or for it */
		world_init(&w);
		scene_memory = 0;
		put_prepare(&w, &l, &x[0]);
		put_prepare(&w, &l, &x[1]);
		put_take(&w, &x[0], &first);
		put_take(&w, &x[1], &again);
		wait_all(&w);
		refused += first.why != REFUSAL_NONE;
		if (again.why == REFUSAL_NONE)
			assert_string_equal(states(&w, &again.id), "waiting");
		if (first.why == REFUSAL_NONE)
			assert_true(again.why == REFUSAL_NONE && ulid_eq(&first.id, &again.id));
		else
			assert_int_equal(again.why, first.why);
		arrive(&w);
		assert_int_equal(ask_user(w.store, w.loop, "alice@a.test").letters,
		    first.why == REFUSAL_NONE);
		world_clear(&w);
	}
	assert_int_equal(refused, scene_engine == ENGINE_LMDB ? 0 : 15);
}

static void
from_waiting_to_forgotten(void **state)
{
	struct world w;
	struct ulid id;
	int64_t now_s = clock_wall_ms() / 1000;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 300000, .token = "t" }, &id);
	notify(&w, "b.test", NULL);
	notify(&w, "c.test", NULL);
	assert_string_equal(states(&w, &id), "notified notified notified");
	assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_NONE);
	assert_string_equal(states(&w, &id), "handed-out handed-out notified");
	reopen(&w);
	assert_string_equal(states(&w, &id), "handed-out handed-out notified");
	assert_int_equal(settle(&w, &id, "b.test", false), REFUSAL_NONE);
	assert_string_equal(states(&w, &id), "fetched fetched notified");
	assert_int_equal(settle(&w, &id, "b.test", false), REFUSAL_NONE);
	assert_int_equal(files(&w), 1); /* dave's is still pending, and bob's again */
	assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_NONE);
	assert_int_equal(settle(&w, &id, "c.test", true), REFUSAL_NONE);
	assert_string_equal(states(&w, &id), "fetched fetched refused");
	wait_for_files(&w, 0);
	assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_gone);
	assert_int_equal(hand_out(&w, &id, "c.test"), REFUSAL_unknown_id);
	sweep(&w, now_s + OMS_OUTCOME_S - 60);
	assert_string_equal(states(&w, &id), "fetched fetched refused");
	sweep(&w, now_s + OMS_OUTCOME_S + 60);
	assert_string_equal(states(&w, &id), "unknown-id");
	assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_unknown_id);
	assert_int_equal(ask_outbox(w.store, w.loop, "alice@a.test", NULL).n, 0);
	world_clear(&w);
}

/* A delivery whose recipients are over when the letter comes is not waited for. */
static void
what_is_over_from_the_start_is_not_open(void **state)
{
	struct world w;
	struct ulid id;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 300000, .recalled = true, .one = true }, &id);
	assert_string_equal(states(&w, &id), "recalled");
	arrive(&w);
	assert_int_equal(ask_user(w.store, w.loop, "alice@a.test").letters, 0);
	assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_recalled);
	wait_for_files(&w, 0);
	sweep(&w, clock_wall_ms() / 1000 + OMS_OUTCOME_S + 60);
	assert_string_equal(states(&w, &id), "unknown-id");
	put(&w, &(struct letter) { .size = 300000, .over = true }, &id);
	assert_string_equal(states(&w, &id), "recalled recalled waiting");
	assert_int_equal(settle(&w, &id, "c.test", false), REFUSAL_NONE);
	arrive(&w);
	assert_int_equal(ask_user(w.store, w.loop, "alice@a.test").letters, 0);
	wait_for_files(&w, 0);
	world_clear(&w);
}

/* Bob's copy is not carol's: she is still waited for, notified, and counted. */
static void
who_waits_still_gets_the_letter(void **state)
{
	struct world w;
	struct ulid id;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 100 }, &id);
	notify(&w, "b.test", "carol");
	assert_string_equal(states(&w, &id), "notified waiting waiting");
	assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_NONE);
	assert_int_equal(settle(&w, &id, "b.test", false), REFUSAL_NONE);
	assert_string_equal(states(&w, &id), "fetched waiting waiting");
	notify(&w, "b.test", NULL);
	assert_string_equal(states(&w, &id), "fetched notified waiting");
	assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_NONE);
	assert_int_equal(settle(&w, &id, "b.test", false), REFUSAL_NONE);
	assert_string_equal(states(&w, &id), "fetched fetched waiting");
	world_clear(&w);
}

/* An attempt that names no next time, or one although nobody waits. */
static void
who_waits_is_due_and_nobody_else(void **state)
{
	struct world w;
	struct ulid id;
	struct oms_delivery d;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 100 }, &id);
	assert_int_equal(due(&w, "b.test", &d, 1), 1);
	d.recipients[0].state = SUBMIT_NOTIFIED;
	d.next_ms = 0;
	attempted(&w, &d);
	arrive(&w);
	assert_true(next_due(&w, "b.test") > 0);
	for (size_t i = 0; i < d.n_recipients; i++)
		d.recipients[i].state = SUBMIT_NOTIFIED;
	d.next_ms = 7000;
	attempted(&w, &d);
	oms_delivery_clear(&d);
	arrive(&w);
	assert_int_equal(next_due(&w, "b.test"), 0);
	world_clear(&w);
}

static void
only_a_domain_that_was_told_is_served(void **state)
{
	struct world w;
	struct ulid id, never_was = { { 1 } };
	struct outcome o[2] = { { .world = &w }, { .world = &w } };
	struct oms_delivery d;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 100 }, &id);
	notify(&w, "b.test", NULL);
	assert_int_equal(hand_out(&w, &id, "x.test"), REFUSAL_unknown_id);
	assert_int_equal(hand_out(&w, &never_was, "b.test"), REFUSAL_unknown_id);
	assert_int_equal(settle(&w, &id, "x.test", false), REFUSAL_unknown_id);
	w.waiting = 2;
	oms_store_summary(w.store, &id, "x.test", w.loop, on_summary, &o[0]);
	oms_store_summary(w.store, &id, "b.test", w.loop, on_summary, &o[1]);
	wait_all(&w);
	assert_int_equal(o[0].why, REFUSAL_unknown_id);
	assert_int_equal(o[1].why, REFUSAL_NONE);
	assert_int_equal(o[1].size, 10);
	assert_int_equal(octets_of(&w, o[1].source), 100);
	assert_string_equal(states(&w, &id), "notified notified waiting");
	/* all of c.test's recipients refused it */
	assert_int_equal(due(&w, "c.test", &d, 1), 1);
	d.recipients[0].state = SUBMIT_REFUSED;
	strcpy(d.recipients[0].word, "no-such-user");
	d.next_ms = 0;
	attempted(&w, &d);
	oms_delivery_clear(&d);
	assert_int_equal(hand_out(&w, &id, "c.test"), REFUSAL_unknown_id);
	world_clear(&w);
}

static void
neither_what_was_taken_back_nor_whose_time_is_over(void **state)
{
	struct world w;
	struct ulid id;
	int64_t now_s = clock_wall_ms() / 1000;
	struct oms_delivery d;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 100, .recalled = true }, &id);
	assert_int_equal(due(&w, "b.test", &d, 1), 1);
	d.recipients[1].state = SUBMIT_NOTIFIED;
	d.next_ms = 0;
	attempted(&w, &d);
	oms_delivery_clear(&d);
	assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_recalled);
	notify(&w, "c.test", NULL);
	assert_int_equal(hand_out(&w, &id, "c.test"), REFUSAL_NONE);
	/* nobody has swept yet */
	put(&w, &(struct letter) { .size = 100, .date_s = now_s - DAY, .hold_until_s = now_s - 2 },
	    &id);
	assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_gone);
	world_clear(&w);
}

/* Between the commit and the opening of its file the letter was settled, on another loop: its file is gone. */
static void
what_is_settled_meanwhile_is_gone(void **state)
{
	struct world w, other;
	struct outcome o[2];
	struct ulid id;
	struct err e;

	(void)state;
	world_init(&w);
	other = w;
	assert_true(loop_new(&other.loop, &e));
	put(&w, &(struct letter) { .size = 300000, .one = true }, &id);
	notify(&w, "b.test", NULL);
	for (int summary = 0; summary < 2; summary++) {
		o[summary] = (struct outcome) { .world = &w };
		w.waiting++;
		if (summary == 0)
			oms_store_hand_out(w.store, &id, "b.test", w.loop, on_handed, &o[0]);
		else
			oms_store_summary(w.store, &id, "b.test", w.loop, on_summary, &o[1]);
	}
	other.waiting = 0;
	assert_int_equal(settle(&other, &id, "b.test", false), REFUSAL_NONE);
	wait_for_files(&w, 0);
	wait_all(&w);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(o[i].why, REFUSAL_gone);
		assert_null(o[i].source);
	}
	loop_free(&other.loop);
	world_clear(&w);
}

/* The letter is kept and its file is not there. */
static void
a_file_that_is_lost_is_no_reason_for_gone(void **state)
{
	char command[160];
	struct world w;
	struct ulid id;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 300000, .one = true }, &id);
	notify(&w, "b.test", NULL);
	snprintf(command, sizeof command, "rm %s/bodies/*", w.folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_storage);
	world_clear(&w);
}

static void
what_nobody_fetched_expires(void **state)
{
	struct world w;
	struct ulid id[3];
	int64_t now_s = clock_wall_ms() / 1000;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 300000, .hold_until_s = now_s + 100 }, &id[0]);
	put(&w, &(struct letter) { .size = 100, .hold_until_s = now_s + 100 }, &id[1]);
	put(&w, &(struct letter) { .size = 100, .hold_until_s = now_s + 1000 }, &id[2]);
	sweep(&w, now_s + 99);
	assert_string_equal(states(&w, &id[0]), "waiting waiting waiting");
	sweep(&w, now_s + 101);
	assert_string_equal(states(&w, &id[0]), "expired expired expired");
	assert_string_equal(states(&w, &id[1]), "expired expired expired");
	assert_string_equal(states(&w, &id[2]), "waiting waiting waiting");
	wait_for_files(&w, 0);
	assert_int_equal(hand_out(&w, &id[0], "b.test"), REFUSAL_unknown_id);
	assert_int_equal(next_due(&w, "b.test"), 1000);
	sweep(&w, now_s + 1001);
	assert_int_equal(next_due(&w, "b.test"), 0);
	world_clear(&w);
}

/* More than one write's worth, in one call. */
static void
a_sweep_goes_on_to_the_end(void **state)
{
	struct world w;
	struct ulid id;
	int64_t now_s = clock_wall_ms() / 1000;
	struct oms_store_counts c;

	(void)state;
	world_init(&w);
	for (int i = 0; i < 450; i++)
		put(&w, &(struct letter) { .size = 10, .one = true, .hold_until_s = now_s + 10 },
		    &id);
	sweep(&w, now_s + 11);
	assert_string_equal(states(&w, &id), "expired");
	sweep(&w, now_s + 12 + OMS_OUTCOME_S);
	c = ask_counts(w.store, w.loop);
	assert_int_equal(c.letters, 0);
	world_clear(&w);
}

/* The answer comes when the store is closed already. */
static void
answers_may_come_after_the_end(void **state)
{
	struct world w;
	struct ulid id, other;
	struct outcome o[3] = { { .world = &w }, { .world = &w }, { .world = &w } };

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 300000, .one = true }, &id);
	put(&w, &(struct letter) { .size = 300000, .one = true }, &other);
	w.waiting = 4; /* loop_stop is for the thread that runs the loop */
	oms_store_hand_out(w.store, &id, "b.test", w.loop, on_handed, &o[0]);
	oms_store_settle(w.store, &other, "b.test", false, w.loop, on_done, &o[1]);
	oms_store_sweep(w.store, clock_wall_ms() / 1000, w.loop, on_done, &o[2]);
	oms_store_close(&w.store);
	loop_drain(w.loop);
	w.waiting--;
	wait_all(&w); /* its file is opened on another thread */
	assert_int_equal(w.waiting, 0);
	assert_int_equal(o[0].why, REFUSAL_NONE);
	assert_int_equal(octets_of(&w, o[0].source), 300000);
	assert_int_equal(o[1].why, REFUSAL_NONE);
	assert_int_equal(o[2].why, REFUSAL_NONE);
	world_clear(&w);
}

/* A question that is dropped has no answer; one that comes too late has one. */
static void
each_question_is_answered_once_or_dropped(void **state)
{
	struct world w;
	struct ulid id;
	struct asked a = { .answers = 0 }, dropped = { .answers = 0 };
	struct oms_delivery d[2];
	struct oms_due_query query = { "a.test", "b.test", 1000, INT64_MAX, 2, NULL, 0 };
	struct kv_question *q, *none = NULL;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 100, .one = true }, &id);
	q = oms_store_user(w.store, "alice@a.test", w.loop, on_user_asked, &dropped);
	oms_store_user(w.store, "alice@a.test", w.loop, on_user_asked, &a);
	kv_question_drop(&q);
	assert_null(q);
	kv_question_drop(&none);
	assert_true(await(&a, w.loop));
	assert_int_equal(a.counts.letters, 1);
	assert_int_equal(dropped.answers, 0);
	/* what is under way is not read again */
	query.under_way = &id;
	query.n_under_way = 1;
	assert_int_equal(ask_due(w.store, w.loop, &query, d).n, 0);
	assert_int_equal(ask_due(w.store, w.loop, &query, d).first_ms, 1000);
	query.n_under_way = 0;
	query.now_ms = 999;
	assert_int_equal(ask_due(w.store, w.loop, &query, d).n, 0);
	query.latest_ms = 999; /* a clock ran fast */
	assert_int_equal(ask_due(w.store, w.loop, &query, d).n, 1);
	oms_delivery_clear(&d[0]);
	/* the store closes first */
	a = dropped = (struct asked) { .answers = 0 };
	q = oms_store_user(w.store, "alice@a.test", w.loop, on_user_asked, &dropped);
	oms_store_user(w.store, "alice@a.test", w.loop, on_user_asked, &a);
	kv_question_drop(&q);
	oms_store_close(&w.store);
	if (!await(&a, w.loop)) /* an engine may answer what was asked before */
		assert_int_equal(a.e.why, REFUSAL_closing);
	assert_int_equal(dropped.answers, 0);
	world_clear(&w);
}

static void
orphans_are_swept_after_the_start(void **state)
{
	struct world w;
	struct ulid id, never_was = { { 1 } };
	struct body_kept kept;
	char path[192];
	FILE *f;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 300000 }, &id);
	body(&w, &never_was, 200000, &kept); /* durable, and then we went down */
	body_kept_clear(&kept);
	body(&w, &id, 200000, &kept); /* the same, of a letter that has another file */
	body_kept_clear(&kept);
	snprintf(path, sizeof path, "%s/bodies/0123456789abcdef0123456789abcdef.tmp", w.folder);
	assert_non_null(f = fopen(path, "w"));
	fclose(f);
	assert_int_equal(files(&w), 4);
	reopen(&w);
	wait_for_orphans(&w);
	assert_int_equal(files(&w), 1);
	assert_int_equal(bodies_used(oms_store_bodies(w.store)), 300000);
	notify(&w, "b.test", NULL);
	assert_int_equal(hand_out(&w, &id, "b.test"), REFUSAL_NONE);
	world_clear(&w);
}

/* Turns an octet of each copy of `mark` in the store. */
static unsigned
damage(const struct world *w, const void *mark, size_t n_mark)
{
	char path[128], *octets, *at;
	unsigned n = 0;
	off_t size;
	int fd;

	snprintf(path, sizeof path, "%s/store/data.mdb", w->folder);
	assert_true((fd = open(path, O_RDWR)) >= 0);
	size = lseek(fd, 0, SEEK_END);
	octets = memory_new((size_t)size);
	assert_int_equal(pread(fd, octets, (size_t)size, 0), size);
	for (at = octets; (at = memmem(at, (size_t)(octets + size - at), mark, n_mark)) != NULL;
	     at += n_mark, n++)
		at[n_mark - 1] ^= 1;
	assert_int_equal(pwrite(fd, octets, (size_t)size, 0), size);
	free(octets);
	close(fd);
	return n;
}

/* One letter's records are damaged: it is refused, its file is not swept, all others go on. */
static void
a_damaged_letter_harms_no_other(void **state)
{
	struct world w;
	struct ulid bad, good;
	struct oms_delivery d[4];
	int64_t now_s = clock_wall_ms() / 1000;
	unsigned pages;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 300000, .token = "this-one-is-bad" }, &bad);
	put(&w, &(struct letter) { .size = 300000, .token = "this-one-is-good" }, &good);
	notify(&w, "b.test", NULL);
	notify(&w, "b.test", NULL);
	oms_store_close(&w.store);
	assert_true(damage(&w, "this-one-is-bad", 15) > 0);
	reopen(&w);
	wait_for_orphans(&w);
	assert_int_equal(files(&w), 2);
	assert_string_equal(states(&w, &bad), "storage");
	assert_int_equal(hand_out(&w, &bad, "b.test"), REFUSAL_storage);
	assert_int_equal(ask_outbox(w.store, w.loop, "alice@a.test", NULL).n, 1);
	assert_int_equal(walk_queue(&w, 1, &pages), 2); /* a page without any is not the last */
	sweep(&w, now_s + 31 * DAY);
	assert_string_equal(states(&w, &good), "expired expired expired");
	assert_int_equal(due(&w, "b.test", d, 4), 0);
	assert_int_equal(next_due(&w, "b.test"), 0);
	world_clear(&w);
}

/* A delivery that cannot be read does not stay due for ever. */
static void
a_damaged_delivery_is_not_due(void **state)
{
	struct world w;
	struct ulid id;
	struct oms_delivery d;

	(void)state;
	world_init(&w);
	put(&w, &(struct letter) { .size = 100 }, &id);
	oms_store_close(&w.store);
	assert_true(damage(&w, "Tillcalled-Notification: 1 for b.test", 37) > 0);
	reopen(&w);
	assert_int_equal(due(&w, "b.test", &d, 1), 0);
	for (int i = 0; i < 200 && next_due(&w, "b.test") != 0; i++)
		usleep(10000);
	assert_int_equal(next_due(&w, "b.test"), 0);
	assert_int_equal(due(&w, "c.test", &d, 1), 1);
	oms_delivery_clear(&d);
	world_clear(&w);
}

int
main(void)
{
	enum { N = 18 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(a_letter_is_there_after_a_restart),
		cmocka_unit_test(the_same_token_is_the_same_letter),
		cmocka_unit_test(a_token_awaits_the_verdict_on_its_letter),
		cmocka_unit_test(from_waiting_to_forgotten),
		cmocka_unit_test(what_is_over_from_the_start_is_not_open),
		cmocka_unit_test(who_waits_still_gets_the_letter),
		cmocka_unit_test(who_waits_is_due_and_nobody_else),
		cmocka_unit_test(only_a_domain_that_was_told_is_served),
		cmocka_unit_test(neither_what_was_taken_back_nor_whose_time_is_over),
		cmocka_unit_test(a_file_that_is_lost_is_no_reason_for_gone),
		cmocka_unit_test(what_nobody_fetched_expires),
		cmocka_unit_test(a_sweep_goes_on_to_the_end),
		cmocka_unit_test(answers_may_come_after_the_end),
		cmocka_unit_test(each_question_is_answered_once_or_dropped),
		cmocka_unit_test(orphans_are_swept_after_the_start),
		/* with a file */
		cmocka_unit_test(what_is_settled_meanwhile_is_gone),
		cmocka_unit_test(a_damaged_letter_harms_no_other),
		cmocka_unit_test(a_damaged_delivery_is_not_due),
	};

	return engines_run("oms_store", tests, N - 3, N);
}
