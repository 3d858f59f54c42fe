/* ims_share — what a sender's domain takes of the IMS's store: its sums and its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ims_share_scene.h"

/* -- sums ----------------------------------------------------------------------------------------- */

/* Whatever comes and goes, in whatever order: with the last notice the sums are zero again. */
static void
sums_end_at_zero(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY, .crl = "Monday's" };
	struct ims_share all, bob, eve;
	uint64_t before;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.to = EVE;
	accepts(&w, n);
	n.hold_s = 2 * DAY; /* the promise moves: one more statement is kept */
	n.crl = "Tuesday's";
	n.chain = "another";
	before = share(&w, "a.test", NULL).octets;
	accepts(&w, n);
	assert_in_range(share(&w, "a.test", NULL).octets, before + 500, before + 3000);
	n.number = 2;
	n.domain = "c.test";
	accepts(&w, n);
	all = share(&w, "a.test", NULL);
	bob = share(&w, "a.test", BOB);
	eve = share(&w, "a.test", EVE);
	assert_int_equal(all.notices, 2);
	assert_int_equal(bob.notices, 1);
	assert_int_equal(eve.notices, 1);
	assert_true(all.octets > bob.octets && bob.octets > 1000 && eve.octets > 1000);
	assert_int_equal(share(&w, "c.test", EVE).notices, 1);
	reopen(&w);
	assert_int_equal(share(&w, "a.test", NULL).octets, all.octets);
	assert_int_equal(drop(&w, EVE, 1), REFUSAL_NONE);
	assert_int_equal(share(&w, "a.test", EVE).octets, 0);
	assert_int_equal(share(&w, "a.test", NULL).notices, 1);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(drop(&w, EVE, 2), REFUSAL_NONE);
	assert_nothing_is_left(&w);
	world_clear(&w);
}

/* The sum is within a quarter of what the database takes. */
static void
a_sum_is_near_the_truth(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .statements = 32 };
	struct world w;
	uint64_t before, sum;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 60000, .to = EVE, .hold_s = DAY });
	before = used(&w);
	sum = share(&w, "a.test", NULL).octets;
	for (n.number = 0; n.number < 4000; n.number += 32)
		accepts(&w, n);
	before = used(&w) - before;
	sum = share(&w, "a.test", NULL).octets - sum;
	assert_in_range(before, sum * 3 / 4, sum * 5 / 4);
	world_clear(&w);
}

/* -- what is refused ------------------------------------------------------------------------------ */

static enum refusal
has_mailbox(struct world *w, const char *user)
{
	w->waiting++;
	ims_store_has_mailbox(w->store, user, w->loop, on_mailbox, w);
	wait_for(w);
	return w->why;
}

/* Its letters are other ones under the same ids, so their partitions refuse what the mailbox has put. */
static void
what_is_refused_leaves_nothing(void **state)
{
	enum { MANY = 60 }; /* so many that their seal is a paper */
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY, .statements = MANY };
	struct ims_share before;
	enum notify_done done;
	uint64_t papers;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	before = share(&w, "a.test", NULL);
	papers = entries(&w, PAPER);
	assert_int_equal(papers, 2);
	n.to = EVE;
	n.size = 7777;
	n.chain = "of another certificate";
	for (n.statements = 1; n.statements <= MANY; n.statements += MANY - 1) {
		assert_int_equal(accept_one(&w, &n, &done), REFUSAL_id_conflict);
		assert_int_equal(share(&w, "a.test", NULL).octets, before.octets);
		assert_int_equal(entries(&w, PAPER), papers);
		assert_int_equal(counts(&w).mailboxes, 1);
		assert_int_equal(has_mailbox(&w, EVE), REFUSAL_no_such_user);
		assert_false(knows(&w, EVE, "a.test"));
		assert_true_sums(&w);
	}
	/* One of them is accepted: what it cites stays.  No number was given twice. */
	n.number = 2;
	n.statements = MANY;
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_NONE);
	assert_int_equal(entries(&w, PAPER), papers + 2);
	assert_int_equal(list(&w, EVE, 0), 1);
	assert_int_equal(w.rows[0].number, 1 + MANY + MANY);
	assert_int_equal(evidence(&w, EVE, w.rows[0].number, assert_has_seal), REFUSAL_NONE);
	assert_true(knows(&w, EVE, "a.test"));
	assert_true_sums(&w);
	world_clear(&w);
}

