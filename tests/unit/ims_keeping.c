/* ims_keeping — what the IMS's store keeps, and for how long: repeats, promises that move, evidence,
 * changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ims_store_scene.h"

/* -- repeats ------------------------------------------------------------------------------------------ */

static void
a_promise_that_moved_is_remembered(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = 10 * DAY };
	struct world w;

	(void)state;
	world_of(&w);
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	n.hold_s = 20 * DAY;
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	assert_int_equal(letter(&w, BOB, 1).hold_until_s, w.now_s + 20 * DAY);
	assert_int_equal(entries(&w, UNTIL), 1);
	sweep(&w, 11 * DAY);
	n.at_s = 11 * DAY;
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	n.hold_s = 15 * DAY; /* never to earlier */
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	assert_int_equal(letter(&w, BOB, 1).hold_until_s, w.now_s + 20 * DAY);
	sweep(&w, 21 * DAY);
	assert_int_equal(entries(&w, SEEN), 0);
	assert_int_equal(entries(&w, UNTIL), 0);
	assert_int_equal(entries(&w, NOTICE), 1);
	world_clear(&w);
}

/* Each recipient's memory moves with the promise, not only the first one's. */
static void
each_recipient_remembers(void **state)
{
	struct notification bob = { .number = 1, .to = BOB, .hold_s = 10 * DAY },
			    eve = { .number = 1, .to = EVE, .hold_s = 10 * DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, bob);
	accepts(&w, eve);
	bob.hold_s = eve.hold_s = 20 * DAY;
	assert_int_equal(accepts(&w, bob), NOTIFY_KNOWN);
	assert_int_equal(accepts(&w, eve), NOTIFY_KNOWN);
	sweep(&w, 11 * DAY);
	bob.at_s = eve.at_s = 11 * DAY;
	assert_int_equal(accepts(&w, eve), NOTIFY_KNOWN);
	assert_int_equal(accepts(&w, bob), NOTIFY_KNOWN);
	world_clear(&w);
}

/* We cut the promise to our limit: a repeat that comes late is known for some time after that. */
static void
a_cut_promise_is_known_for_a_while(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = 30 * DAY, .limit_s = 5 * DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	assert_int_equal(letter(&w, BOB, 1).hold_until_s, w.now_s + 5 * DAY);
	sweep(&w, 6 * DAY);
	n.at_s = 6 * DAY;
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	sweep(&w, 31 * DAY);
	assert_int_equal(entries(&w, SEEN), 0);
	world_clear(&w);
}

/* However long its sender promises to hold it: the entry goes about when the notice does. */
static void
nobody_is_remembered_for_ever(void **state)
{
	struct notification n = { .number = 1, .to = BOB, .hold_s = 10000 * DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, n);
	sweep(&w, LIMIT + IMS_SEEN_AFTER_S - DAY);
	assert_int_equal(entries(&w, SEEN), 1);
	sweep(&w, LIMIT + IMS_SEEN_AFTER_S + DAY);
	assert_int_equal(entries(&w, SEEN), 0);
	assert_int_equal(entries(&w, UNTIL), 0);
	world_clear(&w);
}

/* Told to one more, and for longer, after it was gone for the first. */
static void
what_is_promised_again_is_held_again(void **state)
{
	struct notification bob = { .number = 1, .to = BOB, .hold_s = 10 * DAY },
			    eve = { .number = 1, .to = EVE, .hold_s = 20 * DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, bob);
	assert_int_equal(lease(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(release(&w, MAILBOX_GONE, REFUSAL_gone), REFUSAL_NONE);
	assert_int_equal(letter(&w, BOB, 1).state, MAILBOX_GONE);
	assert_int_equal(accepts(&w, eve), NOTIFY_NOTICED);
	assert_int_equal(letter(&w, EVE, 1).state, MAILBOX_HELD);
	assert_int_equal(letter(&w, BOB, 1).hold_until_s, w.now_s + 20 * DAY);
	world_clear(&w);
}

/* However many come and are dropped: the memory of those whose promise ends first makes room. */
static void
what_is_remembered_has_a_cap(void **state)
{
	struct notification n = { .to = BOB };
	struct world w;

	(void)state;
	world_of(&w);
	ims_store_seen_max(w.store, 10);
	for (n.number = 1; n.number <= 25; n.number++) {
		n.hold_s = (100 - n.number) * DAY;
		assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
		assert_int_equal(drop(&w, BOB, n.number), REFUSAL_NONE);
		assert_int_equal(entries(&w, SEEN), n.number < 10 ? n.number : 10);
		assert_int_equal(entries(&w, SEEN_BY), entries(&w, SEEN));
	}
	n.number = 1;
	n.hold_s = 99 * DAY;
	assert_int_equal(accepts(&w, n), NOTIFY_KNOWN);
	n.number = 24;
	n.hold_s = 76 * DAY;
	assert_int_equal(accepts(&w, n), NOTIFY_NOTICED);
	assert_int_equal(entries(&w, SEEN), 10);
	world_clear(&w);
}

/* -- what goes with the last notice ---------------------------------------------------------------------- */

static void
evidence_goes_with_its_letter(void **state)
{
	struct notification one = { .number = 1, .to = BOB, .hold_s = DAY },
			    two = { .number = 2, .to = BOB, .hold_s = DAY };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, one);
	accepts(&w, two);
	assert_int_equal(entries(&w, EVIDENCE), 2);
	assert_int_equal(entries(&w, PAPER), 1); /* the chain; a seal of one statement is with it */
	one.hold_s = 2 * DAY;
	one.chain = "another";
	assert_int_equal(accepts(&w, one), NOTIFY_KNOWN);
	assert_int_equal(entries(&w, EVIDENCE), 3); /* both statements' */
	assert_int_equal(entries(&w, PAPER), 2);
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(entries(&w, EVIDENCE), 1);
	assert_int_equal(entries(&w, PAPER), 2); /* until their time */
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE);
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_no_such_number);
	assert_int_equal(entries(&w, NOTICE) + entries(&w, LETTER) + entries(&w, EVIDENCE) +
		entries(&w, DUE),
	    0);
	assert_int_equal(accepts(&w, two), NOTIFY_KNOWN); /* dropped is dropped */
	assert_int_equal(entries(&w, NOTICE), 0);
	world_clear(&w);
}

