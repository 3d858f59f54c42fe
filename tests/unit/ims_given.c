/* ims_given — letters that came by SMTP, at the IMS's store: they are here from the start, for all their recipients or
 * for none; shown, read, dropped, charged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ims/evidence/evidence.h"
#include "ims/mailbox/mailbox_row.h"
#include "tests/ims_truth.h"
#include "tests/unit/ims_given_scene.h"

#define CAROL "carol@c.test"
#define FILED (BODY_INLINE_BYTES + 1)

static const char *const three[] = { BOB, EVE, CAROL };
#define TO_THREE .to = { BOB, EVE, CAROL }

static void
nothing(struct kv_txn *t)
{
	(void)t;
}

/* What one commit did not take has been applied. */
static void
settle(struct world *w)
{
	struct kv_counts c;

	arrive(w);
	do {
		operate(w, ims_part_mailbox("nobody"), nothing);
		kv_get_counts(ims_store_kv(w->store), &c);
	} while (c.pending > 0);
}

static void
assert_true_sums(struct world *w, uint64_t notices, uint64_t filed)
{
	uint64_t files_named;

	settle(w);
	assert_sums_are_true(w->store, w->loop, &files_named);
	assert_int_equal(files_named, filed);
	assert_int_equal(entries(w, NOTICE), notices);
	assert_int_equal(counts(w).notices, notices);
}

/* Of a letter, and of what it put elsewhere. */
static void
assert_no_letter(struct world *w)
{
	static const enum table all[] = { NOTICE, SEEN, UNTIL, SEEN_BY, DUE, NOTIFIED, LETTER, BODY,
		EVIDENCE, GIVEN_HEAD, GIVEN_TO };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (entries(w, all[i]) != 0)
			fail_msg("%llu rows of table %d", (unsigned long long)entries(w, all[i]),
			    (int)all[i]);
}

static void
set_notices(struct kv_txn *t, uint64_t notices)
{
	struct ims_mailbox_is m;
	struct err e;

	assert_true(ims_mailbox_is(t, &m, &e));
	m.notices = notices;
	ims_mailbox_put(t, &m);
}

static void
fill_up(struct kv_txn *t)
{
	set_notices(t, IMS_MAILBOX_NOTICES);
}

static void
make_room(struct kv_txn *t)
{
	set_notices(t, 0);
}

/* -- it is here ------------------------------------------------------------------------------------------------------ */

static void
assert_row_is_right(struct world *w, const char *to)
{
	struct mailbox_notice n;

	assert_int_equal(find(w, to, 1), REFUSAL_NONE);
	n = mailbox_row(&w->row);
	assert_int_equal(n.state, MAILBOX_HERE);
	assert_int_equal(n.road, MAILBOX_SMTP);
	assert_string_equal(n.from, "alice@old.test");
	assert_string_equal(n.to, to);
	assert_string_equal(n.issuer, "CN=CA of hosts");
	assert_int_equal(n.received_s, w->now_s);
	assert_int_equal(n.date_s, w->now_s - 5);
	assert_int_equal(n.hold_until_s, 0);
	assert_false(n.has_digest);
	assert_int_equal(n.marks.spf, MAILBOX_RESULT_PASS);
	assert_int_equal(n.marks.dkim, MAILBOX_RESULT_FAIL);
	assert_int_equal(n.marks.dmarc, MAILBOX_RESULT_QUARANTINE);
	assert_true(n.marks.via && n.marks.has_fingerprint);
	assert_int_equal(n.marks.fingerprint[1], 0xed);
	assert_string_equal(n.marks.unaccountable, "");
	assert_string_equal(n.marks.ehlo.text, "mx.old.test");
	assert_string_equal(n.marks.dkim_domain.text, "old.test");
	assert_string_equal(n.marks.header_from, "author@a.test");
	assert_string_equal(w->row.letter.own_domain.text, address_domain(span_str(to)).p);
}