/* -- limits --------------------------------------------------------------------------------------- */

/* As many notices as are taken; *why: of the one that is not. */
static unsigned
fill(struct world *w, struct notification n, enum refusal *why)
{
	enum notify_done done;
	unsigned taken = 0;

	while (taken < 250 && (*why = accept_one(w, &n, &done)) == REFUSAL_NONE) {
		n.number++;
		taken++;
	}
	return taken;
}

static void
a_domain_has_its_share(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .sender_limit = 100000 };
	enum notify_done done;
	enum refusal why;
	struct world w;
	unsigned taken;

	(void)state;
	world_of(&w);
	taken = fill(&w, n, &why);
	assert_int_equal(why, REFUSAL_sender_share);
	assert_in_range(taken, 20, 100);
	assert_in_range(share(&w, "a.test", NULL).octets, 90000, 100000);
	/* Nothing was put for those that were refused; repeats of the others are known. */
	assert_int_equal(entries(&w, SEEN), taken);
	assert_int_equal(entries(&w, PAPER), 1); /* the chain */
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	/* A later promise would be one more statement to keep. */
	n.hold_s = 2 * DAY;
	n.sender_limit = share(&w, "a.test", NULL).octets;
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_sender_share);
	n.sender_limit = 100000;
	n.hold_s = DAY;
	/* Others have shares of their own. */
	n.number = 200;
	n.domain = "c.test";
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	n.domain = NULL;
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_sender_share);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	reopen(&w);
	arrive(&w);
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	world_clear(&w);
}

/* Each reads the sum before all of them are in it.  Together they take most of the share, and no more.  A batch that is
 * over before the next one has read the sum counts twice; on a disk that differs from run to run. */
static void
batches_at_once_stay_within_the_share(void **state)
{
	enum { BATCHES = 16, STATEMENTS = 64, MOST = 1000000 };
	static const char spf[64][IMS_STORE_SPF_BYTES] = { "pass" };
	static char owners[STATEMENTS][IMS_STORE_USER_BYTES];
	struct notify_batch *batch[BATCHES];
	struct ims_evidence ev = {
		.chain = SPAN_LIT("chain"),
		.chain_digest = digest_of("chain"),
		.issuer = "CN=CA",
		.host = "192.0.2.1",
		.spf = spf,
		.hold_limit_s = LIMIT,
		.sender_limit = MOST,
	};
	struct world w;

	(void)state;
	world_of(&w);
	ev.received_s = w.now_s;
	for (int i = 0; i < STATEMENTS; i++)
		snprintf(owners[i], sizeof owners[i], "%s", BOB);
	w.waiting = BATCHES;
	for (unsigned i = 0; i < BATCHES; i++) {
		struct notification n = { .number = i * STATEMENTS,
			.to = BOB,
			.hold_s = DAY,
			.statements = STATEMENTS };

		batch[i] = batch_of(&w, &n);
		ims_store_accept(w.store, batch[i], (const char(*)[IMS_STORE_USER_BYTES])owners,
		    &ev, w.loop, stop, &w);
	}
	wait_for(&w);
	for (unsigned i = 0; i < BATCHES; i++)
		notify_batch_free(&batch[i]);
	assert_in_range(share(&w, "a.test", NULL).octets,
	    scene_engine == ENGINE_LMDB ? MOST / 2 - 5000 : MOST * 7 / 10, MOST);
	world_clear(&w);
}

