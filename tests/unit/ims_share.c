/* ims_share — what a sender's domain takes of the IMS's store: its sums, its limits, and how it is freed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/record.h"
#include "tests/ims_truth.h"
#include "tests/unit/ims_store_scene.h"

/* -- sums ----------------------------------------------------------------------------------------- */

static uint64_t
used(struct world *w)
{
	return counts(w).used_bytes;
}

/* The longest that a paper, and its charge, stays when no letter cites it any more. */
#define PAPERS (PAPER_KEEP_S + PAPER_SLACK_S + DAY)

/* The seen set and papers outlive the notices, and go when their time has come. */
static void
assert_nothing_is_left(struct world *w)
{
	assert_int_equal(entries(w, NOTICE), 0);
	sweep(w, 0); /* the clock goes back */
	sweep(w, LIMIT + PAPERS);
	for (unsigned t = NOTICE; t <= PAPER; t++)
		if (t != KNOWN && t != NOTIFIED && entries(w, (enum table)t) != 0)
			fail_msg("%llu rows in table %u",
			    (unsigned long long)entries(w, (enum table)t), t);
}

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

static void
assert_has_seal(struct world *w, const struct ims_kept *k)
{
	(void)w;
	assert_true(span_starts(buf_span(&k->seal), SPAN_LIT("Tillcalled-Seal: ")));
	assert_string_equal(k->alg, "ecdsa-sha256");
}

static void
a_seal_is_kept_once_for_its_batch(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY, .statements = 20 };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	assert_int_equal(entries(&w, NOTICE), 20);
	assert_int_equal(entries(&w, EVIDENCE), 20);
	assert_int_equal(entries(&w, PAPER), 2); /* the chain, the seal */
	for (uint64_t i = 1; i < 20; i++)
		assert_int_equal(drop(&w, BOB, i), REFUSAL_NONE);
	assert_int_equal(evidence(&w, BOB, 20, assert_has_seal), REFUSAL_NONE);
	assert_int_equal(drop(&w, BOB, 20), REFUSAL_NONE);
	assert_nothing_is_left(&w);
	world_clear(&w);
}

#define DOMAINS 3
#define USERS   3

static const char *const domains[DOMAINS] = { "a.test", "c.test", "d.test" };
static const char *const users[USERS] = { BOB, EVE, "carol@b.test" };