static void
see_evidence(struct world *w, const struct ims_kept *k)
{
	struct buf file = BUF_INIT;
	struct err e;

	assert_true(k->by_smtp);
	assert_string_equal(k->ehlo, "mx.old.test");
	assert_string_equal(k->host, "192.0.2.25");
	assert_true(span_eq(buf_span(&k->chain), SPAN_LIT("chain of mx")));
	assert_true(span_eq(buf_span(&k->crls), SPAN_LIT("a list")));
	assert_true(span_starts(buf_span(&k->spf), SPAN_LIT("pass v=spf1")));
	assert_true(span_starts(buf_span(&k->results), SPAN_LIT("spf=pass; dkim=fail")));
	assert_int_equal(k->statement.len + k->seal.len + k->signature.len, 0);
	assert_int_equal(k->received_s, w->now_s);
	assert_false(ims_evidence_write(&file, k, &e));
	assert_int_equal(e.why, REFUSAL_no_such_number);
	assert_int_equal(file.len, 0);
}

static void
it_is_here_for_each_recipient(void **state)
{
	static const size_t sizes[] = { 0, 1000, BODY_INLINE_BYTES, FILED };
	struct world w;

	(void)state;
	for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
		bool filed = sizes[s] == FILED;

		world_of(&w);
		assert_int_equal(give(&w,
				     (struct gift) { .number = 1,
					 TO_THREE,
					 .size = sizes[s],
					 .crl = "a list" }),
		    REFUSAL_NONE);
		for (int again = 0; again < 2; again++) {
			for (size_t i = 0; i < 3; i++) {
				assert_row_is_right(&w, three[i]);
				assert_gift_body(&w, &w.row.letter, sizes[s]);
				assert_int_equal(evidence(&w, three[i], 1, see_evidence),
				    REFUSAL_NONE);
				assert_int_equal(list(&w, three[i], 0), 1);
			}
			assert_int_equal(list_acks(&w, NULL, 10), 0);
			assert_int_equal(entries(&w, LETTER), 1);
			assert_int_equal(entries(&w, PAPER), 2);
			assert_int_equal(files(&w), filed);
			assert_true_sums(&w, 3, filed);
			reopen(&w);
		}
		world_clear(&w);
	}
}

/* A bounce counts for the host that brought it; a host without a certificate has no chain. */
static void
a_bounce_has_no_sender(void **state)
{
	struct world w;
	struct gift g = { .number = 1,
		.from = "",
		.payer = "mx.old.test",
		.to = { BOB },
		.size = 10,
		.chain = "",
		.unaccountable = "no-certificate" };

	(void)state;
	world_of(&w);
	assert_int_equal(give(&w, g), REFUSAL_NONE);
	assert_int_equal(find(&w, BOB, 1), REFUSAL_NONE);
	assert_string_equal(w.row.from, "");
	assert_string_equal(w.row.issuer, "");
	assert_string_equal(w.row.marks.unaccountable, "no-certificate");
	assert_string_equal(w.row.letter.from_domain.text, "mx.old.test");
	assert_gift_body(&w, &w.row.letter, 10);
	assert_int_equal(entries(&w, PAPER), 0);
	assert_int_equal(share(&w, "mx.old.test", BOB).notices, 1);
	assert_true_sums(&w, 1, 0);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_no_letter(&w);
	assert_false(knows(&w, BOB, "mx.old.test"));
	world_clear(&w);
}

static void
an_alias_has_a_notice_of_its_own(void **state)
{
	struct gift g = { .number = 1,
		.to = { BOB, "robert@b.test" },
		.user = { BOB, BOB },
		.size = 10 };
	struct world w;

	(void)state;
	world_of(&w);
	assert_int_equal(give(&w, g), REFUSAL_NONE);
	assert_int_equal(list(&w, BOB, 0), 2);
	assert_string_equal(w.rows[0].to, BOB);
	assert_string_equal(w.rows[1].to, "robert@b.test");
	assert_true_sums(&w, 2, 0);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(find(&w, BOB, 2), REFUSAL_NONE);
	assert_true_sums(&w, 1, 0);
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE);
	assert_no_letter(&w);
	world_clear(&w);
}

static void
it_has_as_many_recipients_as_may_be(void **state)
{
	static char names[IMS_GIVEN_TO_MAX][32];
	struct gift g = { .number = 1, .n_to = IMS_GIVEN_TO_MAX, .size = 10 };
	struct world w;

	(void)state;
	world_of(&w);
	for (size_t i = 0; i < IMS_GIVEN_TO_MAX; i++) {
		snprintf(names[i], sizeof names[i], "user%zu@b.test", i);
		g.to[i] = names[i];
	}
	assert_int_equal(give(&w, g), REFUSAL_NONE);
	assert_true_sums(&w, IMS_GIVEN_TO_MAX, 0);
	operate(&w, ims_part_mailbox(names[IMS_GIVEN_TO_MAX / 2]), fill_up);
	g.number = 2;
	assert_int_equal(give(&w, g), REFUSAL_mailbox_full);
	settle(&w);
	assert_int_equal(entries(&w, NOTICE), IMS_GIVEN_TO_MAX);
	assert_int_equal(entries(&w, LETTER), 1);
	world_clear(&w);
}