static unsigned char statement_of[DIGEST_BYTES];

static void
look_at_evidence(struct world *w, const struct ims_kept *k)
{
	digest_sha256(buf_span(&k->statement), statement_of);
	assert_true(span_eq(buf_span(&k->signature), SPAN_LIT("signature")));
	assert_true(span_eq(buf_span(&k->chain), SPAN_LIT("chain")));
	assert_true(span_eq(buf_span(&k->spf), SPAN_LIT("pass")));
	assert_string_equal(k->alg, "ecdsa-sha256");
	assert_string_equal(k->host, "192.0.2.1");
	assert_int_equal(k->received_s, w->now_s);
}

/* Each recipient's evidence is that of the statement by which he was told. */
static void
evidence_says_who_promised_what(void **state)
{
	struct notification bob = { .number = 1, .to = BOB, .hold_s = DAY },
			    eve = { .number = 1, .to = EVE, .hold_s = 2 * DAY };
	static const char *const users[] = { BOB, EVE };
	unsigned char digest[2][DIGEST_BYTES];
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, bob);
	accepts(&w, eve);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(evidence(&w, users[i], 1, look_at_evidence), REFUSAL_NONE);
		memcpy(digest[i], statement_of, DIGEST_BYTES);
		assert_int_equal(drop(&w, users[i], 1), REFUSAL_NONE);
		assert_int_equal(evidence(&w, users[i], 1, look_at_evidence),
		    REFUSAL_no_such_number);
	}
	assert_memory_not_equal(digest[0], digest[1], DIGEST_BYTES);
	world_clear(&w);
}

static void
tuesday(struct world *w, const struct ims_kept *k)
{
	(void)w;
	assert_true(span_eq(buf_span(&k->chain), SPAN_LIT("chain")));
	assert_true(span_eq(buf_span(&k->crls), SPAN_LIT("Tuesday's")));
}

static void
monday(struct world *w, const struct ims_kept *k)
{
	(void)w;
	assert_true(span_eq(buf_span(&k->crls), SPAN_LIT("Monday's")));
}

/* A CRL is stored once, however many chains need it, and goes with the last letter that rests on it. */
static void
crls_are_kept_with_evidence(void **state)
{
	struct notification one = { .number = 1, .to = BOB, .hold_s = DAY, .crl = "Monday's" },
			    two = { .number = 2,
				    .to = BOB,
				    .hold_s = DAY,
				    .crl = "Monday's",
				    .chain = "another" },
			    three = { .number = 3, .to = BOB, .hold_s = DAY, .crl = "Tuesday's" };
	struct world w;

	(void)state;
	world_of(&w);
	accepts(&w, one);
	accepts(&w, two);
	assert_int_equal(entries(&w, PAPER), 3); /* chains and a CRL */
	accepts(&w, three);
	assert_int_equal(entries(&w, PAPER), 4);
	assert_int_equal(evidence(&w, BOB, 3, tuesday), REFUSAL_NONE);
	/* The promise moves, and then again under another CRL. */
	three.hold_s = 2 * DAY;
	assert_int_equal(accepts(&w, three), NOTIFY_KNOWN);
	three.hold_s = 3 * DAY;
	three.crl = "Wednesday's";
	assert_int_equal(accepts(&w, three), NOTIFY_KNOWN);
	assert_int_equal(entries(&w, PAPER), 5);
	assert_int_equal(drop(&w, BOB, 3), REFUSAL_NONE);
	assert_int_equal(entries(&w, PAPER), 5); /* until their time */
	assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
	assert_int_equal(evidence(&w, BOB, 2, monday), REFUSAL_NONE);
	assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE);
	assert_int_equal(entries(&w, PAPER), 5);
	world_clear(&w);
}