/* A recount finds each sum that has notices; that there are no others is seen by their total. */
static void
assert_true_sums(struct world *w)
{
	uint64_t notices = 0, files;

	assert_sums_are_true(w->store, w->loop, &files);
	for (size_t d = 0; d < DOMAINS; d++)
		for (size_t u = 0; u < USERS; u++)
			notices += share(w, domains[d], users[u]).notices;
	assert_int_equal(notices, entries(w, NOTICE));
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

/* Two batches bring the same chain, before it is known that the first is refused. */
static void
a_paper_that_another_cites_stays(void **state)
{
	static const char spf[1][IMS_STORE_SPF_BYTES] = { "pass" };
	static const char owners[2][1][IMS_STORE_USER_BYTES] = { { EVE }, { BOB } };
	struct ims_evidence ev = {
		.chain = SPAN_LIT("a new chain"),
		.chain_digest = digest_of("a new chain"),
		.issuer = "CN=CA",
		.host = "192.0.2.1",
		.spf = spf,
		.hold_limit_s = LIMIT,
	};
	struct notification n[2] = { { .number = 1, .to = EVE, .hold_s = DAY, .size = 7777 },
		{ .number = 2, .to = BOB, .hold_s = DAY } };
	struct notify_batch *batch[2];
	struct world w;

	(void)state;
	world_of(&w);
	ev.received_s = w.now_s;
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
	w.waiting = 2;
	for (int i = 0; i < 2; i++) {
		batch[i] = batch_of(&w, &n[i]);
		ims_store_accept(w.store, batch[i], owners[i], &ev, w.loop, stop, &w);
	}
	wait_for(&w);
	assert_int_equal(batch[0]->entries[0].why, REFUSAL_id_conflict);
	assert_int_equal(batch[1]->entries[0].why, REFUSAL_NONE);
	for (int i = 0; i < 2; i++)
		notify_batch_free(&batch[i]);
	assert_int_equal(entries(&w, PAPER), 2);
	assert_int_equal(evidence(&w, BOB, 2, assert_has_seal), REFUSAL_NONE);
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

/* All copies of its seal take less than the rows of a paper. */
static void
a_seal_of_few_is_kept_with_each(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY, .statements = 3 };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	assert_int_equal(entries(&w, PAPER), 1); /* the chain */
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(evidence(&w, BOB, i, assert_has_seal), REFUSAL_NONE);
	n.number = 4;
	n.statements = 4;
	accepts(&w, n);
	assert_int_equal(entries(&w, PAPER), 2);
	for (uint64_t i = 4; i <= 7; i++)
		assert_int_equal(evidence(&w, BOB, i, assert_has_seal), REFUSAL_NONE);
	world_clear(&w);
}

/* The sum's record, as ims/store/part_sums.c writes it: version, octets, notices, facts, papers. */
static void
put_most_papers(struct kv_txn *t)
{
	struct buf row = BUF_INIT;
	struct span value;

	assert_true(kv_get(t, SPAN_LIT("r"), &value));
	assert_int_equal(value.n, 1 + 4 * 8);
	buf_add(&row, value.p, 1 + 3 * 8);
	put_u64(&row, IMS_SENDER_PAPERS);
	kv_put(t, SPAN_LIT("r"), buf_span(&row));
	buf_clear(&row);
}

/* However many seals it brings, its partition has a bound. */
static void
a_domain_has_so_many_papers(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY, .statements = 30 };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	assert_int_equal(entries(&w, PAPER), 2); /* the chain, a seal */
	operate(&w, ims_part_sender(SPAN_LIT("a.test")), put_most_papers);
	n.number = 31;
	accepts(&w, n);
	assert_int_equal(entries(&w, PAPER), 2);
	for (uint64_t i = 1; i <= 60; i++)
		assert_int_equal(evidence(&w, BOB, i, assert_has_seal), REFUSAL_NONE);
	assert_true_sums(&w);
	sweep(&w, DAY + KEEP + PAPERS);
	assert_nothing_is_left(&w);
	world_clear(&w);
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

/* -- freeing it ----------------------------------------------------------------------------------- */

struct purged {
	struct world *world;
	uint64_t notices, last;
	unsigned times;
};

static void
on_progress(void *arg, uint64_t notices)
{
	struct purged *p = arg;

	assert_true(notices > p->last);
	p->last = notices;
	p->times++;
}

static void
on_purged(void *arg, uint64_t notices, const struct err *e)
{
	struct purged *p = arg;

	assert_null(e);
	p->notices = notices;
	stop(p->world);
}

static struct purged
purge(struct world *w, const char *domain, const char *user, bool opened)
{
	struct purged p = { .world = w };
	struct ims_purge what = { domain, user, opened, w->loop, on_progress, on_purged, &p };

	arrive(w); /* a sender's mailboxes are known by what they have stated */
	w->waiting++;
	ims_store_purge(w->store, &what);
	wait_for(w);
	return p;
}

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

/* -- revocation lists -------------------------------------------------------------------------------- */

/* An issue of a CRL, in force from `this_s` to `next_s`, for the certificate with the serial number 7. */
static struct notification
under(unsigned number, const char *crl, const struct world *w, int64_t this_s, int64_t next_s)
{
	struct notification n = {
		.number = number,
		.to = BOB,
		.hold_s = 100 * DAY,
		.crl = crl,
		.facts = { .shared = true,
		    .this_s = w->now_s + this_s,
		    .next_s = w->now_s + next_s,
		    .serial = "\x02\x01\x07",
		    .serial_n = 3 },
	};

	memset(n.facts.scope, 's', sizeof n.facts.scope);
	return n;
}

static char crl_text[100];

static void
copy_crl(struct world *w, const struct ims_kept *k)
{
	(void)w;
	assert_true(span_copy(buf_span(&k->crls), crl_text, sizeof crl_text));
}

static const char *
crl_of(struct world *w, uint64_t number)
{
	assert_int_equal(evidence(w, BOB, number, copy_crl), REFUSAL_NONE);
	return crl_text;
}

/* A letter rests on a CRL that is kept already, as long as that was in force when it came. */
static void
one_issue_of_a_crl_serves_its_time(void **state)
{
	struct notification n;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, under(1, "Monday's", &w, -DAY, 7 * DAY));
	accepts(&w, under(2, "Tuesday's", &w, 0, 8 * DAY));
	assert_string_equal(crl_of(&w, 2), "Monday's");
	n = under(3, "next week's", &w, 7 * DAY, 15 * DAY);
	n.at_s = 7 * DAY + 1;
	accepts(&w, n);
	assert_string_equal(crl_of(&w, 3), "next week's");
	n = under(4, "of another key", &w, 0, 8 * DAY);
	n.facts.scope[5] = 'x';
	accepts(&w, n);
	assert_string_equal(crl_of(&w, 4), "of another key");
	n = under(5, "of no scope", &w, 0, 8 * DAY);
	n.facts.shared = false;
	accepts(&w, n);
	assert_string_equal(crl_of(&w, 5), "of no scope");
	n = under(6, "Sunday's", &w, -2 * DAY, 6 * DAY);
	n.at_s = -DAY - 1; /* Monday's was not issued yet */
	n.hold_s = 20 * DAY;
	accepts(&w, n);
	assert_string_equal(crl_of(&w, 6), "Sunday's");
	/* With its last letter it goes, and the next one is kept. */
	assert_int_equal(purge(&w, "a.test", NULL, true).notices, 6);
	assert_nothing_is_left(&w);
	accepts(&w, under(7, "Tuesday's", &w, 0, 8 * DAY));
	assert_string_equal(crl_of(&w, 7), "Tuesday's");
	world_clear(&w);
}

