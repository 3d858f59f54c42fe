/* ims_purge — how the IMS's store is freed: of a sender, of a mailbox, by sweeps; and how it is looked through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ims_share_scene.h"

/* -- freeing it ----------------------------------------------------------------------------------- */

static void
a_sender_s_notices_go_page_by_page(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .statements = 50 };
	struct purged p;
	struct world w;

	(void)state;
	world_of(&w);
	for (n.number = 0; n.number < 250; n.number += 50)
		accepts(&w, n);
	n = (struct notification) { .to = BOB, .hold_s = DAY, .domain = "c.test", .chain = "c's" };
	accepts(&w, n);
	accepts(&w, (struct notification) { .number = 251, .to = EVE, .hold_s = DAY });
	p = purge(&w, "a.test", BOB, false);
	assert_int_equal(p.notices, 250);
	assert_int_equal(p.times, 3); /* twice MAILBOX_PAGE, and the rest */
	assert_int_equal(share(&w, "a.test", NULL).notices, 1);
	assert_int_equal(share(&w, "c.test", NULL).notices, 1);
	assert_int_equal(purge(&w, "a.test", NULL, false).notices, 1);
	assert_int_equal(purge(&w, "nobody.test", NULL, false).notices, 0);
	assert_int_equal(entries(&w, NOTICE), 1);
	/* The other's notice is remembered. */
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	sweep(&w, PAPERS);
	assert_int_equal(share(&w, "a.test", NULL).octets, 0);
	world_clear(&w);
}

/* They are looked for among all, so many at a time. */
static void
a_sender_s_notices_are_found_among_many(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .statements = 60, .domain = "c.test" };
	struct world w;

	(void)state;
	world_of(&w);
	for (n.number = 0; n.number < MAILBOX_SCAN + 60; n.number += 60)
		accepts(&w, n);
	n.domain = NULL;
	n.statements = 1;
	accepts(&w, n);
	assert_int_equal(purge(&w, "a.test", NULL, false).notices, 1);
	assert_int_equal(share(&w, "a.test", BOB).notices, 0);
	assert_int_equal(share(&w, "c.test", BOB).notices, entries(&w, NOTICE));
	world_clear(&w);
}

static void
fill_whole(struct world *w, struct notification *n)
{
	enum notify_done done;
	enum refusal why;

	world_sized(w, (uint64_t)4 << 20);
	while ((why = accept_one(w, n, &done)) == REFUSAL_NONE)
		n->number += 32;
	assert_int_equal(why, REFUSAL_system_full);
	assert_true(n->number > 500);
}

/* Certificates with many names: the domain s1.test to s14.test takes all that it gets. */
static void
fill_by_name(struct world *w, unsigned name)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .statements = 16 };
	enum notify_done done;
	enum refusal why;
	char domain[32];

	snprintf(domain, sizeof domain, "s%u.test", name);
	n.domain = domain;
	n.sender_limit = w->size / 5;
	while ((why = accept_one(w, &n, &done)) == REFUSAL_NONE) {
		n.number += 16;
		arrive(w); /* the sum may be late by what has not */
	}
	assert_int_equal(why, REFUSAL_sender_share);
}

static void
many_names_leave_room_for_others(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .domain = "small.test" };
	enum notify_done done;
	struct world w;

	(void)state;
	world_sized(&w, (uint64_t)16 << 20);
	n.sender_limit = w.size / 5;
	accepts(&w, n);
	for (unsigned i = 1; i <= 14; i++)
		fill_by_name(&w, i);
	assert_in_range(used(&w), w.size * 4 / 5, w.size * 93 / 100);
	assert_in_range(share(&w, "s1.test", NULL).octets, w.size / 6, w.size / 5);
	assert_in_range(share(&w, "s14.test", NULL).octets, w.size / 200, w.size / 100);
	/* A domain that holds little goes on, and a new one begins. */
	for (n.number = 1; n.number < 10; n.number++)
		accepts(&w, n);
	n.domain = "new.test";
	accepts(&w, n);
	/* There is room again: shares are whole again. */
	n.domain = "s14.test";
	n.number = 60000;
	n.statements = 32;
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_sender_share);
	purge(&w, "s1.test", NULL, false);
	purge(&w, "s2.test", NULL, false);
	purge(&w, "s3.test", NULL, false);
	accepts(&w, n);
	world_clear(&w);
}