static void
a_domain_has_its_share_of_a_mailbox(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .mailbox_limit = 50000 };
	enum notify_done done;
	enum refusal why;
	struct world w;

	(void)state;
	world_of(&w);
	assert_in_range(fill(&w, n, &why), 10, 50);
	assert_int_equal(why, REFUSAL_sender_mailbox_share);
	n.number = 200;
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_sender_mailbox_share);
	n.to = EVE;
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	n.to = BOB;
	n.domain = "c.test";
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	world_clear(&w);
}

/* The row of a.test in a mailbox, as ims/store/part_mailbox_sender.c writes it. */
static void
put_counts(struct kv_txn *t, uint64_t notices, uint64_t seen)
{
	struct kv_key k = { .n = 0 };
	struct buf value = BUF_INIT;

	kv_key_add_u8(&k, 'd');
	kv_key_add_hash(&k, SPAN_LIT("a.test"), PART_HASH);
	put_u8(&value, 1);
	put_span(&value, SPAN_LIT("a.test"));
	put_u64(&value, notices > 0);
	put_u64(&value, notices);
	put_u64(&value, seen > 0);
	put_u64(&value, seen);
	put_u64(&value, 0);
	put_u64(&value, 0);
	put_u64(&value, 0);
	kv_put(t, kv_key_span(&k), buf_span(&value));
	buf_clear(&value);
}

static void
put_many(struct kv_txn *t)
{
	put_counts(t, IMS_MAILBOX_SENDER - 1, 0);
}

/* A mailbox holds so many notices; however small they are, one sender cannot shut out the others. */
static void
one_sender_does_not_fill_a_mailbox(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	enum notify_done done;
	struct world w;

	(void)state;
	world_of(&w);
	operate(&w, ims_part_mailbox(BOB), put_many);
	accepts(&w, n);
	n.number = 2;
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_sender_mailbox_share);
	n.domain = "c.test";
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	world_clear(&w);
}

/* -- the seen set --------------------------------------------------------------------------------- */

/* However fast its user drops what comes: what is remembered of a domain counts, and is bounded. */
static void
what_is_remembered_is_charged(void **state)
{
	struct notification n = { .to = BOB, .hold_s = DAY, .sender_limit = 20000 };
	enum notify_done done;
	enum refusal why = REFUSAL_NONE;
	struct world w;

	(void)state;
	world_of(&w);
	for (n.number = 1; n.number < 1000; n.number++) {
		if ((why = accept_one(&w, &n, &done)) != REFUSAL_NONE)
			break;
		assert_int_equal(drop(&w, BOB, n.number), REFUSAL_NONE);
	}
	assert_int_equal(why, REFUSAL_sender_share);
	assert_in_range(n.number, 10, 200);
	assert_int_equal(share(&w, "a.test", NULL).notices, 0);
	n.domain = "c.test";
	n.chain = "c's"; /* a.test pays as long as anyone cites its own */
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	n.domain = "a.test";
	sweep(&w, PAPERS);
	assert_int_equal(share(&w, "a.test", NULL).octets, 0);
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	world_clear(&w);
}

/* A mailbox has too many: the next entry of a domain costs an older one of its own, and nobody else's; one of a domain
 * that has none costs one. */
static void
a_domain_makes_room_for_itself(void **state)
{
	struct notification other = { .number = 1, .to = BOB, .hold_s = DAY, .domain = "c.test" };
	struct notification n = { .to = BOB, .hold_s = 10 * DAY };
	struct world w;

	(void)state;
	world_of(&w);
	ims_store_seen_max(w.store, 5);
	accepts(&w, other); /* its promise ends first */
	for (n.number = 2; n.number < 20; n.number++) {
		accepts(&w, n);
		assert_int_equal(entries(&w, SEEN), n.number < 5 ? n.number : 5);
	}
	n.to = EVE; /* it has entries of its own */
	accepts(&w, n);
	assert_int_equal(entries(&w, SEEN), 6);
	assert_int_equal(accepts(&w, other), NOTIFY_KNOWN);
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	n.to = BOB;
	n.domain = "d.test";
	accepts(&w, n);
	assert_int_equal(entries(&w, SEEN), 6);
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	assert_int_equal(accepts(&w, other), NOTIFY_NOTICED); /* it was the first to end */
	assert_true_sums(&w);
	world_clear(&w);
}