static int64_t crl_until_s;

static void
see_until(struct kv_txn *t)
{
	struct ims_paper_is p;

	assert_true(ims_paper_is(t, &p));
	crl_until_s = p.until_s;
}

/* By what cites it: the one that brought it may be gone first. */
static void
a_crl_that_serves_again_is_kept_for_longer(void **state)
{
	unsigned char digest[DIGEST_BYTES];
	struct notification n;
	struct world w;
	int64_t before_s;

	(void)state;
	world_of(&w);
	digest_sha256(SPAN_LIT("Monday's"), digest);
	accepts(&w, under(1, "Monday's", &w, -DAY, 60 * DAY));
	operate(&w, ims_part_paper(digest), see_until);
	before_s = crl_until_s;
	n = under(2, "Tuesday's", &w, 0, 61 * DAY);
	n.at_s = 10 * DAY;
	accepts(&w, n);
	assert_string_equal(crl_of(&w, 2), "Monday's");
	operate(&w, ims_part_paper(digest), see_until);
	assert_int_equal(crl_until_s, before_s + 10 * DAY);
	n.number = 3; /* not for each */
	n.at_s += PAPER_SLACK_S / 2;
	accepts(&w, n);
	operate(&w, ims_part_paper(digest), see_until);
	assert_int_equal(crl_until_s, before_s + 10 * DAY);
	world_clear(&w);
}

/* The kept issue lists the certificate, as one on hold may have been: evidence needs the new one. */
static void
a_crl_that_lists_the_certificate_does_not_serve(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, under(1, "lists \x02\x01\x07 as on hold", &w, -DAY, 7 * DAY));
	accepts(&w, under(2, "lists nobody", &w, 0, 8 * DAY));
	assert_string_equal(crl_of(&w, 2), "lists nobody");
	accepts(&w, under(3, "a third", &w, 0, 8 * DAY));
	assert_string_equal(crl_of(&w, 3), "lists nobody");
	world_clear(&w);
}

/* CRLs count against the share of the domain that brought them, once. */
static void
a_crl_is_charged_to_who_brought_it(void **state)
{
	static char crl[20001];
	struct notification n;
	enum notify_done done;
	struct world w;

	(void)state;
	world_of(&w);
	memset(crl, 'x', sizeof crl - 1);
	n = under(1, crl, &w, -DAY, 7 * DAY);
	n.sender_limit = 20000;
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_sender_share);
	assert_int_equal(entries(&w, PAPER), 0);
	n.sender_limit = 40000;
	accepts(&w, n);
	assert_in_range(share(&w, "a.test", NULL).octets, 20000, 40000);
	n.domain = "c.test";
	n.sender_limit = 20000;
	accepts(&w, n);
	assert_in_range(share(&w, "c.test", NULL).octets, 1000, 10000);
	/* It is given back to the same, whose letters are gone long before. */
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_in_range(share(&w, "a.test", NULL).octets, 20000, 30000);
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE);
	assert_nothing_is_left(&w);
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