/* -- for none -------------------------------------------------------------------------------------------------------- */

/* Each of the three in turn is full; then it has room again. */
static void
one_full_mailbox_refuses_for_all(void **state)
{
	struct gift g = { .number = 1, TO_THREE, .crl = "a list" };
	struct world w;

	(void)state;
	for (size_t full = 0; full < 3; full++)
		for (g.size = 10; g.size <= FILED; g.size += FILED - 10) {
			world_of(&w);
			operate(&w, ims_part_mailbox(three[full]), fill_up);
			assert_int_equal(give(&w, g), REFUSAL_mailbox_full);
			reopen(&w);
			assert_no_letter(&w);
			for (size_t i = 0; i < 3; i++) {
				assert_int_equal(list(&w, three[i], 0), 0);
				assert_int_equal(share(&w, "old.test", three[i]).octets, 0);
				assert_false(knows(&w, three[i], "old.test"));
			}
			assert_int_equal(files_left(&w), 0);
			assert_int_equal(offload_start(w.offload, &(struct err) { 0 }), true);
			operate(&w, ims_part_mailbox(three[full]), make_room);
			assert_int_equal(give(&w, g), REFUSAL_NONE);
			for (size_t i = 0; i < 3; i++)
				assert_int_equal(list(&w, three[i], 0), 1);
			world_clear(&w);
		}
}

static enum refusal
room(struct world *w, const struct ims_claim *claim, const char *user, uint64_t sender_limit,
    uint64_t mailbox_limit)
{
	struct ims_room r = { .claim = claim,
		.user = user,
		.sender_limit = sender_limit,
		.mailbox_limit = mailbox_limit };

	w->waiting++;
	ims_store_room(w->store, &r, w->loop, on_done, w);
	wait_for(w);
	return w->why;
}

/* The body counts, in the mailbox and in the store; what RCPT is told is what the store judges. */
static void
a_domain_has_its_shares(void **state)
{
	struct gift g = { .number = 1, .to = { BOB, EVE }, .size = 10000 };
	struct ims_claim *claim;
	struct world w;

	(void)state;
	world_of(&w);
	claim = ims_store_claim_new(w.store, SPAN_LIT("old.test"), 10000);
	g.mailbox_limit = 10000;
	assert_int_equal(give(&w, g), REFUSAL_sender_mailbox_share);
	assert_int_equal(room(&w, claim, BOB, 0, 9999), REFUSAL_sender_mailbox_share);
	assert_int_equal(room(&w, claim, BOB, 0, 10000), REFUSAL_NONE);
	g.mailbox_limit = 0;
	g.sender_limit = 10000;
	assert_int_equal(give(&w, g), REFUSAL_sender_share);
	assert_int_equal(room(&w, claim, BOB, 9999, 0), REFUSAL_sender_share);
	assert_int_equal(room(&w, claim, BOB, 10000, 0), REFUSAL_NONE);
	assert_no_letter(&w);
	g.sender_limit = 100000;
	g.claim = &claim;
	assert_int_equal(give(&w, g), REFUSAL_NONE);
	assert_null(claim);
	assert_in_range(share(&w, "old.test", NULL).octets, 10000, 20000); /* once */
	assert_in_range(share(&w, "old.test", EVE).octets, 10000, 20000);
	claim = ims_store_claim_new(w.store, SPAN_LIT("old.test"), 1);
	assert_int_equal(room(&w, claim, EVE, 0, 0), REFUSAL_NONE);
	operate(&w, ims_part_mailbox(EVE), fill_up);
	assert_int_equal(room(&w, claim, EVE, 0, 0), REFUSAL_mailbox_full);
	ims_store_claim_free(&claim);
	claim = ims_store_claim_new(w.store, SPAN_LIT("old.test"), SIZE + 1);
	assert_int_equal(room(&w, claim, BOB, 0, 0), REFUSAL_system_full);
	ims_store_claim_free(&claim);
	world_clear(&w);
}

