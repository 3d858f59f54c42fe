/* ims_parts_papers — the partitions of papers of the IMS's store: what comes with them, and who renews them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ims_parts_scene.h"

/* -- papers --------------------------------------------------------------------------------------------------------- */

static struct kv_part paper;
static uint64_t writes;

/* Keeps the octets until_s from now; *writes: the commits that changed something. */
static void
keep_paper(struct world *w, struct span octets, int64_t until_s, const struct crl_octets *crl)
{
	struct call c = { .keep = { .octets = octets,
			      .domain = SPAN_LIT("a.test"),
			      .until_s = NOW + until_s,
			      .now_s = NOW,
			      .crl = crl } };
	unsigned char digest[DIGEST_BYTES];
	struct kv_counts before, after;

	digest_sha256(octets, digest);
	paper = ims_part_paper(digest);
	kv_get_counts(w->kv, &before);
	assert_int_equal(run(w, paper, ims_paper_keep, &c), REFUSAL_NONE);
	kv_get_counts(w->kv, &after);
	writes = after.writes - before.writes;
}

static bool
expires(struct world *w, int64_t at_s)
{
	struct call c = { .keep = { .now_s = NOW + at_s } };

	assert_int_equal(run(w, paper, ims_paper_expire, &c), REFUSAL_NONE);
	return c.keep.gone;
}

static struct buf read_back;

static void
see_paper(struct kv_txn *t, struct world *w)
{
	struct err e;

	buf_reset(&read_back);
	w->why = ims_paper_read(t, &read_back, &e) ? REFUSAL_NONE : e.why;
}

/* It is written when it is new, and then at most once in its slack. */
static void
a_paper_is_kept_until_its_time(void **state)
{
	struct crl_octets crl = { .shared = true, .this_s = NOW - 5, .next_s = NOW + DAY };
	struct kv_part scope, hour;
	struct world w;
	char *long_one = calloc(1, 2 * PAPER_PIECE + 1);

	(void)state;
	world_of(&w);
	memset(crl.scope, 's', sizeof crl.scope);
	scope = kv_part_of(PART_SCOPE, span_of(crl.scope, sizeof crl.scope));
	keep_paper(&w, span_of(long_one, 2 * PAPER_PIECE + 1), 10 * DAY, &crl);
	assert_true(writes > 0);
	hour = ims_part_expiry(NOW + 10 * DAY + PAPER_SLACK_S, &paper);
	look(&w, paper, see_paper);
	assert_int_equal(w.why, REFUSAL_NONE);
	assert_int_equal(read_back.len, 2 * PAPER_PIECE + 1);
	look(&w, ims_part_sender(SPAN_LIT("a.test")), see_sender);
	assert_in_range(sum.octets, 2 * PAPER_PIECE, 2 * PAPER_PIECE + 10000);
	assert_int_equal(rows_of(&w, scope), 1);
	assert_int_equal(rows_of(&w, hour), 1);
	keep_paper(&w, span_of(long_one, 2 * PAPER_PIECE + 1), 11 * DAY, &crl);
	assert_int_equal(writes, 0);
	assert_int_equal(rows_of(&w, hour), 1);
	keep_paper(&w, span_of(long_one, 2 * PAPER_PIECE + 1), 41 * DAY, &crl);
	assert_true(writes > 0);
	assert_int_equal(rows_of(&w, hour), 0); /* is looked at later */
	assert_false(expires(&w, 41 * DAY));
	assert_true(expires(&w, 41 * DAY + PAPER_SLACK_S + 1));
	assert_false(expires(&w, 41 * DAY + PAPER_SLACK_S + 1));
	assert_int_equal(rows_of(&w, paper) + rows_of(&w, scope), 0);
	hour = ims_part_expiry(NOW + 41 * DAY + PAPER_SLACK_S, &paper);
	assert_int_equal(rows_of(&w, hour), 0);
	look(&w, ims_part_sender(SPAN_LIT("a.test")), see_sender);
	assert_int_equal(sum.octets, 0);
	look(&w, paper, see_paper);
	assert_int_equal(w.why, REFUSAL_storage);
	buf_clear(&read_back);
	free(long_one);
	world_clear(&w);
}

/* -- several entries in one operation ------------------------------------------------------------------------------ */