/* Its notices end by themselves; so do the repeats that it has seen. */
static void
a_full_store_is_swept(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .statements = 32 };
	struct world w;

	(void)state;
	fill_whole(&w, &n);
	sweep(&w, DAY + KEEP + 1);
	assert_int_equal(entries(&w, SEEN), 0);
	assert_nothing_is_left(&w);
	n.number = 60000;
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	world_clear(&w);
}

/* What frees copies pages first; in a store that is full there are few. */
static void
a_full_store_is_freed(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .statements = 32 };
	struct ims_purge what = { .from_domain = "a.test" };
	struct purged p;
	struct world w;
	uint64_t notices;

	(void)state;
	fill_whole(&w, &n);
	notices = entries(&w, NOTICE);
	what.loop = w.loop;
	what.progress = on_progress;
	what.done = on_purged;
	p = (struct purged) { .world = &w };
	what.arg = &p;
	w.waiting++;
	ims_store_purge(w.store, &what);
	wait_for(&w);
	assert_int_equal(p.notices, notices);
	assert_nothing_is_left(&w);
	n.number = 60000;
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	world_clear(&w);
}

static void
letters_that_are_here_stay_unless_asked_for(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	accepts(&w, (struct notification) { .number = 2, .to = BOB, .hold_s = DAY });
	assert_int_equal(purge(&w, "a.test", NULL, false).notices, 1);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HERE);
	assert_int_equal(purge(&w, "a.test", NULL, true).notices, 1);
	assert_nothing_is_left(&w);
	assert_int_equal(files_left(&w), 0);
	world_clear(&w);
}

static void
stop_loop(void *loop)
{
	loop_stop(loop);
}

static void
a_mailbox_goes_as_a_whole(void **state)
{
	struct notification n = { .number = 2, .to = BOB, .hold_s = DAY, .domain = "c.test" };
	struct world w;

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	accepts(&w, n);
	n.to = EVE;
	accepts(&w, n);
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE); /* it is remembered */
	assert_int_equal(purge(&w, NULL, BOB, true).notices, 1);
	assert_int_equal(entries(&w, MAILBOX), 1);
	assert_int_equal(entries(&w, NOTICE), 1);
	assert_int_equal(entries(&w, SEEN), 1);
	assert_int_equal(entries(&w, UNTIL), 1);
	assert_true_sums(&w); /* nor does anyone pay for it */
	n.to = BOB;           /* nobody remembers it */
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HELD);
	world_clear(&w);
}

/* Batches come between two pages of its deletion.  Whatever is answered with 250 has its letter. */
static void
what_comes_while_a_mailbox_goes_is_whole(void **state)
{
	enum { BATCHES = 30, TURNS = 3 };
	static const char spf[1][IMS_STORE_SPF_BYTES] = { "pass" };
	static const char owner[1][IMS_STORE_USER_BYTES] = { BOB };
	struct ims_evidence ev = {
		.chain = SPAN_LIT("chain"),
		.chain_digest = digest_of("chain"),
		.issuer = "CN=CA",
		.host = "192.0.2.1",
		.spf = spf,
		.hold_limit_s = LIMIT,
	};
	struct notify_batch *batch[BATCHES];
	struct purged p = { 0 };
	struct ims_purge what = { NULL, BOB, true, NULL, NULL, on_purged, &p };
	struct world w;

	(void)state;
	world_of(&w);
	p.world = &w;
	what.loop = w.loop;
	ev.received_s = w.now_s;
	for (unsigned i = 0; i < 10; i++)
		accepts(&w,
		    (struct notification) { .number = 1 + 60 * i,
			.to = BOB,
			.hold_s = DAY,
			.statements = 60 });
	for (unsigned i = 1; i <= 300; i++)
		assert_int_equal(drop(&w, BOB, i), REFUSAL_NONE);
	w.waiting = 1 + BATCHES;
	ims_store_purge(w.store, &what);
	for (unsigned i = 0; i < BATCHES; i++) {
		struct notification n = { .number = 5000 + i, .to = BOB, .hold_s = DAY };

		batch[i] = batch_of(&w, &n);
		ims_store_accept(w.store, batch[i], owner, &ev, w.loop, stop, &w);
		for (int k = 0; k < TURNS && w.waiting > 0; k++) {
			loop_later(w.loop, stop_loop, w.loop);
			loop_run(w.loop);
		}
	}
	wait_for(&w);
	for (unsigned i = 0; i < BATCHES; i++)
		notify_batch_free(&batch[i]);
	arrive(&w);
	assert_int_equal(entries(&w, NOTICE), entries(&w, LETTER));
	assert_true_sums(&w);
	world_clear(&w);
}