/* Transactions under way are judged as if each took all that it may. */
static void
claims_of_a_payer_add_up(void **state)
{
	struct ims_claim *a, *b, *other;
	struct world w;

	(void)state;
	world_of(&w);
	a = ims_store_claim_new(w.store, SPAN_LIT("old.test"), 6000);
	other = ims_store_claim_new(w.store, SPAN_LIT("a.test"), 6000);
	b = ims_store_claim_new(w.store, SPAN_LIT("old.test"), 6000);
	assert_int_equal(room(&w, a, BOB, 10000, 0), REFUSAL_NONE);
	assert_int_equal(room(&w, b, BOB, 10000, 0), REFUSAL_sender_share);
	assert_int_equal(room(&w, other, BOB, 10000, 0), REFUSAL_NONE);
	ims_store_claim_free(&a);
	assert_int_equal(room(&w, b, BOB, 10000, 0), REFUSAL_NONE);
	ims_store_claim_free(&b);
	ims_store_claim_free(&other);
	world_clear(&w);
}

/* -- what becomes of it ---------------------------------------------------------------------------------------------- */

/* In each order: the first notice is charged with the letter, then another is. */
static void
it_goes_with_its_last_notice(void **state)
{
	static const unsigned orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 } };
	struct world w;

	(void)state;
	for (size_t o = 0; o < sizeof orders / sizeof orders[0]; o++) {
		world_of(&w);
		assert_int_equal(give(&w, (struct gift) { .number = 1, TO_THREE, .size = FILED }),
		    REFUSAL_NONE);
		for (size_t i = 0; i < 3; i++) {
			assert_true_sums(&w, 3 - i, 1);
			assert_in_range(share(&w, "old.test", NULL).octets, FILED, 2 * FILED);
			assert_int_equal(drop(&w, three[orders[o][i]], 1), REFUSAL_NONE);
			assert_int_equal(find(&w, three[orders[o][i]], 1), REFUSAL_no_such_number);
		}
		assert_true_sums(&w, 0, 0);
		assert_no_letter(&w);
		assert_int_equal(files_left(&w), 0);
		sweep(&w, PAPER_KEEP_S + PAPER_SLACK_S + 8 * DAY);
		assert_int_equal(entries(&w, PAPER), 0);
		assert_int_equal(share(&w, "old.test", NULL).octets, 0);
		assert_int_equal(list_acks(&w, NULL, 10), 0);
		world_clear(&w);
	}
}