static void
put_many_seen(struct kv_txn *t)
{
	put_counts(t, 0, IMS_MAILBOX_SENDER - 2);
}

/* Many entries of one domain for one mailbox: the one whose promise ends first makes room. */
static void
a_domain_has_so_many_entries_for_a_mailbox(void **state)
{
	struct notification n = { .to = BOB };
	struct world w;

	(void)state;
	world_of(&w);
	operate(&w, ims_part_mailbox(BOB), put_many_seen);
	for (n.number = 1; n.number <= 5; n.number++) {
		n.hold_s = (10 - n.number) * DAY;
		accepts(&w, n);
		assert_int_equal(drop(&w, BOB, n.number), REFUSAL_NONE);
		assert_int_equal(entries(&w, SEEN), n.number < 2 ? n.number : 2);
	}
	n.to = EVE;
	n.domain = "c.test";
	accepts(&w, n);
	assert_int_equal(entries(&w, SEEN), 3);
	n = (struct notification) { .number = 1, .to = BOB, .hold_s = 9 * DAY };
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	world_clear(&w);
}

/* -- whatever happens -------------------------------------------------------------------------------- */

/* A number below n, the same in each run. */
static unsigned
draw(uint64_t *state, unsigned n)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(*state >> 33) % n;
}

static void
announce_any(struct world *w, uint64_t *dice)
{
	static const char *const crls[] = { "Monday's", "Tuesday's", "Wednesday's" };
	static const char *const chains[] = { "one chain", "another" };
	struct notification n = under(draw(dice, 40), crls[draw(dice, 3)], w, -DAY, 7 * DAY);
	enum notify_done done;

	n.to = users[draw(dice, USERS)];
	n.domain = domains[draw(dice, DOMAINS)];
	n.hold_s = (1 + draw(dice, 5)) * DAY;
	n.chain = chains[draw(dice, 2)];
	n.facts.shared = draw(dice, 2) == 0;
	n.statements = 1 + draw(dice, 4);
	n.sender_limit = draw(dice, 2) == 0 ? 60000 : 0;
	n.mailbox_limit = draw(dice, 2) == 0 ? 20000 : 0;
	accept_one(w, &n, &done);
}

static void
do_anything(struct world *w, uint64_t *dice)
{
	const char *user = users[draw(dice, USERS)], *domain = domains[draw(dice, DOMAINS)];
	unsigned what = draw(dice, 40);
	uint64_t number = 0;

	if (what >= 20 && what < 36 && list(w, user, draw(dice, 60)) > 0)
		number = w->rows[0].number;
	if (what < 20)
		announce_any(w, dice);
	else if (what < 30 && number != 0)
		(void)(what < 27 ? drop(w, user, number) : decline(w, user, number));
	else if (what < 36 && number != 0 && lease(w, user, number) == REFUSAL_NONE &&
	    w->leased.state == MAILBOX_FETCHING)
		(void)(what < 34 ? keep_of(w, &w->leased, 100)
				 : release(w, MAILBOX_GONE, REFUSAL_gone));
	else if (what == 36)
		purge(w, domain, draw(dice, 2) == 0 ? user : NULL, draw(dice, 2) == 0);
	else if (what == 37)
		purge(w, NULL, user, true);
	else if (what == 38)
		sweep(w, (1 + draw(dice, 6)) * DAY + KEEP);
	else if (what == 39)
		reopen(w);
}