/* What the evidence cites is kept once for all; a paper that is not kept, and does not come, refuses all that cite it. */
static void
a_batch_comes_with_its_papers(void **state)
{
	struct notification n[] = {
		{ .number = 1, .to = BOB, .hold_s = DAY },
		{ .number = 2, .to = BOB, .hold_s = DAY },
	};
	unsigned char digest[DIGEST_BYTES];
	struct buf cites = BUF_INIT;
	struct ulid id = id_of(1);
	struct world w;
	unsigned before;

	(void)state;
	world_of(&w);
	accepts(&w, (struct notification) { .number = 3, .to = BOB, .hold_s = DAY });
	before = rows_of(&w, ims_part_mailbox(BOB));
	digest_sha256(SPAN_LIT("the seal"), digest);
	paper = ims_part_paper(digest);
	ims_citing_add(&cites, digest, (struct span) { 0 }, NOW + DAY);
	n[0].papers = buf_span(&cites);
	assert_int_equal(accept_many(&w, n, 2), REFUSAL_too_many_outstanding);
	assert_int_equal(many.entry[0].why, REFUSAL_too_many_outstanding);
	assert_int_equal(many.entry[1].why, REFUSAL_too_many_outstanding);
	assert_int_equal(rows_of(&w, ims_part_mailbox(BOB)), before);
	assert_int_equal(rows_of(&w, ims_part_letter(&id)), 0);
	assert_sums(&w, 1);
	buf_reset(&cites);
	ims_citing_add(&cites, digest, SPAN_LIT("the seal"), NOW + DAY);
	n[0].papers = buf_span(&cites);
	assert_int_equal(accept_many(&w, n, 2), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, paper), 3); /* no fact stays */
	look(&w, paper, see_paper);
	assert_int_equal(w.why, REFUSAL_NONE);
	assert_int_equal(read_back.len, 8);
	assert_sums(&w, 3);
	buf_clear(&read_back);
	buf_clear(&cites);
	world_clear(&w);
}

/* A repeat is not known as long as a paper that the first cites has not come. */
static void
a_repeat_waits_for_the_papers_of_the_first(void **state)
{
	static const unsigned char statement[STATEMENT_HASH_BYTES];
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ims_evidence_record r = { .n_papers = 2, .has_seal = true };
	struct buf evidence = BUF_INIT;
	struct world w;
	struct call c;

	(void)state;
	world_of(&w);
	digest_sha256(SPAN_LIT("the chain"), r.paper[0]);
	digest_sha256(SPAN_LIT("the seal"), r.paper[1]);
	ims_evidence_pack(&evidence, &r);
	keep_paper(&w, SPAN_LIT("the chain"), DAY, NULL);
	fill(n, &c);
	c.accept.evidence = buf_span(&evidence);
	assert_int_equal(run(&w, ims_part_mailbox(BOB), ims_mailbox_accept, &c), REFUSAL_NONE);
	fill(n, &c);
	assert_int_equal(run(&w, ims_part_mailbox(BOB), ims_mailbox_accept, &c), REFUSAL_NONE);
	assert_true(c.accept.known && c.accept.has_first);
	for (int i = 0; i < 3; i++) {
		if (i == 2)
			keep_paper(&w, SPAN_LIT("the seal"), DAY, NULL);
		c = of_letter(1, "b.test");
		c.letter.letter = letter_is(&w, 1).facts;
		c.letter.first = i == 1 ? NULL : statement; /* NULL: the notice was dropped */
		assert_int_equal(run(&w, ims_part_letter(&c.letter.id), ims_letter_op_repeat, &c),
		    i == 0 ? REFUSAL_too_many_outstanding : REFUSAL_NONE);
	}
	buf_clear(&evidence);
	world_clear(&w);
}

/* -- pages ----------------------------------------------------------------------------------------------------------- */

static struct buf digests;

static struct ims_renewing
letter_of_a(void)
{
	struct ims_renewing r = { .now_s = NOW };
	struct kv_key hash = { .n = 0 };

	kv_key_add_hash(&hash, SPAN_LIT("a.test"), PART_SHORT);
	memcpy(r.domain_hash, hash.b, sizeof r.domain_hash);
	return r;
}