/* Nobody is told that a letter is declined which nobody holds; the others keep it. */
static void
its_user_may_decline_it(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	assert_int_equal(give(&w, (struct gift) { .number = 1, TO_THREE, .size = 10 }),
	    REFUSAL_NONE);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(decline(&w, three[i], 1), REFUSAL_NONE);
	assert_int_equal(decline(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(find(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(mailbox_row(&w.row).state, MAILBOX_DECLINED);
	assert_int_equal(list_acks(&w, NULL, 10), 0);
	assert_int_equal(mark(&w, BOB, 1, MAILBOX_SEEN, 0), REFUSAL_NONE);
	assert_true_sums(&w, 3, 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(drop(&w, three[i], 1), REFUSAL_NONE);
	assert_no_letter(&w);
	assert_true_sums(&w, 0, 0);
	world_clear(&w);
}

/* It stays until its user drops it, and so do its papers. */
static void
it_does_not_end(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	assert_int_equal(give(&w,
			     (struct gift) { .number = 1, TO_THREE, .size = 10, .crl = "a list" }),
	    REFUSAL_NONE);
	for (int64_t at = 0; at < 400 * DAY; at += 9 * DAY)
		sweep(&w, at);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(list(&w, three[i], 0), 1);
		assert_int_equal(evidence(&w, three[i], 1, see_evidence), REFUSAL_NONE);
	}
	assert_true_sums(&w, 3, 0);
	world_clear(&w);
}

/* An id is one letter, whichever way it came. */
static void
an_id_is_one_letter(void **state)
{
	struct gift g = { .number = 1, .from = "alice@a.test", .to = { BOB }, .size = 10 };
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	enum notify_done done;
	struct world w;

	(void)state;
	world_of(&w);
	assert_int_equal(give(&w, g), REFUSAL_NONE);
	assert_int_equal(give(&w, g), REFUSAL_id_conflict);
	n.size = strlen(HEAD) + 10;
	assert_int_equal(accept_one(&w, &n, &done), REFUSAL_id_conflict);
	n.number = g.number = 2;
	accepts(&w, n);
	g.size = FILED;
	assert_int_equal(give(&w, g), REFUSAL_id_conflict);
	assert_int_equal(letter(&w, BOB, 3).state, MAILBOX_HELD); /* 2 was taken back */
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_HERE);
	assert_true_sums(&w, 2, 0);
	assert_int_equal(files_left(&w), 0);
	world_clear(&w);
}

static void
on_purged(void *arg, uint64_t notices, const struct err *e)
{
	struct world *w = arg;

	w->notices = notices;
	on_done(w, e);
}

static uint64_t
purge(struct world *w, struct ims_purge p)
{
	p.loop = w->loop;
	p.done = on_purged;
	p.arg = w;
	w->waiting++;
	ims_store_purge(w->store, &p);
	wait_for(w);
	assert_int_equal(w->why, REFUSAL_NONE);
	return w->notices;
}

/* A sender's letters go by the payer's name, a mailbox with all that it has. */
static void
it_goes_with_its_payer_and_its_mailbox(void **state)
{
	struct gift bounce = { .number = 2,
		.from = "",
		.payer = "mx.old.test",
		TO_THREE,
		.size = 10 };
	struct world w;

	(void)state;
	world_of(&w);
	assert_int_equal(give(&w, (struct gift) { .number = 1, TO_THREE, .size = 10 }),
	    REFUSAL_NONE);
	assert_int_equal(give(&w, bounce), REFUSAL_NONE);
	arrive(&w);
	assert_int_equal(purge(&w, (struct ims_purge) { .from_domain = "mx.old.test" }), 0);
	assert_int_equal(purge(&w,
			     (struct ims_purge) { .from_domain = "mx.old.test", .opened = true }),
	    3);
	assert_true_sums(&w, 3, 0);
	assert_int_equal(purge(&w, (struct ims_purge) { .user = BOB, .opened = true }), 1);
	assert_true_sums(&w, 2, 0);
	assert_int_equal(find(&w, EVE, 1), REFUSAL_NONE);
	assert_int_equal(purge(&w, (struct ims_purge) { .user = EVE, .opened = true }), 1);
	assert_int_equal(purge(&w, (struct ims_purge) { .user = CAROL, .opened = true }), 1);
	arrive(&w);
	assert_no_letter(&w);
	world_clear(&w);
}

/* A notice that cannot be read goes with its mailbox, and its letter does not wait for it. */
static void
a_damaged_notice_leaves_its_letter(void **state)
{
	struct world w;

	(void)state;
	world_of(&w);
	assert_int_equal(give(&w, (struct gift) { .number = 1, .to = { BOB }, .size = FILED }),
	    REFUSAL_NONE);
	ims_store_close(&w.store);
	damage(&w, NOTICE);
	reopen(&w);
	assert_int_equal(give(&w, (struct gift) { .number = 2, .to = { EVE } }), REFUSAL_NONE);
	assert_int_equal(purge(&w, (struct ims_purge) { .user = BOB, .opened = true }), 0);
	settle(&w);
	assert_int_equal(entries(&w, LETTER), 1);
	assert_int_equal(find(&w, EVE, 1), REFUSAL_NONE);
	assert_true_sums(&w, 1, 0);
	world_clear(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_here_for_each_recipient),
		cmocka_unit_test(a_bounce_has_no_sender),
		cmocka_unit_test(an_alias_has_a_notice_of_its_own),
		cmocka_unit_test(it_has_as_many_recipients_as_may_be),
		cmocka_unit_test(one_full_mailbox_refuses_for_all),
		cmocka_unit_test(a_domain_has_its_shares),
		cmocka_unit_test(claims_of_a_payer_add_up),
		cmocka_unit_test(it_goes_with_its_last_notice),
		cmocka_unit_test(its_user_may_decline_it),
		cmocka_unit_test(it_does_not_end),
		cmocka_unit_test(an_id_is_one_letter),
		cmocka_unit_test(it_goes_with_its_payer_and_its_mailbox),
		/* these damage the file of LMDB */
		cmocka_unit_test(a_damaged_notice_leaves_its_letter),
	};
	const size_t n = sizeof tests / sizeof tests[0];

	return engines_run("ims_given", tests, n - 1, n);
}
