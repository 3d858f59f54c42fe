/* ims_papers — seals, evidence and revocation lists of the IMS's store: how long they are kept, and who is charged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ims_share_scene.h"

/* -- sums ----------------------------------------------------------------------------------------- */

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

/* -- what is refused ------------------------------------------------------------------------------ */

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

/* -- revocation lists -------------------------------------------------------------------------------- */

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
	enum { N = 14 };
	const struct CMUnitTest tests[N] = {
		cmocka_unit_test(a_seal_is_kept_once_for_its_batch),
		cmocka_unit_test(a_seal_of_few_is_kept_with_each),
		cmocka_unit_test(a_domain_has_so_many_papers),
		cmocka_unit_test(evidence_is_charged_with_who_is_accepted),
		cmocka_unit_test(a_repeat_takes_no_share),
		cmocka_unit_test(evidence_is_charged_where_the_first_is_a_repeat),
		cmocka_unit_test(evidence_is_charged_while_it_is_kept),
		cmocka_unit_test(a_longer_promise_is_charged_for_what_is_kept),
		cmocka_unit_test(a_paper_that_another_cites_stays),
		cmocka_unit_test(one_issue_of_a_crl_serves_its_time),
		cmocka_unit_test(a_crl_that_serves_again_is_kept_for_longer),
		cmocka_unit_test(a_crl_that_lists_the_certificate_does_not_serve),
		cmocka_unit_test(a_crl_is_charged_to_who_brought_it),
		/* with a file */
		cmocka_unit_test(a_damaged_crl_serves_nobody),
	};

	return engines_run("ims_papers", tests, N - 1, N);
}