static void
see_papers(struct kv_txn *t, struct world *w)
{
	const struct kv_key first = { .n = 0 };
	struct kv_key next;

	(void)w;
	assert_false(ims_letter_papers(t, letter_of_a().domain_hash, &first, &next, &digests));
}

/* The hour in which a letter that was renewed at its time does so again. */
static struct kv_part
hour_of_renewal(const struct kv_part *letter_part)
{
	return ims_part_expiry(NOW + 2 * PAPER_RENEW_S - ims_spread_s(letter_part, PAPER_SLACK_S),
	    letter_part);
}

/* The letter of a.test. */
static enum refusal
renewed(struct world *w, unsigned number, int64_t now_s)
{
	struct ulid id = id_of(number);
	struct call c = { .renewing = letter_of_a() };

	c.renewing.now_s = now_s;
	return run(w, ims_part_letter(&id), ims_letter_renewed, &c);
}

/* A letter that is kept says when it renews its papers, again and again; one that is gone does not. */
static void
a_letter_renews_its_papers(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ulid id = id_of(1);
	struct kv_part letter_1 = ims_part_letter(&id);
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	assert_int_equal(rows_of(&w, ims_part_expiry(NOW + PAPER_RENEW_S, &letter_1)), 1);
	look(&w, letter_1, see_papers);
	assert_int_equal(digests.len, 0); /* this evidence is none */
	assert_int_equal(renewed(&w, 1, NOW + PAPER_RENEW_S), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, ims_part_expiry(NOW + PAPER_RENEW_S, &letter_1)), 0);
	assert_int_equal(rows_of(&w, hour_of_renewal(&letter_1)), 1);
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, false), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, hour_of_renewal(&letter_1)), 0);
	assert_int_equal(rows_of(&w, letter_1), 0);
	buf_clear(&digests);
	world_clear(&w);
}

/* Letters of two senders with the same id are looked at each by itself. */
static void
two_letters_of_one_id_renew_their_own(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ulid id = id_of(1);
	struct kv_part letters = ims_part_letter(&id),
		       hour = ims_part_expiry(NOW + PAPER_RENEW_S, &letters);
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	n.from = "alice@z.test";
	accepts(&w, n);
	assert_int_equal(rows_of(&w, hour), 2);
	assert_int_equal(renewed(&w, 1, NOW + PAPER_RENEW_S), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, hour), 1);
	assert_int_equal(change(&w, BOB, 2, ims_mailbox_drop, false), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, hour), 0);
	assert_int_equal(rows_of(&w, hour_of_renewal(&letters)), 1);
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, false), REFUSAL_NONE);
	assert_int_equal(rows_of(&w, hour_of_renewal(&letters)), 0);
	assert_int_equal(rows_of(&w, letters), 0);
	world_clear(&w);
}

/* What is due to the sender of a letter that is gone is in a row; where the letter comes again, its record has it. */
static void
what_is_due_goes_with_the_letter_and_comes_back(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = DAY };
	struct ulid id = id_of(1);
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	fetched(&w, 1, "");
	assert_string_equal(pending(&w), "DONE b.test");
	assert_int_equal(change(&w, BOB, 1, ims_mailbox_drop, true), REFUSAL_NONE);
	assert_string_equal(pending(&w), "DONE b.test");
	assert_int_equal(rows_of(&w, ims_part_letter(&id)), 1); /* what is due */
	n.to = EVE;
	n.at_s = 1;
	accepts(&w, n); /* held again, so the sender must not forget it */
	assert_string_equal(pending(&w), "");
	assert_int_equal(letter_is(&w, 1).own.due, IMS_DUE_NOTHING);
	assert_int_equal(letter_is(&w, 1).own.is.wants, 1);
	assert_int_equal(rows_of(&w, ims_part_letter(&id)), 3); /* letter, evidence, notice */
	world_clear(&w);
}

int
main(void)
{
	enum { N = 6 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(a_paper_is_kept_until_its_time),
		cmocka_unit_test(a_batch_comes_with_its_papers),
		cmocka_unit_test(a_repeat_waits_for_the_papers_of_the_first),
		cmocka_unit_test(a_letter_renews_its_papers),
		cmocka_unit_test(two_letters_of_one_id_renew_their_own),
		cmocka_unit_test(what_is_due_goes_with_the_letter_and_comes_back),
	};

	return engines_run("ims_parts_papers", tests, N, N);
}