/* -- evidence ------------------------------------------------------------------------------------- */

static void
sort_hashes(unsigned char hash[2][DIGEST_BYTES])
{
	unsigned char first[DIGEST_BYTES];

	if (memcmp(hash[0], hash[1], sizeof first) < 0)
		return;
	memcpy(first, hash[1], sizeof first);
	memcpy(hash[1], hash[0], sizeof first);
	memcpy(hash[0], first, sizeof first);
}

/* One statement for two recipients; the batch would be charged with its evidence for the first of them. */
static struct notify_batch *
batch_for_two(const struct world *w, unsigned number, const char *one, const char *two)
{
	struct notify_batch *b = notify_batch_new(1);
	struct notify_bounds bounds = { SPAN_LIT("a.test"), SPAN_LIT("b.test"), w->now_s,
		digest_sha256 };
	unsigned char salt[16] = { 0 }, digest[1][DIGEST_BYTES], hash[2][DIGEST_BYTES];
	struct buf text = BUF_INIT, seal = BUF_INIT;
	struct statement st = { .from_domain = SPAN_LIT("a.test"),
		.recipient_domain = SPAN_LIT("b.test"),
		.date_s = w->now_s,
		.hold_until_s = w->now_s + DAY,
		.size = 1000,
		.id = id_of(w, number) };
	struct err e;

	st.from.whole = SPAN_LIT("alice@a.test");
	statement_hash(digest_sha256, salt, span_str(one), hash[0]);
	statement_hash(digest_sha256, salt, span_str(two), hash[1]);
	sort_hashes(hash);
	assert_true(statement_write(&text, &st, hash, 2, &e));
	notify_batch_add_rcpt(b, span_str(one), salt, NULL);
	notify_batch_add_rcpt(b, span_str(two), salt, NULL);
	notify_batch_add_statement(b, NULL);
	buf_add(&b->octets, text.data, text.len);
	notify_batch_end_statement(b);
	digest_sha256(buf_span(&text), digest[0]);
	assert_true(seal_write(&seal, bounds.peer, bounds.served, bounds.now_s, digest, 1, &e));
	assert_true(notify_batch_seal(b, buf_span(&seal), SEAL_ECDSA_SHA256, SPAN_LIT("signature"),
	    &bounds, &e));
	notify_batch_judge(b, &bounds);
	assert_int_equal(b->n_open, 2);
	buf_clear(&text);
	buf_clear(&seal);
	return b;
}

struct two {
	enum refusal why[2];
	enum notify_done done[2];
};

static struct two
accept_two(struct world *w, unsigned number, const char *one, const char *two,
    uint64_t sender_limit, uint64_t mailbox_limit)
{
	static const char spf[1][IMS_STORE_SPF_BYTES] = { "pass" };
	char owners[2][IMS_STORE_USER_BYTES];
	struct notify_batch *b = batch_for_two(w, number, one, two);
	struct ims_evidence ev = { .chain = SPAN_LIT("chain"),
		.chain_digest = digest_of("chain"),
		.issuer = "CN=CA",
		.host = "192.0.2.1",
		.spf = spf,
		.received_s = w->now_s,
		.hold_limit_s = LIMIT,
		.sender_limit = sender_limit,
		.mailbox_limit = mailbox_limit };
	struct two is;

	snprintf(owners[0], sizeof owners[0], "%s", one);
	snprintf(owners[1], sizeof owners[1], "%s", two);
	w->waiting++;
	ims_store_accept(w->store, b, (const char(*)[IMS_STORE_USER_BYTES])owners, &ev, w->loop,
	    stop, w);
	wait_for(w);
	for (int i = 0; i < 2; i++) {
		is.why[i] = b->entries[i].why;
		is.done[i] = b->entries[i].done;
	}
	notify_batch_free(&b);
	return is;
}