static size_t most_papers, all_papers;
static struct ims_paper_is paper;

/* Before that of its statement, in the order of keys; each cites another paper. */
static void
put_evidence(struct kv_txn *t)
{
	for (uint64_t i = 1; i <= 3 * EVIDENCE_PAGE; i++) {
		struct ims_evidence_record r = { .n_papers = 1 };
		struct buf value = BUF_INIT;
		struct kv_key k = { .n = 0 };

		memcpy(r.paper[0], &i, sizeof i);
		ims_evidence_pack(&value, &r);
		kv_key_add_u8(&k, 'e');
		kv_key_add_hash(&k, SPAN_LIT("a.test"), PART_SHORT);
		kv_key_add_hash(&k, SPAN_LIT("b.test"), PART_SHORT);
		kv_key_add_u64(&k, i);
		kv_put(t, kv_key_span(&k), buf_span(&value));
		buf_clear(&value);
	}
}

static void
see_papers(struct kv_txn *t)
{
	unsigned char hash[DIGEST_BYTES];
	struct kv_key from = { .n = 0 }, next;
	struct buf digests = BUF_INIT;
	bool more;

	most_papers = all_papers = 0;
	digest_sha256(SPAN_LIT("a.test"), hash);
	do {
		more = ims_letter_papers(t, hash, &from, &next, &digests);
		from = next;
		all_papers += digests.len / DIGEST_BYTES;
		if (digests.len / DIGEST_BYTES > most_papers)
			most_papers = digests.len / DIGEST_BYTES;
	} while (more);
	buf_clear(&digests);
}

static void
see_paper(struct kv_txn *t)
{
	assert_true(ims_paper_is(t, &paper));
}

/* One look at all of them would hold up the loop. */
static void
a_letter_of_many_statements_renews_page_by_page(void **state)
{
	unsigned char digest[DIGEST_BYTES];
	struct world w;
	struct ulid id;

	(void)state;
	world_of(&w);
	id = id_of(&w, 1);
	accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = 80 * DAY });
	operate(&w, ims_part_letter(&id), put_evidence);
	operate(&w, ims_part_letter(&id), see_papers);
	assert_int_equal(most_papers, EVIDENCE_PAGE);
	assert_int_equal(all_papers, 3 * EVIDENCE_PAGE + 1);
	sweep(&w, 8 * DAY);
	digest_sha256(SPAN_LIT("chain"), digest);
	operate(&w, ims_part_paper(digest), see_paper);
	assert_true(paper.until_s >= w.now_s + 8 * DAY + PAPER_KEEP_S);
	world_clear(&w);
}

static void
damage_papers(struct world *w)
{
	uint64_t n = entries(w, PAPER);

	assert_true(n > 0);
	ims_store_close(&w->store);
	for (unsigned i = 0; i < n; i++)
		damage_at(w, PAPER, i);
	reopen(w);
}

/* Whether another domain brings it again, or nobody. */
static void
a_damaged_paper_is_not_paid_for_ever(void **state)
{
	struct world w;

	(void)state;
	for (int again = 0; again < 2; again++) {
		world_of(&w);
		accepts(&w, (struct notification) { .number = 1, .to = BOB, .hold_s = DAY });
		assert_int_equal(drop(&w, BOB, 1), REFUSAL_NONE);
		damage_papers(&w);
		if (again) {
			accepts(&w,
			    (struct notification) {
				.number = 2,
				.to = BOB,
				.hold_s = DAY,
				.domain = "c.test",
			    });
			assert_int_equal(drop(&w, BOB, 2), REFUSAL_NONE);
		}
		sweep(&w, 60 * DAY);
		assert_int_equal(share(&w, "a.test", NULL).octets, 0);
		assert_int_equal(share(&w, "c.test", NULL).octets, 0);
		assert_int_equal(counts(&w).papers, 0);
		assert_int_equal(entries(&w, PAPER) + entries(&w, PIECE), 0);
		world_clear(&w);
	}
}

int
main(void)
{
	enum { N = 11 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(a_promise_that_moved_is_remembered),
		cmocka_unit_test(each_recipient_remembers),
		cmocka_unit_test(a_cut_promise_is_known_for_a_while),
		cmocka_unit_test(nobody_is_remembered_for_ever),
		cmocka_unit_test(what_is_promised_again_is_held_again),
		cmocka_unit_test(what_is_remembered_has_a_cap),
		cmocka_unit_test(evidence_goes_with_its_letter),
		cmocka_unit_test(evidence_says_who_promised_what),
		cmocka_unit_test(crls_are_kept_with_evidence),
		cmocka_unit_test(a_letter_of_many_statements_renews_page_by_page),
		cmocka_unit_test(a_damaged_paper_is_not_paid_for_ever),
	};

	return engines_run("ims_keeping", tests, N - 1, N);
}