/* The sums are what they count, after anything. */
static void
sums_are_true_whatever_happens(void **state)
{
	uint64_t dice = 20261130;
	struct world w;

	(void)state;
	world_of(&w);
	for (int i = 1; i <= 600; i++) {
		if (i % 200 == 0)
			ims_store_seen_max(w.store, 20); /* until it is opened again */
		do_anything(&w, &dice);
		if (i % 50 == 0)
			assert_true_sums(&w);
	}
	for (int u = 0; u < USERS; u++)
		purge(&w, NULL, users[u], true);
	assert_nothing_is_left(&w);
	world_clear(&w);
}

/* What its users had dropped before was still charged.  What stays in a mailbox is still remembered. */
static void
a_dropped_sender_has_its_share_again(void **state)
{
	struct notification n = { .number = 2, .to = BOB, .hold_s = DAY, .sender_limit = 20000 };
	enum notify_done done;
	struct world w;

	(void)state;
	world_of(&w);
	fetched(&w, 1);
	for (; accept_one(&w, &n, &done) == REFUSAL_NONE; n.number++)
		assert_int_equal(drop(&w, BOB, n.number), REFUSAL_NONE);
	assert_in_range(n.number, 10, 200);
	n.to = EVE;
	n.sender_limit = 0;
	accepts(&w, n);
	/* In one mailbox only: the entries of the other stay. */
	assert_int_equal(purge(&w, "a.test", BOB, false).notices, 0);
	assert_int_equal(entries(&w, SEEN), 2);
	assert_int_equal(purge(&w, "a.test", NULL, false).notices, 1);
	assert_true_sums(&w);
	assert_int_equal(entries(&w, SEEN), 1); /* of the letter that is here */
	assert_int_equal(accepts(&w,
			     (struct notification) { .number = 1, .to = BOB, .hold_s = DAY }),
	    NOTIFY_KNOWN);
	n.sender_limit = 20000;
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	assert_int_equal(purge(&w, "a.test", NULL, true).notices, 2);
	assert_int_equal(share(&w, "a.test", NULL).octets,
	    ims_takes(DIGEST_BYTES, strlen("chain")));
	assert_nothing_is_left(&w);
	world_clear(&w);
}

/* -- damage ------------------------------------------------------------------------------------------ */

/* A sum or a paper's payer that cannot be read refuses nobody and keeps nothing. */
static void
a_damaged_sum_is_in_nobodys_way(void **state)
{
	static const enum table tables[] = { SUM, PAPER };
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		world_of(&w);
		accepts(&w, under(1, "Monday's", &w, -DAY, 7 * DAY));
		ims_store_close(&w.store);
		damage(&w, tables[i]);
		reopen(&w);
		accepts(&w, under(2, "Monday's", &w, -DAY, 7 * DAY));
		assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
		assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE);
		assert_int_equal(entries(&w, NOTICE) + entries(&w, EVIDENCE), 0);
		world_clear(&w);
	}
}

int
main(void)
{
	enum { N = 13 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(sums_end_at_zero),
		cmocka_unit_test(what_is_refused_leaves_nothing),
		cmocka_unit_test(a_domain_has_its_share),
		cmocka_unit_test(batches_at_once_stay_within_the_share),
		cmocka_unit_test(a_domain_has_its_share_of_a_mailbox),
		cmocka_unit_test(one_sender_does_not_fill_a_mailbox),
		cmocka_unit_test(what_is_remembered_is_charged),
		cmocka_unit_test(a_domain_makes_room_for_itself),
		cmocka_unit_test(a_domain_has_so_many_entries_for_a_mailbox),
		cmocka_unit_test(sums_are_true_whatever_happens),
		cmocka_unit_test(a_dropped_sender_has_its_share_again),
		/* with a file */
		cmocka_unit_test(a_sum_is_near_the_truth),
		cmocka_unit_test(a_damaged_sum_is_in_nobodys_way),
	};

	return engines_run("ims_share", tests, N - 2, N);
}