/* Long ago; they name no notice, and no repeat. */
static void
put_two(struct kv_txn *t)
{
	struct kv_key k = { .n = 0 };

	kv_key_add_u8(&k, 'h');
	kv_key_add_u64(&k, 1);
	kv_key_add_u64(&k, 12345);
	kv_put(t, kv_key_span(&k), (struct span) { 0 });
	k.n = 0;
	kv_key_add_u8(&k, 'u');
	kv_key_add_u64(&k, 1);
	kv_key_add(&k, SPAN_LIT("sx"));
	kv_put(t, kv_key_span(&k), (struct span) { 0 });
}

/* A row that names nothing goes, and does not end the sweep. */
static void
a_row_that_names_nothing_is_swept(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	accepts(&w, (struct notification) { .number = 1, .to = EVE, .hold_s = DAY });
	operate(&w, ims_part_mailbox(BOB), put_two);
	assert_int_equal(entries(&w, DUE), 1);
	sweep(&w, DAY + KEEP + 60);
	assert_int_equal(entries(&w, DUE), 0);
	assert_int_equal(entries(&w, UNTIL), 0);
	assert_int_equal(entries(&w, NOTICE), 0);
	world_clear(&w);
}

/* -- looking --------------------------------------------------------------------------------------- */

struct seen_page {
	struct world *w;
	char last[IMS_STORE_USER_BYTES], seen[32][IMS_STORE_USER_BYTES];
	size_t n;
	uint64_t notices;
	bool more;
};

static void
see(struct seen_page *p, const char *name, uint64_t notices)
{
	for (size_t i = 0; i < p->n; i++)
		assert_string_not_equal(p->seen[i], name);
	assert_true(p->n < 32);
	snprintf(p->seen[p->n++], sizeof p->seen[0], "%s", name);
	snprintf(p->last, sizeof p->last, "%s", name);
	p->notices += notices;
}

static void
see_mailboxes(void *arg, const struct ims_mailbox *rows, size_t n, bool more, const struct err *e)
{
	struct seen_page *p = arg;

	for (size_t i = 0; i < n; i++)
		see(p, rows[i].user, rows[i].notices);
	assert_true(n == 10 || !more);
	p->more = more;
	on_done(p->w, e);
}

static void
see_senders(void *arg, const struct ims_sender *rows, size_t n, bool more, const struct err *e)
{
	struct seen_page *p = arg;

	for (size_t i = 0; i < n; i++)
		see(p, rows[i].domain.text, rows[i].sum.notices);
	assert_true(n == 10 || !more);
	p->more = more;
	on_done(p->w, e);
}

/* Pages, each a transaction of its own: together they are everything, once. */
static void
mailboxes_and_senders_come_in_pages(void **state)
{
	struct world w;
	struct seen_page boxes = { .w = &w, .more = true }, senders = boxes;
	char user[64], domain[64];
	size_t pages = 0;

	(void)state;
	world_of(&w);
	for (unsigned i = 0; i < 25; i++) {
		snprintf(user, sizeof user, "u%u@b.test", i);
		snprintf(domain, sizeof domain, "d%u.test", i);
		accepts(&w,
		    (struct notification) { .number = i,
			.to = user,
			.hold_s = DAY,
			.domain = domain });
	}
	for (; boxes.more; pages++) {
		w.waiting++;
		ims_store_mailboxes(w.store, boxes.last, 10, w.loop, see_mailboxes, &boxes);
		wait_for(&w);
		assert_int_equal(w.why, REFUSAL_NONE);
	}
	assert_int_equal(pages, 3);
	assert_int_equal(boxes.notices, 25);
	for (pages = 0; senders.more; pages++) {
		w.waiting++;
		ims_store_senders(w.store, senders.last, 10, w.loop, see_senders, &senders);
		wait_for(&w);
		assert_int_equal(w.why, REFUSAL_NONE);
	}
	assert_int_equal(pages, 3);
	assert_int_equal(senders.notices, 25);
	assert_int_equal(boxes.n, 25);
	assert_int_equal(senders.n, 25);
	assert_int_equal(counts(&w).mailboxes, 25);
	assert_int_equal(counts(&w).notices, 25);
	world_clear(&w);
}

/* -- notices whose letters are no longer held ------------------------------------------------------- */