/* The first recipient is refused, and the second keeps the evidence. */
static void
evidence_is_charged_with_who_is_accepted(void **state)
{
	struct notification n = { .number = 1, .to = EVE, .hold_s = DAY };
	uint64_t before;
	struct world w;
	struct two is;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	before = share(&w, "a.test", NULL).octets;
	is = accept_two(&w, 2, EVE, BOB, 0, share(&w, "a.test", EVE).octets + 1500);
	assert_int_equal(is.why[0], REFUSAL_sender_mailbox_share);
	assert_int_equal(is.why[1], REFUSAL_NONE);
	assert_int_equal(entries(&w, EVIDENCE), 2);
	assert_true(share(&w, "a.test", NULL).octets > before + 2000);
	assert_true_sums(&w);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_true_sums(&w);
	world_clear(&w);
}

/* What is known already takes nothing, in the same mailbox or in another. */
static void
a_repeat_takes_no_share(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY, .statements = 32 };
	enum notify_done done;
	uint64_t has, takes;
	struct world w;
	struct two is;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.sender_limit = share(&w, "a.test", NULL).octets + 20000;
	n.statements = 33;
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_NONE);
	assert_int_equal(done, NOTIFY_NOTICED);
	n = (struct notification) { .number = 101, .to = BOB, .hold_s = DAY };
	accepts(&w, n);
	has = share(&w, "a.test", NULL).octets;
	accept_two(&w, 101, BOB, EVE, 0, 0);
	takes = share(&w, "a.test", NULL).octets - has;
	n.number = 102;
	accepts(&w, n);
	has = share(&w, "a.test", NULL).octets;
	is = accept_two(&w, 102, BOB, EVE, has + takes, 0);
	assert_int_equal(is.why[0], REFUSAL_NONE);
	assert_int_equal(is.done[0], NOTIFY_KNOWN);
	assert_int_equal(is.why[1], REFUSAL_NONE);
	assert_int_equal(share(&w, "a.test", NULL).octets, has + takes);
	n.number = 103;
	accepts(&w, n);
	has = share(&w, "a.test", NULL).octets;
	is = accept_two(&w, 103, BOB, EVE, has + takes / 3, 0);
	assert_int_equal(is.why[0], REFUSAL_NONE);
	assert_int_equal(is.why[1], REFUSAL_sender_share);
	assert_int_equal(share(&w, "a.test", NULL).octets, has);
	world_clear(&w);
}

/* The first recipient has the letter already; another statement of it brings a second. */
static void
evidence_is_charged_where_the_first_is_a_repeat(void **state)
{
	struct world w;
	struct two is;

	(void)state;
	world_of(&w);
	accept_two(&w, 1, BOB, "carol@b.test", 0, 0);
	is = accept_two(&w, 1, BOB, EVE, 0, 0);
	assert_int_equal(is.done[0], NOTIFY_KNOWN);
	assert_int_equal(is.done[1], NOTIFY_NOTICED);
	assert_int_equal(entries(&w, EVIDENCE), 2);
	assert_true_sums(&w);
	/* The same statement again, when its first recipient has forgotten it: its evidence is kept once. */
	purge(&w, "a.test", BOB, true);
	purge(&w, NULL, BOB, true);
	assert_true_sums(&w);
	is = accept_two(&w, 1, BOB, EVE, 0, 0);
	assert_int_equal(is.done[0], NOTIFY_NOTICED);
	assert_int_equal(is.done[1], NOTIFY_KNOWN);
	assert_int_equal(entries(&w, EVIDENCE), 2);
	assert_true_sums(&w);
	world_clear(&w);
}