static void
an_unopened_notice_goes_in_time(void **state)
{
	struct notification n = { .number = 2, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	accepts(&w, n);
	n.number = 3;
	accepts(&w, n);
	n.hold_s = 20 * DAY; /* its promise moves */
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	sweep(&w, DAY + KEEP - 60);
	assert_int_equal(entries(&w, NOTICE), 3);
	sweep(&w, DAY + KEEP + 60);
	assert_int_equal(entries(&w, NOTICE), 2);
	assert_int_equal(entries(&w, DUE), 1);
	assert_int_equal(letter(&w, BOB, 3).state, MAILBOX_HELD);
	sweep(&w, 20 * DAY + KEEP + 60);
	assert_int_equal(entries(&w, NOTICE), 1);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HERE); /* it was opened */
	assert_int_equal(share(&w, "a.test", BOB).notices, 1);
	assert_int_equal(entries(&w, DUE), 0);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_nothing_is_left(&w);
	world_clear(&w);
}

/* Before its entry ends, nothing else says when a notice is due; one that made room has gone before its time. */
static void
a_notice_whose_entry_made_room_goes_in_time(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	ims_store_seen_max(w.store, 1);
	for (n.number = 1; n.number <= 3; n.number++)
		accepts(&w, n);
	assert_int_equal(entries(&w, SEEN), 1);
	assert_int_equal(entries(&w, DUE), 2);
	sweep(&w, DAY + KEEP - 60);
	assert_int_equal(entries(&w, DUE), 3);
	assert_int_equal(entries(&w, NOTICE), 3);
	sweep(&w, DAY + KEEP + 60);
	assert_nothing_is_left(&w);
	world_clear(&w);
}

/* A sweep of long after finds entries and notices that have ended at once. */
static void
what_ended_long_ago_goes_in_one_sweep(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY, .statements = 60 };
	struct world w;

	(void)state;
	world_of(&w);
	for (; n.number < 240; n.number += 60)
		accepts(&w, n);
	n.domain = "c.test";
	accepts(&w, n);
	assert_int_equal(entries(&w, UNTIL), 2); /* one a domain */
	assert_int_equal(entries(&w, DUE), 0);
	sweep(&w, DAY + KEEP + 60);
	assert_int_equal(entries(&w, NOTICE) + entries(&w, SEEN) + entries(&w, UNTIL), 0);
	assert_nothing_is_left(&w);
	world_clear(&w);
}

static void
sweep_with(struct world *w, int64_t at_s, int64_t keep_s)
{
	w->waiting++;
	ims_store_sweep(w->store, w->now_s + at_s, keep_s, w->loop, on_done, w);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
}

/* Each mailbox had said when it is to be looked at by the longer time. */
static void
a_shorter_time_to_keep_counts_at_once(void **state)
{
	struct notification n = { .number = 1, .hold_s = DAY };
	char user[32];
	struct world w;

	(void)state;
	world_of(&w);
	n.to = user;
	for (int i = 0; i < 70; i++) {
		snprintf(user, sizeof user, "u%d@b.test", i);
		accepts(&w, n);
	}
	sweep_with(&w, DAY + 60, KEEP);
	assert_int_equal(entries(&w, NOTICE), 70);
	sweep_with(&w, DAY + 3000, 3600);
	assert_int_equal(entries(&w, NOTICE), 70);
	sweep_with(&w, DAY + 2 * 3600 + 60, 3600);
	assert_int_equal(entries(&w, NOTICE), 0);
	assert_nothing_is_left(&w);
	world_clear(&w);
}

int
main(void)
{
	enum { N = 14 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(a_sender_s_notices_go_page_by_page),
		cmocka_unit_test(a_sender_s_notices_are_found_among_many),
		cmocka_unit_test(many_names_leave_room_for_others),
		cmocka_unit_test(a_full_store_is_swept),
		cmocka_unit_test(a_row_that_names_nothing_is_swept),
		cmocka_unit_test(a_full_store_is_freed),
		cmocka_unit_test(letters_that_are_here_stay_unless_asked_for),
		cmocka_unit_test(a_mailbox_goes_as_a_whole),
		cmocka_unit_test(what_comes_while_a_mailbox_goes_is_whole),
		cmocka_unit_test(mailboxes_and_senders_come_in_pages),
		cmocka_unit_test(an_unopened_notice_goes_in_time),
		cmocka_unit_test(a_notice_whose_entry_made_room_goes_in_time),
		cmocka_unit_test(what_ended_long_ago_goes_in_one_sweep),
		cmocka_unit_test(a_shorter_time_to_keep_counts_at_once),
	};

	return engines_run("ims_purge", tests, N, N);
}