/* Each mailbox counts the evidence, and the domain pays for it once, while any notice of the letter is there. */
static void
evidence_is_charged_while_it_is_kept(void **state)
{
	static const char *const order[] = { EVE, BOB, "carol@b.test" };
	struct world w;

	(void)state;
	for (int last = 0; last < 3; last++) {
		world_of(&w);
		accept_two(&w, 1, EVE, BOB, 0, 0);
		accept_two(&w, 1, EVE, "carol@b.test", 0, 0);
		assert_true(share(&w, "a.test", BOB).octets == share(&w, "a.test", EVE).octets);
		assert_true_sums(&w);
		for (int i = 0; i < 3; i++) {
			if (i == last)
				continue;
			assert_int_equal(drop(&w, order[i], 1), REFUSAL_NONE);
			assert_int_equal(entries(&w, EVIDENCE), 2);
			assert_true_sums(&w);
		}
		reopen(&w);
		assert_true_sums(&w);
		assert_int_equal(drop(&w, order[last], 1), REFUSAL_NONE);
		assert_int_equal(entries(&w, EVIDENCE), 0);
		assert_true_sums(&w);
		assert_nothing_is_left(&w);
		world_clear(&w);
	}
}

/* Of all that only prolonged a promise the newest is kept. */
static void
a_longer_promise_is_charged_for_what_is_kept(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	uint64_t one, rows;
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.hold_s = 2 * DAY;
	accepts(&w, n);
	one = share(&w, "a.test", NULL).octets;
	rows = entries(&w, EVIDENCE);
	for (unsigned i = 3; i < 30; i++) {
		n.hold_s = i * DAY;
		accepts(&w, n);
	}
	assert_int_equal(entries(&w, EVIDENCE), rows);
	assert_in_range(share(&w, "a.test", NULL).octets, one - 100, one + 100);
	assert_true_sums(&w);
	n.to = EVE;
	n.hold_s = 40 * DAY;
	accepts(&w, n);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_true_sums(&w);
	assert_int_equal(purge(&w, NULL, EVE, true).notices, 1);
	assert_true_sums(&w);
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

/* The kept CRL cannot be read: the new one is kept. */
static void
a_damaged_crl_serves_nobody(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, under(1, "Monday's", &w, -DAY, 7 * DAY));
	ims_store_close(&w.store);
	for (unsigned i = 0; i < 2; i++) /* chain, CRL */
		damage_at(&w, PIECE, i);
	reopen(&w);
	accepts(&w, under(2, "Tuesday's", &w, 0, 8 * DAY));
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE);
	world_clear(&w);
}

int
main(void)
{
	enum { N = 41 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(sums_end_at_zero),
		cmocka_unit_test(a_seal_is_kept_once_for_its_batch),
		cmocka_unit_test(a_seal_of_few_is_kept_with_each),
		cmocka_unit_test(what_is_refused_leaves_nothing),
		cmocka_unit_test(a_domain_has_so_many_papers),
		cmocka_unit_test(evidence_is_charged_with_who_is_accepted),
		cmocka_unit_test(a_repeat_takes_no_share),
		cmocka_unit_test(evidence_is_charged_where_the_first_is_a_repeat),
		cmocka_unit_test(evidence_is_charged_while_it_is_kept),
		cmocka_unit_test(a_longer_promise_is_charged_for_what_is_kept),
		cmocka_unit_test(a_paper_that_another_cites_stays),
		cmocka_unit_test(a_domain_has_its_share),
		cmocka_unit_test(batches_at_once_stay_within_the_share),
		cmocka_unit_test(a_domain_has_its_share_of_a_mailbox),
		cmocka_unit_test(one_sender_does_not_fill_a_mailbox),
		cmocka_unit_test(what_is_remembered_is_charged),
		cmocka_unit_test(a_domain_makes_room_for_itself),
		cmocka_unit_test(a_domain_has_so_many_entries_for_a_mailbox),
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
		cmocka_unit_test(one_issue_of_a_crl_serves_its_time),
		cmocka_unit_test(a_crl_that_serves_again_is_kept_for_longer),
		cmocka_unit_test(a_crl_that_lists_the_certificate_does_not_serve),
		cmocka_unit_test(a_crl_is_charged_to_who_brought_it),
		cmocka_unit_test(sums_are_true_whatever_happens),
		cmocka_unit_test(a_dropped_sender_has_its_share_again),
		/* with a file */
		cmocka_unit_test(a_sum_is_near_the_truth),
		cmocka_unit_test(a_damaged_sum_is_in_nobodys_way),
		cmocka_unit_test(a_damaged_crl_serves_nobody),
	};

	return engines_run("ims_share", tests, N - 3, N);
}
